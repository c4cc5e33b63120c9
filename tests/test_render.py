"""What a reader sees: text, Markdown, HTML, table and figure of an assessment made by hand, and a cause's page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import leukoref
from leukoref.assessment import (
    Adjustment,
    Assessment,
    Candidate,
    Criterion,
    DrugNote,
    Evidence,
    Excluded,
    NextTest,
    Notice,
    PriorShare,
    ProvenanceNote,
    RedFlagRaised,
    Severity,
)  # fmt: skip
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.render import cause_page, citations, html

NASTY = "<script>alert('x')</script> [red]*b*[/red] $\\alpha$ | \x1b[31m\u202e http://evil.example"
KUMAR = {
    "id": "kumar", "type": "article-journal", "title": "Copper deficiency <i>myelopathy</i>",
    "author": [{"family": "Kumar", "given": "Neeraj"}, {"literal": "et al."}], "container-title": "Mayo Clin Proc",
    "issued": {"date-parts": [[2006]]}, "volume": "81", "issue": "10", "page": "1371-1384",
    "DOI": "10.4065/81.10.1371", "PMID": "17036563", "custom": {"seen": "abstract"},
}  # fmt: skip
UNSAFE = {"id": "unsafe", "type": "webpage", "title": "No web address", "URL": "javascript:alert(1)"}


def evidence(finding: str, weight: float, **changes: object) -> Evidence:
    fields = {
        "finding": finding, "statement": finding, "weight": weight, "repeats": False, "cluster": finding,
        "figure": "45 of 55 (used as 0.81)", "background": "0.05 (computed from 40 causes)", "basis": "sourced",
        "population": ("adults with copper deficiency",), "sources": ("kumar",),
    }  # fmt: skip
    return Evidence(**(fields | changes))


def candidate(rank: int, name: str, **changes: object) -> Candidate:
    fields = {
        "rank": rank, "cause": name.lower().replace(" ", "_"), "name": name, "mechanisms": ("nutrition",),
        "weight": 13.5, "score": -5.6, "band": "strong", "sourced_share": 0.62,
        "prior": PriorShare(share=0.0123, weight=-19.1, basis="estimate", text="estimate 0.01, outpatients"),
        "supports": (
            evidence("high zinc intake", 10.0),
            evidence("neutrophils 0.6", 4.0, basis="estimate", figure="estimate 0.4 (used as 0.40)", sources=()),
            evidence("anaemia", 2.0, repeats=True),
        ),
        "against": (evidence("no thrombocytopenia", -0.5),),
    }  # fmt: skip
    return Candidate(**(fields | changes))


def answer(**changes: object) -> Assessment:
    fields = {
        "status": "leukopenia",
        "candidates": (candidate(1, "Copper deficiency"), candidate(2, "Vitamin B12 deficiency", band="weak")),
        "disclaimers": (Notice(id="d", text="A health professional makes the diagnosis.", sources=("kumar",)),),
        "sources": {"kumar": KUMAR, "unsafe": UNSAFE},
        "provenance": ProvenanceNote(
            version="0.1.0", knowledge_version="2026.11", knowledge_hash="abcdef0123456789",
            knowledge_review="not reviewed by a clinician",
        ),
    }  # fmt: skip
    return Assessment(**(fields | changes))


def as_text(assessment: Assessment, **options: object) -> str:
    """The text with its line breaks undone, so that a sentence can be looked for."""
    return " ".join(assessment.to_text(**options).split())


WRITTEN = pytest.mark.parametrize("write", ["to_text", "to_markdown", "to_html"])


# -- every output ---------------------------------------------------------------------------------------------


@WRITTEN
def test_every_output_says_that_no_clinician_has_reviewed_the_base(write: str) -> None:
    assert "not reviewed by a clinician" in getattr(answer(), write)()


@WRITTEN
def test_every_output_says_that_weights_are_not_probabilities(write: str) -> None:
    assert "not probabilities of disease" in " ".join(getattr(answer(), write)().split())


@WRITTEN
def test_every_output_carries_the_disclaimers(write: str) -> None:
    assert "A health professional makes the diagnosis." in getattr(answer(), write)()


@WRITTEN
def test_every_output_shows_the_figure_the_rate_at_large_and_the_people_studied(write: str) -> None:
    written = " ".join(getattr(answer(), write)().split())
    assert "45 of 55 (used as 0.81)" in written
    assert "0.05 (computed from 40 causes)" in written
    assert "adults with copper deficiency" in written


@WRITTEN
def test_an_estimate_is_marked_as_one(write: str) -> None:
    assert "est." in getattr(answer(), write)().split("How to read")[0]


@WRITTEN
def test_a_red_flag_stands_before_the_candidates_with_what_to_do(write: str) -> None:
    flag = RedFlagRaised(
        id="f", name="Febrile neutropenia", action="Take cultures now.", threshold="38 C", sources=("kumar",)
    )
    written = getattr(answer(red_flags=(flag,)), write)()
    assert written.index("Take cultures now.") < written.index("Copper deficiency")


@WRITTEN
def test_without_a_red_flag_nothing_claims_that_all_is_well(write: str) -> None:
    assert "does not mean that nothing is urgent" in " ".join(getattr(answer(), write)().split())


@WRITTEN
def test_a_patient_without_a_low_count_gets_no_list_of_causes(write: str) -> None:
    written = getattr(answer(status="no_leukopenia", candidates=()), write)()
    assert "no low white cell count" in written
    assert "Score" not in written


@WRITTEN
def test_too_little_data_says_what_to_add(write: str) -> None:
    written = getattr(answer(status="insufficient_data", candidates=(), to_add=("white blood cell count",)), write)()
    assert "white blood cell count" in written.split("To add")[1]


@WRITTEN
def test_what_was_not_recognised_is_shown_with_near_misses(write: str) -> None:
    written = getattr(answer(unrecognized=({"finding": "feever", "suggestions": ["fever"]},)), write)()
    assert "feever" in written
    assert "did you mean fever?" in written


@WRITTEN
def test_a_source_is_printed_with_doi_pmid_link_and_what_was_read_of_it(write: str) -> None:
    written = " ".join(getattr(answer(), write)().split())
    for part in ("Kumar N, et al.", "2006;81(10):1371-1384", "doi:10.4065/81.10.1371", "PMID 17036563"):
        assert part in written
    assert "https://doi.org/10.4065/81.10.1371" in written
    assert "(Read: abstract.)" in written


@WRITTEN
def test_only_sources_of_the_shown_part_are_listed(write: str) -> None:
    hidden = candidate(3, "Rare cause", supports=(evidence("sign", 1.0, sources=("unsafe",)),))
    shown = answer(candidates=(candidate(1, "Copper deficiency"), hidden))
    assert "No web address" not in getattr(shown, write)(top=1)
    assert "No web address" in getattr(shown, write)(top=2)


@WRITTEN
def test_a_candidate_past_the_top_is_still_named(write: str) -> None:
    assert "Vitamin B12 deficiency" in getattr(answer(), write)(top=1)


@WRITTEN
def test_the_same_answer_is_written_the_same_every_time(write: str) -> None:
    assert getattr(answer(), write)() == getattr(answer(), write)()


@WRITTEN
def test_drugs_criteria_adjustments_exclusions_and_next_tests_are_shown(write: str) -> None:
    drug = DrugNote(drug="zinc", name="zinc", grade="high_incidence", timing="in_window", weight=3.0, days_before=210,
                    latency="30 to 400 days", sources=("kumar",))  # fmt: skip
    first = candidate(
        1, "Copper deficiency", drugs=(drug,), missing=("ring sideroblasts",),
        criteria=(Criterion(kind="requires", statement="c", reason="low serum copper", sources=("kumar",)),),
        adjustments=(Adjustment(text="not documented: a reason for copper loss", weight=-3.0),),
    )  # fmt: skip
    written = " ".join(getattr(answer(
        candidates=(first,),
        excluded=(Excluded(cause="a", name="Autoimmune neutropenia of infancy", reason="an adult", sources=()),),
        next_tests=(NextTest(test="c", name="copper and zinc", expected_information=0.61, look_for=("low copper",)),),
        severity=Severity(neutropenia="moderate neutropenia", course="chronic", sources=("kumar",)),
    ), write)().split())  # fmt: skip
    for part in (
        "high incidence evidence; started 210 days before; timing in window (published latency 30 to 400 days)",
        "required, not met: low serum copper", "not documented: a reason for copper loss", "ring sideroblasts",
        "Autoimmune neutropenia of infancy: an adult", "copper and zinc", "0.61", "moderate neutropenia, chronic",
    ):  # fmt: skip
        assert part in written


# -- nothing from outside is interpreted -----------------------------------------------------------------------


class Tags(HTMLParser):
    """The elements and links of an HTML text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def nasty() -> Assessment:
    first = candidate(
        1, NASTY, supports=(evidence("x", 9.0, statement=NASTY, population=(NASTY,), sources=("unsafe",)),),
        missing=(NASTY,),
    )  # fmt: skip
    return answer(
        candidates=(first,), warnings=(NASTY,), unused=(NASTY,),
        unrecognized=({"finding": NASTY, "code": NASTY, "suggestions": [NASTY]}, {"medication": NASTY}),
    )  # fmt: skip


def test_markup_in_a_label_comes_out_escaped_in_html() -> None:
    found = Tags(nasty().to_html())
    assert "script" not in found.tags
    assert "i" in found.tags  # the bars; the title of the source comes with an <i> that must not be one
    assert "<i>myelopathy" not in nasty().to_html()
    assert all(link.startswith("https://") for link in found.links)


def test_html_loads_nothing_and_runs_nothing() -> None:
    text = answer().to_html()
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(", text)


def test_html_style_reaches_nothing_outside_the_fragment() -> None:
    style = re.search(r"<style>(.*?)</style>", answer().to_html(), re.S)
    assert style is not None
    selectors = [s for rule in re.findall(r"([^{}]+)\{", style[1]) for s in rule.split(",")]
    assert all(selector.strip().startswith((".leukoref", "@media")) for selector in selectors)


def test_a_page_holds_several_answers_and_declares_its_encoding() -> None:
    page = html.page([answer().to_html(), answer().to_html()])
    assert page.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in page
    assert page.count("<section") == 2


def test_a_notebook_shows_the_html() -> None:
    assert answer()._repr_html_() == answer().to_html()


def test_markup_in_a_label_means_nothing_in_markdown() -> None:
    written = nasty().to_markdown()
    assert "<script" not in written
    assert "http://evil.example" not in written
    assert "*b*" not in written.replace("\\*b\\*", "")
    rows = [line for line in written.splitlines() if line.startswith("| &lt;script")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_escape_sequences_and_direction_overrides_never_reach_the_terminal() -> None:
    written = nasty().to_text()
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert "[red]*b*[/red]" in " ".join(written.split())


def test_a_link_is_only_ever_a_web_address() -> None:
    assert citations.link(UNSAFE) is None
    assert citations.link({"DOI": '10.1/a"<b>'}) == "https://doi.org/10.1/a%22%3Cb%3E"


# -- the terminal -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, nasty().to_text(width=width).splitlines())) <= width


def test_colour_only_when_asked_for() -> None:
    assert "\x1b[" not in answer().to_text()
    assert "\x1b[" in answer().to_text(color=True)


def test_the_ranking_is_on_the_first_screen() -> None:
    first_screen = "\n".join(answer().to_text(width=100).splitlines()[:24])
    assert "Copper deficiency" in first_screen
    assert "Vitamin B12 deficiency" in first_screen


def test_a_score_can_be_added_up_from_what_is_shown() -> None:
    assert "score -5.6 = prior -19.1 + weight +13.5" in as_text(answer())


def test_what_a_short_text_leaves_out_is_counted_with_its_weight() -> None:
    many = tuple(evidence(f"sign {i}", 1.0) for i in range(9))
    assert "3 more, together +3.0" in as_text(answer(candidates=(candidate(1, "Copper deficiency", supports=many),)))


def test_a_finding_that_repeats_another_is_bracketed_in_the_full_view() -> None:
    assert "(+2.0)" in answer().to_html()


# -- table and figure ---------------------------------------------------------------------------------------------


def test_the_table_has_one_row_a_finding_and_candidate() -> None:
    table = answer().to_frame()
    assert table.height == 8
    assert table.columns[:3] == ["rank", "cause", "name"]
    assert table["direction"].unique().sort().to_list() == ["against", "for"]


def test_weights_of_the_table_add_up_to_the_weight_of_the_cause() -> None:
    adjusted = candidate(
        1, "Copper deficiency", weight=12.5, adjustments=(Adjustment(text="no exposure", weight=-3.0),)
    )
    table = answer(candidates=(adjusted,)).to_frame()
    assert table["weight"].sum() == pytest.approx(adjusted.weight)


def test_an_empty_answer_gives_an_empty_table_with_all_columns() -> None:
    table = answer(candidates=()).to_frame()
    assert table.height == 0
    assert "sources" in table.columns


def test_the_figure_has_one_panel_a_candidate_and_takes_labels_literally() -> None:
    figure = nasty().plot(top=3)
    assert len(figure.axes) == 1
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_the_figure_of_an_empty_answer_says_so() -> None:
    assert not answer(candidates=()).plot().axes


# -- figures and references -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weight", "text"), [(4.24, "+4.2"), (-0.3, "-0.3"), (-0.01, "0.0"), (0.0, "0.0")])
def test_a_weight_shows_its_sign_unless_it_is_nothing(weight: float, text: str) -> None:
    assert citations.signed(weight) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.62, "62 %"), (0.0123, "1.2 %"), (0.0005, "0.05 %"), (0.000001, "< 0.01 %"), (0.0, "0 %")]
)
def test_a_share_has_the_digits_it_deserves(share: float, text: str) -> None:
    assert citations.percent(share) == text


def test_a_source_missing_from_the_bibliography_is_named_not_hidden() -> None:
    cite = citations.Citations({})
    assert cite(("lost-2001",)) == "[1]"
    assert "not in the bibliography" in cite.bibliography[0].text


# -- the page of a cause ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base() -> leukoref.Knowledge:
    return leukoref.load_knowledge()


@pytest.fixture(scope="module")
def table(base: leukoref.Knowledge) -> EvidenceTable:
    return EvidenceTable(base)


def test_every_cause_has_a_page_that_cites_all_its_statements(base: leukoref.Knowledge, table: EvidenceTable) -> None:
    for cause in base.causes:
        page = cause_page.render(cause, base, table)
        assert page.startswith(f"# {cause.name}"[:8])
        assert "not in the bibliography" not in page, cause.id
        assert "not reviewed by a clinician" in page


def test_the_page_of_copper_deficiency_shows_a_figure_with_its_denominator(
    base: leukoref.Knowledge, table: EvidenceTable
) -> None:
    page = cause_page.render(base.cause["copper_deficiency"], base, table)
    assert re.search(r"\d+ of \d+", page)
    assert "Core profile, with labelled estimates" in page
    assert "**est.**" in page
