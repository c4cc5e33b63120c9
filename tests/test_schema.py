"""The published JSON Schemas accept what the library reads and refuse what it refuses."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from sound_base import CAUSE, CAUSE_FILE, SOUND, replaced

from leukoref.knowledge.loader import BASE_FIELDS, load_knowledge, packaged_rules, yaml_loader
from leukoref.knowledge.schema import schemas, written

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "rules" / "schema"
KINDS = {
    "findings": "findings", "names": "names", "derived": "derived", "causes": "cause", "drugs": "drugs",
    "red_flags": "red_flag",
    "drugs/_defaults.yaml": "drug_defaults", "priors.yaml": "priors", "weighing.yaml": "weighing",
    "units.yaml": "units", "base.yaml": "base", "tests.yaml": "tests", "disclaimers.yaml": "disclaimers",
    "sources.yaml": "sources",
}  # fmt: skip


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schemas()[kind])


def kind_of(place: str) -> str:
    return KINDS.get(place) or KINDS[place.split("/")[0]]


def problems(kind: str, document: Any) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(document)]


@pytest.mark.parametrize("kind", sorted(schemas()))
def test_every_schema_is_sound_and_says_what_it_is_of(kind):
    Draft202012Validator.check_schema(schemas()[kind])
    assert schemas()[kind]["title"].startswith("leukoref ")


@pytest.mark.parametrize("kind", sorted(schemas()))
def test_the_schema_files_kept_for_editors_are_current(kind):
    kept = (KEPT / f"{kind}.json").read_text(encoding="utf-8")
    assert kept == written(schemas()[kind]), "run: python -m leukoref.knowledge.schema rules/schema"


def test_no_schema_file_is_left_over():
    assert {path.stem for path in KEPT.glob("*.json")} == set(schemas())


@pytest.mark.parametrize("place", sorted(SOUND))
def test_sound_rule_files_are_valid(place):
    assert problems(kind_of(place), yaml.safe_load(SOUND[place])) == []


def test_the_packaged_rule_files_are_valid():
    folder = packaged_rules()
    one_a_room: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml")):
        place = path.relative_to(folder).as_posix()
        one_a_room[place if place in KINDS else str(Path(place).parent)] = path
    for path in one_a_room.values():
        place = path.relative_to(folder).as_posix()
        document = yaml.load(path.read_text("utf-8"), yaml_loader())
        if place == "sources.yaml":
            document = {"references": document["references"][:50]}
        assert problems(kind_of(place), document) == [], place


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    bins:", "    bin:"),
        ("criterion: excludes", "criterion: rules_out"),
        ("seen: excerpt", "seen: somewhere"),
        ("name: Hypersplenism\n", ""),
        ("when: {finding: splenomegaly, state: absent}", "when: {finding: splenomegaly, state: missing}"),
    ],
)
def test_a_faulty_cause_is_refused_by_the_schema_as_by_the_library(old, new):
    assert problems("cause", yaml.safe_load(SOUND[CAUSE_FILE])) == []
    assert problems("cause", yaml.safe_load(replaced(CAUSE, old, new))) != []


def test_the_schema_of_the_base_file_has_the_fields_the_loader_reads():
    assert set(schemas()["base"]["properties"]) == set(BASE_FIELDS)


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "cases").glob("*.json"))[:5], ids=lambda path: path.stem)
def test_case_files_are_valid_patients(path):
    assert problems("patient", json.loads(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "patient",
    [
        {"age": 45},
        {"age": "45 years"},
        {"observations": [{"present": True}]},
        {"observations": [{"finding": "fever", "present": "yes"}]},
        {"medications": [{"name": ""}]},
        {"unknown_field": 1},
    ],
)
def test_a_patient_that_cannot_be_read_is_refused_by_the_schema(patient):
    assert problems("patient", patient) != []


def test_ids_of_a_base_are_offered_for_completion():
    base = load_knowledge()
    cause = schemas(base)["cause"]
    statement = cause["$defs"]["Statement"]["properties"]
    assert "splenomegaly" in next(o for o in statement["finding"]["anyOf"] if o["type"] == "string")["examples"]
    assert base.references[0].id in statement["source"]["examples"]
    assert list(base.cause) == cause["properties"]["mimics"]["items"]["examples"]
