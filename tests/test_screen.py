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


def test_a_command_that_cannot_be_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.csv").write_text('patient,wbc\n"x')
    (tmp_path / "no.parquet").write_text("no parquet")
    WIDE.write_csv(tmp_path / "in.csv")
    before = sorted(tmp_path.iterdir())
    out = str(tmp_path / "out.csv")
    for source, options in (("broken.csv", []), ("no.parquet", []), ("in.csv", ["--threads", "0"]),
                            ("in.csv", ["--setting", "mars"]), ("in.csv", ["--top", "0"])):  # fmt: skip
        assert main(["screen", str(tmp_path / source), "-o", out, *options]) == 2
    assert main(["screen", str(tmp_path / "in.csv"), "-o", str(tmp_path / "none" / "out.csv")]) == 2
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_table_of_patients_is_refused_with_its_reason() -> None:
    for wrong, options in ((3, {}), (WIDE, {"id": "x"}), (WIDE, {"columns": {"x": "g/dL"}}), (WIDE, {"top": 0})):
        with pytest.raises(leukoref.InputError):
            leukoref.screen(wrong, **options)
    with pytest.raises(leukoref.InputError):
        leukoref.explain(WIDE, "z")


# -- patients instead of a table ---------------------------------------------------------------------------


def test_patients_with_drugs_and_dated_counts_give_what_assess_gives(case_files: list[Path]) -> None:
    found = [leukoref.Patient.from_file(path) for path in case_files]
    answers = leukoref.screen(found, top=5)
    assert answers.height == len(found)
    for answer, patient in zip(answers.iter_rows(named=True), found, strict=True):
        expected = leukoref.assess(patient)
        assert answer["status"] == expected.status
        assert answer["red_flags"] == [flag.id for flag in expected.red_flags]
        shown = expected.candidates[:5]
        assert [answer[f"cause_{i}"] for i in range(1, len(shown) + 1)] == [c.cause for c in shown]
        assert [answer[f"score_{i}"] for i in range(1, len(shown) + 1)] == pytest.approx(
            [c.score for c in shown], abs=2e-6
        )


def test_a_bulk_export_is_screened_by_the_names_of_its_patients(tmp_path: Path) -> None:
    from leukoref.interop.fhir import patients_from_bulk

    (tmp_path / "Patient.ndjson").write_text('{"resourceType": "Patient", "id": "p", "gender": "female"}\n')
    count = (
        '{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},'
        ' "code": {"coding": [{"system": "http://loinc.org", "code": "6690-2"}]}, "effectiveDateTime": "2026-01-02",'
        ' "valueQuantity": {"value": 1.1, "system": "http://unitsofmeasure.org", "code": "10*3/uL"}}\n'
    )
    (tmp_path / "Observation.ndjson").write_text(count)
    for source in (tmp_path, str(tmp_path), patients_from_bulk(tmp_path)):
        assert leukoref.screen(source).row(0)[1] == "leukopenia"
    out = tmp_path / "answers.csv"
    assert main(["screen", str(tmp_path), "-o", str(out), "--quiet"]) == 0
    assert pl.read_csv(out)["status"].to_list() == ["leukopenia"]


def test_a_patient_whom_assess_refuses_is_rejected_and_nobody_else() -> None:
    sound = {"observations": [{"finding": "WBC", "value": 1.0, "unit": "K/uL"}]}
    wrong = {"observations": [{"finding": "WBC", "value": 1.0, "unit": "K/uL"}], "age": "240 a"}
    answers = leukoref.screen([sound, wrong, sound])
    assert answers["status"].to_list() == ["leukopenia", "rejected", "leukopenia"]
    assert answers["rejected"][1].to_list()[-1] == "refused_patient"
    assert leukoref.screen([]).schema == answers.schema


# -- what new users hand in --------------------------------------------------------------------------------


def test_the_named_index_of_a_pandas_table_is_kept_and_mixed_columns_are_read_value_by_value() -> None:
    pd = pytest.importorskip("pandas")
    answers = leukoref.screen(WIDE.to_pandas().set_index("patient"))
    assert answers["patient"].to_list() == ["a", "b", "c"]
    mixed = pd.DataFrame({"patient": ["a", "b"], "WBC": [0.9, "clotted"], "fever": [True, "maybe"]}, dtype=object)
    answers = leukoref.screen(mixed)
    assert answers["status"].to_list() == ["leukopenia", "insufficient_data"]
    assert answers["rejected"][1].to_list() == ["WBC: not_a_number", "fever: not_true_or_false"]


def test_mixed_units_in_a_column_are_implausible_where_they_do_not_fit_and_read_one_by_one_in_long_frames() -> None:
    answers = leukoref.screen(pl.DataFrame({"patient": [1, 2, 3], "WBC": [2.0, 1900.0, -1.0]}))
    assert answers["rejected"].to_list() == [[], ["WBC: implausible"], ["WBC: implausible"]]
    rows = pl.DataFrame({"patient": [1, 2, 3], "finding": "WBC", "value": [2.0, 1900.0, 2.0],
                         "unit": ["K/uL", "/uL", "furlong"]})  # fmt: skip
    answers = leukoref.screen(rows)
    assert answers["status"].to_list() == ["leukopenia", "leukopenia", "insufficient_data"]
    assert answers["rejected"].to_list() == [[], [], ["WBC: unknown_unit"]]


def test_rows_of_a_long_frame_may_come_in_any_order_with_times_as_text() -> None:
    rows = pl.DataFrame({
        "patient": "a", "finding": ["WBC", "WBC", "fever", "WBC", "cough"], "value": [9.0, 0.9, None, 0.5, None],
        "unit": ["K/uL", "K/uL", None, "K/uL", None], "present": [None, None, "true", None, "yes"],
        "time": ["2025-11-01", "2026-01-02T08:00:00Z", None, "yesterday", None], "age": [44, 45, 45, 44, 44],
    })  # fmt: skip
    answer = leukoref.screen(rows)
    assert answer["status"].to_list() == ["leukopenia"]
    assert answer["rejected"].to_list() == [["WBC: unknown_time", "cough: not_true_or_false"]]
    assert_frame_equal(leukoref.screen(rows.reverse()), answer)


def test_a_setting_nobody_knows_is_told_and_an_option_that_cannot_be_is_refused() -> None:
    settings = WIDE.with_columns(setting=pl.Series(["mars", "emergency", None]))
    assert leukoref.screen(settings)["rejected"].to_list() == [["setting: unknown_setting"], [], []]
    for options in ({"setting": "mars"}, {"threads": 0}, {"columns": {"WBC": None}}, {"columns": {"WBC": {"x": "y"}}},
                    {"columns": {"WBC": {"finding": "florp"}}}):  # fmt: skip
        with pytest.raises(leukoref.InputError):
            leukoref.screen(WIDE, **options)  # type: ignore[arg-type]
    long = pl.DataFrame({"patient": [1], "finding": ["fever"], "present": [True]})
    with pytest.raises(leukoref.InputError):
        leukoref.screen(long, columns={"finding": "g/dL"})


def test_text_and_units_agree_between_age_columns_and_age_findings() -> None:
    rows = pl.DataFrame({"patient": ["a", "a"], "finding": ["WBC", "age"], "value": [2.0, 40.0], "unit": ["K/uL", "a"],
                         "age": ["3 wk", "3 wk"]})  # fmt: skip
    assert "neonatal_neutropenia" in leukoref.screen(rows)["red_flags"][0]


def test_what_a_name_denies_counts_in_wide_and_long_frames_as_in_an_assessment() -> None:
    wide = pl.DataFrame({
        "patient": ["a", "b"], "age": [30.0, 5.0], "WBC": [2.0, 1.5], "anicteric": [True, None],
        "non-consanguineous parents": [True, True], "abnormal immunoglobulins": [False, None], "jaundice": [None, True],
    })  # fmt: skip
    said = wide.drop("WBC", "age").unpivot(index="patient", variable_name="finding", value_name="present").drop_nulls()
    measured = wide.select("patient", finding=pl.lit("WBC"), value="WBC", unit=pl.lit("10*9/L"))
    long = pl.concat([measured, said], how="diagonal").join(wide.select("patient", "age"), on="patient")
    kept = ("patient", "cause_1", "weight_1", "margin")
    assert leukoref.screen(long).select(kept).sort("patient").equals(leukoref.screen(wide).select(kept))
    for answer in leukoref.screen(wide).iter_rows(named=True):
        expected = leukoref.explain(wide, answer["patient"]).candidates[0]
        assert (answer["cause_1"], answer["weight_1"]) == (expected.cause, pytest.approx(expected.weight, abs=1e-6))


def test_what_was_there_before_and_lasts_counts_in_long_frames_as_in_an_assessment() -> None:
    said = [("AIDS", "earlier"), ("neutropenia", "earlier"), ("normal blood counts", "earlier"), ("fever", "earlier"),
            ("rash", None)]  # fmt: skip
    counts = [
        ("b", "WBC", 3.0, "10*9/L", None, None), ("b", "neutrophils percent", 0, "%", None, None),
        ("b", "WBC", 7.0, "10*9/L", "earlier", 90.0), ("b", "ANC", 1.0, "10*9/L", "earlier", None),
        ("c", "WBC", 3.0, "10*9/L", None, None), ("c", "WBC", 7.0, "10*9/L", "earlier", 90.0),
        ("c", "WBC", 1.0, "10*9/L", "earlier", 3.0), ("d", "neutrophils percent", 0, "%", None, None),
    ]  # fmt: skip
    rows = pl.DataFrame([
        {"patient": "a", "age": 30.0, "finding": "WBC", "value": 1.5, "unit": "10*9/L"},
        *({"patient": "a", "age": 30.0, "finding": name, "present": True, "when": when} for name, when in said),
        *({"patient": patient, "finding": name, "value": value, "unit": unit, "when": when, "days_before": days}
          for patient, name, value, unit, when, days in counts),
    ], infer_schema_length=None)  # fmt: skip
    for answer in leukoref.screen(rows).iter_rows(named=True):
        expected = leukoref.explain(rows, answer["patient"]).candidates[0]
        assert (answer["cause_1"], answer["weight_1"]) == (expected.cause, pytest.approx(expected.weight, abs=1e-6))
    answer = leukoref.screen(rows).row(0, named=True)
    without = leukoref.screen(rows.filter(pl.col("finding") != "AIDS")).row(0, named=True)
    assert without["weight_1"] != answer["weight_1"]
