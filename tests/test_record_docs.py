"""The first lines of each page on records run as they stand."""

import json
import re
import shutil
from pathlib import Path

import pytest
import test_hl7v2
import test_omop
import test_phenopackets
from fhir_kit import person, result

ROOT = Path(__file__).parents[1]
LINES = 12  # "ten lines to run it", give or take the imports


def fhir_files(folder):
    shutil.copytree(ROOT / "examples" / "fhir", folder / "examples" / "fhir")
    (folder / "export").mkdir()
    for kind, resource in (("Patient", person()), ("Observation", result())):
        (folder / "export" / f"{kind}.ndjson").write_text(json.dumps(resource), "utf-8")


def omop_files(folder):
    connection = pytest.importorskip("duckdb").connect(str(folder / "hospital.duckdb"))
    connection.execute("CREATE SCHEMA cdm; CREATE SCHEMA vocab")

    def run(sql):
        words = sql.split(" ", 3)
        schema = "vocab" if words[2].startswith("concept") else "cdm"
        connection.execute(f"{words[0]} {words[1]} {schema}.{words[2]} {words[3]}")

    test_omop.filled(run)
    connection.close()


def hl7v2_files(folder):
    pytest.importorskip("hl7")
    (folder / "results.hl7").write_text(test_hl7v2.message(test_hl7v2.obx()), "utf-8")
    csv = re.search(r"```csv\n(.*?)```", (ROOT / "docs" / "hl7v2.md").read_text("utf-8"), re.DOTALL)
    (folder / "local-codes.csv").write_text(csv[1], "utf-8")


def phenopackets_files(folder):
    (folder / "packet.json").write_text(json.dumps(test_phenopackets.PACKET), "utf-8")


@pytest.mark.parametrize(
    ("page", "files"),
    [("fhir", fhir_files), ("omop", omop_files), ("hl7v2", hl7v2_files), ("phenopackets", phenopackets_files)],
)
def test_the_lines_of_a_page_run_as_they_stand(page, files, tmp_path, monkeypatch, capsys):
    files(tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text("utf-8"), re.DOTALL)
    for block in blocks:
        assert len(block.strip().splitlines()) <= LINES
        exec(compile(block, f"docs/{page}.md", "exec"), {})
    assert "used" in capsys.readouterr().out
