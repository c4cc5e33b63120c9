"""The 13 source attributes that 45 CFR 170.315(b)(11)(iv)(A) asks of evidence-based decision support.

Every answer is read off the base. What the base does not record is said to be unknown, never made up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.checks.ids import NAMES_RACE

RULE = "45 CFR 170.315(b)(11)(iv)(A)"
UNKNOWN = "unknown: the base does not record it"
# Names in the vocabulary that carry such information, as the standards of 45 CFR 170.213 group it.
LANGUAGE = r"\b(interpreter|preferred language|spoken language)\b"
ORIENTATION = r"\b(homosexual|bisexual|sexual orientation|men who have sex with men)\b"
IDENTITY = r"\b(transgender|gender identity)\b"
SOCIAL = r"homeless|incarcerat|prison|poverty|food insecur|unemploy|refugee|institutional living|occupational?\b"
STATUS = (
    r"^pregnan|smok|tobacco|alcohol (use|excess)|(recreational|injection) drug|cocaine use|"
    r"performance status|disabilit|dementia"
)


def dsi(base: Knowledge) -> list[dict[str, Any]]:
    """One entry an attribute: number, attribute, answer (used, not used, stated or unknown), detail, findings."""
    answers: list[tuple[str, Callable[[Knowledge], dict[str, Any]]]] = [
        ("bibliographic citation", _citation),
        ("developer", _developer),
        ("funding source of the technical implementation", _funding),
        ("release and revision dates", _dates),
        ("use of race", lambda base: _use(base, NAMES_RACE.pattern, _DUFFY)),
        ("use of ethnicity", lambda base: _use(base, NAMES_RACE.pattern, _DUFFY)),
        ("use of language", lambda base: _use(base, LANGUAGE)),
        ("use of sexual orientation", lambda base: _use(base, ORIENTATION, _EXPOSURE)),
        ("use of gender identity", lambda base: _use(base, IDENTITY)),
        ("use of sex", _sex),
        ("use of date of birth", _age),
        ("use of social determinants of health", lambda base: _use(base, SOCIAL, _NO_SCREENING)),
        ("use of health status assessments", lambda base: _use(base, STATUS, _NO_SCREENING)),
    ]
    return [
        {"number": number, "attribute": name, "rule": RULE, **answer(base)}
        for number, (name, answer) in enumerate(answers, start=1)
    ]


_DUFFY = "The linter refuses a finding that names it. Duffy-null status, which can be tested, is used."
_EXPOSURE = "Where it is a synonym of an exposure, the exposure is what is weighed."
_NO_SCREENING = "As plain findings of the history, when a caller hands them in; no screening instrument is scored."


def _citation(base: Knowledge) -> dict[str, Any]:
    kinds = Counter(str(entry.custom.get("study_type", "not stated")) for entry in base.references)
    listed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.most_common())
    detail = (
        f"{len(base.references)} sources ({listed}). Each statement cites its own; every answer lists those it uses."
    )
    return {"answer": "stated", "detail": detail}


def _developer(base: Knowledge) -> dict[str, Any]:
    roles = Counter(cause.provenance.author_role for cause in base.causes)
    listed = ", ".join(f"{role} ({count} of {len(base.causes)} causes)" for role, count in roles.most_common())
    reviews = sorted({cause.provenance.review_status for cause in base.causes})
    detail = (
        f"Translated from the sources by: {listed}. Review: {'; '.join(reviews)}. Person or organisation: {UNKNOWN}."
    )
    return {"answer": "stated in part", "detail": detail}


def _funding(base: Knowledge) -> dict[str, Any]:
    return {"answer": "unknown", "detail": UNKNOWN}


def _dates(base: Knowledge) -> dict[str, Any]:
    written = sorted({str(cause.provenance.date) for cause in base.causes})
    years = sorted(entry.year for entry in base.references if entry.year)
    span = f"Sources were published from {years[0]} to {years[-1]}. " if years else ""
    causes = f"Causes were last revised from {written[0]} to {written[-1]}. " if written else ""
    return {"answer": "stated", "detail": f"Version {base.version}. {causes}{span}Clinical review: {base.reviewed}."}


def _use(base: Knowledge, pattern: str, remark: str = "") -> dict[str, Any]:
    """Whether any finding of the vocabulary carries such information, and which a cause speaks of."""
    wanted = re.compile(pattern, re.IGNORECASE)
    named = [
        entry.id
        for entry in base.findings
        if any(wanted.search(name) for name in (entry.name, entry.id.replace("_", " "), *entry.synonyms))
    ]
    weighed = [name for name in named if name in _spoken(base)]
    detail = (
        f"{len(weighed)} of {len(named)} such findings of the vocabulary are weighed." if named else "No finding of it."
    )
    return {"answer": "used" if weighed else "not used", "detail": f"{detail} {remark}".strip(), "findings": weighed}


def _spoken(base: Knowledge) -> set[str]:
    """Findings that a cause weighs."""
    return {name for cause in base.causes for block in cause.estimates for name in block.cells} | {
        statement.finding
        for cause in base.causes
        for statement in all_statements(cause)
        if statement.finding and (statement.figure or statement.likelihood_ratio)
    }


def _sex(base: Knowledge) -> dict[str, Any]:
    intervals = [entry.id for entry in base.findings if any(ref.sex for ref in entry.reference)]
    weighed = [name for name in ("female", "male") if name in _spoken(base)]
    detail = f"Reference intervals by sex: {_counted(intervals)}. As a finding: {', '.join(weighed) or 'no'}."
    return {"answer": "used" if intervals or weighed else "not used", "detail": detail, "findings": weighed}


def _age(base: Knowledge) -> dict[str, Any]:
    intervals = [entry.id for entry in base.findings if any(ref.from_ or ref.to for ref in entry.reference)]
    detail = f"As age only, never as a date: reference intervals by age: {_counted(intervals)}; "
    detail += f"tables of priors by age: {', '.join(band.band for band in base.priors.age_bands)}; "
    detail += f"a scale of ages that causes speak to: {'yes' if 'age' in base.scale else 'no'}."
    return {"answer": "used", "detail": detail}


def _counted(names: Iterable[str]) -> str:
    listed = list(names)
    return f"{len(listed)} quantities" if listed else "none"
