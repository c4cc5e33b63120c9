"""Forward chaining for many patients at once: the rules of `program.compile_rules` over boolean columns.

A literal (a finding in a state) is one boolean column of a block of patients. What defines it, the clauses of
its rule and the narrower or wider findings it follows from, is worked out once for the columns a cohort has;
literals that nothing can bring about, or that nothing asks for, are left out. What was given is never
contradicted, and a finding for which both literals hold is unknown, as in `durable.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from leukoref.engine.program import CompiledRule, compile_rules
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import Atom, Clause

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Literal = tuple[str, bool]
CriterionKey = tuple[str, int]


@dataclass(slots=True)
class Block:
    """What is known of ``size`` patients before any rule is applied, a column a finding.

    ``given`` holds the literals that were said; ``low`` and ``high`` the ends of the interval a quantity lies
    in, NaN where it was not measured, ``most`` the highest of several values. ``age`` is in years, NaN if unknown;
    ``tables`` indexes the tables of priors; ``invalid`` marks patients whose values contradict each other; ``culprit``
    is what the drug that is most to blame adds to its cause, NaN for none; ``confirmed`` has the patients of each cause
    that is named under `confirmation`.
    """

    size: int
    given: dict[Literal, Bits] = field(default_factory=dict)
    low: dict[str, Floats] = field(default_factory=dict)
    high: dict[str, Floats] = field(default_factory=dict)
    most: dict[str, Floats] = field(default_factory=dict)
    age: Floats = field(default_factory=lambda: np.zeros(0))
    tables: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    invalid: dict[str, Bits] = field(default_factory=dict)
    culprit: Floats | None = None
    confirmed: dict[str, Bits] = field(default_factory=dict)

    def atom(self, atom: Atom) -> Bits:
        """Whether the whole interval of each quantity lies on the atom's side; unknown values never do."""
        if atom.test == "lt":
            return self.high[atom.finding] < atom.limit
        if atom.test == "le":
            return self.high[atom.finding] <= atom.limit
        if atom.test == "gt":
            return self.low[atom.finding] > atom.limit
        return self.low[atom.finding] >= atom.limit


@dataclass(frozen=True, slots=True)
class Definition:
    """A literal holds where it was given, where a clause does, or where a literal does that it follows from."""

    literal: Literal
    clauses: tuple[Clause, ...]
    sources: tuple[Literal, ...]


@dataclass(slots=True)
class Inferred:
    """What follows for a block: literals, criteria known to hold and known not to, red flags."""

    literals: dict[Literal, Bits]
    criteria: dict[CriterionKey, tuple[Bits | None, Bits | None]]
    red_flags: dict[str, Bits]

    def settled(self, finding: str, state: bool) -> Bits | None:
        """Where a finding is known to be in a state; None if that cannot be in this cohort."""
        ours = self.literals.get((finding, state))
        theirs = self.literals.get((finding, not state))
        return ours if ours is None or theirs is None else ours & ~theirs


class Plan:
    """The rules that can matter to a cohort with these literals given and these quantities measured."""

    def __init__(
        self, base: Knowledge, rules: Iterable[CompiledRule], given: Iterable[Literal], quantities: Iterable[str],
        asked: Iterable[str],
    ) -> None:  # fmt: skip
        self.quantities = frozenset(quantities)
        self._relatives = {True: base.ancestors, False: base.denied}
        rules = list(rules)
        clauses: dict[Literal, tuple[Clause, ...]] = {}
        for rule in rules:
            if rule.kind == "finding":
                for state, found in ((True, rule.present), (False, rule.absent)):
                    clauses[rule.target, state] = (*clauses.get((rule.target, state), ()), *found)
        self.possible, sources = self._possible(set(given), clauses)
        self.criteria = [
            (rule, self._open(rule.present), self._open(rule.absent)) for rule in rules if rule.kind == "criterion"
        ]
        self.red_flags = [(rule, self._open(rule.present)) for rule in rules if rule.kind == "red_flag"]
        definitions = {
            literal: Definition(literal, self._open(clauses.get(literal, ())), tuple(sorted(sources.get(literal, ()))))
            for literal in self.possible
        }
        self.steps = _in_order(definitions, self._roots(asked))

    def _possible(
        self, given: set[Literal], clauses: Mapping[Literal, tuple[Clause, ...]]
    ) -> tuple[set[Literal], dict[Literal, set[Literal]]]:
        """All literals that can hold at all, and for each the literals of narrower or wider findings behind it."""
        self.possible = possible = set[Literal]()
        sources: dict[Literal, set[Literal]] = {}
        waiting = [*given, *(literal for literal, found in clauses.items() if self._open(found))]
        while waiting:
            while waiting:
                literal = waiting.pop()
                if literal in possible:
                    continue
                possible.add(literal)
                for name in self._relatives[literal[1]].get(literal[0], ()):
                    sources.setdefault((name, literal[1]), set()).add(literal)
                    waiting.append((name, literal[1]))
            waiting = [literal for literal, found in clauses.items() if literal not in possible and self._open(found)]
        return possible, sources

    def _open(self, clauses: Iterable[Clause]) -> tuple[Clause, ...]:
        """The clauses of which every atom can hold."""
        return tuple(clause for clause in clauses if all(self._can_hold(atom) for atom in clause))

    def _can_hold(self, atom: Atom) -> bool:
        if atom.test in ("present", "absent"):
            return (atom.finding, atom.test == "present") in self.possible
        return atom.finding in self.quantities

    def _roots(self, asked: Iterable[str]) -> Iterator[Literal]:
        for name in asked:
            for state in (True, False):
                yield name, state
        for _, present, absent in self.criteria:
            yield from _literals((*present, *absent))
        for _, present in self.red_flags:
            yield from _literals(present)

    def run(self, block: Block) -> Inferred:
        """Everything that follows for a block."""
        known: dict[Literal, Bits] = {}
        # What was said or concluded, before it is held against what was given: wider and narrower findings
        # follow from that, as in `durable.py`.
        concluded: dict[Literal, Bits] = {}
        atoms: dict[Atom, Bits] = {}

        def holds(clauses: Iterable[Clause], value: Bits | None = None) -> Bits | None:
            """The clauses' disjunction, added to ``value`` in place."""
            for clause in clauses:
                part: Bits | None = None
                owned = False
                for atom in clause:
                    if atom.test in ("present", "absent"):
                        column = known.get((atom.finding, atom.test == "present"))
                    else:
                        column = atoms.get(atom)
                        if column is None and atom.finding in block.low:
                            column = atoms[atom] = block.atom(atom)
                    if column is None:  # unknown in the whole block, or within a cycle and not reached yet
                        part = None
                        break
                    if part is None:
                        part = column
                    elif owned:
                        part &= column
                    else:
                        part, owned = part & column, True
                if part is None:
                    continue
                if value is None:
                    value = part if owned else part.copy()
                else:
                    np.logical_or(value, part, out=value)
            return value

        def settle(definition: Definition) -> bool:
            """One literal brought up to date; whether it changed."""
            name, state = definition.literal
            said = block.given.get(definition.literal)
            value = holds(definition.clauses, None if said is None else said.copy())
            before = known.get(definition.literal), concluded.get(definition.literal)
            if value is not None:
                concluded[definition.literal] = value
            for source in definition.sources:
                column = concluded.get(source)
                if column is not None:
                    value = column if value is None else value | column
            if value is None:
                return False
            opposite = block.given.get((name, not state))
            if opposite is not None:
                value = value & ~opposite
            known[definition.literal] = value
            return not (_equal(before[0], value) and _equal(before[1], concluded.get(definition.literal)))

        for step in self.steps:
            if len(step) == 1:
                settle(step[0])
            else:
                while sum(settle(definition) for definition in step):  # all of them, each time round
                    pass
        criteria = {
            (rule.target, rule.index): (holds(present), holds(absent))
            for rule, present, absent in self.criteria
            if present or absent
        }
        flags = {rule.target: found for rule, present in self.red_flags if (found := holds(present)) is not None}
        return Inferred(known, criteria, flags)


def _equal(before: Bits | None, after: Bits | None) -> bool:
    return before is after or (before is not None and after is not None and bool(np.array_equal(before, after)))


def _literals(clauses: Iterable[Clause]) -> Iterator[Literal]:
    for clause in clauses:
        for atom in clause:
            if atom.test in ("present", "absent"):
                yield atom.finding, atom.test == "present"


def _in_order(definitions: Mapping[Literal, Definition], roots: Iterable[Literal]) -> list[tuple[Definition, ...]]:
    """What the roots need, causes before effects; literals that need each other form one step (Tarjan)."""
    steps: list[tuple[Definition, ...]] = []
    index: dict[Literal, int] = {}
    lowest: dict[Literal, int] = {}
    stack: list[Literal] = []
    on_stack: set[Literal] = set()

    def needs(literal: Literal) -> Iterator[Literal]:
        definition = definitions[literal]
        yield from (name for name in (*definition.sources, *_literals(definition.clauses)) if name in definitions)

    for root in roots:
        if root in index or root not in definitions:
            continue
        work = [(root, needs(root))]
        index[root] = lowest[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            literal, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = lowest[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, needs(other)))
                    break
                if other in on_stack:
                    lowest[literal] = min(lowest[literal], index[other])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[literal])
                if lowest[literal] == index[literal]:
                    component: list[Literal] = []
                    while not component or component[-1] != literal:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    steps.append(tuple(definitions[name] for name in component))
    return steps


class ColumnarEngine:
    """The compiled rules of one knowledge base, planned once for each set of columns a cohort has."""

    def __init__(self, base: Knowledge) -> None:
        self._base = base
        self._rules = compile_rules(base)

    def asked_literals(self) -> frozenset[Literal]:
        """Every literal that some rule asks for."""
        return frozenset(literal for rule in self._rules for literal in _literals((*rule.present, *rule.absent)))

    def plan(self, given: Iterable[Literal], quantities: Iterable[str], asked: Iterable[str]) -> Plan:
        return Plan(self._base, self._rules, given, quantities, asked)
