"""A site's own rules: what is wrong with them is said before an assessment rests on them, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sound_base import RED_FLAG, SOUND, replaced, write

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import Complaint, read

FLAG = "red_flags/ours.yaml"
OURS = RED_FLAG.replace("severe_neutropenia", "ours", 1)
FINDING = "  - {id: ours, name: ours, kind: presence, test: examination}\n"


def laid_over(tmp_path: Path, files: dict[str, str]) -> tuple[Knowledge | None, list[Complaint]]:
    """The sound base with a site's files over it."""
    return read([write(tmp_path / "base", SOUND), write(tmp_path / "site", files)])


def refused(tmp_path: Path, files: dict[str, str]) -> str:
    base, complaints = laid_over(tmp_path, files)
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
