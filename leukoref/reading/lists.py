"""Several findings in one name: "A and B", "A or B", "A without B"."""

from __future__ import annotations

from collections.abc import Sequence

from leukoref.meaning import Match, denied_with, meant, says
from leukoref.reading.words import SIDES, Words, parted

RESULTS = (*SIDES, "positive")
ANTIBODIES_TO = ["antibody", "anti"]  # 'antibodies to A, B and C': to each of them
MARROW = "marrow"
PARTS = ("and", "or", "with", "dueto", "from", "on", "for", "after")


class Lists(Words):
    """Names that join others."""

    def _joined(self, tokens: Sequence[str]) -> Match | None:
        """'A and B' present is both present; 'A or B' absent is both absent. Each part must be known."""
        if "without" in tokens[1:-1]:
            return self._without(tokens)
        for at in range(1, len(tokens) - 2):
            if tokens[at] in ("and", "with") and tokens[at + 1] == "no":  # 'A and no B'
                return self._without([*tokens[:at], "without", *tokens[at + 2 :]])
        for word in PARTS:
            if word in tokens:
                left, right = parted(tokens, word)
                if word == "after":  # 'fever three weeks after X' did not last for three weeks
                    left = left[: next((start for start, end in self._times(left) if end == len(left)), len(left))]
                parts = self._shared(left, right, word)
                if parts is None or not self._joinable(word, *parts):
                    continue
                other = word == "from" and self.lexicon.group("turning", tokens[-1])  # a needle, from a patient with X
                told = parts[:1] if word == "after" or other else parts  # what came before has passed
                names = tuple(dict.fromkeys(name for part in told for name in meant(part)))
                if self._any_measured(names):
                    continue
                names = tuple(name for name in names if self.base.finding[name].kind == "presence")
                if word != "or":
                    return Match(None, tuple(n for n in names if self._presence(n)), label=self.label)
                exact = all(part.finding or part.denied for part in parts)
                denied = tuple(name for part in parts for name in denied_with(part))
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
        after = tokens[at + 1 :]
        left, right = self._part(tokens[:at]), self._in_marrow(tokens[:at], after)
        if right is None or not denied_with(right):
            right = self._equal(after) or self._joined(after)
        named = (denied_with(right) if right else ()) or self._named_absent(after)
        if left is None or not (right or named or self._harmless(after)):
            return None
        if right is None and not named:
            return self._wider(left) if not left.excluded else self._silent()
        implied = tuple(name for name in meant(left) if self._presence(name))
        excluded = (*left.excluded, *(name for name in named if self._presence(name)))
        return Match(None, implied, label=self.label, excluded=tuple(dict.fromkeys(excluded)))

    def _named_absent(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """What is listed as 'no dysplasia', 'no infiltrate': of several, each must be."""
        listed = self._listed(self.lexicon.told(["no", *tokens]))
        for word in ("or", "and"):
            if not (listed and listed.excluded) and word in tokens:
                one, other = map(self._named_absent, parted(tokens, word))
                return (*one, *other) if one and other else ()
        return listed.excluded if listed else ()

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
        told = [t for at, t in enumerate(left) if not any(start <= at < end for start, end in self._times(left))]
        against = left[:2] == ANTIBODIES_TO
        turned = against or any(self.lexicon.group("turning", token) for token in told)  # 'history of 3 weeks' does not
        turning = any(self.lexicon.group(role, right[-1]) for role in ("turning", "turning_after"))
        both = word in ("and", "or")
        lefts = [[*left, *right[start:]] for start in range(1, len(right))] if both else []
        rights = [[*left[:end], *right] for end in range(len(left) - 1, 0, -1)] if both else []
        if left[-1] == right[-1] == "positive" or (
            left[0] in RESULTS and right[0] in RESULTS
        ):  # each has its own result
            lefts, rights, turning = [], [], False
        elif right[0] in (*RESULTS, "normal"):  # of the other alone: 'lymphoma and normal marrow'
            lefts = []
        if word in left and not turned and left[0] not in RESULTS and self._stands_alone(right):
            rights = []  # the last of three or more shares no word with the first
        if word in left and all(map(self._stands_alone, (parted(left, word)[1], right))):
            lefts = []  # 'A, nail dystrophy and B': the one before the last neither
        one, other = self._first(lefts), self._first(rights)
        if not says(one):
            one = (None if both and turning and len(right) > 1 else self._part(left)) or one
        if not says(other):
            other = (None if turned else self._in_marrow(left, right) or self._part(right)) or other
        return (one, other) if one and other else None

    def _in_marrow(self, left: Sequence[str], right: Sequence[str]) -> Match | None:
        """'Hypercellular marrow with 40 % blasts': what a marrow is said to show is read as in the marrow, if that is
        understood; so is what another fluid shows ('pleural fluid with blasts')."""
        if MARROW in left and MARROW not in right:
            return self._part([*right, "in", MARROW])
        fluid = "ri_fluids" in self.lexicon.kinds_of(" ".join(left)) and not self._stands_alone(left)
        return (self._part([*right, "in", *left]) or self._silent()) if fluid else None

    def _stands_alone(self, tokens: Sequence[str]) -> bool:
        """Whether these words name a finding that is there or not."""
        found = self._equal(tokens)
        return bool(found and found.finding and self._presence(found.finding))

    def _first(self, wordings: Sequence[Sequence[str]]) -> Match | None:
        """The first wording that is known; lists within lists too."""
        for tokens in wordings:
            shared = self.lexicon.group("level", tokens[0]) or self.lexicon.group("qualifier", tokens[0])
            led = bool(shared) and "with" in tokens and MARROW not in tokens  # 'low A and B with C'
            joined = led or any(word in tokens for word in PARTS[:2])
            found = self._exactly(tokens) or (self._joined(tokens) if joined else None)
            if found is not None:
                return found
        return None

    def _exactly(self, tokens: Sequence[str]) -> Match | None:
        found = self._equal(tokens) or self._listed(self.lexicon.told(tokens))
        return found if says(found) else self._tested(tokens) or found
