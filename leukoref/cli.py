"""The command `leukoref`. Exit status 0: done; 2: bad input; 1: a failure of leukoref itself.

Errors go to standard error, one line each, without a traceback and with nothing of a patient but the
field that is wrong. What a command does not need is not imported.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from leukoref.cli_base import (
    BAD_INPUT,
    DONE,
    FAILED,
    Format,
    FormatOption,
    RulesOption,
    as_json,
    commands,
    knowledge,
    out,
    print_json,
)

if TYPE_CHECKING:
    from leukoref.assessment import Assessment
    from leukoref.assessor import Assessor
    from leukoref.interop.fhir_reading import FhirReading
    from leukoref.patient import Patient

STDIN = "-"
MOST_COLUMNS = 120


class AnswerFormat(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"
    fhir = "fhir"
    cds_hooks = "cds-hooks"


class Stage(StrEnum):
    presentation = "presentation"
    all = "all"


PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    help="Candidate causes of a low white blood cell count, ranked, with evidence and sources. "
    "Supports a clinician's judgment, never replaces it.",
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    command = typer.main.get_command(app)
    try:
        status = command.main(args=arguments, prog_name="leukoref", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        return _failure(error)
    return status if isinstance(status, int) else DONE


def _failure(error: Exception) -> int:
    """One line an error. What is neither bad input nor a known failure tells its kind only: its message may
    repeat what was handed in."""
    from leukoref.errors import InputError, KnowledgeError, LeukorefError

    if hasattr(error, "format_message"):  # a usage error, of whichever click typer carries
        return _complain(f"{error.format_message()} See `leukoref --help`.")
    if isinstance(error, (InputError, KnowledgeError)):
        return _complain(*str(error).splitlines())
    if isinstance(error, LeukorefError):
        return _complain(str(error), status=FAILED)
    if os.environ.get("LEUKOREF_DEBUG"):
        raise error
    return _complain(f"internal error ({type(error).__name__}); LEUKOREF_DEBUG=1 shows where", status=FAILED)


def _complain(*lines: str, status: int = BAD_INPUT) -> int:
    from leukoref.render.citations import plain

    for line in lines:
        print(f"leukoref: {plain(line)}", file=sys.stderr)
    return status


app.add_typer(commands)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from leukoref import __version__

        print(__version__)
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(BAD_INPUT)


# -- assess -------------------------------------------------------------------------------------------------


@app.command()
def assess(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Patients as JSON files, FHIR, HL7 v2 or phenopackets; - is standard input."
        ),
    ],
    format: Annotated[AnswerFormat, typer.Option("--format", help="How to print.")] = AnswerFormat.text,
    top: Annotated[int, typer.Option("--top", min=0, help="How many candidates to show in full.")] = 5,
    rules: RulesOption = None,
) -> None:
    """Rank the causes of a patient's low white cell count.

    Several files with a JSON format give one document a line, in the order of the files. What became of each part of a
    record is said on standard error.
    """
    from leukoref.assessor import assessor
    from leukoref.errors import InputError

    chosen = assessor(knowledge(rules) if rules else None)
    answers: list[Answered] = []
    status = DONE
    for file in files:
        name = "standard input" if file == STDIN else Path(file).name
        try:
            patient, reading = _patient(file, name, chosen)
            answers.append(Answered(name, chosen.assess(patient), reading))
        except InputError as error:
            status = _complain(str(error) if error.field == name else f"{name}: {error}")
    if answers:
        sys.stdout.write(_written(answers, format, top, single=len(files) == 1, chosen=chosen))
    raise typer.Exit(status)


class Answered(NamedTuple):
    """The answer to one file, and the account of the record it was read from."""

    name: str
    answer: Assessment
    reading: FhirReading | None = None


def _patient(file: str, name: str, chosen: Assessor) -> tuple[Patient, FhirReading | None]:
    from leukoref.interop.files import account, record_in
    from leukoref.patient import MAX_FILE_BYTES, Patient, case_input, parse_json, read_bytes

    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if file == STDIN else read_bytes(file)
    if (reading := record_in(content, name, chosen.base)) is None:
        return Patient.parse(case_input(parse_json(content, name))), None
    _complain(*(f"{name}: {line}" for line in account(reading)))
    return reading.patient, reading


def _written(answers: list[Answered], format: AnswerFormat, top: int, *, single: bool, chosen: Assessor) -> str:
    if format is AnswerFormat.html:
        from leukoref.render.html import page

        return page(answer.to_html(top=top) for _, answer, _ in answers)
    if format in (AnswerFormat.text, AnswerFormat.markdown):
        parts = []
        for name, answer, _ in answers:
            text = answer.to_markdown(top=top) if format is AnswerFormat.markdown else _text(answer, top)
            parts.append(text if single else f"== {name} ==\n\n{text}")
        return "\n".join(parts)
    return "".join(as_json(_document(one, format, top, chosen), compact=not single) for one in answers)


def _document(one: Answered, format: AnswerFormat, top: int, chosen: Assessor) -> Any:
    if format in (AnswerFormat.fhir, AnswerFormat.cds_hooks):
        from importlib import import_module

        writer = import_module(f"leukoref.interop.{format.name}")
        return writer.write(one.answer, one.reading, base=chosen.base, top=top)
    return one.answer.to_dict()


def _text(answer: Assessment, top: int) -> str:
    terminal = sys.stdout.isatty()
    width = min(shutil.get_terminal_size((100, 24)).columns, MOST_COLUMNS) if terminal else 100
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return answer.to_text(top=top, width=width, color=color)


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of case files.")],
    stage: Annotated[Stage, typer.Option("--stage", help="What of each case is used.")] = Stage.presentation,
    format: FormatOption = Format.text,
    doc: Annotated[
        Path | None, typer.Option("--doc", metavar="FILE", help="Write the report to a file as well.")
    ] = None,
    check: Annotated[
        list[Path] | None, typer.Option("--check", metavar="DIR", help="Cases kept apart, for a table of their own.")
    ] = None,
    rules: RulesOption = None,
) -> None:
    """Rank published cases: how often the diagnosis is found."""
    from leukoref.errors import InputError
    from leukoref.evaluation import evaluate as evaluation_of

    for given in (folder, *(check or ())):
        if not any(given.glob("*.json")):
            raise InputError(given.name or str(given), "holds no case files", "give a folder of *.json cases")
    result = evaluation_of(folder, stage.value, knowledge(rules) if rules else None, check or ())
    if doc is not None:
        doc.write_text(result.report(), "utf-8")
    if format is Format.json:
        return print_json(result.to_dict())
    return out(result.render())


@app.command(context_settings=PASS_ON, add_help_option=False)
def serve(context: typer.Context) -> None:
    """Serve assessments over HTTP (extra `service`)."""
    raise typer.Exit(_delegate("leukoref.interop.service", "service", context.args))


@app.command(context_settings=PASS_ON, add_help_option=False)
def screen(context: typer.Context) -> None:
    """Assess a table of patients, one row each."""
    raise typer.Exit(_delegate("leukoref.screening", "cohort", context.args))


def _delegate(module: str, extra: str, arguments: list[str]) -> int:
    """Hand the rest of the command line to the `main` of a module that an extra may be needed for."""
    from importlib import import_module

    try:
        run = import_module(module).main
    except ImportError as error:
        missing = error.name or module
        return _complain(f"{missing} is not installed; pip install 'leukoref[{extra}]'")
    return int(run(arguments) or DONE)


if __name__ == "__main__":
    sys.exit(main())
