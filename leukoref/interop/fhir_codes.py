"""FHIR's own vocabulary as far as it is read: code systems, statuses, words for present and absent."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

# Code system URI (or its OID form) -> the prefix under which the vocabulary files the code.
SYSTEMS = {
    "http://loinc.org": "LOINC:",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC:",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM:",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM:",
    "http://snomed.info/sct": "SNOMED:",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED:",
    "http://purl.obolibrary.org/obo/hp.owl": "",
    "http://human-phenotype-ontology.org": "",
    "https://hpo.jax.org": "",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM:",
    "urn:oid:2.16.840.1.113883.6.88": "RXNORM:",
    "http://www.whocc.no/atc": "ATC:",
    "urn:oid:2.16.840.1.113883.6.73": "ATC:",
}
URIS = {
    "LOINC:": "http://loinc.org",
    "ICD10CM:": "http://hl7.org/fhir/sid/icd-10-cm",
    "SNOMED:": "http://snomed.info/sct",
    "HP:": "http://purl.obolibrary.org/obo/hp.owl",
    "RXNORM:": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ATC:": "http://www.whocc.no/atc",
}
UCUM = "http://unitsofmeasure.org"
# What real feeds write where the URI belongs, in small letters without anything but letters and digits.
_BARE = {
    "loinc": "LOINC:", "snomed": "SNOMED:", "snomedct": "SNOMED:", "sct": "SNOMED:", "icd10cm": "ICD10CM:",
    "rxnorm": "RXNORM:", "atc": "ATC:",
}  # fmt: skip


def prefix(system: Any) -> str | None:
    """The vocabulary's prefix of a code system, however a feed spells its URI; None for one that is not read."""
    if not isinstance(system, str):
        return None
    found = SYSTEMS.get(system)
    return found if found is not None else _spelled(system)


@lru_cache(maxsize=4096)
def _spelled(system: str) -> str | None:
    plain = system.strip().rstrip("/")
    for spelling in (plain, plain.replace("https://", "http://", 1), f"urn:oid:{plain}"):
        if spelling in SYSTEMS:
            return SYSTEMS[spelling]
    if plain.startswith("http://snomed.info/sct/"):  # an edition, which belongs into `version`
        return "SNOMED:"
    return _BARE.get("".join(ch for ch in plain.lower() if ch.isalnum()))


def canonical(system: Any) -> Any:
    """The URI of a code system by which the tables below know it."""
    return URIS.get(prefix(system) or "", system)


# Observation.status -> precedence among results of one finding and time; what is not here holds no result.
RESULT_RANK = {"preliminary": 0, "final": 1, "corrected": 2, "amended": 2}
RESULT_REFUSED = {
    "registered": "registered, no result yet",
    "cancelled": "cancelled",
    "entered-in-error": "entered in error",
    "unknown": "status unknown, which may mean entered in error",
}

# Codes and words that say present (True) or absent (False), for findings that have no number.
PRESENT_CODES = {
    ("http://snomed.info/sct", "10828004"): True,  # positive
    ("http://snomed.info/sct", "260385009"): False,  # negative
    ("http://snomed.info/sct", "260373001"): True,  # detected
    ("http://snomed.info/sct", "260415000"): False,  # not detected
    ("http://snomed.info/sct", "52101004"): True,  # present
    ("http://snomed.info/sct", "2667000"): False,  # absent
    ("http://snomed.info/sct", "373066001"): True,  # yes
    ("http://snomed.info/sct", "373067005"): False,  # no
    ("http://loinc.org", "LA6576-8"): True,  # positive
    ("http://loinc.org", "LA6577-6"): False,  # negative
    ("http://loinc.org", "LA9633-4"): True,  # present
    ("http://loinc.org", "LA9634-2"): False,  # absent
    ("http://loinc.org", "LA11882-0"): True,  # detected
    ("http://loinc.org", "LA11883-8"): False,  # not detected
    ("http://loinc.org", "LA33-6"): True,  # yes
    ("http://loinc.org", "LA32-8"): False,  # no
    ("http://terminology.hl7.org/CodeSystem/v2-0136", "Y"): True,
    ("http://terminology.hl7.org/CodeSystem/v2-0136", "N"): False,
}
PRESENT_WORDS = {
    "positive": True, "pos": True, "present": True, "detected": True, "yes": True, "reactive": True,
    "negative": False, "neg": False, "absent": False, "not detected": False, "no": False, "none detected": False,
    "nonreactive": False, "non reactive": False, "not present": False, "undetected": False, "none": False, "nil": False,
    "not seen": False, "none seen": False, "no growth": False, "seen": True,
} | dict.fromkeys(("+", "++", "+++", "++++", "1+", "2+", "3+", "4+"), True)  # fmt: skip

# Interpretation codes (v3-ObservationInterpretation), read only where a result has no value.
FLAGS = dict.fromkeys(("L", "LL", "LU", "<"), "low") | dict.fromkeys(("H", "HH", "HU", ">"), "high") | {"N": "normal"}
FLAG_WORDS = {
    "low": "low", "critically low": "low", "critical low": "low", "decreased": "low", "below normal": "low",
    "high": "high", "critically high": "high", "critical high": "high", "increased": "high", "elevated": "high",
    "above normal": "high", "normal": "normal",
}  # fmt: skip
INTERPRETED_PRESENT = {"POS": True, "DET": True, "RR": True, "NEG": False, "ND": False, "NR": False}

# US Core's extensions for the sex of a Patient, read where gender says neither female nor male.
SEX_EXTENSIONS = {
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex",
}
SEXES = {"F": "female", "M": "male", "248152002": "female", "248153007": "male"}

# Codes that carry another concept as their value ("symptom: fever").
CARRIERS = {
    ("http://loinc.org", "75325-1"), ("http://loinc.org", "8661-1"), ("http://loinc.org", "75321-0"),
    ("http://snomed.info/sct", "404684003"), ("http://snomed.info/sct", "418799008"),
}  # fmt: skip
AGE_CODES = {("http://loinc.org", "30525-0"), ("http://loinc.org", "21612-7")}

CONDITION_REFUSED = {
    "entered-in-error": "entered in error",
    "unconfirmed": "unconfirmed",
    "provisional": "provisional, not confirmed",
    "differential": "one of several possibilities, not confirmed",
}
CONDITION_ACTIVE = {"active", "recurrence", "relapse"}
CONDITION_OVER = {"inactive", "remission", "resolved"}
SEVERITIES = {"24484000": "severe", "6736007": "moderate", "255604002": "mild"}  # the value set condition-severity

PROCEDURE_DONE = {"in-progress", "completed"}
PROCEDURE_REFUSED = {
    "entered-in-error": "entered in error",
    "not-done": "not done",
    "preparation": "not done yet",
    "on-hold": "not known to be done",
    "stopped": "stopped before it was completed",
    "unknown": "status unknown, which may mean entered in error",
}

# Relationships (v3-RoleCode) of people who do not share the patient's blood, and the words for them.
UNRELATED = {
    "SIGOTHR", "DOMPART", "FMRSPS", "SPS", "HUSB", "WIFE", "INLAW", "CHLDINLAW", "DAUINLAW", "SONINLAW", "PRNINLAW",
    "FTHINLAW", "MTHINLAW", "SIBINLAW", "BROINLAW", "SISINLAW", "CHLDADOPT", "DAUADOPT", "SONADOPT", "ADOPTP", "ADOPTF",
    "ADOPTM", "CHLDFOST", "DAUFOST", "SONFOST", "PRNFOST", "FTHFOST", "MTHFOST", "STPCHLD", "STPDAU", "STPSON",
    "STPPRN", "STPFTH", "STPMTH", "STPSIB", "STPBRO", "STPSIS", "FRND", "NBOR", "ROOM",
}  # fmt: skip
UNRELATED_WORDS = re.compile(
    r"\b(?:husband|wife|spouse|partner|significant other|in ?law|adopt\w*|foster|step\w*|friend|neighbou?r|roommate)\b"
)

# A drug record's status -> why it shows no drug taken; what is not here counts as taken.
DRUG_REFUSED = {
    "entered-in-error": "entered in error",
    "not-taken": "not taken",
    "not-done": "not given",
    "intended": "only intended",
    "draft": "a draft order, not taken yet",
    "cancelled": "cancelled before it was given",
    "declined": "declined before it was given",
    "preparation": "not handed over yet",
    "unknown": "status unknown, which may mean entered in error",
}
DRUG_ENDED = {"completed", "stopped", "ended"}
ORDER_ONLY_PLANNED = {"proposal": "only proposed", "plan": "only planned", "option": "one option of several"}

# Resource types read; every other type is counted and left aside.
READ = {
    "Observation", "Condition", "Procedure", "FamilyMemberHistory", "Medication", "MedicationRequest",
    "MedicationStatement", "MedicationUsage", "MedicationAdministration", "MedicationDispense",
}  # fmt: skip
IGNORED_ON_PURPOSE = {"AllergyIntolerance": "an allergy says what is avoided, not what was taken"}

# Encounter.class -> the setting whose priors apply, where the base knows one by that name.
SETTINGS = {
    "AMB": "outpatient", "VR": "outpatient", "HH": "outpatient", "EMER": "emergency",
    "IMP": "inpatient", "ACUTE": "inpatient", "NONAC": "inpatient", "SS": "inpatient", "OBSENC": "inpatient",
}  # fmt: skip
