"""Conditions: questions that findings can answer, in units that fit, and alternatives that can hold."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator

from leukoref import units
from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Document, Draft
from leukoref.knowledge.checks.walking import comparisons, conditions
from leukoref.knowledge.conditions import Clause, Comparison, Not, alternatives, high_side, low_side
from leukoref.knowledge.conditions import comparisons as parts_of
from leukoref.knowledge.loader import Complaint
from leukoref.knowledge.vocabulary import Finding, age_in_years

Bounds = tuple[float, bool, float, bool]
"""low, low excluded, high, high excluded"""

_ARBITRARY = re.compile(r"\[\w+\]")  # [pH]: UCUM units without a dimension, which are never converted


def unit_problem(unit: str, target: Finding) -> str | None:
    """Why a unit does not fit a quantity, or None. Rule files write UCUM, not the aliases of laboratories."""
    try:
        units.factor(units.folded(unit), target.unit or "1", target.molar_mass)
    except ValueError as error:
        return f"{error} {unit!r} for {target.id} ({target.unit})"
    return None


@check
def wrong_unit(draft: Draft) -> Iterator[Complaint]:
    """A limit, a scale or a quantity of the vocabulary has a unit that is unknown or of the wrong dimension."""
    for entry, path, comparison in comparisons(draft):
        finding = draft.finding.get(comparison.finding)
        if comparison.unit and finding and finding.unit and (problem := unit_problem(comparison.unit, finding)):
            yield entry.complain("wrong_unit", problem, *path, "unit", remedy=f"use UCUM, as in {finding.unit}")
    for scale in draft.scales:
        for position, row in enumerate(scale.value.inputs):
            finding = draft.finding.get(row.finding)
            if finding and finding.unit and (problem := unit_problem(row.unit, finding)):
                yield scale.complain("wrong_unit", problem, "inputs", position, "unit", remedy=f"use {finding.unit}")
    for quantity in draft.findings:
        unit = quantity.value.unit
        if unit and not _ARBITRARY.fullmatch(unit) and not units.is_ucum(unit):
            yield quantity.complain("wrong_unit", f"unknown unit {unit!r}", "unit", remedy="write it in UCUM")


@check
def wrong_alias(draft: Draft) -> Iterator[Complaint]:
    """A spelling of a unit stands for a unit of UCUM, and for no other than it stood for before."""
    meant: dict[str, str] = {}
    for document in draft.documents:
        for unit, names in _spellings(document):
            if not units.is_ucum(unit):
                message, remedy = f"spellings of unknown unit {unit!r}", "write the unit in UCUM"
                yield _of_unit(document, unit, message, remedy)
            for name in (unit, *names):
                before = meant.setdefault(units.folded(str(name)), unit)
                if before != unit and document.layer:
                    yield _of_unit(document, unit, f"{name!r} means {before} already", "leave it out")


def _spellings(document: Document) -> Iterator[tuple[str, list[str]]]:
    aliases = document.entries.get("aliases") if document.place == "units.yaml" else None
    for unit, names in aliases.items() if isinstance(aliases, dict) else ():
        if isinstance(names, list):
            yield str(unit), names


def _of_unit(document: Document, unit: str, message: str, remedy: str) -> Complaint:
    line = document.line(("aliases", unit))
    return Complaint(file=document.name, line=line, rule=unit, message=message, remedy=remedy, check="wrong_alias")


@check
def wrong_question(draft: Draft) -> Iterator[Complaint]:
    """A presence finding is asked for its state, a quantity for a limit; `reference` needs an interval."""
    for entry, path, comparison in comparisons(draft):
        finding = draft.finding.get(comparison.finding)
        if finding is None:
            continue
        limits = [comparison.below, comparison.at_most, comparison.above, comparison.at_least]
        has_limit = any(limit is not None for limit in limits)
        if finding.kind == "quantity" and not has_limit:
            message = f"{finding.id} is a quantity"
            remedy = f"compare it: below, at_most, above, at_least ({finding.unit})"
        elif finding.kind == "presence" and has_limit:
            message = f"{finding.id} is present or absent, it has no number"
            remedy = "drop the limit or name the quantity"
        elif "reference" in limits and not finding.reference:
            message, remedy = f"{finding.id} has no reference interval", "add one to the vocabulary, or give a limit"
        else:
            continue
        yield entry.complain("wrong_question", message, *path, remedy=remedy)


@check
def wrong_kind(draft: Draft) -> Iterator[Complaint]:
    """Only presence findings are derived, have parents or are set by a drug; scales take in quantities."""
    kinds = {name: finding.kind for name, finding in draft.finding.items()}
    for rule in draft.derived:
        if kinds.get(rule.value.finding) == "quantity":
            remedy = "derive a presence finding"
            yield rule.complain("wrong_kind", "a quantity cannot be derived", "finding", remedy=remedy)
    for finding in draft.findings:
        if finding.value.is_a and "quantity" in (finding.value.kind, *(kinds.get(name) for name in finding.value.is_a)):
            yield finding.complain("wrong_kind", "is_a joins presence findings", "is_a", remedy="use a derived rule")
        if finding.value.lookback is not None:
            try:
                age_in_years(finding.value.lookback)
            except ValueError:
                message, remedy = f"lookback {finding.value.lookback!r}", "a number and d, wk, mo or a, as in '90 d'"
                yield finding.complain("wrong_kind", message, "lookback", remedy=remedy)
    for scale in draft.scales:
        for part, wanted in (("inputs", "quantity"), ("words", "presence")):
            for position, row in enumerate(getattr(scale.value, part)):
                if kinds.get(row.finding, wanted) != wanted:
                    message = f"{row.finding} is no {wanted} finding"
                    yield scale.complain("wrong_kind", message, part, position, remedy=f"{part} are {wanted} findings")


@check
def unreachable(draft: Draft) -> Iterator[Complaint]:
    """A condition that can never hold, such as below 0.5 and above 1; or an alternative of it that cannot."""
    parents = _ancestors(draft)
    for entry, path, condition in conditions(draft):
        if any(part.finding not in draft.finding for part in parts_of(condition)):
            continue
        try:
            clauses = alternatives(condition, True, lambda part: _scale(part, draft))
            alternatives(condition, False, lambda part: _scale(part, draft))
        except ValueError as error:
            if isinstance(condition, Not):  # a wide `all` or `any` is compiled part by part
                yield entry.complain("unreachable", f"too wide: {error}", *path, remedy="split it")
            continue
        reasons = [_never(clause, draft, parents) for clause in clauses]
        impossible = [reason for reason in reasons if reason]
        if len(impossible) == len(clauses):
            remedy = "correct the limits; as it stands the rule never fires"
            yield entry.complain("unreachable", f"can never hold: {impossible[0]}", *path, remedy=remedy)
        elif impossible:
            message = f"{len(impossible)} of {len(clauses)} alternatives can never hold: {impossible[0]}"
            yield entry.complain("unreachable", message, *path, remedy="leave that part out", severity="warning")


def _scale(part: Comparison, draft: Draft) -> tuple[float, float]:
    finding = draft.finding[part.finding]
    if not part.unit or not finding.unit or unit_problem(part.unit, finding):
        return 1.0, 0.0
    return units.factor(units.folded(part.unit), finding.unit, finding.molar_mass)


def _never(clause: Clause, draft: Draft, parents: dict[str, set[str]]) -> str | None:
    """Why all atoms of a clause cannot hold at once, or None."""
    states = {(atom.finding, atom.test) for atom in clause if atom.test in ("present", "absent")}
    present = {name for name, state in states if state == "present"}
    for name in present:
        wider = {name, *parents.get(name, ())}
        denied = sorted(other for other in wider if (other, "absent") in states)
        if denied:
            return f"{name} present and {denied[0]} absent"
    for finding in draft.finding:
        if {low_side(finding), high_side(finding)} <= present:
            return f"{finding} below and above its reference interval"
    limits: dict[str, Bounds] = defaultdict(lambda: (-math.inf, False, math.inf, False))
    for atom in clause:
        if atom.test in ("lt", "le", "gt", "ge"):
            limits[atom.finding] = _narrowed(limits[atom.finding], atom.test, atom.limit)
    for name, bounds in limits.items():
        plausible = draft.finding[name].plausible
        if plausible is not None:
            bounds = _narrowed(_narrowed(bounds, "ge", plausible.low), "le", plausible.high)
        low, low_open, high, high_open = bounds
        if low > high or (low == high and (low_open or high_open)):
            return f"{name} over {low:g} and under {high:g} {draft.finding[name].unit}"
    return None


def _narrowed(bounds: Bounds, test: str, limit: float) -> Bounds:
    low, low_open, high, high_open = bounds
    if test in ("gt", "ge") and (limit > low or (limit == low and test == "gt")):
        low, low_open = limit, test == "gt"
    if test in ("lt", "le") and (limit < high or (limit == high and test == "lt")):
        high, high_open = limit, test == "lt"
    return low, low_open, high, high_open


def _ancestors(draft: Draft) -> dict[str, set[str]]:
    """Finding -> everything it implies by `is_a`; cycles are complained about elsewhere."""
    found: dict[str, set[str]] = {}
    for name in draft.finding:
        above: set[str] = set()
        waiting = [name]
        while waiting:
            for parent in getattr(draft.finding.get(waiting.pop()), "is_a", ()):
                if parent not in above:
                    above.add(parent)
                    waiting.append(parent)
        found[name] = above
    return found
