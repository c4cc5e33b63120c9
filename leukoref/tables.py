"""Tables of any library as Polars frames: Polars, pandas, Arrow, and files by their extension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from leukoref.errors import InputError

PATIENT_COLUMNS = ("patient", "patient_id", "person_id", "subject_id", "id")


def as_table(frame: Any) -> tuple[pl.DataFrame, dict[str, str]]:
    """The frame, and the units that its columns' metadata name (Arrow)."""
    if isinstance(frame, pl.DataFrame):
        return frame, {}
    if isinstance(frame, (str, Path)):
        frame = scan(frame)
    if isinstance(frame, pl.LazyFrame):
        try:
            return frame.collect(), {}
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError("frame", "cannot be read", type(error).__name__) from None
    if type(frame).__module__.partition(".")[0] == "pandas":
        return _from_pandas(frame), {}
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame), _units(frame)
    raise InputError("frame", f"is a {type(frame).__name__}", "hand in a Polars, pandas or Arrow table, or a path")


def _from_pandas(frame: Any) -> pl.DataFrame:
    """With its index where that has a name; columns of mixed types as text, of which each value is read by itself."""
    named = [name for name in frame.index.names if name is not None]
    if named:
        frame = frame.reset_index(level=named)
    frame = frame.rename(columns=str)
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise InputError("frame", f"has two columns {twice[0]!r}", "give each column a name of its own")
    columns: list[pl.Series] = []
    for name in frame.columns:
        try:
            column: Any = pl.from_pandas(frame[name])
        except Exception:  # whatever Arrow says of values that have no common type
            words = [None if value is None or value != value else str(value) for value in frame[name].tolist()]
            column = pl.Series(name, words, dtype=pl.String)
        columns.append(column)
    return pl.DataFrame(columns)


def scan(path: str | Path) -> pl.LazyFrame:
    """A file as a lazy frame, by its extension. Raises InputError."""
    path = Path(path)
    if not path.exists():
        raise InputError(path.name, "no such file", "check the path")
    kind = path.suffix.lower()
    if kind in (".parquet", ".pq"):
        return pl.scan_parquet(path)
    if kind in (".csv", ".tsv"):
        separator = "," if kind == ".csv" else "\t"
        return pl.scan_csv(path, separator=separator, infer_schema_length=10_000, try_parse_dates=True)
    if kind in (".ndjson", ".jsonl"):
        return pl.scan_ndjson(path)
    if kind in (".arrow", ".ipc", ".feather"):
        return pl.scan_ipc(path)
    raise InputError(
        path.name, f"files ending in {kind or 'nothing'} are not read", "use Parquet, CSV, NDJSON or Arrow"
    )


def patient_column(frame: pl.DataFrame | pl.Schema, given: str | None) -> str | None:
    """The column that names the patient: the given one, else the first with a usual name."""
    names = list(frame.columns if isinstance(frame, pl.DataFrame) else frame)
    if given is not None:
        if given not in names:
            raise InputError("id", f"no column {given!r} in the frame", "name a column of the frame")
        return given
    return next((name for wanted in PATIENT_COLUMNS for name in names if name.lower() == wanted), None)


def _units(table: Any) -> dict[str, str]:
    schema = getattr(table, "schema", None)
    found = {}
    for field in schema or ():
        unit = (getattr(field, "metadata", None) or {}).get(b"unit")
        if unit:
            found[str(field.name)] = unit.decode()
    return found
