"""What the base rests on: sources, the share of figures and of estimates, and where estimates weigh most.

Information of a cell: how many decibans a finding is expected to tell a cause from low counts at large
(Jeffreys divergence): sum over the outcomes of (share in the cause - share at large) x weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from leukoref.knowledge.attributes import dsi as dsi
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.evidence import EvidenceTable, Profile

TOP_SHARE = 0.2
_DOI = re.compile(r"10\.\d{4,9}/\S+")


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class EstimateRow(Row):
    """One estimate of a cause: its value, the weight it carries (decibans), and the reasoning behind it."""

    cause: str
    finding: str
    estimate: float | tuple[float, ...]
    information: float
    group: str
    reasoning: str

    def __str__(self) -> str:
        shares = self.estimate if isinstance(self.estimate, tuple) else (self.estimate,)
        value = " / ".join(f"{share:.2g}" for share in shares)
        return f"{self.information:6.2f} dB  {self.cause}: {self.finding} {value}  ({self.group}: {self.reasoning})"


class CauseCoverage(Row):
    """What one cause rests on. ``figures`` are frequencies and ratios; ``denominators`` those with their N."""

    cause: str
    statements: int
    figures: int
    denominators: int
    full_text: int
    abstract: int
    excerpt: int
    sources: int
    core_cells: int
    core_sourced: int


class Coverage(Row):
    """What the whole base rests on; ``top_sourced`` counts among the fifth of core cells that tell most."""

    causes: tuple[CauseCoverage, ...]
    statements: int
    figures: int
    denominators: int
    full_text: int
    abstract: int
    excerpt: int
    sources: int
    core_cells: int
    core_sourced: int
    top_cells: int
    top_sourced: int


class CoreCell(Row):
    """What one cause says of one core finding or scale, and whether a source says it."""

    cause: str
    finding: str
    information: float
    sourced: bool


def check_sources(base: Knowledge) -> list[str]:
    """Keys that resolve to nothing, sources nobody cites, cannot be found or stand there twice; none is right."""
    cited = base.statement_sources()
    unresolved = [(key, where) for key, where in sorted(cited.items()) if key not in base.reference]
    found = [f"{key}: not in the bibliography, cited by {', '.join(where[:3])}" for key, where in unresolved]
    first: dict[str, str] = {}
    for entry in base.references:
        for identifier in filter(None, (entry.DOI, entry.PMID and f"PMID {entry.PMID}")):
            other = first.setdefault(str(identifier).lower(), entry.id)
            if other != entry.id:
                found.append(f"{entry.id}: {identifier} is {other} as well; cite it under one key")
        if entry.id not in cited:
            found.append(f"{entry.id}: nobody cites it")
        if entry.DOI and not _DOI.fullmatch(entry.DOI):
            found.append(f"{entry.id}: {entry.DOI!r} is no DOI")
        if entry.PMID and not str(entry.PMID).isdigit():
            found.append(f"{entry.id}: {entry.PMID!r} is no PMID")
        if entry.URL and not entry.URL.startswith(("https://", "http://")):
            found.append(f"{entry.id}: {entry.URL!r} is no address")
    return found


def estimates(base: Knowledge, table: EvidenceTable | None = None) -> list[EstimateRow]:
    """Every estimate that is in use, the one that carries most weight first."""
    table = table or EvidenceTable(base)
    rows = []
    for profile in table.profiles:
        for block in profile.estimates:
            for name, value in block.cells.items():
                if _is_used(table, profile, name):
                    told = round(information(table, profile, name), 3)
                    rows.append(EstimateRow(
                        cause=profile.id, finding=name, estimate=value, group=block.group,
                        reasoning=base.reasoning(block, name), information=told,
                    ))  # fmt: skip
    return sorted(rows, key=lambda row: (-row.information, row.cause, row.finding))


def _is_used(table: EvidenceTable, profile: Profile, name: str) -> bool:
    if name in table.base.scale:
        spread = table.spreads[name].get(profile.id)
        return spread is not None and spread.basis == "estimate"
    rate = table.rates.get(name, {}).get(profile.id)
    return rate is not None and rate.basis == "estimate"


def information(table: EvidenceTable, profile: Profile, name: str) -> float:
    """Decibans by which a finding or scale is expected to tell the cause (or kind) from low counts at large."""
    scale = table.base.scale.get(name)
    spread = table.spread(name, profile) if scale else None
    if scale is not None and spread is not None:
        theirs = table.scale_backgrounds[name]
        weights = [table.scale_weight(scale, profile, 1 << position) for position in range(len(scale.bins))]
        return sum((p - q) * weight for p, q, weight in zip(spread.shares, theirs, weights, strict=True))
    cell = table.cell(name, profile)
    if cell is None or cell.rate.basis == "ratio":
        return 0.0
    return (cell.rate.value - table.backgrounds[name].value) * (cell.present - cell.absent)


def core_cells(base: Knowledge, table: EvidenceTable) -> Iterator[CoreCell]:
    """Every core cell that is filled: causes by core presence findings and scales. Sourced is a cell for which the
    cause has a figure, or one of its kinds that are weighed has one."""
    for cause in base.causes:
        owners = [profile for profile in table.profiles if profile.cause is cause]
        for name in (*base.core_presence, *base.scale):
            cells = (table.spreads if name in base.scale else table.rates).get(name, {})
            if cause.id in cells:
                told = information(table, owners[0], name)
                sourced = any(cells[owner.id].basis == "sourced" for owner in owners if owner.id in cells)
                yield CoreCell(cause=cause.id, finding=name, information=told, sourced=sourced)


def coverage(base: Knowledge, table: EvidenceTable | None = None) -> Coverage:
    """The coverage table: by cause, in sum, and for the fifth of core cells that tell most."""
    cells = list(core_cells(base, table or EvidenceTable(base)))
    rows = tuple(_cause_coverage(cause, base, cells) for cause in base.causes)
    top = sorted(cells, key=lambda cell: (-cell.information, cell.cause, cell.finding))[: round(len(cells) * TOP_SHARE)]
    summed = ("statements", "figures", "denominators", "full_text", "abstract", "excerpt", "core_cells", "core_sourced")
    cited = {base.reference[key].id for key in base.statement_sources() if key in base.reference}
    return Coverage(
        causes=rows, sources=len(cited), top_cells=len(top), top_sourced=sum(cell.sourced for cell in top),
        **{name: sum(getattr(row, name) for row in rows) for name in summed},
    )  # fmt: skip


def _cause_coverage(cause: Cause, base: Knowledge, cells: list[CoreCell]) -> CauseCoverage:
    found = all_statements(cause)
    own = [cell for cell in cells if cell.cause == cause.id]
    return CauseCoverage(
        cause=cause.id,
        statements=len(found),
        figures=sum(bool(s.figure or s.likelihood_ratio) and not (s.frequency and s.frequency.term) for s in found),
        denominators=sum(bool(s.figure and s.figure.of) for s in found),
        full_text=sum(s.seen == "full text" for s in found),
        abstract=sum(s.seen == "abstract" for s in found),
        excerpt=sum(s.seen == "excerpt" for s in found),
        sources=len({base.reference[s.source].id for s in found if s.source in base.reference}),
        core_cells=len(own),
        core_sourced=sum(cell.sourced for cell in own),
    )
