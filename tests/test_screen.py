"""What a cohort may look like, and what happens to rows that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import leukoref
from leukoref.cli import main
from leukoref.screen_files import screen_file
from leukoref.screening import summary

WIDE = pl.DataFrame(
    {
        "patient": ["a", "b", "c"],
        "age": [45.0, 3.0, 70.0],
        "sex": ["female", "male", None],
        "WBC": [0.9, 7.0, 2.1],
        "anc": [0.1, 4.0, 1.0],
        "fever": [True, None, False],
    }
)


def test_one_row_a_patient_in_the_order_given() -> None:
    answers = leukoref.screen(WIDE)
    assert answers["patient"].to_list() == ["a", "b", "c"]
    assert answers["status"].to_list()[0] == "leukopenia"
    assert "febrile_neutropenia" in answers["red_flags"][0]
    assert answers["findings_used"].to_list() == [3, 2, 3]
    assert answers["cause_1"][0] == leukoref.explain(WIDE, "a").candidates[0].cause


def test_lazy_frames_and_files_give_what_the_frame_gives(tmp_path: Path) -> None:
    expected = leukoref.screen(WIDE)
    WIDE.write_parquet(tmp_path / "in.parquet")
    WIDE.write_csv(tmp_path / "in.csv")
    WIDE.write_ndjson(tmp_path / "in.ndjson")
    for source in (WIDE.lazy(), tmp_path / "in.parquet", str(tmp_path / "in.csv"), tmp_path / "in.ndjson"):
        assert_frame_equal(leukoref.screen(source), expected)


def test_pandas_and_arrow_tables_give_what_the_frame_gives() -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    assert_frame_equal(leukoref.screen(WIDE.to_pandas()), leukoref.screen(WIDE))
    assert_frame_equal(leukoref.screen(WIDE.to_arrow()), leukoref.screen(WIDE))


def test_a_unit_named_for_a_column_is_converted() -> None:
    per_microlitre = WIDE.with_columns(pl.col("WBC") * 1000)
    assert_frame_equal(leukoref.screen(per_microlitre, columns={"WBC": "/uL"}), leukoref.screen(WIDE))
    renamed = WIDE.rename({"WBC": "LAB_17"})
    stated = {"LAB_17": {"finding": "wbc", "unit": "10*9/L"}}
    assert_frame_equal(leukoref.screen(renamed, columns=stated), leukoref.screen(WIDE))


def test_a_long_frame_keeps_the_newest_value_and_reads_codes() -> None:
    rows = [("a", "LOINC:6690-2", 9.0, "10*9/L", 30.0), ("a", "LOINC:6690-2", 0.9, "K/uL", 1.0)]
    frame = pl.DataFrame(rows, schema=["patient", "code", "value", "unit", "days_before"], orient="row")
    answer = leukoref.screen(frame).row(0, named=True)
    assert answer["status"] == "leukopenia"
    assert answer["status"] == leukoref.explain(frame, "a").status


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("WBC", 2100.0, "implausible"),
        ("age", 240.0, "impossible_age"),
        ("age", -1.0, "impossible_age"),
        ("sex", "robot", "unknown_sex"),
    ],
)
def test_an_impossible_value_is_left_out_and_named(column: str, value: object, reason: str) -> None:
    frame = WIDE.with_columns(pl.when(pl.col("patient") == "a").then(pl.lit(value)).otherwise(column).alias(column))
    answers = leukoref.screen(frame)
    assert answers["rejected"].to_list() == [[f"{column}: {reason}"], [], []]
    assert answers["status"][0] == "leukopenia"  # the neutrophils still tell
    assert summary(answers)["rejected"] == {reason: 1}


def test_values_that_contradict_each_other_reject_the_row_and_only_it() -> None:
    frame = WIDE.with_columns(anc=pl.Series([5.0, 4.0, 1.0]))
    answers = leukoref.screen(frame)
    assert answers["status"].to_list()[0] == "rejected"
    assert answers["rejected"][0].to_list() == ["anc_over_wbc"]
    assert answers["cause_1"][0] is None
    assert_frame_equal(answers[1:], leukoref.screen(WIDE)[1:])


def test_every_row_of_a_patient_that_comes_twice_is_rejected() -> None:
    answers = leukoref.screen(pl.concat([WIDE, WIDE[:1]]))
    assert answers["status"].to_list() == ["rejected", *leukoref.screen(WIDE)["status"][1:], "rejected"]


def test_text_in_a_number_column_rejects_that_value() -> None:
    answers = leukoref.screen(WIDE.with_columns(WBC=pl.Series(["0.9", "n/a", "2.1"])))
    assert answers["rejected"].to_list() == [[], ["WBC: not_a_number"], []]


def test_an_unknown_unit_rejects_the_column() -> None:
    answers = leukoref.screen(WIDE, columns={"WBC": "furlong"})
    assert all(row == ["WBC: unknown_unit"] for row in answers["rejected"].to_list())


def test_columns_nobody_knows_are_counted_and_empty_ones_say_nothing() -> None:
    frame = WIDE.with_columns(shoe_size=pl.Series([40, None, 42]), cough=pl.lit(None, pl.Boolean))
    answers = leukoref.screen(frame)
    assert answers["findings_unrecognised"].to_list() == [1, 0, 1]
    assert_frame_equal(answers.drop("findings_unrecognised"), leukoref.screen(WIDE).drop("findings_unrecognised"))


def test_an_empty_frame_gives_an_empty_answer_with_the_same_columns() -> None:
    empty = leukoref.screen(WIDE.clear())
    assert empty.height == 0
    assert empty.schema == leukoref.screen(WIDE).schema


def test_a_file_run_gives_the_answers_of_the_frame_and_leaves_no_parts(tmp_path: Path) -> None:
    frame = pl.concat([WIDE.with_columns(patient=pl.lit(f"{i}") + pl.col("patient")) for i in range(40)])
    frame.write_parquet(tmp_path / "in.parquet")
    seen: list[int] = []
    screen_file(tmp_path / "in.parquet", tmp_path / "out.parquet", part=50, progress=lambda done, _: seen.append(done))
    assert_frame_equal(pl.read_parquet(tmp_path / "out.parquet"), leukoref.screen(frame))
    assert seen == [50, 100, 120]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def test_a_stopped_run_goes_on_from_its_parts(tmp_path: Path) -> None:
    frame = pl.concat([WIDE.with_columns(patient=pl.lit(f"{i}") + pl.col("patient")) for i in range(40)])
    frame.write_parquet(tmp_path / "in.parquet")

    def stop(done: int, _: int) -> None:
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen_file(tmp_path / "in.parquet", tmp_path / "out.parquet", part=50, progress=stop)
    assert not (tmp_path / "out.parquet").exists()
    kept = sorted((tmp_path / "out.parquet.parts").glob("part-*.parquet"))
    before = [path.stat().st_mtime_ns for path in kept]
    assert len(kept) == 2

    def untouched(done: int, _: int) -> None:
        assert [path.stat().st_mtime_ns for path in kept] == before

    screen_file(tmp_path / "in.parquet", tmp_path / "out.parquet", part=50, progress=untouched)
    assert_frame_equal(pl.read_parquet(tmp_path / "out.parquet"), leukoref.screen(frame))


def test_the_command_writes_the_answers_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WIDE.write_csv(tmp_path / "in.csv")
    assert main(["screen", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv")]) == 0
    assert "leukopenia" in capsys.readouterr().err
    assert pl.read_csv(tmp_path / "out.csv").height == 3
    assert main(["screen", str(tmp_path / "none.csv"), "-o", str(tmp_path / "out.csv")]) == 2


def test_what_is_no_table_of_patients_is_refused_with_its_reason() -> None:
    for wrong, options in ((3, {}), (WIDE, {"id": "x"}), (WIDE, {"columns": {"x": "g/dL"}}), (WIDE, {"top": 0})):
        with pytest.raises(leukoref.InputError):
            leukoref.screen(wrong, **options)
    with pytest.raises(leukoref.InputError):
        leukoref.explain(WIDE, "z")
