"""An assessment as Markdown, for a note or a report; every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leukoref.assessment import Assessment
from leukoref.render.citations import Source, signed
from leukoref.render.view import (
    NO_RED_FLAG,
    NO_STEP,
    REMINDER,
    TITLE,
    Entry,
    Line,
    Note,
    Rest,
    Step,
    View,
    rest_text,
    view,
)

LINES_SHOWN = 10
_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]#|~!$"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)  # fmt: skip


def render(assessment: Assessment, *, top: int = 5) -> str:
    """The assessment as GitHub-flavoured Markdown."""
    return "\n".join(_blocks(view(assessment, top=top, lines=LINES_SHOWN))) + "\n"


def escape(text: str) -> str:
    """Text in which no character means anything to Markdown or HTML, web addresses included."""
    return text.translate(_ESCAPES).replace("://", ":&#47;/")


def bibliography(sources: Iterable[Source]) -> Iterator[str]:
    """Numbered references, each with its link."""
    for source in sources:
        address = f" <{source.link}>" if source.link else ""
        yield f"- \\[{source.number}\\] {escape(source.text)}{address}"


def _blocks(shown: View) -> Iterator[str]:
    yield f"# {TITLE}\n"
    yield f"*{REMINDER[0].upper()}{REMINDER[1:]}. {escape(' · '.join(shown.provenance))}.*\n"
    yield f"**Status:** {shown.status_words}"
    if shown.severity:
        yield f"\n**Severity:** {_noted(shown.severity)}"
    if shown.to_add:
        yield f"\n**To add:** {escape(', '.join(shown.to_add))}"
    yield from _section("Red flags", (
        f"**{escape(flag.name)}** ({escape(flag.because)}): {escape(flag.action)} {escape(flag.cites)}  \n"
        f"  *When: {escape(flag.threshold)}*"
        for flag in shown.red_flags
    ), otherwise=NO_RED_FLAG)  # fmt: skip
    if shown.entries:
        yield "\n## Candidates\n\n| # | Cause | Evidence | Score | Weight | Sourced |\n|--:|---|---|--:|--:|--:|"
        for entry in shown.entries:
            yield (f"| {entry.rank} | {escape(entry.name)} | {entry.band_words} | {signed(entry.score)} "
                   f"| {signed(entry.weight)} | {entry.sourced} |")  # fmt: skip
    yield from _section("Next tests", map(_step, shown.steps), otherwise=NO_STEP if shown.entries else "")
    yield from _section("Not recognised, and so not used", map(escape, shown.unrecognized))
    yield from _section("Warnings", map(escape, shown.warnings))
    yield from _section("Recognised, but no cause speaks of it", map(escape, shown.unused))
    for entry in shown.entries:
        yield from _entry(entry)
    yield from _section("Further candidates", map(escape, shown.others))
    yield from _section("Excluded", map(_noted, shown.excluded))
    yield from _section("How to read this", map(escape, shown.legend))
    yield from _section("Limits", map(_noted, shown.disclaimers))
    if shown.bibliography:
        yield "\n## Sources\n"
        yield from bibliography(shown.bibliography)


def _section(title: str, lines: Iterable[str], *, otherwise: str = "") -> Iterator[str]:
    items = [f"- {line}" for line in lines]
    if items or otherwise:
        yield f"\n## {title}\n"
        yield from items or [otherwise]


def _step(step: Step) -> str:
    told = f"{escape(step.name)} ({step.bits:.2f} bits expected): look for {escape(step.look_for)}"
    return f"{told}; {escape(step.advised)}" if step.advised else told


def _entry(entry: Entry) -> Iterator[str]:
    yield f"\n## {entry.rank}. {escape(entry.name)}: {entry.band_words}\n"
    prior = f"prior {signed(entry.prior.weight or 0)} ({_noted(entry.prior)})"
    yield (f"{escape(entry.mechanisms)}. Score {signed(entry.score)} = {prior} + weight {signed(entry.weight)}; "
           f"{entry.sourced} of the weight is sourced.")  # fmt: skip
    yield from _side("For", entry.supports, entry.supports_rest)
    yield from _side("Against", entry.against, entry.against_rest)
    for title, notes in (
        ("Adjustments", entry.adjustments), ("Criteria", entry.criteria), ("Drugs", entry.drugs),
        ("Kinds", entry.variants),
    ):  # fmt: skip
        if notes:
            yield f"\n**{title}**\n"
            yield from (f"- {_weighed(note)}" for note in notes)
    if entry.missing:
        yield f"\n**Unknown so far:** {escape(', '.join(entry.missing))}"


def _side(title: str, lines: Sequence[Line], rest: Rest) -> Iterator[str]:
    if not lines:
        return
    yield f"\n| {title} | Weight | Figure | At large | In whom | Sources |\n|---|--:|---|---|---|---|"
    for line in lines:
        weight = f"({signed(line.weight)})" if line.repeats else signed(line.weight)
        figure = escape(line.figure) + (" **est.**" if line.estimate else "")
        yield (f"| {escape(line.text)} | {weight} | {figure} | {escape(line.background)} "
               f"| {escape(line.population)} | {escape(line.cites)} |")  # fmt: skip
    if text := rest_text(rest):
        yield f"\n… {text}"


def _weighed(note: Note) -> str:
    return (f"{signed(note.weight)}: " if note.weight is not None else "") + _noted(note)


def _noted(note: Note) -> str:
    return f"{escape(note.text)} {escape(note.cites)}".rstrip()
