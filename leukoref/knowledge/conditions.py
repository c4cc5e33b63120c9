"""Conditions over findings, as rule files write them: `all` / `any` / `not` / a comparison.

Kleene logic: a condition is present, absent or unknown, and unknown never counts as absent. Both
engines rest on two facts used here: the absence of a condition is the presence of its mirror image
(De Morgan), and neither of the two holds when it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

PRESENT: Literal["present"] = "present"
ABSENT: Literal["absent"] = "absent"
State = Literal["present", "absent"]
Limit = float | Literal["reference"]

MAX_ALTERNATIVES = 32


class Rule(BaseModel):
    """Base of everything read from a rule file: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Comparison(Rule):
    """One finding: known present or absent, or a quantity beyond a limit (unit always named)."""

    finding: str
    state: State | None = None
    below: Limit | None = None
    at_most: float | None = None
    above: Limit | None = None
    at_least: float | None = None
    unit: str | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Comparison:
        numeric = [v for v in (self.below, self.at_most, self.above, self.at_least) if v is not None]
        if numeric and self.state is not None:
            raise ValueError("a comparison asks for a state or for a limit, not both")
        if any(v != "reference" for v in numeric) and self.unit is None:
            raise ValueError("a limit needs its unit")
        return self


class All(Rule):
    all: tuple[Condition, ...] = Field(min_length=1)


class AnyOf(Rule):
    any: tuple[Condition, ...] = Field(min_length=1)


class Not(Rule):
    not_: Condition = Field(alias="not")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return next((key for key in ("all", "any", "not") if key in value), "finding")
    kinds: dict[type, str] = {All: "all", AnyOf: "any", Not: "not"}
    return kinds.get(type(value), "finding")


Condition = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Comparison, Tag("finding")],
    Discriminator(_kind),
]


class Atom(NamedTuple):
    """The smallest question an engine answers: a state of a presence finding, or one side of a limit.

    ``test`` is ``present`` / ``absent`` (of a presence finding), or ``lt`` / ``le`` / ``gt`` / ``ge``
    against ``limit``, in the canonical unit of the quantity.
    """

    finding: str
    test: str
    limit: float = 0.0


_MIRROR = {"present": "absent", "absent": "present", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def mirror(atom: Atom) -> Atom:
    """The atom that holds exactly when this one is known not to."""
    return atom._replace(test=_MIRROR[atom.test])


def low_side(quantity: str) -> str:
    """Id of the implied finding 'this quantity lies under its reference interval'."""
    return f"{quantity}:low"


def high_side(quantity: str) -> str:
    """Id of the implied finding 'this quantity lies over its reference interval'."""
    return f"{quantity}:high"


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison inside a condition, in reading order."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.not_)
    else:
        for part in condition.all if isinstance(condition, All) else condition.any:
            yield from comparisons(part)


def atoms(comparison: Comparison, factor: float = 1.0, offset: float = 0.0) -> list[Atom]:
    """The atoms of one comparison; ``factor`` and ``offset`` bring its limit to the canonical unit."""
    found: list[Atom] = []
    for test, limit, side in (
        ("lt", comparison.below, low_side),
        ("le", comparison.at_most, low_side),
        ("gt", comparison.above, high_side),
        ("ge", comparison.at_least, high_side),
    ):
        if limit == "reference":
            found.append(Atom(side(comparison.finding), PRESENT))
        elif limit is not None:
            found.append(Atom(comparison.finding, test, limit * factor + offset))
    return found or [Atom(comparison.finding, comparison.state or PRESENT)]


Clause = tuple[Atom, ...]
UnitScale = Callable[[Comparison], tuple[float, float]]
"""How the limit of a comparison becomes canonical: limit * factor + offset."""


def alternatives(condition: Condition, holds: bool, scale: UnitScale) -> list[Clause]:
    """Disjunctive normal form: the condition is present (or, with ``holds=False``, absent) exactly when
    all atoms of at least one clause hold. Raises ValueError past 64 clauses: name a part as a derived
    finding of its own instead."""
    if isinstance(condition, Not):
        return alternatives(condition.not_, not holds, scale)
    if isinstance(condition, Comparison):
        found = atoms(condition, *scale(condition))
        return [tuple(found)] if holds else [(mirror(atom),) for atom in found]
    parts = condition.all if isinstance(condition, All) else condition.any
    branches = [alternatives(part, holds, scale) for part in parts]
    joined = isinstance(condition, All) != holds
    count = sum(map(len, branches)) if joined else prod(map(len, branches))
    if count > MAX_ALTERNATIVES:
        raise ValueError(f"{count} alternatives, at most {MAX_ALTERNATIVES}; name a part as a derived finding")
    if joined:
        return list(dict.fromkeys(clause for branch in branches for clause in branch))
    choices = (tuple(dict.fromkeys(atom for clause in choice for atom in clause)) for choice in product(*branches))
    return list(dict.fromkeys(choices))
