"""Rows of tables added up for many patients: the weight of every cause, a part of a block at a time.

A table has a column a cause and further columns for the kinds of those causes that have several; their weights count
together as `Ranker.together` counts them. Small tables are added up into joint ones once, so that a patient takes
about ten rows, and what is worked out for a part of the patients stays in cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from leukoref.engine.columnar import Floats
from leukoref.ranking import Ranker

Places = npt.NDArray[np.intp]
CHUNK = 512
MOST_TOGETHER = 1_024
TENTH = np.log(10) / 10
"""What a deciban is in natural logarithms."""


class Layout:
    """Which profile stands in which column: a cause each, then the kinds, one of every cause of several at a time."""

    def __init__(self, ranker: Ranker, order: Places) -> None:
        stops = [*ranker.starts[1:].tolist(), len(ranker.profiles)]
        ranges = [range(int(ranker.starts[place]), int(stops[place])) for place in order]
        self.causes = len(ranges)
        several = [column for column, kinds in enumerate(ranges) if len(kinds) > 1]
        several.sort(key=lambda column: -len(ranges[column]))  # so that the causes of a further kind come first
        self.several = np.array(several, np.intp)
        picked = [kinds[0] for kinds in ranges]
        self._layers: list[slice] = []
        for layer in range(len(ranges[several[0]]) if several else 0):
            found = [ranges[column][layer] for column in several if layer < len(ranges[column])]
            self._layers.append(slice(len(picked), len(picked) + len(found)))
            picked += found
        self._profile = np.array(picked, np.intp)
        self.width = len(picked)

    def row(self, totals: Floats) -> Floats:
        """The weights of all profiles in the order of the columns."""
        return totals[self._profile]

    def shares(self, decibans: Floats) -> Floats:
        """What each column starts from: for a kind the decibans of its share of the cause."""
        found = decibans[self._profile]
        found[: self.causes] = 0.0
        return found

    def together(self, added: Floats) -> Floats:
        """Column sums to weights of causes, in place where a cause has one kind only."""
        weights = added[:, : self.causes]
        if self._layers:
            kinds = added[:, self.causes :]
            kinds *= TENTH
            np.exp(kinds, out=kinds)
            total = added[:, self._layers[0]]
            for layer in self._layers[1:]:
                total[:, : layer.stop - layer.start] += added[:, layer]
            np.log(total, out=total)
            total /= TENTH
            weights[:, self.several] = total
        return weights


@dataclass(slots=True)
class Sums:
    """The rows that the patients of a block take, and what is added to single causes afterwards."""

    layout: Layout
    lookups: list[tuple[Places, Floats]]
    extra: dict[int, Floats] = field(default_factory=dict)

    def add(self, column: int, values: Floats) -> None:
        self.extra[column] = self.extra[column] + values if column in self.extra else values

    def part(self, part: slice, added: Floats, row: Floats) -> Floats:
        """Weights of evidence with adjustments of some patients, (patients) x (causes), in decibans. ``added`` and
        ``row`` are room for them, of `Layout.width` columns."""
        (places, table), *more = self.lookups
        np.take(table, places[part], axis=0, out=added, mode="clip")
        for places, table in more:
            np.take(table, places[part], axis=0, out=row, mode="clip")
            added += row
        weights = self.layout.together(added)
        for column, values in self.extra.items():
            weights[:, column] += values[part]
        return weights


@dataclass(frozen=True, slots=True)
class Joint:
    """Tables added up pairwise into one; the places in it are counted like digits."""

    members: tuple[tuple[int, int], ...]
    table: Floats

    def places(self, single: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
        found = single[self.members[0][0]]
        for number, count in self.members[1:]:
            found = found * np.int32(count) + single[number]
        return found


def joined(tables: Sequence[Floats]) -> list[Joint]:
    """Joint tables of a moderate number of rows out of small ones."""
    waiting = sorted(range(len(tables)), key=lambda number: len(tables[number]))
    found = []
    while waiting:
        first = waiting.pop(0)
        table, members = tables[first], [(first, len(tables[first]))]
        while waiting and len(table) * len(tables[waiting[0]]) <= MOST_TOGETHER:
            more = waiting.pop(0)
            members.append((more, len(tables[more])))
            table = (table[:, None, :] + tables[more][None, :, :]).reshape(-1, table.shape[1])
        found.append(Joint(tuple(members), np.ascontiguousarray(table)))
    return found
