"""Ways through a draft that several checks share: statements, conditions, citations, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leukoref.knowledge.cause import Cause, Statement
from leukoref.knowledge.checks.reading import Document, Draft, Entry, Path_
from leukoref.knowledge.conditions import All, AnyOf, Comparison, Condition, Not

SOURCE_KEYS = ("source", "mechanism_source")


def statements(entry: Entry[Cause]) -> Iterator[tuple[Path_, Statement]]:
    """The statements of a cause and of its variants."""
    for position, statement in enumerate(entry.value.statements):
        yield ("statements", position), statement
    for number, variant in enumerate(entry.value.variants):
        for position, statement in enumerate(variant.statements):
            yield ("variants", number, "statements", position), statement


def conditions(draft: Draft) -> Iterator[tuple[Entry[Any], Path_, Condition]]:
    """Every condition of the base: derived findings, criteria of causes, red flags."""
    for rule in draft.derived:
        yield rule, ("when",), rule.value.when
    for cause in draft.causes:
        for path, statement in statements(cause):
            if statement.when is not None:
                yield cause, (*path, "when"), statement.when
    for flag in draft.red_flags:
        yield flag, ("when",), flag.value.when


def compared(condition: Condition, path: Path_) -> Iterator[tuple[Path_, Comparison]]:
    """Every comparison inside a condition, with its path."""
    if isinstance(condition, Comparison):
        yield path, condition
    elif isinstance(condition, Not):
        yield from compared(condition.not_, (*path, "not"))
    else:
        key, parts = ("all", condition.all) if isinstance(condition, All) else ("any", _parts(condition))
        for position, part in enumerate(parts):
            yield from compared(part, (*path, key, position))


def _parts(condition: AnyOf) -> tuple[Condition, ...]:
    return condition.any


def comparisons(draft: Draft) -> Iterator[tuple[Entry[Any], Path_, Comparison]]:
    """Every comparison of the base."""
    for entry, path, condition in conditions(draft):
        for inner, comparison in compared(condition, path):
            yield entry, inner, comparison


def citations(draft: Draft) -> Iterator[tuple[Document, Path_, str]]:
    """Every source key of every rule file but the bibliography, wherever it stands."""
    for document in draft.documents:
        if document.place != "sources.yaml":
            yield from ((document, path, key) for path, key in _cited(document.value, ()))


def _cited(value: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and name in SOURCE_KEYS:
                yield (*path, name), inner
            elif name == "sources" and isinstance(inner, list):
                for position, entry in enumerate(inner):
                    if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                        yield (*path, name, position, "key"), entry["key"]
            elif isinstance(inner, (dict, list)):
                yield from _cited(inner, (*path, name))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            if isinstance(inner, (dict, list)):
                yield from _cited(inner, (*path, position))
