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
from leukoref.assessor import assessor
from leukoref.engine.cohort import BLOCK, Cohort, in_blocks
from leukoref.engine.columnar import Bits
from leukoref.engine.intake import REASONS, Role, each_once, read, roles_of
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.patient import Observation, Patient
from leukoref.tables import as_table, patient_column

if TYPE_CHECKING:
    from leukoref.assessment import Assessment

Columns = Mapping[str, str | Mapping[str, str]]


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
    or Arrow file. ``columns`` names the unit of a column that is not in the canonical one (``{"wbc": "/uL"}``),
    or finding and unit (``{"LAB_17": {"finding": "wbc", "unit": "K/uL"}}``). ``id`` names the column of the
    patient, ``setting`` where all were seen. A value that cannot be read as meant is left out and told in
    ``rejected``; it never stops the run. Raises InputError for a frame that is no table of patients.
    """
    table, units = as_table(frame)
    stated = {**units, **(columns or {})}
    if top < 1:
        raise InputError("top", "is less than one", "ask for one cause at least")
    key = patient_column(table, id)
    roles, wide, key = _prepared(table, key, stated, knowledge)
    cohort = Cohort(assessor(knowledge), roles, top=top, setting=setting)
    patients = wide.get_column(key) if key else pl.Series("patient", np.arange(wide.height))
    return in_blocks(cohort, wide, patients, duplicates(patients), threads=threads or cores(), block=BLOCK)


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
    intake = read(row, roles, base, frozenset())
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


def _prepared(
    table: pl.DataFrame, key: str | None, stated: Columns, knowledge: Knowledge | None
) -> tuple[list[Role], pl.DataFrame, str | None]:
    """Roles and a wide frame, of a wide or a long one."""
    base = assessor(knowledge).base
    if long_frames.is_long(table):
        if key is None:
            raise InputError("frame", "is long but names no patient", "give the column of the patient as id")
        return *long_frames.widened(table, key, base), key
    return list(each_once(roles_of(table.schema, base, stated, {key} if key else set()))), table, key


def main(arguments: Sequence[str]) -> int:
    """`leukoref screen IN -o OUT`."""
    from leukoref.screen_files import main as run

    return run(arguments)


__all__ = ["REASONS", "explain", "screen", "summary"]
