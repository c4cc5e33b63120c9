"""What a name means: exactly a finding, something narrower, its denial, or something known that says nothing.

Exact after normalising, never by likeness. What is narrower than a finding implies it when present and says nothing
when absent; words that turn a meaning round are no qualifiers and are never dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge
from leukoref.meaning import Match, from_term, meant

LONGEST = 24  # words of a name that is taken apart
MOST_QUALIFIERS = 7
MOST_BESIDE = 7
SPECIMEN = ("serum", "plasma")
RESULT_WORDS = ("positive", "negative")
DONE = ("test", "testing", "screen", "screening", "panel", "pcr", "culture", "smear", "serology", "study", "stain")
LEVEL_WORDS = ("positive", "negative", "elevated", "low", "abnormal", "normal")
AMOUNT = ("level", "concentration", "value")
PARTS = ("and", "or", "with", "dueto", "from", "on", "for", "after")


def read(name: str, base: Knowledge) -> Match | None:
    """The meaning of a name that the vocabulary does not list as it stands."""
    lexicon = base.lexicon
    if not lexicon.roles:
        return None
    reader = _Reader(base, name)
    for wording in (name, *_listings(name)):
        tokens = lexicon.tokens(wording)
        found = reader.read(tokens) if 0 < len(tokens) <= LONGEST else None
        if found is not None:
            return found
    return None


def _listings(name: str) -> list[str]:
    """'A, B and C', 'A/B' with the words that commas and strokes stand for."""
    found = []
    if ", " in name:
        word = " or " if " or " in name else " and "
        found.append(name.replace(", and ", ", ").replace(", or ", ", ").replace(", ", word))
    if "/" in name:
        found.append(name.replace("/", " or "))
    return found


def also_listed(match: Match, base: Knowledge) -> Match:
    """An HPO term that is no finding itself: what it implies by its place in HPO, and by name in `rules/names`."""
    listed = _Reader(base, match.label).listed(base.lexicon.tokens(match.label))
    implied = tuple(dict.fromkeys((*match.implied, *(listed.implied if listed else ()))))
    return Match(None, implied, label=match.label)


class _Reader:
    """One name taken apart. The readings are tried from the strictest to the loosest."""

    def __init__(self, base: Knowledge, label: str) -> None:
        self.base, self.lexicon, self.label = base, base.lexicon, label

    def read(self, tokens: Sequence[str]) -> Match | None:
        listed = self._listed(self.lexicon.told(tokens))
        telling = listed if listed and listed.implied else None
        found = (
            self._equal(tokens) or self._stated(tokens) or self._level_of(tokens) or self._origin(tokens)
            or self._negative(tokens) or telling or self._bare_test(tokens)
            or self._viewed(tokens) or self._denial(tokens)
            or self._history(tokens) or self._recent(tokens) or self._family(tokens) or self._joined(tokens)
            or listed or self._response(tokens)
        )  # fmt: skip
        return found or self._drug(tokens) or self._narrower(tokens) or self._place(tokens)

    def listed(self, tokens: Sequence[str]) -> Match | None:
        """What a name of `rules/names` says."""
        return self._listed(self.lexicon.told(tokens)) if self.lexicon.roles else None

    def _stated(self, tokens: Sequence[str]) -> Match | None:
        """'Positive X' and 'negative X' where the finding X is a positive result, as 'antineutrophil antibodies' is."""
        for word in RESULT_WORDS:
            if word in tokens and len(tokens) > 1:
                found = self.base.finding_names.get(" ".join(token for token in tokens if token != word))
                if found and self._presence(found) and self.lexicon.is_level(self.base.finding[found].name):
                    if word == "positive":
                        return Match(found, label=self.label)
                    return Match(None, label=self.label, excluded=(found,))
        return None

    def _level_of(self, tokens: Sequence[str]) -> Match | None:
        """'Serum potassium level' is the potassium: the words around a measured quantity that say only what it is."""
        rest = list(tokens)
        while len(rest) > 1 and rest[0] in SPECIMEN:
            rest = rest[1:]
        while len(rest) > 1 and rest[-1] in AMOUNT:
            rest = rest[:-1]
        found = self.base.finding_names.get(" ".join(rest)) if len(rest) < len(tokens) else None
        return Match(found, label=self.label) if found and self.base.finding[found].kind == "quantity" else None

    def _bare_test(self, tokens: Sequence[str]) -> Match | None:
        """An antibody or antigen said to be present is a positive one; 'HIV test' may only have been done."""
        if any(token in LEVEL_WORDS or token in DONE for token in tokens):
            return None
        found = self._equal([*tokens, "positive"])
        return self._wider(found) if found and found.finding and self._presence(found.finding) else None

    def _part(self, tokens: Sequence[str]) -> Match | None:
        """A reading of part of a name."""
        if not tokens:
            return None
        found = self._equal(tokens) or self._viewed(tokens) or self._joined(tokens)
        found = found or self._listed(self.lexicon.told(tokens)) or self._drug(tokens)
        return found or self._narrower(tokens)

    def _equal(self, tokens: Sequence[str]) -> Match | None:
        """The same words, in other order or with other fillers."""
        text = " ".join(tokens)
        found = self.base.finding_names.get(text) or self.lexicon.keys.get(self.lexicon.key(tokens))
        if found:
            return Match(found, label=self.label)
        term = hpo.by_name(text)
        return from_term(term, self.base) if term else self._quantity(tokens)

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

    def _origin(self, tokens: Sequence[str]) -> Match | None:
        """Race, ethnicity, nationality: known, said, and never used."""
        content = self.lexicon.content(tokens)
        people = [t for start, end, _ in self._spans(content, "origin") for t in content[start:end]]
        words = [t for t in content if self.lexicon.group("origin_word", t)]
        if (words and len(content) <= 5 and (people or words[-1] in ("ethnicity", "nationality", "race"))) or (
            people and len(people) == len(content)
        ):
            return self._silent("ethnicity, race and nationality are never an input; it is not used")
        return None

    def _viewed(self, tokens: Sequence[str]) -> Match | None:
        """'X on blood smear', 'X on examination': the same where that is how X is seen, else narrower."""
        for start, end, group in self._spans(tokens, "view"):
            lead = start > 0 and self.lexicon.group("view_lead", tokens[start - 1])
            if not lead and (start > 0 or group not in self.lexicon.seen_by) and tokens[start] not in ("in", "of"):
                continue  # 'leukemia workup' is no leukemia
            rest = [*tokens[:start], *tokens[end:]]
            found = self._equal(rest) if self.lexicon.content(rest) else None
            if found is None and len(rest) > 1:
                found = self._part(rest)
            if found is None:
                continue
            here = self.lexicon.seen_by.get(group, frozenset())
            seen = {self.base.finding[name].test for name in meant(found)}
            if here and any(test not in here and test in self.lexicon.specimens for test in seen):
                return None  # plasma cells in the marrow are none in the blood
            same = found.finding and (not here or seen <= here)
            return Match(found.finding, label=self.label) if same else self._wider(found)
        return None

    def _denial(self, tokens: Sequence[str]) -> Match | None:
        """'No X', 'absence of X': with X a finding, its presence is the absence of X."""
        for length in (3, 2, 1):
            if len(tokens) > length and self.lexicon.group("denial", " ".join(tokens[:length])):
                rest = tokens[length:]
                found = self._equal(rest) or self._joined(rest) or self._history(rest)
                if found is None:
                    return self._silent() if self._part(rest) else None
                excluded = (found.finding,) if found.finding else found.denied
                return Match(None, label=self.label, excluded=tuple(name for name in excluded if self._presence(name)))
        return None

    def _presence(self, finding: str) -> bool:
        return self.base.finding[finding].kind == "presence" and not self._negative_meaning(
            self.base.finding[finding].name
        )

    def _history(self, tokens: Sequence[str]) -> Match | None:
        """'History of X' is X if X stays with a patient; of a passing sign it says nothing of today."""
        for length in range(min(4, len(tokens) - 1), 0, -1):
            if self.lexicon.group("history", " ".join(tokens[:length])):
                found = self._part(tokens[length:])
                if found is None:
                    return None
                if found.finding in self.lexicon.standing:
                    return Match(found.finding, label=self.label)
                return self._standing(found)
        for length in (3, 2, 1):
            ago = " ".join(tokens[-length:])
            if len(tokens) > length + 2 and self.lexicon.group("ago", ago) and self._times(tokens[:-length]):
                (start, end), *_ = reversed(self._times(tokens[:-length]))
                if end == len(tokens) - length:
                    found = self._part(tokens[:start])
                    return self._standing(found) if found else None
        return None

    def _standing(self, found: Match) -> Match:
        return Match(None, tuple(n for n in meant(found) if n in self.lexicon.standing), label=self.label)

    def _drug(self, tokens: Sequence[str]) -> Match | None:
        """A drug where a finding is expected: what it would set as a medication."""
        rest = self.lexicon.without("drug_word", tokens)
        found = self.base.drug_names.get(" ".join(tokens)) or self.base.drug_names.get(" ".join(rest))
        return Match(None, self.base.drug[found].exposures, label=self.label) if found else None

    def _place(self, tokens: Sequence[str]) -> Match | None:
        """'Travel to' and 'residence in' a place that is not listed."""
        for length in (2, 1):
            group = self.lexicon.group("place", " ".join(tokens[:length]))
            if group and length < len(tokens) <= length + 4:
                finding = self.lexicon.stands_for.get(group)
                return Match(None, (finding,) if finding else (), label=self.label)
        return None

    def _recent(self, tokens: Sequence[str]) -> Match | None:
        """'Recent X' is X for what stays of it; of a passing sign it says nothing of today."""
        for length in (3, 2, 1):
            if len(tokens) > length and self.lexicon.group("recent", " ".join(tokens[:length])):
                found = self._part(tokens[length:])
                if found is None:
                    return None
                kept = tuple(name for name in meant(found) if name in self.lexicon.recent and self._presence(name))
                return Match(None, kept, label=self.label)
        return None

    def _response(self, tokens: Sequence[str]) -> Match | None:
        """'Cytopenias improved on prednisone': understood as a course under treatment, of which no cause speaks."""
        for at, token in enumerate(tokens):
            if self.lexicon.group("course", token):
                after = tokens[at + 1 :]
                spans = (
                    " ".join(after[i:j]) for i in range(len(after)) for j in range(i + 1, min(i + 4, len(after)) + 1)
                )
                if any(span in self.base.drug_names or self.lexicon.names.get(span) == "treatments" for span in spans):
                    return self._silent()
        return None

    def _family(self, tokens: Sequence[str]) -> Match | None:
        """'Family history of X', 'X in a brother': the family history of X or of what X is a kind of."""
        rest = self._of_relatives(self.lexicon.content(tokens))
        if not rest:
            return None
        found = self._equal(["family", "history", *rest])
        if found is not None:
            return self._wider(found)
        found = self._part(rest)
        if found is None:
            return None
        for name in (found.finding, *found.implied):
            for finding in (name, *self.base.ancestors[name]) if name else ():
                if finding in self.lexicon.family:
                    return Match(None, (self.lexicon.family[finding],), label=self.label)
        return self._silent()

    def _of_relatives(self, content: Sequence[str]) -> list[str]:
        """What relatives are said to have, without the words that say whose it is; empty if none are named."""
        if list(content[:2]) == ["family", "history"]:
            return list(content[2:])
        relatives = [t for t in content if self.lexicon.group("relative", t)]
        whose = {*relatives, "maternal", "paternal"} if relatives else set()
        at_an_end = relatives and (content[0] in whose or content[-1] in whose)
        return [t for t in content if t not in whose] if at_an_end else []

    def _joined(self, tokens: Sequence[str]) -> Match | None:
        """'A and B' present is both present; 'A or B' absent is both absent. Each part must be known."""
        if "without" in tokens[1:-1]:
            return self._without(tokens)
        for word in PARTS:
            if word in tokens:
                at = len(tokens) - 1 - list(reversed(tokens)).index(word)
                parts = self._shared(list(tokens[:at]), list(tokens[at + 1 :]), word)
                if parts is None or not self._joinable(word, *parts):
                    continue
                told = parts[:1] if word == "after" else parts  # what came before has passed
                names = tuple(dict.fromkeys(name for part in told for name in meant(part)))
                if any(self.base.finding[name].kind == "quantity" for name in names):
                    continue
                names = tuple(name for name in names if self.base.finding[name].kind == "presence")
                if word != "or":
                    return Match(None, tuple(n for n in names if self._presence(n)), label=self.label)
                exact = all(part.finding or part.denied for part in parts)
                denied = tuple(name for part in parts for name in ((part.finding,) if part.finding else part.denied))
                denied = tuple(n for n in dict.fromkeys(denied) if self._presence(n))
                return Match(None, self._common(parts), label=self.label, denied=denied if exact else ())
        return None

    def _common(self, parts: Sequence[Match]) -> tuple[str, ...]:
        """What every part implies: all that 'A or B' says when it is present."""
        sets = [{w for name in meant(part) for w in (name, *self.base.ancestors[name])} for part in parts]
        shared = set.intersection(*sets) if sets else set()
        nearest = [n for n in shared if not any(n in self.base.ancestors[other] for other in shared)]
        return tuple(sorted(n for n in nearest if self._presence(n)))

    def _without(self, tokens: Sequence[str]) -> Match | None:
        """'A without B' present is A, and no B."""
        at = tokens.index("without")
        left, right = self._part(tokens[:at]), self._equal(tokens[at + 1 :]) or self._joined(tokens[at + 1 :])
        if left is None or right is None:
            return None
        excluded = (right.finding,) if right.finding else right.denied
        implied = tuple(name for name in meant(left) if self._presence(name))
        return Match(None, implied, label=self.label, excluded=tuple(n for n in excluded if self._presence(n)))

    def _joinable(self, word: str, left: Match, right: Match) -> bool:
        """'X on dialysis', 'splenectomy for Y': only two findings; and what X is for only after what stays done."""
        if word in ("on", "from", "after"):
            return bool(meant(left) and meant(right))
        return word != "for" or bool(meant(right) and left.finding in self.lexicon.done)

    def _shared(self, left: list[str], right: list[str], word: str) -> tuple[Match, Match] | None:
        """The two parts, each with the words it shares with the other ('CMV or HSV PCR positive'), or by itself if the
        other does not turn its meaning ('contact with sheep and malaria')."""
        if not left or not right:
            return None
        turned = any(self.lexicon.group("turning", token) for token in left)
        turning = any(self.lexicon.group(role, right[-1]) for role in ("turning", "turning_after"))
        both = word in ("and", "or")
        lefts = [[*left, *right[start:]] for start in range(1, len(right))] if both else []
        rights = [[*left[:end], *right] for end in range(len(left) - 1, 0, -1)] if both else []
        one = self._first(lefts) or (None if both and turning and len(right) > 1 else self._part(left))
        other = self._first(rights) or (None if turned else self._part(right))
        return (one, other) if one and other else None

    def _first(self, wordings: Sequence[Sequence[str]]) -> Match | None:
        """The first wording that is known; lists within lists too."""
        for tokens in wordings:
            joined = any(word in tokens for word in PARTS[:2])
            found = self._exactly(tokens) or (self._joined(tokens) if joined else None)
            if found is not None:
                return found
        return None

    def _exactly(self, tokens: Sequence[str]) -> Match | None:
        return self._equal(tokens) or self._listed(self.lexicon.told(tokens))

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
        if not any(self.lexicon.group("negative_name", word) for word in words):
            for needed, findings in implies.items():
                if set(needed.split()) <= words:
                    found.extend(findings)
        return Match(None, tuple(dict.fromkeys(found)), label=self.label)

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

    def _narrower(self, tokens: Sequence[str]) -> Match | None:
        """A finding with qualifiers. As few as possible are dropped; what that leaves is implied."""
        content = self.lexicon.told(tokens)
        spans = [(start, end) for start, end, _ in self._spans(content, "qualifier")] + self._times(content)
        spans = sorted(set(spans))[:MOST_QUALIFIERS]
        for number in range(1, len(spans) + 1):
            found: list[Match] = []
            for dropped in combinations(spans, number):
                left = [t for at, t in enumerate(content) if not any(start <= at < end for start, end in dropped)]
                match = (self._equal(left) or self._listed(left) or self._drug(left)) if left else None
                if match is not None:
                    found.append(self._wider(match))
            if found:
                implied = tuple(dict.fromkeys(name for match in found for name in match.implied))
                return Match(
                    None, tuple(n for n in implied if self.base.finding[n].kind == "presence"), label=self.label
                )
        return None

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

    def _negative(self, tokens: Sequence[str]) -> Match | None:
        """'X negative' where 'X positive' is a finding: its presence is the absence of that."""
        if "negative" not in tokens:
            return None
        turned = ["positive" if token == "negative" else token for token in tokens]
        found = self._equal(turned)
        if found is None:
            return None
        excluded = (found.finding,) if found.finding and self._presence(found.finding) else ()
        return Match(None, label=self.label, excluded=excluded)
