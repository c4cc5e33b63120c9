"""What cannot wait: raised whatever the ranking, by numbers or by words, and missed by neither."""

from __future__ import annotations

import pytest

import leukoref
from leukoref.knowledge.base import Knowledge


def raised(
    age: str | None = "45 a", medications: list[dict[str, object]] | None = None, **findings: object
) -> set[str]:
    units = {"anc": "10*9/L", "wbc": "10*9/L", "platelets": "10*9/L", "temperature": "Cel", "hemoglobin": "g/dL",
             "ferritin": "ug/L", "systolic_blood_pressure": "mm[Hg]", "fibrinogen": "g/L"}  # fmt: skip
    observations = [
        {"finding": name, "present": value}
        if isinstance(value, bool)
        else {"finding": name, "value": value, "unit": units[name]}
        for name, value in findings.items()
    ]
    patient = {"age": age, "observations": observations, "medications": medications or []}
    return {flag.id for flag in leukoref.assess(patient).red_flags}


@pytest.mark.parametrize(
    "findings",
    [
        {"anc": 0.3, "temperature": 38.6},
        {"severe_neutropenia": True, "fever": True},
        {"agranulocytosis": True, "temperature": 39.0},
        {"wbc": 0.4, "fever": True},
    ],
)
def test_febrile_neutropenia_by_number_and_by_word(findings: dict[str, object]) -> None:
    assert "febrile_neutropenia" in raised(**findings)


def test_no_fever_no_febrile_neutropenia() -> None:
    assert "febrile_neutropenia" not in raised(anc=0.3, temperature=36.8)
    assert "febrile_neutropenia" not in raised(anc=1.4, temperature=38.6)


def test_agranulocytosis_on_a_culprit_drug() -> None:
    assert "agranulocytosis_on_culprit_drug" in raised(
        anc=0.1, medications=[{"name": "methimazole", "days_before": 40}]
    )
    assert "agranulocytosis_on_culprit_drug" not in raised(
        anc=0.1, medications=[{"name": "methimazole", "days_before": -1}]
    )


def test_blasts_on_the_film() -> None:
    assert "blasts_on_smear" in raised(wbc=2.0, blasts_on_smear=True)
    assert "blasts_on_smear" not in raised(wbc=2.0, blasts_on_smear=False)


def test_a_neonate_with_neutropenia() -> None:
    assert "neonatal_neutropenia" in raised(age="2 d", anc=0.2)
    assert "neonatal_neutropenia" not in raised(age="2 a", anc=0.2)


def test_suspected_promyelocytic_leukaemia_with_coagulopathy() -> None:
    flags = raised(wbc=1.5, dic_hypofibrinogenemia=True, blasts_on_smear=True)
    assert any("promyelocytic" in flag for flag in flags)


def test_promyelocytes_beside_blasts_and_bleeding_are_suspected_promyelocytic_leukaemia() -> None:
    film = {"wbc": 1.5, "promyelocytes_on_smear": True, "bleeding_bruising": True}
    assert "suspected_promyelocytic_leukemia" in raised(**film, auer_rods=True)
    assert "suspected_promyelocytic_leukemia" not in raised(**film)


def test_haemophagocytic_lymphohistiocytosis() -> None:
    flags = raised(wbc=1.5, ferritin=12000, fever=True, splenomegaly=True, hemoglobin=7.5, platelets=40)
    assert "hemophagocytic_lymphohistiocytosis" in flags


def test_sepsis() -> None:
    assert "sepsis" in raised(wbc=1.5, temperature=39.5, hypotension_shock=True)
    assert "sepsis" in raised(wbc=6.0, temperature=39.5, organ_dysfunction=True)
    assert "sepsis" not in raised(wbc=6.0, organ_dysfunction=True)


def test_a_well_patient_with_a_mild_count_raises_nothing() -> None:
    assert raised(wbc=3.6, anc=1.7, temperature=36.6, platelets=250, hemoglobin=14) == set()


def test_every_red_flag_has_an_action_a_threshold_and_a_source(base: Knowledge) -> None:
    assert len(base.red_flags) >= 7
    for flag in base.red_flags:
        assert flag.action
        assert flag.threshold
        assert all(source.key in base.reference for source in flag.sources)


@pytest.mark.parametrize(
    ("flag", "findings"),
    [
        (
            "hemophagocytic_lymphohistiocytosis",
            {"fever": True, "splenomegaly": True, "ferritin": 900, "fibrinogen": 1.2},
        ),
        (
            "hemophagocytic_lymphohistiocytosis",
            {"pancytopenia": True, "fever": True, "hyperferritinemia": True, "hypertriglyceridemia": True},
        ),
        ("fever_after_tick_exposure", {"stay_southeastern_us": True, "fever": True, "leukopenia": True}),
        ("neutropenic_enterocolitis", {"typhlitis": True, "fever": True, "moderate_neutropenia": True}),
        ("febrile_neutropenia", {"hypothermia": True, "severe_neutropenia": True}),
        ("critical_platelets", {"platelets": 40, "abnormality_of_coagulation": True}),
        ("sepsis", {"leukopenia": True, "meningitis": True, "hypotension_shock": True}),
        ("sepsis", {"wbc": 2.9, "fever": True, "tachycardia": True, "tachypnea": True}),
        ("severe_pancytopenia", {"severe pancytopenia": True}),
        ("neonatal_neutropenia", {"newborn": True, "neutropenia": True}),
        ("fever_after_tick_exposure", {"hiking": True, "fever": True, "wbc": 2.0}),
        ("fever_after_tick_exposure", {"eschar": True, "fever": True, "wbc": 2.0}),
        ("fever_after_tropical_travel", {"residence in a typhoid-endemic area": True, "fever": True}),
        ("neutropenic_enterocolitis", {"febrile neutropenia": True, "abdominal pain": True}),
    ],
)
def test_a_flag_is_raised_by_every_way_its_threshold_can_be_told(flag: str, findings: dict[str, object]) -> None:
    assert flag in raised(age=None if "newborn" in findings else "45 a", **findings)


def test_below_four_weeks_of_age_the_haemoglobin_limit_is_higher() -> None:
    counts = {"hemoglobin": 9.6, "platelets": 60, "fever": True, "ferritin": 600, "splenomegaly": True}
    assert "hemophagocytic_lymphohistiocytosis" in raised(age="10 d", **counts)


def test_a_flag_says_what_of_the_patient_raises_it() -> None:
    patient = {
        "age": "45 a",
        "observations": [
            {"finding": "ANC", "value": 300, "unit": "/uL"},
            {"finding": "body temperature", "value": 38.9, "unit": "Cel"},
            {"finding": "rash", "present": True},
        ],
    }
    (flag,) = [flag for flag in leukoref.assess(patient).red_flags if flag.id == "febrile_neutropenia"]
    assert set(flag.because) == {"absolute neutrophil count 300 /uL", "body temperature 38.9 Cel"}


def test_what_only_follows_is_named_where_nothing_was_measured(base: Knowledge) -> None:
    flags = leukoref.assess({"age": "45 a", "observations": [
        {"finding": "fever", "present": True}, {"finding": "neutropenia", "present": True}]}).red_flags  # fmt: skip
    (flag,) = [flag for flag in flags if flag.id == "febrile_neutropenia"]
    assert flag.because == ("fever", "neutropenia of unknown depth (neutropenia)")


def test_what_follows_is_named_with_what_it_follows_from() -> None:
    flags = leukoref.assess({"age": "60 a", "observations": [
        {"finding": "WBC", "value": 1.9, "unit": "10*9/L"},
        {"finding": "systolic blood pressure", "value": 82, "unit": "mm[Hg]"}]}).red_flags  # fmt: skip
    (flag,) = [flag for flag in flags if flag.id == "sepsis"]
    assert flag.because == (
        "hypotension or shock (systolic blood pressure 82 mm[Hg] (low))", "white blood cell count 1.9 10*9/L",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("besides", "febrile"),
    [
        ([], True),
        ([{"finding": "temperature", "value": 36.8, "unit": "Cel"}], False),
        ([{"finding": "fever", "present": False}], False),
    ],
)
def test_recurrent_fever_is_fever_now_unless_somebody_looked(besides: list[dict[str, object]], febrile: bool) -> None:
    observations = [
        {"finding": "ANC", "value": 0.4, "unit": "10*9/L"}, {"finding": "recurrent fever", "present": True}, *besides,
    ]  # fmt: skip
    flags = leukoref.assess({"age": "4 a", "observations": observations}).red_flags
    assert ("febrile_neutropenia" in {flag.id for flag in flags}) is febrile


@pytest.mark.parametrize(
    ("drug", "counted", "raised_"),
    [("carbimazole", {}, True), ("carbimazole", {"finding": "ANC", "value": 2.5, "unit": "10*9/L"}, False),
     ("amoxicillin", {}, False)],
)  # fmt: skip
def test_a_sore_throat_on_an_antithyroid_drug_asks_for_a_count_today(
    drug: str, counted: dict[str, object], raised_: bool
) -> None:
    observations = [{"finding": "sore throat", "present": True}, *([counted] if counted else [])]
    patient = {"age": "40 a", "observations": observations, "medications": [{"name": drug, "days_before": 30}]}
    flags = {flag.id for flag in leukoref.assess(patient).red_flags}
    assert ("infection_on_antithyroid_drug" in flags) is raised_
