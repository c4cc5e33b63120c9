"""Rows of tables added up for many patients: the weight of every cause, a part of a block at a time.

A table has a column a profile: a cause of one kind, or a kind of a cause, whose weights count together as
`Ranker.together` counts them. Weights are whole numbers of the digits that the Ranker keeps: exact in whatever order
they are added, and half as wide as floats, which is what the adding waits for. Small tables are added up into joint
ones once, so that a patient takes about ten rows, and what is worked out for a part of the patients stays in cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from leukoref.engine.columnar import Floats
from leukoref.ranking import DIGITS, Ranker

Places = npt.NDArray[np.intp]
Grains = npt.NDArray[np.int32]
"""Weights in units of the last digit kept: up to 21,000 decibans, more than all findings at their caps."""
CHUNK = 512
MOST_TOGETHER = 1_024
GRAIN = 10.0**-DIGITS
TENTH = np.log(10) / 10
"""What a deciban is in natural logarithms."""


class Layout:
    """Which profile stands in which column: first the causes of one kind, then the kinds of the others, one of every
    cause at a time."""

    def __init__(self, ranker: Ranker, order: Places) -> None:
        stops = [*ranker.starts[1:].tolist(), len(ranker.profiles)]
        ranges = [range(int(ranker.starts[place]), int(stops[place])) for place in order]
        self.causes = len(ranges)
        single = [column for column, kinds in enumerate(ranges) if len(kinds) == 1]
        several = [column for column, kinds in enumerate(ranges) if len(kinds) > 1]
        several.sort(key=lambda column: -len(ranges[column]))  # so that the causes of a further kind come first
        self._single, self._several = np.array(single, np.intp), np.array(several, np.intp)
        picked = [ranges[column][0] for column in single]
        self._layers: list[slice] = []
        for layer in range(len(ranges[several[0]]) if several else 0):
            found = [ranges[column][layer] for column in several if layer < len(ranges[column])]
            self._layers.append(slice(len(picked), len(picked) + len(found)))
            picked += found
        self._profile = np.array(picked, np.intp)
        self.width = len(picked)

    def row(self, totals: Floats) -> Grains:
        """The weights of all profiles in the order of the columns."""
        return np.rint(totals[self._profile] / GRAIN).astype(np.int32)

    def shares(self, decibans: Floats) -> Grains:
        """What each column starts from: for a kind the decibans of its share of the cause."""
        found = self.row(decibans)
        found[: len(self._single)] = 0
        return found

    def together(self, added: Grains, room: Floats) -> Floats:
        """Column sums to weights of causes, in decibans; ``room`` is of the same shape."""
        weights = np.empty((len(added), self.causes))
        kinds = slice(len(self._single), self.width)
        weights[:, self._single] = added[:, : kinds.start] * GRAIN
        if self._layers:
            np.multiply(added[:, kinds], GRAIN * TENTH, out=room[:, kinds])
            np.exp(room[:, kinds], out=room[:, kinds])
            total = room[:, self._layers[0]]
            for layer in self._layers[1:]:
                total[:, : layer.stop - layer.start] += room[:, layer]
            weights[:, self._several] = np.log(total) / TENTH
        return weights


@dataclass(slots=True)
class Room:
    """Room for what is worked out for up to ``CHUNK`` patients, so that it is asked for once."""

    added: Grains
    row: Grains
    values: Floats

    @classmethod
    def of(cls, layout: Layout) -> Room:
        shape = (CHUNK, layout.width)
        return cls(np.empty(shape, np.int32), np.empty(shape, np.int32), np.empty(shape))


@dataclass(slots=True)
class Sums:
    """The rows that the patients of a block take, and what is added to single causes afterwards."""

    layout: Layout
    lookups: list[tuple[Places, Grains]]
    extra: dict[int, Floats] = field(default_factory=dict)

    def add(self, column: int, values: Floats) -> None:
        self.extra[column] = self.extra[column] + values if column in self.extra else values

    def part(self, part: slice, room: Room) -> Floats:
        """Weights of evidence with adjustments of some patients, (patients) x (causes), in decibans."""
        (places, table), *more = self.lookups
        size = len(places[part])
        added, row = room.added[:size], room.row[:size]
        np.take(table, places[part], axis=0, out=added, mode="clip")
        for places, table in more:
            np.take(table, places[part], axis=0, out=row, mode="clip")
            added += row
        weights = self.layout.together(added, room.values[:size])
        for column, values in self.extra.items():
            weights[:, column] += values[part]
        return weights


@dataclass(frozen=True, slots=True)
class Joint:
    """Tables added up pairwise into one; the places in it are counted like digits."""

    members: tuple[tuple[int, int], ...]
    table: Grains

    def places(self, single: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
        found = single[self.members[0][0]]
        for number, count in self.members[1:]:
            found = found * np.int32(count) + single[number]
        return found


def joined(tables: Sequence[Grains]) -> list[Joint]:
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
