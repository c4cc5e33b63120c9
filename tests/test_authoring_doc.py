"""What `docs/authoring.md` shows is valid, and what it computes is right."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from leukoref.knowledge.cause import Cause, Estimates, Example, Frequency, Statement, Variant
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.schema import schemas
from leukoref.knowledge.settings import RedFlag
from leukoref.knowledge.vocabulary import Derived
from leukoref.patient import Patient

TEXT = (Path(__file__).parent.parent / "docs" / "authoring.md").read_text(encoding="utf-8")
BLOCKS: list[Any] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def blocks_with(*keys: str) -> list[dict[str, Any]]:
    """The examples, or members of listed examples, that have all these keys."""
    members = [entry for block in BLOCKS for entry in (block if isinstance(block, list) else [block])]
    return [entry for entry in members if isinstance(entry, dict) and set(keys) <= set(entry)]


def test_the_statements_shown_are_statements():
    shown = blocks_with("id", "source", "seen", "reason")
    assert [Statement.model_validate(entry).id for entry in shown] == ["anemia", "hb", "age", "no_exposure"]


def test_the_kind_shown_is_a_kind():
    shown = blocks_with("variants")[0]["variants"]
    assert [Variant.model_validate(entry).id for entry in shown] == ["acute"]


def test_the_other_rules_shown_are_valid():
    assert Estimates.model_validate(blocks_with("group", "cells")[0]).cells["splenomegaly"] == 0.05
    assert Derived.model_validate(blocks_with("derived")[0]["derived"][0])
    assert RedFlag.model_validate(blocks_with("threshold", "action")[0])
    example = Example.model_validate(blocks_with("expect")[0])
    assert Patient.parse(example.patient).age == 52


def test_the_cause_shown_is_valid_once_its_blanks_are_filled():
    cause = dict(blocks_with("mechanisms", "provenance")[0])
    for key in ("statements", "estimates", "examples"):
        cause[key] = []
    assert Cause.model_validate(cause).id == "copper_deficiency"


def test_the_shares_shown_add_up_and_fit_the_scale():
    shares = blocks_with("group", "cells")[0]["cells"]["platelets"]
    assert math.fsum(shares) == pytest.approx(1)
    assert len(shares) == len(load_knowledge().scale["platelets"].bins)


def test_the_worked_weight_is_right():
    table = EvidenceTable(load_knowledge())
    share, _ = table.pooled([Frequency(n=38, of=40)], [False])
    assert f"{share:.3f}" == "0.939"
    assert f"{table.weigh(share / 0.45, 'present', 'sourced'):+.1f}" == "+2.5"
    assert f"{table.weigh((1 - share) / 0.55, 'absent', 'sourced'):+.1f}" == "-1.3"
    assert "**+2.5**" in TEXT
    assert "**-1.3**" in TEXT


def test_the_caps_named_are_those_of_the_base():
    caps = load_knowledge().parameter("weight_caps")
    assert f"at most {caps['sourced']:g} by a source, {caps['estimate']:g} by an estimate" in TEXT
    assert f"series of {load_knowledge().parameter('assumed_denominator')}" in TEXT


def test_the_kinds_of_schema_named_exist():
    named = re.findall(r"`(\w+)`", re.search(r"Kinds: (.*?)\. The", TEXT, re.DOTALL)[1])  # type: ignore[index]
    assert set(named) <= set(schemas())
    assert len(named) == 13
