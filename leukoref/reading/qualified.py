"""Findings with words that make them narrower: where, when, how much, seen by what, going on to what."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from leukoref.meaning import Match, meant, says
from leukoref.reading.words import Words

MOST_QUALIFIERS = 7
VALUE_IN_NAME = "a value within a name is not read; give it as `value` and `unit`"


class Qualified(Words):
    """A finding with more said of it: present it implies the finding, absent it says nothing."""

    def _viewed(self, tokens: Sequence[str]) -> Match | None:
        """'X on blood smear', 'X on examination': the same where that is how X is seen, else narrower."""
        for start, end, group in self._spans(tokens, "view"):
            lead = start > 0 and self.lexicon.group("view_lead", tokens[start - 1])
            shows = start == 0 and any(self.lexicon.group("view_shows", token) for token in tokens[end : end + 1])
            bare = start > 0 or group not in self.lexicon.seen_by
            if not lead and not shows and bare and tokens[start] not in ("in", "of"):
                continue  # 'leukemia workup' is no leukemia
            rest = [*tokens[:start], *tokens[end:]]
            found = self._equal(rest) if self.lexicon.content(rest) else None
            if found is None and len(rest) > 1:
                narrower = self._narrower(tokens) if group == "view_marrow" else None
                if narrower and narrower.implied:
                    return narrower  # 'acute leukemia of the marrow' is what is listed of the marrow
                found = self._turned(rest) or self._part(rest)
                found = found if says(found) else self._tested(rest) or found
            if found is None:
                continue
            if start > 0 and (not says(found) or tokens[end : end + 1] in (["and"], ["with"])):
                joined = self._joined(tokens)  # 'hairy cells in the marrow and fever'
                if joined and says(joined):
                    return joined
            here = self.lexicon.seen_by.get(group, frozenset())
            seen = {self.base.finding[name].test for name in meant(found)}
            if here and any(test not in here and test in self.lexicon.specimens for test in seen):
                return None  # plasma cells in the marrow are none in the blood
            if found.excluded and start > 0:
                continue  # 'no blasts on smear' is no 'blasts on smear'
            if found.excluded:
                return Match(None, label=self.label, excluded=found.excluded)
            same = found.finding and (not here or seen <= here)
            if found.denied and (not here or {self.base.finding[name].test for name in found.denied} <= here):
                return Match(None, found.implied, label=self.label, denied=found.denied)
            if same:
                return Match(found.finding, label=self.label)
            marrow = self._narrower(tokens) if group == "view_marrow" else None  # 'liver cancer of the marrow': both
            wider = self._wider(found).implied
            return Match(None, tuple(dict.fromkeys((*wider, *(marrow.implied if marrow else ())))), label=self.label)
        return None

    def _turned(self, tokens: Sequence[str]) -> Match | None:
        """What is said not to be."""
        raise NotImplementedError

    def _joined(self, tokens: Sequence[str]) -> Match | None:
        raise NotImplementedError

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
                    gone = [content[at] for start, end in dropped for at in range(start, end)]
                    other = self._inner(match, gone) or self._outside_blood(match, gone)
                    found.append(self._silent() if other else self._with_told(match, gone))
            if found:
                implied = tuple(dict.fromkeys(name for match in found for name in match.implied))
                return Match(
                    None, tuple(n for n in implied if self.base.finding[n].kind == "presence"), label=self.label
                )
        return None

    def _with_told(self, match: Match, gone: Sequence[str]) -> Match:
        """The wider finding, and what its qualifiers tell besides: a 'metastatic' tumor is a disseminated one."""
        wider = self._wider(match)
        kinds = {kind for name in wider.implied for kind in (name, *self.base.ancestors[name])}
        told = [
            finding
            for _, _, group in self._spans(gone, "qualifier")
            for kind, findings in self.lexicon.tells.get(group, {}).items()
            if kind in kinds
            for finding in findings
        ]
        return Match(None, tuple(dict.fromkeys((*wider.implied, *told))), label=self.label)

    def _more_of(self, tokens: Sequence[str]) -> Match | None:
        """'Increased rouleaux', 'TCR clonality positive': more of what is there or not, so it is there."""
        for word in ("elevated", "positive"):
            if word in (tokens[0], tokens[-1]) and len(tokens) > 1:
                found = self._equal(tokens[1:] if tokens[0] == word else tokens[:-1])
                if found and found.finding and self._presence(found.finding):
                    return self._wider(found)
        return None

    def _going_on(self, tokens: Sequence[str]) -> Match | None:
        """'Chest pain radiating to the left arm', 'fever despite antibiotics': what goes on after a finding makes it
        narrower, if all of it is understood and none of it turns the meaning."""
        denied = any(self.lexicon.group("denial", " ".join(tokens[:end])) for end in (1, 2))
        for at in range(1, len(tokens) - 1):
            if denied and tokens[at] == "with":
                return None  # 'absence of granulocytes with wide lobes' is not of all granulocytes
            for length in (4, 3, 2, 1):
                group = self.lexicon.group("going_on", " ".join(tokens[at : at + length]))
                rest = tokens[at + length :]
                views = {place for start, end, _ in self._spans(rest, "view") for place in range(start, end)}
                if rest and self.lexicon.group("limit", tokens[at]) and _number(rest[0]) is not None:
                    continue  # 'blasts under 5 %' may be none
                if "share_of" in self.lexicon.kinds_of(" ".join(rest)):
                    continue  # '80 % of leukocytes' is where they are
                if (
                    not group
                    or not rest
                    or not self._harmless([t for place, t in enumerate(rest) if place not in views])
                ):
                    continue
                found = self._part(tokens[:at])
                if found is not None and found.finding and not self._presence(found.finding):
                    return None
                if found is not None and not found.excluded:
                    elsewhere = group == "going_on_place" and self._elsewhere(found, rest)
                    return self._silent() if elsewhere else self._wider(found)
        return None

    def _elsewhere(self, found: Match, place: Sequence[str]) -> bool:
        """Whether the place makes it another thing: nodules of the lung are none of the skin, lymphocytes in the marrow
        none in the blood."""
        told = self.lexicon.told(place)
        spans = [(start, end) for start, end, _ in self._spans(told, "qualifier")]
        left = [t for at, t in enumerate(told) if not any(start <= at < end for start, end in spans)]
        if any("cell" in self.lexicon.kinds_of(token) for token in left):
            return True
        tests = {self.base.finding[name].test for name in meant(found)}
        specimens = [self.lexicon.seen_by.get(group, frozenset()) for _, _, group in self._spans(place, "view")]
        if any(seen and not tests <= seen for seen in specimens):
            return True
        if self._inner(found, told):
            return True
        at_all = tests & self.lexicon.specimens or set(meant(found)) & (self.lexicon.skin | self.lexicon.assumed)
        return bool(at_all) and any({"site", "substance"} & self.lexicon.kinds_of(token) for token in left)

    def _outside_blood(self, found: Match, words: Sequence[str]) -> bool:
        """Whether cells of the blood are said to be of a site: blasts in the skin are none in the blood."""
        in_blood = self.lexicon.seen_by.get("view_smear", frozenset())
        blood = any(self.base.finding[name].test in in_blood for name in meant(found))
        return blood and any(group == "site" for _, _, group in self._spans(words, "qualifier"))

    def _inner(self, found: Match, words: Sequence[str]) -> bool:
        """Whether a lesion of the skin is said to be of an inner surface: an ulcer of the tonsil is none."""
        return bool(set(meant(found)) & self.lexicon.skin) and any(self.lexicon.group("inner", word) for word in words)

    def _valued(self, tokens: Sequence[str]) -> Match | None:
        """'Ejection fraction of 35 %', '60 % blasts': a value within a name is not read as one; of something that is
        there or not it says that it is there, unless the value is zero or only a limit."""
        numbers = [at for at, token in enumerate(tokens) if _number(token) is not None]
        if not numbers:
            return None
        start, end = numbers[0], numbers[0] + 1
        counted = start == 0 and not (tokens[0].endswith("%") or self.lexicon.group("measure", " ".join(tokens[1:2])))
        if counted:
            return None  # 'two antibodies' are no value
        while end < len(tokens) and (
            _number(tokens[end]) is not None
            or self.lexicon.group("measure", tokens[end])
            or tokens[end] in ("to", "and")
        ):
            end += 1
        lead = start
        while lead and self.lexicon.group("value_lead", tokens[lead - 1]):
            lead -= 1
        limit = any(self.lexicon.group("limit", token) for token in tokens[lead:start])
        if "of" in tokens[end : end + 1] and "share_of" in self.lexicon.kinds_of(" ".join(tokens[end + 1 :])):
            end = len(tokens)  # '80 % of leukocytes'
        rest = [*tokens[:lead], *tokens[end:]]
        found = self._part(rest)
        if found is None or found.excluded:
            return None
        if found.finding and self.base.finding[found.finding].kind == "quantity":
            return self._silent(VALUE_IN_NAME)
        none = all(_number(tokens[at]) == 0 for at in numbers if at < end)
        return self._silent() if limit or none else self._wider(found)


def _number(token: str) -> float | None:
    text = token.rstrip("%")
    try:
        return float(text) if text[:1].isdigit() else None
    except ValueError:
        return None
