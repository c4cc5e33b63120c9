"""Findings of a block of patients to weights of every cause: the tables of `Ranker`, looked up by state.

Findings that can share a cluster are looked up together: each combination of states that occurs is put before the
`Ranker` once, which says what the strongest of them says, and every later patient with that combination takes the
same row. Small tables are added up into joint ones before the rows are taken, so that a patient takes about ten.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from leukoref.engine.columnar import Bits, Block, Floats, Inferred, Literal
from leukoref.engine.durable import Inference
from leukoref.findings import AGE
from leukoref.knowledge.pretest import decibans
from leukoref.knowledge.vocabulary import Scale
from leukoref.ranking import Item, Ranker, modifier_rank

Codes = npt.NDArray[np.int64]
PRESENT, ABSENT, DERIVED = 1, 2, 2  # codes of a state: 0 unknown, 1/2 given, 3/4 the same but derived
STATES = 5
DIRECT = 1 << 16
MOST_ROWS = 100_000
MOST_TOGETHER = 512
CHUNK = 1_024
MASKS = np.array([1 << place for place in range(16)], np.int64)


@dataclass(frozen=True, slots=True)
class Member:
    """A finding or a scale of a cluster, and how many codes its state has."""

    name: str
    codes: int
    scale: Scale | None = None


@dataclass(slots=True)
class Group:
    """Members that may share a cluster, and the rows of the combinations of states met so far."""

    members: tuple[Member, ...]
    table: Floats
    used: int = 0
    direct: npt.NDArray[np.int32] | None = None
    rows: dict[bytes, int] = field(default_factory=dict)


class Weighing:
    """The weights of one knowledge base for cohorts in which the ``possible`` literals can hold."""

    def __init__(
        self, ranker: Ranker, possible: set[Literal], given: Iterable[Literal], quantities: frozenset[str]
    ) -> None:
        self.ranker, self.base = ranker, ranker.base
        self.order = np.array(sorted(range(len(self.base.causes)), key=lambda i: self.base.causes[i].id), np.intp)
        self.causes = tuple(self.base.causes[i].id for i in self.order)
        self._column = {cause: i for i, cause in enumerate(self.causes)}
        self._possible, self._given = possible, set(given)
        self._age_bands = sorted({self.ranker.age_band(None), *map(self.ranker.age_band, self._band_ages())})
        self._shares = np.stack([self.ranker.kind_weights(band) for band in self._age_bands])
        self._lock = threading.Lock()
        members = [
            Member(f"scale:{scale.id}", self._scale_codes(scale), scale)
            for scale in self.base.scales
            if any(entry.finding in quantities for entry in scale.inputs)
            or any((word.finding, state) in possible for word in scale.words for state in (True, False))
        ]
        members += [Member(name, STATES) for name in sorted(ranker.table.cells) if self._can_speak(name)]
        self.groups = [
            self._group(together)
            for together in self._grouped(members)
            if any(member.scale or self._speaks(member.name) for member in together)
        ]
        self.requirements = self._requirements()
        self.priors = np.array(
            [
                [ranker.prior_weight(table[cause]) for cause in self.causes]
                for table in ranker.table.pretest.tables.values()
            ]
        )

    def asked(self) -> set[str]:
        """Findings whose settled states are needed."""
        words = {word.finding for scale in self.base.scales for word in scale.words}
        return {*self.ranker.table.cells, *words, *(m.finding for m in self.base.priors.modifiers)}

    # -- the plan -------------------------------------------------------------------------------------------

    def _band_ages(self) -> list[float]:
        limits = [0.0, *(band.below_years for band in self.base.priors.age_bands)]
        return [limit for limit in limits if np.isfinite(limit)]

    def _scale_codes(self, scale: Scale) -> int:
        return (1 << len(scale.bins)) * (len(self._age_bands) if scale.id == AGE else 1)

    def _can_speak(self, name: str) -> bool:
        return (name, True) in self._possible or (name, False) in self._possible

    def _speaks(self, name: str) -> bool:
        """Not merely told by the scales it follows from."""
        return name not in self.ranker.table.told_by_scales or self._can_be_given(name)

    def _can_be_given(self, name: str) -> bool:
        return (name, True) in self._given or (name, False) in self._given

    def _grouped(self, members: list[Member]) -> list[list[Member]]:
        """Members that can come to speak in one cluster. What only follows from a narrower or wider finding
        joins the cluster of that one."""
        clusters = self.ranker.table.clusters
        parent: dict[str, str] = {}

        def top(cluster: str) -> str:
            while parent.get(cluster, cluster) != cluster:
                cluster = parent[cluster]
            return cluster

        names = {member.name for member in members}
        for member in members:
            finding = self.base.finding.get(member.name)
            if member.scale or finding is None or finding.core:
                continue
            for state, relatives in ((True, self.base.descendants), (False, self.base.ancestors)):
                for relative in relatives.get(member.name, ()):
                    if relative in names and (relative, state) in self._possible:
                        parent[top(clusters[relative])] = top(clusters.get(member.name, member.name))
        found: dict[str, list[Member]] = {}
        for member in members:
            found.setdefault(top(clusters.get(member.name, member.name)), []).append(member)
        return list(found.values())

    def _group(self, members: list[Member]) -> Group:
        combinations = 1
        for member in members:
            combinations *= member.codes
        direct = np.full(combinations, -1, np.int32) if combinations <= DIRECT else None
        return Group(tuple(members), np.zeros((64, len(self.ranker.profiles))), direct=direct)

    def _requirements(self) -> list[tuple[str, int, float, float | None]]:
        """(cause, index, weight when known to be missing, weight when unknown)"""
        return [
            (cause, index, self.ranker.unmet_weight(cause, index, False) or 0.0,
             self.ranker.unmet_weight(cause, index, None))
            for cause, criteria in self.ranker.criteria.items()
            for index, statement in criteria
            if statement.criterion == "requires"
        ]  # fmt: skip

    # -- a block --------------------------------------------------------------------------------------------

    def weights(self, block: Block, inferred: Inferred, rows: npt.NDArray[np.intp]) -> Floats:
        """Weight of evidence with adjustments, (patients of ``rows``) x (causes by id), in decibans."""
        if not len(rows):
            return np.zeros((0, len(self.causes)))
        looked_up = []
        for group in self.groups:
            codes = self._codes(group, block, inferred, rows)
            with self._lock:
                looked_up.append((self._places(group, codes), group.table, group.used))
        looked_up = _joined(looked_up)
        total = np.empty((len(rows), len(self.causes)))
        added, row = np.empty((2, CHUNK, len(self.ranker.profiles)))
        bands = self._bands_of(block.age)[rows]
        for start in range(0, len(rows), CHUNK):  # a part of the patients that stays in cache
            part = slice(start, start + CHUNK)
            chunk, taken = added[: len(bands[part])], row[: len(bands[part])]
            chunk[:] = 0.0
            for places, table, _ in looked_up:
                np.take(table, places[part], axis=0, out=taken, mode="clip")
                chunk += taken
            total[part] = self.ranker.together(chunk, self._shares[bands[part]])[:, self.order]
        self._adjust(total, inferred, rows)
        return total

    def _codes(
        self, group: Group, block: Block, inferred: Inferred, rows: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.int64]:
        """One column of mixed-radix codes where they fit a number, else a column a member."""
        columns = [
            (self._scale_code(member.scale, block, inferred) if member.scale else _state(member.name, block, inferred))
            for member in group.members
        ]
        if group.direct is not None:
            code = np.zeros(len(rows), np.int64)
            for member, column in zip(group.members, columns, strict=True):
                code *= member.codes
                code += column[rows]
            return code
        return np.stack([column[rows] for column in columns], axis=1).astype(np.int64)

    def _scale_code(self, scale: Scale, block: Block, inferred: Inferred) -> Codes:
        """The bins a value can lie in, as `scales.scale_mask` reads them; for age with the band of priors."""
        whole = (1 << len(scale.bins)) - 1
        best = np.zeros(block.size, np.int64)
        for entry in scale.inputs:
            if entry.finding not in block.low:
                continue
            low, high = block.low[entry.finding], block.high[entry.finding]
            first = _bin(low, entry.cuts)
            last = first if high is low else _bin(high, entry.cuts)
            mask = MASKS[last + 1] - MASKS[first]
            mask[np.isnan(low)] = 0
            np.maximum(best, mask, out=best)
        said = np.full(block.size, whole, np.int64)
        for word in scale.words:
            for state, bins in ((True, word.present), (False, word.absent)):
                column = inferred.settled(word.finding, state) if bins else None
                if column is not None:
                    said[column] &= scale.mask(bins)
        mask = np.where(best > 0, best, said)
        mask[mask == whole] = 0
        if scale.id == AGE:
            mask += (whole + 1) * self._bands_of(block.age)
        return mask

    def _bands_of(self, age: Floats) -> npt.NDArray[np.intp]:
        """The place in ``_age_bands`` of each patient's age."""
        limits = [band.below_years for band in self.base.priors.age_bands]
        place_of = [self._age_bands.index(self.ranker.age_band(low)) for low in (0.0, *limits[:-1])]
        places = np.array(place_of, np.intp)[np.searchsorted(limits, np.nan_to_num(age), side="right")]
        places[np.isnan(age)] = self._age_bands.index(self.ranker.age_band(None))
        return places

    def _places(self, group: Group, codes: Codes) -> npt.NDArray[np.intp]:
        """The row of each patient's combination of states; new combinations are worked out and kept."""
        if group.direct is not None:
            places = group.direct[codes]
            missing = np.unique(codes[places < 0])
            for code in missing:
                group.direct[code] = self._new_row(group, _digits(int(code), group.members))
            return (group.direct[codes] if len(missing) else places).astype(np.intp)
        if group.used > MOST_ROWS:
            group.rows.clear()
            group.used = 0
        small = np.ascontiguousarray(codes.astype(np.int16))
        packed = small.view(np.dtype((np.void, small.dtype.itemsize * small.shape[1]))).ravel()
        distinct, inverse = np.unique(packed, return_inverse=True)
        rows = np.empty(len(distinct), np.intp)
        for i, key in enumerate(distinct):
            name = key.tobytes()
            row = group.rows.get(name)
            if row is None:
                row = group.rows[name] = self._new_row(group, np.frombuffer(name, np.int16).tolist())
            rows[i] = row
        return rows[inverse]

    def _new_row(self, group: Group, digits: list[int]) -> int:
        if group.used == len(group.table):
            # A larger copy, so that a reader of the old table is never disturbed.
            group.table = np.concatenate([group.table, np.zeros_like(group.table)])
        group.table[group.used] = self._spoken(group, digits)
        group.used += 1
        return group.used - 1

    def _spoken(self, group: Group, digits: list[int]) -> Floats:
        """What the Ranker says of one combination of states."""
        inference = Inference()
        items: list[Item] = []
        for member, digit in zip(group.members, digits, strict=True):
            if member.scale is None and digit:
                inference.presence[member.name] = digit in (PRESENT, PRESENT + DERIVED)
                if digit > DERIVED:
                    inference.derived.add(member.name)
        for member, digit in zip(group.members, digits, strict=True):
            if member.scale is not None:
                band, mask = divmod(digit, 1 << len(member.scale.bins))
                whole = self._age_bands[band] if member.scale.id == AGE else (1 << len(member.scale.bins)) - 1
                if mask:
                    weights = self.ranker.scale_weights(member.scale, mask, whole)
                    items.append(
                        Item(member.name, member.scale.id, "", self.ranker.scale_cluster(member.scale), weights)
                    )
        for name in sorted(inference.presence):
            if not self.ranker.silent(name, inference):
                weights = self.ranker.presence_weights(name, inference.presence[name])
                items.append(Item(name, name, "", self.ranker.cluster(name, inference), weights))
        return self.ranker.board(items, self._age_bands[0]).totals

    def _adjust(self, total: Floats, inferred: Inferred, rows: npt.NDArray[np.intp]) -> None:
        """Requirements that are not met, and modifiers of the prior, as `Ranker` adds them."""
        for cause, index, missing, unknown in self.requirements:
            column = self._column[cause]
            holds, fails = (
                np.zeros(len(rows), np.bool_) if bits is None else bits[rows]
                for bits in inferred.criteria.get((cause, index), (None, None))
            )
            if unknown is None:
                total[:, column] += np.where(fails & ~holds, missing, 0.0)
            else:
                total[:, column] += np.where(fails == holds, unknown, np.where(fails, missing, 0.0))
        for cause, modifiers in self.ranker.modifiers.items():
            if cause not in self._column:
                continue
            value = None
            for modifier in sorted(modifiers, key=modifier_rank):
                here = inferred.settled(modifier.finding, True)
                if here is not None:
                    before = np.zeros(len(rows)) if value is None else value
                    value = np.where(here[rows], decibans(modifier.odds), before)
            if value is not None:
                total[:, self._column[cause]] += value

    def criteria(self, kind: str, inferred: Inferred) -> list[tuple[int, Bits]]:
        """(column of a cause, where a criterion of this kind holds)"""
        found = []
        for cause, criteria in self.ranker.criteria.items():
            for index, statement in criteria:
                holds, fails = inferred.criteria.get((cause, index), (None, None))
                if statement.criterion == kind and holds is not None:
                    found.append((self._column[cause], holds if fails is None else holds & ~fails))
        return found


def _joined(
    looked_up: list[tuple[npt.NDArray[np.intp], Floats, int]],
) -> list[tuple[npt.NDArray[np.intp], Floats, int]]:
    """Small tables added up pairwise into one, so that a patient takes few rows instead of many."""
    waiting = sorted(looked_up, key=lambda entry: entry[2])
    found = []
    while waiting:
        places, table, used = waiting.pop(0)
        table = table[:used]
        while waiting and used * waiting[0][2] <= MOST_TOGETHER:
            more, other, count = waiting.pop(0)
            table = (table[:, None, :] + other[None, :count, :]).reshape(used * count, -1)
            places = places * count + more
            used *= count
        found.append((places, np.ascontiguousarray(table), used))
    return found


def _bin(values: Floats, cuts: tuple[float, ...]) -> npt.NDArray[np.int8]:
    """How many cuts a value has reached; a value on a limit belongs to the upper bin."""
    place = np.zeros(len(values), np.int8)
    for cut in cuts:
        place += values >= cut
    return place


def _state(name: str, block: Block, inferred: Inferred) -> npt.NDArray[np.int8]:
    code = np.zeros(block.size, np.int8)
    for state, value in ((True, PRESENT), (False, ABSENT)):
        column = inferred.settled(name, state)
        if column is None:
            continue
        code += column.view(np.int8) * np.int8(value + DERIVED)
        said = block.given.get((name, state))
        if said is not None:  # what was given is never contradicted, so it is settled unless both were said
            code -= (said & column).view(np.int8) * np.int8(DERIVED)
    return code


def _digits(code: int, members: tuple[Member, ...]) -> list[int]:
    digits: list[int] = []
    for member in reversed(members):
        code, digit = divmod(code, member.codes)
        digits.append(digit)
    return digits[::-1]
