"""FHIR bulk export: a folder of NDJSON files, one resource a line, as one reading a patient.

Resources of a patient lie scattered over the files, so every file is read before the first patient comes out;
of resources that say nothing to the vocabulary only the count is kept.
"""

from __future__ import annotations

import datetime as dt
import gc
import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from leukoref.errors import InputError
from leukoref.interop.fhir_concepts import concepts
from leukoref.interop.fhir_facts import Ledger, Outcome, Problem, local
from leukoref.interop.fhir_intake import Intake
from leukoref.interop.fhir_reading import FhirReading, read_ledger, summary
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge

Progress = Callable[[str, int], None]
LINES_BETWEEN_CALLS = 10_000
LONGEST_LINE = 20_000_000
TOO_LONG = b"{too long"  # stands for a longer line, which is not kept
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TYPE = re.compile(r"[\d._-]*([A-Za-z]+)")
# Patients and drugs first: what follows points to them.
FIRST = {"Patient": 0, "Medication": 1}


class BulkReading(Iterator[FhirReading]):
    """The patients of an export, one after another, in the order of the Patient file.

    ``problems`` lists the lines that could not be read, ``counts`` accounts for every resource of the export as
    (type, outcome, reason); both are complete once the last patient has come out.
    """

    def __init__(
        self, folder: Path, *, as_of: dt.datetime | None, base: Knowledge, progress: Progress | None = None
    ) -> None:
        if not folder.is_dir():
            raise InputError("folder", "no such folder", "give the folder of a bulk export")
        self.files = sorted((p for p in folder.iterdir() if _is_ndjson(p)), key=_file_order)
        if not self.files:
            raise InputError("folder", "holds no .ndjson file", "give the folder of a bulk export")
        as_of = as_of.replace(tzinfo=dt.UTC) if as_of is not None and as_of.tzinfo is None else as_of
        self.as_of = as_of
        self.problems: list[Problem] = []
        self.counts: Counter[tuple[str, Outcome, str]] = Counter()
        self._concepts = concepts(base)
        self._intake = Intake(self._concepts, as_of.tzinfo if as_of is not None and as_of.tzinfo else dt.UTC)
        self._ledgers: dict[str, Ledger] = {}
        self._aliases: dict[str, Ledger] = {}
        self._progress = progress
        self._readings = self._run()

    def __iter__(self) -> BulkReading:
        return self

    def __next__(self) -> FhirReading:
        return next(self._readings)

    def summary(self) -> dict[str, dict[str, int]]:
        """Resource type -> how many were used, not relevant, rejected."""
        return summary(self.counts)

    def _run(self) -> Iterator[FhirReading]:
        with _without_gc():
            for path in self.files:
                try:
                    self._read(path)
                except (OSError, EOFError) as error:
                    self.problems.append(Problem(path.name, 0, getattr(error, "strerror", None) or "cannot be read"))
        strangers = [name for name, ledger in self._ledgers.items() if not ledger.patient]
        for name in strangers:
            self._account(read_ledger(self._ledgers.pop(name), self._concepts, self.as_of, name), stranger=True)
        try:
            for name in list(self._ledgers):
                reading = read_ledger(self._ledgers.pop(name), self._concepts, self.as_of, name)
                self._account(reading)
                yield reading
        finally:
            gc.unfreeze()

    def _account(self, reading: FhirReading, *, stranger: bool = False) -> None:
        if not stranger:
            self.counts.update(reading.counts)
            self.counts["Patient", "used", "age and sex"] += 1
            return
        for (kind, _, _), number in reading.counts.items():
            self.counts[kind, "rejected", "its patient is not in the export"] += number

    def _read(self, path: Path) -> None:
        kind = _kind(path)
        if kind not in self._intake.handlers and kind not in FIRST and kind.isalpha() and kind[0].isupper():
            self.counts[kind, "not_relevant", f"{kind} is not read"] += _count_lines(path)
            return
        loads, broken = _parser()
        take, ledger_of = self._intake.take, self._ledger_of
        number = 0
        with _opened(path) as file:
            for number, line in enumerate(_lines(file), 1):
                if self._progress is not None and number % LINES_BETWEEN_CALLS == 0:
                    self._progress(path.name, number)
                try:
                    resource = loads(line)
                    found = resource["resourceType"]
                    reference = f"{found}/{resource['id']}"
                    if type(found) is not str:
                        raise TypeError
                except (broken, KeyError, TypeError, RecursionError) as error:
                    self._broken(path, number, line, error)
                    continue
                if found == "Patient":
                    self._person(reference, resource)
                elif found == "Medication":
                    self._intake.keep_medication(resource, reference)
                    self.counts["Medication", "not_relevant", "read where an order or dose points to it"] += 1
                elif (ledger := ledger_of(resource)) is not None:
                    take(resource, found, reference, ledger)
                else:
                    self.counts[found, "rejected", "does not say whom it is about"] += 1
        if self._progress is not None:
            self._progress(path.name, number)

    def _broken(self, path: Path, number: int, line: bytes, error: Exception) -> None:
        if not line.strip():
            return
        problem = "no resourceType or id" if isinstance(error, (KeyError, TypeError)) else "broken JSON"
        if line is TOO_LONG:
            problem = f"longer than {LONGEST_LINE / 1e6:.0f} MB"
        self.problems.append(Problem(path.name, number, problem))

    def _person(self, reference: str, resource: dict[str, Any]) -> None:
        ledger = self._ledgers.get(reference)
        if ledger is None:
            ledger = self._ledgers[reference] = Ledger(detailed=False)
        ledger.patient = resource

    def _ledger_of(self, resource: dict[str, Any]) -> Ledger | None:
        """The ledger of the patient a resource is about; an unknown one gets a ledger of its own."""
        subject = resource.get("subject") or resource.get("patient")
        try:
            name = subject["reference"]  # type: ignore[index]
            return self._ledgers.get(name) or self._aliases[name]
        except (KeyError, TypeError):
            pass
        if type(subject) is not dict or type(subject.get("reference")) is not str:
            return None
        name = subject["reference"]
        ledger = self._ledgers.get(local(name))
        if ledger is None:
            ledger = self._ledgers[local(name)] = Ledger(detailed=False)
        self._aliases[name] = ledger
        return ledger


def patients_from_bulk(
    folder: str | Path,
    *,
    as_of: dt.datetime | None = None,
    base: Knowledge | None = None,
    progress: Progress | None = None,
) -> BulkReading:
    """The patients of a FHIR bulk export (``*.ndjson`` or ``*.ndjson.gz``), an iterator of FhirReading.

    A broken line is listed in ``problems`` with file and line, and the rest goes on. ``progress`` is called with the
    file and the line reached. ``as_of`` as in ``patient_from_bundle``. Raises InputError when there is nothing to read.
    """
    return BulkReading(Path(folder), as_of=as_of, base=base or load_knowledge(), progress=progress)


def _parser() -> tuple[Callable[[bytes], Any], type[Exception]]:
    try:
        import orjson

        return orjson.loads, orjson.JSONDecodeError
    except ImportError:
        import json

        return json.loads, ValueError


@contextmanager
def _without_gc() -> Iterator[None]:
    """Parsed JSON has no cycles; looking for them costs a third of the time while facts pile up, and again after."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what was read so far is not looked through again
        if was_on:
            gc.enable()


def _is_ndjson(path: Path) -> bool:
    return path.is_file() and path.name.endswith((".ndjson", ".ndjson.gz"))


def _file_order(path: Path) -> tuple[int, str]:
    return FIRST.get(_kind(path), len(FIRST)), path.name


def _kind(path: Path) -> str:
    """The resource type in a file's name: Medication.ndjson, Medication_1.ndjson, 2.Medication.ndjson."""
    named = _TYPE.match(path.name)
    return named[1] if named else ""


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb", buffering=1 << 20)  # type: ignore[return-value]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, none longer than the longest line that is read."""
    line = file.readline(LONGEST_LINE).removeprefix(BYTE_ORDER_MARK)
    while line:
        if len(line) == LONGEST_LINE and line[-1:] != b"\n":
            while (rest := file.readline(1 << 20)) and rest[-1:] != b"\n":
                pass
            line = TOO_LONG
        yield line
        line = file.readline(LONGEST_LINE)


def _count_lines(path: Path) -> int:
    with _opened(path) as lines:
        return sum(1 for line in lines if len(line) > 2)
