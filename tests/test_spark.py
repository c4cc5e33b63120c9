"""Spark gives the rows of `leukoref.screen`, whatever the partitions."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import leukoref
from leukoref.knowledge.base import Knowledge

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'leukoref[spark]'")
if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
    pytest.skip("no Java: Spark needs a Java 17 runtime", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("spark")


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "50")
        .getOrCreate()
    )
    yield session
    session.stop()


def cohort(size: int = 300) -> pl.DataFrame:
    draw = np.random.default_rng(7)
    wbc = draw.gamma(2, 1.5, size).round(2)
    return pl.DataFrame(
        {
            "patient": [f"p{i}" for i in range(size)],
            "age": draw.integers(-3, 90, size).astype(float),
            "sex": draw.choice(["female", "male", "robot"], size),
            "wbc": wbc,
            "anc": (wbc * draw.random(size) * 1.2).round(2),
            "fever": pl.Series(draw.choice([1.0, 0.0, np.nan], size)).fill_nan(None).cast(pl.Boolean),
            "shoe size": draw.integers(36, 46, size),
        }
    )


def long_cohort() -> pl.DataFrame:
    wide = cohort().filter(pl.col("anc") <= pl.col("wbc")).with_columns(pl.col("fever").cast(pl.Float64))
    rows = wide.unpivot(["wbc", "anc", "fever"], index=["patient", "age", "sex"], variable_name="finding")
    unit = pl.when(pl.col("finding") == "fever").then(None).otherwise(pl.lit("10*9/L"))
    older = rows.filter(pl.col("finding") == "wbc").with_columns(value=pl.lit(9.0), days=pl.lit(30.0))
    rows = pl.concat([older, rows.with_columns(days=pl.lit(1.0))]).with_columns(unit=unit)
    return rows.rename({"days": "days_before"}).sample(fraction=1.0, shuffle=True, seed=3)


def collected(answers: Any) -> pl.DataFrame:
    return pl.DataFrame(answers.toArrow()).sort("patient", maintain_order=True)


def exchanges(answers: Any) -> int:
    """Shuffles in the plan, before it has run (after, it is told twice)."""
    plan = answers._jdf.queryExecution().executedPlan().toString()
    return int(plan.count("Exchange "))


def test_a_wide_frame_gives_the_same_rows_without_a_shuffle(spark: SparkSession) -> None:
    from leukoref.spark import screen

    frame = cohort()
    frame = pl.concat([frame, frame[5:8]])  # three patients come twice
    answers = screen(spark.createDataFrame(frame.to_pandas()).repartition(4), columns={"wbc": "K/uL"})
    expected = leukoref.screen(frame, columns={"wbc": "K/uL"})
    assert_frame_equal(collected(answers), expected.sort("patient", maintain_order=True))
    assert set(expected["status"]) == {"leukopenia", "no_leukopenia", "rejected"}
    unmoved = screen(spark.createDataFrame(frame.to_arrow()))
    assert exchanges(unmoved) == 0


def test_a_long_frame_gives_the_same_rows_with_one_shuffle(spark: SparkSession) -> None:
    from leukoref.spark import screen

    frame = long_cohort()
    answers = screen(spark.createDataFrame(frame.to_arrow()), setting="hospital_ward")
    assert exchanges(answers) == 1
    assert_frame_equal(collected(answers), leukoref.screen(frame, setting="hospital_ward").sort("patient"))


def test_long_pieces_are_cut_between_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Spark: the function of a worker on small batches, which split patients."""
    import pickle

    from leukoref import spark as ours

    frame = long_cohort().sort("patient")
    monkeypatch.setattr(ours, "PIECE", 40)
    plan = ours._Plan("patient", None, 3, None, leukoref.load_knowledge().content_hash, None)
    batches = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=7)
    found = pl.concat([pl.DataFrame(batch) for batch in ours._long(pickle.dumps(plan))(iter(batches))])
    assert_frame_equal(found, leukoref.screen(frame))


def test_own_rules_reach_the_workers(spark: SparkSession, base: Knowledge) -> None:
    from leukoref.spark import screen

    fewer = base.model_copy(update={"causes": base.causes[:5], "content_hash": "of this test"})
    frame = cohort(40)
    answers = screen(spark.createDataFrame(frame.to_arrow()), knowledge=fewer, top=2, unique=True)
    assert_frame_equal(collected(answers), leukoref.screen(frame, knowledge=fewer, top=2).sort("patient"))


def test_an_empty_frame_gives_an_empty_answer(spark: SparkSession) -> None:
    from leukoref.spark import screen

    for frame in (cohort().clear(), long_cohort().clear()):
        assert collected(screen(spark.createDataFrame(frame.to_arrow()))).is_empty()


def test_what_is_no_table_of_patients_is_refused_before_it_is_read(spark: SparkSession) -> None:
    from leukoref.spark import screen

    df = spark.createDataFrame(cohort(3).to_arrow())
    for wrong, options in ((df.drop("patient"), {}), (df, {"id": "x"}), (df, {"columns": {"x": "g/dL"}}),
                           (df, {"top": 0}), (df.select("*", "wbc"), {})):  # fmt: skip
        with pytest.raises(leukoref.InputError):
            screen(wrong, **options)  # type: ignore[arg-type]
