"""The Human Phenotype Ontology as a table: any of its labels, exact synonyms or codes is understood.

A term the vocabulary does not list counts as the nearest findings above it (cervical lymphadenopathy is
lymphadenopathy). Read on first need, since most names are in the vocabulary itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from leukoref.knowledge.names import normalise


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    label: str
    parents: tuple[str, ...]


@cache
def terms() -> dict[str, Term]:
    """HPO id -> term."""
    return {columns[0]: Term(columns[0], columns[1], _listed(columns[3], ",")) for columns in _rows()}


@cache
def _names() -> dict[str, str]:
    """Normalised label or exact synonym -> HPO id; labels win over synonyms."""
    index: dict[str, str] = {}
    for columns in _rows():
        index.setdefault(normalise(columns[1]), columns[0])
    for columns in _rows():
        for name in _listed(columns[2], "|"):
            index.setdefault(normalise(name), columns[0])
    return index


def by_name(name: str) -> Term | None:
    """The term whose label or exact synonym this is, after normalising."""
    found = _names().get(normalise(name))
    return terms()[found] if found else None


@cache
def words() -> frozenset[str]:
    """Every word of a label or synonym, normalised."""
    return frozenset(word for name in _names() for word in name.split())


def by_code(code: str) -> Term | None:
    return terms().get(code.strip().upper())


def nearest(term: Term, codes: dict[str, str]) -> tuple[str, ...]:
    """Findings of the vocabulary that the term implies: on every path upwards the first that has one."""
    found: list[str] = []
    seen: set[str] = set()
    waiting = [term.id]
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        if current in codes:
            found.append(codes[current])
        elif current in terms():
            waiting.extend(terms()[current].parents)
    return tuple(dict.fromkeys(found))


@cache
def _rows() -> list[list[str]]:
    text = (files("leukoref.rules") / "terminology" / "hpo.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith(("#", "id\t"))]


def _listed(text: str, separator: str) -> tuple[str, ...]:
    return tuple(text.split(separator)) if text else ()
