"""Commands that show and check the knowledge base, and what all commands share: options and printing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from leukoref.knowledge.base import Knowledge
    from leukoref.knowledge.vocabulary import Finding

DONE, FAILED, BAD_INPUT = 0, 1, 2


class Format(StrEnum):
    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="DIR", help="A folder of your own rules, laid over the packaged base. Repeatable."),
]

commands = typer.Typer()


@commands.command()
def causes(
    cause: Annotated[str | None, typer.Argument(metavar="[ID]", help="A cause by id or name.")] = None,
    format: FormatOption = Format.text,
    rules: RulesOption = None,
) -> None:
    """List the causes, or show one with its evidence."""
    base = knowledge(rules)
    if cause is not None:
        from leukoref.knowledge.names import normalise

        wanted = base.cause.get(cause) or next((c for c in base.causes if normalise(c.name) == normalise(cause)), None)
        if wanted is None:
            raise unknown("cause", cause, [*base.cause, *(c.name for c in base.causes)], "causes")
        if format is Format.json:
            return print_json(wanted.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        from leukoref.knowledge.evidence import EvidenceTable
        from leukoref.render.cause_page import render

        return out(render(wanted, base, EvidenceTable(base)))
    from leukoref.knowledge.base import all_statements

    listed = sorted(base.causes, key=lambda entry: (entry.mechanisms, entry.id))
    cited = {entry.id: sorted({statement.source for statement in all_statements(entry)}) for entry in listed}
    if format is Format.json:
        return print_json([
            {
                "id": entry.id, "name": entry.name, "mechanisms": list(entry.mechanisms),
                "statements": len(all_statements(entry)), "sources": cited[entry.id],
            }
            for entry in listed
        ])  # fmt: skip
    lines = [
        (entry.id, ", ".join(entry.mechanisms), str(len(all_statements(entry))), str(len(cited[entry.id])), entry.name)
        for entry in listed
    ]
    return out(_columns([("id", "mechanisms", "statements", "sources", "name"), *lines]))


@commands.command()
def findings(
    finding: Annotated[str | None, typer.Argument(metavar="[ID or name]", help="By id, name, synonym or code.")] = None,
    format: FormatOption = Format.text,
    rules: RulesOption = None,
) -> None:
    """List the vocabulary, or show one finding."""
    base = knowledge(rules)
    if finding is None:
        if format is Format.json:
            return print_json([_finding(entry) for entry in base.findings])
        lines = [(entry.id, entry.kind, entry.unit or "", entry.test, entry.name) for entry in base.findings]
        return out(_columns([("id", "kind", "unit", "test", "name"), *lines]))
    from leukoref.matching import match_name

    match = match_name(finding, None, base)
    names = (match.finding,) if match and match.finding else match.implied if match else ()
    if not names:
        raise unknown("finding", finding, base.finding_names, "findings")
    shown = [{**_finding(base.finding[name]), "causes": _speakers(base, name)} for name in names]
    if format is Format.json:
        return print_json(shown[0] if len(shown) == 1 else shown)
    return out("\n".join(_finding_text(entry) for entry in shown))


def _finding(entry: Finding) -> dict[str, Any]:
    return entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _speakers(base: Knowledge, name: str) -> dict[str, int]:
    """Cause -> how many statements it makes about a finding."""
    from leukoref.knowledge.base import all_statements

    counts = {c.id: sum(statement.finding == name for statement in all_statements(c)) for c in base.causes}
    return {cause: count for cause, count in counts.items() if count}


def _finding_text(entry: dict[str, Any]) -> str:
    lines = []
    for key, value in entry.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{key:12} {', '.join(f'{name} {part}' for name, part in row.items())}" for row in value]
        elif isinstance(value, dict):
            told = (f"{name} {', '.join(part) if isinstance(part, list) else part}" for name, part in value.items())
            lines.append(f"{key:12} {'; '.join(told)}")
        else:
            lines.append(f"{key:12} {', '.join(value) if isinstance(value, list) else value}")
    return "\n".join(lines) + "\n"


@commands.command()
def sources(
    check: Annotated[
        bool, typer.Option("--check", help="Check that every statement is sourced and every key known.")
    ] = False,
    estimates: Annotated[bool, typer.Option("--estimates", help="List what rests on estimates.")] = False,
    dsi: Annotated[bool, typer.Option("--dsi", help="Print the source attributes of the decision support.")] = False,
    format: FormatOption = Format.text,
    rules: RulesOption = None,
) -> None:
    """Print or check the bibliography, or list the estimates."""
    base = knowledge(rules)
    if check or estimates or dsi:
        from leukoref.knowledge import coverage

        if check:
            complaints = coverage.check_sources(base)
            listing(complaints, format)
            if format is Format.text and not complaints:
                out("every statement has a source that is in the bibliography\n")
            raise typer.Exit(BAD_INPUT if complaints else DONE)
        return listing(coverage.estimates(base) if estimates else coverage.dsi(base), format)
    from leukoref.render.citations import link, reference

    entries = [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in base.references]
    if format is Format.json:
        return print_json(entries)
    return out("".join(f"{csl['id']}: {reference(csl)} {link(csl) or ''}".rstrip() + "\n" for csl in entries))


@commands.command()
def lint(
    folders: Annotated[list[Path] | None, typer.Argument(metavar="[DIR]", help="Folders of rules.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Check rule files; each complaint has its place and a way out, and is an error or a warning."""
    from leukoref.knowledge.linter import lint as complaints_of

    complaints = complaints_of(folders or [])
    errors = sum(complaint.severity == "error" for complaint in complaints)
    listing(complaints if format is Format.json else (f"{entry} ({entry.severity})" for entry in complaints), format)
    if format is Format.text:
        out(f"{errors} errors, {len(complaints) - errors} warnings\n")
    raise typer.Exit(BAD_INPUT if errors else DONE)


@commands.command()
def schema(name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None) -> None:
    """List the JSON Schemas, or print one."""
    from leukoref.knowledge.schema import schemas

    known = schemas()
    if name is None:
        return out("".join(f"{key}\n" for key in known))
    if name not in known:
        raise unknown("schema", name, known, "schema")
    return print_json(known[name])


# -- shared ---------------------------------------------------------------------------------------------------


def knowledge(rules: list[Path] | None) -> Knowledge:
    """The packaged base, or with folders of a site's own rules laid over it."""
    from leukoref.knowledge.loader import load_knowledge

    return load_knowledge(rules or ())


def unknown(kind: str, name: str, known: Iterable[str], listing: str) -> Exception:
    """The error for a name that is not known, with what may have been meant."""
    from leukoref.errors import InputError
    from leukoref.knowledge.names import suggestions

    known = list(known)
    near = [entry for entry in known if name.strip().lower() in entry.lower()][:3] or suggestions(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"`leukoref {listing}` lists them"
    return InputError(name[:60], f"no such {kind}", hint)


def listing(entries: Iterable[Any], format: Format) -> None:
    """Strings, models or mappings: one a line, or as JSON."""
    from pydantic import BaseModel

    if format is Format.json:
        dumped = (entry.model_dump(mode="json") if isinstance(entry, BaseModel) else entry for entry in entries)
        return print_json(list(dumped))
    told = (_finding_text(entry) if isinstance(entry, dict) else f"{entry}\n" for entry in entries)
    return out("".join(told))


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def as_json(document: Any, *, compact: bool = False) -> str:
    return json.dumps(document, ensure_ascii=False, indent=None if compact else 2) + "\n"


def print_json(document: Any) -> None:
    out(as_json(document))


def out(text: str) -> None:
    sys.stdout.write(text)
