"""Bulk export: patients out of scattered lines, broken lines reported, every resource accounted for."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fhir_kit import ANC, HEMOGLOBIN, NOW, drug, person, result

import leukoref
from leukoref.interop import fhir_bulk
from leukoref.interop.fhir import patient_from_bundle, patients_from_bulk


def export(folder: Path, **files: list[object]) -> Path:
    for name, resources in files.items():
        lines = [line if isinstance(line, str) else json.dumps(line) for line in resources]
        (folder / f"{name}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def about(number: int, resource: dict[str, object]) -> dict[str, object]:
    return {**resource, "id": f"{resource['id']}-{number}", "subject": {"reference": f"Patient/{number}"}}


def test_each_patient_gets_the_resources_of_all_files(tmp_path):
    export(
        tmp_path,
        Patient=[person(id="1"), person(id="2", gender="male")],
        Observation=[
            about(2, result(value=2.0)),
            about(1, result(value=1.0)),
            about(1, result(HEMOGLOBIN, 9.0, "g/dL")),
        ],
        MedicationRequest=[about(1, drug("MedicationRequest", authoredOn="2026-04-01"))],
    )
    one, two = patients_from_bulk(tmp_path, as_of=NOW)
    assert [o.finding for o in one.patient.observations] == ["hemoglobin", "wbc"]
    assert [m.name for m in one.patient.medications] == ["methimazole"]
    assert (two.patient.sex, two.patient.observations[0].value) == ("male", 2.0)


def test_a_broken_line_is_reported_with_file_and_line_and_the_rest_goes_on(tmp_path):
    lines = [
        about(1, result()),
        '{"resourceType": "Observation", "id": ',
        "[]",
        '{"id": "x"}',
        '{"resourceType": {"a": 1}, "id": "x", "subject": {"reference": "Patient/1"}}',
        about(1, result(HEMOGLOBIN, 9, "g/dL")),
    ]
    reading = patients_from_bulk(export(tmp_path, Patient=[person(id="1")], Observation=lines), as_of=NOW)
    assert len(next(reading).patient.observations) == 2
    assert [str(problem) for problem in reading.problems] == [
        "Observation.ndjson:2: broken JSON",
        "Observation.ndjson:3: no resourceType or id",
        "Observation.ndjson:4: no resourceType or id",
        "Observation.ndjson:5: no resourceType or id",
    ]


def test_dirty_files_lose_only_what_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(fhir_bulk, "LONGEST_LINE", 2000)
    good = [json.dumps(about(1, resource)).encode() for resource in (result(), result(HEMOGLOBIN, 9, "g/dL"))]
    long = json.dumps({**about(1, result(ANC, 1.0)), "note": [{"text": "x" * 5000}]}).encode()
    lines = [b"\xef\xbb\xbf" + good[0], b"", b"\xff\xfe", b"[" * 1500, long, good[1]]
    export(tmp_path, Patient=[person(id="1")])
    (tmp_path / "Observation.ndjson").write_bytes(b"\r\n".join(lines))
    (tmp_path / "Condition.ndjson.gz").write_bytes(gzip.compress(b"{}")[:12])
    export_reading = patients_from_bulk(tmp_path, as_of=NOW)
    (reading,) = export_reading
    assert {o.finding for o in reading.patient.observations} == {"wbc", "hemoglobin"}
    assert [str(problem) for problem in export_reading.problems] == [
        "Condition.ndjson.gz:0: cannot be read",
        "Observation.ndjson:3: broken JSON",
        "Observation.ndjson:4: broken JSON",
        "Observation.ndjson:5: longer than 0 MB",
    ]


@pytest.mark.parametrize("file", ["Medication", "Medication_1", "Medication.0001", "9.Medication"])
def test_medications_are_read_before_the_orders_that_point_to_them(tmp_path, file):
    order = about(
        1, drug("MedicationRequest", authoredOn="2026-04-01", medicationReference={"reference": "Medication/k"})
    )
    del order["medicationCodeableConcept"]
    substance = {"resourceType": "Medication", "id": "k", "code": {"text": "methimazole"}}
    export(tmp_path, **{"2.Patient": [person(id="1")], "1.MedicationRequest": [order], file: [substance]})
    (reading,) = patients_from_bulk(tmp_path, as_of=NOW)
    assert [m.name for m in reading.patient.medications] == ["methimazole"]


def test_every_resource_of_the_export_is_counted(tmp_path):
    reading = patients_from_bulk(
        export(
            tmp_path,
            Patient=[person(id="1")],
            Observation=[
                about(1, result()),
                about(1, result("1-8")),
                about(9, result()),
                result(id="nobody", subject={}),
            ],
            Device=[{"resourceType": "Device", "id": "d"}],
        ),
        as_of=NOW,
    )
    list(reading)
    assert reading.summary() == {
        "Device": {"used": 0, "not_relevant": 1, "rejected": 0},
        "Observation": {"used": 1, "not_relevant": 1, "rejected": 2},
        "Patient": {"used": 1, "not_relevant": 0, "rejected": 0},
    }


def test_bulk_and_bundle_read_the_same_patient(tmp_path):
    resources = [about(1, result()), about(1, result(HEMOGLOBIN, 9.0, "g/dL")), about(1, drug("MedicationRequest"))]
    export(tmp_path, Patient=[person(id="1")], Observation=resources[:2], MedicationRequest=resources[2:])
    entries = [{"resource": resource} for resource in (person(id="1"), *resources)]
    whole = patient_from_bundle({"resourceType": "Bundle", "entry": entries}, as_of=NOW)
    assert next(patients_from_bulk(tmp_path, as_of=NOW)).patient == whole.patient


def test_compressed_files_are_read_and_progress_is_told(tmp_path):
    export(tmp_path, Patient=[person(id="1")])
    with gzip.open(tmp_path / "Observation.ndjson.gz", "wt") as file:
        file.write(json.dumps(about(1, result())))
    calls: list[tuple[str, int]] = []
    (reading,) = patients_from_bulk(tmp_path, as_of=NOW, progress=lambda name, line: calls.append((name, line)))
    assert reading.patient.observations
    assert ("Observation.ndjson.gz", 1) in calls


@pytest.mark.parametrize("folder", ["missing", "."])
def test_nothing_to_read_is_an_error(tmp_path, folder):
    with pytest.raises(leukoref.InputError):
        patients_from_bulk(tmp_path / folder)


def test_an_export_that_clinosim_wrote_is_screened_without_an_error(tmp_path):
    clinosim = shutil.which("clinosim", path=str(Path(sys.executable).parent)) or shutil.which("clinosim")
    if clinosim is None:
        pytest.skip("needs the development extra clinosim")
    command = [clinosim, "simulate", "-o", str(tmp_path), "-p", "30", "-s", "3", "--format", "fhir-r4"]
    subprocess.run([*command, "--end", "2026-06-30"], check=True, capture_output=True, timeout=300)
    folder = tmp_path / "fhir_r4"
    reading = patients_from_bulk(folder)
    statuses = [leukoref.assess(patient.patient).status for patient in reading]
    assert statuses
    assert not reading.problems
    lines = (folder / "Observation.ndjson").read_bytes().count(b"\n")
    assert sum(reading.summary()["Observation"].values()) == lines
    assert reading.summary()["Observation"]["used"]
