"""A cause's sourced figure holds for its kinds together: their estimates are shifted until they average to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leukoref.knowledge.cause import Cause
    from leukoref.knowledge.evidence import Rate

STEPS = 40  # halvings of the search: the shift is then exact to a millionth


def fitted_kinds(
    rates: Mapping[str, Mapping[str, Rate]], causes: tuple[Cause, ...], shares: Mapping[str, float], most: float
) -> dict[str, dict[str, Rate]]:
    """finding -> profile -> rate, where the kinds of a cause have the finding, taken together, as often as the
    sources of the cause say. An estimate of a kind says how it differs from the other kinds; the odds of all of
    them are multiplied by one number, at most ``most`` either way. What is sourced of a kind stays as it is."""
    found = {name: dict(speakers) for name, speakers in rates.items()}
    for speakers in found.values():
        for cause in causes:
            whole = speakers.get(cause.id)
            if whole is None or whole.basis != "sourced":
                continue
            kinds = [f"{cause.id}/{kind.id}" for kind in cause.kinds]
            free = [kind for kind in kinds if kind in speakers and speakers[kind].basis == "estimate"]
            if free:
                fixed = [profile for profile in (cause.id, *kinds) if profile not in free]
                left = whole.value - sum(shares[profile] * speakers.get(profile, whole).value for profile in fixed)
                factor = _factor([(shares[kind], speakers[kind].value) for kind in free], left, most)
                for kind in free:
                    speakers[kind] = _shifted(speakers[kind], factor, whole)
    return found


def _factor(free: Sequence[tuple[float, float]], goal: float, most: float) -> float:
    """What multiplies the odds of the rates in ``free`` (share, rate), so that weighted they add up to ``goal``."""
    low, high = -math.log(most), math.log(most)
    for _ in range(STEPS):
        middle = (low + high) / 2
        factor = math.exp(middle)
        short = sum(share * _scaled(rate, factor) for share, rate in free) < goal
        low, high = (middle, high) if short else (low, middle)
    return math.exp((low + high) / 2)


def _scaled(rate: float, factor: float) -> float:
    """The rate whose odds are ``factor`` times those of this one."""
    return factor * rate / (factor * rate + 1 - rate)


def _shifted(rate: Rate, factor: float, whole: Rate) -> Rate:
    value = _scaled(rate.value, factor)
    text = f"estimate {value:.2g}, all kinds together {whole.text}"
    return replace(rate, value=value, text=text, statements=whole.statements, sources=whole.sources)
