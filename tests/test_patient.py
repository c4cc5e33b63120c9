"""What a caller may hand in, and the one clear error for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import leukoref
from leukoref.patient import Patient, parse_json

WBC = {"finding": "wbc", "value": 2.1, "unit": "10*9/L"}


def refused(patient: dict[str, object]) -> leukoref.InputError:
    with pytest.raises(leukoref.InputError) as caught:
        leukoref.assess(patient)
    return caught.value


def test_ages_are_read_in_days_weeks_months_and_years() -> None:
    assert Patient(age="45 a").age == 45
    assert Patient(age="6 mo").age == pytest.approx(0.5)
    assert Patient(age={"value": 3, "unit": "wk"}).age == pytest.approx(21 / 365.25)


@pytest.mark.parametrize(
    "age", [45, "45", "forty", "-1 a", "200 a", {"value": 45}, {"value": 45, "unit": "a", "text": "about"}, True]
)
def test_an_age_without_unit_or_out_of_range_is_refused(age: object) -> None:
    assert refused({"age": age, "observations": [WBC]}).field == "age"


def test_a_case_file_is_read_as_it_is_without_its_answer(case_files: list[Path]) -> None:
    for path in case_files:
        patient = Patient.from_file(path)
        document = json.loads(path.read_text())
        stages = ("presentation", "history", "exposures", "confirmation")
        assert len(patient.observations) == sum(len(document[stage]) for stage in stages)
        assert document["diagnosis"] not in patient.model_dump_json()


def test_a_patient_survives_the_way_through_json(case_files: list[Path]) -> None:
    for path in case_files:
        patient = Patient.from_file(path)
        assert Patient.parse(json.loads(json.dumps(patient.to_dict()))) == patient


def test_a_patient_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Patient(age="45 a").sex = "male"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("observation", "field", "problem"),
    [
        ({"finding": "wbc", "value": 2.1}, "observations.0", "needs its unit"),
        ({"finding": "wbc", "value": 2.1, "unit": "furlong"}, "observations.0", "unknown unit"),
        ({"finding": "wbc", "value": 2.1, "unit": "g/dL"}, "observations.0", "wrong dimension"),
        ({"finding": "wbc", "value": 2100, "unit": "10*9/L"}, "observations.0", "outside the possible"),
        ({"finding": "wbc", "value": -1, "unit": "10*9/L"}, "observations.0", "outside the possible"),
        ({"finding": "wbc", "value": float("nan"), "unit": "10*9/L"}, "observations.0.value", "finite"),
        ({"finding": "wbc", "value": float("inf"), "unit": "10*9/L"}, "observations.0.value", "finite"),
        ({"finding": "wbc", "value": "2.1", "unit": "10*9/L"}, "observations.0.value", "is a number"),
        ({"finding": "wbc", "present": True}, "observations.0", "is a quantity"),
        ({"finding": "fever"}, "observations.0", "either present"),
        ({"finding": "fever", "present": "yes"}, "observations.0.present", "true or false"),
        ({"finding": "fever", "present": True, "colour": "red"}, "observations.0.colour", "unknown field"),
        ({"finding": "", "present": True}, "observations.0.finding", "at least 1"),
    ],
)
def test_an_observation_that_cannot_be_read_names_its_field(
    observation: dict[str, object], field: str, problem: str
) -> None:
    error = refused({"age": "45 a", "observations": [observation]})
    assert error.field.startswith(field)
    assert problem in str(error)


def test_a_count_in_the_wrong_magnitude_is_asked_back_with_the_likely_unit() -> None:
    error = refused({"observations": [{"finding": "WBC", "value": 2100, "unit": "10*9/L"}]})
    assert "did you mean 2100 /uL?" in str(error)


def test_a_finding_both_present_and_absent_is_refused() -> None:
    fever = [{"finding": "fever", "present": True}, {"finding": "fever", "present": False}]
    assert "both present and absent" in str(refused({"observations": fever}))


def test_a_name_and_a_code_that_disagree_are_refused() -> None:
    clash = {"finding": "fever", "code": "HP:0001744", "present": True}
    assert "different findings" in str(refused({"observations": [clash]}))


def test_percentages_of_more_than_a_whole_are_refused() -> None:
    shares = [
        {"finding": "neutrophils percent", "value": 80, "unit": "%"},
        {"finding": "lymphocytes percent", "value": 40, "unit": "%"},
    ]
    assert refused({"observations": [WBC, *shares]}).field == "differential"


def test_more_neutrophils_than_white_cells_are_refused() -> None:
    assert refused({"observations": [WBC, {"finding": "ANC", "value": 5, "unit": "10*9/L"}]}).field == "anc"


def test_a_drug_stopped_before_it_was_started_is_refused() -> None:
    drug = {"name": "methimazole", "start": "2026-02-01T00:00:00Z", "stop": "2026-01-01T00:00:00Z"}
    error = refused({"observations": [WBC], "medications": [drug], "as_of": "2026-03-01T00:00:00Z"})
    assert error.field == "medications.0"


def test_an_observation_from_the_future_is_refused() -> None:
    future = {**WBC, "time": "2027-01-01T00:00:00Z"}
    assert "after the time" in str(refused({"as_of": "2026-01-01T00:00:00Z", "observations": [future]}))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"{", "broken JSON at line 1"),
        (b'{"age": NaN}', "NaN"),
        (b'{"age": "1 a", "age": "2 a"}', "appears twice"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b" " * 50_000_000, "MB"),
    ],
)
def test_a_broken_file_is_one_error(content: bytes, problem: str) -> None:
    with pytest.raises(leukoref.InputError, match=problem):
        parse_json(content)


def test_an_error_carries_nothing_of_the_patient_beyond_the_field() -> None:
    observations = [
        {"finding": "fever", "present": True, "text": "Jane Roe, born 1.1.1970"},
        {"finding": "wbc", "value": 2.1, "unit": "bogus", "text": "Jane Roe"},
    ]
    assert "Jane" not in str(refused({"observations": observations}))
