"""What each column of a wide frame stands for: which finding, in which unit, or age, sex and setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from leukoref import units
from leukoref.engine.columnar import Literal as FindingState
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import high_side, low_side
from leukoref.knowledge.vocabulary import Finding
from leukoref.known import AGE
from leukoref.matching import match_name
from leukoref.meaning import Match

AGE_COLUMNS, SEX_COLUMNS, SETTING_COLUMNS = ("age", "age_years"), ("sex", "gender"), ("setting",)
Kind = Literal["quantity", "earlier", "presence", "implied", "unused", "unrecognised", "age", "sex", "setting"]


@dataclass(frozen=True, slots=True)
class Role:
    """What a column of a frame stands for, and how its numbers become canonical.

    ``high`` names the column with the upper end of an interval, where a frame has one, ``most`` that with the highest
    of several values; columns of ``earlier`` values hold lists. A name that is no finding says that ``findings`` are
    present and ``excluded`` ones absent where it is true, and ``denied`` ones absent where false.
    """

    column: str
    kind: Kind
    findings: tuple[str, ...] = ()
    slope: float = 1.0
    shift: float = 0.0
    unit: str = ""
    problem: str = ""
    high: str = ""
    most: str = ""
    count: bool = True
    excluded: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    contrary: tuple[str, ...] = ()


def role(column: str, base: Knowledge, *, finding: str | None = None, unit: str | None = None, number: bool) -> Role:
    """The role of a column named after a finding (id, name, synonym or code); ``number``: it holds numbers."""
    name = (finding or column).strip()
    for names, kind in ((AGE_COLUMNS, "age"), (SEX_COLUMNS, "sex"), (SETTING_COLUMNS, "setting")):
        if name.casefold() in names:
            return Role(column, kind)  # type: ignore[arg-type]
    match = match_name(name, None, base)
    if match is None:
        return Role(column, "unrecognised")
    if match.finding is None:
        implied, excluded, denied = said_by(match, base)
        kind = "implied" if implied or excluded or denied or match.contrary else "unused"
        return Role(column, kind, implied, excluded=excluded, denied=denied, contrary=match.contrary)  # type: ignore[arg-type]
    if match.finding == AGE:
        return Role(column, "age")
    chosen = base.finding[match.finding]
    if chosen.kind == "presence":
        return Role(column, "presence", (chosen.id,), contrary=match.contrary)
    if not number:
        if chosen.if_present is None and match.contrary:
            return Role(column, "implied", contrary=match.contrary)
        if chosen.if_present is None:
            return Role(column, "presence", problem="needs_a_number")
        return Role(column, "presence", (chosen.if_present,), contrary=match.contrary)
    return quantity_role(column, chosen, unit, base)


def said_by(match: Match, base: Knowledge) -> tuple[tuple[str, ...], ...]:
    """What a name that is no finding implies, excludes and denies."""
    parts = (match.implied, match.excluded, match.denied)
    return tuple(tuple(name for name in part if base.finding[name].kind == "presence") for part in parts)


def quantity_role(column: str, chosen: Finding, unit: str | None, base: Knowledge) -> Role:
    from leukoref.measuring import as_measured
    from leukoref.patient import Observation

    written = unit or chosen.unit or ""
    chosen = as_measured(chosen, Observation(finding=chosen.id, value=0.0, unit=written), base)
    for reading in dict.fromkeys((units.meant(written, base.unit_index, chosen.printed), units.folded(written))):
        try:
            slope, shift = units.factor(reading, chosen.unit or "", chosen.molar_mass)
        except ValueError:
            continue
        return Role(column, "quantity", (chosen.id,), slope, shift, written)
    return Role(column, "quantity", (chosen.id,), unit=written, problem="unknown_unit")


def literals_of(roles: Iterable[Role], base: Knowledge, sex: bool = True) -> tuple[set[FindingState], set[str]]:
    """The literals that may be given and the quantities that may be measured in a frame with these columns."""
    given: set[FindingState] = set()
    quantities: set[str] = set()
    for entry in roles:
        if entry.kind == "quantity" and not entry.problem:
            quantities.update(entry.findings)
        elif entry.kind in ("presence", "implied"):
            states = (True,) if entry.kind == "implied" else (True, False)
            given |= {(name, state) for name in entry.findings for state in states}
            given |= {(name, False) for name in (*entry.excluded, *entry.denied)}
            given |= {(name, True) for name in entry.contrary}
        elif entry.kind == "earlier":
            low = [base.told_when_low[entry.findings[0]]]
            given |= {(name, True) for name in (*base.lasting(low), *base.spared(low))}
        elif entry.kind == "age":
            quantities.add(AGE)
        elif entry.kind == "sex" and sex:
            given |= {(name, state) for name in ("female", "male") for state in (True, False) if name in base.finding}
    for count, ways in base.differential.items():
        if any(quantities.issuperset(way) for way in ways):
            quantities.add(count)
    given |= {(other, False) for name, state, other in base.denies if (name, state) in given}
    there = {wider for name, state in given if state for wider in base.ancestors.get(name, ())}
    given |= {(wider, True) for wider in there if (wider, False) in given}
    given |= {(meant, True) for name, _, _, meant in base.uncounted if (name, True) in given}
    for name in quantities:
        if base.finding[name].reference:
            given |= {(side, state) for side in (low_side(name), high_side(name)) for state in (True, False)}
    return given, quantities


def roles_of(
    schema: Mapping[str, pl.DataType], base: Knowledge, columns: Mapping[str, str | Mapping[str, str]], skip: set[str]
) -> list[Role]:
    """The role of each column; ``columns`` names units (or finding and unit) where they are not canonical."""
    unknown = sorted(set(columns) - set(schema))
    if unknown:
        raise InputError("columns", f"no column {unknown[0]!r} in the frame", "name columns of the frame")
    found = []
    for name, dtype in schema.items():
        if name in skip:
            continue
        stated = _stated(name, columns.get(name, {}), base)
        number = dtype.is_numeric() or dtype == pl.String
        entry = role(name, base, finding=stated.get("finding"), unit=stated.get("unit"), number=number)
        if not (number or dtype in (pl.Boolean, pl.Null)) and entry.kind in ("quantity", "presence", "implied"):
            entry = Role(name, entry.kind, entry.findings, problem="wrong_type")
        found.append(entry)
    return found


def _stated(column: str, given: Any, base: Knowledge) -> dict[str, str]:
    """What the caller says of a column: a unit, or finding and unit. Raises InputError."""
    stated = {"unit": given} if isinstance(given, str) else given
    if not isinstance(stated, Mapping) or not {*stated} <= {"finding", "unit"}:
        raise InputError("columns", f"what is said of {column!r} is neither a unit nor finding and unit",
                         'as in {"LAB_17": {"finding": "wbc", "unit": "K/uL"}}')  # fmt: skip
    if stated.get("finding") and role(column, base, finding=stated["finding"], number=True).kind == "unrecognised":
        raise InputError("columns", f"no finding {stated['finding']!r}", "`leukoref findings` lists them")
    return dict(stated)


def each_once(roles: Sequence[Role]) -> Iterator[Role]:
    """Of several columns for age, sex or setting only the first counts."""
    seen: set[str] = set()
    for entry in roles:
        if entry.kind in ("age", "sex", "setting"):
            if entry.kind in seen:
                continue
            seen.add(entry.kind)
        yield entry
