"""Medication resources as doses: what was taken, from when to when; what was only ordered, planned or refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leukoref.interop import fhir_codes as codes
from leukoref.interop import fhir_times as times
from leukoref.interop.fhir_concepts import Concepts, Resource
from leukoref.interop.fhir_facts import Dose, Ledger, Refusal, local

_DAYS = {"d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25, "h": 1 / 24, "day": 1.0, "days": 1.0}
UNKNOWN_DRUG = "no drug of the table"


class DrugReader:
    """Reads the five medication resources. ``medications`` holds Medication resources by reference."""

    def __init__(self, concepts: Concepts, zone: dt.tzinfo = dt.UTC) -> None:
        self.concepts = concepts
        self.zone = zone
        self.medications: dict[str, Any] = {}

    def keep(self, reference: str, medication: Resource) -> None:
        """Files what a Medication resource is, under a reference that may point to it."""
        self.medications[reference] = self._substance(medication)

    def _substance(self, medication: Resource) -> Any:
        """The code of a Medication; where that is no drug of the table, its ingredients."""
        code = medication.get("code")
        if self.concepts.drugs(code):
            return code
        ingredients = medication.get("ingredient")
        found: dict[str, None] = {}
        for ingredient in ingredients if isinstance(ingredients, list) else ():
            if type(ingredient) is dict:
                item = ingredient.get("item")  # R5: a CodeableReference
                concept = item.get("concept") if type(item) is dict else ingredient.get("itemCodeableConcept")
                found |= dict.fromkeys(self.concepts.drugs(concept))
        return {"text": " / ".join(self.concepts.base.drug[drug].name for drug in found)} if found else code

    def request(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        drugs = self.named(resource, reference, ledger)
        if not drugs:
            return
        reason = codes.DRUG_REFUSED.get(str(resource.get("status"))) or codes.ORDER_ONLY_PLANNED.get(
            str(resource.get("intent"))
        )
        if resource.get("doNotPerform") is True:
            reason = "an order not to give it"
        if reason:
            ledger.note(reference, "rejected", reason)
            return
        start, stop, length = self._dosage(resource.get("dosageInstruction"))
        if type(whole := resource.get("effectiveDosePeriod")) is dict:  # R5
            start, stop = self._period(whole)
        dispense = resource.get("dispenseRequest")
        if type(dispense) is dict and length is None:
            repeats = dispense.get("numberOfRepeatsAllowed")
            supply = _days(dispense.get("expectedSupplyDuration"))
            length = supply * (1 + repeats) if supply and type(repeats) is int and 0 <= repeats < 100 else supply
        start = start or _at(times.read_time(resource.get("authoredOn"), self.zone))
        ended = resource.get("status") in codes.DRUG_ENDED
        if stop is None and ended and start and length:
            stop = start + dt.timedelta(days=length)
        self._take(Dose(drugs, reference, start, stop, ended=ended), ledger)

    def statement(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        drugs = self.named(resource, reference, ledger)
        if not drugs:
            return
        status = str(resource.get("status"))
        period = resource.get("effectivePeriod")
        start, stop = self._period(period) if type(period) is dict else (
            _at(times.read_time(resource.get("effectiveDateTime"), self.zone)), None
        )  # fmt: skip
        adherence = resource.get("adherence")
        refused = resource.get("taken") == "n" or (
            type(adherence) is dict and _coded(adherence.get("code")) in ("not-taking", "not-taken")
        )
        ended = status in codes.DRUG_ENDED or (
            type(adherence) is dict and _coded(adherence.get("code")).startswith(("stopped", "on-hold"))
        )
        if status == "not-taken" or refused:
            asserted = _at(times.read_time(resource.get("dateAsserted"), self.zone))
            ledger.refusals.append(Refusal(drugs, reference, start or asserted))
            ledger.note(reference, "rejected", "not taken")
        elif status in codes.DRUG_REFUSED:
            ledger.note(reference, "rejected", codes.DRUG_REFUSED[status])
        else:
            self._take(Dose(drugs, reference, start, stop, ended=ended), ledger)

    def administration(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        drugs = self.named(resource, reference, ledger)
        if not drugs:
            return
        if reason := codes.DRUG_REFUSED.get(str(resource.get("status"))):
            ledger.note(reference, "rejected", reason)
            return
        for stem in ("effective", "occurence", "occurrence"):  # R5 spells it with one r
            period = resource.get(f"{stem}Period")
            start, stop = self._period(period) if type(period) is dict else (None, None)
            start = start or _at(times.read_time(resource.get(f"{stem}DateTime"), self.zone))
            if start is not None:
                self._take(Dose(drugs, reference, start, stop or start, ended=True, given=True), ledger)
                return
        ledger.note(reference, "rejected", "no time at which it was given")

    def dispense(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        drugs = self.named(resource, reference, ledger)
        if not drugs:
            return
        if reason := codes.DRUG_REFUSED.get(str(resource.get("status"))):
            ledger.note(reference, "rejected", reason)
            return
        handed = times.read_time(resource.get("whenHandedOver"), self.zone) or times.read_time(
            resource.get("whenPrepared"), self.zone
        )
        supply = _days(resource.get("daysSupply"))
        stop = handed.at + dt.timedelta(days=supply) if handed and supply else None
        self._take(Dose(drugs, reference, _at(handed), stop, ended=stop is None, given=True), ledger)

    def _take(self, dose: Dose, ledger: Ledger) -> None:
        if dose.start and dose.stop and dose.stop < dose.start:
            ledger.note(dose.reference, "rejected", "ends before it starts")
            return
        ledger.doses.append(dose)
        ledger.note(dose.reference, "used", "", dose.drugs)

    def named(self, resource: Resource, reference: str, ledger: Ledger) -> tuple[str, ...]:
        """Known drugs of a medication resource; accounts for one without any."""
        concept = self._concept(resource)
        drugs = self.concepts.drugs(concept)
        if drugs:
            return drugs
        if concept is None:
            ledger.note(reference, "rejected", "its medication reference leads nowhere")
            return ()
        codings = concept.get("coding")
        coding = next((c for c in codings if type(c) is dict), {}) if isinstance(codings, list) else {}
        label = str(concept.get("text") or coding.get("display") or "")
        code = f"{coding.get('system') or ''}|{coding['code']}" if coding.get("code") else ""
        ledger.unknown[reference.partition("/")[0], self.concepts.unknown_drug(label, code)] += 1
        if ledger.detailed:
            ledger.note(reference, "not_relevant", UNKNOWN_DRUG)
        return ()

    def _concept(self, resource: Resource) -> Resource | None:
        concept = resource.get("medicationCodeableConcept")
        if type(concept) is dict:
            return concept
        pointer = resource.get("medicationReference")
        either = resource.get("medication")  # R5: a CodeableReference
        if type(either) is dict:
            if type(either.get("concept")) is dict:
                found: Resource = either["concept"]
                return found
            pointer = either.get("reference")
        if type(pointer) is not dict:
            return None
        target = str(pointer.get("reference") or "")
        if target.startswith("#"):
            for inner in resource.get("contained") or ():
                if type(inner) is dict and inner.get("id") == target[1:]:
                    inside = self._substance(inner)
                    return inside if type(inside) is dict else None
        found_at = self.medications.get(target) or self.medications.get(local(target))
        if type(found_at) is dict:
            return found_at
        return {"text": pointer["display"]} if isinstance(pointer.get("display"), str) else None

    def _dosage(self, instructions: Any) -> tuple[dt.datetime | None, dt.datetime | None, float | None]:
        """Start, stop and length in days as the dosage instructions bound them."""
        for instruction in instructions if isinstance(instructions, list) else ():
            timing = instruction.get("timing") if type(instruction) is dict else None
            repeat = timing.get("repeat") if type(timing) is dict else None
            if type(repeat) is not dict:
                continue
            period = repeat.get("boundsPeriod")
            if type(period) is dict:
                return (*self._period(period), None)
            if length := _days(repeat.get("boundsDuration")):
                return None, None, length
        return None, None, None

    def _period(self, period: Resource) -> tuple[dt.datetime | None, dt.datetime | None]:
        return _at(times.read_time(period.get("start"), self.zone)), _at(times.read_time(period.get("end"), self.zone))


def _at(time: times.Time | None) -> dt.datetime | None:
    return time.at if time else None


def _days(duration: Any) -> float | None:
    """A Duration in days; a bare quantity of a supply counts days."""
    if type(duration) is not dict or type(duration.get("value")) not in (int, float):
        return None
    days = float(duration["value"]) * _DAYS.get(str(duration.get("code") or duration.get("unit") or "d").lower(), 0.0)
    return days if 0 < days < 36_500 else None


def _coded(concept: Any) -> str:
    codings = concept.get("coding") if type(concept) is dict else None
    return next((str(c.get("code")) for c in codings if type(c) is dict), "") if isinstance(codings, list) else ""
