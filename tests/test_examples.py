"""The examples run as they stand: script, tested integration, notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = ("walkthrough", "cohort")


def test_the_script_prints_what_cannot_wait_first() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / "assess_script.py")], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("RED FLAG")
    assert "drug-induced" in run.stdout
    assert "Not recognised" not in run.stdout


def test_the_integration_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "/dev/null", "."]
    run = subprocess.run(command, cwd=EXAMPLES / "integration", capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.fixture(scope="module", params=NOTEBOOKS)
def executed(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    notebook = nbformat.read(EXAMPLES / f"{request.param}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": EXAMPLES}}).execute()
    return notebook


def test_the_notebook_runs_and_shows_html_a_table_and_a_figure(executed: nbformat.NotebookNode) -> None:
    shown = {kind for cell in executed.cells for output in cell.get("outputs", ()) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= shown
    assert not any(output.output_type == "error" for cell in executed.cells for output in cell.get("outputs", ()))


def test_the_cohort_script_names_what_it_refuses() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / "screen_cohort.py")], capture_output=True, text=True, check=True
    )
    assert "implausible" in run.stdout


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebooks_are_kept_without_outputs(name: str) -> None:
    stored = json.loads((EXAMPLES / f"{name}.ipynb").read_text("utf-8"))
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in stored["cells"])
