"""An EHR-side integration in miniature: laboratory rows in, a message for the clinician's inbox out.

The rows have the shape of this imaginary record system; `leukoref` is called with what they say and
nothing else. The message never names a cause without saying how good the evidence is, never hides a red
flag, and says what of the record was not understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import leukoref

SHOWN = 3


@dataclass(frozen=True)
class Message:
    """What arrives in the inbox; ``urgent`` decides whether somebody is paged."""

    subject: str
    lines: tuple[str, ...]
    urgent: bool


def patient_from_rows(
    rows: Iterable[Mapping[str, Any]], *, age: str | None = None, sex: str | None = None,
    drugs: Iterable[Mapping[str, Any]] = (),
) -> leukoref.Patient:  # fmt: skip
    """Rows of ``{"test", "result", "unit"}`` (or ``"result": "POS" | "NEG"``) as a patient.

    Raises leukoref.InputError naming the field when a row cannot be read as meant.
    """
    observations = []
    for row in rows:
        if row["result"] in ("POS", "NEG"):
            observations.append({"finding": row["test"], "present": row["result"] == "POS"})
        else:
            observations.append({"finding": row["test"], "value": float(row["result"]), "unit": row["unit"]})
    medications = [{"name": drug["drug"], "days_before": drug.get("started_days_ago")} for drug in drugs]
    return leukoref.Patient.parse({"age": age, "sex": sex, "observations": observations, "medications": medications})


def message(patient: leukoref.Patient) -> Message | None:
    """The message for a patient, or None when there is nothing to say."""
    answer = leukoref.assess(patient)
    if answer.status == "insufficient_data" and not answer.red_flags:
        return None
    if answer.status == "no_leukopenia" and not answer.red_flags:
        return None
    lines = [f"URGENT {flag.name}: {flag.action}" for flag in answer.red_flags]
    for candidate in answer.candidates[:SHOWN]:
        lines.append(f"{candidate.rank}. {candidate.name}: {candidate.band}, {candidate.sourced_share:.0%} sourced")
    lines += [f"Not understood: {entry.get('finding') or entry.get('medication')}" for entry in answer.unrecognized]
    lines += [notice.text for notice in answer.disclaimers]
    return Message("Low white cell count", tuple(lines), urgent=bool(answer.red_flags))
