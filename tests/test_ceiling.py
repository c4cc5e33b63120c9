"""The table of docs/ceiling.md says what the kept answers of the language model come to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CASES = ROOT / "examples" / "check_cases"
FOLDERS = {"development": ROOT / "examples" / "cases", "seen": CASES / "seen", "untouched": CASES / "untouched"}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_answers_of_the_language_model_come_to_what_the_page_says(name: str) -> None:
    answers = json.loads((CASES / "read_by_a_language_model.json").read_text(encoding="utf-8"))[name]
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDERS[name].glob("*.json")]
    assert {case["id"] for case in cases} == answers.keys()
    right = [{case["cause"], *case["also_acceptable"]} for case in cases]
    ranked = [answers[case["id"]] for case in cases]
    found = [
        sum(bool(causes & set(order[:k])) for causes, order in zip(right, ranked, strict=True)) / len(cases)
        for k in (1, 3, 5)
    ]
    row = f"| {name} | {len(cases)} | {' | '.join(f'{share:.2f}' for share in found)} |"
    assert row in (ROOT / "docs" / "ceiling.md").read_text(encoding="utf-8")
