"""A Patient as a GA4GH phenopacket v2; what the format cannot say is named in the packet's own log of updates."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leukoref.interop.fhir_concepts import concepts
from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.names import normalise
from leukoref.knowledge.vocabulary import DAYS_PER_YEAR
from leukoref.matching import match_name
from leukoref.patient import Medication, Observation, Patient
from leukoref.units import ucum

Element = dict[str, Any]
SEX = {"female": "FEMALE", "male": "MALE", "unknown": "UNKNOWN_SEX"}
RESOURCES = {
    "HP": ("hp", "human phenotype ontology", "http://purl.obolibrary.org/obo/hp.owl"),
    "LOINC": ("loinc", "Logical Observation Identifiers Names and Codes", "https://loinc.org"),
    "SNOMED": ("snomed", "SNOMED CT", "http://snomed.info/sct"),
    "ICD10CM": ("icd10cm", "ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm"),
    "RXNORM": ("rxnorm", "RxNorm", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    "ATC": ("atc", "Anatomical Therapeutic Chemical classification", "http://www.whocc.no/atc"),
    "UCUM": ("ucum", "Unified Code for Units of Measure", "http://unitsofmeasure.org"),
}


def to_phenopacket(patient: Patient, *, identity: str = "patient", base: Knowledge | None = None) -> Element:
    """The patient as a phenopacket (JSON). Presence becomes a feature by HPO code, a quantity a measurement by LOINC.

    What phenopackets cannot say (a comparator, a finding without code, 'days before' without ``as_of``) is left out
    and listed in ``metaData.updates``.
    """
    base = base or load_knowledge()
    omitted: list[str] = []
    subject: Element = {"id": identity}
    if patient.sex:
        subject["sex"] = SEX[patient.sex]
    if patient.age is not None:
        subject["timeAtLastEncounter"] = {"age": {"iso8601duration": _duration(patient.age)}}
    elif patient.as_of is not None:
        subject["timeAtLastEncounter"] = {"timestamp": _stamp(patient.as_of)}
    packet: Element = {"id": identity, "subject": subject}
    for observation in patient.observations:
        name, element = _element(observation, patient, base)
        if name:
            packet.setdefault(name, []).append(element)
        else:
            omitted.append(f"{observation.finding}: {element['reason']}")
    packet["medicalActions"] = [_treatment(medication, patient, base) for medication in patient.medications]
    if not packet["medicalActions"]:
        del packet["medicalActions"]
    packet["metaData"] = _meta(packet, patient, base, omitted)
    return packet


def _element(observation: Observation, patient: Patient, base: Knowledge) -> tuple[str, Element]:
    """(list of the packet, element); an empty list name where the packet cannot say it."""
    coded = _class_of(observation, base)
    if coded is None:
        return "", {"reason": "has no code that means it and nothing else"}
    if observation.value is None:
        feature: Element = {"type": coded}
        if observation.present is False:
            feature["excluded"] = True
        if observation.when == "earlier":
            if observation.present is False:
                return "", {"reason": "an earlier absence cannot be said"}
            at = _time(observation, patient) or patient.as_of
            unknown = {"ontologyClass": {"id": "HP:0003674", "label": "Onset"}}
            feature["resolution"] = {"timestamp": _stamp(at)} if at is not None else unknown
        return "phenotypicFeatures", feature
    if observation.comparator or observation.when == "earlier":
        return "", {"reason": "a comparator or an undated earlier value cannot be said"}
    unit = ucum(observation.unit or "", base.unit_index)
    quantity = {"unit": {"id": f"UCUM:{unit}", "label": unit}, "value": observation.value}
    measurement: Element = {"assay": coded, "value": {"quantity": quantity}}
    if (at := _time(observation, patient)) is not None:
        measurement["timeObserved"] = {"timestamp": _stamp(at)}
    return "measurements", measurement


def _class_of(observation: Observation, base: Knowledge) -> Element | None:
    """The ontology class that leads back to this finding alone: HPO for features, LOINC for measurements."""
    match = match_name(observation.finding, observation.code, base)
    if match is None or match.finding is None:
        term = hpo.by_code(observation.code or observation.finding) or hpo.by_name(observation.finding)
        return {"id": term.id, "label": term.label} if term else None
    finding = base.finding[match.finding]
    own = [code for code in finding.codes.qualified() if base.finding_codes.get(code) == finding.id]
    first = next((code for code in own if code.startswith("HP:") == (finding.kind == "presence")), None)
    chosen = first or next(iter(own), None)
    return {"id": chosen, "label": finding.name} if chosen else None


def _treatment(medication: Medication, patient: Patient, base: Knowledge) -> Element:
    known = concepts(base).drugs({"text": medication.name})
    code = next(iter(base.drug[known[0]].codes.qualified()), "") if len(known) == 1 else ""
    agent = {"id": code or f"local:{normalise(medication.name)}", "label": medication.name}
    start = medication.start or _before(patient.as_of, medication.days_before)
    stop = medication.stop or _before(patient.as_of, medication.stopped_days_before)
    interval = {name: _stamp(at) for name, at in (("start", start), ("end", stop)) if at is not None}
    return {"treatment": {"agent": agent} | ({"doseIntervals": [{"interval": interval}]} if interval else {})}


def _meta(packet: Element, patient: Patient, base: Knowledge, omitted: list[str]) -> Element:
    created = _stamp(patient.as_of or dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    text = str(packet)
    resources = [
        {"id": identity, "name": name, "url": url, "version": base.version, "namespacePrefix": prefix, "iriPrefix": url}
        for prefix, (identity, name, url) in RESOURCES.items()
        if f"'{prefix}:" in text
    ]
    meta: Element = {
        "created": created,
        "createdBy": "leukoref",
        "resources": resources,
        "phenopacketSchemaVersion": "2.0",
    }
    if omitted:
        comment = f"left out: {'; '.join(omitted)}"
        meta["updates"] = [{"timestamp": created, "updatedBy": "leukoref", "comment": comment}]
    return meta


def _duration(years: float) -> str:
    """An age as an ISO 8601 duration: whole years, whole months, else days and hours."""
    months = round(years * 12)
    if abs(months - years * 12) < 1e-6:
        whole, rest = divmod(months, 12)
        return f"P{whole}Y" if not rest else (f"P{whole}Y{rest}M" if whole else f"P{rest}M")
    hours = round(years * DAYS_PER_YEAR * 24)
    days, rest = divmod(hours, 24)
    return f"P{days}D" + (f"T{rest}H" if rest else "")


def _time(observation: Observation, patient: Patient) -> dt.datetime | None:
    return observation.time or _before(patient.as_of, observation.days_before)


def _before(as_of: dt.datetime | None, days: float | None) -> dt.datetime | None:
    return as_of - dt.timedelta(days=days) if as_of is not None and days is not None else None


def _stamp(at: dt.datetime) -> str:
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
