"""Evidence for and against the first candidates as diverging bars (extra ``notebook``)."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from leukoref.assessment import Assessment
from leukoref.render.citations import signed
from leukoref.render.view import Entry, view

BARS_SHOWN = 5
FOR, AGAINST, NEUTRAL = "#2a7f62", "#b5493a", "#8a8f98"
LABEL_LENGTH = 46


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


def _bars(entry: Entry) -> list[tuple[str, float, str, bool]]:
    """(label, weight, colour, estimate) of one panel, top to bottom."""
    rows = [(line.text, line.weight, line.estimate) for line in (*entry.supports, *entry.against)]
    rows += [(note.text, note.weight or 0.0, False) for note in entry.adjustments]
    for rest, word in ((entry.supports_rest, "for"), (entry.against_rest, "against")):
        if rest.counted:
            rows.append((f"{rest.counted} more {word}", rest.weight, False))
    rows.sort(key=lambda row: -row[1])
    bars = [(_short(text), weight, FOR if weight > 0 else AGAINST, estimate) for text, weight, estimate in rows]
    return [*bars, ("prior", entry.prior.weight or 0.0, NEUTRAL, entry.prior.text.endswith("(est.)"))]


def _short(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1].rstrip() + "…"


def _draw(panel: Any, entry: Entry, rows: list[tuple[str, float, str, bool]]) -> None:
    places = range(len(rows))
    drawn = panel.barh(places, [row[1] for row in rows], color=[row[2] for row in rows], height=0.72)
    for bar, row in zip(drawn, rows, strict=True):
        if row[3]:
            bar.set(hatch="////", edgecolor="white", linewidth=0)
    panel.bar_label(drawn, labels=[signed(row[1]) for row in rows], padding=3, fontsize=7)
    panel.set_yticks(places, labels=[row[0] for row in rows], fontsize=8, parse_math=False)
    panel.invert_yaxis()
    panel.axvline(0, color="#444", linewidth=0.8)
    panel.margins(x=0.12)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    title = f"{entry.rank}. {entry.name}: {entry.band}, score {signed(entry.score)}"
    panel.set_title(title, loc="left", fontsize=9, fontweight="bold", parse_math=False)
