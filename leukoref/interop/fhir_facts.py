"""What one FHIR resource says, before the patient's whole record decides what of it counts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Literal, NamedTuple

from leukoref.interop.fhir_concepts import Meaning

Outcome = Literal["used", "not_relevant", "rejected"]


class Entry(NamedTuple):
    """What became of one resource. ``rejected``: the vocabulary knows it, but it cannot be used as it stands."""

    reference: str
    outcome: Outcome
    reason: str
    findings: tuple[str, ...] = ()

    @property
    def resource_type(self) -> str:
        return self.reference.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """A line or file of a bulk export that could not be read."""

    file: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


@dataclass(slots=True, eq=False)
class Fact:
    """One finding as a resource states it. ``key`` is the finding's id, or an HPO code or name that implies one."""

    key: str
    reference: str
    quantity: bool
    present: bool | None = None
    value: float = 0.0
    unit: str = ""
    comparator: str | None = None
    time: dt.datetime | None = None
    dated_to_day: bool = False
    windowed: bool = True
    earlier: bool = False
    rank: int = 1
    sample: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    version: str = ""
    until: dt.datetime | None = None


@dataclass(slots=True, eq=False)
class Dose:
    """One record of a drug: from when to when, as far as it says; ``ended`` where it is over, even if nobody says since
    when. ``given`` marks doses seen given or handed over."""

    drugs: tuple[str, ...]
    reference: str
    start: dt.datetime | None = None
    stop: dt.datetime | None = None
    ended: bool = False
    given: bool = False


class Refusal(NamedTuple):
    """A drug said not to be taken, which overrules orders for it made before."""

    drugs: tuple[str, ...]
    reference: str
    time: dt.datetime | None


@dataclass(slots=True, eq=False)
class Ledger:
    """Everything read of one patient so far, and the account of every resource.

    With ``detailed`` every resource has its entry; without, those of no relevance are counted only, so that a bulk
    export of millions of vital signs fits in memory. ``unknown`` counts resources by their unknown code,
    ``unknown_parts`` the unknown codes within resources.
    """

    detailed: bool = True
    patient: dict[str, object] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    doses: list[Dose] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    voided: dict[tuple[tuple[str, str], str], str] = field(default_factory=dict)
    ignored: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: Counter[tuple[str, Meaning]] = field(default_factory=Counter)
    unknown_parts: Counter[tuple[str, Meaning]] = field(default_factory=Counter)
    warnings: dict[str, None] = field(default_factory=dict)
    ages: list[tuple[dt.datetime | None, float]] = field(default_factory=list)
    settings: list[tuple[dt.datetime | None, str]] = field(default_factory=list)
    repeated: bool = False
    marks: set[str] = field(default_factory=set)

    def take(self, facts: list[Fact], stated: Any = None) -> None:
        """Takes what one resource states, and sees while it is at hand whether its business identifier may have come
        before; ``Settlement`` looks thoroughly then."""
        named = identifiers(stated) if stated is not None else ()
        for fact in facts:
            fact.identifiers = named
        self.facts += facts
        for _, value in named:
            if value in self.marks:
                self.repeated = True
            self.marks.add(value)

    def note(self, reference: str, outcome: Outcome, reason: str, findings: tuple[str, ...] = ()) -> None:
        self.entries[reference] = Entry(reference, outcome, reason, findings)

    def decide(self, reference: str, outcome: Outcome, reason: str) -> None:
        """What became in the end of a resource that had been taken."""
        if self.detailed or outcome != "not_relevant":
            self.note(reference, outcome, reason, self.entries[reference].findings)
        else:
            self.ignored[self.entries.pop(reference).resource_type, reason] += 1

    def leave(self, reference: str, kind: str, reason: str) -> None:
        """A resource of no relevance."""
        if self.detailed:
            self.note(reference, "not_relevant", reason)
        else:
            self.ignored[kind, reason] += 1

    def version(self, reference: str) -> tuple[str, str]:
        """Number and stamp of the version read; a bulk export has one version of each, so only stamps are kept."""
        stamps = (fact.version for fact in self.facts if fact.reference == reference)
        return self.versions.get(reference) or ("", next(stamps, ""))

    def forget(self, reference: str) -> None:
        """Drops what an older version of a resource said."""
        self.facts = [fact for fact in self.facts if fact.reference != reference]
        self.doses = [dose for dose in self.doses if dose.reference != reference]
        self.refusals = [refusal for refusal in self.refusals if refusal.reference != reference]
        self.entries.pop(reference, None)


def local(reference: str) -> str:
    """``Type/id`` of a reference, without server address and version; a urn stays as it is."""
    if reference.startswith("urn:"):
        return reference
    parts = reference.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


def identifiers(stated: Any) -> tuple[tuple[str, str], ...]:
    """The business identifiers in a list of Identifiers as (system, value)."""
    if type(stated) is not list:
        return ()
    found = []
    for one in stated:
        if type(one) is dict and type(value := one.get("value")) is str and value:
            system = one.get("system")
            found.append((intern(system) if type(system) is str else "", value))
    return tuple(found)
