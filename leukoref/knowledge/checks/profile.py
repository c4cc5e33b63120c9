"""The core profile: every cause speaks to every core finding and every scale, in probabilities that add up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from leukoref.knowledge.cause import Cause, Estimates, Variant
from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Path_
from leukoref.knowledge.loader import Complaint

TOLERANCE = 0.011  # shares are written with two decimals
SHOWN = 12


@check
def core_hole(draft: Draft) -> Iterator[Complaint]:
    """A cause is silent on a core finding or a scale: it would be neutral where others pay."""
    said = [(word.finding, scale.id) for scale in draft.scales for word in scale.value.words]
    words = {name: scale for name, scale in said if sum(name == other for other, _ in said) == 1}
    core = [e.id for e in draft.findings if e.value.core and e.value.kind == "presence" and e.id not in dict(said)]
    for entry in draft.causes:
        spoken = _spoken(entry.value, words)
        for kind, wanted in (("core finding", core), ("scale", [scale.id for scale in draft.scales])):
            holes = [name for name in wanted if name not in spoken]
            if holes:
                more = f" and {len(holes) - SHOWN} more" if len(holes) > SHOWN else ""
                message = f"silent on {len(holes)} of {len(wanted)} {kind}s: {', '.join(holes[:SHOWN])}{more}"
                remedy = "add a sourced frequency, or a labelled estimate under `estimates`"
                yield entry.complain("core_hole", message, "estimates", remedy=remedy)
        drawn = {name for block in entry.value.estimates for name in block.cells}
        for scale in draft.scales:
            if scale.id in spoken and scale.id not in drawn:
                message = f"{scale.id}: statements, but no shape; the rest is spread evenly over the bins"
                remedy = "add the estimated share of each bin"
                yield entry.complain("core_hole", message, "estimates", remedy=remedy, severity="warning")


def _spoken(cause: Cause, words: dict[str, str]) -> set[str]:
    """Core findings and scales the cause has a figure or an estimate for."""
    found = {name for block in cause.estimates for name in block.cells}
    for statement in cause.statements:
        said = statement.figure or statement.likelihood_ratio
        if statement.weighed and statement.finding and said:
            found.add(statement.finding)
            if statement.finding in words:
                found.add(words[statement.finding])
    return found


@check
def lone_speaker(draft: Draft) -> Iterator[Complaint]:
    """A finding of which only some causes speak has a background.

    Without it `rest_rates` stand for the others, and a symptom that is common everywhere counts for the cause that
    happens to name it.
    """
    core = {e.id for e in draft.findings if e.value.core} | {w.finding for s in draft.scales for w in s.value.words}
    wider = {e.id: e.value.is_a for e in draft.findings}
    owners: list[Cause | Variant] = []
    for entry in draft.causes:
        owners += (entry.value, *entry.value.kinds)
    alone = {name for owner in owners for name in _cells(owner)} - core
    for told_of in draft.findings:
        finding = told_of.value
        above = set(_climb(finding.id, wider))
        told = finding.kind == "quantity" or finding.background or core & above or above - set(wider)
        if finding.id in alone and not told:
            message = "some causes speak of it, and its background is not given"
            remedy = "add `background`: how often the other causes have it, a figure or a labelled estimate"
            yield told_of.complain("lone_speaker", message, remedy=remedy, severity="warning")


def _cells(owner: Cause | Variant) -> Iterator[str]:
    """Findings for which a cause or a kind of it gives how often they are there."""
    yield from (name for block in owner.estimates for name in block.cells)
    yield from (s.finding for s in owner.statements if s.finding and s.frequency and s.weighed)


def _climb(finding: str, wider: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """All wider findings; a circle, which another check complains of, ends the climb."""
    waiting, seen = list(wider.get(finding, ())), {finding}
    while waiting:
        if (parent := waiting.pop()) not in seen:
            seen.add(parent)
            waiting += wider.get(parent, ())
            yield parent


@check
def wrong_cell(draft: Draft) -> Iterator[Complaint]:
    """An estimate is a probability of a presence finding, or one share per bin of a scale, adding up to 1."""
    wider = {name: finding.is_a for name, finding in draft.finding.items()}
    reasoned = {name for name in wider if any(draft.finding[n].why for n in (name, *_climb(name, wider)) if n in wider)}
    for entry in draft.causes:
        owners: list[tuple[Path_, Sequence[Estimates]]] = [((), entry.value.estimates)]
        owners += [(("variants", number), kind.estimates) for number, kind in enumerate(entry.value.variants)]
        for place, blocks in owners:
            seen: dict[str, str] = {}
            for position, block in enumerate(blocks):
                for name, value in block.cells.items():
                    problem = _cell_problem(name, value, draft)
                    if problem is None and not block.reasoning and name not in reasoned:
                        remedy = "give the block its `reasoning`, or the finding its `why`"
                        problem = (f"the estimate of {name} has no reasoning", remedy)
                    if name in seen:
                        problem = (f"{name} is estimated in {seen[name]!r} and again in {block.group!r}", "keep one")
                    seen.setdefault(name, block.group)
                    if problem:
                        path = (*place, "estimates", position, "cells", name)
                        yield entry.complain("wrong_cell", problem[0], *path, remedy=problem[1])


@check
def wrong_share(draft: Draft) -> Iterator[Complaint]:
    """The shares of the kinds of a cause add up to at most 1, and only a kind with a share has estimates."""
    for entry in draft.causes:
        total = math.fsum(kind.share.value for kind in entry.value.kinds if kind.share)
        if total > 1 + TOLERANCE:
            message = f"the shares of its kinds add up to {total:.3g}"
            yield entry.complain("wrong_share", message, "variants", remedy="they add up to 1 at most")
        for number, kind in enumerate(entry.value.variants):
            if kind.estimates and kind.share is None:
                message, remedy = f"{kind.id} has estimates but no share", "say which part of the cause it is"
                yield entry.complain("wrong_share", message, "variants", number, remedy=remedy)


def _cell_problem(name: str, value: float | tuple[float, ...], draft: Draft) -> tuple[str, str] | None:
    scale, finding = draft.scale.get(name), draft.finding.get(name)
    if scale is None and finding is None:
        return f"cell names unknown finding {name!r}", "correct the id or add the finding"
    if isinstance(value, tuple):
        if scale is None:
            return f"{name} is no scale, it has one probability", "give one number"
        if len(value) != len(scale.bins):
            return f"{name}: {len(value)} shares for {len(scale.bins)} bins", f"the bins are {', '.join(scale.bins)}"
        if not all(0 <= share <= 1 for share in value):
            return f"{name}: a share lies between 0 and 1", "correct it"
        if abs(math.fsum(value) - 1) > TOLERANCE:
            return f"{name}: shares add up to {math.fsum(value):.3g}", "they add up to 1"
        return None
    if scale is not None and (finding is None or finding.kind == "quantity"):
        return f"{name} is a scale", f"give one share per bin: {', '.join(scale.bins)}"
    if finding is not None and finding.kind == "quantity":
        return f"{name} is a quantity without a scale", "estimate a presence finding derived from it"
    if not 0 <= value <= 1:
        return f"{name}: {value:g} is no probability", "a probability lies between 0 and 1"
    return _said_by_scales(name, draft)


def _said_by_scales(name: str, draft: Draft) -> tuple[str, str] | None:
    """A word of a scale is weighed there, for every cause: a cell of its own would count the finding twice, the second
    time against a background of causes that seem silent. A word of several scales is weighed on each of them."""
    said = [(scale.id, word.present) for scale in draft.scale.values() for word in scale.words if word.finding == name]
    if not said:
        return None
    scales = " and ".join(scale for scale, _ in said)
    shares = "; ".join(f"{scale}: [{', '.join(draft.scale[scale].bins)}]" for scale, _ in said)
    meant = f" ({name} is {', '.join(said[0][1])})" if len(said) == 1 and said[0][1] else ""
    kind = "scale" if len(said) == 1 else "scales"
    return f"{name} is weighed on the {kind} {scales}", f"give one share per bin, as in {shares}{meant}"
