"""An assessment for a terminal: the answer on the first screen, the evidence and its sources below it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leukoref.assessment import Assessment
from leukoref.render.citations import signed
from leukoref.render.view import (
    NO_RED_FLAG,
    NO_STEP,
    REMINDER,
    TITLE,
    Entry,
    Flag,
    Line,
    Note,
    Rest,
    Step,
    View,
    headline,
    rest_text,
    view,
)

LINES_SHOWN = 6
STEPS_SHOWN = 5
HEADLINES = 3
BAND_STYLE = {
    "established": "bold green", "strong": "bold green", "moderate": "green", "weak": "yellow", "against": "dim",
    "excluded": "dim",
}  # fmt: skip


def render(assessment: Assessment, *, top: int = 5, width: int = 100, color: bool = False) -> str:
    """The assessment as lines of at most ``width`` characters; ANSI colours only with ``color``."""
    shown = view(assessment, top=top, lines=LINES_SHOWN)
    console = Console(
        file=io.StringIO(), width=max(width, 40), force_terminal=color, no_color=not color, legacy_windows=False,
        color_system="standard" if color else None, markup=False, highlight=False, emoji=False, _environ={},
    )  # fmt: skip
    for part in _parts(shown):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _parts(shown: View) -> Iterable[RenderableType]:
    yield Text.assemble((TITLE, "bold"), (f"  {REMINDER}", "dim"))
    yield Text(" · ".join(shown.provenance), style="dim")
    yield _field("Status", shown.status_words)
    if shown.severity:
        yield _field("Severity", f"{shown.severity.text} {shown.severity.cites}")
    if shown.to_add:
        yield _field("To add", ", ".join(shown.to_add))
    yield from map(_flag, shown.red_flags)
    if not shown.red_flags:
        yield _field("Red flags", NO_RED_FLAG)
    if shown.entries:
        yield Text()
        yield _ranking(shown.entries)
        yield Text()
        yield _heading("Next tests", "expected information in bits; what to look for")
        steps = [step for place, step in enumerate(shown.steps) if place < STEPS_SHOWN or step.advised]
        yield _table([_step(step) for step in steps]) if steps else Text(NO_STEP)
    if shown.unrecognized:
        yield _block("Not recognised, and so not used", shown.unrecognized)
    if shown.warnings:
        yield _block("Warnings", shown.warnings)
    if shown.unused:
        yield _block("Recognised, but no cause speaks of it", (", ".join(shown.unused),))
    for entry in shown.entries:
        yield _evidence(entry)
    if shown.red_flags:
        yield _block("When these red flags are raised", (f"{flag.name}: {flag.threshold}" for flag in shown.red_flags))
    if shown.others:
        yield _block("Further candidates", ("; ".join(shown.others),))
    if shown.excluded:
        yield _block("Excluded", (_noted(note) for note in shown.excluded))
    if shown.legend:
        yield _block("How to read this", shown.legend)
    yield _block("Limits", (_noted(note) for note in shown.disclaimers))
    if shown.bibliography:
        yield Text()
        yield _heading("Sources", "of what is shown here")
        yield _table([(f"[{s.number}]", f"{s.text} {s.link or ''}") for s in shown.bibliography])


def _field(name: str, text: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=10, style="bold")
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(Text(name), Text(text.strip()))
    return grid


def _heading(name: str, remark: str = "") -> Text:
    return Text.assemble((name, "bold"), (f"  {remark}" if remark else "", "dim"))


def _block(name: str, lines: Iterable[str]) -> RenderableType:
    return Group(Text(), _heading(name), *(Padding(_hanging("-", Text(line)), (0, 0, 0, 1)) for line in lines))


def _hanging(mark: str, body: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=len(mark))
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(Text(mark), body)
    return grid


def _table(rows: Sequence[tuple[str, ...]]) -> Padding:
    """Columns without lines; the last one takes the rest of the width."""
    grid = Table.grid(padding=(0, 2))
    for i in range(len(rows[0]) if rows else 0):
        grid.add_column(
            ratio=1 if i == len(rows[0]) - 1 else None, justify="right" if i == 0 else "left", overflow="fold"
        )
    for row in rows:
        grid.add_row(*map(Text, row))
    return Padding(grid, (0, 0, 0, 1))


def _step(step: Step) -> tuple[str, str, str]:
    return f"{step.bits:.2f}", step.name, "\n".join(filter(None, (step.look_for, step.advised)))


def _flag(flag: Flag) -> RenderableType:
    body = Text.assemble((flag.name, "bold red"), f" ({flag.because}): {flag.action} ", (flag.cites, "dim"))
    return Group(Text(), _hanging("!!", body))


def _ranking(entries: Sequence[Entry]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold", expand=True)
    table.add_column("#", justify="right")
    table.add_column("Cause", ratio=3)
    table.add_column("Evidence")
    table.add_column("Score", justify="right")
    table.add_column("Sourced", justify="right")
    table.add_column("Chiefly", ratio=5)
    for entry in entries:
        table.add_row(
            Text(str(entry.rank)), Text(entry.name, style="bold"), Text(entry.band, style=BAND_STYLE[entry.band]),
            Text(signed(entry.score)), Text(entry.sourced), _chiefly(entry),
        )  # fmt: skip
    return table


def _chiefly(entry: Entry) -> Text:
    text = Text()
    for mark, style, lines in (("+ ", "green", entry.supports), ("- ", "red", entry.against)):
        strongest = headline(lines, HEADLINES if mark == "+ " else 1)
        if strongest:
            text.append("\n" if text else "").append(mark, style)
            text.append(", ".join(line.text for line in strongest))
    return text


def _evidence(entry: Entry) -> RenderableType:
    sums = f"score {signed(entry.score)} = prior {signed(entry.prior.weight or 0)} + weight {signed(entry.weight)}"
    parts: list[RenderableType] = [
        Text(),
        Text.assemble(
            (f"{entry.rank}  {entry.name}", "bold"), (f"  {entry.band_words}", BAND_STYLE[entry.band]),
            (f"  {entry.mechanisms}", "dim"),
        ),
        Padding(Text(f"{sums}; {entry.sourced} of the weight is sourced"), (0, 0, 0, 3)),
        Padding(Text(f"prior: {_noted(entry.prior)}", style="dim"), (0, 0, 0, 3)),
    ]  # fmt: skip
    parts += _side("for", "green", entry.supports, entry.supports_rest)
    parts += _side("against", "red", entry.against, entry.against_rest)
    for name, notes in (
        ("adjustments", entry.adjustments), ("criteria", entry.criteria), ("drugs", entry.drugs),
        ("kinds", entry.variants),
    ):  # fmt: skip
        if notes:
            parts.append(Padding(Text(name, style="bold"), (0, 0, 0, 3)))
            parts += [Padding(_hanging(_weight(note), Text(_noted(note))), (0, 0, 0, 4)) for note in notes]
    if entry.missing:
        parts.append(Padding(_hanging("unknown so far:", Text(", ".join(entry.missing))), (0, 0, 0, 3)))
    return Group(*parts)


def _side(name: str, style: str, lines: Sequence[Line], rest: Rest) -> list[RenderableType]:
    parts: list[RenderableType] = [Padding(Text(name, style=f"bold {style}"), (0, 0, 0, 3))] if lines else []
    for line in lines:
        body = Text.assemble(
            (line.text, "bold"), (" est." if line.estimate else "", "yellow"), f"  {line.figure}",
            (f"  at large: {line.background}", "dim"), (f"  in {line.population}" if line.population else "", "dim"),
            f" {line.cites}".rstrip(),
        )  # fmt: skip
        weight = f"({signed(line.weight)})" if line.repeats else signed(line.weight)
        parts.append(Padding(_hanging(f"{weight:>6}", body), (0, 0, 0, 4)))
    if text := rest_text(rest):
        parts.append(Padding(Text(f"… {text}", style="dim"), (0, 0, 0, 11)))
    return parts


def _weight(note: Note) -> str:
    return f"{signed(note.weight) if note.weight is not None else '-':>6}"


def _noted(note: Note) -> str:
    return f"{note.text} {note.cites}".rstrip()
