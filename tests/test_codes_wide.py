"""A wide code is never read as something narrower: what a problem list with that code alone may and may not say."""

from __future__ import annotations

import pytest
import simple_icd_10_cm as icd
from fhir_kit import ICD, SNOMED, concept, condition, read, result, states

import leukoref
from leukoref.patient import Patient

BASE = leukoref.load_knowledge()
# ICD-10-CM code -> the finding it is read as, or None where it says nothing the vocabulary has
READ_AS = {
    "D70": "neutropenia",
    "D70.0": "neutropenia",  # any congenital neutropenia, not Kostmann's alone
    "D70.3": "neutropenia",
    "D70.8": "neutropenia",
    "D70.9": "neutropenia",
    "D70.2": "drug_induced_neutropenia_dx",
    "D61.811": "pancytopenia",
    "D61.09": None,  # not Shwachman-Diamond syndrome, not a telomere disorder
    "E74.01": None,  # glycogen storage disease Ia as well as Ib
    "M04.1": None,
    "M04.8": None,  # not VEXAS syndrome
    "C91.Z0": "leukemia",
    "D81.9": "immunodeficiency",
    "T66.XXXA": None,
    "Y84.2": None,
    "T50.4X1A": None,
    "Z51.11": "chemotherapy",
    "Z79.60": None,
    "Z86.16": None,
    "Z28.310": None,  # unvaccinated for COVID-19 alone
    "A09": "diarrhea",
    "K52.9": "diarrhea",
    "K52.89": None,  # not typhlitis
    "B99.9": "infection",
    "B49": "fungal_infection",
    "B37.89": "candida_infection",
    "H66.90": "otitis_media",
    "J32.9": "sinusitis",
    "J06.9": "upper_respiratory_infection",
    "J98.4": None,  # not a cavitary lesion
    "R91.8": "abnormal_chest_imaging",
    "R22.2": None,
    "R59.0": "lymphadenopathy",
    "R16.1": "splenomegaly",
    "D73.5": None,
    "D86.9": "sarcoidosis",
    "D69.0": "petechiae_purpura",
    "R23.3": "petechiae_purpura",
    "T14.8XXA": None,
    "R61": None,  # sweating, not night sweats
    "R71.8": None,
    "R76.0": None,
    "R76.8": None,
    "R68.89": None,
    "R82.998": None,
    "L93.2": None,
    "M94.8X9": None,
    "M62.81": "muscle_weakness",
    "R05.9": "cough",
    "R17": "jaundice",
    "I95.9": "hypotension",  # the exact one of two that lie above each other
    "B18.1": "chronic_hepatitis_b",
}


@pytest.mark.parametrize(("code", "finding"), READ_AS.items())
def test_a_wide_code_says_no_more_than_it_means(code: str, finding: str | None):
    assert icd.is_valid_item(code)
    assert BASE.finding_codes.get(f"ICD10CM:{code}") == finding
    assert states(read(condition(concept(code, ICD)))) == ({finding: True} if finding else {})


def assessed(code: str) -> leukoref.Assessment:
    counted = {"finding": "WBC", "value": 2.1, "unit": "10*9/L"}
    said = {"finding": f"ICD10CM:{code}", "present": True}
    return leukoref.assess(Patient.parse({"age": "46 a", "observations": [counted, said]}))


def test_neutropenia_by_code_is_no_fever():
    assert "febrile_neutropenia" not in {flag.id for flag in assessed("D70.9").red_flags}
    by_record = leukoref.assess(read(result(), condition(concept("D70.9", ICD))).patient)
    assert "febrile_neutropenia" not in {flag.id for flag in by_record.red_flags}


def test_other_neutropenia_speaks_for_whim_syndrome_no_more_than_neutropenia_does():
    ranks = [[candidate.cause for candidate in assessed(code).candidates] for code in ("D70.8", "D70.9")]
    assert ranks[0] == ranks[1]
    assert ranks[0][0] != "whim_myelokathexis"


@pytest.mark.parametrize("code", ["D70.9", "D70.8", "D70"])
def test_a_code_for_neutropenia_that_is_said_to_be_severe_is_severe_neutropenia(code: str):
    severe = {"coding": [{"code": "24484000", "system": SNOMED}]}
    assert states(read(condition(concept(code, ICD), severity=severe))) == {"severe_neutropenia": True}
