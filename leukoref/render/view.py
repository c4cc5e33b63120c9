"""An assessment arranged for reading: what is shown, in which order, with numbered sources.

Text, Markdown and HTML lay out this one view; none of them decides what to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leukoref.assessment import Assessment, Candidate, DrugNote, Evidence
from leukoref.render.citations import Citations, Source, percent, plain, signed, words

TITLE = "Candidate causes of a low white blood cell count"
REMINDER = "supports a clinician's judgment, never replaces it"
NO_STEP = "none is expected to change the ranking, and the leading cause asks for none that was not done"
NO_RED_FLAG = "none raised by what was entered; that does not mean that nothing is urgent"
STATUS = {
    "leukopenia": "a count of white cells, or of one of their kinds, is low",
    "no_leukopenia": "no low white cell count: no causes are listed",
    "insufficient_data": "too little is known to say whether the white cell count is low",
}
BANDS = {
    "established": "established: its defining criterion is met",
    "strong": "strong evidence",
    "moderate": "moderate evidence",
    "weak": "weak evidence",
    "against": "evidence against",
    "excluded": "excluded",
}
CONFIRMED = "established: the diagnosis was given as confirmed"
LEAST_PART = 0.05  # of a cause's weight that a kind makes up to be shown
CRITERIA = {"establishes": "establishes", "excludes": "excludes", "requires": "required, not met"}
LEGEND = (
    "Weights are decibans: 10 log10 of how many times likelier the finding is in this cause than in low counts at "
    "large (+10 is ten times, +3 about twice, -10 a tenth). They rank causes; they are not probabilities of disease.",
    "Score = prior (how common the cause is in this setting) + weight (all findings and adjustments).",
    "est. marks an expert estimate; every other figure comes from the cited source. A rate at large that is 'computed' "
    "follows from all causes of the base. 'Sourced' is the share of the weight that rests on sourced figures.",
    "Where a finding is absent, the figures are of those who have it, here and at large; its name stands before them.",
    "A cause of several kinds shows the findings for the kind that fits best; its weight is that of all its kinds.",
    "Of findings that say the same thing the strongest counts in full and the others by half, in brackets.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One finding for or against a cause, as shown; one that ``repeats`` another counts in part."""

    text: str
    weight: float
    repeats: bool
    estimate: bool
    figure: str
    background: str
    population: str
    cites: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Lines left out of a short view: how many, and their weights added up."""

    count: int
    weight: float


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence with its sources, and its weight where it has one."""

    text: str
    cites: str = ""
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate, ready to be laid out."""

    rank: int
    cause: str
    name: str
    mechanisms: str
    band: str
    band_words: str
    score: float
    weight: float
    sourced: str
    prior: Note
    supports: tuple[Line, ...]
    supports_rest: Rest
    against: tuple[Line, ...]
    against_rest: Rest
    adjustments: tuple[Note, ...]
    criteria: tuple[Note, ...]
    drugs: tuple[Note, ...]
    variants: tuple[Note, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    because: str
    action: str
    threshold: str
    cites: str


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    look_for: str
    bits: float
    advised: str  # by the rules of leading causes, with their sources


@dataclass(frozen=True, slots=True)
class View:
    """Everything of an assessment that is shown, in reading order."""

    status: str
    status_words: str
    severity: Note | None
    to_add: tuple[str, ...]
    red_flags: tuple[Flag, ...]
    entries: tuple[Entry, ...]
    others: tuple[str, ...]
    excluded: tuple[Note, ...]
    steps: tuple[Step, ...]
    unrecognized: tuple[str, ...]
    unused: tuple[str, ...]
    warnings: tuple[str, ...]
    disclaimers: tuple[Note, ...]
    legend: tuple[str, ...]
    bibliography: tuple[Source, ...]
    provenance: tuple[str, ...]


def view(assessment: Assessment, *, top: int, lines: int | None = None) -> View:
    """The first ``top`` candidates, each with at most ``lines`` findings for and as many against (None: all)."""
    cite = Citations(assessment.sources)
    severity = assessment.severity
    grade = ", ".join(plain(part) for part in (severity.neutropenia, severity.course) if part)
    shown = assessment.candidates[: max(top, 0)]
    # The order of these calls is the order of the source numbers.
    graded = Note(grade, cite(severity.sources)) if grade else None
    flags = tuple(
        Flag(plain(f.name), plain(", ".join(f.because)), plain(f.action), plain(f.threshold), cite(f.sources))
        for f in assessment.red_flags
    )
    entries = tuple(_entry(candidate, cite, lines) for candidate in shown)
    excluded = tuple(Note(f"{plain(e.name)}: {plain(e.reason)}", cite(e.sources)) for e in assessment.excluded)
    disclaimers = tuple(Note(plain(d.text), cite(d.sources)) for d in assessment.disclaimers)
    return View(
        status=assessment.status,
        status_words=STATUS[assessment.status],
        severity=graded,
        to_add=tuple(map(plain, assessment.to_add)),
        red_flags=flags,
        entries=entries,
        others=tuple(
            f"{c.rank} {plain(c.name)} ({words(c.band)}, {signed(c.score)})" for c in assessment.candidates[len(shown):]
        ),
        excluded=excluded,
        steps=tuple(
            Step(plain(test.name), ", ".join(map(plain, test.look_for)), test.expected_information,
                 f"{'; '.join(map(plain, test.advised))} {cite(test.sources)}" if test.advised else "")
            for test in assessment.next_tests
        ),
        unrecognized=tuple(map(_unrecognized, assessment.unrecognized)),
        unused=tuple(map(plain, assessment.unused)),
        warnings=tuple(map(plain, assessment.warnings)),
        disclaimers=disclaimers,
        legend=LEGEND if entries else (),
        bibliography=cite.bibliography,
        provenance=_provenance(assessment),
    )  # fmt: skip


def headline(lines: Sequence[Line], count: int) -> tuple[Line, ...]:
    """The strongest findings, for a one-line summary of a candidate."""
    return tuple([line for line in lines if not line.repeats][:count])


def rest_text(rest: Rest) -> str:
    """What a short view left out, in words; empty when nothing was."""
    return f"{rest.count} more, together {signed(rest.weight)}" if rest.count else ""


def _entry(candidate: Candidate, cite: Citations, limit: int | None) -> Entry:
    prior = candidate.prior
    text = f"{percent(prior.share)} of low counts: {plain(prior.text)}"
    estimate = " (est.)" if prior.basis == "estimate" else ""
    supports, supports_rest = _lines(candidate.supports, cite, limit)
    against, against_rest = _lines(candidate.against, cite, limit)
    return Entry(
        rank=candidate.rank, cause=plain(candidate.cause), name=plain(candidate.name),
        mechanisms=", ".join(map(words, candidate.mechanisms)),
        band=candidate.band, band_words=_band(candidate),
        score=candidate.score, weight=candidate.weight, sourced=percent(candidate.sourced_share),
        prior=Note(text + estimate, cite(prior.sources), prior.weight),
        supports=supports, supports_rest=supports_rest, against=against, against_rest=against_rest,
        adjustments=tuple(Note(plain(a.text), cite(a.sources), a.weight) for a in candidate.adjustments),
        criteria=tuple(Note(f"{CRITERIA[c.kind]}: {plain(c.reason)}", cite(c.sources)) for c in candidate.criteria),
        drugs=tuple(Note(_drug(drug), cite(drug.sources), drug.weight or None) for drug in candidate.drugs),
        variants=tuple(
            Note(f"{plain(v.name)}: {percent(v.part)} of the cause's weight", cite(v.sources))
            for v in candidate.variants if v.part >= LEAST_PART
        ),
        missing=tuple(map(plain, candidate.missing)),
    )  # fmt: skip


def _band(candidate: Candidate) -> str:
    by_rule = any(criterion.kind == "establishes" for criterion in candidate.criteria)
    return CONFIRMED if candidate.band == "established" and not by_rule else BANDS[candidate.band]


def _lines(evidence: Sequence[Evidence], cite: Citations, limit: int | None) -> tuple[tuple[Line, ...], Rest]:
    shown, left = evidence[:limit], evidence[limit:] if limit is not None else ()
    rest = Rest(len(left), sum(entry.weight for entry in left))
    return tuple(
        Line(
            text=plain(entry.statement), weight=entry.weight, repeats=entry.repeats, estimate=entry.basis == "estimate",
            figure=plain(entry.figure), background=plain(entry.background),
            population="; ".join(map(plain, entry.population)), cites=cite(entry.sources),
        )
        for entry in shown
    ), rest  # fmt: skip


def _drug(drug: DrugNote) -> str:
    parts = [f"{words(drug.grade)} evidence"]
    if drug.days_before is not None:
        days = drug.days_before
        parts.append(f"started {days:g} days before" if days >= 0 else "started after the low count")
    if drug.latency:
        parts.append(f"timing {words(drug.timing)} (published latency {plain(drug.latency)})")
    elif drug.timing == "in_window":
        parts.append("timing as in most such reactions (none is published for the drug itself)")
    elif drug.timing != "unknown":
        parts.append(f"timing {words(drug.timing)}")
    parts += [plain(text) for text in drug.incidence]
    return f"{plain(drug.name)}: {'; '.join(parts)}"


def _unrecognized(entry: dict[str, object]) -> str:
    name = plain(entry.get("finding") or entry.get("medication") or "")
    code = f" ({plain(entry['code'])})" if entry.get("code") else ""
    near = entry.get("suggestions")
    hint = f" - did you mean {' or '.join(map(plain, near))}?" if isinstance(near, (list, tuple)) and near else ""
    return name + code + hint


def _provenance(assessment: Assessment) -> tuple[str, ...]:
    origin = assessment.provenance
    own = (f"with a site's own rules: {'; '.join(map(plain, origin.overrides))}",) if origin.overrides else ()
    return (
        f"leukoref {plain(origin.version)}",
        f"knowledge {plain(origin.knowledge_version)} ({plain(origin.knowledge_hash)[:12]})",
        plain(origin.knowledge_review),
        *own,
    )
