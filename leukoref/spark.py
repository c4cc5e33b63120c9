"""Cohorts on Apache Spark: the answers of `leukoref.screen`, batch by batch on the cluster that holds the table.

    from leukoref.spark import screen
    screen(spark.read.parquet("cohort.parquet"), columns={"WBC": "/uL"}).write.parquet("answers.parquet")

A wide table is screened where it lies; a long one is moved once, so that the rows of a patient come together.
Needs the extra `spark` (pyspark 4, Java 17) on the driver, and leukoref on every executor. See docs/spark.md.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from leukoref import long_frames
from leukoref.assessor import assessor
from leukoref.engine.cohort import BLOCK, Cohort, in_blocks
from leukoref.engine.roles import Role, each_once, roles_of
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.screening import Columns, Screener, checked

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

Batches = Iterator[pa.RecordBatch]
PIECE = 131_072
"""Rows of a long table that are put together before the patients among them are screened."""


def screen(
    df: DataFrame,
    *,
    top: int = 3,
    id: str | None = None,
    columns: Columns | None = None,
    setting: str | None = None,
    knowledge: Knowledge | None = None,
    unique: bool = False,
) -> DataFrame:
    """The rows of `leukoref.screen`, as a Spark frame without an order of its own.

    Options as there; a unit may also stand in the metadata of a field (key ``unit``). A column of the patient is
    required. In a wide frame, several rows of one patient are looked for in a first pass over that column alone (one
    64-bit hash a patient on the driver); ``unique`` says that there are none and saves the pass. Raises InputError
    before any patient is read.
    """
    table = _empty(df)
    chosen = assessor(knowledge)
    key = checked(table, top, id, columns or {}, setting, chosen)
    if key is None:
        raise InputError("frame", "names no patient", "rows of Spark have no numbers; give a column as id")
    own = None if knowledge is None else pickle.dumps(knowledge)
    base = chosen.base
    if long_frames.is_long(table):
        names = [name for name in table.columns if name == key or name in long_frames.COLUMNS]
        plan = pickle.dumps(_Plan(key, None, top, setting, base.content_hash, own))
        together = df.select(*map(_column, names)).repartition(_column(key)).sortWithinPartitions(_column(key))
        return together.mapInArrow(_long(plan), _schema(df, key, top))
    units = {field.name: str(field.metadata["unit"]) for field in df.schema if field.metadata.get("unit")}
    roles = tuple(each_once(roles_of(table.schema, base, {**units, **(columns or {})}, {key})))
    plan = pickle.dumps(_Plan(key, roles, top, setting, base.content_hash, own))
    twice = None if unique else _twice(df, key)
    narrow = df.select(_column(key), *(_column(entry.column) for entry in roles))
    return narrow.mapInArrow(_wide(plan, twice), _schema(df, key, top))


# -- on the executors ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a worker needs to know; ``roles`` are those of a wide frame, ``own`` a pickled knowledge base."""

    key: str
    roles: tuple[Role, ...] | None
    top: int
    setting: str | None
    content_hash: str
    own: bytes | None


@lru_cache(maxsize=4)
def _ready(plan: bytes) -> tuple[_Plan, Cohort | Screener]:
    """Made once in a worker process, whatever the number of its tasks."""
    known: _Plan = pickle.loads(plan)
    chosen = assessor(None if known.own is None else pickle.loads(known.own))
    if chosen.base.content_hash != known.content_hash:
        raise InputError("knowledge", "of this executor is another than the driver's", "install one version on all")
    if known.roles is None:
        return known, Screener(chosen, known.key, top=known.top, setting=known.setting)
    return known, Cohort(chosen, known.roles, top=known.top, setting=known.setting)


def _wide(plan: bytes, twice: pl.Series | None) -> Any:
    def run(batches: Batches) -> Batches:
        for together in _gathered(batches):
            known, cohort = _ready(plan)
            assert isinstance(cohort, Cohort)
            frame = _frame(together)
            patients = frame.get_column(known.key)
            double = None if twice is None else patients.is_in(twice.implode()).fill_null(False).to_numpy()
            yield from _batches(in_blocks(cohort, frame, patients, double, threads=1), together[0], known.key)

    return run


def _long(plan: bytes) -> Any:
    """Rows come sorted by patient; those of the last patient wait for what follows."""

    def run(batches: Batches) -> Batches:
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(part.num_rows for part in waiting) < PIECE:
                continue
            known, screener = _ready(plan)
            assert isinstance(screener, Screener)
            frame = _frame(waiting)
            patients = frame.get_column(known.key)
            whole = patients.ne_missing(pl.Series([patients[-1]], dtype=patients.dtype))
            waiting = frame.filter(~whole).to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()
            if whole.any():
                yield from _batches(screener.screen(frame.filter(whole)), batch, known.key)
        if waiting:
            known, screener = _ready(plan)
            assert isinstance(screener, Screener)
            yield from _batches(screener.screen(_frame(waiting)), waiting[0], known.key)

    return run


def _gathered(batches: Batches) -> Iterator[list[pa.RecordBatch]]:
    """Small batches of Spark put together, about as many rows as a block has."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if waiting and sum(part.num_rows for part in waiting) + batch.num_rows > BLOCK:
            yield waiting
            waiting = []
        waiting.append(batch)
    if waiting:
        yield waiting


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    frames = [pl.DataFrame(batch) for batch in batches]
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def _batches(answers: pl.DataFrame, like: pa.RecordBatch, key: str) -> Batches:
    """Answers as Arrow in the types that Spark expects, the patient in that of its column."""
    table = answers.to_arrow(compat_level=pl.CompatLevel.oldest())
    words = pa.list_(pa.string())
    types = {pa.large_string(): pa.string(), pa.large_list(pa.large_string()): words}
    fields = [(field.name, types.get(field.type, field.type)) for field in table.schema]
    fields[0] = ("patient", like.schema.field(key).type)
    yield from table.cast(pa.schema(fields)).to_batches()


# -- on the driver ------------------------------------------------------------------------------------------


def _column(name: str) -> Column:
    from pyspark.sql.functions import col

    return col(f"`{name.replace('`', '``')}`")


def _empty(df: DataFrame) -> pl.DataFrame:
    """The columns of a frame with the types that its batches will have."""
    twice = sorted({name for name in df.columns if df.columns.count(name) > 1})
    if twice:
        raise InputError("frame", f"has two columns {twice[0]!r}", "give each column a name of its own")
    return pl.DataFrame(df.limit(0).toArrow())


def _twice(df: DataFrame, key: str) -> pl.Series | None:
    """Patients with several rows: hashes first, since they fit on the driver where names might not."""
    from pyspark.sql.functions import xxhash64

    named = df.select(_column(key).alias("patient")).where("patient IS NOT NULL")
    named = named.select("patient", xxhash64("patient").alias("hash"))
    hashes = np.sort(named.select("hash").toArrow().column(0).to_numpy())
    double = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    if not len(double):
        return None

    def chosen(batches: Batches) -> Batches:
        for batch in batches:
            yield batch.filter(pa.array(np.isin(batch.column(1).to_numpy(), double)))

    found = pl.DataFrame(named.mapInArrow(chosen, named.schema).select("patient").toArrow()).get_column("patient")
    return found.filter(found.is_duplicated()).unique()


def _schema(df: DataFrame, key: str, top: int) -> StructType:
    from pyspark.sql import types as spark

    text, number, whole = spark.StringType(), spark.DoubleType(), spark.IntegerType()
    several = spark.ArrayType(text)
    ranked = [(f"{name}_{place}", kind) for place in range(1, top + 1) for name, kind in
              (("cause", text), ("weight", number), ("score", number), ("band", text))]  # fmt: skip
    fields = [("patient", df.schema[key].dataType), ("status", text), ("severity", text), *ranked, ("margin", number),
              ("red_flags", several), ("findings_used", whole), ("findings_unrecognised", whole),
              ("rejected", several)]  # fmt: skip
    return spark.StructType([spark.StructField(name, kind) for name, kind in fields])


__all__ = ["screen"]
