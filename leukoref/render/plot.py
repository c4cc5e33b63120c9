"""Evidence for and against the first candidates as diverging bars (extra ``notebook``)."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from leukoref.assessment import Assessment
from leukoref.render.citations import signed
from leukoref.render.view import Entry, view

BARS_SHOWN = 5
FOR, AGAINST, NEUTRAL = "#2a7f62", "#b5493a", "#8a8f98"
PALE_FOR, PALE_AGAINST = "#a9cfc0", "#e3b5ae"
LABEL_LENGTH = 46


class Bar(NamedTuple):
    label: str
    weight: float
    color: str
    estimate: bool = False


class EvidenceFigure(Figure):
    """A figure that shows itself in a notebook without pyplot and its global state."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=110, bbox_inches="tight")
        return content.getvalue()


def figure(assessment: Assessment, *, top: int = 5) -> EvidenceFigure:
    """One panel a candidate: its strongest findings, adjustments and prior, in decibans; estimates are hatched."""
    entries = view(assessment, top=top, lines=BARS_SHOWN).entries
    bars = [_bars(entry) for entry in entries]
    chart = EvidenceFigure(figsize=(9, 1.2 + sum(0.55 + 0.27 * len(rows) for rows in bars)), layout="constrained")
    if not entries:
        chart.set_size_inches(9, 1.2)
        chart.text(0.5, 0.5, "No candidates to show", ha="center", va="center")
        return chart
    heights = [len(rows) + 1.2 for rows in bars]
    panels = chart.subplots(len(entries), 1, sharex=True, squeeze=False, height_ratios=heights)
    for panel, entry, rows in zip(panels[:, 0], entries, bars, strict=True):
        _draw(panel, entry, rows)
    panels[-1, 0].set_xlabel("weight of evidence in decibans (not a probability of disease)")
    chart.suptitle(
        "Evidence for (right) and against (left); hatched: estimate; grey: prior. "
        f"Knowledge {assessment.provenance.knowledge_review}.",
        fontsize=9, parse_math=False,
    )  # fmt: skip
    return chart


def _bars(entry: Entry) -> list[Bar]:
    """The bars of one panel, top to bottom; what was left out of each side is one pale bar after it."""
    bars = [Bar(_short(line.text), line.weight, FOR, line.estimate) for line in entry.supports]
    if entry.supports_rest.count:
        bars.append(Bar(f"{entry.supports_rest.count} more for", entry.supports_rest.weight, PALE_FOR))
    bars += [
        Bar(_short(note.text), note.weight or 0.0, FOR if (note.weight or 0) > 0 else AGAINST)
        for note in entry.adjustments
    ]
    bars += [Bar(_short(line.text), line.weight, AGAINST, line.estimate) for line in entry.against]
    if entry.against_rest.count:
        bars.append(Bar(f"{entry.against_rest.count} more against", entry.against_rest.weight, PALE_AGAINST))
    return [*bars, Bar("prior", entry.prior.weight or 0.0, NEUTRAL, entry.prior.text.endswith("(est.)"))]


def _short(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1].rstrip() + "…"


def _draw(panel: Any, entry: Entry, bars: list[Bar]) -> None:
    places = range(len(bars))
    drawn = panel.barh(places, [bar.weight for bar in bars], color=[bar.color for bar in bars], height=0.72)
    for patch, bar in zip(drawn, bars, strict=True):
        if bar.estimate:
            patch.set(hatch="////", edgecolor="white", linewidth=0)
    panel.bar_label(drawn, labels=[signed(bar.weight) for bar in bars], padding=3, fontsize=7)
    panel.set_yticks(places, labels=[bar.label for bar in bars], fontsize=8, parse_math=False)
    panel.invert_yaxis()
    panel.axvline(0, color="#444", linewidth=0.8)
    panel.margins(x=0.12)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    title = f"{entry.rank}. {entry.name}: {entry.band}, score {signed(entry.score)}"
    panel.set_title(title, loc="left", fontsize=9, fontweight="bold", parse_math=False)
