"""A medication as a list prints it: which drugs, and when, as far as its words say ('rituximab, 4 months ago').

Exact like names of findings: what is neither a known drug, nor a dose, nor a time is not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.drug import Drug
from leukoref.knowledge.names import normalise, suggestions
from leukoref.knowledge.wording import CALENDAR_YEAR, WORDS_IN_A_PHRASE

_COMBINED = ("/", "+", " and ", " plus ", "-", ",", " with ")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_PER_DAY = re.compile(r"(?<=[a-z])\s*/\s*d\b", re.IGNORECASE)
_DAYS = {"day": 1.0, "d": 1.0, "week": 7.0, "wk": 7.0, "month": 30.44, "mo": 30.44, "year": 365.25, "yr": 365.25}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NOT_TAKEN = ("turning", "not_given", "past_time", "another_drug")  # roles of words
_UNCOUNTED = ("several", "few", "many", "some")


class Said(NamedTuple):
    """What the words of a medication say: the drugs, days from their start and their stop to now, whether they are
    said to have ended at a time not told, and the words that were not understood."""

    drugs: list[Drug]
    started: float | None = None
    stopped: float | None = None
    ended: bool = False
    unread: str = ""


def said_of(name: str, base: Knowledge) -> Said:
    """The drugs of a name, and the times in it. A combination ('a/b', 'a and b', 'a + b') is its parts if all are
    known; in brackets stands the drug by another name, which it is, a dose or a time."""
    if drugs := _named(name, base):
        return Said(drugs)
    inner = {part: _named(part, base) for part in _BRACKETS.findall(name)}
    words = " ".join([_BRACKETS.sub(" ", name), *(part for part, drugs in inner.items() if not drugs)])
    said = _timed(normalise(_PER_DAY.sub(" daily", words)).split(), base)
    again = [drug for drugs in inner.values() for drug in drugs]
    brand = not said.drugs and len(words.split()) == 1  # one that is not listed: 'Nplate (romiplostim)'
    if not again or not (said.drugs or brand):
        return said
    return said._replace(drugs=list({drug.id: drug for drug in (*said.drugs, *again)}.values()))


def near(name: str, base: Knowledge) -> list[str]:
    """Drugs whose name looks like this one, doses and routes left out."""
    bare = " ".join(base.lexicon.drug_alone(normalise(name).split()))
    found = (base.drug_names[close] for close in suggestions(bare, base.drug_names)) if bare else ()
    return [base.drug[drug].name for drug in dict.fromkeys(found)]


def _named(name: str, base: Knowledge) -> list[Drug]:
    """The drugs of a name with nothing beside them."""
    whole = normalise(name)
    if whole in base.drug_names:
        return [base.drug[base.drug_names[whole]]]
    for separator in _COMBINED:
        parts = [normalise(part) for part in name.split(separator)]
        if len(parts) > 1 and all(part in base.drug_names for part in parts):
            return [base.drug[base.drug_names[part]] for part in parts]
    return []


def _timed(words: list[str], base: Knowledge) -> Said:
    """The drug between words for a dose, a route and a time."""
    lexicon = base.lexicon
    started = stopped = None
    left = lexicon.without("drug_ended", words)
    ended = len(left) < len(words)
    for start, end, days in reversed(list(_times(left))):
        ago = next((n for n in (3, 2, 1) if lexicon.group("ago", " ".join(left[end : end + n]))), 0)
        before = lexicon.without("drug_started", left[:start])
        if ago and ended:
            stopped = days
        elif ago and len(before) == start:
            started = stopped = days
        else:
            started = days
        left = [*before, *left[end + ago :]]
    # 'Second cycle of chemotherapy': the drug itself is a word that may stand beside others.
    bare = lexicon.drug_alone(left) or [word for word in left if word in base.drug_names]
    drugs, unread = _named(" ".join(bare), base) if bare else [], ""
    if bare and not drugs and not any(CALENDAR_YEAR.fullmatch(word) for word in left):
        drugs, unread = _led(bare, base)
    return Said(drugs, started, stopped, ended and stopped is None, unread)


def _led(words: Sequence[str], base: Knowledge) -> tuple[list[Drug], str]:
    """The drug that a name begins with, and the words after it that are not understood ('Tegretol retard'); none if
    they turn its meaning ('clozapine refused') or make another of it ('clozapine antagonist')."""
    if any(base.lexicon.group(role, word) for word in words for role in NOT_TAKEN):
        return [], ""
    for length in range(min(len(words) - 1, WORDS_IN_A_PHRASE), 0, -1):
        if drugs := _named(" ".join(words[:length]), base):
            return drugs, " ".join(words[length:])
    return [], ""


def _times(words: Sequence[str]) -> Iterator[tuple[int, int, float | None]]:
    """Where an amount of time stands, and its days; none for 'several weeks'. 'Every 3 weeks' says how often."""
    for at, (number, unit) in enumerate(pairwise(words)):
        counted = number.replace(".", "", 1).isdigit() or number in _NUMBERS
        if unit not in _DAYS or not (counted or number in _UNCOUNTED) or (at and words[at - 1] == "every"):
            continue
        amount = _NUMBERS.index(number) if number in _NUMBERS else float(number) if counted else None
        yield at, at + 2, None if amount is None else round(_DAYS[unit] * amount)
