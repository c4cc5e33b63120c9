"""Cohorts: the causes of a low count for every patient of a table, by the rules of `leukoref.assess`.

    leukoref.screen(pl.read_parquet("cohort.parquet"), columns={"WBC": "K/uL"})
    leukoref.screen_file("cohort.parquet", "answers.parquet")

A table is wide (a column a finding) or long (a row an observation); see docs/cohorts.md for both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from leukoref import long_frames
from leukoref.assessor import Assessor, assessor
from leukoref.engine.cohort import BLOCK, Cohort, in_blocks
from leukoref.engine.columnar import Bits
from leukoref.engine.intake import REASONS, read
from leukoref.engine.roles import Role, each_once, roles_of
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.patient import Observation, Patient
from leukoref.patient_frames import patients_in, pieces
from leukoref.tables import as_table, patient_column

if TYPE_CHECKING:
    from leukoref.assessment import Assessment

Columns = Mapping[str, str | Mapping[str, str]]
EMPTY = {"quantity": pl.Float64(), "age": pl.Float64(), "earlier": pl.List(pl.Float64)}
"""What a column of a role is that no patient of a piece has; the others say yes or no."""


def screen(
    frame: Any,
    *,
    top: int = 3,
    id: str | None = None,
    columns: Columns | None = None,
    setting: str | None = None,
    knowledge: Knowledge | None = None,
    threads: int | None = None,
) -> pl.DataFrame:
    """One row a patient: status, severity, the ``top`` causes with weights and bands, red flags, refused values.

    ``frame`` is a Polars frame (eager or lazy), a pandas or Arrow table, or the path of a Parquet, CSV, NDJSON
    or Arrow file; or patients: an iterable of Patient, of dicts or of readings of FHIR, OMOP and HL7 v2, the folder
    of a FHIR bulk export, a DuckDB file or Parquet folder of OMOP. ``columns`` names the unit of a column that is
    not in the canonical one (``{"wbc": "/uL"}``), or finding and unit (``{"LAB_17": {"finding": "wbc", "unit":
    "K/uL"}}``). ``id`` names the column of the patient, ``setting`` where all were seen. A value that cannot be read
    as meant is left out and told in ``rejected``; it never stops the run. Raises InputError for a frame that is no
    table of patients.
    """
    chosen = assessor(knowledge)
    checked_threads(threads)
    if (entries := patients_in(frame)) is not None:
        checked(pl.DataFrame(schema=["patient"]), top, None, {}, setting, chosen)
        screener = Screener(chosen, "patient", top=top, setting=setting)
        found = pieces(entries, chosen.ranker)
        return pl.concat([screener.wide(*piece, threads=threads or cores()) for piece in found], rechunk=False)
    table, units = as_table(frame)
    stated = {**units, **(columns or {})}
    key = checked(table, top, id, columns or {}, setting, chosen)
    if long_frames.is_long(table):
        assert key is not None
        return Screener(chosen, key, top=top, setting=setting).screen(table, threads=threads or cores())
    roles = list(each_once(roles_of(table.schema, chosen.base, stated, {key} if key else set())))
    cohort = Cohort(chosen, roles, top=top, setting=setting)
    patients = table.get_column(key) if key else pl.Series("patient", np.arange(table.height))
    return in_blocks(cohort, table, patients, duplicates(patients), threads=threads or cores(), block=BLOCK)


def explain(
    frame: Any,
    patient_id: Any,
    *,
    id: str | None = None,
    columns: Columns | None = None,
    setting: str | None = None,
    knowledge: Knowledge | None = None,
) -> Assessment:
    """The full Assessment of one patient of a frame, of the values that `screen` uses.

    Raises InputError if the patient is not in the frame, or its values contradict each other.
    """
    table, units = as_table(frame)
    chosen = assessor(knowledge)
    key = patient_column(table, id)
    if key is None:
        rows = table.slice(patient_id, 1) if isinstance(patient_id, int) and patient_id >= 0 else table.clear()
    else:
        rows = table.filter(pl.col(key).eq_missing(pl.lit(patient_id, dtype=table.schema[key])))
    if rows.is_empty():
        raise InputError("patient_id", "is not in the frame", "name a patient of the frame")
    stated = {**units, **(columns or {})}
    if key is not None and long_frames.is_long(table):
        return chosen.assess(long_frames.patient(rows, key, chosen.base, setting))
    if rows.height > 1:
        raise InputError("patient_id", "has several rows", "keep one row a patient")
    roles = list(each_once(roles_of(table.schema, chosen.base, stated, {key} if key else set())))
    return chosen.assess(patient_of(rows, roles, chosen.base, stated, setting))


def patient_of(
    row: pl.DataFrame, roles: Sequence[Role], base: Knowledge, stated: Columns, setting: str | None
) -> Patient:
    """One row of a wide frame as a Patient, without the values that are refused."""
    intake = read(row, roles, base)
    refused = {text.partition(": ")[0] for _, text in intake.rejected}
    values: dict[str, Any] = {"setting": setting}
    observations = []
    for entry in roles:
        value = row.item(0, entry.column)
        if value is None or value != value or value == "" or entry.column in refused:
            continue
        given = stated.get(entry.column, {})
        name = entry.findings[0] if entry.kind in ("quantity", "presence") else (
            entry.column if isinstance(given, str) else given.get("finding", entry.column)
        )  # fmt: skip
        if entry.kind == "age":
            values["age"] = f"{float(intake.block.age[0])!r} a"
        elif entry.kind == "sex":
            values["sex"] = {"f": "female", "m": "male", "u": "unknown"}[str(value).strip().lower()[0]]
        elif entry.kind == "setting":
            values["setting"] = str(value)
        elif entry.kind == "quantity":
            observations.append(Observation(finding=name, value=float(value), unit=entry.unit))
        else:
            present = str(value).strip().lower() in ("true", "1", "1.0")
            observations.append(Observation(finding=name, present=present))
    return Patient.parse({**values, "observations": tuple(observations)})


def summary(answers: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Patients by status, and refused values by reason code."""
    status = dict(answers.get_column("status").value_counts(sort=True).iter_rows())
    reasons = answers.get_column("rejected").explode().drop_nulls().str.split(": ").list.last()
    return {"status": status, "rejected": dict(reasons.value_counts(sort=True, name="n").iter_rows())}


def duplicates(patients: pl.Series) -> Bits | None:
    """Where a patient has more than one row."""
    if patients.n_unique() == len(patients):
        return None
    return (patients.is_duplicated() & patients.is_not_null()).to_numpy()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise InputError("threads", "is less than one", "leave it out to use all cores")


def checked(
    table: pl.DataFrame, top: int, id: str | None, columns: Columns, setting: str | None, chosen: Assessor
) -> str | None:
    """The column of the patient, None for a wide frame without one. Raises InputError for options that cannot be."""
    if top < 1:
        raise InputError("top", "is less than one", "ask for one cause at least")
    if setting is not None and not chosen.ranker.table.pretest.knows(setting):
        raise InputError("setting", "is none that the rules have prevalences for",
                         f"one of {', '.join(chosen.base.priors.settings)}")  # fmt: skip
    key = patient_column(table, id)
    if long_frames.is_long(table):
        if key is None:
            raise InputError("frame", "is long but names no patient", "give the column of the patient as id")
        if columns:
            raise InputError("columns", "is for wide frames", "a long frame has a column 'unit'")
    return key


class Screener:
    """Long tables or patients piece by piece, each with all rows of its patients; one plan, that grows if it must."""

    def __init__(self, chosen: Assessor, key: str, *, top: int, setting: str | None) -> None:
        self._chosen, self._key, self._top, self._setting = chosen, key, top, setting
        self._roles: dict[str, Role] = {}
        self._cohort: Cohort | None = None

    def screen(self, table: pl.DataFrame, *, threads: int = 1) -> pl.DataFrame:
        """One row for each patient of a piece, in the order of their first rows."""
        return self.wide(*long_frames.widened(table, self._key, self._chosen.base), threads=threads)

    def wide(self, roles: Sequence[Role], wide: pl.DataFrame, *, threads: int = 1) -> pl.DataFrame:
        """The same for a piece that has been made wide."""
        fresh = {entry.column: entry for entry in roles if entry.column not in self._roles}
        if fresh or self._cohort is None:
            self._roles = {entry.column: entry for entry in sorted((self._roles | fresh).values(), key=_place)}
            self._cohort = Cohort(self._chosen, list(self._roles.values()), top=self._top, setting=self._setting)
        missing = [entry for entry in self._roles.values() if entry.column not in wide.columns]
        nothing = [
            pl.lit(None, EMPTY.get(entry.kind, pl.Boolean())).alias(name)
            for entry in missing
            for name in (entry.column, entry.high)
            if name
        ]
        wide = wide.with_columns(nothing)
        return in_blocks(self._cohort, wide, wide.get_column(self._key), None, threads=threads, block=BLOCK)


def _place(entry: Role) -> tuple[int, str]:
    """Age, sex and setting first, as in a wide frame; an order that does not depend on the pieces."""
    kinds = ("age", "sex", "setting", "quantity", "earlier", "presence", "implied")
    return kinds.index(entry.kind), entry.column


def main(arguments: Sequence[str]) -> int:
    """`leukoref screen IN -o OUT`."""
    from leukoref.screen_files import main as run

    return run(arguments)


__all__ = ["REASONS", "explain", "screen", "summary"]
