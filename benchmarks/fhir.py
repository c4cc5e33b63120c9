"""FHIR in: bulk NDJSON against orjson alone, and a bundle against its assessment; on an export that clinosim writes.

    python benchmarks/fhir.py [FOLDER OF A BULK EXPORT]

Times are CPU seconds of one run on one core, medians of three; ratios are what carries over to another machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import orjson

import leukoref
from leukoref.assessor import assessor
from leukoref.interop.fhir import patient_from_bundle, patients_from_bulk

PEOPLE = 400
BUNDLE_SIZE = 500


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        export = Path(sys.argv[1]) if len(sys.argv) > 1 else simulated(Path(scratch))
        warm_up()
        bulk(export, Path(scratch))
        single_bundle(export)
        screening(export)


def simulated(scratch: Path) -> Path:
    clinosim = str(Path(sys.executable).parent / "clinosim")
    command = [clinosim, "simulate", "-o", str(scratch), "-p", str(PEOPLE), "-s", "42", "--format", "fhir-r4"]
    subprocess.run([*command, "--end", "2026-06-30"], check=True, capture_output=True)
    return scratch / "fhir_r4"


def warm_up() -> None:
    """Units and phenotypes are read on first need; that is paid once a process."""
    assessor().assess({"observations": [{"finding": "wbc", "value": 5000, "unit": "/uL"}]})
    leukoref.findings.match_name("a name no vocabulary has", None, assessor().base)


def bulk(export: Path, scratch: Path) -> None:
    folder = scratch / "observations"
    folder.mkdir()
    for name in ("Patient.ndjson", "Observation.ndjson"):
        (folder / name).symlink_to((export / name).resolve())
    lines = 0

    def parse() -> None:
        nonlocal lines
        lines = 0
        for name in ("Patient.ndjson", "Observation.ndjson"):
            with (folder / name).open("rb") as file:
                for line in file:
                    orjson.loads(line)
                    lines += 1

    def to_facts() -> None:
        next(patients_from_bulk(folder))  # every line is mapped before the first patient comes out

    def to_patients() -> None:
        for _ in patients_from_bulk(folder):
            pass

    parsing = timed(parse)
    print(f"bulk: {lines} resources, orjson alone {parsing:.2f} s")
    for name, job in (("facts", to_facts), ("finished patients", to_patients)):
        spent = timed(job)
        print(f"  to {name}: {spent:.2f} s, {parsing / spent:.2f} of orjson's rate, {lines / spent:,.0f} a second")


def single_bundle(export: Path) -> None:
    content = json.dumps(largest_record(export)).encode()
    document = orjson.loads(content)
    reading = patient_from_bundle(document)
    patient = reading.patient.model_copy(update={"observations": (*reading.patient.observations, low_count(reading))})
    mapping = timed(lambda: patient_from_bundle(document), 20)
    parsing, assessing = timed(lambda: orjson.loads(content), 20), timed(lambda: assessor().assess(patient), 20)
    print(f"bundle of {len(document['entry'])} resources ({len(content) / 1e3:.0f} KB):")
    print(f"  parse {1e3 * parsing:.2f} ms, map {1e3 * mapping:.2f} ms, assess {1e3 * assessing:.2f} ms")
    print(f"  mapping is {mapping / (assessing + parsing):.2f} of assessment and parsing")


def low_count(reading: Any) -> leukoref.Observation:
    """A low count of the newest time, so that the assessment has something to rank."""
    return leukoref.Observation(finding="wbc", value=1.9, unit="10*9/L", time=reading.as_of)


def largest_record(export: Path) -> dict[str, Any]:
    """The first 500 resources of the patient with the most, as one Bundle."""
    resources = [orjson.loads(line) for path in sorted(export.glob("*.ndjson")) for line in path.open("rb")]
    about = Counter(r["subject"]["reference"] for r in resources if isinstance(r.get("subject"), dict))
    subject = about.most_common(1)[0][0]
    person = next(r for r in resources if f"{r['resourceType']}/{r['id']}" == subject)
    own = [r for r in resources if isinstance(r.get("subject"), dict) and r["subject"].get("reference") == subject]
    entries = [{"resource": resource} for resource in (person, *own)][:BUNDLE_SIZE]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def screening(export: Path) -> None:
    began = time.process_time()
    export_reading = patients_from_bulk(export)
    statuses = Counter(assessor().assess(reading.patient).status for reading in export_reading)
    spent = time.process_time() - began
    print(f"screening {statuses.total()} patients: {spent:.1f} s, {dict(statuses)}, problems {export_reading.problems}")
    print("| resource | used | not relevant | rejected |\n|---|--:|--:|--:|")
    for kind, row in export_reading.summary().items():
        print(f"| {kind} | {row['used']} | {row['not_relevant']} | {row['rejected']} |")
    for (kind, outcome, reason), number in export_reading.counts.most_common():
        if kind == "Observation" or outcome == "rejected":
            print(f"  {number:7} {kind} {outcome} {reason}")


def timed(job: Callable[[], object], repeats: int = 3) -> float:
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        job()
        spent.append(time.process_time() - began)
    return median(spent)


if __name__ == "__main__":
    main()
