"""The command line on files of record systems: FHIR, HL7 v2 and phenopackets, told apart by what they hold."""

import io
import json
from pathlib import Path

import pytest
import test_hl7v2
import test_phenopackets
from fhir_kit import ANC, bundle, result

from leukoref.cli import BAD_INPUT, DONE, main

FHIR = Path(__file__).parents[1] / "examples" / "fhir" / "neutropenia-on-methimazole.json"


def test_a_bundle_is_answered_by_a_bundle_that_points_back_to_it(capsys):
    assert main(["assess", str(FHIR), "--format", "fhir"]) == DONE
    printed = capsys.readouterr()
    guidance = json.loads(printed.out)["entry"][0]["resource"]
    assert guidance["subject"] == {"reference": "Patient/example"}
    assert {"reference": "Observation/wbc"} in guidance["reasonReference"]
    assert "Observation/platelets-wrong not used: outside the possible" in printed.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.hl7", test_hl7v2.message(test_hl7v2.obx())),
        ("framed.hl7", f"\x0b{test_hl7v2.message(test_hl7v2.obx())}\x1c\r"),
        ("packet.json", json.dumps(test_phenopackets.PACKET)),
        ("bundle.json", "\ufeff" + json.dumps(bundle(result(), result(ANC, 0.4)))),
    ],
)
def test_the_kind_of_a_record_is_told_by_what_it_holds(name, content, tmp_path, capsys, monkeypatch):
    path = tmp_path / name
    path.write_text(content, "utf-8", newline="")
    assert main(["assess", str(path), "--format", "json"]) == DONE
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "leukopenia"
    assert f"{name}: " in printed.err
    assert " used" in printed.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert main(["assess", "-", "--format", "cds-hooks"]) == DONE
    (card,) = json.loads(capsys.readouterr().out)["cards"]
    assert "used" in card["detail"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"resourceType": "Bundle", "entry": []}),
        json.dumps({"proband": test_phenopackets.PACKET}),
        "MSH|^~\\&|LAB|H|||2026||ADT^A01|1|P|2.5\rPID|1||1\r",
        '{"resourceType": "Bundle", ',
    ],
)
def test_a_record_that_cannot_be_read_is_one_line_of_error(content, tmp_path, capsys):
    path = tmp_path / "record"
    path.write_text(content, "utf-8")
    assert main(["assess", str(path)]) == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("leukoref: record: ")
    assert len(printed.err.splitlines()) == 1
