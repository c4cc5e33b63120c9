"""What follows from what: no definition in a circle, nothing derived that nobody asks for.

The nodes are literals (a finding in a state), as the engine works on them: presence goes from a finding
to what it `is_a`, absence the other way, and a derived rule goes from its parts to its finding. A rule whose
parts are also what its finding `is_a` (pancytopenia and anaemia) is an if-and-only-if, not a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Entry
from leukoref.knowledge.checks.walking import comparisons, statements
from leukoref.knowledge.conditions import Condition, alternatives
from leukoref.knowledge.loader import Complaint
from leukoref.knowledge.vocabulary import Derived

Literal = tuple[str, bool]
MANY = 50


@check
def circular(draft: Draft) -> Iterator[Complaint]:
    """A finding follows from itself, by `is_a`, by derived rules, or by both together."""
    edges = _edges(draft)
    reported: set[frozenset[str]] = set()
    for _ in range(MANY):
        graph = {target: set(sources) for target, sources in edges.items()}
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            loop: list[Literal] = error.args[1]
        steps = list(pairwise(loop))
        rules = [edges[target].pop(source) for source, target in steps]
        members = frozenset(name for name, _ in loop)
        if members in reported:  # its mirror image, presence for absence
            continue
        reported.add(members)
        entry = next((rule for rule in rules if isinstance(rule.value, Derived)), rules[0])
        path = " -> ".join(f"{'' if state else 'no '}{name}" for name, state in loop)
        remedy = "break the circle: drop a part, or say complete: false where absence does not follow"
        yield entry.complain("circular", f"follows from itself: {path}", remedy=remedy)


def _edges(draft: Draft) -> dict[Literal, dict[Literal, Entry[Any]]]:
    """Conclusion -> what it follows from, with the rule that says so."""
    edges: dict[Literal, dict[Literal, Entry[Any]]] = defaultdict(dict)
    for finding in draft.findings:
        for parent in finding.value.is_a:
            edges[parent, True][finding.id, True] = finding
            if parent not in finding.value.not_denied_by:
                edges[finding.id, False][parent, False] = finding
    above = {finding.id: _above(finding.id, draft) for finding in draft.findings}
    incomplete = {rule.value.finding for rule in draft.derived if not rule.value.complete}
    for rule in draft.derived:
        for state in (True, False):
            if state or rule.value.finding not in incomplete:
                for literal in _asked(rule.value.when, state):
                    if not _converse((rule.value.finding, state), literal, above):
                        edges[rule.value.finding, state].setdefault(literal, rule)
    return edges


def _converse(conclusion: Literal, part: Literal, above: dict[str, set[str]]) -> bool:
    """Whether `is_a` already leads from the conclusion of a rule back to this part of it."""
    child, parent = (conclusion[0], part[0]) if part[1] else (part[0], conclusion[0])
    return conclusion[1] == part[1] and parent in above.get(child, ())


def _asked(condition: Condition, holds: bool) -> set[Literal]:
    try:
        clauses = alternatives(condition, holds, lambda part: (1.0, 0.0))
    except ValueError:
        return set()
    words = {"present": True, "absent": False}
    return {(atom.finding, words[atom.test]) for clause in clauses for atom in clause if atom.test in words}


@check
def unused_derived(draft: Draft) -> Iterator[Complaint]:
    """A finding is derived that no cause, scale, red flag, parameter or other rule asks for."""
    used = _asked_for(draft)
    for rule in draft.derived:
        below = {f for f in used if rule.value.complete and rule.value.finding in _above(f, draft)}  # absent with it
        if not below and not used & {rule.value.finding, *_above(rule.value.finding, draft)}:
            message = f"{rule.value.finding} is derived, but nothing asks for it"
            remedy = "use it in a cause or red flag, or remove the rule"
            yield rule.complain("unused_derived", message, remedy=remedy, severity="warning")


def _asked_for(draft: Draft) -> set[str]:
    """Findings that anything but the rule deriving them speaks of."""
    used = {c.finding for entry, _, c in comparisons(draft) if c.finding != getattr(entry.value, "finding", None)}
    for cause in draft.causes:
        used.update(statement.finding for _, statement in statements(cause) if statement.finding)
        kinds = (block for kind in cause.value.variants for block in kind.estimates)
        used.update(name for block in (*cause.value.estimates, *kinds) for name in block.cells)
    used.update(word.finding for scale in draft.scales for word in scale.value.words)
    used.update(modifier.finding for modifier in (draft.priors.value.modifiers if draft.priors else ()))
    used.update(("low_white_cell_count", "low_count_in_question"))  # the engine's own: is the count low, or may it be
    for parameter in (draft.single.get("weighing") or {}).values():
        used.update(str(word) for word in _flat(parameter.value))
    return used


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _flat(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value


def _above(name: str, draft: Draft) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        finding = draft.finding.get(waiting.pop())
        for parent in finding.is_a if finding else ():
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found
