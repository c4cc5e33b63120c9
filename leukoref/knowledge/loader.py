"""Reads `rules/` (and a site's own folders) into a `Knowledge`, with every complaint at once.

Parsing YAML is the slow part, so the validated base is kept (`kept.py`) under the hash of every byte it was read
from; a changed rule file is a changed name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from leukoref.errors import KnowledgeError
from leukoref.knowledge import kept
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.drug import Drug, Latency
from leukoref.knowledge.settings import Disclaimer, Parameter, Priors, RedFlag, Reference, WorkupStep
from leukoref.knowledge.vocabulary import Derived, Finding, Scale
from leukoref.knowledge.wording import WordGroup

# Where each kind of document lives: folder or file -> (key inside the document, model). Documents
# without a key hold one object.
COLLECTIONS: dict[str, tuple[tuple[str, type[BaseModel]], ...]] = {
    "findings": (("findings", Finding), ("scales", Scale)),
    "derived": (("derived", Derived),),
    "names": (("names", WordGroup),),
    "causes": (("", Cause),),
    "drugs": (("drugs", Drug),),
    "red_flags": (("", RedFlag),),
    "tests.yaml": (("tests", WorkupStep),),
    "disclaimers.yaml": (("disclaimers", Disclaimer),),
    "sources.yaml": (("references", Reference),),
}
BASE_FIELDS = ("version", "reviewed", "mechanisms", "differential", "duration_findings")
FIELDS: dict[type[BaseModel], str] = {
    Finding: "findings", Scale: "scales", Derived: "derived", Cause: "causes", Drug: "drugs",
    RedFlag: "red_flags", WorkupStep: "tests", Disclaimer: "disclaimers", Reference: "references",
    WordGroup: "names",
}  # fmt: skip


class Complaint(BaseModel):
    """One thing wrong with a rule file: where, in which rule, what, the way out, and which check says so."""

    model_config = ConfigDict(defer_build=True)

    file: str
    line: int = 0
    rule: str = ""
    message: str
    remedy: str = ""
    severity: str = "error"
    check: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{where}:{rule} {self.message}" + (f"; {self.remedy}" if self.remedy else "")


def yaml_loader() -> Any:
    """The fast safe loader where libyaml is there. Imported here: a base from the cache needs no YAML."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def packaged_rules() -> Path:
    """The folder of the packaged base."""
    return Path(str(files("leukoref.rules")))


def rule_files(folder: Path) -> list[Path]:
    """Every rule file of a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def content_hash(folders: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of all rule files."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in rule_files(folder):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def load_knowledge(extra: Sequence[str | Path] = (), *, cache: bool = True) -> Knowledge:
    """The packaged base, with the rule folders in ``extra`` laid over it in order.

    A site's folder has the same layout as ``rules/``; an entry whose id exists replaces the packaged one
    and is named in ``Knowledge.overrides`` and so in every answer. Raises KnowledgeError when a file
    cannot be read as what it should be, with every complaint in the message.
    """
    return _load(tuple(str(Path(folder).resolve()) for folder in extra), cache)


@lru_cache(maxsize=8)
def _load(extra: tuple[str, ...], cache: bool) -> Knowledge:
    folders = [packaged_rules(), *(Path(folder) for folder in extra)]
    for folder in folders[1:]:
        if not folder.is_dir():
            raise KnowledgeError(f"{folder.name}: no such folder of rules")
    digest = content_hash(folders)
    store = kept.cache_file(digest) if cache else None
    if store is not None and (base := kept.opened(store)) is not None:
        return base
    base, complaints = read(folders, digest)
    if base is None:
        raise KnowledgeError("\n".join(map(str, complaints)))
    if store is not None:
        kept.keep(store, base)
    return base


def read(folders: Sequence[Path], digest: str = "") -> tuple[Knowledge | None, list[Complaint]]:
    """All folders read and validated; the base is None as soon as there is one complaint."""
    complaints: list[Complaint] = []
    found: dict[str, dict[str, Any]] = {field: {} for field in FIELDS.values()}
    single: dict[str, Any] = {}
    overrides: list[str] = []
    for number, folder in enumerate(folders):
        for entry in _entries(folder, complaints):
            if isinstance(entry, tuple):
                single[entry[0]] = _merge(single.get(entry[0]), entry[1]) if number else entry[1]
                if number:
                    overrides.append(f"{folder.name}: {entry[0]}")
                continue
            shelf = found[FIELDS[type(entry)]]
            key = f"{entry.finding}#{len(shelf)}" if isinstance(entry, Derived) else str(entry.__dict__["id"])
            if key in shelf and number == 0:
                complaints.append(Complaint(file=str(folder), rule=key, message="defined twice"))
            elif number:
                overrides.append(f"{folder.name}: {FIELDS[type(entry)]} {key}")
            shelf[key] = entry
    if complaints:
        return None, complaints
    try:
        base = Knowledge(
            **{field: tuple(shelf.values()) for field, shelf in found.items()},
            **single, content_hash=digest or content_hash(folders), overrides=tuple(overrides),
        )  # fmt: skip
    except ValidationError as error:
        complaints += [Complaint(file="rules", message=_first(error))]
        return None, complaints
    return base, complaints


def _entries(folder: Path, complaints: list[Complaint]) -> Iterator[BaseModel | tuple[str, Any]]:
    """Every object of a folder: models for collections, (field, value) for the single files."""
    import yaml

    loader = yaml_loader()
    for path in rule_files(folder):
        name = str(path.relative_to(folder))
        try:
            document = yaml.load(path.read_text("utf-8"), loader) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            message = getattr(error, "problem", None) or "not UTF-8 text"
            complaints.append(Complaint(file=name, line=mark.line + 1 if mark else 0, message=str(message)))
            continue
        yield from _objects(name, document, complaints)


def _objects(name: str, document: Any, complaints: list[Complaint]) -> Iterator[BaseModel | tuple[str, Any]]:
    room = name.split("/", 1)[0]
    if name == "drugs/_defaults.yaml":
        yield from _checked_single(name, "default_latency", Latency, document.get("default_latency"), complaints)
    elif room in COLLECTIONS:
        for key, model in COLLECTIONS[room]:
            raw = [document] if not key else document.get(key, [])
            for position, value in enumerate(raw):
                try:
                    yield model.model_validate(value)
                except ValidationError as error:
                    rule = value.get("id", value.get("finding", "")) if isinstance(value, dict) else ""
                    complaints += _complaints(name, str(rule or position), error)
    elif name == "priors.yaml":
        yield from _checked_single(name, "priors", Priors, document, complaints)
    elif name == "weighing.yaml":
        for key, value in document.items():
            try:
                Parameter.model_validate(value)
            except ValidationError as error:
                complaints += _complaints(name, key, error)
        yield "weighing", document
    elif name == "units.yaml":
        yield "unit_aliases", document.get("aliases", {})
    elif name == "base.yaml":
        yield from ((key, document[key]) for key in BASE_FIELDS if key in document)
    else:
        complaints.append(Complaint(file=name, message="no place in the base", remedy=f"use {', '.join(COLLECTIONS)}"))


def _checked_single(
    name: str, field: str, model: type[BaseModel], value: Any, complaints: list[Complaint]
) -> Iterator[tuple[str, Any]]:
    try:
        yield field, model.model_validate(value)
    except ValidationError as error:
        complaints += _complaints(name, field, error)


def _complaints(name: str, rule: str, error: ValidationError) -> Iterator[Complaint]:
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        yield Complaint(file=name, rule=f"{rule} {where}".strip(), message=problem["msg"])


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        return new
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
