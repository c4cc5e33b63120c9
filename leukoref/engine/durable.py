"""Forward chaining for one patient on durable-rules: derived findings, criteria, red flags.

The traps of durable-rules 2.0.28 that shape this file: session ids are hashed to 32 bits (so sessions
are numbered here and deleted after use, one at a time); the stock host runs timer threads; an exception
in an action is stored, not raised; a disjunction fires once per match (so every alternative is a rule
of its own); at most 64 conditions may match one fact (so a busy finding is asserted under several
names); one fact cannot match two patterns of a rule; a fact that no rule wants is an error; deleting a
session in which no action ever ran frees memory that was never set (so every session opens with one);
a field is told apart from at most 511 values, and one more never returns (so findings are kept in groups);
a rule set of some five thousand simple rules is refused with "error code: 106".
"""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from durable import engine as durable_engine
from durable_rules_engine import error as durable_rules_error

from leukoref.engine.program import CompiledRule, compile_rules
from leukoref.errors import EngineError, KnowledgeError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import Atom, Clause
from leukoref.known import Findings, Quantity

RULESET = "leukoref"
MATCHES_PER_FACT = 60
VALUES_PER_FIELD = 400
OPENING = {"session": "open"}
TINY = 1.5e-300  # as text it has a point, see `_readable`
_OPERATORS = {"lt": "$lt", "le": "$lte", "gt": "$gt", "ge": "$gte"}


class _Host(durable_engine.Host):  # type: ignore[misc]
    """A host without the two timer threads of the stock one, which also run rules."""

    def _run(self) -> None:
        return None


@dataclass(slots=True)
class Inference:
    """What the rules concluded: finding states (given and derived), criteria and red flags that hold."""

    presence: dict[str, bool] = field(default_factory=dict)
    derived: set[str] = field(default_factory=set)
    conflicts: set[str] = field(default_factory=set)
    criteria: dict[tuple[str, int], bool] = field(default_factory=dict)
    red_flags: set[str] = field(default_factory=set)


class DurableEngine:
    """The compiled rules of one knowledge base. Safe to share between threads; a fork gets its own."""

    def __init__(self, base: Knowledge) -> None:
        self._base = base
        self.rules = compile_rules(base)
        self._lock = threading.Lock()
        self._sessions = 0
        self._current: _Session | None = None
        self._build()

    def infer(self, known: Findings) -> Inference:
        """All that follows from what is known of one patient."""
        if os.getpid() != self._process:
            self._lock = threading.Lock()
            self._build()
        with self._lock:
            self._sessions += 1
            session = _Session(self, str(self._sessions), known)
            self._current = session
            try:
                return session.run()
            finally:
                self._current = None
                self._host.delete_state(RULESET, session.sid)

    def _build(self) -> None:
        self._process = os.getpid()
        self._host = _Host()
        # finding -> what each of its copies is asked: the atoms of a pattern must all hold
        self._asked: dict[str, list[set[tuple[Atom, ...]]]] = {}
        self._groups: dict[str, str] = {}  # copy of a finding -> its group
        uses: Counter[str] = Counter()
        definition: dict[str, Any] = {"opening": {"all": [{"m_0": OPENING}], "run": lambda _: None}}
        for rule in self.rules:
            for holds, clauses in ((True, rule.present), (False, rule.absent)):
                action = self._conclusion(rule, holds)
                for clause in clauses:
                    definition[f"r{len(definition)}"] = {
                        "all": [{f"m_{i}": self._pattern(atoms, uses)} for i, atoms in enumerate(_by_fact(clause))],
                        "run": action,
                    }
        try:
            self._host.register_rulesets({RULESET: definition})
        except durable_rules_error as error:
            raise KnowledgeError(
                f"durable-rules refuses {len(definition)} alternatives of {len(self.rules)} conditions ({error}); "
                "merge conditions of your own rules, or give them fewer alternatives (any: [...])"
            ) from None

    def _pattern(self, atoms: list[Atom], uses: Counter[str]) -> dict[str, Any]:
        """The condition on one fact, spread over copies of a finding that many rules ask for."""
        finding = atoms[0].finding
        copy = uses[finding] // MATCHES_PER_FACT
        uses[finding] += 1
        copies = self._asked.setdefault(finding, [])
        if copy == len(copies):
            copies.append(set())
        copies[copy].add(tuple(atoms))
        name = f"{finding}#{copy}"
        group = self._groups.setdefault(name, str(len(self._groups) // VALUES_PER_FIELD))
        tests: list[dict[str, Any]] = [{"group": group}, {"finding": name}]
        for atom in atoms:
            if atom.test in ("present", "absent"):
                tests.append({"state": atom.test})
            else:
                edge = "high" if atom.test in ("lt", "le") else "low"
                tests.append({_OPERATORS[atom.test]: {edge: atom.limit}})
        return {"$and": tests}

    def _conclusion(self, rule: CompiledRule, holds: bool) -> Callable[[Any], None]:
        """The action of a rule. One parameter only: durable-rules takes a second for an asynchronous action."""

        def conclude(closure: Any) -> None:
            session = self._current
            if session is None or session.sid != closure.s.sid:
                raise EngineError("a rule fired outside its own session")
            session.conclude(rule, holds, closure)

        return conclude

    def facts(self, finding: str, state: bool, sid: str) -> Iterator[dict[str, Any]]:
        """The facts that tell the rules of a state, one for each copy that asks for it."""
        word = "present" if state else "absent"
        for copy, patterns in enumerate(self._asked.get(finding, ())):
            if any(all(atom.test == word for atom in atoms) for atoms in patterns):
                yield {**self._named(finding, copy), "state": word, "sid": sid}

    def measured_facts(self, finding: str, quantity: Quantity, sid: str) -> Iterator[dict[str, Any]]:
        """The facts that tell the rules of a quantity; a value that no rule would match is not asserted."""
        for copy, patterns in enumerate(self._asked.get(finding, ())):
            if any(all(satisfied(atom, quantity) for atom in atoms) for atoms in patterns):
                low, high = _readable(quantity.low), _readable(quantity.high)
                yield {**self._named(finding, copy), "low": low, "high": high, "sid": sid}

    def _named(self, finding: str, copy: int) -> dict[str, str]:
        name = f"{finding}#{copy}"
        return {"group": self._groups[name], "finding": name}


def _readable(value: float) -> float:
    """The number as durable-rules can read it: it misreads an exponent without a point (1e-05)."""
    if 0 < abs(value) < TINY:
        value = math.copysign(TINY, value)  # not zero: a rule may ask for more than zero
    return math.nextafter(value, math.inf) if "e" in repr(value) and "." not in repr(value) else value


def _by_fact(clause: Clause) -> list[list[Atom]]:
    """The atoms of a clause, those about one finding together: a fact can match one pattern of a rule only."""
    grouped: dict[str, list[Atom]] = {}
    for atom in clause:
        grouped.setdefault(atom.finding, []).append(atom)
    return list(grouped.values())


def satisfied(atom: Atom, quantity: Quantity) -> bool:
    """Whether the whole interval of a quantity lies on the atom's side of its limit."""
    if atom.test == "lt":
        return quantity.high < atom.limit
    if atom.test == "le":
        return quantity.high <= atom.limit
    if atom.test == "gt":
        return quantity.low > atom.limit
    return atom.test == "ge" and quantity.low >= atom.limit


class _Session:
    """One patient in the engine.

    Works on literals (a finding in a state), not on findings: the set of literals that follow is the same
    in whatever order rules fire. What was given is never contradicted; a finding for which both states
    follow is unknown and is reported.
    """

    def __init__(self, engine: DurableEngine, sid: str, known: Findings) -> None:
        self.sid = sid
        self._engine = engine
        self._ancestors = engine._base.ancestors
        self._denied = engine._base.denied
        self._known = known
        self._literals: set[tuple[str, bool]] = set()
        self._criteria: set[tuple[tuple[str, int], bool]] = set()
        self._result = Inference()

    def run(self) -> Inference:
        facts: list[dict[str, Any]] = [{**OPENING, "sid": self.sid}]
        for finding, quantity in self._known.quantities.items():
            facts += self._engine.measured_facts(finding, quantity, self.sid)
        for finding, state in sorted(self._known.presence.items()):
            for literal in self._learn(finding, state):
                facts += self._engine.facts(*literal, self.sid)
        self._assert(facts)
        return self._settled()

    def conclude(self, rule: CompiledRule, holds: bool, closure: Any) -> None:
        if rule.kind == "criterion":
            self._criteria.add(((rule.target, rule.index), holds))
        elif rule.kind == "red_flag":
            self._result.red_flags.add(rule.target)
        else:
            for literal in self._learn(rule.target, holds):
                for fact in self._engine.facts(*literal, self.sid):
                    closure.assert_fact(fact)

    def _learn(self, finding: str, state: bool) -> list[tuple[str, bool]]:
        """The literals that are new: this one, and wider findings if present or narrower ones if absent."""
        relatives = (self._ancestors if state else self._denied).get(finding, ())
        fresh = [
            (name, state)
            for name in (finding, *relatives)
            if (name, state) not in self._literals and self._known.presence.get(name, state) is state
        ]
        self._literals.update(fresh)
        return fresh

    def _assert(self, facts: list[dict[str, Any]]) -> None:
        try:
            self._engine._host.assert_facts(RULESET, facts)
        except durable_engine.MessageNotHandledException:
            raise EngineError("the rule engine refused a fact that its rules ask for") from None
        if self._engine._host.get_state(RULESET, self.sid).get("exception"):
            raise EngineError("an action of the rule engine failed")

    def _settled(self) -> Inference:
        result = self._result
        for finding, state in self._literals:
            if (finding, not state) in self._literals:
                result.conflicts.add(finding)
            else:
                result.presence[finding] = state
        for criterion, holds in self._criteria:  # of findings that contradict each other both can follow: unknown
            if (criterion, not holds) not in self._criteria:
                result.criteria[criterion] = holds
        result.derived = set(result.presence) - set(self._known.presence)
        return result
