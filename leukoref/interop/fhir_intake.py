"""Takes FHIR resources in any order into one ledger a patient: which version counts, whose it is, who reads it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leukoref.interop import fhir_codes as codes
from leukoref.interop import fhir_times as times
from leukoref.interop.fhir_concepts import Concepts, Resource
from leukoref.interop.fhir_drugs import DrugReader
from leukoref.interop.fhir_facts import Ledger
from leukoref.interop.fhir_read import Handler, Reader, moment, written

SUPERSEDED = "superseded by a newer version"
MODIFIED = "a modifierExtension changes its meaning, and is not understood"
MALFORMED = "malformed: not the structure FHIR gives this resource"


class Intake:
    """The readers of one feed and what they share."""

    def __init__(self, concepts: Concepts, zone: dt.tzinfo = dt.UTC) -> None:
        self.concepts = concepts
        self.reader = Reader(concepts, zone)
        self.drugs = DrugReader(concepts, zone)
        self.zone = zone
        self.handlers: dict[str, Handler] = {
            "Observation": self.reader.observation,
            "Condition": self.reader.condition,
            "Procedure": self.reader.procedure,
            "FamilyMemberHistory": self.reader.family,
            "MedicationRequest": self.drugs.request,
            "MedicationStatement": self.drugs.statement,
            "MedicationUsage": self.drugs.statement,
            "MedicationAdministration": self.drugs.administration,
            "MedicationDispense": self.drugs.dispense,
            "Encounter": self._encounter,
        }

    def take(self, resource: Resource, kind: str, reference: str, ledger: Ledger) -> None:
        """Reads one resource into a ledger; an older version of one already read is left aside."""
        handler = self.handlers.get(kind)
        if handler is None:
            ledger.leave(reference, kind, codes.IGNORED_ON_PURPOSE.get(kind, f"{kind} is not read"))
            return
        if reference in ledger.entries:
            ledger.ignored[kind, SUPERSEDED] += 1
            if order_of(version_of(resource)) < order_of(ledger.version(reference)):
                return
            ledger.forget(reference)
        if resource.get("modifierExtension"):
            ledger.note(reference, "rejected", MODIFIED)
            return
        try:
            handler(resource, reference, ledger)
        except (AttributeError, TypeError, ValueError, KeyError, OverflowError):
            ledger.forget(reference)
            ledger.note(reference, "rejected", MALFORMED)
        if ledger.detailed:
            ledger.versions[reference] = version_of(resource)

    def keep_medication(self, resource: Resource, *references: str) -> None:
        """Files a Medication under the references that may point to it."""
        for reference in references:
            if reference:
                self.drugs.keep(reference, resource)

    def _encounter(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        """The class of an encounter names the setting, whose priors apply."""
        kinds = resource.get("class")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            codings = [kind, *(kind.get("coding") or ())] if type(kind) is dict else []
            setting = next((s for c in codings if (s := codes.SETTINGS.get(str(c.get("code"))))), None)
            if setting and resource.get("status") not in ("cancelled", "entered-in-error", "planned"):
                period = resource.get("period") or resource.get("actualPeriod")
                start = times.read_time(period.get("start"), self.zone) if type(period) is dict else None
                ledger.settings.append((start.at if start else None, setting))
        ledger.leave(reference, "Encounter", "gives the setting only")


def version_of(resource: Resource) -> tuple[str, str]:
    """The version of a resource as it states it: its number, and when it was written."""
    meta = resource.get("meta")
    return (str(meta.get("versionId") or "") if type(meta) is dict else "", written(resource))


def order_of(version: tuple[str, str]) -> tuple[float, float]:
    """Sort key of a version."""
    number = version[0]
    return (float(number) if number.isdecimal() and len(number) < 16 else 0.0, moment(version[1]))


def subject_of(resource: Resource) -> str:
    """The reference of whom the resource is about; empty when it does not say."""
    subject: Any = resource.get("subject") or resource.get("patient")
    if type(subject) is dict:
        reference = subject.get("reference")
        if type(reference) is str:
            return reference
    return ""
