"""What both engines compile: every condition of the base as alternatives of atoms, units resolved.

A rule comes twice, once for its presence and once for its absence (De Morgan), so that unknown is
simply when neither fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leukoref import units
from leukoref.errors import KnowledgeError
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.conditions import All, AnyOf, Clause, Comparison, Condition, alternatives
from leukoref.knowledge.vocabulary import Derived

PART = "part:"  # target of a rule that stands for a part of a longer condition
ONLY_HOLDS = "~"  # after it, of a part of which only that it holds is asked
MANY = 12  # alternatives of a condition from which its parts are worth rules of their own
Kind = Literal["finding", "criterion", "red_flag"]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One conclusion and the alternatives under which it is known to hold, and known not to."""

    kind: Kind
    target: str
    index: int
    present: tuple[Clause, ...]
    absent: tuple[Clause, ...]


def compile_rules(base: Knowledge) -> list[CompiledRule]:
    """All rules of the base: derived findings, criteria of causes, red flags, and parts they share out."""
    compiler = _Compiler(base)
    compiler.derived()
    for cause in base.causes:
        for index, statement in enumerate(all_statements(cause)):
            if statement.when is not None:
                # Only of a requirement it matters that it is known to be missing.
                where, asked = f"{cause.id}:{statement.id}", statement.criterion == "requires"
                compiler.add("criterion", cause.id, index, statement.when, where, complete=asked)
    for index, flag in enumerate(base.red_flags):
        compiler.add("red_flag", flag.id, index, flag.when, f"red flag {flag.id}")
    return compiler.rules


class _Compiler:
    def __init__(self, base: Knowledge) -> None:
        self._base = base
        self.rules: list[CompiledRule] = []

    def derived(self) -> None:
        """Several rules of one finding are one: present by any, absent only if all are complete and absent."""
        grouped: dict[str, list[Derived]] = {}
        for entry in self._base.derived:
            grouped.setdefault(entry.finding, []).append(entry)
        for position, (finding, entries) in enumerate(grouped.items()):
            when = entries[0].when if len(entries) == 1 else AnyOf(any=tuple(entry.when for entry in entries))
            complete = all(entry.complete for entry in entries)
            self.add("finding", finding, position, when, f"derived {finding}", complete=complete)

    def add(self, kind: Kind, target: str, index: int, when: Condition, where: str, *, complete: bool = True) -> None:
        refuted = complete and kind != "red_flag"
        try:
            present = _possible(self._alternatives(when, True, where, refuted))
            absent = _possible(self._alternatives(when, False, where, refuted)) if refuted else []
        except ValueError as error:
            raise KnowledgeError(f"{where}: {error}") from None
        self.rules.append(CompiledRule(kind, target, index, tuple(present), tuple(absent)))

    def _alternatives(self, when: Condition, holds: bool, where: str, refuted: bool) -> list[Clause]:
        """Disjunctive normal form; when that grows long, parts become rules of their own."""

        def scale(comparison: Comparison) -> tuple[float, float]:
            return limit_scale(comparison, self._base, where)

        parts = when.all if isinstance(when, All) else when.any if isinstance(when, AnyOf) else ()
        try:
            found = alternatives(when, holds, scale)
        except ValueError:
            if not parts:
                raise
        else:
            if len(found) <= MANY or isinstance(when, All) != holds:
                return found
        named = tuple(self._named(part, where, refuted) for part in parts)
        return alternatives(All(all=named) if isinstance(when, All) else AnyOf(any=named), holds, scale)

    def _named(self, part: Condition, where: str, refuted: bool) -> Condition:
        """The part itself if it is a comparison, else a stand-in for a rule that concludes it."""
        if isinstance(part, Comparison):
            return part
        mark = "" if refuted else ONLY_HOLDS
        name = f"{PART}{mark}{part.model_dump_json(by_alias=True, exclude_none=True)}"
        if not any(rule.target == name for rule in self.rules):
            self.add("finding", name, len(self.rules), part, where, complete=refuted)
        return Comparison(finding=name)


def _possible(clauses: list[Clause]) -> list[Clause]:
    """Without those that ask one finding to be both present and absent: they never hold."""
    return [
        clause
        for clause in clauses
        if not {atom.finding for atom in clause if atom.test == "present"}
        & {atom.finding for atom in clause if atom.test == "absent"}
    ]


def limit_scale(comparison: Comparison, base: Knowledge, where: str) -> tuple[float, float]:
    """(factor, offset) from the unit a condition is written in to the canonical unit of its quantity."""
    if comparison.finding.startswith(PART):
        return 1.0, 0.0
    finding = base.finding.get(comparison.finding)
    if finding is None:
        raise KnowledgeError(f"{where}: unknown finding {comparison.finding!r}")
    if comparison.unit is None or finding.unit is None:
        return 1.0, 0.0
    try:
        code = units.ucum(comparison.unit, base.unit_index)
        return units.factor(code, finding.unit, finding.molar_mass)
    except ValueError as error:
        raise KnowledgeError(f"{where}: {error} {comparison.unit!r} for {comparison.finding}") from None
