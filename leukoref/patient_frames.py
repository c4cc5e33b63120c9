"""Patients as they come from FHIR, OMOP, HL7 v2 or case files, as frames to screen: a row a patient.

Each patient is resolved as `assess` does it (names, units, dated counts, drugs with their timing); the rules and the
weighing are those of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from leukoref.engine.roles import Role
from leukoref.errors import InputError
from leukoref.findings import resolve
from leukoref.known import AGE, Findings
from leukoref.long_frames import REJECTED, UNRECOGNISED, UPPER, USED
from leukoref.patient import Patient, case_input
from leukoref.ranking import Ranker

REFUSED, CULPRIT, CONFIRMED = "_refused", "_culprit", "_confirmed"
PIECE = 16_384


def patients_in(source: Any) -> Iterator[Any] | None:
    """An iterator over patients, if the source is one, a list of them, or a folder or database that holds them."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir() and any(path.glob("*.ndjson*")):
            from leukoref.interop.fhir import patients_from_bulk

            return patients_from_bulk(path)
        if path.suffix == ".duckdb" or (path / "person.parquet").exists():
            from leukoref.interop.omop import patients_from_omop

            return iter(patients_from_omop(path))
        return None
    if not isinstance(source, Iterable) or isinstance(source, Mapping) or hasattr(source, "__arrow_c_stream__"):
        return None
    entries = iter(source)
    first = next(entries, None)
    if first is None:
        return iter(()) if isinstance(source, (list, tuple, Iterator)) else None
    if not (isinstance(first, (Patient, Mapping)) or hasattr(first, "patient")):
        return None
    return chain([first], entries)


def pieces(entries: Iterator[Any], ranker: Ranker) -> Iterator[tuple[list[Role], pl.DataFrame]]:
    """Frames of some thousand patients and the roles of their columns; one empty frame if there are none."""
    number = 0
    while True:
        piece = list(islice(entries, PIECE))
        if piece or not number:
            yield _piece(piece, number, ranker)
        number += len(piece)
        if len(piece) < PIECE:
            return


def _piece(entries: list[Any], number: int, ranker: Ranker) -> tuple[list[Role], pl.DataFrame]:
    rows: list[dict[str, Any]] = []
    presence: set[str] = set()
    measured: set[str] = set()
    for place, entry in enumerate(entries, number):
        name = getattr(entry, "subject", "") or str(place)
        row: dict[str, Any] = {"patient": name, REFUSED: False, USED: 0, UNRECOGNISED: 0, REJECTED: [],
                               CONFIRMED: []}  # fmt: skip
        rows.append(row)
        try:
            patient = getattr(entry, "patient", entry)
            if not isinstance(patient, Patient):
                patient = Patient.parse(case_input(dict(patient)))
            known = resolve(patient, ranker.base)
        except InputError as error:
            row |= {REFUSED: True, REJECTED: [f"{error.field}: refused"]}
            continue
        stated = {finding: state for finding, state in known.presence.items() if ":" not in finding}
        row |= {"sex": patient.sex, "setting": patient.setting, **_counted(known, ranker)}
        row |= {f"presence:{finding}": state for finding, state in stated.items()}
        presence.update(stated)
        for finding, quantity in known.quantities.items():
            row |= {"age": quantity.low} if finding == AGE else {
                finding: quantity.low, f"{finding}{UPPER}": quantity.high
            }  # fmt: skip
            measured.add(finding)
    roles = [Role("age", "age"), Role("sex", "sex"), Role("setting", "setting")]
    roles += [Role(name, "quantity", (name,), high=f"{name}{UPPER}", count=False) for name in sorted(measured - {AGE})]
    roles += [Role(f"presence:{name}", "presence", (name,), count=False) for name in sorted(presence)]
    schema: dict[str, Any] = {
        "patient": pl.String, "age": pl.Float64, "sex": pl.String, "setting": pl.String, REFUSED: pl.Boolean,
        USED: pl.Int32, UNRECOGNISED: pl.Int32, REJECTED: pl.List(pl.String), CULPRIT: pl.Float64,
        CONFIRMED: pl.List(pl.String),
    }  # fmt: skip
    for role in roles[3:]:
        schema |= {role.column: pl.Boolean} if role.kind == "presence" else {
            role.column: pl.Float64, role.high: pl.Float64
        }  # fmt: skip
    return roles, pl.DataFrame(rows, schema=schema, orient="row")


def _counted(known: Findings, ranker: Ranker) -> dict[str, Any]:
    best = ranker.criteria.culprits(known.exposures)
    weight = best[0][1] if best else None
    return {
        USED: known.recognised, UNRECOGNISED: len(known.unrecognized), CULPRIT: weight,
        CONFIRMED: sorted(known.confirmed),
    }  # fmt: skip
