"""Cohorts from file to file in bounded memory: parts on disk that a later run can go on from, then one rename.

Parquet is read in slices; other files are first written as Parquet by Polars' streaming engine. Each part is
written beside its name and renamed, so that a part that is there is whole.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from leukoref.engine.cohort import Cohort, in_blocks
from leukoref.engine.columnar import Bits
from leukoref.engine.intake import REASONS
from leukoref.engine.roles import each_once, roles_of
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.long_frames import is_long
from leukoref.patient_frames import patients_in
from leukoref.screening import Columns, checked, checked_threads, cores, screen, summary
from leukoref.tables import scan

PART = 262_144
WRITERS = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".arrow": "ipc"}
Progress = Callable[[int, int], None]


def screen_file(
    source: str | Path,
    target: str | Path,
    *,
    top: int = 3,
    id: str | None = None,
    columns: Columns | None = None,
    setting: str | None = None,
    knowledge: Knowledge | None = None,
    threads: int | None = None,
    part: int = PART,
    progress: Progress | None = None,
) -> dict[str, dict[str, int]]:
    """`screen` from a file to a file; the patients by status and the refused values by reason code.

    A run that was stopped goes on from the parts it wrote (``target`` + ``.parts``), if source, options and
    knowledge base are the same. ``progress(done, all)`` is called after each part. Long files and the patients of an
    export are read whole. Raises InputError as `screen` does, before anything is written.
    """
    from leukoref.assessor import assessor

    source, target = Path(source), Path(target)
    if target.suffix.lower() not in WRITERS:
        raise InputError(target.name, "no such output", f"use one of {', '.join(WRITERS)}")
    chosen = assessor(knowledge)
    options: dict[str, Any] = {"top": top, "setting": setting, "knowledge": knowledge, "threads": threads}
    checked_threads(threads)
    people = patients_in(source) is not None
    lazy = pl.LazyFrame() if people else scan(source)
    schema = _schema(lazy, source)
    folder = target.with_name(target.name + ".parts")
    read = f"{source.resolve()}|{source.stat().st_mtime_ns}|{chosen.base.content_hash}"
    stamp = f"{read}|{top}|{id}|{columns}|{setting}|{part}"
    if not target.parent.is_dir():
        raise InputError(str(target.parent), "no such folder", "make it first")
    totals: dict[str, Counter[str]] = {"status": Counter(), "rejected": Counter()}
    if people or is_long(pl.DataFrame(schema=schema)):
        answers = screen(source, id=id, columns=columns, **options)
        _started(folder, stamp)
        _write(answers.lazy(), folder / "part-00000.parquet", "parquet")
        _add(totals, answers)
    else:
        key = checked(pl.DataFrame(schema=schema), top, id, columns or {}, setting, chosen)
        _started(folder, stamp)
        lazy = _as_parquet(lazy, source, folder)
        roles = list(each_once(roles_of(dict(schema), chosen.base, columns or {}, {key} if key else set())))
        cohort = Cohort(chosen, roles, top=top, setting=setting)
        twice = _twice(lazy, key)
        rows = int(lazy.select(pl.len()).collect().item())
        needed = [entry.column for entry in roles] + ([key] if key else [])
        for number, start in enumerate(range(0, rows, part) or [0]):
            path = folder / f"part-{number:05}.parquet"
            if path.exists():
                answers = pl.read_parquet(path, columns=["status", "rejected"])
            else:
                frame = lazy.select(needed).slice(start, part).collect()
                patients = frame[key] if key else pl.Series("patient", range(start, start + frame.height))
                duplicate: Bits | None = None if twice is None else patients.is_in(twice).fill_null(False).to_numpy()
                answers = in_blocks(cohort, frame, patients, duplicate, threads=threads or cores())
                _write(answers.lazy(), path, "parquet")
            _add(totals, answers)
            if progress is not None:
                progress(min(start + part, rows), rows)
    parts = pl.scan_parquet(sorted(folder.glob("part-*.parquet")))
    kind = WRITERS[target.suffix.lower()]
    if kind == "csv":
        parts = parts.with_columns(pl.col("red_flags", "rejected").list.join("; "))
    _write(parts, target, kind)
    shutil.rmtree(folder)
    return {name: dict(counts) for name, counts in totals.items()}


def _schema(lazy: pl.LazyFrame, source: Path) -> pl.Schema:
    try:
        return lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(source.name, "cannot be read", type(error).__name__) from None


def _started(folder: Path, stamp: str) -> None:
    """The folder of parts; parts of another run are removed."""
    note = folder / "run.txt"
    if folder.exists() and (not note.exists() or note.read_text("utf-8") != stamp):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    note.write_text(stamp, "utf-8")


def _as_parquet(lazy: pl.LazyFrame, source: Path, folder: Path) -> pl.LazyFrame:
    if source.suffix.lower() in (".parquet", ".pq"):
        return lazy
    path = folder / "input.parquet"
    if not path.exists():
        try:
            _write(lazy, path, "parquet")
        except pl.exceptions.PolarsError as error:
            shutil.rmtree(folder)
            raise InputError(source.name, "cannot be read", type(error).__name__) from None
    return pl.scan_parquet(path)


def _twice(lazy: pl.LazyFrame, key: str | None) -> pl.Series | None:
    """Patients with more than one row: hashes first, since they fit in memory where names might not."""
    if key is None:
        return None
    hashes = lazy.select(pl.col(key).hash().alias("hash")).collect(engine="streaming")["hash"].sort()
    double = hashes.filter(hashes == hashes.shift(1)).unique()
    if double.is_empty():
        return None
    named = lazy.select(key).filter(pl.col(key).hash().is_in(double.implode()) & pl.col(key).is_not_null())
    found = named.collect(engine="streaming")[key]
    return found.filter(found.is_duplicated()).unique()


def _write(frame: pl.LazyFrame, path: Path, kind: str) -> None:
    """Beside its name first, then renamed: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        getattr(frame, f"sink_{kind}")(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _add(totals: dict[str, Counter[str]], answers: pl.DataFrame) -> None:
    for name, counts in summary(answers).items():
        totals[name].update(counts)


def main(arguments: Sequence[str]) -> int:
    """`leukoref screen IN -o OUT`: a progress bar and a summary on standard error."""
    parser = argparse.ArgumentParser(prog="leukoref screen", description="Assess a table of patients.")
    parser.add_argument(
        "source", metavar="IN", help="Parquet, CSV, NDJSON or Arrow file, wide or long; a FHIR bulk export; OMOP"
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="where the answers go, by extension")
    parser.add_argument("--top", type=int, default=3, help="how many causes a patient (3)")
    parser.add_argument("--id", help="the column that names the patient")
    parser.add_argument("--setting", help="where all patients were seen")
    parser.add_argument("--unit", action="append", default=[], metavar="COLUMN=UNIT", help="unit of a column")
    parser.add_argument("--rules", metavar="DIR", action="append", help="a folder of own rules")
    parser.add_argument("--threads", type=int, help="how many cores to use (all)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    chosen = parser.parse_args(arguments)
    units = dict(text.split("=", 1) for text in chosen.unit if "=" in text)
    if len(units) != len(chosen.unit):
        raise InputError("--unit", "is not COLUMN=UNIT", "as in --unit 'wbc=/uL'")
    from leukoref.knowledge.loader import load_knowledge

    base = load_knowledge(extra=chosen.rules) if chosen.rules else None
    bar = None if chosen.quiet or not sys.stderr.isatty() else _bar()
    found = screen_file(
        chosen.source, chosen.output, top=chosen.top, id=chosen.id, columns=units, setting=chosen.setting,
        knowledge=base, threads=chosen.threads, progress=bar,
    )  # fmt: skip
    if not chosen.quiet:
        print("; ".join(f"{name}: {count}" for name, count in found["status"].items()), file=sys.stderr)
        for reason, count in found["rejected"].items():
            print(f"refused {count}: {reason} ({REASONS.get(reason, '')})", file=sys.stderr)
    return 0


def _bar() -> Progress:
    def show(done: int, rows: int) -> None:
        share = done / rows if rows else 1.0
        end = "\n" if done >= rows else ""
        print(f"\r[{'#' * int(30 * share):<30}] {done:,} of {rows:,}", end=end, file=sys.stderr, flush=True)

    return show
