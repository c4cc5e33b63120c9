"""One row a patient: status, severity, first causes with weights and bands, red flags, what was refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leukoref.assessor import IN_QUESTION, LEUKOPENIA, LOW_COUNT, SHOWN, Assessor
from leukoref.engine.columnar import Bits, Block, ColumnarEngine, Floats, Inferred
from leukoref.engine.durable import Inference
from leukoref.engine.flag_lists import FlagLists
from leukoref.engine.intake import Intake, read
from leukoref.engine.reference import ReferencePositions
from leukoref.engine.roles import Role, literals_of
from leukoref.engine.summing import CHUNK, Room
from leukoref.engine.weighing import Weighing
from leukoref.knowledge.conditions import high_side, low_side

BLOCK = 65_536
REJECTED = "rejected"
AHEAD = 1e15  # of rounded scores: what puts an established cause before every other
STATUSES = ("leukopenia", "no_leukopenia", "insufficient_data", REJECTED)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first causes of the patients in ``rows``: columns of the weighing, -1 where there is no further one."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    weights: Floats
    scores: Floats
    established: Bits


class Cohort:
    """One knowledge base made ready for frames whose columns have these roles. Safe to share between threads."""

    def __init__(self, chosen: Assessor, roles: Sequence[Role], *, top: int = 3, setting: str | None = None) -> None:
        self._base, self._ranker = chosen.base, chosen.ranker
        self.roles, self.top, self._setting = tuple(roles), top, setting
        given, quantities = literals_of(roles, self._base)
        engine = ColumnarEngine(self._base)
        asked = engine.asked_literals()
        self._sides = frozenset(name for name, _ in asked) & {
            side for name in quantities for side in (low_side(name), high_side(name))
        }
        self._positions = ReferencePositions(self._base, self._sides)
        given = {literal for literal in given if ":" not in literal[0] or literal[0] in self._sides}
        self._grades = tuple(self._base.parameter("severity_grades"))
        wanted = {LOW_COUNT, LEUKOPENIA, IN_QUESTION, *self._grades}
        # Two passes: what can speak is known only once it is known what can hold.
        possible = engine.plan(given, quantities, ()).possible
        self.weighing = Weighing(self._ranker, possible, given, frozenset(quantities))
        self.plan = engine.plan(given, quantities, wanted | self.weighing.asked())
        self._status_of = self._statuses()
        self._causes = pl.Series([*self.weighing.causes, None], dtype=pl.String)
        self._bands = pl.Series(["established", "strong", "moderate", "weak", "against", None])
        self._limits = self._base.parameter("bands")
        self._setting_column = next((entry.column for entry in self.roles if entry.kind == "setting"), None)
        culprit = self._base.parameter("culprit_cause")
        self._culprit = self.weighing.causes.index(culprit) if culprit in self.weighing.causes else None
        self._flags = FlagLists([rule.target for rule, present in self.plan.red_flags if present])

    def screen(self, frame: pl.DataFrame, patients: pl.Series, duplicate: Bits | None = None) -> pl.DataFrame:
        """The answers for one block of patients."""
        intake = self.intake(frame)
        if duplicate is not None and duplicate.any():
            intake.block.invalid["duplicate_patient"] = duplicate
        _counted_before(frame, intake)
        inferred = self.plan.run(intake.block)
        invalid = np.logical_or.reduce([np.zeros(frame.height, np.bool_), *intake.block.invalid.values()])
        status = self._status(inferred, frame.height)
        status[invalid] = STATUSES.index(REJECTED)
        ranking = self.rank(intake.block, inferred, np.flatnonzero(self._is_ranked(status, inferred)))
        return pl.DataFrame([
            patients.alias("patient"),
            pl.Series("status", STATUSES).gather(status),
            self._severity(inferred, invalid),
            *self._ranked(ranking, frame.height),
            self._flags.of(inferred.red_flags, invalid),
            pl.Series("findings_used", intake.used),
            pl.Series("findings_unrecognised", intake.unrecognised),
            _rejections(intake, frame.height),
        ])  # fmt: skip

    def intake(self, frame: pl.DataFrame) -> Intake:
        """The block of a frame, with the table of priors of each patient."""
        intake = read(frame, self.roles, self._base, self._positions)
        intake.block.tables = self._tables(frame, intake)
        return intake

    # -- status and severity --------------------------------------------------------------------------------

    @staticmethod
    def _statuses() -> npt.NDArray[np.int8]:
        """The status for each pair of states (unknown, present, absent) of the two findings it rests on."""
        found = np.zeros((3, 3), np.int8)
        for i, low in enumerate((None, True, False)):
            for j, white in enumerate((None, True, False)):
                states = {LOW_COUNT: low, LEUKOPENIA: white}
                presence = {name: state for name, state in states.items() if state is not None}
                found[i, j] = STATUSES.index(Assessor._status(Inference(presence=presence)))
        return found

    def _status(self, inferred: Inferred, size: int) -> npt.NDArray[np.int8]:
        states = []
        for name in (LOW_COUNT, LEUKOPENIA):
            code = np.zeros(size, np.intp)
            for value, state in ((1, True), (2, False)):
                column = inferred.settled(name, state)
                if column is not None:
                    code[column] = value
            states.append(code)
        return self._status_of[states[0], states[1]]

    def _is_ranked(self, status: npt.NDArray[np.int8], inferred: Inferred) -> Bits:
        """Whose causes are listed, as `Assessor.is_ranked` says."""
        ranked: Bits = status == STATUSES.index("leukopenia")
        in_question = inferred.settled(IN_QUESTION, True)
        if in_question is not None:
            ranked |= (status == STATUSES.index("insufficient_data")) & in_question
        return ranked

    def _severity(self, inferred: Inferred, invalid: Bits) -> pl.Series:
        worst = np.full(len(invalid), len(self._grades), np.intp)
        for place in reversed(range(len(self._grades))):
            column = inferred.settled(self._grades[place], True)
            if column is not None:
                worst[column] = place
        worst[invalid] = len(self._grades)
        names = [self._base.finding[name].name if name in self._base.finding else name for name in self._grades]
        return pl.Series("severity", [*names, None], dtype=pl.String).gather(worst)

    # -- causes ---------------------------------------------------------------------------------------------

    def _tables(self, frame: pl.DataFrame, intake: Intake) -> npt.NDArray[np.intp]:
        """The table of priors of each patient; a setting it has none for is told and counts as not said."""
        pretest, age = self._ranker.table.pretest, intake.block.age
        places = {name: i for i, name in enumerate(pretest.tables)}
        limits = [band.below_years for band in self._base.priors.age_bands]
        lows = [0.0, *limits[:-1]]
        band = np.where(np.isnan(age), len(lows), np.searchsorted(limits, np.nan_to_num(age), side="right"))

        def row(setting: str | None) -> list[int]:
            return [places[pretest.table_for(setting, low)] for low in (*lows, None)]

        if self._setting_column is None:
            return np.array(row(self._setting), np.intp)[band]
        column = frame.get_column(self._setting_column).cast(pl.String, strict=False)
        names = [None, *column.unique().drop_nulls()]
        code = np.zeros(len(column), np.intp)
        for place, name in enumerate(names[1:], 1):
            code[(column == name).fill_null(False).to_numpy()] = place
            if not pretest.knows(name):
                intake.rejected.append((np.flatnonzero(code == place), f"{column.name}: unknown_setting"))
        return np.array([row(name or self._setting) for name in names], np.intp)[code, band]

    def rank(self, block: Block, inferred: Inferred, rows: npt.NDArray[np.intp]) -> Ranking:
        """The first causes of some patients of a block, in the order of `Ranker.rank`."""
        sums = self.weighing.sums(block, inferred, rows)
        if block.culprit is not None and self._culprit is not None:
            sums.add(self._culprit, np.nan_to_num(block.culprit[rows]))
        settled = self.weighing.criteria("establishes", inferred)
        for cause, named in block.confirmed.items():
            column = self.weighing.causes.index(cause)
            settled[column] = settled[column] | named if column in settled else named
        confirmed, excluded = (
            [(column, holds[rows]) for column, holds in found.items()]
            for found in (settled, self.weighing.criteria("excludes", inferred))
        )
        tables, causes = block.tables[rows], len(self.weighing.causes)
        shown = min(self.top, causes)
        columns = np.full((len(rows), shown), -1, np.intp)
        weights, scores = np.zeros((2, len(rows), shown))
        established = np.zeros((len(rows), shown), np.bool_)
        room = Room.of(sums.layout)
        prior, key = np.empty((2, CHUNK, causes))
        for start in range(0, len(rows), CHUNK):  # a part of the patients that stays in cache
            part = slice(start, min(start + CHUNK, len(rows)))
            size = part.stop - start
            weight = sums.part(part, room)
            score, order = prior[:size], key[:size]
            np.take(self.weighing.priors, tables[part], axis=0, out=score, mode="clip")
            score += weight
            np.multiply(score, 1e9, out=order)
            np.rint(order, out=order)
            for column, holds in confirmed:
                order[:, column] += AHEAD * holds[part]
            for column, holds in excluded:
                order[holds[part], column] = -np.inf
            every = np.arange(size)
            for place in range(shown):
                best = order.argmax(axis=1)
                value = order[every, best]
                there = value > -np.inf
                columns[part, place] = np.where(there, best, -1)
                weights[part, place], scores[part, place] = weight[every, best], score[every, best]
                established[part, place] = value > AHEAD / 2
                order[every, best] = -np.inf
        return Ranking(rows, columns, weights, scores, established)

    def _ranked(self, ranking: Ranking, size: int) -> Iterator[pl.Series]:
        missing = len(self._causes) - 1
        full = len(ranking.rows) == size
        for place in range(self.top):
            column = np.full(size, missing, np.intp)
            band = np.full(size, len(self._bands) - 1, np.intp)
            numbers = {name: np.full(size, np.nan) for name in ("weight", "score")}
            if place < ranking.columns.shape[1]:
                there = ranking.columns[:, place] >= 0
                rows = ranking.rows if there.all() else ranking.rows[there]
                keep = slice(None) if there.all() else there
                weight = ranking.weights[keep, place]
                column[rows] = ranking.columns[keep, place]
                band[rows] = self._band(weight, ranking.established[keep, place])
                numbers["weight"][rows] = weight
                numbers["score"][rows] = ranking.scores[keep, place]
            yield self._causes.gather(column).alias(f"cause_{place + 1}")
            for name, values in numbers.items():
                series = pl.Series(f"{name}_{place + 1}", np.round(values, SHOWN))
                yield series if full and not np.isnan(values).any() else series.fill_nan(None)
            yield self._bands.gather(band).alias(f"band_{place + 1}")
        margin = np.full(size, np.nan)
        if ranking.columns.shape[1] > 1:
            there = ranking.columns[:, 1] >= 0
            margin[ranking.rows[there]] = (ranking.scores[:, 0] - ranking.scores[:, 1])[there]
        yield pl.Series("margin", np.round(margin, SHOWN)).fill_nan(None)

    def _band(self, weight: Floats, established: Bits) -> npt.NDArray[np.intp]:
        """Places in ``_bands``, by the limits of `weighing.yaml` on the weight as shown."""
        limits, weight = self._limits, np.round(weight, SHOWN)
        band = np.where(weight > limits["against"], 3, 4)
        band[weight >= limits["moderate"]] = 2
        band[weight >= limits["strong"]] = 1
        band[established] = 0
        return band


def _counted_before(frame: pl.DataFrame, intake: Intake) -> None:
    """What was counted and refused when rows or patients were made wide."""
    if "_used" not in frame.columns:
        return
    if "_culprit" in frame.columns:
        intake.block.culprit = frame.get_column("_culprit").fill_null(np.nan).to_numpy()
    if "_confirmed" in frame.columns:
        named = frame.get_column("_confirmed")
        for cause in named.explode().unique().drop_nulls():
            intake.block.confirmed[cause] = named.list.contains(cause).to_numpy()
    intake.used += frame.get_column("_used").to_numpy()
    intake.unrecognised += frame.get_column("_unrecognised").to_numpy()
    for column, reason in (("_invalid", "contradiction"), ("_refused", "refused_patient")):
        if column in frame.columns:
            intake.block.invalid[reason] = frame.get_column(column).to_numpy()
    lists = frame.get_column("_rejected")
    for row in np.flatnonzero((lists.list.len() > 0).to_numpy()).tolist():
        intake.rejected += [(np.array([row]), text) for text in lists[row]]


def _rejections(intake: Intake, size: int) -> pl.Series:
    """Per patient the refused columns with their reason codes, in the order of the columns."""
    found = [*intake.rejected, *((np.flatnonzero(rows), reason) for reason, rows in intake.block.invalid.items())]
    refused: dict[int, list[str]] = {}
    for rows, text in found:
        for row in rows.tolist():
            refused.setdefault(row, []).append(text)
    if not refused:
        return pl.Series("rejected", [[]], dtype=pl.List(pl.String)).gather(np.zeros(size, np.int64))
    places = np.zeros(size, np.int64)
    places[list(refused)] = np.arange(1, len(refused) + 1)
    return pl.Series("rejected", [[], *refused.values()], dtype=pl.List(pl.String)).gather(places)


def in_blocks(
    cohort: Cohort,
    frame: pl.DataFrame,
    patients: pl.Series,
    duplicate: Bits | None,
    *,
    threads: int,
    block: int = BLOCK,
) -> pl.DataFrame:
    """A whole frame, block by block, on ``threads`` threads."""

    def one(start: int) -> pl.DataFrame:
        part = None if duplicate is None else duplicate[start : start + block]
        return cohort.screen(frame.slice(start, block), patients.slice(start, block), part)

    starts = range(0, frame.height, block)
    if frame.height == 0:
        return cohort.screen(frame, patients)
    if threads == 1 or len(starts) == 1:
        return pl.concat([one(start) for start in starts], rechunk=False)
    with ThreadPoolExecutor(threads) as pool:
        return pl.concat(list(pool.map(one, starts)), rechunk=False)
