"""A name of which only the beginning is understood: what can be used of it, and what the reader is told."""

from __future__ import annotations

import re

from leukoref.knowledge.names import normalise
from leukoref.knowledge.wording import CALENDAR_YEAR
from leukoref.meaning import Match, meant, not_understood
from leukoref.reading.told import Told

_CUTS = re.compile(r"[,;] | (?=(\w+) )")  # where the part of a name that is understood may end
TURNING = ("denial", "gone", "aside", "aside_after", "relative", "negative_name", "not_given", "hint", "origin_word")


class Partly(Told):
    """The last way to read a name, when all others have failed."""

    def in_part(self, name: str) -> Match | None:
        """'Coeliac disease, poor dietary adherence': what stays with a patient, before words that are not understood
        and turn nothing round. The reader is told which."""
        if any(self.lexicon.group("turning", token) for token in self.lexicon.tokens(name)):
            return None
        for cut in reversed([*_CUTS.finditer(name)]):
            rest = name[cut.start() :].strip(" ,;")
            linked = not cut.group(1) or self.lexicon.group("course_link", normalise(cut.group(1)))
            found = self._part(self.lexicon.tokens(name[: cut.start()])) if linked else None
            if found and meant(found) and not found.excluded:
                kept = self._left_by(rest, found)
                return Match(None, kept, label=self.label, warning=not_understood(rest)) if kept else None
        return None

    def _left_by(self, rest: str, found: Match) -> tuple[str, ...]:
        """What stands of a finding whatever the words behind it mean; nothing if they say that it is not so, not sure
        or not the patient's. If they tell of another time, it is past."""
        words = normalise(rest).split()
        spans = [" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 6)]
        if any(self.lexicon.group(role, span) for span in spans for role in TURNING):
            return ()
        past = any(CALENDAR_YEAR.fullmatch(word) or self.lexicon.group("past_time", word) for word in words)
        stays = self._long_past(found) if past else self._wider(found)
        return tuple(name for name in stays.implied if name in self.lexicon.standing)
