"""What a name or code stands for."""

from __future__ import annotations

from dataclasses import dataclass

from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge


@dataclass(frozen=True, slots=True)
class Match:
    """What a name or code stands for: findings that are meant, or only implied by a wider meaning.

    ``denied`` are findings whose absence is said by the absence of this one ("A or B"), ``excluded`` those whose
    absence is said by its presence ("no A"); ``contrary`` those whose presence is said by its absence ("no abnormal
    film" is a normal film). ``warning`` tells the reader why it is not used.
    """

    finding: str | None
    implied: tuple[str, ...] = ()
    label: str = ""
    denied: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    contrary: tuple[str, ...] = ()
    warning: str = ""


def from_term(term: hpo.Term, base: Knowledge) -> Match:
    """The finding of an HPO term, or the findings it implies."""
    exact = base.finding_codes.get(term.id)
    if exact:
        return Match(exact, label=term.label)
    return Match(None, hpo.nearest(term, base.codes_above), label=term.label)


def meant(match: Match) -> tuple[str, ...]:
    """The finding a name means, or the findings it implies."""
    return (match.finding,) if match.finding else match.implied


def denied_with(match: Match) -> tuple[str, ...]:
    """What is absent where the name is said to be."""
    return (match.finding,) if match.finding else match.denied


def told(match: Match | None) -> bool:
    """Whether anything follows from a name that is said to be there."""
    return match is not None and bool(meant(match) or match.excluded or match.warning)


def not_understood(rest: str) -> str:
    """What the reader is told of words behind a name that could be used without them."""
    return f"of this '{rest}' was not understood"


def says(match: Match | None) -> bool:
    """Whether anything follows from a name, be it said to be there or not."""
    return match is not None and (told(match) or bool(match.denied))
