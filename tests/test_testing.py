"""The strategies draw what `assess` accepts, and the golden cases hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import leukoref
from leukoref.assessor import ASSUMED
from leukoref.testing import GoldenCase, ages, golden_cases, medications, observations, patients, values

slow = settings(suppress_health_check=list(HealthCheck))
BASE = leukoref.load_knowledge()


@slow
@given(patients())
def test_every_drawn_patient_is_accepted_and_answered(patient: leukoref.Patient) -> None:
    answer = leukoref.assess(patient)
    assumed = answer.status == "insufficient_data" and ASSUMED in answer.warnings
    assert bool(answer.candidates) == (answer.status == "leukopenia" or assumed)


@slow
@given(patients())
def test_a_drawn_patient_survives_being_written_and_read(patient: leukoref.Patient) -> None:
    assert leukoref.Patient.parse(patient.to_dict()) == patient


@slow
@given(patients(most_observations=4, most_medications=1))
def test_sizes_are_kept(patient: leukoref.Patient) -> None:
    assert len(patient.observations) <= 6  # the white cell and the neutrophil count come on top
    assert len(patient.medications) <= 1


@slow
@given(patients(), st.sampled_from(["to_text", "to_markdown", "to_html", "to_json"]))
def test_every_answer_can_be_written(patient: leukoref.Patient, write: str) -> None:
    assert getattr(leukoref.assess(patient), write)()


@slow
@given(observations(finding="platelets"))
def test_an_observation_of_a_chosen_quantity_is_within_its_plausible_range(observation: leukoref.Observation) -> None:
    plausible = BASE.finding["platelets"].plausible
    assert plausible is not None
    assert observation.value is not None
    assert plausible.low <= observation.value <= plausible.high
    assert observation.unit == BASE.finding["platelets"].unit


def test_values_are_drawn_at_a_threshold_and_on_both_sides_of_it() -> None:
    seen: set[float] = set()

    @settings(deadline=None, max_examples=2000, database=None, derandomize=True)
    @given(values(BASE.finding["anc"], BASE))
    def draw(value: float) -> None:
        seen.add(value)

    draw()
    assert {0.5, math.nextafter(0.5, 0), math.nextafter(0.5, 1)} <= seen


def test_values_can_be_drawn_of_every_quantity() -> None:
    for finding in BASE.findings:
        if finding.kind == "quantity":
            values(finding, BASE).validate()


@slow
@given(medications())
def test_every_drawn_drug_is_recognised(medication: leukoref.Medication) -> None:
    assert not leukoref.assess({"medications": [medication.model_dump(exclude_none=True)]}).unrecognized


@slow
@given(ages())
def test_ages_carry_their_unit(age: str) -> None:
    assert leukoref.Patient.parse({"age": age}).age is not None


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
def test_a_golden_case_holds(case: GoldenCase) -> None:
    answer = leukoref.assess(case.patient)
    raised = {flag.id for flag in answer.red_flags}
    assert answer.status == case.status
    assert case.red_flags <= raised
    assert not case.silent & raised
    assert not answer.unrecognized


def test_golden_cases_name_red_flags_that_exist() -> None:
    known = {flag.id for flag in BASE.red_flags}
    assert all(case.red_flags | case.silent <= known for case in golden_cases())
