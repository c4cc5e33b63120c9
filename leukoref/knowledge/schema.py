"""JSON Schema of every kind of rule file, of the patient and of the assessment, from the pydantic models.

Editors complete and check rule files with these. `python -m leukoref.knowledge.schema FOLDER` writes one
file a kind; with a knowledge base at hand the ids of its findings, causes, tests and sources are offered
for completion.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from leukoref.assessment import Assessment
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.drug import Latency
from leukoref.knowledge.loader import COLLECTIONS
from leukoref.knowledge.settings import Parameter, Priors, Units
from leukoref.patient import ANSWER_FIELDS, SECTIONS, Patient

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS = {
    "findings": "findings", "derived": "derived", "cause": "causes", "drugs": "drugs", "red_flag": "red_flags",
    "tests": "tests.yaml", "disclaimers": "disclaimers.yaml", "sources": "sources.yaml",
    "names": "names",
}  # fmt: skip
Schema = dict[str, Any]


def schemas(base: Knowledge | None = None) -> dict[str, Schema]:
    """Kind of file -> JSON Schema (draft 2020-12).

    Kinds: findings, names, derived, cause, drugs, drug_defaults, red_flag, priors, weighing, units, base, tests,
    disclaimers, sources, patient, assessment. With ``base`` the ids it holds are listed as examples, which editors
    offer for completion; an id that is not listed stays valid, since only the linter knows every layer.
    """
    found = {kind: _of_room(room) for kind, room in KINDS.items()}
    found["priors"] = Priors.model_json_schema(by_alias=True)
    found["drug_defaults"] = _of_keys("DrugDefaults", {"default_latency": (Latency, ...)})
    found["weighing"] = _mapping("Weighing", Parameter.model_json_schema(by_alias=True))
    found["units"] = Units.model_json_schema(by_alias=True)
    found["base"] = _of_keys("Base", {
        "version": (str, ...), "reviewed": (str, ...), "mechanisms": (dict[str, str], ...),
        "differential": (dict[str, tuple[tuple[str, ...], ...]], {}), "duration_findings": (dict[str, str], {}),
    })  # fmt: skip
    found["patient"] = _patient()
    found["assessment"] = Assessment.model_json_schema(mode="serialization", by_alias=True)
    for kind, schema in found.items():
        found[kind] = {"$schema": DIALECT, **schema, "title": f"leukoref {kind.replace('_', ' ')}"}
        if base is not None and kind not in ("patient", "assessment"):
            _offer(found[kind], _ids(base))
    return found


def _of_room(room: str) -> Schema:
    """The schema of a file of a room: one object, or lists under the keys of the room."""
    ((first, model), *_) = COLLECTIONS[room]
    if not first:
        return model.model_json_schema(by_alias=True)
    return _of_keys(room, {key: (list[inner], []) for key, inner in COLLECTIONS[room]})  # type: ignore[valid-type]


def _of_keys(name: str, fields: dict[str, Any]) -> Schema:
    model: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return model.model_json_schema(by_alias=True)


def _mapping(name: str, inner: Schema) -> Schema:
    definitions = inner.pop("$defs", {})
    return {"title": name, "type": "object", "additionalProperties": inner, "$defs": definitions}


def _patient() -> Schema:
    """The patient as callers write it: age with its unit, and the sections of a case file beside observations."""
    schema = Patient.model_json_schema(by_alias=True)
    properties = schema["properties"]
    age = {"type": "string", "pattern": r"^\s*[0-9.]+ (a|mo|wk|d|h)\s*$", "examples": ["45 a", "6 mo", "3 wk", "2 d"]}
    pair = {
        "type": "object", "required": ["value", "unit"], "additionalProperties": False,
        "properties": {"value": {"type": "number"}, "unit": {"enum": ["a", "mo", "wk", "d", "h"]}},
    }  # fmt: skip
    properties["age"] = {"anyOf": [age, pair, {"type": "null"}], "description": "age with its unit (UCUM)"}
    for section in SECTIONS:
        properties[section] = {
            **properties["observations"], "title": section.capitalize(),
            "description": f"observations known from {section}" if section != "presentation" else "what is known first",
        }  # fmt: skip
    for field in ("id", "source", *ANSWER_FIELDS):
        properties[field] = {"description": "of a case file; never read as input"}
    return schema


def _ids(base: Knowledge) -> dict[str, list[str]]:
    """Name of a property -> the ids that may stand there."""
    sources = sorted(base.reference)
    return {
        "finding": [*base.finding, *(name for name in base.scale if name not in base.finding)],
        "is_a": list(base.finding), "not_denied_by": list(base.finding),
        "exposures": list(base.finding), "test": list(base.test),
        "mechanisms": list(base.mechanisms), "mimics": list(base.cause), "above": list(base.cause),
        "cause": list(base.cause), "source": sources, "key": sources, "mechanism_source": sources,
    }  # fmt: skip


def _offer(schema: Any, ids: dict[str, list[str]]) -> None:
    """Lists the ids as examples wherever a property takes one."""
    if isinstance(schema, dict):
        for name, inner in (schema.get("properties") or {}).items():
            target = inner.get("items", inner) if isinstance(inner, dict) else {}
            options = [target, *target.get("anyOf", ())]
            for option in options:
                if name in ids and option.get("type") == "string":
                    option["examples"] = ids[name]
        for inner in schema.values():
            _offer(inner, ids)
    elif isinstance(schema, list):
        for inner in schema:
            _offer(inner, ids)


def written(schema: Schema) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main(folder: str) -> None:
    """Writes one `<kind>.json` for each kind into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for kind, schema in schemas().items():
        (Path(folder) / f"{kind}.json").write_text(written(schema), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
