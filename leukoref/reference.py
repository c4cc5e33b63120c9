"""Reference intervals: which one holds for a patient, and on which side of it a value lies."""

from __future__ import annotations

import math

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import high_side, low_side
from leukoref.knowledge.vocabulary import Finding, ReferenceInterval, age_in_years
from leukoref.known import Findings
from leukoref.patient import Patient


def positions(known: Findings, patient: Patient, base: Knowledge) -> None:
    """Whether a quantity lies under or over its reference interval, for rules that ask so."""
    for name in list(known.quantities):
        interval = interval_of(base.finding[name], patient, known)
        if interval is None:
            continue
        quantity = known.quantities[name]
        for side, limit in ((low_side(name), interval.low), (high_side(name), interval.high)):
            if limit is None:
                continue
            below = side == low_side(name)
            outside = quantity.high < limit if below else quantity.low > limit
            inside = quantity.low >= limit if below else quantity.high <= limit
            if outside or inside:
                known.presence[side] = outside


def interval_of(finding: Finding, patient: Patient, known: Findings) -> ReferenceInterval | None:
    """The interval for the patient's age, sex and Duffy status; first match wins. An interval that needs
    something unknown (age, sex) is passed over; without an age the adult one is used, as laboratories do."""
    adult = age_in_years("18 a")
    age = patient.age if patient.age is not None else adult
    for interval in finding.reference:
        start = age_in_years(interval.from_) if interval.from_ else 0.0
        end = age_in_years(interval.to) if interval.to else math.inf
        if not start <= age < end or (interval.sex and interval.sex != patient.sex):
            continue
        if interval.duffy_null is not None and known.presence.get("duffy_null", False) != interval.duffy_null:
            continue
        return interval
    return None
