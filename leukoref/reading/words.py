"""Looking words up: as they stand, in other order, among the names that say nothing, among the qualifiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.meaning import Match, from_term

MOST_BESIDE = 7
SIDES = ("elevated", "low", "prolonged")  # how a measured value lies; a normal one is none of these


def parted(tokens: Sequence[str], word: str) -> tuple[list[str], list[str]]:
    """What stands before and after the last ``word``."""
    at = len(tokens) - 1 - list(reversed(tokens)).index(word)
    return list(tokens[:at]), list(tokens[at + 1 :])


class Words:
    """What every way of reading needs: one name, and the vocabulary."""

    def __init__(self, base: Knowledge, label: str) -> None:
        self.base, self.lexicon, self.label = base, base.lexicon, label
        self._parts: dict[tuple[str, ...], Match | None] = {}

    def _part(self, tokens: Sequence[str]) -> Match | None:
        """A reading of part of a name; each part is read once."""
        asked = tuple(tokens)
        if asked not in self._parts:
            self._parts[asked] = None  # a part that asks for itself is not understood
            self._parts[asked] = self._read_part(asked) if asked else None
        return self._parts[asked]

    def _read_part(self, tokens: tuple[str, ...]) -> Match | None:
        raise NotImplementedError

    def _tested(self, tokens: Sequence[str]) -> Match | None:
        """A test and its result."""
        raise NotImplementedError

    def _equal(self, tokens: Sequence[str]) -> Match | None:
        """The same words, in other order or with other fillers."""
        text = " ".join(tokens)
        found = self.base.finding_names.get(text) or self.lexicon.keys.get(self.lexicon.key(tokens))
        if found:
            return Match(found, label=self.label)
        term = None if self.lexicon.is_instead(tokens) else hpo.by_name(text)
        if term is None:
            return self._quantity(tokens)
        match, listed = from_term(term, self.base), None
        if match.finding is None:
            listed = self._listed(self.lexicon.told(tokens))  # what we say of a term beside its place in HPO
        return Match(None, (*match.implied, *listed.implied), label=match.label) if listed else match

    def _quantity(self, tokens: Sequence[str]) -> Match | None:
        """'Serum sodium level': a measured thing with the words that only say that it is measured."""
        told = self.lexicon.told(tokens)
        rest = [t for t in told if t not in self.lexicon.droppable.get("level", ())]
        found = self.lexicon.keys.get(self.lexicon.key(rest)) if rest and len(rest) < len(told) else None
        return Match(found, label=self.label) if found and self.base.finding[found].kind == "quantity" else None

    def _silent(self, warning: str = "") -> Match:
        return Match(None, label=self.label, warning=warning)

    def _wider(self, found: Match) -> Match:
        """A name narrower than what was found: it implies it, and denies nothing."""
        if found.finding is None:
            return Match(None, found.implied, label=self.label)
        meant = self.base.finding[found.finding]
        if meant.kind == "quantity" or self._negative_meaning(meant.name):
            return self._silent()
        return Match(None, (found.finding,), label=self.label)

    def _negative_meaning(self, name: str) -> bool:
        """Whether a finding says that something is not so: then 'left', 'severe' do not make it narrower."""
        return any(self.lexicon.group("negative_name", token) for token in self.lexicon.tokens(name))

    def _any_measured(self, findings: Iterable[str]) -> bool:
        """Whether one of them is a quantity."""
        return any(self.base.finding[name].kind == "quantity" for name in findings)

    def _presence(self, finding: str) -> bool:
        """Whether a finding is there or not, and says so; an answer to treatment and a recovery are such."""
        words = self.lexicon.without("answer", self.lexicon.tokens(self.base.finding[finding].name))
        negative = any(self.lexicon.group("negative_name", word) for word in words)
        return self.base.finding[finding].kind == "presence" and not negative

    def _listed(self, content: Sequence[str]) -> Match | None:
        """A name of `rules/names` with words that may stand beside it ('Coxiella' IgG positive)."""
        names = self.lexicon.names
        key = self.lexicon.key(content)
        if key in names and names[key] != "quantity":
            return self._of_group(names[key], ())
        loose = [at for at, token in enumerate(content) if token in self.lexicon.beside_any][:MOST_BESIDE]
        for number in range(1, len(loose) + 1):
            for dropped in combinations(loose, number):
                kept = [token for at, token in enumerate(content) if at not in dropped]
                group = names.get(self.lexicon.key(kept)) if kept else None
                around = [content[at] for at in dropped]
                if group and set(around) <= self.lexicon.beside.get(group, frozenset()):
                    return (
                        self._silent() if self.lexicon.group("turning", content[0]) else self._of_group(group, around)
                    )
        return None

    def _of_group(self, group: str, around: Sequence[str]) -> Match:
        words = set(around)
        implies = self.lexicon.implies.get(group, {})
        found: list[str] = []
        if not any(self.lexicon.group(role, word) for role in ("search", "negative_name") for word in words):
            for needed, findings in implies.items():
                if set(needed.split()) <= words:
                    found.extend(findings)
        excluded = () if words else self.lexicon.denies.get(group, ())
        return Match(None, tuple(dict.fromkeys(found)), label=self.label, excluded=excluded)

    def _spans(self, tokens: Sequence[str], role: str) -> list[tuple[int, int, str]]:
        """Places of the phrases of a role, longest first at each place, not overlapping."""
        found: list[tuple[int, int, str]] = []
        position = 0
        while position < len(tokens):
            for length in range(min(4, len(tokens) - position), 0, -1):
                group = self.lexicon.group(role, " ".join(tokens[position : position + length]))
                if group:
                    found.append((position, position + length, group))
                    position += length - 1
                    break
            position += 1
        return found

    def _drug(self, tokens: Sequence[str]) -> Match | None:
        """A drug where a finding is expected: what it would set as a medication."""
        rest = self.lexicon.drug_alone(tokens)
        found = self.base.drug_names.get(" ".join(tokens)) or self.base.drug_names.get(" ".join(rest))
        if not found:
            return None
        if self._spans(tokens, "local") and " ".join(tokens) not in self.base.drug_names:
            return self._silent()
        drug = self.base.drug[found]
        taken = (*self._taken(tokens), *self._taken(rest), *self._taken(normalise(drug.name).split()))
        above = {wider for name in taken for wider in self.base.ancestors[name]}
        implied = dict.fromkeys((*taken, *(name for name in drug.exposures if name not in above)))
        return Match(None, tuple(implied), label=self.label)

    def _taken(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """What it says that a drug of this name was taken at some time."""
        drug = self.base.drug_names.get(" ".join(tokens))
        used = (self._equal([*tokens, "use"]) or self._equal(tokens)) if drug else None
        listed = self._listed([*tokens, "use"]) if drug and not (used and used.finding) else None
        names = (used.finding,) if used and used.finding else listed.implied if listed else ()
        return tuple(name for name in names if self._presence(name))

    def _times(self, content: Sequence[str]) -> list[tuple[int, int]]:
        """'3 day history', 'over 2 week', '10 kg', '1 640': how long, how much, how often."""
        found = []
        for at, token in enumerate(content[:-1]):
            number = token.replace(".", "").isdigit() or self.lexicon.group("number", token)
            follows = content[at + 1]
            titre = follows.isdigit() and "positive" in content
            if not number or not (self.lexicon.group("unit_of_time", follows) or titre):
                continue
            start, end = at, at + 2
            while start and self.lexicon.group("number_lead", content[start - 1]):
                start -= 1
            while end < len(content) and content[end] in ("history", "duration", "old", "age"):
                end += 1
            found.append((start, end))
        return found

    def _harmless(self, tokens: Sequence[str]) -> bool:
        """Whether every word is known, and none says that something is not so, not now or not the patient's."""
        turning = ("turning", "negative_name", "relative", "history")
        phrase = " ".join(tokens)
        if any(self.lexicon.group(role, token) for token in tokens for role in turning):
            return False
        if any(f" {words} " in f" {phrase} " for words in self.lexicon.roles.get("gone", {})):
            return False
        return all(self._is_word(token) for token in tokens)

    def _is_word(self, token: str) -> bool:
        number = token.replace(".", "").isdigit()
        return number or token in self.lexicon.words or token in hpo.words()
