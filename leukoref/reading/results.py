"""Results of tests that are normal or negative: what they exclude, and nothing that they might show."""

from __future__ import annotations

from collections.abc import Sequence

from leukoref.meaning import Match
from leukoref.reading.words import SIDES, Words, parted

NOT_SO, SO = ("normal", "negative"), ("abnormal", "positive")
ONE = (*SIDES, "abnormal", "positive")  # what is normal and no value is none of these


class Results(Words):
    """'Normal X', 'X negative' exclude what the groups of tests say, else what is called 'raised X', 'low X',
    'positive X'. 'Abnormal X' said to be absent denies the same; so does a test that can only be positive or not."""

    def _tested(self, tokens: Sequence[str]) -> Match | None:
        """A test with a word for its result, or without one."""
        if self.lexicon.group("search", tokens[0]) and tokens[1:2] == ["for"]:
            return None
        result, rest = self._result(tokens)
        if not rest:
            return None
        if not result:
            group = self.lexicon.tests.get(self.lexicon.test_key(rest), "")
            known = self.lexicon.excludes.get(group, ())
            return Match(None, label=self.label, denied=known) if group in self.lexicon.results else None
        findings = self._excluded_by(rest, result)
        if not findings:
            return None
        if result in NOT_SO:
            return Match(None, label=self.label, excluded=findings)
        shown = self._shown_by(rest) if result == "positive" else ()
        return Match(None, shown, label=self.label, denied=findings)

    def turned_round(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """The findings named 'no X' or implied by that name; for an abnormal or positive X those named 'normal X' or
        'X negative'."""
        wordings = [["no", *tokens]]
        for word, opposite in zip(SO, NOT_SO, strict=True):
            wordings += [[opposite, *tokens[1:]]] if tokens[0] == word else []
            wordings += [[*tokens[:-1], opposite]] if tokens[-1] == word else []
        for wording in wordings:
            found = self._equal(wording)
            listed = None if found and found.finding else self._listed(self.lexicon.told(wording))
            names = (found.finding,) if found and found.finding else listed.implied if listed else ()
            told = tuple(name for name in names if self.base.finding[name].kind == "presence")
            if told:
                return told
        return ()

    def _shown_by(self, rest: Sequence[str]) -> tuple[str, ...]:
        """What positive results of these tests show, one or several joined by 'and'; each must be known."""
        found = self._named(["positive", *rest])
        if not found and "and" in rest:
            left, right = map(self._shown_by, parted(rest, "and"))
            found = (*left, *right) if left and right else ()
        return tuple(dict.fromkeys(found))

    def _result(self, tokens: Sequence[str]) -> tuple[str, list[str]]:
        """The word for the result, first or last in a name, and the test."""
        for at, rest in ((0, tokens[1:]), (-1, tokens[:-1])):
            if len(tokens) > 1 and tokens[at] in (*NOT_SO, *SO):
                return tokens[at], list(rest)
        return "", list(tokens)

    def _excluded_by(self, rest: Sequence[str], result: str) -> tuple[str, ...]:
        """What a normal result of these tests excludes; each of several must be known."""
        group = self.lexicon.tests.get(self.lexicon.test_key(rest))
        if group is not None:
            return self.lexicon.excludes[group]
        found = self._sides(rest, result) or (self._named(rest) if result == "negative" else ())
        for word in ("and", "or"):
            if not found and word in rest:
                before, after = parted(rest, word)
                left, right = self._first_of(before, after, result), self._excluded_by(after, result)
                found = (*left, *right) if left and right else ()
        return tuple(dict.fromkeys(found))

    def _first_of(self, first: list[str], second: list[str], result: str) -> tuple[str, ...]:
        """The first of two tests, with the word for the kind of test that closes the second ('CMV and EBV PCR')."""
        kind = [word for word in second[-1:] if self.lexicon.group("turning_after", word)]
        return (self._excluded_by([*first, *kind], result) if kind else ()) or self._excluded_by(first, result)

    def _sides(self, rest: Sequence[str], result: str) -> tuple[str, ...]:
        """The findings named 'raised X', 'low X'."""
        if not rest or any(self.lexicon.group("turning", token) for token in rest):
            return ()
        measured = self._equal(rest)
        quantity = measured and measured.finding and self.base.finding[measured.finding].kind == "quantity"
        if result in ("negative", "positive"):
            shown = self._named(["positive", *rest])
            return shown or (self._named(["elevated", *rest]) if quantity else ())
        sides = [self._named([word, *rest]) for word in (SIDES if quantity else ONE)]
        return tuple(name for side in sides for name in side)

    def _named(self, tokens: Sequence[str]) -> tuple[str, ...]:
        found = self._equal(tokens)
        return (found.finding,) if found and found.finding and self._presence(found.finding) else ()
