"""Names put together of words of known kinds: a body part and what is wrong with it, a measured thing and its course.

Such a name is understood without being listed. What a cause speaks of is implied only where a pattern says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from leukoref.meaning import Match
from leukoref.reading.words import Words


class Composed(Words):
    """Every word must be of a kind that the pattern names, a qualifier or a number; no other word is skipped."""

    def _composed(self, tokens: Sequence[str]) -> Match | None:
        told = self._unnumbered(self.lexicon.told(tokens))
        spans = self._kinds(told) if told else None
        if not spans:
            return self._headed(told)
        words = {word for phrase, _ in spans for word in phrase.split()}
        fitting = [pattern for pattern in self.lexicon.patterns if self._fits(spans, pattern.kinds, pattern.beside)]
        for pattern in fitting:
            implied = [
                finding
                for needed, findings in pattern.implies.items()
                if set(needed.split()) <= words
                for finding in findings
            ]
            heard = self._unsaid(spans, {*pattern.kinds, *pattern.beside})
            if implied and not pattern.unless & words and not self._turned_by(heard):
                return Match(None, tuple(dict.fromkeys(implied)), label=self.label)
        return self._silent() if fitting else self._headed(told)

    def _unsaid(self, spans: Sequence[tuple[str, frozenset[str]]], taken: set[str]) -> list[tuple[str, frozenset[str]]]:
        """The phrases but for those that turn nothing in a pattern made for them ('loss' of an anchored protein)."""
        return [span for span in spans if not ("said_so" in span[1] and span[1] & taken & self.lexicon.said_in)]

    def _turned_by(self, spans: Sequence[tuple[str, frozenset[str]]]) -> bool:
        """Whether a word turns the meaning ('infected line pending'); a contact or a recovery may be what is said."""
        return any(
            self.lexicon.group(role, word)
            for phrase, kinds in spans
            for word in phrase.split()
            for role in ("negative_name", "turning")
            if not kinds & self.lexicon.no_denial
            and (role == "negative_name" or not kinds & {"meeting", "animal", "thing"})
        )

    def _headed(self, told: Sequence[str]) -> Match | None:
        """'Nail salon worker', 'cod liver oil': the last word says what it is, the others are known."""
        for length in (2, 1):
            group = self.lexicon.group("head", " ".join(told[-length:]))
            if group and len(told) > length and self._harmless(told[:-length]):
                used = self._part(told[:-length]) if group == "heads_of_use" else None
                return self._wider(used) if used and not used.excluded else self._silent()
        return None

    def _kinds(self, tokens: Sequence[str]) -> list[tuple[str, frozenset[str]]] | None:
        """The phrases of the name, each with its kinds; none if a word is of no kind. The longest phrase wins."""
        found: list[tuple[str, frozenset[str]]] = []
        position = 0
        while position < len(tokens):
            for length in range(min(4, len(tokens) - position), 0, -1):
                phrase = " ".join(tokens[position : position + length])
                kinds = self.lexicon.kinds_of(phrase)
                if kinds:
                    found.append((phrase, kinds))
                    position += length
                    break
            else:
                return None
        return found

    def _unnumbered(self, tokens: Sequence[str]) -> list[str]:
        return [t for t in tokens if not t.rstrip("%").replace(".", "").isdigit()]

    def _fits(self, spans: Sequence[tuple[str, frozenset[str]]], needed: Sequence[str], beside: frozenset[str]) -> bool:
        """Whether each needed kind has a phrase of its own, and every other phrase may stand beside them."""
        if not needed:
            return all(kinds & beside for _, kinds in spans)
        first, rest = needed[0], needed[1:]
        return any(
            self._fits([*spans[:at], *spans[at + 1 :]], rest, beside)
            for at, (_, kinds) in enumerate(spans)
            if first in kinds
        )
