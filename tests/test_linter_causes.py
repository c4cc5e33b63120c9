"""What the linter says of causes that cannot be trusted or weighed, and of priors, drugs, flags and codes."""

from __future__ import annotations

import pytest
from sound_base import CAUSE, CAUSE_FILE, DRUGS, FINDINGS, PRIORS, RED_FLAG, SOURCES, line_of, lint_with, only, replaced

from leukoref.knowledge.checks.codes import loinc_check_digit

linted = pytest.fixture(lint_with)


def test_two_causes_cannot_have_one_diagnosis(linted):
    other = replaced(CAUSE, "id: hypersplenism", "id: big_spleen")
    found = linted({"causes/spleen/big_spleen.yaml": other})
    assert [c.message for c in found if c.check == "shared_diagnosis"] == [
        "'massive_splenomegaly' is the diagnosis of big_spleen as well"
    ]


def test_two_causes_cannot_be_called_the_same(linted):
    called = replaced(CAUSE, "diagnosis: [massive_splenomegaly]", "called: [Banti syndrome]")
    other = replaced(called, "id: hypersplenism", "id: big_spleen").replace("[Banti", "[banti")
    found = linted({CAUSE_FILE: called, "causes/spleen/big_spleen.yaml": other})
    assert [c.message for c in found if c.check == "shared_diagnosis"] == [
        "'Banti syndrome' is the diagnosis of big_spleen as well"
    ]


# -- statements and sources -------------------------------------------------------------------------


def with_statement(text: str, source: str = "smith-2020, seen: abstract", reason: str = "r") -> dict[str, str]:
    """The cause with one more statement ``d``."""
    added = f"  - {{id: d, {text}, source: {source}, reason: {reason}}}\n  - id: no_spleen\n"
    return {CAUSE_FILE: replaced(CAUSE, "  - id: no_spleen\n", added)}


def test_a_statement_made_twice_is_reported(linted):
    files = with_statement("finding: splenomegaly, frequency: {n: 40, of: 41}", "smith-20, seen: abstract")
    assert "splenomegaly" in only(linted(files), "duplicate_statement").message


@pytest.mark.parametrize("figure", ["{n: 4, of: 41}", "{term: very_rare}", "{proportion: 0.5}"])
def test_two_figures_of_one_source_for_one_population_are_reported(linted, figure):
    found = linted(with_statement(f"finding: splenomegaly, frequency: {figure}"))
    assert "contradicts splenomegaly" in only(found, "contradictory_statement").message


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("finding: splenomegaly, frequency: {n: 4, of: 9}, population: infants", "smith-2020, seen: abstract"),
        ("finding: splenomegaly, frequency: {proportion: 0.98}", "smith-2020, seen: abstract"),
        ("finding: splenomegaly, state: absent, frequency: {n: 1, of: 41}", "smith-2020, seen: abstract"),
        ("finding: splenomegaly, frequency: {n: 4, of: 9}", "jones-2021, seen: excerpt"),
    ],
    ids=["another population", "the same, rounded", "the complement", "another source"],
)
def test_figures_that_agree_or_are_of_others_pass(linted, said, source):
    assert linted(with_statement(said, source)) == []


def test_one_source_cannot_support_and_oppose(linted):
    files = with_statement("finding: neutropenia, qualitative: opposes", "jones-2021, seen: excerpt")
    assert "opposes what c supports" in only(linted(files), "contradictory_statement").message


@pytest.mark.parametrize(
    ("said", "check"),
    [
        ("finding: anc, frequency: {n: 1, of: 2}", "speaks_of_a_quantity"),
        ('finding: anc, bins: ["<2"], frequency: {n: 1, of: 2}', "unknown_bin"),
        ('finding: splenomegaly, bins: ["<2"], frequency: {n: 1, of: 2}', "unknown_bin"),
        ("finding: splenomegaly, likelihood_ratio: {positive: 2, negative: 3}", "odd_likelihood_ratio"),
        ("finding: splenomegaly, likelihood_ratio: {}", "odd_likelihood_ratio"),
    ],
)
def test_a_statement_that_cannot_be_weighed_is_reported(linted, said, check):
    files = with_statement(said, "jones-2021, seen: excerpt")
    assert only(linted(files), check).line == line_of(files[CAUSE_FILE], "{id: d")


def test_a_statement_that_claims_more_was_read_than_is_recorded_is_reported(linted):
    files = with_statement("finding: splenomegaly, qualitative: supports", "jones-2021, seen: full text")
    assert only(linted(files), "read_more_than_recorded").line == line_of(files[CAUSE_FILE], "full text")


def test_a_statement_without_a_reason_is_reported(linted):
    files = with_statement("finding: splenomegaly, qualitative: supports", reason="' '")
    assert only(linted(files), "empty_text").line == line_of(files[CAUSE_FILE], "{id: d")


def test_an_impossible_proportion_is_reported_with_its_line(linted):
    files = with_statement("finding: splenomegaly, frequency: {proportion: 1.2}")
    complaint = next(c for c in linted(files) if c.check == "form")
    assert complaint.line == line_of(files[CAUSE_FILE], "1.2")


def test_a_source_that_nobody_cites_is_a_warning(linted):
    text = SOURCES + "  - {id: lost-1990, type: book, title: t, URL: u, custom: {study_type: review, seen: excerpt}}\n"
    complaint = only(linted({"sources.yaml": text}), "uncited_source")
    assert (complaint.rule, complaint.line, complaint.severity) == ("lost-1990", line_of(text, "lost-1990"), "warning")


def test_an_alias_of_a_source_counts_as_the_source(linted):
    assert linted({"drugs/antithyroid.yaml": DRUGS.replace("smith-2020", "smith-20")}) == []


def test_a_source_that_does_not_say_what_was_read_is_a_warning(linted):
    text = replaced(SOURCES, "study_type: cohort, seen: abstract", "study_type: hearsay")
    assert {c.check for c in linted({"sources.yaml": text})} == {"undescribed_source"}


def test_few_statements_are_a_warning_and_a_common_cause_needs_more(linted):
    text = replaced(CAUSE, "  - {id: c,", "  # - {id: c,")
    assert "at least 6 for a rare cause" in only(linted({CAUSE_FILE: text}), "few_statements").message
    common = linted({"priors.yaml": PRIORS.replace("tier: rare", "tier: common"), CAUSE_FILE: CAUSE})
    assert "at least 12 for a common cause" in only(common, "few_statements").message


def test_a_cause_without_a_near_miss_is_reported(linted):
    text = replaced(CAUSE, "expect: {above: hypersplenism}", "expect: {within: 3}")
    assert "near miss" in only(linted({CAUSE_FILE: text}), "few_examples").remedy


@pytest.mark.parametrize("finding", ["enlarged splen", "ANC, value: 3, unit: kg, x"])
def test_an_example_that_cannot_be_read_is_reported(linted, finding):
    text = replaced(CAUSE, "{finding: enlarged spleen, present: true}", f"{{finding: {finding}, present: true}}")
    assert only(linted({CAUSE_FILE: text}), "unreadable_example").line == line_of(text, finding)


# -- profile, priors, drugs, red flags, codes -------------------------------------------------------


def test_a_hole_in_the_core_profile_is_reported(linted):
    text = replaced(CAUSE, "{id: splenomegaly, finding: splenomegaly, frequency: {n: 40, of: 41}",
                    "{id: splenomegaly, finding: splenomegaly, qualitative: supports")  # fmt: skip
    complaint = only(linted({CAUSE_FILE: text}), "core_hole")
    assert complaint.message == "silent on 1 of 1 core findings: splenomegaly"


@pytest.mark.parametrize(
    ("told", "complaints"),
    [("", 1), (", background: {estimate: 0.02, reasoning: rare}", 0), (", is_a: [splenomegaly]", 0)],
)
def test_a_finding_that_few_causes_speak_of_needs_its_background(linted, told, complaints):
    cave = f"  - {{id: cave, name: cave visit, kind: presence, test: examination{told}}}\n"
    findings = replaced(FINDINGS, "  - {id: massive_splenomegaly,", cave + "  - {id: massive_splenomegaly,")
    cause = replaced(CAUSE, "{id: a, finding: massive_splenomegaly,", "{id: a, finding: cave,")
    found = linted({"findings/counts.yaml": findings, CAUSE_FILE: cause})
    assert sum(complaint.check == "lone_speaker" for complaint in found) == complaints


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ("anc: [0.05, 0.55, 0.5]", "add up to 1.1"),
        ("anc: [0.5, 0.5]", "2 shares for 3 bins"),
        ("anc: [-0.1, 0.7, 0.4]", "between 0 and 1"),
        ("anc: 0.3", "is a scale"),
        ("anc: [0.05, 0.55, 0.4], splenomegaly: 1.4", "no probability"),
        ("anc: [0.05, 0.55, 0.4], splenomegaly: [0.5, 0.5]", "is no scale"),
        ("anc: [0.05, 0.55, 0.4], spleen: 0.4", "unknown finding"),
    ],
)
def test_an_estimate_that_is_no_probability_is_reported(linted, cells, word):
    text = replaced(CAUSE, "anc: [0.05, 0.55, 0.4]", cells)
    complaint = only(linted({CAUSE_FILE: text}), "wrong_cell")
    assert word in complaint.message
    assert complaint.line == line_of(text, cells)


def test_an_estimate_needs_its_reasoning(linted):
    text = replaced(CAUSE, "    reasoning: mild as a rule\n", "")
    assert "no reasoning" in only(linted({CAUSE_FILE: text}), "wrong_cell").message


@pytest.mark.parametrize("speaker", ["id: massive_splenomegaly", "id: splenomegaly"])
def test_an_estimate_may_leave_its_reasoning_to_the_finding_or_a_wider_one(linted, speaker):
    text = replaced(CAUSE, "mimics:", "  - {group: spleen, cells: {massive_splenomegaly: 0.1}}\nmimics:")
    assert "no reasoning" in only(linted({CAUSE_FILE: text}), "wrong_cell").message
    told = replaced(FINDINGS, f"{speaker},", f"{speaker}, why: it grows,")
    assert "wrong_cell" not in {c.check for c in linted({CAUSE_FILE: text, "findings/counts.yaml": told})}


def test_an_estimate_of_a_finding_that_a_scale_says_is_refused_with_the_bins_to_write(linted):
    text = replaced(CAUSE, "anc: [0.05, 0.55, 0.4]", "anc: [0.05, 0.55, 0.4], neutropenia: 0.6")
    complaint = only(linted({CAUSE_FILE: text}), "wrong_cell")
    assert complaint.message == "neutropenia is weighed on the scale anc"
    assert complaint.remedy == (
        "give one share per bin, as in anc: [<0.5, 0.5-1.5, >=1.5] (neutropenia is <0.5, 0.5-1.5)"
    )


def test_an_estimate_of_a_finding_that_several_scales_say_is_refused(linted):
    mcv = FINDINGS.partition("scales:\n")[2].replace("id: anc", "id: mcv")
    text = replaced(CAUSE, "anc: [0.05, 0.55, 0.4]", "anc: [0.05, 0.55, 0.4], mcv: [1, 0, 0], neutropenia: 0.6")
    found = linted({"findings/counts.yaml": FINDINGS + mcv, CAUSE_FILE: text})
    assert only(found, "wrong_cell").message == "neutropenia is weighed on the scales anc and mcv"


def test_a_core_finding_that_a_scale_already_says_is_no_hole(linted):
    text = replaced(FINDINGS, "name: neutropenia, kind: presence", "name: neutropenia, core: true, kind: presence")
    assert linted({"findings/counts.yaml": text}) == []


def test_a_cause_without_a_prior_is_reported(linted):
    text = replaced(PRIORS, "causes: {hypersplenism: {tier: rare}}", "causes: {}")
    assert "no prior for hypersplenism" in only(linted({"priors.yaml": text}), "missing_prior").message


@pytest.mark.parametrize("prior", ["{n: 9, of: 4, source: smith-2020}", "{n: 1, of: 4}", "{tier: often}"])
def test_a_prior_that_cannot_be_is_reported(linted, prior):
    found = [c for c in linted({"priors.yaml": replaced(PRIORS, "{tier: rare}", prior)}) if c.severity == "error"]
    assert only(found, "wrong_prior").line == line_of(PRIORS, "tier: rare}}")


@pytest.mark.parametrize(
    ("old", "new"),
    [("from_days: 14", "from_days: 140"), ("    mechanism_source: smith-2020\n", ""), ("    evidence:", "    notes:")],
)
def test_a_drug_that_contradicts_itself_is_reported(linted, old, new):
    assert only(linted({"drugs/antithyroid.yaml": replaced(DRUGS, old, new)}), "wrong_drug").rule == "methimazole"


def test_a_red_flag_without_action_is_reported(linted):
    text = replaced(RED_FLAG, "look for infection today", "''")
    assert only(linted({"red_flags/severe_neutropenia.yaml": text}), "empty_text").line == line_of(text, "action")


@pytest.mark.parametrize(
    "codes", ["{loinc: [6690-3]}", "{loinc: [six]}", "{hpo: [HP:174]}", "{icd10cm: [R161]}", "{rxnorm: [x]}"]
)
def test_a_malformed_code_is_reported(linted, codes):
    text = replaced(FINDINGS, "core: true}", f"core: true, codes: {codes}}}")
    assert only(linted({"findings/counts.yaml": text}), "wrong_code").rule == "splenomegaly"


@pytest.mark.parametrize("codes", ["{loinc: [6690-2]}", "{icd10cm: [D70.9]}", "{snomed: ['165517008']}"])
def test_a_code_that_stands_for_two_findings_is_reported(linted, codes):
    text = replaced(FINDINGS, "core: true}", f"core: true, codes: {codes}}}")
    text = replaced(text, "    synonyms: [ANC]", f"    synonyms: [ANC]\n    codes: {codes}")
    complaint = only(linted({"findings/counts.yaml": text}), "shared_code")
    assert (complaint.rule, complaint.severity) == ("anc", "error")


def test_the_check_digit_of_loinc_is_mod_10():
    assert loinc_check_digit("6690-2")
    assert loinc_check_digit("26464-8")
    assert not loinc_check_digit("26464-9")
