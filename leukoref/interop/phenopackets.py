"""GA4GH phenopackets v2 in and out: a packet's features, measurements and treatments as a Patient with an account.

Each element is put as the FHIR resource that says the same and read by the one reader of those.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from leukoref.errors import InputError
from leukoref.interop.fhir_codes import UCUM, URIS
from leukoref.interop.fhir_concepts import Concepts, concepts
from leukoref.interop.fhir_facts import Ledger
from leukoref.interop.fhir_intake import Intake
from leukoref.interop.fhir_read import WHEN_EXTENSION
from leukoref.interop.fhir_reading import FhirReading, read_ledger
from leukoref.interop.fhir_times import read_time
from leukoref.interop.fhir_values import severities_of
from leukoref.interop.phenopackets_write import to_phenopacket
from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.vocabulary import DAYS_PER_YEAR
from leukoref.matching import match_code
from leukoref.patient import parse_json, read_json

Element = dict[str, Any]
Part = tuple[Element, str, str]  # resource, its FHIR type, where it stands in the packet

SEX = {"FEMALE": "female", "MALE": "male", "UNKNOWN_SEX": "unknown", "OTHER_SEX": "unknown"}
SEX_NUMBERS = ("UNKNOWN_SEX", "FEMALE", "MALE", "OTHER_SEX")
PREFIXES = {"SNOMEDCT": "SNOMED", "SCTID": "SNOMED", "LNC": "LOINC", "ICD10": "ICD10CM", "RXCUI": "RXNORM"}
STATES = {"NCIT:C25626": True, "NCIT:C48190": False, "NCIT:C38758": True, "NCIT:C38757": False,
          "PATO:0000467": True, "PATO:0000462": False}  # fmt: skip
LATER = "later than the last encounter"
EARLIER = [{"url": WHEN_EXTENSION, "valueCode": "earlier"}]
NOT_READ = {
    "diseases": "a diagnosis is the answer, not a finding",
    "interpretations": "a genomic interpretation is the answer, not a finding",
    "biosamples": "what is found in a sample is not read",
    "files": "files are not opened",
}
_DURATION = re.compile(
    r"^P(?:([\d.]+)Y)?(?:([\d.]+)M)?(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:[\d.]+M)?(?:[\d.]+S)?)?$"
)
_IN_DAYS = (DAYS_PER_YEAR, DAYS_PER_YEAR / 12, 7.0, 1.0, 1 / 24)


def patient_from_phenopacket(
    packet: Any, *, as_of: dt.datetime | None = None, base: Knowledge | None = None
) -> FhirReading:
    """A Patient from one phenopacket v2: JSON (parsed or as text), a protobuf message, or the path of a JSON file.

    ``as_of`` is the time of the assessment; by default the subject's last encounter, where it is a date. Raises
    InputError for what is no phenopacket of version 2; an element that cannot be read only loses itself.
    """
    content = _checked(packet)
    known = concepts(base or load_knowledge())
    as_of = as_of.replace(tzinfo=dt.UTC) if as_of is not None and as_of.tzinfo is None else as_of
    subject = _object(content.get("subject"))
    encounter = _object(subject.get("timeAtLastEncounter"))
    born = read_time(subject.get("dateOfBirth"))
    chosen = as_of or _moment(encounter, born.at if born else None)
    ledger = Ledger()
    _person(subject, encounter, ledger, dated=as_of is not None or "timestamp" in encounter)
    age = _age_in_days(encounter)
    if born is None and chosen is not None and age is not None:  # an age at a known time dates every other age
        began: dt.datetime | None = chosen - dt.timedelta(days=age)
    else:
        began = born.at if born else None
    packet_reader = _Packet(known, began, chosen, _age_span(encounter))
    intake = Intake(known, chosen.tzinfo if chosen is not None and chosen.tzinfo else dt.UTC)
    for name, reason in NOT_READ.items():
        for position, _ in enumerate(_elements(content, name)):
            ledger.note(f"{name}/{position}", "not_relevant", reason)
    for resource, kind, reference in packet_reader.parts(content):
        if kind:
            intake.take(resource, kind, reference, ledger)
        else:
            ledger.note(reference, *resource["fate"])
    return read_ledger(ledger, known, chosen, str(subject.get("id") or content.get("id") or ""))


class _Packet:
    """The elements of one packet as FHIR resources. ``born`` turns ages into dates, where it is known; where it is not,
    they are before, at or after ``age``, that of the encounter."""

    def __init__(
        self, known: Concepts, born: dt.datetime | None, as_of: dt.datetime | None, age: tuple[float, float] | None
    ) -> None:
        self.concepts, self.base, self.born, self.as_of, self.age = known, known.base, born, as_of, age
        self.stated: set[str] = set()

    def parts(self, content: Element) -> Iterator[Part]:
        for feature in _elements(content, "phenotypicFeatures"):
            match = match_code(str(_object(_object(feature).get("type")).get("id") or ""), self.base)
            self.stated |= {match.finding or "", *match.implied} if match else set()
        for name, read in (
            ("phenotypicFeatures", self._feature),
            ("measurements", self._measurement),
            ("medicalActions", self._action),
        ):
            for position, element in enumerate(_elements(content, name)):
                reference = f"{name}/{position}"
                if type(element) is dict:
                    yield read(element, reference)
                else:
                    yield _refused("rejected", "malformed: not the structure phenopackets give this element", reference)

    def _feature(self, feature: Element, reference: str) -> Part:
        """A feature holds at the encounter, whenever it began; a resolved one is history."""
        excluded = feature.get("excluded", False)
        if "negated" in feature or type(excluded) is not bool:
            return _refused("rejected", "says neither present nor excluded as version 2 does", reference)
        term = _object(feature.get("type"))
        graded = self._graded(term, feature)
        if excluded and feature.get("severity") and graded is None:
            return _refused("not_relevant", "excluded in a degree the vocabulary does not tell", reference)
        resource: Element = {"status": "final", "code": graded or _concept(term), "valueBoolean": not excluded}
        if self._beside(feature.get("onset")) == 1 and not excluded:
            return _refused("not_relevant", LATER, reference)
        onset = self._at(feature.get("onset"))
        if onset is not None and self.as_of is not None and onset > self.as_of:
            resource["effectiveDateTime"] = onset.isoformat()
        elif self.as_of is not None:
            resource["effectiveDateTime"] = self.as_of.isoformat()
        if feature.get("resolution") and not excluded:
            resource["extension"] = EARLIER
        below = self._below(str(term.get("id") or "")) if excluded and graded is None else []
        if below:
            del resource["valueBoolean"]
            own = [resource["code"]] if term["id"] in self.base.finding_codes else []
            named = own + [_concept({"id": code}) for code in below]
            resource["component"] = [{"code": concept, "valueBoolean": False} for concept in named]
        return resource, "Observation", reference

    def _graded(self, term: Element, feature: Element) -> Element | None:
        """The concept of a feature in the degree given for it, where the vocabulary tells degrees."""
        plain = self.concepts.meaning(_concept(term))
        graded = self.concepts.graded(plain, severities_of(_concept(_object(feature.get("severity")))))
        return {"text": graded.finding.name} if graded.finding and graded is not plain else None

    def _below(self, code: str) -> list[str]:
        """Who excludes a term excludes every finding below it, unless the packet itself speaks of that finding."""
        codes = self.base.finding_codes
        return sorted(c for c in codes if code in _above(c) and codes[c] not in self.stated)

    def _measurement(self, measurement: Element, reference: str) -> Part:
        resource: Element = {"status": "final", "code": _concept(_object(measurement.get("assay")))}
        observed = measurement.get("timeObserved")
        at = self._at(observed)
        if at is not None:
            resource["effectiveDateTime"] = at.isoformat()
        elif observed and (beside := self._beside(observed)) is None:
            return _refused("rejected", "its time cannot be dated", reference)
        elif observed and beside == 1:
            return _refused("not_relevant", LATER, reference)
        elif observed and beside == -1:
            resource["extension"] = EARLIER
        value = _object(measurement.get("value"))
        quantity, word = _object(value.get("quantity")), _object(value.get("ontologyClass"))
        if quantity:
            unit = _unit(quantity.get("unit"))
            # protobuf leaves zeros out of JSON
            resource["valueQuantity"] = {"value": quantity.get("value", 0), **unit}
            reference_range = _object(quantity.get("referenceRange"))
            if reference_range:
                limit = _unit(reference_range.get("unit"))
                resource["referenceRange"] = [
                    {side: {"value": reference_range.get(side, 0), **limit} for side in ("low", "high")}
                ]
        elif word:
            state = STATES.get(str(word.get("id")))
            known = {"valueString": str(word.get("label") or "")} if state is None else {"valueBoolean": state}
            resource |= known
        elif measurement.get("complexValue"):
            return _refused("rejected", "a complex value is not read", reference)
        return resource, "Observation", reference

    def _action(self, action: Element, reference: str) -> Part:
        if treatment := _object(action.get("treatment")):
            return self._treatment(treatment, reference)
        if procedure := _object(action.get("procedure")):
            resource = {"status": "completed", "code": _concept(_object(procedure.get("code")))}
            if (at := self._at(procedure.get("performed"))) is not None:
                resource["performedDateTime"] = at.isoformat()
            return resource, "Procedure", reference
        if _object(action.get("radiationTherapy")):
            return {"status": "completed", "code": {"text": "radiotherapy"}}, "Procedure", reference
        return _refused("not_relevant", "a regimen names no drug", reference)

    def _treatment(self, treatment: Element, reference: str) -> Part:
        resource: Element = {"medicationCodeableConcept": _concept(_object(treatment.get("agent")))}
        starts, stops = [], []
        for dose in _elements(treatment, "doseIntervals"):
            interval = _object(_object(dose).get("interval"))
            starts.append(self._at({"timestamp": interval.get("start")}))
            stops.append(self._at({"timestamp": interval.get("end")}))
        period = {
            name: moment.isoformat()
            for name, moment in (
                ("start", min(filter(None, starts), default=None)),
                ("end", None if None in stops else max(filter(None, stops), default=None)),
            )
            if moment is not None
        }
        resource["status"] = "stopped" if "end" in period else "active"
        return (resource | ({"effectivePeriod": period} if period else {})), "MedicationStatement", reference

    def _beside(self, element: Any) -> int | None:
        """-1, 0 or 1: an age before, at or after that of the encounter, as exact as both are given; else None."""
        age = _age_span(_object(element))
        if age is None or self.age is None:
            return None
        return int(age[0] >= self.age[1]) - int(age[1] <= self.age[0])

    def _at(self, element: Any) -> dt.datetime | None:
        at = _moment(_object(element), self.born)
        if at is not None and self.as_of is not None and at > self.as_of and self._beside(element) == 0:
            return self.as_of  # at the encounter, whose age is given in whole years or months
        return at


def _checked(packet: Any) -> Element:
    """The packet as JSON with the field names of the standard's JSON form."""
    if isinstance(packet, str) and packet.lstrip().startswith(("{", "[")):
        packet = parse_json(packet.encode(), "phenopacket")
    elif isinstance(packet, (str, Path)):
        packet = read_json(packet)
    if hasattr(packet, "DESCRIPTOR"):
        from google.protobuf.json_format import MessageToDict

        packet = MessageToDict(packet)
    try:
        content = _camel(packet)
    except RecursionError:
        raise InputError("phenopacket", "is nested too deep", "hand in one phenopacket") from None
    if type(content) is not dict or not ({"subject", "phenotypicFeatures", "measurements"} & set(content)):
        if type(content) is dict and {"proband", "members"} & set(content):
            raise InputError("phenopacket", "holds several persons", "hand in one phenopacket (a family's proband)")
        raise InputError("phenopacket", "holds no phenopacket", "it has a subject, phenotypicFeatures or measurements")
    version = str(_object(content.get("metaData")).get("phenopacketSchemaVersion") or "2")
    if not version.lstrip("v").startswith("2"):
        raise InputError("metaData.phenopacketSchemaVersion", "is not version 2", "convert the packet to version 2")
    for name in ("phenotypicFeatures", "measurements", "medicalActions", *NOT_READ):
        if not isinstance(content.get(name, []), list):
            raise InputError(name, "is no list", "it is a list in phenopackets version 2")
    return content


def _person(subject: Element, encounter: Element, ledger: Ledger, *, dated: bool) -> None:
    """Sex, and the age at the encounter: as given, else counted from the date of birth."""
    sex = subject.get("sex", "UNKNOWN_SEX")
    sex = SEX_NUMBERS[sex] if type(sex) is int and 0 <= sex < len(SEX_NUMBERS) else sex
    ledger.patient = {"gender": SEX.get(str(sex), "unknown")} if "sex" in subject else {}
    days = _age_in_days(encounter)
    if "dateOfBirth" in subject and (dated or days is None):
        ledger.patient["birthDate"] = str(subject["dateOfBirth"])[:10]
    elif days is not None:
        ledger.ages.append((None, days / DAYS_PER_YEAR))
        if "ageRange" in encounter:
            ledger.warnings["the age was given as a range; its middle is used"] = None
    elif encounter and "timestamp" not in encounter:
        ledger.warnings["the age at the last encounter cannot be read; it is left out"] = None


def _age_span(time: Element) -> tuple[float, float] | None:
    """From and to how many days lived a TimeElement that is an age reaches: P6Y3M is a month, P6Y a year."""
    bounds = _object(time.get("ageRange"))
    ages = [time.get("age")] if "age" in time else [bounds.get("start"), bounds.get("end")]
    texts = [str(_object(age).get("iso8601duration")) for age in ages]
    first, last = _duration(texts[0]), _duration(texts[-1])
    if first is None or last is None:
        return None
    stated = _DURATION.match(texts[-1])
    finest = [size for size, number in zip(_IN_DAYS, stated.groups(), strict=True) if number] if stated else []
    return first, last + min(finest, default=0.0)


def _age_in_days(time: Element) -> float | None:
    """Days lived at a TimeElement that is an age, or the middle of an age range."""
    bounds = _object(time.get("ageRange"))
    ages = [time.get("age")] if "age" in time else [bounds.get("start"), bounds.get("end")]
    found = [_duration(_object(age).get("iso8601duration")) for age in ages]
    known = [days for days in found if days is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None


@lru_cache(maxsize=4096)
def _duration(text: Any) -> float | None:
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        return None
    try:
        return sum(float(number) * days for number, days in zip(match.groups(), _IN_DAYS, strict=True) if number)
    except ValueError:
        return None


def _moment(time: Element, born: dt.datetime | None) -> dt.datetime | None:
    """A TimeElement as a date: a timestamp, the end of an interval, or an age of somebody whose birth date is known."""
    stamp = time.get("timestamp") or _object(time.get("interval")).get("end")
    if stamp:
        at = read_time(stamp)
        return at.at if at else None
    days = _age_in_days(time)
    return born + dt.timedelta(days=days) if born is not None and days is not None else None


def _concept(term: Element) -> Element:
    """An OntologyClass as a CodeableConcept; the prefix of a CURIE names its system."""
    identity, label = str(term.get("id") or ""), str(term.get("label") or "")
    prefix, _, code = identity.partition(":")
    prefix = PREFIXES.get(prefix.upper().replace("_", ""), prefix.upper())
    system = URIS.get(f"{prefix}:", prefix)
    coding = {"system": system, "code": identity if prefix == "HP" else code, "display": label}
    return {"coding": [coding], "text": label} if code else {"text": label}


def _unit(unit: Any) -> Element:
    identity, label = str(_object(unit).get("id") or ""), str(_object(unit).get("label") or "")
    prefix, _, code = identity.partition(":")
    if prefix.upper() == "UCUM":
        # the label of a UCUM unit is its name in words, which says no more than the code
        return {"system": UCUM, "code": code}
    return {"unit": label or identity}


def _refused(outcome: str, reason: str, reference: str) -> Part:
    return {"fate": (outcome, reason)}, "", reference


@lru_cache(maxsize=4096)
def _above(code: str) -> frozenset[str]:
    """Every HPO term above a term."""
    term = hpo.terms().get(code)
    if term is None:
        return frozenset()
    return frozenset(term.parents).union(*(_above(parent) for parent in term.parents))


def _camel(value: Any) -> Any:
    """protobuf's JSON may spell fields with underscores; the standard form is camel case."""
    if isinstance(value, list):
        return [_camel(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_(\w)", lambda m: m[1].upper(), str(key)): _camel(entry) for key, entry in value.items()}


def _elements(content: Element, name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _object(value: Any) -> Element:
    return value if isinstance(value, dict) else {}


__all__ = ["patient_from_phenopacket", "to_phenopacket"]
