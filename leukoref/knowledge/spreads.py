"""How one cause spreads over the bins of a scale: an estimated shape, fitted to what sources say of it.

A source may give the share of patients in some bins, or a mean or median with its spread. The latter becomes a
share for every bin by a normal curve through the printed points, of the value or (scales of shape ``log``) of its
logarithm. `rules/findings/scales.yaml` holds the shapes and the spread assumed where none is printed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import NormalDist

from leukoref.knowledge.cause import Distribution, Frequency, Statement
from leukoref.knowledge.vocabulary import Scale, ScaleInput

ROUNDS = 50
SETTLED = 1e-12
_NORMAL = NormalDist()
_QUARTILE = _NORMAL.inv_cdf(0.75)


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


def constraints(
    statements: Sequence[Statement],
    scales: Mapping[str, Scale],
    inputs: Mapping[str, tuple[Scale, ScaleInput]],
    words: Mapping[str, tuple[Scale, tuple[str, ...]]],
    *,
    patients: int,
    widest: float,
) -> Iterator[tuple[str, int, Frequency, Statement]]:
    """(scale, bin mask, how many have a value in these bins, who says so) of every weighed statement."""
    for statement in statements:
        name = statement.finding
        if not statement.weighed or name is None:
            continue
        if statement.distribution and name in inputs:
            scale, entry = inputs[name]
            shares = bin_shares(statement.distribution, scale, entry, patients=patients, widest=widest)
            among = scale.mask(statement.among) if statement.among else (1 << len(scale.bins)) - 1
            told = sum(share for place, share in enumerate(shares) if among >> place & 1)
            for place, share in enumerate(shares):
                if not among >> place & 1:
                    continue
                share /= told
                figure = Frequency(proportion=min(max(share, 0.0), 1.0), of=statement.distribution.of)
                yield scale.id, 1 << place, figure, statement
        elif statement.frequency and statement.bins:
            yield name, scales[name].mask(statement.bins), statement.frequency, statement
        elif statement.frequency and name in words and words[name][1]:
            scale, bins = words[name]
            yield scale.id, scale.mask(bins), statement.frequency, statement


def of_everybody(figure: Frequency, part: float, terms: Mapping[str, float]) -> Frequency:
    """A share of a group that is ``part`` of all patients, as a share of all."""
    if part == 1.0:
        return figure
    share = terms[figure.term] if figure.term else figure.share
    return Frequency(proportion=part * share, of=figure.of)


def raked(start: Sequence[float], targets: Mapping[int, float], floor: float) -> tuple[float, ...]:
    """Iterative proportional fitting: the shape of ``start``, with the mass of each bin mask as in ``targets``."""
    total = sum(start)
    shares = [max(share / total, floor / len(start)) for share in start]
    for _ in range(ROUNDS if len(targets) > 1 else 1):
        before = shares
        for mask, mass in targets.items():
            inside = sum(share for i, share in enumerate(shares) if mask >> i & 1)
            outside = sum(shares) - inside
            if inside and outside:
                shares = [
                    share * (mass / inside if mask >> i & 1 else (1 - mass) / outside) for i, share in enumerate(shares)
                ]
        if all(abs(new - old) < SETTLED for new, old in zip(shares, before, strict=True)):
            break
    total = sum(shares)
    return tuple(share / total for share in shares)
