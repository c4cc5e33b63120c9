"""An assessment as one self-contained HTML fragment: no scripts, nothing loaded, every text escaped.

Colours are tints of what the page already has, so that it reads on light and dark alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from leukoref.assessment import Assessment
from leukoref.render.citations import Source, signed
from leukoref.render.view import NO_RED_FLAG, NO_STEP, REMINDER, TITLE, Entry, Flag, Line, Note, View, headline, view

HEADLINES = 3
STYLE = """
.leukoref{font:14px/1.45 system-ui,sans-serif;max-width:70em;margin:.5em 0}
.leukoref h2{font-size:1.25em;margin:.2em 0}.leukoref h3{font-size:1.05em;margin:1.2em 0 .3em}
.leukoref p,.leukoref ul{margin:.3em 0}.leukoref ul{padding-left:1.4em}
.leukoref .soft{opacity:.72;font-size:.9em}
.leukoref .flag{border-left:5px solid #d03b3b;background:rgba(208,59,59,.13);padding:.5em .8em;margin:.5em 0}
.leukoref table{border-collapse:collapse;width:100%;background:none;margin:.3em 0}
.leukoref th,.leukoref td{text-align:left;vertical-align:top;padding:.25em .6em .25em 0;background:none;
border:0;border-bottom:1px solid rgba(128,128,128,.28);font-size:.95em;white-space:normal}
.leukoref td.n,.leukoref th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.leukoref details{border:1px solid rgba(128,128,128,.35);border-radius:4px;margin:.4em 0;padding:.3em .7em}
.leukoref summary{cursor:pointer}
.leukoref .tag{border:1px solid currentColor;border-radius:3px;padding:0 .35em;font-size:.8em;white-space:nowrap}
.leukoref .bar{position:relative;width:9em;min-width:9em}
.leukoref .bar i{position:absolute;top:.5em;height:.8em;border-radius:2px}
.leukoref .bar .for{left:50%;background:#3a9a78}.leukoref .bar .against{right:50%;background:#cf6152}
.leukoref .bar .est{background-image:repeating-linear-gradient(45deg,transparent 0 3px,rgba(255,255,255,.45) 3px 6px)}
.leukoref .bar::before{content:"";position:absolute;left:50%;top:.2em;bottom:.2em;
border-left:1px solid rgba(128,128,128,.7)}
.leukoref .repeat{opacity:.6}
.leukoref .wide{overflow-x:auto}
@media print{.leukoref .bar{width:4em;min-width:4em}.leukoref .wide td,.leukoref .wide th{font-size:.7em;hyphens:auto}}
""".strip()


def render(assessment: Assessment, *, top: int = 5) -> str:
    """A `<section>` with its own scoped style, to be put into any page or notebook."""
    body = "".join(_parts(view(assessment, top=top)))
    return f'<section class="leukoref mathjax_ignore tex2jax_ignore" lang="en"><style>{STYLE}</style>{body}</section>'


def page(fragments: Iterable[str]) -> str:
    """A whole document around the fragments of some assessments."""
    head = '<meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{TITLE}</title></head><body>{''.join(fragments)}</body></html>\n"
    )


def _parts(shown: View) -> Iterator[str]:
    yield f'<h2>{TITLE}</h2><p class="soft">{escape(REMINDER[0].upper() + REMINDER[1:])}. '
    yield f"{escape(' · '.join(shown.provenance))}.</p>"
    yield f"<p><strong>Status:</strong> {escape(shown.status_words)}</p>"
    if shown.severity:
        yield f"<p><strong>Severity:</strong> {_noted(shown.severity)}</p>"
    if shown.to_add:
        yield f"<p><strong>To add:</strong> {escape(', '.join(shown.to_add))}</p>"
    yield from map(_flag, shown.red_flags)
    if not shown.red_flags:
        yield f"<p><strong>Red flags:</strong> {escape(NO_RED_FLAG)}</p>"
    if shown.entries:
        yield _ranking(shown.entries)
    if shown.steps:
        yield "<h3>Next tests</h3>" + _table(
            ("Test", "Look for", "Expected information"),
            (
                (
                    escape(step.name),
                    "<br>".join(map(escape, filter(None, (step.look_for, step.advised)))),
                    f"{step.bits:.2f} bits",
                )
                for step in shown.steps
            ),
        )
    elif shown.entries:
        yield f"<p><strong>Next tests:</strong> {escape(NO_STEP)}</p>"
    yield _list("Not recognised, and so not used", map(escape, shown.unrecognized))
    yield _list("Warnings", map(escape, shown.warnings))
    yield _list("Recognised, but no cause speaks of it", map(escape, shown.unused))
    if shown.entries:
        yield "<h3>Evidence</h3>"
        largest = max((abs(line.weight) for e in shown.entries for line in (*e.supports, *e.against)), default=1.0)
        yield from (_evidence(entry, largest) for entry in shown.entries)
    yield _list("Further candidates", map(escape, shown.others), folded=True)
    yield _list("Excluded", map(_noted, shown.excluded), folded=True)
    yield _list("How to read this", map(escape, shown.legend))
    yield _list("Limits", map(_noted, shown.disclaimers))
    yield _list("Sources of what is shown here", map(_source, shown.bibliography), folded=True)


def _flag(flag: Flag) -> str:
    return (
        f'<div class="flag" role="note"><strong>Red flag: {escape(flag.name)}</strong> ({escape(flag.because)}). '
        f"{escape(flag.action)} "
        f'{escape(flag.cites)}<div class="soft">When: {escape(flag.threshold)}</div></div>'
    )


def _ranking(entries: Sequence[Entry]) -> str:
    rows = (
        (str(entry.rank), f"<strong>{escape(entry.name)}</strong>", escape(entry.band_words), signed(entry.score),
         entry.sourced, _chiefly(entry))
        for entry in entries
    )  # fmt: skip
    head = ("#", "Cause", "Evidence", "Score", "Sourced", "Chiefly")
    return "<h3>Candidates</h3>" + _table(head, rows, numeric=(0, 3, 4))


def _chiefly(entry: Entry) -> str:
    sides = (("+", headline(entry.supports, HEADLINES)), ("−", headline(entry.against, 1)))
    return "<br>".join(f"{mark} {escape(', '.join(line.text for line in lines))}" for mark, lines in sides if lines)


def _evidence(entry: Entry, largest: float) -> str:
    sums = f"score {signed(entry.score)} = prior {signed(entry.prior.weight or 0)} + weight {signed(entry.weight)}"
    head = f'<strong>{entry.rank}. {escape(entry.name)}</strong> <span class="tag">{escape(entry.band)}</span>'
    notes = [_list(title, map(_weighed, lines)) for title, lines in (
        ("Adjustments", entry.adjustments), ("Criteria", entry.criteria), ("Drugs", entry.drugs),
        ("Kinds", entry.variants),
    )]  # fmt: skip
    missing = f"<p><strong>Unknown so far:</strong> {escape(', '.join(entry.missing))}</p>" if entry.missing else ""
    table = _table(
        ("Finding", "For or against", "Weight", "Figure", "At large", "In whom", "Sources"),
        (_row(line, largest) for line in (*entry.supports, *entry.against)), numeric=(2,), bars=1,
        faded=[line.repeats for line in (*entry.supports, *entry.against)],
    )  # fmt: skip
    return (
        f"<details{' open' if entry.rank == 1 else ''}><summary>{head} "
        f'<span class="soft">{escape(sums)}; {entry.sourced} of the weight sourced</span></summary>'
        f'<p class="soft">{escape(entry.mechanisms)}. Prior: {_noted(entry.prior)}</p>'
        f'<div class="wide">{table}</div>{"".join(notes)}{missing}</details>'
    )


def _row(line: Line, largest: float) -> tuple[str, ...]:
    side = "for" if line.weight > 0 else "against"
    width = 50 * min(abs(line.weight) / largest, 1.0)
    bar = f'<i class="{side}{" est" if line.estimate else ""}" style="width:{width:.1f}%" title="{side}"></i>'
    weight = f"({signed(line.weight)})" if line.repeats else signed(line.weight)
    figure = escape(line.figure) + (' <span class="tag">est.</span>' if line.estimate else "")
    rest = (escape(text) for text in (line.background, line.population, line.cites))
    return escape(line.text), bar, weight, figure, *rest


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Sequence[int] = (), bars: int = -1,
    faded: Sequence[bool] = (),
) -> str:  # fmt: skip
    """A table of cells that are HTML already."""

    def kind(column: int) -> str:
        return ' class="n"' if column in numeric else ' class="bar"' if column == bars else ""

    top = "".join(f"<th{kind(i) if i != bars else ''}>{escape(name)}</th>" for i, name in enumerate(head))
    lines = []
    for number, row in enumerate(rows):
        style = ' class="repeat"' if number < len(faded) and faded[number] else ""
        lines.append(f"<tr{style}>{''.join(f'<td{kind(i)}>{cell}</td>' for i, cell in enumerate(row))}</tr>")
    body = "".join(lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _list(title: str, items: Iterable[str], *, folded: bool = False) -> str:
    """A titled list of HTML items; nothing when there are none."""
    lines = "".join(f"<li>{item}</li>" for item in items)
    if not lines:
        return ""
    if folded:
        return f"<details><summary>{escape(title)}</summary><ul>{lines}</ul></details>"
    return f"<h3>{escape(title)}</h3><ul>{lines}</ul>"


def _source(source: Source) -> str:
    text = f"[{source.number}] {escape(source.text)}"
    if source.link is None:
        return text
    address = escape(source.link)
    return f'{text} <a href="{address}" rel="noopener noreferrer">{address}</a>'


def _weighed(note: Note) -> str:
    return (f"{signed(note.weight)}: " if note.weight is not None else "") + _noted(note)


def _noted(note: Note) -> str:
    return f"{escape(note.text)} {escape(note.cites)}".rstrip()
