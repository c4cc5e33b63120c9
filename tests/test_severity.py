"""The degree that a record gives beside a finding, as FHIR's Condition.severity and as a phenopacket's severity."""

from __future__ import annotations

import pytest

import leukoref
from leukoref.interop.phenopackets import patient_from_phenopacket
from tests.fhir_kit import SNOMED, concept, condition, read
from tests.test_phenopackets import feature, packet, stated

SEVERE = {"id": "HP:0012828", "label": "Severe"}
NEUTROPENIA = "HP:0001875"


def findings(*resources):
    return {o.finding: o.present for o in read(*resources).patient.observations}


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (concept("24484000", SNOMED), "severe_neutropenia"),
        (concept("255604002", SNOMED), "mild_neutropenia"),
        ({"text": "Moderate"}, "moderate_neutropenia"),
        ({"coding": [{"display": "Profound (qualifier value)"}]}, "profound_neutropenia"),
        ({"text": "worrying"}, "neutropenia"),
        ("severe", "neutropenia"),
        (None, "neutropenia"),
    ],
)
def test_a_condition_is_read_in_the_degree_it_is_given_in(severity, expected):
    assert findings(condition({"text": "neutropenia"}, severity=severity)) == {expected: True}


@pytest.mark.parametrize("finding", ["splenomegaly", "fever"])  # a mild fever need not be a low-grade one
def test_a_degree_the_vocabulary_does_not_tell_leaves_the_finding_as_it_is(finding):
    assert findings(condition({"text": finding}, severity={"text": "mild"})) == {finding: True}


def test_a_refuted_degree_denies_that_degree_alone():
    refuted = condition({"text": "neutropenia"}, verified="refuted", severity={"text": "severe"})
    assert findings(refuted) == {"severe_neutropenia": False}


def test_severe_neutropenia_of_a_problem_list_raises_its_flag():
    answer = leukoref.assess(read(condition({"text": "neutropenia"}, severity={"text": "severe"})).patient)
    assert "severe_neutropenia" in {flag.id for flag in answer.red_flags}


def test_a_feature_is_read_in_the_degree_it_is_given_in():
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[feature(NEUTROPENIA, "", severity=SEVERE)]))
    assert stated(reading)["severe_neutropenia"] is True


def test_a_feature_excluded_in_one_degree_is_not_excluded_in_others():
    severe = feature(NEUTROPENIA, "Neutropenia", severity=SEVERE, excluded=True)
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[severe]))
    assert stated(reading)["severe_neutropenia"] is False
    assert "neutropenia" not in stated(reading)


def test_a_feature_excluded_in_a_degree_nobody_tells_says_nothing():
    severe = feature("HP:0001744", "Splenomegaly", severity=SEVERE, excluded=True)
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[severe]))
    assert "splenomegaly" not in stated(reading)
    assert reading.outcome("phenotypicFeatures/0").outcome == "not_relevant"
