"""Rule files read like source code: every value with its line, and a draft of the base even if faulty.

The loader stops at a base that is not sound; the linter needs what can be read of it, to complain about
everything at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from leukoref.errors import KnowledgeError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.checks.form import told
from leukoref.knowledge.drug import Drug, Latency
from leukoref.knowledge.loader import BASE_FIELDS, COLLECTIONS, FIELDS, RULE_FILE, Complaint, rule_files, yaml_loader
from leukoref.knowledge.settings import Disclaimer, Parameter, Priors, RedFlag, Reference, Units, WorkupStep
from leukoref.knowledge.vocabulary import Derived, Finding, Scale
from leukoref.knowledge.wording import WordGroup

Path_ = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
SINGLE_FILES = ("priors.yaml", "weighing.yaml", "units.yaml", "base.yaml", "drugs/_defaults.yaml")


@dataclass(frozen=True)
class Document:
    """One rule file: the name shown, its place in the base, its value, and the nodes that know the lines."""

    name: str
    place: str
    layer: int
    value: Any
    node: yaml.Node | None

    @property
    def entries(self) -> dict[str, Any]:
        """What a file holds; nothing if it is no mapping, which is complained of when it is read."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def folder(self) -> str:
        """The folder of a site that the file lies in."""
        return self.name.removesuffix(f"/{self.place}")

    def line(self, path: Sequence[str | int]) -> int:
        """The line (from 1) of the value at a path, or of the nearest value around it."""
        return _deepest(self.node, tuple(path))[1] if self.node is not None else 0

    def rule(self, path: Sequence[str | int]) -> str:
        """Ids of the objects around a path, outermost first: 'copper_deficiency:anemia'."""
        names: list[str] = []
        value = self.value
        for part in (None, *path):
            try:
                value = value if part is None else value[part]
            except (KeyError, IndexError, TypeError):
                break
            if isinstance(value, dict):
                name = value.get("id") or (None if names else value.get("finding"))
                names += [name] if isinstance(name, str) else []
        return ":".join(names[:2])


@dataclass(frozen=True)
class Entry(Generic[Model]):
    """One object of the base with the place it was read from."""

    value: Model
    document: Document
    path: Path_

    @property
    def id(self) -> str:
        own = getattr(self.value, "id", None) or getattr(self.value, "finding", None)
        return str(own or type(self.value).__name__.lower())

    def complain(
        self, check: str, message: str, *path: str | int, remedy: str = "", severity: str = "error"
    ) -> Complaint:
        """A complaint about this object, or about the part of it at ``path``."""
        place = (*self.path, *path)
        return Complaint(
            file=self.document.name, line=self.document.line(place), rule=self.document.rule(place) or self.id,
            message=message, remedy=remedy, severity=severity, check=check,
        )  # fmt: skip


@dataclass
class Draft:
    """Everything readable of a base: later layers have already replaced entries of earlier ones."""

    documents: list[Document] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    findings: list[Entry[Finding]] = field(default_factory=list)
    scales: list[Entry[Scale]] = field(default_factory=list)
    derived: list[Entry[Derived]] = field(default_factory=list)
    causes: list[Entry[Cause]] = field(default_factory=list)
    drugs: list[Entry[Drug]] = field(default_factory=list)
    red_flags: list[Entry[RedFlag]] = field(default_factory=list)
    tests: list[Entry[WorkupStep]] = field(default_factory=list)
    disclaimers: list[Entry[Disclaimer]] = field(default_factory=list)
    references: list[Entry[Reference]] = field(default_factory=list)
    names: list[Entry[WordGroup]] = field(default_factory=list)
    single: dict[str, Any] = field(default_factory=dict)
    priors: Entry[Priors] | None = None
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    lowest: dict[str, Any] = field(default_factory=dict)  # parameters as the lowest layer gives them

    @cached_property
    def finding(self) -> dict[str, Finding]:
        return {entry.id: entry.value for entry in self.findings}

    @cached_property
    def scale(self) -> dict[str, Scale]:
        return {entry.id: entry.value for entry in self.scales}

    @cached_property
    def cause_ids(self) -> set[str]:
        return {entry.id for entry in self.causes}

    @cached_property
    def test_ids(self) -> set[str]:
        return {entry.id for entry in self.tests}

    @cached_property
    def source_keys(self) -> dict[str, str]:
        """Key or alias -> key of the source."""
        keys = {entry.id: entry.id for entry in self.references}
        for entry in self.references:
            for alias in entry.value.custom.get("aliases") or ():
                keys.setdefault(alias, entry.id)
        return keys

    @cached_property
    def knowledge(self) -> Knowledge | None:
        """The base as the library would use it, if it can be put together at all."""
        try:
            return self.assembled("")
        except (ValidationError, KnowledgeError):
            return None

    def assembled(self, digest: str) -> Knowledge:
        """The base under the hash of its files. Raises ValidationError where a part is missing."""
        shelves = {name: tuple(entry.value for entry in getattr(self, name)) for name in FIELDS.values()}
        priors = {"priors": self.priors.value} if self.priors else {}
        return Knowledge(**shelves, **self.single, **priors, content_hash=digest, overrides=tuple(self.overrides))

    def document(self, name: str) -> Document:
        """The last layer's file at that place; an empty one when there is none."""
        found = [document for document in self.documents if document.place == name]
        return found[-1] if found else Document(name, name, 0, {}, None)

    def complain(self, check: str, name: str, message: str, *path: str | int, **more: str) -> Complaint:
        """A complaint about a value of one of the single files."""
        rule = str(path[-1]) if path else ""
        document = self.document(name)
        return Complaint(file=document.name, line=document.line(path), rule=rule, message=message, check=check, **more)


def read_draft(folders: Sequence[Path]) -> Draft:
    """All rule files of the folders, in layers; what cannot be read becomes a complaint."""
    draft = Draft()
    for layer, folder in enumerate(folders):
        for path in rule_files(folder):
            place = path.relative_to(folder).as_posix()
            name = f"{folder.name}/{place}" if layer else place
            if path.suffix != RULE_FILE:
                remedy = f"name it {path.stem}{RULE_FILE}"
                lost = Complaint(file=name, message="is not read", remedy=remedy, check="layout")
                draft.complaints.append(lost)
                continue
            document = _read(path, place, name, layer, draft)
            if document is not None:
                draft.documents.append(document)
                _place(place, document, draft)
    return draft


def _read(path: Path, place: str, name: str, layer: int, draft: Draft) -> Document | None:
    try:
        text = path.read_text("utf-8")
        loader = yaml_loader()(text)
        node = loader.get_single_node()
        for line, key in _twice(node):
            draft.complaints.append(
                Complaint(file=name, line=line, message=f"key {key!r} stands twice in one mapping; the first is lost",
                          remedy="remove one", check="duplicate_key")
            )  # fmt: skip
        value = loader.construct_document(node) if node is not None else {}
    except UnicodeDecodeError:
        draft.complaints.append(Complaint(file=name, message="not UTF-8 text", check="yaml", remedy="save it as UTF-8"))
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {getattr(error, 'problem', None) or error}"
        draft.complaints.append(
            Complaint(file=name, line=mark.line + 1 if mark else 0, message=message, check="yaml",
                      remedy="look at indentation, quotes and brackets on this line and the one above")
        )  # fmt: skip
        return None
    except ValueError as error:  # 2026-13-45 has the form of a date
        line, text = next(_unreadable(node), (0, ""))
        draft.complaints.append(
            Complaint(file=name, line=line, message=f"{text!r} cannot be read: {error}", check="yaml",
                      remedy="correct it, or put it in quotes if it is a text")
        )  # fmt: skip
        return None
    return Document(name, place, layer, value, node)


def _nodes(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """A node with all below it."""
    waiting = [node] if node is not None else []
    while waiting:
        current = waiting.pop()
        yield current
        if isinstance(current, yaml.MappingNode):
            waiting.extend(part for pair in current.value for part in pair)
        elif isinstance(current, yaml.SequenceNode):
            waiting.extend(current.value)


def _unreadable(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Values that have a form that YAML reads, and cannot be read."""
    loader = yaml_loader()("")
    for part in _nodes(node):
        if isinstance(part, yaml.ScalarNode):
            try:
                loader.construct_object(part)
            except ValueError:
                yield part.start_mark.line + 1, part.value


def _twice(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys written twice in one mapping: YAML keeps the last without a word."""
    for part in _nodes(node):
        if isinstance(part, yaml.MappingNode):
            seen: set[Any] = set()
            for key, _ in part.value:
                if key.value.__hash__ and key.value in seen:
                    yield key.start_mark.line + 1, key.value
                if key.value.__hash__:
                    seen.add(key.value)


def _place(name: str, document: Document, draft: Draft) -> None:
    """Validates what a document holds and puts it on the shelf it belongs to."""
    room = name.split("/", 1)[0]
    if name not in SINGLE_FILES and room not in COLLECTIONS:
        remedy = f"move it into one of {', '.join(COLLECTIONS)}"
        lost = Complaint(file=document.name, message="has no place in the base", remedy=remedy, check="layout")
        draft.complaints.append(lost)
    elif not isinstance(document.value, dict):
        draft.complaints.append(Complaint(file=document.name, line=1, message="a mapping is expected", check="layout"))
    elif name in SINGLE_FILES:
        _place_single(name, document, draft)
    else:
        keys = [key for key, _ in COLLECTIONS[room]]
        for key in set(document.value) - set(keys) if "" not in keys else ():
            draft.complaints.append(
                Complaint(file=document.name, line=document.line((key,)), message=f"unknown key {key!r}",
                          remedy=f"this file holds {' and '.join(keys)}", check="layout")
            )  # fmt: skip
        for key, model in COLLECTIONS[room]:
            raw = [document.value] if not key else document.value.get(key) or []
            if not isinstance(raw, list):
                draft.complaints.append(
                    Complaint(file=document.name, line=document.line((key,)), message=f"{key}: a list is expected",
                              remedy="begin each entry with -", check="layout")
                )  # fmt: skip
                continue
            for position, value in enumerate(raw):
                path: Path_ = (key, position) if key else ()
                valid = validated(model, value, document, path, draft)
                if valid is not None:
                    _shelve(Entry(valid, document, path), draft)


def _shelve(entry: Entry[Any], draft: Draft) -> None:
    """Adds an entry; one of a later layer replaces its namesake, one of the same layer is a duplicate."""
    field_name = FIELDS[type(entry.value)]
    shelf: list[Entry[Any]] = getattr(draft, field_name)
    key = (field_name, entry.id if not isinstance(entry.value, Derived) else str(len(shelf)))
    position = draft.positions.setdefault(key, len(shelf))
    _laid(entry.document, f"{field_name} {entry.id}", draft, new=position == len(shelf))
    if position == len(shelf):
        shelf.append(entry)
        return
    other = shelf[position]
    if other.document.layer < entry.document.layer:
        shelf[position] = entry
        return
    where = f"{other.document.name}:{other.document.line(other.path)}"
    message = f"{field_name}: id {entry.id!r} is defined twice, first in {where}"
    draft.complaints.append(entry.complain("duplicate_id", message, "id", remedy="rename or remove one"))


def _laid(document: Document, what: str, draft: Draft, *, new: bool = False) -> None:
    """Keeps what a site's folder added or replaced, for answers to name."""
    if document.layer:
        draft.overrides.append(f"{document.folder}: {'adds' if new else 'replaces'} {what}")


def _place_single(name: str, document: Document, draft: Draft) -> None:
    value = document.value
    if name == "priors.yaml":
        priors = validated(Priors, value, document, (), draft)
        draft.priors = Entry(priors, document, ()) if priors else draft.priors
        _laid(document, "priors", draft)
    elif name == "weighing.yaml":
        for key, raw in value.items():
            parameter = validated(Parameter, raw, document, (key,), draft)
            if parameter is not None:
                draft.single.setdefault("weighing", {})[key] = parameter
                if not document.layer:
                    draft.lowest[key] = parameter.value
                _laid(document, f"weighing {key}", draft)
    elif name == "units.yaml":
        units = validated(Units, value, document, (), draft)
        spellings = draft.single.setdefault("unit_aliases", {})
        for unit, names in (units.aliases if units else {}).items():
            spellings[unit] = tuple(dict.fromkeys((*spellings.get(unit, ()), *names)))
            _laid(document, f"spellings of {unit}", draft, new=True)
    elif name == "drugs/_defaults.yaml":
        draft.single["default_latency"] = validated(
            Latency, value.get("default_latency"), document, ("default_latency",), draft
        )
        _laid(document, "default_latency", draft)
    else:
        for key in value:
            wanted = get_origin(Knowledge.model_fields[key].annotation) or str if key in BASE_FIELDS else object
            if not isinstance(value[key], wanted):
                message = f"{key}: a {'mapping' if wanted is dict else 'text'} is expected"
                draft.complaints.append(draft.complain("layout", name, message, key))
            elif key in BASE_FIELDS:
                before = draft.single.get(key, {}) if wanted is dict else {}
                new = wanted is dict and not before.keys() & value[key].keys()
                draft.single[key] = {**before, **value[key]} if wanted is dict else value[key]
                _laid(document, key, draft, new=new)
            else:
                draft.complaints.append(draft.complain("layout", name, f"unknown key {key!r}", key))


def validated(model: type[Model], value: Any, document: Document, path: Path_, draft: Draft) -> Model | None:
    """The value as its model, or None after a complaint for every problem, each with its line."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        rule = value.get("id") or value.get("finding") or "" if isinstance(value, dict) else ""
        for problem in error.errors(include_url=False):
            message, remedy = told(problem, model, value)
            draft.complaints.append(
                Complaint(
                    file=document.name, line=document.line((*path, *problem["loc"])), check="form",
                    rule=str(rule or (path or ("",))[-1]), message=message, remedy=remedy,
                )
            )  # fmt: skip
        return None


def _deepest(node: yaml.Node, path: Path_) -> tuple[int, int]:
    """(parts of the path followed, line): parts that are no keys (tags of a union) are passed over."""
    best = (0, node.start_mark.line + 1)
    for skip, part in enumerate(path):
        child = _child(node, part)
        if child is not None:
            followed, line = _deepest(child[1], path[skip + 1 :])
            best = max(best, (followed + 1, line if followed else child[0]), key=lambda found: found[0])
    return best


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    """(line, node) of one key of a mapping or item of a sequence."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None
