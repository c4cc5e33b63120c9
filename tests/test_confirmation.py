"""A cause that is named under `confirmation` is settled; named anywhere else it only speaks."""

import pytest

import leukoref

BASE = leukoref.load_knowledge()
COUNTS = [{"finding": "wbc", "value": 1.8, "unit": "10*9/L"}, {"finding": "anc", "value": 0.7, "unit": "10*9/L"}]


def answer(name: str, stage: str = "confirmation", *, present: bool = True) -> leukoref.Assessment:
    said = {"finding": name, "stage": stage, "present": present}
    return leukoref.assess({"age": "40 a", "observations": [*COUNTS, said]})


def established(name: str, **how: object) -> list[str]:
    return [c.cause for c in answer(name, **how).candidates if c.band == "established"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("finding", "cause"), [(f, c.id) for c in BASE.causes for f in c.diagnosis])
def test_the_diagnosis_of_every_cause_settles_it(finding: str, cause: str) -> None:
    first = answer(BASE.finding[finding].name).candidates[0]
    assert (first.cause, first.band) == (cause, "established")
    assert any(note.text.startswith("named under confirmation: ") for note in first.adjustments)


NAMES = [(name, c.id) for c in BASE.causes for name in (c.name, c.name.split(" (")[0], *c.called)]


@pytest.mark.parametrize(("name", "cause"), NAMES)
def test_so_does_its_own_name_and_what_it_is_called(name: str, cause: str) -> None:
    for said in (name, f"confirmed {name}"):
        first = answer(said).candidates[0]
        assert (first.cause, first.band) == (cause, "established")


def test_a_low_level_is_no_deficiency_that_the_work_up_came_to() -> None:
    assert established("low vitamin B12") == []
    assert established("vitamin B12 deficiency") == ["vitamin_b12_deficiency"]
    assert established("vitamin B12 deficiency", stage="presentation") == []
    assert established("vitamin B12 deficiency", present=False) == []


@pytest.mark.parametrize("stage", ["presentation", "history"])
def test_named_before_it_is_no_proof(stage: str) -> None:
    assert established("acute myeloid leukemia", stage=stage) == []


@pytest.mark.parametrize("name", ["suspected tuberculosis", "family history of leukemia", "tuberculosis ruled out",
                                  "exposure to tuberculosis", "risk of sarcoidosis"])  # fmt: skip
def test_what_only_sounds_like_a_diagnosis_settles_nothing(name: str) -> None:
    assert established(name) == []


def test_the_reader_is_told_that_the_user_said_so() -> None:
    assert "established: the diagnosis was given as confirmed" in answer("sarcoidosis").to_markdown()
    assert "named under confirmation: sarcoidosis" in answer("sarcoidosis").to_text()


def test_a_diagnosis_that_is_absent_settles_nothing() -> None:
    assert established("tuberculosis", present=False) == []


def test_the_narrower_name_is_the_one_that_counts() -> None:
    assert established("acute promyelocytic leukemia") == ["acute_promyelocytic_leukemia"]
    assert established("hairy cell infiltration of bone marrow") == ["hairy_cell_leukemia"]


def test_a_sign_that_goes_with_a_cause_is_not_its_name() -> None:
    assert established("bone marrow fibrosis") == []  # as in leukemia; primary myelofibrosis is the diagnosis
    assert established("primary myelofibrosis") == ["marrow_infiltration"]


def test_a_proven_hiv_infection_of_the_history_does_not_close_the_question() -> None:
    observations = [*COUNTS, {"finding": "HIV infection", "stage": "history", "present": True},
                    {"finding": "HIV viral load", "value": 12000, "unit": "{copies}/mL"},
                    {"finding": "CD4 count", "value": 20, "unit": "/uL"}]  # fmt: skip
    candidates = leukoref.assess({"age": "40 a", "observations": observations}).candidates
    assert next(c for c in candidates if c.cause == "hiv").band != "established"


SETTLED = [
    ("hiv", ["HIV infection"], ["neutrophil recovery on antiretroviral therapy"]),
    ("hiv", ["fever"], ["negative HIV antibody test", "positive HIV p24 antigen"]),
    ("rheumatoid_arthritis_felty", ["splenomegaly", "neutropenia"],
     ["erosions on hand radiographs", "anti-CCP positive"]),
    ("common_variable_immunodeficiency", ["recurrent pneumonia"],
     ["low IgG and IgA", "heterozygous pathogenic NFKB1 variant"]),
    ("common_variable_immunodeficiency", ["recurrent pneumonia"],
     ["low IgG and IgM", "poor vaccine response", "exclusion of secondary hypogammaglobulinemia"]),
    ("tuberculosis", ["fever"], ["caseating granulomas on liver biopsy", "recovery on antituberculous therapy"]),
    ("tick_borne_infection", ["fever", "tick bite"],
     ["scrub typhus IgM positive", "eschar", "defervescence within 48 hours of doxycycline"]),
    ("acute_promyelocytic_leukemia", ["ecchymoses"], ["RARA break-apart FISH positive"]),
    ("viral_infection", ["fever"], ["influenza B PCR positive", "neutrophil count normal after 12 days"]),
    ("sjogren", ["dry eyes"], ["SS-A positive", "ocular staining score of 6"]),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "before", "after"), SETTLED)
def test_results_settle_a_cause_and_half_of_them_do_not(cause: str, before: list[str], after: list[str]) -> None:
    def settled(names: list[str]) -> list[str]:
        said = [{"finding": n, "present": True} for n in before]
        said += [{"finding": n, "stage": "confirmation", "present": True} for n in names]
        candidates = leukoref.assess({"age": "40 a", "observations": [*COUNTS, *said]}).candidates
        return [c.cause for c in candidates if c.band == "established"]

    assert cause in settled(after)
    assert cause not in settled(after[1:])


def test_screening_patients_settles_the_same_causes() -> None:
    names = ["acute myeloid leukemia", "sarcoidosis", "hairy cell leukemia", "fever"]
    patients = [
        {"age": "40 a", "observations": [*COUNTS, {"finding": name, "stage": "confirmation", "present": True}]}
        for name in names
    ]
    for row, name in zip(leukoref.screen(patients, top=3).iter_rows(named=True), names, strict=True):
        first = answer(name).candidates[0]
        assert (row["cause_1"], row["band_1"]) == (first.cause, first.band)


@pytest.mark.parametrize(("bare", "cause"), [
    ("Ehrlichia chaffeensis", "tick_borne_infection"), ("Orientia tsutsugamushi", "tick_borne_infection"),
    ("Salmonella Typhi", "typhoid_fever"), ("Mycobacterium bovis", "tuberculosis"), ("dengue virus", "viral_infection"),
    ("HIV serology", "hiv"),
])  # fmt: skip
def test_an_organism_or_a_test_that_is_there_under_confirmation_was_found(bare: str, cause: str) -> None:
    assert established(bare) == [cause]
    assert established(bare, stage="presentation") == []
    assert established(bare, present=False) == []


def test_a_cause_that_a_later_result_denies_is_not_settled() -> None:
    said = {"finding": "folate deficiency", "stage": "confirmation"}
    answer = leukoref.assess({"observations": [*COUNTS, {**said, "present": True}, {**said, "present": False}]})
    assert [c.cause for c in answer.candidates if c.band == "established"] == []
    assert answer.warnings == ("folate deficiency: the result under confirmation is the later one and holds",)


def test_a_name_that_settles_the_question_is_not_listed_as_unused() -> None:
    name = "Transient leukopenia of haemodialysis"  # a cause, and no finding
    assert answer(name).unused == ()
    assert answer(name, "presentation").unused == (name,)
