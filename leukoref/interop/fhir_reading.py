"""What reading FHIR gives: a Patient, and an account in which every resource has its line."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from leukoref.interop.fhir_concepts import Concepts
from leukoref.interop.fhir_drugs import UNKNOWN_DRUG
from leukoref.interop.fhir_facts import Entry, Ledger, Outcome
from leukoref.interop.fhir_read import UNKNOWN_CODE
from leukoref.interop.fhir_settle import Settlement
from leukoref.patient import Patient


@dataclass(frozen=True, slots=True)
class UnrecognizedCode:
    """A code or text seen that the vocabulary does not have, and how often it came."""

    resource_type: str
    code: str
    text: str
    count: int


@dataclass(frozen=True)
class FhirReading:
    """A patient read from FHIR. ``entries`` accounts for each resource, ``unrecognized`` for codes without a place
    in the vocabulary, ``counts`` for (resource type, outcome, reason); nothing is dropped without a line in one."""

    patient: Patient
    subject: str
    entries: tuple[Entry, ...] = ()
    unrecognized: tuple[UnrecognizedCode, ...] = ()
    counts: Counter[tuple[str, Outcome, str]] = field(default_factory=Counter)
    warnings: tuple[str, ...] = ()

    @property
    def as_of(self) -> dt.datetime | None:
        return self.patient.as_of

    def references(self, finding: str) -> tuple[str, ...]:
        """The resources a finding was read from, by the finding's id."""
        return tuple(o.reference for o in self.patient.observations if o.finding == finding and o.reference)

    def outcome(self, reference: str) -> Entry | None:
        """What became of one resource (``Observation/123``)."""
        return next((entry for entry in self.entries if entry.reference == reference), None)

    def summary(self) -> dict[str, dict[str, int]]:
        """Resource type -> how many were used, not relevant, rejected."""
        return summary(self.counts)


def read_ledger(ledger: Ledger, known: Concepts, as_of: dt.datetime | None, subject: str) -> FhirReading:
    """The reading of a complete ledger: the patient as of a time, and the account."""
    patient = Settlement(ledger, known, as_of).patient()
    counts: Counter[tuple[str, Outcome, str]] = Counter(
        [(entry.resource_type, entry.outcome, entry.reason) for entry in ledger.entries.values()]
    )
    for (kind, reason), number in ledger.ignored.items():
        counts[kind, "not_relevant", reason] += number
    if not ledger.detailed:
        for (kind, _), number in ledger.unknown.items():
            reason = UNKNOWN_DRUG if kind.startswith("Medication") else UNKNOWN_CODE
            counts[kind, "not_relevant", reason] += number
    unknown = [
        UnrecognizedCode(kind, meaning.code, meaning.label, number)
        for (kind, meaning), number in (ledger.unknown + ledger.unknown_parts).items()
    ]
    return FhirReading(
        patient=patient,
        subject=subject,
        entries=tuple(ledger.entries.values()),
        unrecognized=tuple(sorted(unknown, key=lambda u: (-u.count, u.resource_type, u.code, u.text))),
        counts=counts,
        warnings=tuple(sorted(ledger.warnings)),
    )


def summary(counts: Counter[tuple[str, Outcome, str]]) -> dict[str, dict[str, int]]:
    """The account as a table: resource type -> used, not relevant, rejected."""
    table: dict[str, dict[str, int]] = {}
    for (kind, outcome, _), number in sorted(counts.items()):
        table.setdefault(kind, {"used": 0, "not_relevant": 0, "rejected": 0})[outcome] += number
    return table
