"""From what clinicians write to finding states: names, units, differentials, time, drugs."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

import leukoref
from leukoref.assessor import Assessor
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.matching import match_name
from leukoref.patient import Patient


def known(base: Knowledge, **fields: object):  # type: ignore[no-untyped-def]
    return resolve(Patient.parse(fields), base)


def wbc(value: float, unit: str) -> dict[str, object]:
    return {"finding": "WBC", "value": value, "unit": unit}


@pytest.mark.parametrize(
    ("written", "finding"),
    [
        ("WBC", "wbc"), ("white blood cell count", "wbc"), ("Leucocytes", "wbc"), ("leukocyte count", "wbc"),
        ("ANC", "anc"), ("absolute neutrophil count", "anc"), ("platelet count", "platelets"), ("Hb", "hemoglobin"),
        ("haemoglobin", "hemoglobin"), ("MCV", "mcv"), ("LOINC:6690-2", "wbc"), ("HP:0001744", "splenomegaly"),
        ("splenomegaly", "splenomegaly"), ("Splenomegaly.", "splenomegaly"), ("anaemia", "anemia"),
        ("diarrhoea", "diarrhea"), ("oedema", "edema"), ("jaundice", "jaundice"),
    ],
)  # fmt: skip
def test_a_finding_is_understood_as_clinicians_write_it(base: Knowledge, written: str, finding: str) -> None:
    match = match_name(written, None, base)
    assert match is not None
    assert match.finding == finding


def test_a_name_that_is_only_similar_is_not_taken_but_suggested(base: Knowledge) -> None:
    result = known(base, observations=[{"finding": "splenomegally", "present": True}])
    assert "splenomegaly" not in result.presence
    assert result.unrecognized[0]["finding"] == "splenomegally"
    assert "splenomegaly" in result.unrecognized[0]["suggestions"]


def test_no_two_findings_share_a_name(base: Knowledge) -> None:
    assert len(base.finding_names) >= len(base.findings)


def test_american_and_british_spelling_are_one() -> None:
    for british, american in [("Haemolytic anaemia", "hemolytic anemia"), ("leucopenia", "leukopenia"),
                              ("oesophageal tumour", "esophageal tumor"), ("neutrophils", "neutrophil")]:  # fmt: skip
        assert normalise(british) == normalise(american)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (2.1, "10*9/L"), (2.1, "K/uL"), (2.1, "x10E3/uL"), (2.1, "10^9/L"), (2.1, "G/L"), (2100, "/mm3"), (2100, "cells/mcL"),  # noqa: E501
        (2.1, "thou/mm3"), (2.1, "x10^9/L"), (2.1, "10*3/uL"), (2100, "/uL"), (2100, "cells/µL"), (2.1, "×10⁹/L"), (2.1, "k/ul"),  # noqa: E501
        (2.1, "x 10(9)/l"), (2.1, "10e+9 cells/L"), (2.1, "B/L"), (2.1, "x10³/mm³"), (2100, "cells per cubic millimeter"), (2.1, "10^3 cells/uL"),  # noqa: E501
    ],
)  # fmt: skip
def test_the_same_count_in_the_units_of_real_laboratories(base: Knowledge, value: float, unit: str) -> None:
    assert known(base, observations=[wbc(value, unit)]).quantities["wbc"].exact == pytest.approx(2.1)


@pytest.mark.parametrize(
    ("finding", "value", "unit", "canonical"),
    [
        ("copper", 10.0, "umol/L", 63.546), ("folate", 10.0, "nmol/L", 4.414), ("temperature", 102.0, "[degF]", 38.8889),  # noqa: E501
        ("hemoglobin", 84.0, "g/L", 8.4), ("body temperature", 38.5, "°C", 38.5),
    ],
)  # fmt: skip
def test_mass_and_amount_are_bridged_for_each_analyte(
    base: Knowledge, finding: str, value: float, unit: str, canonical: float
) -> None:
    observation = {"finding": finding, "value": value, "unit": unit}
    [quantity] = known(base, observations=[observation]).quantities.values()
    assert quantity.exact == pytest.approx(canonical, rel=1e-3)


def test_the_neutrophil_count_follows_from_segments_and_bands(base: Knowledge) -> None:
    """The worked example of the textbook: 5200/uL with 15 % segmented and 4 % bands is 988/uL (coates-children)."""
    result = known(base, observations=[
        wbc(5200, "/uL"),
        {"finding": "segmented neutrophils percent", "value": 15, "unit": "%"},
        {"finding": "band neutrophils percent", "value": 4, "unit": "%"},
        {"finding": "metamyelocytes percent", "value": 10, "unit": "%"},
    ])  # fmt: skip
    assert result.quantities["anc"].exact == pytest.approx(0.988)


def test_neutrophils_in_percent_are_a_share_and_not_a_count(base: Knowledge) -> None:
    result = known(base, observations=[wbc(2.0, "10*9/L"), {"finding": "neutrophils", "value": 50, "unit": "%"}])
    assert result.quantities["neutrophils_percent"].exact == 50
    assert result.quantities["anc"].exact == pytest.approx(1.0)


def test_a_stated_count_is_checked_against_the_differential(base: Knowledge) -> None:
    result = known(base, observations=[
        wbc(2.0, "10*9/L"), {"finding": "ANC", "value": 1.9, "unit": "10*9/L"},
        {"finding": "neutrophils percent", "value": 20, "unit": "%"},
    ])  # fmt: skip
    assert any("differential" in warning for warning in result.warnings)
    assert result.quantities["anc"].exact == 1.9


def test_a_comparator_leaves_the_value_open_on_one_side(base: Knowledge, ready: Assessor) -> None:
    patient = Patient.parse({"observations": [
        {"finding": "anc", "value": 0.5, "unit": "10*9/L", "comparator": "<"}]})  # fmt: skip
    inference = ready.engine.infer(resolve(patient, base))
    assert inference.presence["severe_neutropenia"] is True
    assert "profound_neutropenia" not in inference.presence


def test_the_latest_of_several_dated_values_is_used(base: Knowledge) -> None:
    result = known(base, observations=[
        {**wbc(9.0, "10*9/L"), "days_before": 30}, {**wbc(2.0, "10*9/L"), "days_before": 1}, {**wbc(5.0, "10*9/L"), "days_before": 9},  # noqa: E501
    ])  # fmt: skip
    assert result.quantities["wbc"].exact == 2.0


def test_of_several_counts_at_one_time_the_lowest_holds_and_of_fevers_the_highest(base: Knowledge) -> None:
    fevers = [{"finding": "temperature", "value": value, "unit": "Cel"} for value in (39.4, 37.2)]
    result = known(base, observations=[wbc(2.0, "10*9/L"), wbc(3.0, "10*9/L"), *fevers])
    assert (result.quantities["wbc"].exact, result.quantities["temperature"].exact) == (2.0, 39.4)
    assert "lowest of 2" in result.quantities["wbc"].text
    assert len(result.warnings) == 2


def test_a_neutrophil_count_may_belong_to_the_higher_of_two_white_cell_counts(base: Knowledge) -> None:
    counts = [wbc(3.0, "10*9/L"), wbc(1.2, "10*9/L"), {"finding": "anc", "value": 2.1, "unit": "10*9/L"}]
    assert known(base, observations=counts).quantities["anc"].exact == 2.1


def test_several_values_of_another_quantity_are_the_range_they_span(base: Knowledge) -> None:
    result = known(base, observations=[{"finding": "mcv", "value": value, "unit": "fL"} for value in (88.0, 103.0)])
    assert (result.quantities["mcv"].low, result.quantities["mcv"].high) == (88.0, 103.0)
    assert result.warnings


@pytest.mark.parametrize(("spleen", "expected"), [([], False), ([{"finding": "splenomegaly", "present": True}], True)])
def test_no_hepatosplenomegaly_is_said_of_either_organ(
    base: Knowledge, spleen: list[dict[str, object]], expected: bool
) -> None:
    result = known(base, observations=[{"finding": "hepatosplenomegaly", "present": False}, *spleen])
    assert (result.presence["hepatomegaly"], result.presence["splenomegaly"]) == (False, expected)


def test_a_lower_and_an_upper_bound_are_the_ends_of_one_range(base: Knowledge) -> None:
    bounds = [{**wbc(1.0, "10*9/L"), "comparator": ">="}, {**wbc(2.0, "10*9/L"), "comparator": "<="}]
    result = known(base, observations=bounds)
    assert (result.quantities["wbc"].low, result.quantities["wbc"].high) == (1.0, 2.0)
    assert not result.warnings


@pytest.mark.parametrize(
    ("also", "unknown"),
    [
        ({}, True),
        ({"finding": "anc", "value": 1.2, "unit": "10*9/L"}, False),
        ({"finding": "mild neutropenia", "present": True}, False),
    ],
)
def test_a_neutropenia_neither_counted_nor_graded_is_of_unknown_depth(
    base: Knowledge, also: dict[str, object], unknown: bool
) -> None:
    said = [{"finding": "neutropenia", "present": True}, *([also] if also else [])]
    assert known(base, observations=said).presence.get("neutropenia_of_unknown_depth", False) is unknown


def test_counts_that_stay_low_for_months_are_chronic(base: Knowledge, ready: Assessor) -> None:
    counts = [{"finding": "anc", "value": 0.8, "unit": "10*9/L", "days_before": day} for day in (0, 60, 120)]
    patient = Patient.parse({"age": "40 a", "observations": counts})
    assert ready.assess(patient).severity.course == "chronic"


def test_a_cycle_is_read_from_dated_troughs(base: Knowledge) -> None:
    counts = [
        {"finding": "anc", "value": value, "unit": "10*9/L", "days_before": 70 - day}
        for day, value in enumerate([2.0, 1.5, 0.2, 1.5] + [2.0] * 17 + [0.2] + [2.0] * 20 + [0.1, 1.0, 2.0, 2.0])
    ]
    assert known(base, age="4 a", observations=counts).quantities["neutrophil_cycle_length"].exact == pytest.approx(
        20, abs=2
    )


@pytest.mark.parametrize(
    ("values", "treated", "cycles"),
    [
        ([0.1, 2.0] * 4 + [0.1], [], True),
        ([0.1, 2.0] * 4 + [0.1], [{"name": "docetaxel", "days_before": 80}], False),  # the count of each course
        ([0.1, 0.4] * 4 + [0.1], [], False),  # low throughout: waves of a chronic neutropenia
        ([0.1, 2.0, 0.1, 0.1, 0.1, 2.0, 2.0, 2.0, 0.1], [], False),  # at no even distance
    ],
)
def test_a_cycle_needs_even_troughs_and_normal_counts_between(
    base: Knowledge, values: list[float], treated: list[dict[str, object]], cycles: bool
) -> None:
    counts = [
        {"finding": "anc", "value": value, "unit": "10*9/L", "days_before": 84 - 10.5 * place}
        for place, value in enumerate(values)
    ]
    found = known(base, age="4 a", observations=counts, medications=treated)
    assert ("neutrophil_cycle_length" in found.quantities) is cycles


@pytest.mark.parametrize(
    ("before", "least", "most"),
    [
        ({3: 1.2}, 3, math.inf),  # since when is not known
        ({3: 1.2, 30: 2.8}, 3, 30),
        ({700: 1.2}, 700, math.inf),
    ],
)
def test_a_count_is_low_at_least_as_long_as_seen_and_at_most_since_it_was_normal(
    base: Knowledge, before: dict[float, float], least: float, most: float
) -> None:
    """The current count has no date: it is of today."""
    counts = [{"finding": "anc", "value": 1.1, "unit": "10*9/L"}]
    counts += [{"finding": "anc", "value": v, "unit": "10*9/L", "days_before": day} for day, v in before.items()]
    duration = known(base, age="40 a", observations=counts).quantities["duration_of_neutropenia"]
    assert (duration.low, min(duration.high, 1e6)) == (least, min(most, 1e6))


def test_a_drug_sets_the_exposure_it_stands_for(base: Knowledge) -> None:
    result = known(base, medications=[{"name": "Tapazole", "days_before": 40}])
    assert result.presence["culprit_drug_within_3_months"] is True
    assert result.exposures[0].drug.id == "methimazole"
    assert result.exposures[0].timing == "in_window"


@pytest.mark.parametrize(
    ("drug", "exposure", "lasting"),
    [
        ("azathioprine", "immunosuppressant_or_thiopurine_or_mtx", None),
        ("prednisolone", "corticosteroid_use", None),
        ("methimazole", "culprit_drug_within_3_months", None),
        ("docetaxel", "chemotherapy_within_6_weeks", "past_chemotherapy"),
    ],
)
def test_a_drug_stopped_long_before_is_no_exposure_and_the_answer_says_so(
    base: Knowledge, drug: str, exposure: str, lasting: str | None
) -> None:
    taken = known(base, medications=[{"name": drug, "days_before": 900}])
    stopped = known(base, medications=[{"name": drug, "days_before": 900, "stopped_days_before": 800}])
    assert taken.presence[exposure] is True
    assert exposure not in stopped.presence
    assert [name for name in stopped.presence if name == lasting] == ([lasting] if lasting else [])
    assert f"{drug}: stopped 800 days before, too long ago to count as taken" in stopped.warnings


@pytest.mark.parametrize(
    ("drug", "days", "timing"),
    [
        ("dapsone", 30, "in_window"),  # no latency of its own is published: as in most such reactions
        ("dapsone", 200, "unknown"),  # which is no limit
        ("docetaxel", 30, "unknown"),  # and says nothing of a drug that lowers every count
        ("methimazole", 200, "outside_window"),
    ],
)
def test_only_a_latency_of_its_own_speaks_against_a_drug(base: Knowledge, drug: str, days: float, timing: str) -> None:
    assert known(base, medications=[{"name": drug, "days_before": days}]).exposures[0].timing == timing


def test_a_drug_started_after_the_count_fell_is_ruled_out_and_says_so() -> None:
    patient = {
        "age": "40 a",
        "observations": [wbc(1.0, "10*9/L")],
        "medications": [{"name": "methimazole", "days_before": -3}],
    }
    answer = leukoref.assess(patient)
    candidate = next(c for c in answer.candidates if c.cause == "drug_induced_neutropenia")
    assert candidate.drugs[0].timing == "started_after"
    assert not [e for e in candidate.supports if e.finding == "culprit_drug_within_3_months"]


def test_a_drug_stopped_long_ago_is_no_exposure(base: Knowledge) -> None:
    result = known(base, medications=[{"name": "rituximab", "days_before": 900, "stopped_days_before": 800}])
    assert "anti_cd20_within_a_year" not in result.presence


def test_an_unknown_drug_lands_in_unrecognized(base: Knowledge) -> None:
    assert known(base, medications=[{"name": "florbizole"}]).unrecognized == [
        {"medication": "florbizole", "suggestions": []}
    ]


def test_a_narrower_hpo_term_counts_as_the_finding_above_it(base: Knowledge) -> None:
    result = known(base, observations=[{"finding": "axillary lymphadenopathy", "present": True}])
    assert any(name in result.presence for name in ("lymphadenopathy", "axillary_lymphadenopathy"))
    assert not result.unrecognized


def test_the_absence_of_the_parent_denies_the_child(base: Knowledge, ready: Assessor) -> None:
    patient = Patient.parse({"observations": [{"finding": "lymphadenopathy", "present": False}]})
    inference = ready.engine.infer(resolve(patient, base))
    children = base.denied["lymphadenopathy"]
    assert "cervical_lymphadenopathy" in children
    assert all(inference.presence[child] is False for child in children)


def test_every_finding_of_the_published_cases_is_recognised(base: Knowledge, case_files) -> None:  # type: ignore[no-untyped-def]
    unknown, total = [], 0
    for path in case_files:
        patient = Patient.from_file(path)
        total += len(patient.observations)
        unknown += [o.finding for o in patient.observations if match_name(o.finding, o.code, base) is None]
    assert len(unknown) / total <= 0.02, unknown


def test_a_cached_base_knows_names_and_laboratory_units_without_working_them_out() -> None:
    """Reading the grammar of units takes longer than a hundred assessments, so a warm start does without it."""
    code = (
        "import sys, leukoref; leukoref.load_knowledge(); "
        "leukoref.assess({'age': '45 a', 'observations': [{'finding': 'WBC', 'value': 2.1, 'unit': 'K/uL'}, "
        "{'finding': 'Hb', 'value': 98, 'unit': 'g/L'}]}); "
        "assert 'pint' not in sys.modules and 'ucumvert' not in sys.modules"
    )
    leukoref.load_knowledge()
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_confirming_result_is_later_than_the_same_test_at_presentation(base: Knowledge) -> None:
    patient = Patient.parse({
        "presentation": [wbc(2.1, "K/uL"), {"finding": "dengue antibody", "present": False}],
        "confirmation": [{"finding": "dengue antibody", "present": True}],
    })  # fmt: skip
    found = resolve(patient, base)
    assert any(state for name, state in found.presence.items() if "dengue" in name or "viral" in name)
    assert any("dengue antibody" in warning for warning in found.warnings)


def test_of_two_stages_the_later_value_holds_but_for_a_count_that_has_recovered(base: Knowledge) -> None:
    copper = {"finding": "serum copper", "unit": "ug/dL"}
    patient = Patient.parse({
        "presentation": [wbc(2.1, "K/uL"), copper | {"value": 90}],
        "confirmation": [wbc(6.0, "K/uL"), copper | {"value": 10}],
    })  # fmt: skip
    found = resolve(patient, base)
    assert found.quantities["wbc"].exact == 2.1
    assert found.quantities["copper"].exact == 10
    assert len([warning for warning in found.warnings if "under confirmation" in warning]) == 2


def test_a_confirming_value_contradicts_no_presence(base: Knowledge) -> None:
    name = "anti-dsDNA antibody positivity"
    value = {"finding": name, "value": 90, "unit": "[IU]/mL"}
    patient = Patient.parse({"presentation": [{"finding": name, "present": True}], "confirmation": [value]})
    assert resolve(patient, base).presence["anti_dsdna_positivity"] is True


def test_the_name_of_a_quantity_agrees_with_the_code_of_what_its_presence_means(base: Knowledge) -> None:
    said = {"finding": "rheumatoid factor", "code": "HP:0002923", "present": True}
    assert resolve(Patient.parse({"observations": [said]}), base).presence == {"rheumatoid_factor": True}


def test_what_is_said_against_a_measured_value_is_warned_of() -> None:
    observations = [
        {"finding": "WBC", "value": 2.0, "unit": "10*9/L"}, {"finding": "fever", "present": False},
        {"finding": "body temperature", "value": 39, "unit": "Cel"},
    ]  # fmt: skip
    warnings = leukoref.assess({"age": "40 a", "observations": observations}).warnings
    assert warnings == ("fever: said to be absent, against body temperature 39 Cel; check both",)


def test_a_measured_value_from_which_nothing_follows_is_said_to_be_unused() -> None:
    """Limits of the body mass index hold for adults."""
    observations = [
        {"finding": "WBC", "value": 2.0, "unit": "10*9/L"}, {"finding": "BMI", "value": 13.1, "unit": "kg/m2"},
        {"finding": "neutrophils percent", "value": 30, "unit": "%"},
    ]  # fmt: skip
    assert leukoref.assess({"age": "17 a", "observations": observations}).unused == ("body mass index 13.1 kg/m2",)
    assert leukoref.assess({"age": "18 a", "observations": observations}).unused == ()


def test_no_neutrophil_in_the_differential_is_a_count_of_none_whatever_the_white_cells(base: Knowledge) -> None:
    result = known(base, observations=[{"finding": "neutrophils percent", "value": 0, "unit": "%"}])
    assert result.quantities["anc"].exact == 0.0
    some = known(base, observations=[{"finding": "neutrophils percent", "value": 1, "unit": "%"}])
    assert "anc" not in some.quantities
