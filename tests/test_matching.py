"""A name beside a code, and units as they are printed for one finding and no other."""

from __future__ import annotations

import pytest

from leukoref.assessor import Assessor
from leukoref.errors import InputError
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.matching import match_code, match_name
from leukoref.patient import Patient

ADULT = {"age": "40 a"}


@pytest.mark.parametrize(
    ("name", "code", "finding"),
    [
        ("thrombocytopenia", "HP:0001873", "thrombocytopenia"),  # the same
        ("macrocytic anemia", "HP:0001903", "macrocytic_anemia"),  # the name is narrower than the code
        ("leukopenia", "HP:0001888", "lymphopenia"),  # the code is narrower than the name
        ("learning disability", "HP:0001328", "intellectual_disability"),  # the label of the code with a word left out
        ("tonsillitis", "HP:0011110", "recurrent_tonsillitis"),  # the code is called by more words than the name
        ("intermittent neutropenia", "HP:0001875", "intermittent_neutropenia"),  # called by more words than the code
    ],
)
def test_of_a_name_and_a_code_that_agree_the_narrower_holds(
    base: Knowledge, name: str, code: str, finding: str
) -> None:
    match = match_name(name, code, base)
    assert match is not None
    assert match.finding == finding


@pytest.mark.parametrize(
    ("name", "code", "finding"),
    [("WHIM syndrome", "ICD10CM:D70.8", "whim_dx"), ("benign ethnic neutropenia", "D70.8", "duffy_null_dx")],
)
def test_a_diagnosis_holds_beside_the_wide_code_under_which_its_cause_is_filed(
    base: Knowledge, name: str, code: str, finding: str
) -> None:
    match = match_name(name, code, base)
    assert match is not None
    assert match.finding == finding


@pytest.mark.parametrize(
    ("name", "code", "wrong"),
    [
        ("family history of diabetes mellitus", "HP:0000819", "diabetes"),
        ("family history of iron deficiency anemia", "HP:0001891", "iron_deficiency_anemia"),
        ("no oral ulcers", "HP:0000155", "oral_ulcers"),
        ("suspected acute leukemia", "HP:0002488", "acute_leukemia_dx"),
        ("maternal diabetes mellitus", "HP:0000819", "diabetes"),
        ("resolved oral ulcers", "HP:0000155", "oral_ulcers"),
    ],
)
def test_a_name_that_turns_what_its_code_says_holds(base: Knowledge, name: str, code: str, wrong: str) -> None:
    match = match_name(name, code, base)
    assert match is None or wrong not in (match.finding, *match.implied)


@pytest.mark.parametrize(
    ("name", "code"), [("thrombocytopenia", "HP:0001894"), ("leukocytosis", "HP:0001882"), ("fever", "HP:0001903")]
)
def test_opposite_ends_of_one_scale_and_other_findings_clash(base: Knowledge, name: str, code: str) -> None:
    with pytest.raises(InputError, match="different findings"):
        match_name(name, code, base)


@pytest.mark.parametrize(
    ("name", "value", "unit", "quantity", "expected"),
    [
        ("Glasgow coma scale", 12, "1", "glasgow_coma_scale", 12),
        ("Glasgow coma scale", 12, "{points}", "glasgow_coma_scale", 12),
        ("antinuclear antibody titre", 160, "1", "antinuclear_antibody_titre", 160),
        ("platelet count", 0.5, "lakh/mm3", "platelets", 50),
        ("reticulocytes", 5, "‰", "reticulocytes_percent", 0.5),
        ("ESR", 80, "mm", "esr", 80),
        ("CD4+ T cells", 12, "%", "cd4_percent", 12),
        ("prothrombin time", 50, "%", "prothrombin_activity", 50),
        ("rheumatoid factor", 100, "U/mL", "rheumatoid_factor_level", 100),
        ("IgE", 120, "kU/L", "immunoglobulin_e", 120),
        ("HIV RNA", 5.3, "log10 copies/mL", "hiv_viral_load_log10", 5.3),
        ("CMV viral load", 3.5, "log10 IU/mL", "cmv_viral_load_log10", 3.5),
        ("platelet count", 3.2, "×10⁴/µL", "platelets", 32),
        ("platelets", 1.2, "lakhs", "platelets", 120),
        ("WBC", 1.2, "x10^9", "wbc", 1.2),
        ("WBC", 1200, "/mm3.", "wbc", 1.2),
        ("WBC", 1200, "/mmc", "wbc", 1.2),
        ("MCV", 110, "fL/cell", "mcv", 110),
        ("RDW", 55, "fL", "red_cell_distribution_width_sd", 55),
        ("RDW", 15, "%", "red_cell_distribution_width", 15),
        ("UPCR", 200, "mg/mmol", "urine_protein_creatinine_ratio", 1768.034),
    ],
)
def test_a_unit_in_which_reports_print_a_result_is_read(
    base: Knowledge, name: str, value: float, unit: str, quantity: str, expected: float
) -> None:
    observation = {"finding": name, "value": value, "unit": unit}
    found = resolve(Patient.parse({**ADULT, "observations": [observation]}), base)
    assert found.quantities[quantity].low == pytest.approx(expected)


def test_a_bare_number_is_no_percentile(base: Knowledge) -> None:
    observation = {"finding": "telomere length", "value": 0.6, "unit": "1"}
    with pytest.raises(InputError, match="wrong dimension"):
        resolve(Patient.parse({**ADULT, "observations": [observation]}), base)


@pytest.mark.parametrize(
    ("age", "observation", "follows"),
    [
        ("6 a", {"finding": "spleen below costal margin", "value": 8, "unit": "cm"}, "splenomegaly"),
        ("40 a", {"finding": "spleen below costal margin", "value": 1, "unit": "cm"}, "splenomegaly"),
        ("8 mo", {"finding": "spleen length", "value": 75, "unit": "mm"}, "splenomegaly"),
        ("40 a", {"finding": "HIV RNA", "value": 5.3, "unit": "log10 copies/mL"}, "positive_hiv_rna"),
        ("40 a", {"finding": "Histoplasma urine antigen", "value": 10, "unit": "ng/mL"}, "histoplasma_antigen"),
        ("40 a", {"finding": "EBV DNA", "value": 1e5, "unit": "copies/ug DNA"}, "epstein_barr_virus_pcr"),
        ("6 a", {"finding": "hemoglobin F", "value": 8.6, "unit": "%"}, "hemoglobin_f_persistence"),
    ],
)
def test_what_a_measured_value_shows_follows(
    ready: Assessor, age: str, observation: dict[str, object], follows: str
) -> None:
    found = resolve(Patient.parse({"age": age, "observations": [observation]}), ready.base)
    assert ready.engine.infer(found).presence[follows]


@pytest.mark.parametrize(("age", "persists"), [("7 mo", False), ("2 a", True)])
def test_fetal_hemoglobin_is_judged_by_age(ready: Assessor, age: str, persists: bool) -> None:
    observation = {"finding": "HbF", "value": 12, "unit": "%"}
    found = resolve(Patient.parse({"age": age, "observations": [observation]}), ready.base)
    assert ready.engine.infer(found).presence["hemoglobin_f_persistence"] is persists


def test_a_spleen_tip_in_a_small_child_is_no_large_spleen(ready: Assessor) -> None:
    observation = {"finding": "spleen below costal margin", "value": 1, "unit": "cm"}
    found = resolve(Patient.parse({"age": "1 a", "observations": [observation]}), ready.base)
    assert "splenomegaly" not in ready.engine.infer(found).presence


@pytest.mark.parametrize(
    ("code", "implied"),
    [
        ("HP:0007340", ("muscle_weakness",)),  # lower limb muscle weakness, to HPO an abnormality of the limbs
        ("HP:0001387", ()),  # joint stiffness, the same
        ("HP:0040088", ("abnormal_leukocyte_count", "blood_abnormality")),  # abnormal lymphocyte count
    ],
)
def test_what_hpo_puts_below_a_finding_that_means_something_narrower_is_not_taken_for_it(
    base: Knowledge, code: str, implied: tuple[str, ...]
) -> None:
    match = match_code(code, base)
    assert match is not None
    assert (match.finding, match.implied) == (None, implied)
