"""What the base rests on: tables that can be recomputed, and answers that are read off the base."""

from __future__ import annotations

import math

import pytest
from sound_base import CAUSE, CAUSE_FILE, SOUND, SOURCES, WEIGHING, replaced, write

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.coverage import check_sources, core_cells, coverage, dsi, estimates, information
from leukoref.knowledge.evidence import EvidenceTable, Profile
from leukoref.knowledge.linter import lint
from leukoref.knowledge.loader import load_knowledge, packaged_rules, read

NUMBERS = """\
jeffreys: {value: 0.5, reason: r}
assumed_denominator: {value: 20, reason: r}
frequency_terms: {value: {obligate: 1, very_frequent: 0.9, frequent: 0.5, occasional: 0.2, very_rare: 0.02, excluded: 0}, reason: r}
estimate_floor: {value: 0.005, reason: r}
kinds_fit: {value: 3, reason: r}
repeated_share: {value: 0.5, reason: r}
unrelated_share: {value: {present: 0.0, scale: 0.0, absent: 0.0, negative_test: 0.0}, reason: r}
done_tests: {value: [], reason: r}
weight_caps: {value: {estimate: 15, sourced: 20, ratio: 20}, reason: r}
rest_rates: {value: {default: 0.05}, reason: r}
assumed_spread_at_most: {value: 0.5, reason: r}
"""  # noqa: E501
SECOND = """\
id: mimic
name: Mimic
mechanisms: [spleen]
estimates:
  - {group: guesses, reasoning: a guess, cells: {anc: [0.5, 0.3, 0.2], splenomegaly: 0.1, massive_splenomegaly: 0.01}}
provenance: {author_role: software engineer, date: 2026-11-23, review_status: not reviewed by a clinician}
"""


@pytest.fixture
def base(tmp_path) -> Knowledge:
    """Two causes: one sourced, one of estimates only."""
    named = [line.split(":")[0] for line in NUMBERS.splitlines()]
    kept = "".join(line + "\n" for line in WEIGHING.splitlines() if line.split(":")[0] not in named)
    priors = SOUND["priors.yaml"].replace("{tier: rare}}", "{tier: rare}, mimic: {tier: common}}")
    changed = {"weighing.yaml": kept + NUMBERS, "priors.yaml": priors, "causes/spleen/mimic.yaml": SECOND}
    found, complaints = read([write(tmp_path, {**SOUND, **changed})])
    assert found is not None, complaints
    return found


def profile(table: EvidenceTable) -> Profile:
    return next(entry for entry in table.profiles if entry.id == "mimic")


def test_estimates_in_use_are_listed_by_the_weight_they_carry(base):
    rows = estimates(base)
    assert [row.information for row in rows] == sorted((row.information for row in rows), reverse=True)
    assert {(row.cause, row.finding) for row in rows} == {
        ("mimic", "anc"), ("mimic", "splenomegaly"), ("mimic", "massive_splenomegaly")
    }  # fmt: skip
    assert all(row.reasoning == "a guess" and "guesses" in str(row) for row in rows)


def test_an_estimate_that_a_sourced_figure_replaces_is_not_listed(base):
    assert not any(row.cause == "hypersplenism" for row in estimates(base))


def test_information_is_what_the_finding_is_expected_to_tell(base):
    table = EvidenceTable(base)
    p, q = table.rates["splenomegaly"]["mimic"].value, table.backgrounds["splenomegaly"].value
    by_hand = (p - q) * 10 * (math.log10(p / q) - math.log10((1 - p) / (1 - q)))
    assert information(table, profile(table), "splenomegaly") == pytest.approx(by_hand)


def test_information_is_never_negative_and_zero_where_a_cause_is_silent(base):
    table = EvidenceTable(base)
    assert all(cell.information >= 0 for cell in core_cells(base, table))
    assert information(table, profile(table), "neutropenia") == 0


def test_coverage_counts_statements_figures_and_what_was_read(base):
    found = coverage(base)
    row = next(row for row in found.causes if row.cause == "hypersplenism")
    assert (row.statements, row.figures, row.denominators, row.sources) == (6, 3, 3, 2)
    assert (row.full_text, row.abstract, row.excerpt) == (0, 3, 3)
    assert (row.core_cells, row.core_sourced) == (2, 2)
    assert (found.core_cells, found.core_sourced) == (4, 2)
    assert found.statements == sum(row.statements for row in found.causes)


def test_a_bibliography_in_order_has_no_complaint(base):
    assert check_sources(base) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "word"),
    [
        (CAUSE_FILE, "source: smith-2020\n", "source: nobody-1999\n", "nobody-1999: not in the bibliography"),
        ("sources.yaml", "DOI: 10.1000/spleens", "DOI: spleens", "no DOI"),
        ("sources.yaml", "DOI: 10.1000/spleens", "PMID: twelve", "no PMID"),
        ("sources.yaml", "DOI: 10.1000/spleens", "URL: ftp.example", "no address"),
        ("sources.yaml", "references:\n", "references:\n  - {id: x, type: book, title: t, ISBN: x}\n", "nobody cites"),
        ("sources.yaml", 'ISBN: "9780000000000"', "DOI: 10.1000/SPLEENS", "10.1000/SPLEENS is smith-2020 as well"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_followed_is_reported(tmp_path, file, old, new, word):
    text = replaced({CAUSE_FILE: CAUSE, "sources.yaml": SOURCES}[file], old, new)
    found, complaints = read([write(tmp_path, {**SOUND, file: text})])
    assert found is not None, complaints
    assert any(word in complaint for complaint in check_sources(found))


def test_the_source_attributes_are_thirteen_and_never_made_up(base):
    found = dsi(base)
    assert [entry["number"] for entry in found] == list(range(1, 14))
    answers = {entry["attribute"]: entry for entry in found}
    assert answers["use of race"]["answer"] == "not used"
    assert answers["use of ethnicity"]["answer"] == "not used"
    assert answers["funding source of the technical implementation"]["answer"] == "unknown"
    assert "not reviewed by a clinician" in answers["developer"]["detail"]
    assert "2026-11-23" in answers["release and revision dates"]["detail"]


def test_both_ways_of_collecting_citations_agree_on_the_packaged_base():
    base = load_knowledge()
    by_models = {key for key in base.statement_sources() if key not in base.reference}
    by_text = {c.message.split("'")[1] for c in lint([packaged_rules()]) if c.check == "unknown_source"}
    assert by_models == by_text


def test_the_packaged_base_uses_neither_race_nor_language():
    answers = {entry["attribute"]: entry["answer"] for entry in dsi(load_knowledge())}
    assert {answers[f"use of {name}"] for name in ("race", "ethnicity", "language", "gender identity")} == {"not used"}
