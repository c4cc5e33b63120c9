"""The command line: what it prints, where errors go, and that they say nothing of a patient."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sound_base import CAUSE, CAUSE_FILE, SOUND, write

from leukoref.cli import BAD_INPUT, DONE, FAILED, main

CASES = Path(__file__).parents[1] / "examples" / "cases"
COPPER = str(CASES / "copper_deficiency-1.json")
SECRET = "Erika Mustermann"


@pytest.fixture
def patient(tmp_path: Path):
    """Writes a patient file and returns its path."""

    def write(name: str = "patient.json", content: str | None = None, **fields: object) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(fields) if content is None else content, "utf-8")
        return str(path)

    return write


def observed(finding: str, value: float, unit: str) -> dict[str, object]:
    return {"finding": finding, "value": value, "unit": unit}


LOW = [observed("WBC", 1.2, "10*9/L"), observed("ANC", 0.3, "10*9/L")]


# -- assess -----------------------------------------------------------------------------------------------------


def test_a_case_gives_ranked_causes_with_status_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", COPPER]) == DONE
    printed = capsys.readouterr()
    assert "Copper deficiency" in printed.out
    assert "Sources" in printed.out
    assert printed.err == ""


def test_json_is_the_assessment_itself(capsys: pytest.CaptureFixture[str], patient) -> None:
    assert main(["assess", patient(age="45 a", sex="female", observations=LOW), "--format", "json"]) == DONE
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "leukopenia"
    assert answer["candidates"][0]["rank"] == 1
    assert {"supports", "against", "missing", "band", "weight"} <= set(answer["candidates"][0])


def test_several_files_give_one_json_document_a_line_in_order(capsys: pytest.CaptureFixture[str], patient) -> None:
    normal = [observed("WBC", 6.8, "10*9/L"), *(observed(n, 2.5, "10*9/L") for n in ("ANC", "ALC")),
              observed("absolute monocyte count", 0.5, "10*9/L")]  # fmt: skip
    files = [patient("a.json", observations=LOW), patient("b.json", observations=normal)]
    assert main(["assess", *files, "--format", "json"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["leukopenia", "no_leukopenia"]


def test_standard_input_is_read_for_a_dash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps({"observations": LOW}).encode())))
    assert main(["assess", "-", "--format", "json"]) == DONE
    assert json.loads(capsys.readouterr().out)["status"] == "leukopenia"


@pytest.mark.parametrize(("format", "beginning"), [("html", "<!DOCTYPE html>"), ("markdown", "# "), ("text", "Cand")])
def test_each_format_for_reading(capsys: pytest.CaptureFixture[str], format: str, beginning: str) -> None:
    assert main(["assess", COPPER, "--format", format, "--top", "2"]) == DONE
    assert capsys.readouterr().out.startswith(beginning)


def test_one_bad_file_among_good_ones_is_one_line_and_the_good_are_answered(
    capsys: pytest.CaptureFixture[str], patient
) -> None:
    good, bad = patient("good.json", observations=LOW), patient("bad.json", content="{")
    assert main(["assess", bad, good, "--format", "json"]) == BAD_INPUT
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert "bad.json" in printed.err
    assert len(printed.out.splitlines()) == 1


BAD = {
    "no unit": {"observations": [{"finding": "WBC", "value": 2.1}]},
    "unknown unit": {"observations": [observed("WBC", 2.1, "furlong")]},
    "wrong dimension": {"observations": [observed("WBC", 2.1, "g/dL")]},
    "implausible": {"observations": [observed("WBC", 2100, "10*9/L")]},
    "negative": {"observations": [observed("WBC", -1, "10*9/L")]},
    "a number as text": {"observations": [{"finding": "WBC", "value": "2.1", "unit": "10*9/L"}]},
    "ANC above WBC": {"observations": [observed("WBC", 1.0, "10*9/L"), observed("ANC", 3.0, "10*9/L")]},
    "present and absent": {
        "observations": [{"finding": "fever", "present": True}, {"finding": "fever", "present": False}]
    },
    "age without unit": {"age": 45},
    "impossible age": {"age": "300 a"},
    "unknown field": {"insurance": SECRET},
    "stop before start": {"medications": [{"name": "methimazole", "days_before": 3, "stopped_days_before": 9}]},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_status_two_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str], patient, fields: dict[str, object]
) -> None:
    assert main(["assess", patient(**fields)]) == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("leukoref: patient.json: ")
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    "content",
    ["", "  \n", "{", "[]", "[" * 1000 + "]" * 1000, '{"a": 1, "a": 2}', '{"age": NaN}', '{"observations": 3}'],
    ids=["empty", "blank", "broken", "a list", "deep", "duplicate key", "NaN", "no list"],
)
def test_a_file_that_is_no_patient_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], patient, content: str
) -> None:
    assert main(["assess", patient(content=content)]) == BAD_INPUT
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_in_another_encoding_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes('{"setting": "Übergang"}'.encode("latin-1"))
    assert main(["assess", str(path)]) == BAD_INPUT
    assert "UTF-8" in capsys.readouterr().err


def test_an_error_names_the_field_and_nothing_else_of_the_patient(capsys: pytest.CaptureFixture[str], patient) -> None:
    other = [{"finding": "HIV infection", "present": True, "text": SECRET}, observed("WBC", 2.1, "furlong")]
    assert main(["assess", patient(age="45 a", observations=other)]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "furlong" in error
    assert SECRET not in error
    assert "HIV" not in error


def test_a_field_with_escape_sequences_and_line_breaks_stays_one_plain_line(
    capsys: pytest.CaptureFixture[str], patient
) -> None:
    assert main(["assess", patient(**{"x\x1b[31m\ny": 1})]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert len(error.splitlines()) == 1


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", "/nowhere/nobody.json"]) == BAD_INPUT
    assert capsys.readouterr().err.startswith("leukoref: nobody.json: ")


def test_a_failure_of_leukoref_itself_tells_its_kind_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.delenv("LEUKOREF_DEBUG", raising=False)
    monkeypatch.setattr("leukoref.assessor.Assessor.assess", fail)
    assert main(["assess", COPPER]) == FAILED
    error = capsys.readouterr().err
    assert "RuntimeError" in error
    assert SECRET not in error


# -- usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["assess"], ["assess", COPPER, "--format", "pdf"], ["asess", COPPER], ["assess", COPPER, "--top", "-1"], ["--no"]],
)
def test_a_mistaken_command_line_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == DONE
    assert "assess" in capsys.readouterr().out
    assert main(["--version"]) == DONE
    assert capsys.readouterr().out.strip()


def test_help_does_not_load_what_it_does_not_need() -> None:
    code = (
        "import sys, leukoref.cli; leukoref.cli.main(['--help']); "
        "sys.exit(any(m in sys.modules for m in ('rich', 'polars', 'matplotlib', 'numpy', 'durable')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_text_into_a_pipe_has_no_colour_and_a_closed_pipe_is_no_error() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "leukoref.cli", "assess", COPPER], capture_output=True, check=False,
        env={**os.environ, "FORCE_COLOR": "1"},
    )  # fmt: skip
    assert run.returncode == DONE
    assert b"\x1b" not in run.stdout
    shell = f'"{sys.executable}" -m leukoref.cli sources | head -n 1'
    closed = subprocess.run(shell, shell=True, capture_output=True, check=False)
    assert closed.stderr == b""


def test_output_is_utf8_whatever_the_locale() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "leukoref.cli", "sources", "--format", "json"], capture_output=True, check=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert not json.dumps(json.loads(run.stdout.decode("utf-8")), ensure_ascii=False).isascii()


# -- the knowledge base ---------------------------------------------------------------------------------------------


def test_causes_lists_every_cause_with_its_mechanisms_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "--format", "json"]) == DONE
    listed = json.loads(capsys.readouterr().out)
    assert {"id", "name", "mechanisms", "statements", "sources"} == set(listed[0])
    assert "aplastic_anemia" in {row["id"] for row in listed}
    assert all(isinstance(row["statements"], int) and isinstance(row["sources"], list) for row in listed)


def test_a_cause_is_shown_by_id_and_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "aplastic_anemia"]) == DONE
    by_id = capsys.readouterr().out
    assert main(["causes", by_id.splitlines()[0].removeprefix("# ").replace("\\", "")]) == DONE
    assert capsys.readouterr().out == by_id


def test_an_unknown_cause_is_refused_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "copper"]) == BAD_INPUT
    assert "did you mean copper_deficiency" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["anc", "ANC", "absolute neutrophil count", "LOINC:751-8"])
def test_a_finding_is_shown_by_id_abbreviation_name_and_code(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["findings", name, "--format", "json"]) == DONE
    shown = json.loads(capsys.readouterr().out)
    assert shown["id"] == "anc"
    assert shown["unit"] == "10*9/L"


def test_the_vocabulary_is_listed_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings"]) == DONE
    text = capsys.readouterr().out
    assert main(["findings", "--format", "json"]) == DONE
    assert len(json.loads(capsys.readouterr().out)) == len(text.splitlines()) - 1


def test_an_unknown_finding_is_refused_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "splenomegally"]) == BAD_INPUT
    assert "splenomegaly" in capsys.readouterr().err


def test_sources_print_one_reference_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources"]) == DONE
    assert "https://doi.org/" in capsys.readouterr().out


def test_rules_of_a_site_are_laid_over_the_base_and_named_in_the_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, patient
) -> None:
    rules = tmp_path / "site"
    rules.mkdir()
    tests = "tests:\n  - {id: history, name: history taken at our clinic, burden: 0}\n"
    (rules / "tests.yaml").write_text(tests, "utf-8")
    file = patient(observations=LOW)
    assert main(["assess", file, "--rules", str(rules), "--format", "json"]) == DONE
    assert json.loads(capsys.readouterr().out)["provenance"]["overrides"] == ["site: replaces tests history"]
    assert main(["assess", file, "--rules", str(tmp_path / "missing")]) == BAD_INPUT
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_lint_of_a_broken_rule_file_says_where(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "causes").mkdir()
    (tmp_path / "causes" / "broken.yaml").write_text("id: x\nname: [", "utf-8")
    assert main(["lint", str(tmp_path), "--format", "json"]) == BAD_INPUT
    assert any("broken.yaml" in complaint["file"] for complaint in json.loads(capsys.readouterr().out))


def test_lint_marks_errors_and_warnings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {**SOUND, CAUSE_FILE: CAUSE.replace("  - {id: c,", "  # - {id: c,").replace("mimics: [", "mimics: [gout, ")}
    assert main(["lint", str(write(tmp_path, files))]) == BAD_INPUT
    error, warning, total = capsys.readouterr().out.splitlines()
    assert error.startswith(f"{CAUSE_FILE}:")
    assert (error[-8:], warning[-10:], total) == (" (error)", " (warning)", "1 errors, 1 warnings")


def test_evaluate_prints_recall_and_writes_its_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for name in ("case.json", "kept/case.json"):
        (tmp_path / name).write_bytes(Path(COPPER).read_bytes())
    options = ["--format", "json", "--doc", str(tmp_path / "report.md"), "--check", str(tmp_path / "kept")]
    assert main(["evaluate", str(tmp_path), *options]) == DONE
    figures = json.loads(capsys.readouterr().out)
    assert figures["cases"] == 1
    assert {"top1", "top3", "top5", "mrr", "recognised", "per_case"} <= set(figures)
    assert figures["checks"][0]["figures"]["cases"] == 1
    assert "| kept " in (tmp_path / "report.md").read_text("utf-8")


def test_evaluate_of_a_folder_without_cases_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["evaluate", str(tmp_path)]) == BAD_INPUT
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_schemas_are_listed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == DONE
    name = capsys.readouterr().out.split()[0]
    assert main(["schema", name]) == DONE
    assert "$schema" in json.loads(capsys.readouterr().out)
    assert main(["schema", "nothing"]) == BAD_INPUT
