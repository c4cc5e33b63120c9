"""Findings that depend on time: what is newest, how long a count has been low, when a drug was started.

Windows come from `rules/` (`weighing.yaml`, drug latencies); this module only measures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby, pairwise, takewhile
from statistics import median

from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.drug import Drug, Latency
from leukoref.known import OPEN_ABOVE, Exposure, Findings, Measured, Quantity, Timing
from leukoref.meaning import not_understood
from leukoref.patient import Medication, Observation, Patient, utc
from leukoref.reading.medications import Said, near, said_of
from leukoref.reference import interval_of

SECONDS_PER_DAY = 86_400


def check_time(time: dt.datetime | None, as_of: dt.datetime | None, where: str) -> None:
    """Raises InputError for an observation made after the time of the assessment."""
    if time is not None and as_of is not None and utc(time) > utc(as_of):
        raise InputError(where, "lies after the time of the assessment", "correct time or as_of")


def recency(observation: Observation) -> float:
    """Sort key: the smaller, the newer. An undated current value counts as the newest."""
    if observation.days_before is not None:
        return observation.days_before
    if observation.time is not None:
        return -utc(observation.time).timestamp() / SECONDS_PER_DAY
    return -1e9


def durations(known: Findings, series: Measured, patient: Patient, base: Knowledge) -> None:
    """Adds how long the count has been low, and the length of its cycle, where dated counts tell."""
    for measured, duration_finding in base.duration_findings.items():
        if measured not in base.finding or duration_finding not in base.finding:
            continue
        interval = interval_of(base.finding[measured], patient, known)
        limit = interval.low if interval else None
        dated = _dated(series.get(measured, ()), patient)
        if limit is None or len(dated) < 2 or duration_finding in known.quantities:
            continue
        least, most = _low_run(dated, limit)
        if least > 0:
            text = f"{least:.0f} to {most:.0f} d" if most < OPEN_ABOVE else f"at least {least:.0f} d"
            known.quantities[duration_finding] = Quantity(least, most, f"{text} (from dated counts)")
    _cycle(known, series, patient, base)


def earlier_counts(known: Findings, series: Measured, patient: Patient, base: Knowledge) -> None:
    """What counts from before this illness say of its course: low ones, or, where none was low, normal ones."""
    low, normal = {}, {}
    for count, meant in base.told_when_low.items():
        before = [value for said, value in series.get(count, ()) if _before_illness(said, patient, base)]
        finding = base.finding[count]
        interval = interval_of(finding, patient, known) if before else None
        if interval is None or interval.low is None:
            continue
        for value in before:
            text = f"{finding.name} {value.text}"
            if value.high < interval.low:
                low.update(dict.fromkeys(base.lasting([meant]), text))
            elif value.low >= interval.low and value.high <= (interval.high or OPEN_ABOVE):
                normal.update(dict.fromkeys(base.spared([meant]), text))
    for name, text in (low or normal).items():
        known.presence.setdefault(name, True)
        known.labels.setdefault(name, f"{base.finding[name].name} ({text} earlier)")


def _before_illness(observation: Observation, patient: Patient, base: Knowledge) -> bool:
    """Whether a value called earlier is of the time before this illness: where it is dated, that long ago."""
    day = _day(observation, patient)
    return observation.when == "earlier" and (day is None or -day >= base.parameter("before_illness"))


def _dated(values: Iterable[tuple[Observation, Quantity]], patient: Patient) -> list[tuple[float, float]]:
    """The day of each dated value, and the highest it may be; the oldest first."""
    placed = ((_day(observation, patient), value.high) for observation, value in values)
    return sorted((day, high) for day, high in placed if day is not None)


def _day(observation: Observation, patient: Patient) -> float | None:
    """Days on one axis, larger is later; None if it cannot be placed. A current value without a date is of today, as
    far as it is known when that is."""
    if observation.days_before is not None:
        return -observation.days_before
    if observation.time is None:
        of_today = observation.when == "now" and (patient.as_of or not any(o.time for o in patient.observations))
        return 0.0 if of_today else None
    anchor = utc(patient.as_of).timestamp() if patient.as_of else 0.0
    return (utc(observation.time).timestamp() - anchor) / SECONDS_PER_DAY


def _low_run(dated: list[tuple[float, float]], limit: float) -> tuple[float, float]:
    """The days that the unbroken low values which end a series span, and the most that it can have been low: since the
    value before them."""
    run = list(takewhile(lambda value: value[1] < limit, reversed(dated)))
    if not run:
        return 0.0, 0.0
    before = dated[-len(run) - 1 : -len(run)]
    return run[0][0] - run[-1][0], run[0][0] - before[0][0] if before else OPEN_ABOVE


def _cycle(known: Findings, series: Measured, patient: Patient, base: Knowledge) -> None:
    """The median distance of the troughs of the neutrophil count, between which it is normal, if they are enough and
    come evenly (`cycle` of the weighing). Under a treatment that lowers the count by itself nothing is said."""
    name = base.duration_findings.get("cycle", "")
    treated = any(known.presence.get(treatment) for treatment in base.parameter("unforgettable"))
    interval = interval_of(base.finding["anc"], patient, known) if name in base.finding else None
    if interval is None or interval.low is None or name in known.quantities or treated:
        return
    troughs = _troughs(_dated(series.get("anc", ()), patient), interval.low)
    distances = [later - earlier for earlier, later in pairwise(troughs)]
    wanted = base.parameter("cycle")
    if len(troughs) >= wanted["troughs"] and max(distances) <= min(distances) * wanted["longest_to_shortest"]:
        length = median(distances)
        known.quantities[name] = Quantity(length, length, f"{length:.0f} d (from dated counts)")


def _troughs(points: list[tuple[float, float]], limit: float) -> list[float]:
    """The days of the lowest counts of each run below ``limit``."""
    runs = (list(run) for low, run in groupby(points, lambda point: point[1] < limit) if low)
    return [min(run, key=lambda point: point[1])[0] for run in runs]


def exposures(known: Findings, patient: Patient, base: Knowledge) -> list[Exposure]:
    """Every recognised drug with its timing; sets the findings that the drug stands for."""
    found: list[Exposure] = []
    for position, medication in enumerate(patient.medications):
        said = _said(medication, base)
        if not said.drugs:
            known.unrecognized.append({"medication": medication.name, "suggestions": near(medication.name, base)})
            continue
        known.recognised += 1
        if said.unread:
            known.warnings.append(f"{medication.name}: {not_understood(said.unread)}")
        started = _days(medication.days_before, medication.start, patient, position, said.started)
        stopped = _days(medication.stopped_days_before, medication.stop, patient, position, said.stopped)
        if said.ended and stopped is None:
            drugs = ", ".join(drug.name for drug in said.drugs)
            known.warnings.append(f"{drugs}: said to have ended, but not when; nothing is concluded from it")
            continue
        for drug in said.drugs:
            exposure = _exposure(drug, started, stopped, base)
            found.append(exposure)
            if exposure.timing == "stopped_long_before":
                known.warnings.append(f"{drug.name}: stopped {stopped:g} days before, too long ago to count as taken")
            elif exposure.timing == "started_after":
                known.warnings.append(f"{drug.name}: started after the low count, so it is not its cause")
            for finding in exposure.findings:
                if finding in base.finding and finding not in known.presence:
                    known.presence[finding] = True
                    known.labels[finding] = f"{base.finding[finding].name} ({drug.name})"
                if medication.reference:
                    known.references.setdefault(finding, []).append(medication.reference)
    return found


def _said(medication: Medication, base: Knowledge) -> Said:
    """The drug of a code, else what the name says."""
    code = (medication.code or "").strip()
    coded = (base.drug_codes.get(candidate) for candidate in (code, f"RXNORM:{code}", f"ATC:{code}") if code)
    drug = next(filter(None, coded), None)
    return Said([base.drug[drug]]) if drug else said_of(medication.name, base)


def _days(
    relative: float | None, absolute: dt.datetime | None, patient: Patient, position: int, told: float | None
) -> float | None:
    """Days before now: as given, by the date, else as the name tells."""
    if relative is not None:
        return relative
    if absolute is None:
        return told
    if patient.as_of is None:
        raise InputError(f"medications.{position}", "has a date, but the patient has no as_of", "give as_of")
    return (utc(patient.as_of) - utc(absolute)).total_seconds() / SECONDS_PER_DAY


def _exposure(drug: Drug, started: float | None, stopped: float | None, base: Knowledge) -> Exposure:
    own = next((entry for entry in drug.latencies if entry.to_days is not None), None)
    if started is not None and started < 0:
        return Exposure(drug, "started_after", started, own, ())
    windows = base.parameter("exposure_windows")
    limits = {finding: windows.get(finding, windows["otherwise"]) for finding in drug.exposures}
    gone = [finding for finding, limit in limits.items() if stopped is not None and stopped > limit]
    current = [finding for finding in drug.exposures if finding not in gone]
    past = [finding for finding in base.lasting(gone) if finding not in gone]
    timing = "stopped_long_before" if gone else _timing(drug, own, started, base)
    return Exposure(drug, timing, started, own, tuple(dict.fromkeys((*current, *past))))


def _timing(drug: Drug, own: Latency | None, started: float | None, base: Knowledge) -> Timing:
    """How the start fits the latency. For a culprit without a published one of its own the typical latency of
    idiosyncratic reactions speaks where it fits, and not against it: it is no limit."""
    culprit = base.parameter("culprit_finding") in drug.exposures and drug.mechanism != "dose_related"
    latency = own or (base.default_latency if culprit else None)
    if started is None or latency is None or latency.to_days is None:
        return "unknown"
    if (latency.from_days or 0) <= started <= latency.to_days:
        return "in_window"
    return "outside_window" if own else "unknown"
