"""FHIR resources as facts: what each states, its status, its time and unit; lenient in form, strict in meaning."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from leukoref.interop import fhir_codes as codes
from leukoref.interop import fhir_times as times
from leukoref.interop.fhir_concepts import Concepts, Meaning, Resource
from leukoref.interop.fhir_facts import Fact, Ledger, identifiers
from leukoref.interop.fhir_values import (
    codes_of,
    first_code,
    has_value,
    quantity_in,
    severities_of,
    side_of,
    state_of,
    unrelated,
)
from leukoref.knowledge.vocabulary import Finding, age_in_years

WHEN_EXTENSION = "urn:leukoref:when"  # our own writer marks an undated earlier finding with it


class RefusedError(Exception):
    """Why a resource cannot be used; becomes its reason in the account."""


class Reader:
    """Reads resources of one feed into ledgers. ``zone`` is where times without a zone are taken to be."""

    def __init__(self, concepts: Concepts, zone: dt.tzinfo = dt.UTC) -> None:
        self.concepts = concepts
        self.zone = zone

    # -- Observation ------------------------------------------------------------------------------------------

    def observation(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        meaning = self.concepts.meaning(resource.get("code"))
        components = resource.get("component")
        if not components and not meaning.age:
            self._single(meaning, resource, reference, ledger)
            return
        parts = [(meaning, resource)] if meaning.speaks else []
        if components:
            named = [(self.concepts.meaning(c.get("code")), c) for c in components if type(c) is dict]
            known = [(m, part) for m, part in named if m.speaks]
            ledger.unknown_parts.update(("Observation", m) for m, _ in named if not m.speaks)
            parts = known if known and not has_value(resource) else parts + known
        if not parts:
            self._unknown(meaning, reference, ledger)
            return
        facts: list[Fact] = []
        reasons: list[str] = []
        try:
            time = self._status_and_time(resource, ledger)
            for meaning, part in parts:
                facts += self._refusable(meaning, part, time, ledger, reasons)
        except RefusedError as refused:
            reasons.append(str(refused))
        if facts:
            self._stamp(facts, resource, reference, time)
            ledger.take(facts, resource.get("identifier"))
            ledger.note(reference, "used", "; ".join(reasons), tuple([fact.key for fact in facts]))
        elif reasons:
            self._void(resource, [m.key for m, _ in parts], ledger)
            ledger.note(reference, "rejected", "; ".join(dict.fromkeys(reasons)))
        else:
            ledger.note(reference, "used", "age") if meaning.age else self._unknown(meaning, reference, ledger)

    def _single(self, meaning: Meaning, resource: Resource, reference: str, ledger: Ledger) -> None:
        """An Observation without components, as nearly all are."""
        if not meaning.speaks:
            self._unknown(meaning, reference, ledger)
            return
        try:
            time = self._status_and_time(resource, ledger)
            facts = self._facts(meaning, resource)
        except RefusedError as refused:
            self._void(resource, [meaning.key], ledger)
            ledger.note(reference, "rejected", str(refused))
            return
        if not facts:
            self._unknown(meaning, reference, ledger)
            return
        self._stamp(facts, resource, reference, time)
        ledger.take(facts, resource.get("identifier"))
        ledger.note(reference, "used", "", tuple([fact.key for fact in facts]))

    def _refusable(
        self, meaning: Meaning, part: Resource, time: times.Time | None, ledger: Ledger, reasons: list[str]
    ) -> list[Fact]:
        """The facts of one part; a part that cannot be read refuses only itself."""
        if meaning.age:
            self._age(part, time, ledger)
            return []
        try:
            return self._facts(meaning, part)
        except RefusedError as refused:
            named = meaning.finding.name if meaning.finding is not None else meaning.label
            reasons.append(f"{named}: {refused}")
            return []

    def _status_and_time(self, resource: Resource, ledger: Ledger) -> times.Time | None:
        status = resource.get("status")
        if status not in codes.RESULT_RANK:
            raise RefusedError(codes.RESULT_REFUSED.get(str(status), "no status that FHIR knows"))
        if resource.get("focus"):
            raise RefusedError("is about something else than the patient (focus)")
        time = times.read_time(resource.get("effectiveDateTime"), self.zone)
        time = time or times.of_resource(resource, "effective", self.zone, "issued")
        if time is None:
            stated = [key for key in resource if key.startswith("effective")]
            if stated:
                raise RefusedError("its time cannot be read")
            return None
        if time.zone_assumed:
            ledger.warnings["a time without zone was read in the zone of the assessment"] = None
        return time

    @staticmethod
    def _stamp(facts: list[Fact], resource: Resource, reference: str, time: times.Time | None) -> None:
        rank, version = codes.RESULT_RANK[resource["status"]], written(resource)
        specimen = resource.get("specimen")
        sample = str(specimen.get("reference") or "") if type(specimen) is dict else ""
        earlier = "extension" in resource and _marked_earlier(resource)
        at, to_day = (time.at, time.to_day) if time is not None else (None, False)
        for fact in facts:
            fact.reference, fact.rank, fact.version = reference, rank, version
            fact.sample, fact.earlier, fact.time, fact.dated_to_day = sample, earlier, at, to_day

    def _facts(self, meaning: Meaning, part: Resource) -> list[Fact]:
        """The findings of an Observation or component. Raises RefusedError."""
        if meaning.problem:
            raise RefusedError(meaning.problem)
        absent = part.get("dataAbsentReason")
        if absent:
            if has_value(part):
                raise RefusedError("has a value and a reason for having none")
            raise RefusedError(f"no result: {first_code(absent) or 'reason not coded'}")
        if meaning.carrier and not meaning.key:
            meaning = self.concepts.meaning(part.get("valueCodeableConcept"))
            if not meaning.key or meaning.problem:
                return []
            if meaning.finding is not None and meaning.finding.kind == "quantity":
                raise RefusedError("names a measurement as its value")
            return [Fact(meaning.key, "", False, present=True)]
        finding = meaning.finding
        if finding is not None and finding.kind == "quantity":
            return self._quantity(finding, part, meaning.by_text)
        state = state_of(part)
        if state is None:
            raise RefusedError("its value says neither present nor absent")
        return [Fact(meaning.key, "", False, present=state)]

    def _quantity(self, finding: Finding, part: Resource, by_text: bool) -> list[Fact]:
        quantity = part.get("valueQuantity")
        if type(quantity) is dict:
            if by_text:
                finding = self.concepts.share(finding, quantity)
            return [self._measured(finding, quantity, part)]
        bounds = part.get("valueRange")
        if type(bounds) is dict:
            low, high = bounds.get("low"), bounds.get("high")
            facts = []
            if type(low) is dict:
                facts.append(self._measured(finding, {**low, "comparator": ">="}, part))
            if type(high) is dict:
                facts.append(self._measured(finding, {**high, "comparator": "<="}, part))
            if len(facts) == 2 and self._reversed(finding, low, high):
                raise RefusedError("a range whose low lies above its high")
            if facts:
                return facts
        if not has_value(part):
            return self._interpreted(finding, side_of(part.get("interpretation")))
        if type(part.get("valueString")) is str and (said := quantity_in(part["valueString"])) and said["unit"]:
            return [self._measured(finding, said, part)]
        if part.get("valueCodeableConcept") or part.get("valueString"):
            side = side_of(part.get("valueCodeableConcept") or {"text": part["valueString"]})
            if side:
                return self._interpreted(finding, side)
        kind = next(key for key in part if key.startswith("value") and part[key] is not None)[5:]
        raise RefusedError(f"{kind} where a quantity with its unit is expected")

    def _reversed(self, finding: Finding, low: Any, high: Any) -> bool:
        first, second = (self.concepts.unit(finding, limit) for limit in (low, high))
        if isinstance(first, str) or isinstance(second, str):
            return False
        return bool(low["value"] * first.slope + first.shift > high["value"] * second.slope + second.shift)

    def _measured(self, finding: Finding, quantity: Resource, part: Resource) -> Fact:
        value: Any = quantity.get("value")
        if type(value) not in (int, float) or not math.isfinite(value):
            raise RefusedError("no number in its quantity")
        reading = self.concepts.unit(finding, quantity)
        if isinstance(reading, str):
            raise RefusedError(reading)
        comparator = quantity.get("comparator") or None
        if comparator not in (None, "<", "<=", ">", ">="):
            raise RefusedError("a comparator that is not read")
        plausible, inside = finding.plausible, value * reading.slope + reading.shift
        if plausible is not None and not plausible.low <= inside <= plausible.high:
            inside = float(f"{inside:.12g}")  # a conversion may put a value on the limit a hair beyond it
            if not plausible.low <= inside <= plausible.high:
                raise RefusedError(f"outside the possible {plausible.low:g} to {plausible.high:g} {finding.unit}")
        if ranges := part.get("referenceRange"):
            self._check_ranges(finding, ranges, quantity, reading.slope)
        return Fact(finding.id, "", True, value=float(value), unit=reading.unit, comparator=comparator)

    def _check_ranges(self, finding: Finding, ranges: Any, quantity: Resource, slope: float) -> None:
        """A reference range is no evidence here, but its unit contradicting the value's is a sign of a misprint."""
        code, unit = quantity.get("code"), quantity.get("unit")
        for entry in ranges if type(ranges) is list else ():
            if type(entry) is not dict:
                continue
            for limit in (entry.get("low"), entry.get("high")):
                if type(limit) is not dict or (limit.get("unit") == unit and limit.get("code") == code):
                    continue
                if not limit.get("code") and not limit.get("unit"):
                    continue
                reading = self.concepts.unit(finding, limit)
                if not isinstance(reading, str) and abs(reading.slope - slope) > 1e-9 * abs(slope):
                    raise RefusedError("its unit differs from the unit of its reference range")

    def _interpreted(self, finding: Finding, side: str) -> list[Fact]:
        """Low, high or normal as the laboratory flagged it, where it sent no number. What is high is not low."""
        low, high = self.concepts.flagged(finding)
        named = {"low": low, "high": high}
        if not side or not (low or high):
            raise RefusedError("no value")
        return [Fact(name, "", False, present=side == which) for which, name in named.items() if name]

    def _age(self, part: Resource, time: times.Time | None, ledger: Ledger) -> None:
        quantity = part.get("valueQuantity")
        if type(quantity) is not dict or type(quantity.get("value")) not in (int, float):
            return
        unit = str(quantity.get("code") or quantity.get("unit") or "")
        if unit in ("a", "mo", "wk", "d", "h"):
            ledger.ages.append((time.at if time else None, age_in_years(f"{quantity['value']!r} {unit}")))

    # -- Condition, Procedure, FamilyMemberHistory ------------------------------------------------------------

    def condition(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        meaning = self.concepts.meaning(resource.get("code"))
        if not meaning.known:
            self._unknown(meaning, reference, ledger)
            return
        if "severity" in resource:
            meaning = self.concepts.graded(meaning, severities_of(resource["severity"]))
        verified = first_code(resource.get("verificationStatus"))
        if reason := meaning.problem or codes.CONDITION_REFUSED.get(verified):
            self._refuse(reason, meaning, resource, reference, ledger)
            return
        if meaning.finding is not None and meaning.finding.kind == "quantity":
            self._refuse("a measurement without its value", meaning, resource, reference, ledger)
            return
        clinical = first_code(resource.get("clinicalStatus"))
        onset = times.of_resource(resource, "onset", self.zone)
        recorded = times.of_resource(resource, "recorded", self.zone, "recordedDate", "assertedDate")
        over = times.of_resource(resource, "abatement", self.zone)
        abated = any(key.startswith("abatement") and resource[key] not in (None, False) for key in resource)
        ended = clinical in codes.CONDITION_OVER or (not clinical and abated)
        time = onset or recorded
        listed = clinical in codes.CONDITION_ACTIVE and "encounter-diagnosis" not in codes_of(resource.get("category"))
        fact = Fact(
            meaning.key, reference, False, present=verified != "refuted", earlier=ended and verified != "refuted",
            time=(recorded or onset or NO_TIME).at if time else None, windowed=not listed or verified == "refuted",
            version=written(resource), until=over.at if over and ended else None,
        )  # fmt: skip
        ledger.take([fact], resource.get("identifier"))
        ledger.note(reference, "used", "", (meaning.key,))

    def procedure(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        meaning = self.concepts.meaning(resource.get("code"))
        if not meaning.known:
            self._unknown(meaning, reference, ledger)
            return
        status = str(resource.get("status"))
        refused = meaning.problem or codes.PROCEDURE_REFUSED.get(status)
        if refused or status not in codes.PROCEDURE_DONE:
            self._refuse(refused or "no status that FHIR knows", meaning, resource, reference, ledger)
            return
        if meaning.finding is not None and meaning.finding.kind == "quantity":
            self._refuse("a measurement without its value", meaning, resource, reference, ledger)
            return
        time = times.of_resource(resource, "performed", self.zone)
        time = time or times.of_resource(resource, "occurrence", self.zone)  # R5
        fact = Fact(
            meaning.key, reference, False, present=True, time=time.at if time else None,
            version=written(resource),
        )  # fmt: skip
        ledger.take([fact], resource.get("identifier"))
        ledger.note(reference, "used", "", (meaning.key,))

    def family(self, resource: Resource, reference: str, ledger: Ledger) -> None:
        if resource.get("status") == "entered-in-error":
            ledger.note(reference, "rejected", "entered in error")
            return
        if unrelated(resource.get("relationship")):
            ledger.leave(reference, "FamilyMemberHistory", "of somebody who is no relative by blood")
            return
        found = []
        for condition in resource.get("condition") or ():
            if type(condition) is dict:
                meaning = self.concepts.meaning(condition.get("code"))
                if history := self.concepts.family_history(meaning):
                    found.append(history)
                else:
                    ledger.unknown_parts["FamilyMemberHistory", meaning] += 1
        if not found:
            ledger.note(reference, "not_relevant", "no condition of a relative that the vocabulary knows")
            return
        for key in dict.fromkeys(found):
            ledger.take([Fact(key, reference, False, present=True, windowed=False, version=written(resource))])
        ledger.note(reference, "used", "", tuple(dict.fromkeys(found)))

    # -- shared -----------------------------------------------------------------------------------------------

    def _refuse(self, reason: str, meaning: Meaning, resource: Resource, reference: str, ledger: Ledger) -> None:
        self._void(resource, [meaning.key], ledger)
        ledger.note(reference, "rejected", reason)

    def _void(self, resource: Resource, keys: list[str], ledger: Ledger) -> None:
        """A newer version that takes a result back also silences older ones of the same business identifier."""
        for identifier in identifiers(resource.get("identifier")):
            for key in keys:
                stamps = (written(resource), ledger.voided.get((identifier, key), ""))
                ledger.voided[identifier, key] = max(stamps, key=moment)

    @staticmethod
    def _unknown(meaning: Meaning, reference: str, ledger: Ledger) -> None:
        """A code the vocabulary does not have: listed once with how often it came, and no complaint."""
        kind = reference.partition("/")[0]
        ledger.unknown[kind, meaning] += 1
        if ledger.detailed:
            ledger.note(reference, "not_relevant", UNKNOWN_CODE)


UNKNOWN_CODE = "its code is not in the vocabulary"
NO_TIME = times.Time(dt.datetime.min.replace(tzinfo=dt.UTC))
Handler = Callable[[Resource, str, Ledger], None]


def written(resource: Resource) -> str:
    """When this version was written, as far as it says: meta.lastUpdated, else the time of issue."""
    meta = resource.get("meta")
    stamp = meta.get("lastUpdated") if type(meta) is dict else None
    return str(stamp or resource.get("issued") or "")


def moment(stamp: str) -> float:
    """A stamp of ``written`` as seconds; the start of time where there is none."""
    time = times.read_time(stamp)
    return time.at.timestamp() if time else 0.0


def _marked_earlier(resource: Resource) -> bool:
    found = resource.get("extension")
    return isinstance(found, list) and any(
        type(e) is dict and e.get("url") == WHEN_EXTENSION and e.get("valueCode") == "earlier" for e in found
    )
