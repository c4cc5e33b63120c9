"""How one cause spreads over the bins of a scale: an estimated shape, fitted to what sources say of it.

A source may give the share of patients in some bins, or a mean or median with its spread. The latter becomes a
share for every bin by a normal curve through the printed points, of the value or (scales of shape ``log``) of its
logarithm. `rules/findings/scales.yaml` holds the shapes and the spread assumed where none is printed. The estimate
counts like a few patients beside those of the sources, so that series which contradict each other leave no hole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from leukoref.knowledge.cause import Distribution, Statement
from leukoref.knowledge.vocabulary import Scale, ScaleInput

ROUNDS = 200
SETTLED = 1e-5
_NORMAL = NormalDist()
_QUARTILE = _NORMAL.inv_cdf(0.75)


class Series(NamedTuple):
    """The patients of one statement: how many were seen in the bins of which mask. It says nothing of bins outside
    ``among``."""

    among: int
    parts: tuple[tuple[int, float], ...]
    statement: Statement


def bin_shares(given: Distribution, scale: Scale, entry: ScaleInput, *, patients: int, widest: float) -> list[float]:
    """The share of each bin of ``scale`` in patients of whom a paper prints ``given``.

    ``patients`` is the number assumed where none is printed (it says how far out the ends of a range lie);
    ``widest`` the most that an assumed spread may be of the mean or median. Raises ValueError for a unit in which
    the scale is not kept.
    """
    if given.unit != entry.unit and given.unit not in entry.also:
        raise ValueError(f"unit {given.unit!r}: use {' or '.join((entry.unit, *entry.also))}")
    factor = entry.also.get(given.unit, 1.0) if given.unit != entry.unit else 1.0
    log = scale.shape == "log"
    least = entry.cuts[0] / 100  # below this a value has no logarithm worth telling apart

    def place(value: float) -> float:
        return math.log10(max(value * factor, least)) if log else value * factor

    points = _points(given, place, log, patients)
    if len(points) < 2:
        spread = entry.spread if log else min(entry.spread, widest * given.centre * factor)
        points = [(points[0][0], points[0][1]), (points[0][0] + spread, points[0][1] + 1)]
    below = [_NORMAL.cdf(_through(points, math.log10(cut) if log else cut)) for cut in entry.cuts]
    if not log:
        # No quantity of a scale is less than nothing: whom the curve puts there lies between 0 and the lowest point.
        none, lowest = _NORMAL.cdf(_through(points, 0.0)), _NORMAL.cdf(points[0][1])
        below = [lowest * (share - none) / (lowest - none) if share < lowest else share for share in below]
    return [high - low for low, high in zip([0.0, *below], [*below, 1.0], strict=True)]


def _points(
    given: Distribution, place: Callable[[float], float], log: bool, patients: int
) -> list[tuple[float, float]]:
    """(place on the axis, standard normal deviate) of what is printed, rising."""
    if given.sd is not None:
        if log:  # the logarithm of a value with this mean and deviation
            variance = math.log(1 + (given.sd / given.centre) ** 2)
            middle = place(given.centre * math.exp(-variance / 2))
            return [(middle, 0.0), (middle + math.sqrt(variance) / math.log(10), 1.0)]
        return [(place(given.centre), 0.0), (place(given.centre + given.sd), 1.0)]
    if given.range is not None:
        size = given.of or patients
        far = _NORMAL.inv_cdf((size - 0.375) / (size + 0.25))  # where the largest of so many is expected (Blom)
        ends = (given.range[0], -far), (given.range[1], far)
    elif given.quartiles is not None:
        ends = (given.quartiles[0], -_QUARTILE), (given.quartiles[1], _QUARTILE)
    else:
        return [(place(given.centre), 0.0)]
    # A mean is no median where values lean to one side, so on a log scale the ends alone speak.
    middle_speaks = given.median is not None or not log
    points = [ends[0], *([(given.centre, 0.0)] if middle_speaks else []), ends[1]]
    rising: list[tuple[float, float]] = []
    for value, deviate in points:
        if not rising or (place(value) > rising[-1][0] and deviate > rising[-1][1]):
            rising.append((place(value), deviate))
    return rising


def _through(points: Sequence[tuple[float, float]], x: float) -> float:
    """The deviate at ``x`` on the line through the points, its ends drawn out."""
    last = len(points) - 2
    at = next((i for i in range(last) if x < points[i + 1][0]), last)
    (x0, z0), (x1, z1) = points[at], points[at + 1]
    return z0 + (x - x0) * (z1 - z0) / (x1 - x0)


def observed(
    statements: Sequence[Statement],
    scales: Mapping[str, Scale],
    inputs: Mapping[str, tuple[Scale, ScaleInput]],
    words: Mapping[str, tuple[Scale, tuple[str, ...]]],
    *,
    patients: int,
    widest: float,
    terms: Mapping[str, float],
) -> Iterator[tuple[str, Series]]:
    """(scale, what a series saw of it) of every weighed statement; without a denominator ``patients`` are assumed."""
    for statement in statements:
        name, figure = statement.finding, statement.figure
        if not statement.weighed or name is None or figure is None:
            continue
        size = float(figure.of or patients)
        if statement.distribution and name in inputs:
            scale, entry = inputs[name]
            shares = bin_shares(statement.distribution, scale, entry, patients=patients, widest=widest)
            among = _among(statement, scale)
            inside = {1 << i: share for i, share in enumerate(shares) if among >> i & 1}
            told = sum(inside.values())
            yield scale.id, Series(among, tuple((bin_, size * s / told) for bin_, s in inside.items()), statement)
        elif statement.frequency and (statement.bins or (name in words and words[name][1])):
            scale, bins = (scales[name], statement.bins) if statement.bins else words[name]
            among, mask = _among(statement, scale), scale.mask(bins)
            share = terms[statement.frequency.term] if statement.frequency.term else statement.frequency.share
            seen = size * (1 - share if statement.state == "absent" else share)
            yield scale.id, Series(among, ((among & mask, seen), (among & ~mask, size - seen)), statement)


def _among(statement: Statement, scale: Scale) -> int:
    return scale.mask(statement.among) if statement.among else (1 << len(scale.bins)) - 1


def mass(shares: Iterable[float], mask: int) -> float:
    """The share of those in the bins of ``mask``."""
    return sum(share for i, share in enumerate(shares) if mask >> i & 1)


def fitted(shape: Sequence[float], weight: float, series: Sequence[Series]) -> tuple[float, ...]:
    """The spread under which ``shape``, counted like ``weight`` patients, and what the series saw are likeliest
    (expectation and maximisation in turn: patients of whom only some bins are known are shared out among these as the
    spread found so far has it, and those that a confined series left out are put back)."""
    shares = tuple(shape)
    bins = range(len(shares))
    sizes = [sum(seen for _, seen in entry.parts) for entry in series]
    for _ in range(ROUNDS):
        counts = [weight * share for share in shape]
        for (among, parts, _statement), size in zip(series, sizes, strict=True):
            held = {mask: mass(shares, mask) for mask in (among, *(mask for mask, _ in parts))}
            left_out = size / held[among]
            for i in bins:
                here = sum(seen / held[mask] for mask, seen in parts if mask >> i & 1)
                counts[i] += shares[i] * (here if among >> i & 1 else left_out)
        before, total = shares, sum(counts)
        shares = tuple(count / total for count in counts)
        if all(abs(new - old) < SETTLED for new, old in zip(shares, before, strict=True)):
            break
    return shares
