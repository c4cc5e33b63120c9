"""Findings of a block of patients to weights of every cause: the tables of `Ranker`, looked up by state.

Findings that can share a cluster are looked up together: each combination of states that occurs is put before the
`Ranker` once, which says what the strongest of them says, and every later patient with that combination takes the
same row. Small tables are added up into joint ones before the rows are taken, so that a patient takes about ten.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leukoref.criteria import modifier_rank
from leukoref.engine.columnar import Bits, Block, Floats, Inferred, Literal
from leukoref.engine.combinations import Combinations, unpacked
from leukoref.engine.durable import Inference
from leukoref.engine.summing import Grains, Joint, Layout, Sums, joined
from leukoref.knowledge.pretest import decibans
from leukoref.knowledge.vocabulary import Scale
from leukoref.known import AGE
from leukoref.ranking import Item, Ranker

Codes = npt.NDArray[Any]
PRESENT, ABSENT, DERIVED = 1, 2, 2  # codes of a state: 0 unknown, 1/2 given, 3/4 the same but derived
STATES = 5
DIRECT = 1 << 16
MOST_ROWS = 100_000


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
    table: Grains
    used: int = 0
    direct: npt.NDArray[np.int32] | None = None  # for few combinations: the row of each code, -1 for none yet
    combinations: Combinations | None = None  # for many: those met so far, in the order of their rows

    @property
    def radices(self) -> list[int]:
        return [member.codes for member in self.members]


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
        self.layout = Layout(ranker, self.order)
        self._shares = np.stack([self.layout.shares(ranker.kind_weights(band)) for band in self._age_bands])
        self._joined: tuple[tuple[int, ...], list[Joint]] = ((), [])
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
        group = Group(tuple(members), np.zeros((64, self.layout.width), np.int32))
        if math.prod(group.radices) <= DIRECT:
            group.direct = np.full(math.prod(group.radices), -1, np.int32)
        else:
            group.combinations = Combinations(group.radices)
        return group

    def _requirements(self) -> list[tuple[str, int, float, float | None]]:
        """(cause, index, weight when known to be missing, weight when unknown)"""
        criteria = self.ranker.criteria
        return [
            (cause, index, criteria.unmet_weight(cause, index, False) or 0.0, criteria.unmet_weight(cause, index, None))
            for cause, index, _ in criteria.required
        ]

    # -- a block --------------------------------------------------------------------------------------------

    def sums(self, block: Block, inferred: Inferred, rows: npt.NDArray[np.intp]) -> Sums:
        """What adds up to the weights of some patients of a block; `Sums.part` does it."""
        most = 2 * len(rows) > block.size  # then the others are cheaper to carry along than to leave out
        taken = slice(None) if most else rows
        bands = self._bands_of(block.age)
        codes = [self._codes(group, block, inferred, bands, taken) for group in self.groups]
        with self._lock:
            single = [self._places(group, code) for group, code in zip(self.groups, codes, strict=True)]
            joints = self._joints()
        every = len(rows) == block.size or not most
        lookups = [(bands[rows], self._shares)]
        for joint in joints:
            places = joint.places(single)
            lookups.append(((places if every else places[rows]).astype(np.intp), joint.table))
        found = Sums(self.layout, lookups)
        self._adjust(found, inferred, rows)
        return found

    def _joints(self) -> list[Joint]:
        """The tables of all groups put together, anew whenever one has grown."""
        counts = tuple(group.used for group in self.groups)
        if counts != self._joined[0]:
            self._joined = counts, joined([group.table[: group.used] for group in self.groups])
        return self._joined[1]

    def _codes(
        self, group: Group, block: Block, inferred: Inferred, bands: npt.NDArray[np.intp], taken: Any
    ) -> Codes | list[Codes]:
        """One column of mixed-radix codes where they fit a number, else a column a member."""
        columns: list[Codes] = [
            (self._scale_code(member.scale, block, inferred, bands) if member.scale
             else _state(member.name, block, inferred))[taken]
            for member in group.members
        ]  # fmt: skip
        if group.direct is None:
            return columns
        code = columns[0]
        for member, column in zip(group.members[1:], columns[1:], strict=True):
            code = code.astype(np.int32) * np.int32(member.codes) + column
        return code

    def _scale_code(
        self, scale: Scale, block: Block, inferred: Inferred, bands: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.int32]:
        """The bins a value can lie in, as `scales.scale_mask` reads them; for age with the band of priors."""
        whole = (1 << len(scale.bins)) - 1
        best: npt.NDArray[np.int32] | None = None
        for entry in scale.inputs:
            if entry.finding not in block.low:
                continue
            low, high = block.low[entry.finding], block.high[entry.finding]
            # 0 for nothing, then a bit for each bin up to that of the value
            upto = _bits(high, entry.cuts)
            mask = (upto + 1) >> 1 if high is low else upto & ~(_bits(low, entry.cuts) >> 1)
            best = mask if best is None else np.maximum(best, mask)
        said: npt.NDArray[np.int32] | None = None
        for word in scale.words:
            for state, bins in ((True, word.present), (False, word.absent)):
                column = inferred.settled(word.finding, state) if bins else None
                if column is not None:
                    said = np.full(block.size, whole, np.int32) if said is None else said
                    said &= ~(column.view(np.int8) * np.int32(whole & ~scale.mask(bins)))
        if best is None:
            best = np.zeros(block.size, np.int32) if said is None else said
        elif said is not None:
            best = np.where(best > 0, best, said)
        best *= best != whole
        if scale.id == AGE:
            best += (np.int32(whole + 1) * bands).astype(np.int32)
        return best

    def _bands_of(self, age: Floats) -> npt.NDArray[np.intp]:
        """The place in ``_age_bands`` of each patient's age."""
        limits = [band.below_years for band in self.base.priors.age_bands]
        place_of = [self._age_bands.index(self.ranker.age_band(low)) for low in (0.0, *limits[:-1])]
        places = np.array(place_of, np.intp)[np.searchsorted(limits, np.nan_to_num(age), side="right")]
        places[np.isnan(age)] = self._age_bands.index(self.ranker.age_band(None))
        return places

    def _places(self, group: Group, codes: Codes | list[Codes]) -> npt.NDArray[np.int32]:
        """The row of each patient's combination of states; new combinations are worked out and kept."""
        if group.combinations is None:
            assert group.direct is not None
            assert not isinstance(codes, list)
            places = group.direct[codes]
            if len(places) and places.min() < 0:
                for code in np.unique(codes[places < 0]).tolist():
                    group.direct[code] = self._new_row(group, unpacked(code, group.radices))
                places = group.direct[codes]
            return places
        assert isinstance(codes, list)
        if group.combinations.largest() > MOST_ROWS:
            group.combinations = Combinations(group.radices)
            group.table, group.used = np.zeros_like(group.table[:64]), 0  # readers of the old one keep it
        places = group.combinations.numbers(codes)
        for number in range(group.used, len(group.combinations)):
            self._new_row(group, group.combinations.digits(number))
        return places

    def _new_row(self, group: Group, digits: list[int]) -> int:
        if group.used == len(group.table):
            # A larger copy, so that a reader of the old table is never disturbed.
            group.table = np.concatenate([group.table, np.zeros_like(group.table)])
        group.table[group.used] = self._spoken(group, digits)
        group.used += 1
        return group.used - 1

    def _spoken(self, group: Group, digits: list[int]) -> Grains:
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
        return self.layout.row(self.ranker.board(items, self._age_bands[0]).totals)

    def _adjust(self, found: Sums, inferred: Inferred, rows: npt.NDArray[np.intp]) -> None:
        """Requirements that are not met, and modifiers of the prior, as `Ranker` adds them."""
        for cause, index, missing, unknown in self.requirements:
            holds, fails = (
                np.zeros(len(rows), np.bool_) if bits is None else bits[rows]
                for bits in inferred.criteria.get((cause, index), (None, None))
            )
            value = np.where(fails & ~holds, missing, 0.0)
            if unknown is not None:
                value[fails == holds] = unknown
            found.add(self._column[cause], value)
        for cause, modifiers in self.ranker.modifiers.items():
            if cause not in self._column:
                continue
            raised: Floats | None = None
            for modifier in sorted(modifiers, key=modifier_rank):
                here = inferred.settled(modifier.finding, True)
                if here is not None:
                    raised = np.where(here[rows], decibans(modifier.odds), 0.0 if raised is None else raised)
            if raised is not None:
                found.add(self._column[cause], raised)

    def criteria(self, kind: str, inferred: Inferred) -> dict[int, Bits]:
        """Column of a cause -> where one of its criteria of this kind holds."""
        found: dict[int, Bits] = {}
        for cause, criteria in self.ranker.criteria.by_cause.items():
            column = self._column[cause]
            for index, statement in criteria:
                holds, fails = inferred.criteria.get((cause, index), (None, None))
                if statement.criterion == kind and holds is not None:
                    holds = holds if fails is None else holds & ~fails
                    found[column] = found[column] | holds if column in found else holds
        return found


def _bits(values: Floats, cuts: tuple[float, ...]) -> npt.NDArray[np.int32]:
    """As many bits as the place of the bin a value lies in, from 1; 0 for no value. A value on a limit belongs to
    the upper bin."""
    place = (values == values).view(np.int8)
    for cut in cuts:
        place = place + (values >= cut).view(np.int8)
    bits: npt.NDArray[np.int32] = np.left_shift(1, place, dtype=np.int32)
    return bits - np.int32(1)


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
