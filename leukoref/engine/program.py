"""What both engines compile: every condition of the base as alternatives of atoms, units resolved.

A rule comes twice, once for its presence and once for its absence (De Morgan), so that unknown is
simply when neither fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leukoref import units
from leukoref.errors import KnowledgeError
from leukoref.findings import unit_index
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.conditions import Atom, Clause, Comparison, Condition, alternatives
from leukoref.knowledge.vocabulary import Derived

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
    """All rules of the base: derived findings, criteria of causes, red flags."""
    rules = _derived_rules(base)
    for cause in base.causes:
        for index, statement in enumerate(all_statements(cause)):
            if statement.when is not None:
                where = f"{cause.id}:{statement.id}"
                rules.append(_rule("criterion", cause.id, index, statement.when, base, where))
    for index, flag in enumerate(base.red_flags):
        rules.append(_rule("red_flag", flag.id, index, flag.when, base, f"red flag {flag.id}"))
    return rules


def _derived_rules(base: Knowledge) -> list[CompiledRule]:
    """Several rules of one finding are one rule: present by any, absent only if all are complete and absent."""
    grouped: dict[str, list[Derived]] = {}
    for entry in base.derived:
        grouped.setdefault(entry.finding, []).append(entry)
    rules = []
    for position, (finding, entries) in enumerate(grouped.items()):
        compiled = [_rule("finding", finding, position, entry.when, base, f"derived {finding}") for entry in entries]
        present = tuple(dict.fromkeys(clause for rule in compiled for clause in rule.present))
        absent: tuple[Clause, ...] = ()
        if all(entry.complete for entry in entries):
            absent = ((),)
            for rule in compiled:
                absent = tuple(
                    tuple(dict.fromkeys((*left, *right))) for left in absent for right in rule.absent
                )
        rules.append(CompiledRule("finding", finding, position, present, absent))
    return rules


def _rule(kind: Kind, target: str, index: int, when: Condition, base: Knowledge, where: str) -> CompiledRule:
    def scale(comparison: Comparison) -> tuple[float, float]:
        return limit_scale(comparison, base, where)

    try:
        present, absent = alternatives(when, True, scale), alternatives(when, False, scale)
    except ValueError as error:
        raise KnowledgeError(f"{where}: {error}") from None
    return CompiledRule(kind, target, index, tuple(present), tuple(absent))


def limit_scale(comparison: Comparison, base: Knowledge, where: str) -> tuple[float, float]:
    """(factor, offset) from the unit a condition is written in to the canonical unit of its quantity."""
    finding = base.finding.get(comparison.finding)
    if finding is None:
        raise KnowledgeError(f"{where}: unknown finding {comparison.finding!r}")
    if comparison.unit is None or finding.unit is None:
        return 1.0, 0.0
    try:
        code = units.ucum(comparison.unit, unit_index(base))
        return units.factor(code, finding.unit, finding.molar_mass)
    except ValueError as error:
        raise KnowledgeError(f"{where}: {error} {comparison.unit!r} for {comparison.finding}") from None


def used_atoms(rules: list[CompiledRule]) -> set[Atom]:
    return {atom for rule in rules for clause in (*rule.present, *rule.absent) for atom in clause}
