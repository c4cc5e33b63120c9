"""Sources: every statement has one, every key is in the bibliography, every entry can be found and is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Path_
from leukoref.knowledge.checks.walking import citations, comparisons, statements
from leukoref.knowledge.loader import Complaint

STUDY_TYPES = {
    "review", "guideline", "cohort", "case_series", "case_report", "textbook", "trial", "label", "registry",
    "regulation", "dataset", "meta_analysis", "database",
}  # fmt: skip
READ_BY_PEOPLE = {"name", "reason", "reasoning", "action", "threshold", "text", "why", "title", "population"}
_UNFINISHED = re.compile(r"\W*((todo|tbd|fixme|xxx)\b.*)?\W*", re.IGNORECASE | re.DOTALL)
READ = ("excerpt", "abstract", "full text")


@check
def unknown_source(draft: Draft) -> Iterator[Complaint]:
    """A source key that the bibliography lacks."""
    for document, path, key in citations(draft):
        if key not in draft.source_keys:
            yield Complaint(
                file=document.name, line=document.line(path), rule=document.rule(path), check="unknown_source",
                message=f"source {key!r} is not in sources.yaml" if key.strip() else "empty source",
                remedy="add it to the bibliography, as it was looked up",
            )  # fmt: skip


@check
def uncited_source(draft: Draft) -> Iterator[Complaint]:
    """An entry of the bibliography that no rule cites."""
    cited = {draft.source_keys.get(key, key) for _, _, key in citations(draft)}
    for entry in draft.references:
        if entry.id not in cited:
            message = "nobody cites this source"
            yield entry.complain("uncited_source", message, remedy="cite it or remove it", severity="warning")


@check
def threshold_without_source(draft: Draft) -> Iterator[Complaint]:
    """A derived finding with a threshold of its own says where the threshold comes from."""
    numeric: dict[int, str] = {}
    for entry, _, comparison in comparisons(draft):
        limits = (comparison.below, comparison.at_most, comparison.above, comparison.at_least)
        if comparison.finding != "age" and any(isinstance(limit, float) and limit for limit in limits):
            numeric.setdefault(id(entry.value), comparison.finding)
    for rule in draft.derived:
        if id(rule.value) in numeric and not rule.value.source:
            message = f"a threshold of {numeric[id(rule.value)]} without a source"
            remedy = "name the source, or compare with `reference`"
            yield rule.complain("threshold_without_source", message, "when", remedy=remedy)


@check
def read_more_than_recorded(draft: Draft) -> Iterator[Complaint]:
    """`seen` of a statement claims more than the bibliography records as read of that source."""
    read = {entry.id: entry.value.custom.get("seen") for entry in draft.references}
    for entry in draft.causes:
        for path, statement in statements(entry):
            known = read.get(draft.source_keys.get(statement.source, ""))
            if known in READ and READ.index(statement.seen) > READ.index(known):
                message = f"seen: {statement.seen}, but sources.yaml records {known} for {statement.source}"
                yield entry.complain("read_more_than_recorded", message, *path, "seen", remedy="correct one of them")


@check
def undescribed_source(draft: Draft) -> Iterator[Complaint]:
    """A source says what kind of study it is and what was read of it."""
    for entry in draft.references:
        custom = entry.value.custom
        if custom.get("study_type") not in STUDY_TYPES:
            message = f"kind of study {custom.get('study_type')!r}"
            remedy = f"custom.study_type is one of {', '.join(sorted(STUDY_TYPES))}"
            yield entry.complain("undescribed_source", message, "custom", remedy=remedy, severity="warning")
        if custom.get("seen") not in READ:
            message = f"what was read of it: {custom.get('seen')!r}"
            remedy = f"custom.seen is one of {', '.join(READ)}"
            yield entry.complain("undescribed_source", message, "custom", remedy=remedy, severity="warning")


@check
def empty_text(draft: Draft) -> Iterator[Complaint]:
    """Reasons, actions, thresholds and advice are there to be read: an empty or unfinished one is a hole."""
    for document in draft.documents:
        for path, text in _texts(document.value, ()):
            if _UNFINISHED.fullmatch(text):
                yield Complaint(
                    file=document.name, line=document.line(path), rule=document.rule(path), check="empty_text",
                    message=f"{path[-1]}: nothing to read ({text.strip() or 'empty'})", remedy="say it in plain words",
                )  # fmt: skip


def _texts(value: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    """Every text of a document that is meant for a reader."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and key in READ_BY_PEOPLE:
                yield (*path, key), inner
            elif isinstance(inner, (dict, list)):
                yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, (*path, position))
