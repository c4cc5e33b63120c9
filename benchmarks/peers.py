"""The same conditions on the same patients in other rule engines, one patient at a time: `python benchmarks/peers.py`.

Every condition of the packaged base (derived findings, criteria, red flags; each for its presence and its absence) is
put to each engine in its own language, over the findings of a patient once all has been concluded, so that nothing
depends on chaining. An engine is timed only after it gave the very conditions that hold for every patient.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from math import nan
from typing import Any

from cohorts import record, simulated

from leukoref.assessor import assessor
from leukoref.engine.durable import OPENING, RULESET, DurableEngine, satisfied
from leukoref.engine.program import CompiledRule, compile_rules
from leukoref.engine.roles import roles_of
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import Atom, Clause
from leukoref.known import Quantity
from leukoref.screening import patient_of

PATIENTS = 200
NOTHING = -1e9  # for engines without NaN
SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
Facts = dict[str, float]
"""A finding that is present is 1, absent 0; a quantity its value; what is unknown is not there."""
Judge = Callable[[Facts], list[int]]


class Conditions:
    """All conditions of a base, each a disjunction of clauses, and a number for every finding they ask for."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base
        rules = compile_rules(base)
        found = [clauses for rule in rules for clauses in (rule.present, rule.absent)]
        self.clauses: dict[int, tuple[Clause, ...]] = {i: clauses for i, clauses in enumerate(found) if clauses}
        names = sorted({atom.finding for clauses in found for clause in clauses for atom in clause})
        self.symbol = {name: f"f{i}" for i, name in enumerate(names)}

    def text(self, atom: Atom, both: str, nothing: float) -> str:
        name = self.symbol[atom.finding]
        if atom.test not in SIGNS:
            return f"{name} == {1.0 if atom.test == 'present' else 0.0}"
        known = f"{name} > {nothing} {both} " if nothing == nothing and atom.test in ("lt", "le") else ""
        return f"{known}{name} {SIGNS[atom.test]} {float(atom.limit)!r}"

    def texts(self, both: str, either: str, nothing: float = nan) -> Iterator[tuple[int, str]]:
        """Each condition in a language that writes "and" and "or" so, and what is unknown as ``nothing``."""
        for place, clauses in self.clauses.items():
            parts = [f" {both} ".join(self.text(atom, both, nothing) for atom in clause) for clause in clauses]
            yield place, f" {either} ".join(f"({part})" for part in parts)

    def filled(self, facts: Facts, nothing: float = nan) -> Facts:
        return {symbol: facts.get(name, nothing) for name, symbol in self.symbol.items()}


def expected(conditions: Conditions, facts: Facts) -> list[int]:
    """Read off the definition, for the check."""

    def holds(atom: Atom) -> bool:
        value = facts.get(atom.finding, nan)
        if atom.test in SIGNS:
            return satisfied(atom, Quantity(value, value, ""))
        return value == (atom.test == "present")

    return [place for place, clauses in conditions.clauses.items() if any(all(map(holds, c)) for c in clauses)]


def plain_python(conditions: Conditions) -> Judge:
    """One generated function; a local variable a finding."""
    lines = ["def judge(facts):", " get = facts.get", " found = []"]
    lines += [f" {symbol} = get({name!r}, nan)" for name, symbol in conditions.symbol.items()]
    lines += [f" if {text}: found.append({place})" for place, text in conditions.texts("and", "or")]
    made: dict[str, Any] = {"nan": nan}
    exec("\n".join([*lines, " return found"]), made)
    judge: Judge = made["judge"]
    return judge


def rule_engine_(conditions: Conditions) -> Judge:
    import rule_engine

    context = rule_engine.Context(type_resolver=dict.fromkeys(conditions.symbol.values(), rule_engine.DataType.FLOAT))
    rules = [(place, rule_engine.Rule(text, context=context)) for place, text in conditions.texts("and", "or", NOTHING)]

    def judge(facts: Facts) -> list[int]:
        thing = conditions.filled(facts, NOTHING)
        return [place for place, rule in rules if rule.matches(thing)]

    return judge


def zen_engine(conditions: Conditions) -> Judge:
    """Its expression machine alone: one expression, the list of all conditions."""
    import zen

    places, texts = zip(*conditions.texts("and", "or", NOTHING), strict=True)
    compiled = zen.compile_expression(f"[{', '.join(texts)}]")

    def judge(facts: Facts) -> list[int]:
        held = compiled.evaluate(conditions.filled(facts, NOTHING))
        return [place for place, holds in zip(places, held, strict=True) if holds]

    return judge


def zen_decision(conditions: Conditions) -> Judge:
    """Its engine as it is meant: a decision with an expression node, a key a condition."""
    import zen

    texts = conditions.texts("and", "or", NOTHING)
    keys = [{"id": f"c{place}", "key": f"c{place}", "value": text} for place, text in texts]
    node = {"id": "rules", "type": "expressionNode", "name": "rules", "content": {"expressions": keys}}
    graph = {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [{"id": "in", "type": "inputNode", "name": "in"}, node,
                  {"id": "out", "type": "outputNode", "name": "out"}],
        "edges": [{"id": "a", "type": "edge", "sourceId": "in", "targetId": "rules"},
                  {"id": "b", "type": "edge", "sourceId": "rules", "targetId": "out"}],
    }  # fmt: skip
    decision = zen.ZenEngine().create_decision(json.dumps(graph))

    def judge(facts: Facts) -> list[int]:
        held = decision.evaluate(conditions.filled(facts, NOTHING))["result"]
        return [place for place in conditions.clauses if held[f"c{place}"]]

    return judge


def cel_(conditions: Conditions) -> Judge:
    """One program, the list of all conditions."""
    import cel

    places, texts = zip(*conditions.texts("&&", "||", NOTHING), strict=True)
    program = cel.compile(f"[{', '.join(texts)}]")

    def judge(facts: Facts) -> list[int]:
        held = program.execute(conditions.filled(facts, NOTHING))
        return [place for place, holds in zip(places, held, strict=True) if holds]

    return judge


def clips_(conditions: Conditions) -> Judge:
    """A rule a clause, a relation a finding; the facts of a patient are loaded as one text."""
    import clips

    environment = clips.Environment()
    found: set[int] = set()
    environment.define_function(found.add, "hit")

    def pattern(number: int, atoms: list[Atom]) -> str:
        name, variable = conditions.symbol[atoms[0].finding], f"?v{number}"
        tests = [
            f":({SIGNS[atom.test]} {variable} {float(atom.limit)!r})" if atom.test in SIGNS
            else f":(= {variable} {1 if atom.test == 'present' else 0})"
            for atom in atoms
        ]  # fmt: skip
        return f"({name} {variable}&{'&'.join(tests)})"

    for place, clauses in conditions.clauses.items():
        for number, clause in enumerate(clauses):
            grouped: dict[str, list[Atom]] = {}
            for atom in clause:
                grouped.setdefault(atom.finding, []).append(atom)
            patterns = " ".join(pattern(i, atoms) for i, atoms in enumerate(grouped.values()))
            environment.build(f"(defrule r{place}-{number} {patterns} => (hit {place}))")

    def judge(facts: Facts) -> list[int]:
        environment.reset()
        found.clear()
        environment.load_facts(
            " ".join(
                f"({conditions.symbol[name]} {value!r})" for name, value in facts.items() if name in conditions.symbol
            )
        )
        environment.run()
        return sorted(found)

    return judge


class _Recording(DurableEngine):
    """The rules of leukoref on durable-rules as `assess` uses it, with actions that only note what fired."""

    def __init__(self, conditions: Conditions) -> None:
        self.fired: set[int] = set()
        self._places = count()
        super().__init__(conditions.base)

    def _conclusion(self, rule: CompiledRule, holds: bool) -> Callable[[Any], None]:
        place = next(self._places)  # asked for in the order of `Conditions`

        def fire(_: Any) -> None:
            self.fired.add(place)

        return fire


def durable_rules(conditions: Conditions) -> Judge:
    engine = _Recording(conditions)
    presence = {finding.id for finding in conditions.base.findings if finding.kind == "presence"}
    sids = iter(range(1, sys.maxsize))

    def judge(facts: Facts) -> list[int]:
        sid = str(next(sids))
        engine.fired.clear()
        asserted: list[dict[str, Any]] = [{**OPENING, "sid": sid}]
        for name, value in facts.items():
            if name in conditions.base.finding and name not in presence:
                asserted += engine.measured_facts(name, Quantity(value, value, ""), sid)
            else:
                asserted += engine.facts(name, bool(value), sid)
        engine._host.assert_facts(RULESET, asserted)
        engine._host.delete_state(RULESET, sid)
        return sorted(engine.fired)

    return judge


PEERS: dict[str, Callable[[Conditions], Judge]] = {
    "durable-rules": durable_rules, "clipspy": clips_, "rule-engine": rule_engine_, "zen-engine": zen_decision,
    "zen-engine, one expression": zen_engine, "common-expression-language": cel_, "plain Python": plain_python,
}  # fmt: skip


def patients(size: int) -> list[Facts]:
    """What is known of the first simulated patients once everything has been concluded."""
    chosen = assessor()
    frame = simulated(size)
    roles = roles_of(dict(frame.schema), chosen.base, {}, {"patient"})
    found = []
    for i in range(size):
        known = resolve(patient_of(frame[i : i + 1], roles, chosen.base, {}, None), chosen.base)
        concluded = chosen.engine.infer(known)
        measured = {name: quantity.low for name, quantity in known.quantities.items()}
        found.append({**{name: float(state) for name, state in concluded.presence.items()}, **measured})
    return found


def main() -> None:
    conditions = Conditions(assessor().base)
    people = patients(PATIENTS)
    right = [expected(conditions, facts) for facts in people]
    rows = {}
    for name, build in PEERS.items():
        judge = build(conditions)
        wrong = sum(judge(facts) != answer for facts, answer in zip(people, right, strict=True))
        if wrong:
            raise SystemExit(f"{name} disagrees on {wrong} of {PATIENTS} patients; not timed")
        times = []
        for _ in range(3):
            for facts in people:
                start = time.process_time()  # other work on the machine counts least
                judge(facts)
                times.append((time.process_time() - start) * 1e3)
        rows[name] = {"median_ms": statistics.median(times), "p95_ms": statistics.quantiles(times, n=20)[-1]}
        print(name, rows[name], flush=True)
    clauses = sum(map(len, conditions.clauses.values()))
    record("peers", {
        "engines": rows, "conditions": len(conditions.clauses), "clauses": clauses, "patients": PATIENTS,
        "facts": statistics.median(map(len, people)), "hold": statistics.median(map(len, right)),
    })  # fmt: skip


if __name__ == "__main__":
    main()
