"""Units as laboratories print them, read as UCUM and converted to a finding's canonical unit.

Conversion is done by pint through ucumvert's UCUM grammar; both are imported on the first unit that
is not already canonical, because reading the grammar takes longer than an assessment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from leukoref.errors import InputError


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


_ALIKE = str.maketrans({"µ": "u", "μ": "u", "×": "x", "·": ".", "⁄": "/", "−": "-", "–": "-"})
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED_RUN = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_PER = re.compile(r"(?i)\bper(?=\s+(?!cent))")
# A power of ten as people print it (x 10(9), 10^9, 10E9, *10**9): a whole exponent that a count is given in.
_POWER = re.compile(r"^[xX*.]?10(?:\^|\*\*?|[eE]\+?|)\(?([34569]|12)\)?(?=[/.{(A-Za-z]|$)")
_BARE = frozenset(("1", "{score}", "{points}", "{grade}", "{titer}"))  # in UCUM an annotation by itself stands for 1
_THOUSAND = re.compile(r"^[xX*]?1,?000(?=/)")
# What is counted is in the finding, so that a unit need not say it: {cells}/uL, cells x 10*9/L.
_COUNTED = (
    r"\{?(?:cell|wbc|rbc|leu[ck]ocyte|neutrophil|lymphocyte|monocyte|granulocyte|eosinophil|platelet|thrombocyte"
    r"|erythrocyte)s?\}?"
)
_CELLS = re.compile(rf"(?i)^{_COUNTED}[x.]?(?=/|10\D)|(?<=\d)[x.]?{_COUNTED}(?=/)")
# '10*4/microliter', 'g/decilitre': the volume written out.
_LITERS = re.compile(r"(?i)(?<=/)(micro|milli|deci)?lit(?:er|re)s?$")
_PREFIXES = {"micro": "u", "milli": "m", "deci": "d", "": ""}


def folded(unit: str) -> str:
    """The comparable form of a unit's spelling; UCUM is case sensitive, so case is kept."""
    text = _RAISED_RUN.sub(lambda run: "^" + run[0].translate(_RAISED), unit.strip().rstrip(".").translate(_ALIKE))
    text = _THOUSAND.sub("10*3", _POWER.sub(r"10*\1", _CELLS.sub("", _PER.sub("/", text).replace(" ", ""))))
    return _LITERS.sub(lambda written: _PREFIXES[(written[1] or "").lower()] + "L", text)


def ucum(unit: str, aliases: dict[str, str]) -> str:
    """The UCUM code for a unit as written: an alias of the base (case decides first), else itself."""
    text = folded(unit)
    return aliases.get(text) or aliases.get(text.lower()) or text


def meant(unit: str, aliases: dict[str, str], printed: Mapping[str, str]) -> str:
    """The UCUM code for a unit as written beside a quantity that is ``printed`` in units of its own."""
    code = ucum(unit, aliases)
    return printed.get(code, code)


# (unit, target, molar mass, factor, offset): a conversion worked out before, to be kept with a cached base.
Conversion = tuple[str, str, float | None, float, float]
_known: dict[tuple[str, str, float | None], tuple[float, float]] = {}


def conversions(units: Iterable[str], targets: Iterable[tuple[str, float | None]]) -> list[Conversion]:
    """Every way from one of ``units`` to one of ``targets`` (unit, molar mass)."""
    found: list[Conversion] = []
    offered = [(unit, dimension) for unit in dict.fromkeys(units) if (dimension := _dimension(unit))]
    for target, molar_mass in dict.fromkeys(targets):
        wanted = _dimension(target)
        for unit, dimension in offered:
            if unit != target and (dimension == wanted or molar_mass):
                try:
                    found.append((unit, target, molar_mass, *factor(unit, target, molar_mass)))
                except ValueError:
                    continue
    return found


def _dimension(unit: str) -> str:
    """What a unit measures, as text to compare; empty for no unit."""
    try:
        return str(getattr(_parsed(unit), "dimensionality", ""))
    except ValueError:
        return ""


def remember(worked_out: Iterable[Conversion]) -> None:
    """Take conversions as known, so that the library of units is read only for a unit nobody has met."""
    _known.update({(unit, target, mass): (slope, shift) for unit, target, mass, slope, shift in worked_out})


@lru_cache(maxsize=4096)
def factor(unit: str, target: str, molar_mass: float | None = None) -> tuple[float, float]:
    """(factor, offset) that turn a value in ``unit`` into ``target``; both UCUM.

    ``molar_mass`` (g/mol) bridges mass and amount of substance. Raises ValueError: 'unknown unit' or
    'wrong dimension'.
    """
    if unit == target or {unit, target} <= _BARE:
        return 1.0, 0.0
    if (unit, target, molar_mass) in _known:
        return _known[unit, target, molar_mass]
    registry = _registry()
    source, wanted = _parsed(unit), _parsed(target)
    try:
        if source.dimensionality != wanted.dimensionality and molar_mass:
            per_mole = registry.Quantity(molar_mass, "gram / mole")
            amount = registry.Quantity(1.0, source)
            bridged = amount / per_mole if "[mass]" in source.dimensionality else amount * per_mole
            return float(bridged.to(wanted).magnitude), 0.0
        zero = float(registry.Quantity(0.0, source).to(wanted).magnitude)
        one = float(registry.Quantity(1.0, source).to(wanted).magnitude)
    except Exception as error:
        raise ValueError("wrong dimension") from error
    return one - zero, zero


def is_ucum(unit: str) -> bool:
    """Whether a unit is written as UCUM writes units."""
    try:
        _parsed(unit)
    except ValueError:
        return False
    return True


def fits(unit: str, target: str) -> bool:
    """Whether a value in ``unit`` can be one in ``target``."""
    try:
        factor(unit, target)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _parsed(unit: str) -> Any:
    try:
        return _registry().from_ucum(unit)
    except Exception as error:
        raise ValueError("unknown unit") from error


def convert(
    value: float, unit: str, target: str, *, field: str, aliases: dict[str, str], molar_mass: float | None = None,
    printed: Mapping[str, str] | None = None,
) -> float:  # fmt: skip
    """``value`` in ``unit`` as a value in ``target``. Raises InputError naming the field."""
    problem = ""
    for reading in dict.fromkeys((meant(unit, aliases, printed or {}), folded(unit))):
        try:
            slope, shift = factor(reading, target, molar_mass)
        except ValueError as error:
            problem = problem or str(error)
            continue
        return value * slope + shift
    raise InputError(field, f"{problem} {unit!r}", f"use a unit like {target}")
