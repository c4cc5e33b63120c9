"""An assessment as a table: one row a finding and candidate, for notebooks and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leukoref.assessment import Assessment

if TYPE_CHECKING:
    import polars as pl


def frame(assessment: Assessment) -> pl.DataFrame:
    """One row a finding and candidate, best candidate first.

    ``kind`` is "finding", or "adjustment" for a weight that is no finding (its ``finding`` is null), so that
    the weights of a cause add up to its weight. Weights are decibans.
    """
    import polars as pl

    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "rank": pl.Int64, "cause": pl.String, "name": pl.String, "band": pl.String, "kind": pl.String,
        "finding": pl.String, "statement": pl.String, "direction": pl.String, "weight": pl.Float64,
        "repeats": pl.Boolean, "basis": pl.String, "cluster": pl.String, "figure": pl.String,
        "background": pl.String, "population": pl.String, "sources": pl.List(pl.String),
    }  # fmt: skip
    rows = []
    for candidate in assessment.candidates:
        whose = {"rank": candidate.rank, "cause": candidate.cause, "name": candidate.name, "band": candidate.band}
        for entry in (*candidate.supports, *candidate.against):
            rows.append({
                **whose, "kind": "finding", "finding": entry.finding, "statement": entry.statement,
                "direction": _direction(entry.weight), "weight": entry.weight, "repeats": entry.repeats,
                "basis": entry.basis, "cluster": entry.cluster, "figure": entry.figure,
                "background": entry.background, "population": "; ".join(entry.population) or None,
                "sources": list(entry.sources),
            })  # fmt: skip
        for adjustment in candidate.adjustments:
            rows.append({
                **whose, "kind": "adjustment", "statement": adjustment.text,
                "direction": _direction(adjustment.weight), "weight": adjustment.weight, "repeats": False,
                "sources": list(adjustment.sources),
            })  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _direction(weight: float) -> str:
    return "for" if weight > 0 else "against" if weight < 0 else "neutral"
