"""Reads `rules/` (and a site's own folders) into a `Knowledge`, with every complaint at once.

Parsing YAML is the slow part, so the validated base is cached as JSON beside the user's other caches,
under the hash of every byte it was read from; a changed rule file is a changed name.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from leukoref import units
from leukoref.errors import KnowledgeError
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.conditions import comparisons
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
CACHES_KEPT = 8  # a rule author's every change makes a new one
BASE_FIELDS = ("version", "reviewed", "mechanisms", "differential", "duration_findings")
FIELDS: dict[type[BaseModel], str] = {
    Finding: "findings", Scale: "scales", Derived: "derived", Cause: "causes", Drug: "drugs",
    RedFlag: "red_flags", WorkupStep: "tests", Disclaimer: "disclaimers", Reference: "references",
    WordGroup: "names",
}  # fmt: skip


class Kept(BaseModel):
    """What the cache holds: the validated base, and what is slow to work out from it."""

    model_config = ConfigDict(defer_build=True)

    base: Knowledge
    finding_names: dict[str, str]
    lexicon: str  # JSON, read when a name is first taken apart
    drug_names: dict[str, str]
    conversions: tuple[units.Conversion, ...]

    @classmethod
    def of(cls, base: Knowledge) -> Kept:
        """Raises KnowledgeError if two findings share a name."""
        targets = [(entry.unit, entry.molar_mass) for entry in base.findings if entry.unit]
        written = (*base.unit_aliases, *(unit for unit, _ in targets), *_limit_units(base))
        return cls(
            base=base, finding_names=base.finding_names, drug_names=base.drug_names,
            lexicon=base.lexicon.model_dump_json(exclude_defaults=True), conversions=tuple(units.conversions(written, targets)),
        )  # fmt: skip

    def opened(self) -> Knowledge:
        """The base, with the indexes that it would otherwise build when they are first asked for."""
        vars(self.base).update(
            finding_names=self.finding_names, kept_lexicon=self.lexicon, drug_names=self.drug_names
        )  # fmt: skip
        units.remember(self.conversions)
        return self.base


def _limit_units(base: Knowledge) -> Iterator[str]:
    """Units in which conditions are written."""
    criteria = (s.when for cause in base.causes for s in all_statements(cause) if s.when)
    for when in (*(rule.when for rule in base.derived), *(flag.when for flag in base.red_flags), *criteria):
        yield from (units.ucum(part.unit, base.unit_index) for part in comparisons(when) if part.unit)


class Complaint(BaseModel):
    """One thing wrong with a rule file: where, in which rule, what, the way out, and which check says so."""

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
    store = _cache_file(digest) if cache else None
    if store is not None and store.is_file():
        try:
            return _from_cache(store)
        except (ValidationError, OSError):
            store.unlink(missing_ok=True)
    base, complaints = read(folders, digest)
    if base is None:
        raise KnowledgeError("\n".join(map(str, complaints)))
    if store is not None:
        _write_atomically(store, Kept.of(base).model_dump_json(by_alias=True, exclude_defaults=True).encode())
    return base


def _from_cache(store: Path) -> Knowledge:
    """The cached base. The collector rests meanwhile: it would walk a hundred thousand young objects over
    and over, none of them garbage."""
    resting = gc.isenabled()
    gc.disable()
    try:
        return Kept.model_validate_json(store.read_bytes()).opened()
    finally:
        if resting:
            gc.enable()


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


def _cache_file(digest: str) -> Path | None:
    """None when LEUKOREF_CACHE is set to the empty string: no cache wanted."""
    chosen = os.environ.get("LEUKOREF_CACHE")
    if chosen == "":
        return None
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leukoref"
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
    return root / f"knowledge-{digest[:32]}-{code.hexdigest()[:8]}.json"


def _write_atomically(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_bytes(content)
        scratch.replace(path)
        for old in sorted(path.parent.glob("knowledge-*.json"), key=lambda kept: -kept.stat().st_mtime)[CACHES_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a read-only home is no reason to fail: the base was read, only not kept
