"""How tests of readings write what a name means, and what follows from it."""

from __future__ import annotations

from leukoref import Patient
from leukoref.engine.durable import DurableEngine
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.matching import match_name


def meaning_in(phrase: str, base: Knowledge) -> str:
    """`id` the finding itself, `~id` implied when present, `!id` absent when present, `/id` absent when absent, `-`
    understood and silent, `?` not understood."""
    match = match_name(phrase, None, base)
    if match is None:
        return "?"
    if match.finding:
        return match.finding
    told = [*("~" + n for n in match.implied), *("!" + n for n in match.excluded), *("/" + n for n in match.denied)]
    return " ".join(told) or "-"


def states(base: Knowledge, durable: DurableEngine, *phrases: str) -> dict[str, bool]:
    """All that follows from phrases; 'no X' is X said to be absent."""
    said = [{"finding": p.removeprefix("no "), "present": not p.startswith("no ")} for p in phrases]
    known = resolve(Patient.parse({"observations": said}), base)
    assert known.recognised, phrases
    return durable.infer(known).presence
