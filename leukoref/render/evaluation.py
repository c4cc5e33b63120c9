"""An Evaluation for people: the same Markdown on the terminal and in docs/validation.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leukoref.evaluation import Evaluation, Figures
    from leukoref.knowledge.coverage import Coverage

WORST_SHOWN = 10


def render(evaluation: Evaluation) -> str:
    """Recall and rank with intervals, baselines, ablations, mechanisms, and the worst cases with reasons."""
    figures = evaluation.figures
    stage = "before the dispositive test" if evaluation.stage == "presentation" else "with the confirming results"
    lines = [
        f"{figures.cases} published cases, stage {evaluation.stage} ({stage}); "
        f"findings and medications recognised: {evaluation.recognised:.1%}",
        "",
        *_table(("ranking", "cases", "first", "first three", "first five", "MRR"), [
            *map(_row, (figures, *evaluation.baselines)),
            *(_row(row, "leukoref, ") for row in evaluation.ablations),
        ]),
        "",
        "In brackets 95 % intervals (Wilson; for the mean reciprocal rank, normal).",
        "",
        *_table(("mechanism", "cases", "first", "first three", "first five", "MRR"), map(_row, evaluation.mechanisms)),
    ]  # fmt: skip
    if evaluation.checks:
        head = ("cases kept apart", "cases", "first", "first three", "first five", "MRR", "recognised", "red flags")
        rows = [
            (*_row(check.figures), f"{check.recognised:.1%}", f"{check.red_flags.raised} of {check.red_flags.expected}")
            for check in evaluation.checks
        ]
        lines += ["", *_table(head, rows)]
    refused = (*evaluation.refused, *(case for check in evaluation.checks for case in check.refused))
    if refused:
        lines += ["", "Refused, and counted as not found (baselines leave them out):", ""]
        lines += [f"- {case.file}: {case.error}" for case in refused]
    missed = [case for case in evaluation.per_case if case.rank != 1]
    if missed:
        missed.sort(key=lambda case: -(case.rank or 999))
        lines += ["", f"Not first: {len(missed)} of {figures.cases}; the worst and what put the winner above:", ""]
        rows = [
            (case.id, str(case.rank or "none"), case.winner or case.status, "; ".join(case.why))
            for case in missed[:WORST_SHOWN]
        ]
        lines += _table(("case", "rank", "first instead", "largest differences (winner less answer)"), rows)
    lines += _flags(evaluation)
    unknown = sorted({name for case in evaluation.per_case for name in case.unrecognised})
    if unknown:
        lines += ["", "Not recognised: " + ", ".join(unknown)]
    return "\n".join(lines) + "\n"


def _flags(evaluation: Evaluation) -> list[str]:
    """Red flags raised of those that should be, and what was missed or raised beyond them."""
    flags = evaluation.red_flags
    raised = sum(bool(case.red_flags) for case in evaluation.per_case)
    lines = ["", f"Red flags raised in {raised} of {evaluation.figures.cases} cases."]
    if flags.cases:
        lines[-1] += f" Of {flags.expected} that should be, in {flags.cases} cases, {flags.raised} were."
    for title, names in (("Missed", flags.missed), ("Raised beyond them", flags.beyond)):
        if names:
            lines += ["", f"{title}: {', '.join(names)}."]
    return lines


def report(evaluation: Evaluation, basis: Coverage) -> str:
    """The page docs/validation.md: written by `leukoref evaluate DIR --doc FILE`, never by hand."""
    kept_apart = sum(check.figures.cases for check in evaluation.checks)
    return f"""# Validation

Written by `leukoref evaluate --doc`; knowledge base {evaluation.knowledge}. Anyone can run it again:
`make evaluate`.

What it shows: how often the authors' diagnosis of published cases stands first, among the first three and five,
when the findings known before the dispositive test go in. What it does not show: published cases are the
unusual ones, they are few, findings were entered by the people who built the tool, and no clinician has
reviewed the base. The first tables are of the development cases: no statement was tuned to one of them, but the
vocabulary grew with them and global parameters of `rules/weighing.yaml` were chosen with them in view, so other
cases fare worse. How much worse, the cases kept apart show: {kept_apart} published cases that a language model
collected by search, up to three a cause, without having seen the rules, from what a search shows of an article (its
abstract and beginning). Those in `seen` were then used to widen the vocabulary, to look for kinds of mistakes
and in choosing global parameters; 218 of them served as untouched ones until the vocabulary and the red flags were
widened for them too. Those in `untouched`, one of two collectors' share of each of the last three collections, were
ranked for this table and nothing else: lists of the worst, of names not understood and of flags missed were seen, and
nothing was changed for any of them.

Which red flags should be raised was judged case by case, from names and thresholds of the flags and before the library
ran, by a language model, not by a clinician. Conditions that then proved too narrow were widened as their sources
allow.

{render(evaluation)}
## What it rests on

{_basis(basis)}"""


def _basis(basis: Coverage) -> str:
    """How much of the base is sourced, and how the sources were read."""
    share = basis.top_sourced / basis.top_cells if basis.top_cells else 0.0
    return (
        f"{basis.statements} statements cite {basis.sources} sources: {basis.figures} with a figure, "
        f"{basis.denominators} of them with its denominator.\n"
        f"Read as full text {basis.full_text}, as abstract {basis.abstract}, as excerpt {basis.excerpt}.\n"
        f"Of {basis.core_cells} core cells (a core finding in a cause) {basis.core_sourced} carry a sourced figure, "
        f"the others a labelled estimate;\nof the {basis.top_cells} that matter most (the top fifth by information) "
        f"{basis.top_sourced}, {share:.1%}. The goal is half.\n"
    )


def _row(figures: Figures, prefix: str = "") -> tuple[str, ...]:
    return (
        prefix + figures.name,
        str(figures.cases),
        *(_figure(getattr(figures, key), figures.intervals.get(key)) for key in ("top1", "top3", "top5", "mrr")),
    )


def _figure(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.2f}" + (f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns line up on a terminal too."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    widths[-1] = min(widths[-1], 3) if len(head) == 4 else widths[-1]
    padded = ["| " + " | ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)) + " |" for row in cells]
    return [padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]]
