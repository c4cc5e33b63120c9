"""The table of docs/ceiling.md says what the kept answers of the language model come to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leukoref.evaluation import Case, summarise

ROOT = Path(__file__).parents[1]
CASES = ROOT / "examples" / "check_cases"
FOLDERS = {"development": ROOT / "examples" / "cases", "seen": CASES / "seen", "untouched": CASES / "untouched"}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_answers_of_the_language_model_come_to_what_the_page_says(name: str) -> None:
    answers = json.loads((CASES / "read_by_a_language_model.json").read_text(encoding="utf-8"))[name]
    cases = [Case.from_file(path, "presentation") for path in FOLDERS[name].glob("*.json")]
    assert {case.id for case in cases} == answers.keys()
    figures = summarise(name, [case.rank_in(answers[case.id]) for case in cases])
    row = f"| {name} | {len(cases)} | {figures.top1:.2f} | {figures.top3:.2f} | {figures.top5:.2f} |"
    assert row in (ROOT / "docs" / "ceiling.md").read_text(encoding="utf-8")
