"""A site's own rules: what is wrong with them is said before an assessment rests on them, with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sound_base import CAUSE, CAUSE_FILE, RED_FLAG, SOUND, WEIGHING, line_of, replaced, write

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.checks.examples import missed_examples
from leukoref.knowledge.checks.reading import read_draft
from leukoref.knowledge.loader import Complaint, packaged_rules, read

FLAG = "red_flags/ours.yaml"
OURS = RED_FLAG.replace("severe_neutropenia", "ours", 1)
FINDING = "  - {id: ours, name: ours, kind: presence, test: examination}\n"


def laid_over(
    tmp_path: Path, files: dict[str, str], below: dict[str, str] | None = None
) -> tuple[Knowledge | None, list[Complaint]]:
    """The sound base, changed as ``below`` says, with a site's files over it."""
    return read([write(tmp_path / "base", {**SOUND, **(below or {})}), write(tmp_path / "site", files)])


def refused(tmp_path: Path, files: dict[str, str], below: dict[str, str] | None = None) -> str:
    base, complaints = laid_over(tmp_path, files, below)
    assert base is None
    return "\n".join(map(str, complaints))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"findings/ours.yaml": "- {id: ours}\n"}, "site/findings/ours.yaml:1: a mapping is expected"),
        ({"findings/ours.yaml": "finding:\n" + FINDING}, "site/findings/ours.yaml:1: unknown key 'finding'"),
        ({"findings/ours.yaml": "findings:\n" + FINDING * 2}, "site/findings/ours.yaml:3: [ours] findings: id 'ours'"),
        ({"derived/ours.yaml": "derived:\n  - {finding: ours, when: {finding: neutropenia}, reason: r}\n"},
         "site/derived/ours.yaml:2: [ours] unknown finding 'ours'"),
        ({FLAG: replaced(OURS, "finding: anc", "finding: anec")}, f"site/{FLAG}:3: [ours] unknown finding 'anec'"),
        ({FLAG: replaced(OURS, "10*9/L", "kg")}, f"site/{FLAG}:3: [ours] wrong dimension 'kg' for anc"),
        ({FLAG: replaced(OURS, ", below: 0.5, unit: 10*9/L", "")}, f"site/{FLAG}:3: [ours] anc is a quantity"),
        ({"base.yaml": "mechanisms: 5\n"}, "site/base.yaml:1: [mechanisms] mechanisms: a mapping is expected"),
        ({CAUSE_FILE: replaced(CAUSE, "cells: {", "cells: {big: 0.3, ")},
         f"site/{CAUSE_FILE}:{line_of(CAUSE, 'cells: {')}: [hypersplenism] cell names unknown finding 'big'"),
        ({CAUSE_FILE: replaced(CAUSE, 'bins: ["<0.5"]', 'bins: ["<1"]')},
         f"site/{CAUSE_FILE}:{line_of(CAUSE, 'bins: [')}: [hypersplenism:anc_low] anc has no bin '<1'"),
        ({"red_flags/ours.yml": OURS}, "site/red_flags/ours.yml: is not read"),
    ],
)  # fmt: skip
def test_rules_that_would_fail_or_be_silent_are_refused_with_file_and_line(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    assert refused(tmp_path, files).startswith(said)


def test_a_list_left_empty_is_an_empty_list(tmp_path: Path) -> None:
    base, complaints = laid_over(tmp_path, {"derived/counts.yaml": "derived:\n"})
    assert base is not None, complaints
    assert len(base.derived) == 2


def test_a_red_flag_of_a_site_is_there_beside_those_of_the_base(tmp_path: Path) -> None:
    base, complaints = laid_over(tmp_path, {FLAG: OURS})
    assert base is not None, complaints
    assert [flag.id for flag in base.red_flags] == ["severe_neutropenia", "ours"]


def test_an_answer_names_what_a_site_adds_and_what_it_replaces(tmp_path: Path) -> None:
    files = {
        FLAG: OURS, "red_flags/severe_neutropenia.yaml": RED_FLAG, "weighing.yaml": "jeffreys: {value: 2, reason: r}\n",
        "units.yaml": 'aliases: {"10*9/L": [Gpt]}\n', "base.yaml": "mechanisms: {clinic: Our clinic}\nreviewed: us\n",
        "derived/ours.yaml": "derived: [{finding: splenomegaly, when: {finding: massive_splenomegaly}, reason: r}]",
    }  # fmt: skip
    base, complaints = laid_over(tmp_path, files)
    assert base is not None, complaints
    assert set(base.overrides) == {
        "site: adds red_flags ours", "site: replaces red_flags severe_neutropenia", "site: replaces weighing jeffreys",
        "site: adds spellings of 10*9/L", "site: adds mechanisms", "site: replaces reviewed",
        "site: adds derived splenomegaly",
    }  # fmt: skip


BASE_WEIGHING = {
    "weighing.yaml": WEIGHING.replace(
        "unrelated_share: {value: 1,", "unrelated_share: {value: {present: 0.3, absent: 0.7},"
    )
    .replace("rest_rates: {value: 1,", "rest_rates: {value: {default: 0.03, examination: 0.05},")
    .replace("done_tests: {value: 1,", "done_tests: {value: [examination],")
}


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("unrelated_share: {value: 0.1, reason: r}", "value: a number, where a mapping belongs; write it as in {"),
        ("unrelated_share: {value: {present: 0.1}, reason: r}", "value: lacks absent; it has present, absent"),
        ("unrelated_share: {value: {present: 0, absent: 0, often: 1}, reason: r}", "value: unknown often; it has "),
        (
            "unrelated_share: {value: {present: a, absent: 0}, reason: r}",
            "value.present: a text, where a number belongs",
        ),
        ("rest_rates: {value: {examination: 0.1}, reason: r}", "value: lacks default; it has default"),
        ("done_tests: {value: examination, reason: r}", "value: a text, where a list belongs"),
        (
            "unrelated_shares: {value: {present: 0, absent: 0}, reason: r}",
            "no parameter 'unrelated_shares'; did you mean unr",
        ),
    ],
)
def test_a_parameter_that_the_weighing_cannot_use_is_refused(tmp_path: Path, parameter: str, said: str) -> None:
    name = parameter.partition(":")[0]
    found = refused(tmp_path, {"weighing.yaml": f"# ours\n{parameter}\n"}, BASE_WEIGHING)
    assert found.startswith(f"site/weighing.yaml:2: [{name}] {said}")


@pytest.mark.parametrize(
    "parameter",
    [
        "unrelated_share: {value: {present: 0, absent: 1}, reason: r}",
        "rest_rates: {value: {default: 0.1, full_blood_count: 0.2}, reason: r}",
        "done_tests: {value: [], reason: r}",
    ],
)
def test_a_parameter_of_the_same_form_replaces_that_of_the_base(tmp_path: Path, parameter: str) -> None:
    base, complaints = laid_over(tmp_path, {"weighing.yaml": parameter}, BASE_WEIGHING)
    assert base is not None, complaints


def test_spellings_of_a_site_are_added_to_those_of_a_unit(tmp_path: Path) -> None:
    base, complaints = laid_over(tmp_path, {"units.yaml": 'aliases: {"10*9/L": [Gpt]}\n'})
    assert base is not None, complaints
    assert base.unit_aliases["10*9/L"] == ("G/L", "Gpt")


@pytest.mark.parametrize(
    ("aliases", "said"),
    [
        ("{furlong: [fl]}", "[furlong] spellings of unknown unit 'furlong'"),
        ("{10*12/L: [G/L]}", "[10*12/L] 'G/L' means 10*9/L already"),
    ],
)
def test_a_spelling_that_would_never_be_read_is_refused(tmp_path: Path, aliases: str, said: str) -> None:
    assert refused(tmp_path, {"units.yaml": f"aliases: {aliases}\n"}).startswith(f"site/units.yaml:1: {said}")


def test_an_example_of_a_sites_cause_that_comes_out_otherwise_is_a_warning(tmp_path: Path) -> None:
    place = "causes/nutrition/copper_deficiency.yaml"
    text = (packaged_rules() / place).read_text("utf-8")
    examples = """\
examples:
  - name: nothing typical
    synthetic: true
    patient: {age: 60 a, observations: [{finding: WBC, value: 2.0, unit: 10*9/L}]}
    expect: {within: 1}
  - name: near miss
    synthetic: true
    patient: {observations: [{finding: ANC, value: 0.9, unit: 10*9/L}, {finding: copper deficiency, present: true}]}
    expect: {above: vitamin_b12_deficiency}
  - name: typical
    synthetic: true
    patient: {observations: [{finding: ANC, value: 0.9, unit: 10*9/L}, {finding: copper deficiency, present: true}]}
    expect: {within: 3}
  - name: no low count
    synthetic: true
    patient: {age: 60 a, observations: [{finding: WBC, value: 6.0, unit: 10*9/L}]}
    expect: {within: 3}
"""
    ours = re.sub(r"(?m)^examples:\n(?:[ ].*\n)*", examples, text)
    draft = read_draft([packaged_rules(), write(tmp_path / "site", {place: ours})])
    first, second, third = missed_examples(draft)
    assert (first.file, first.line) == (f"site/{place}", line_of(ours, "expect: {within: 1}"))
    assert re.fullmatch(
        r"nothing typical: copper_deficiency comes out at \d+ of \d+, not within 1; .* lead", first.message
    )
    assert second.message.startswith("near miss: copper_deficiency comes out at 1 of ")
    assert "before vitamin_b12_deficiency at " in second.message
    assert third.message == "no low count: nothing is ranked, the status is no leukopenia"
    assert {first.severity, second.severity, third.severity} == {"warning"}
