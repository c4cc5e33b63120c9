"""The order in which a name is read, from the strictest way to the loosest."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.meaning import Match, denied_with, meant, says
from leukoref.reading import loinc
from leukoref.reading.partly import Partly
from leukoref.reading.told import PERSONS

LONGEST = 24  # words of a name that is taken apart
OF_OTHERS = {"meeting", "hna_mismatch"}  # kinds of words that say what a patient has to do with others
ALONE = ("full_blood_count", "serial_counts", "repeat_count", "examination", "vital_signs")  # not what a culture grew
WHOLE = ("treatment_response", "serial_counts", "marrow_examination")  # tests whose findings the whole of a name tells
RESULT_WORDS = ("positive", "negative")
LEVEL_WORDS = ("positive", "negative", "elevated", "low", "abnormal", "normal")
OTHER_KIND = "not the name of a finding; it is not used"  # the organism is not the disease
_STOPS = re.compile(r"[,;] (?:and |or |nor )?| and (?=no )")
_SERIES = re.compile(r", .*\b(?:and|or)\b")
# A sequence variant as HGVS writes it ('c.597+1G>A', 'p.Arg396Gln') and in short ('W44X'): which one adds nothing.
_VARIANT = re.compile(
    r"\(?\b(?:[cgmnp]\.[\w*()>+=\-]+|[A-Z][a-z]{2}\d+(?:[A-Z][a-z]{2}|fs\w*|\*)|[A-Z]\d{1,4}(?:[A-Z]|fs\w*|\*))(?!\w)\)?"
)
_BRACKETED = re.compile(r"[(\[]([^()\[\]]*)[)\]]")


def read(name: str, base: Knowledge) -> Match | None:
    """The meaning of a name that the vocabulary does not list as it stands."""
    lexicon = base.lexicon
    if not lexicon.roles:
        return None
    reader = Reader(base, name)
    found = _read(name, reader)
    return reader.changed_there(found, lexicon.tokens(name)) if found else None


def _read(name: str, reader: Reader) -> Match | None:
    """The first reading that says something, as a list or as it stands."""
    lexicon = reader.lexicon
    measured = loinc.component(name)
    if measured is not None:
        return reader.measured(measured)
    bracketed = reader.bracketed(name)
    if bracketed and (bracketed.finding or bracketed.warning == OTHER_KIND):
        return bracketed
    silent, series = None, _SERIES.search(name) is not None
    name = _each_denied(name, reader)
    for wording in _series(name, reader) if series else (name, *_listings(name)):
        tokens = lexicon.tokens(wording)
        found = reader.read(tokens) if 0 < len(tokens) <= LONGEST else None
        if found is not None and (says(found) or not series):
            return found
        silent = silent or found
    changed = reader.of_variant(name)
    return changed if says(changed) else silent or bracketed or changed or reader.in_part(name)


def _each_denied(name: str, reader: Reader) -> str:
    """'No A, no B; no C' is 'no A or B or C'; any other name is left as it stands."""
    parts = [part.split(" ", 1) for part in _STOPS.split(name)]
    each = len(parts) > 1 and all(
        len(part) == 2 and reader.lexicon.group("denial", normalise(part[0])) for part in parts
    )
    return f"{parts[0][0]} {' or '.join(part[1] for part in parts)}" if each else name


def _series(name: str, reader: Reader) -> list[str]:
    """'Raised A, B and C' as a list first: read as it stands its commas would be overlooked, and A and B with them;
    but as it stands first where a word turns the meaning ('no A, B or C')."""
    turned = any(reader.lexicon.group("turning", token) for token in reader.lexicon.tokens(name))
    return [name, *_listings(name)] if turned else [*_listings(name), name]


def _listings(name: str) -> list[str]:
    """'A, B and C', 'A/B', 'ultrasound: X' with the words that commas, strokes and colons stand for."""
    found = []
    if ": " in name:
        found.append(name.replace(": ", " showing ", 1))
    if ", " in name:
        word = " or " if " or " in name else " and "
        found.append(name.replace(", and ", ", ").replace(", or ", ", ").replace(", ", word))
    if "/" in name:
        found.append(name.replace("/", " or "))
    return found


def also_listed(match: Match, base: Knowledge, name: str) -> Match:
    """An HPO term that is no finding itself: what it implies by its place in HPO, and by name in `rules/names`."""
    reader = Reader(base, match.label)
    listed = [found for wording in (match.label, name) if (found := reader.listed(base.lexicon.tokens(wording)))]
    tested = reader.tested(base.lexicon.tokens(name)) if base.lexicon.roles else None
    implied = tuple(dict.fromkeys((*match.implied, *(finding for found in listed for finding in found.implied))))
    return Match(None, implied, label=match.label, denied=tested.denied if tested else ())


def contrary(name: str, match: Match | None, base: Knowledge) -> tuple[str, ...]:
    """What the absence of a name says, where that has a name of its own: symptoms said to be absent are 'no symptoms',
    an abnormal film said to be absent is a normal one. Of a finding only what says that something is not so."""
    tokens = base.lexicon.tokens(name)
    if not base.lexicon.roles or (match and match.excluded) or not 0 < len(tokens) <= LONGEST:
        return ()
    reader = Reader(base, name)
    found = reader.turned_round(tokens)
    if match and match.finding and base.finding[match.finding].kind == "presence":
        return tuple(other for other in found if other != match.finding and not reader.is_presence(other))
    return found


class Reader(Partly):
    """One name taken apart. The readings are tried from the strictest to the loosest."""

    def read(self, tokens: Sequence[str]) -> Match | None:
        listed = self._listed(self.lexicon.told(tokens))
        telling = listed if listed and (listed.implied or listed.excluded) else None
        telling = self._negated(tokens, telling) if telling and telling.implied else telling
        if telling and telling.implied and (drug := self._drug(tokens)):  # 'olanzapine use' of a class is of the drug
            told = dict.fromkeys((*telling.implied, *drug.implied))
            telling = Match(None, tuple(told), label=self.label, denied=telling.denied, excluded=telling.excluded)
        of_person = self._person(tokens)
        if of_person:
            return of_person
        found = (
            self._equal(tokens) or self._isolated(tokens)
            or self._of_the_drug(tokens) or self._stated(tokens) or self._level_of(tokens)
            or self._origin(tokens) or self._bare_group(tokens) or telling or self._unmeasurable(tokens)
            or self._proven(tokens) or self._bare_test(tokens) or self._tested(tokens)
            or self._negative(tokens) or self._viewed(tokens)
        )  # fmt: skip
        turned = None if found else self._turning(tokens)
        found = found or turned or self._joined(tokens) or listed
        if found is not None and says(found):
            return (self._test_for(tokens) if meant(found) else None) or self._and_whole(found, tokens)
        response = self._response(tokens)
        free = any(self.lexicon.group("course", t) or self.lexicon.kinds_of(t) & OF_OTHERS for t in tokens)
        if turned and not free:
            return turned  # 'low risk for breast cancer' is no cancer, whatever its words make together
        further = (self._composed(tokens), response) if found or response else ()
        more = tuple(dict.fromkeys(name for match in further if match for name in match.implied))
        if more:  # what says more goes before what says nothing
            return Match(None, more, label=self.label)
        return found or response or self._drug(tokens) or self._loosely(tokens)

    def _person(self, tokens: Sequence[str]) -> Match | None:
        """'Korean woman with anemia' is anemia in the patient; a 'child with measles' may be another."""
        if "with" not in tokens[1:-1]:
            return None
        at = tokens.index("with")
        if says(self._part(tokens[:at])):
            return None  # a woman is a finding, and so is a newborn
        named = [t for start, end, _ in self._spans(tokens[:at], "origin") for t in tokens[start:end]]
        groups = [self.lexicon.group("origin_word", token) for token in tokens[:at] if token not in named]
        sure = PERSONS if named or PERSONS[0] in groups else PERSONS[:1]  # a 'male infant', as no contact is called
        found = self.read(tokens[at + 1 :]) if groups and all(group in sure for group in groups) else None
        return self._wider(found) if found and found.finding and self._presence(found.finding) else found

    def _isolated(self, tokens: Sequence[str]) -> Match | None:
        """'Isolated severe neutropenia' is severe neutropenia, and the isolated neutropenia that is listed."""
        found = self._part([token for token in tokens if token != "isolated"]) if "isolated" in tokens[:-1] else None
        names = [name for name in meant(found) if self.base.finding[name].test in ALONE] if found else []
        wider = (name for found in names for name in (found, *self.base.ancestors[found]))
        alone = (self._equal(["isolated", *self.lexicon.tokens(self.base.finding[name].name)]) for name in wider)
        implied = (*names, *(match.finding for match in alone if match and match.finding))
        return Match(None, tuple(dict.fromkeys(implied)), label=self.label) if names else None

    def _turning(self, tokens: Sequence[str]) -> Match | None:
        """What is denied, past, of the family or only suspected."""
        found = self._denial(tokens) or self._gone(tokens) or self._history(tokens) or self._recent(tokens)
        return found or self._family(tokens) or self._aside(tokens)

    def _and_whole(self, found: Match, tokens: Sequence[str]) -> Match:
        """Beside what a part of the name says ('weight gain') the course or the marrow that only the whole of it tells
        ('leukocyte count normal with weight gain')."""
        if found.finding or not found.implied or found.denied or found.excluded:
            return found
        composed = self._composed(tokens)
        said = {above for name in found.implied for above in (name, *self.base.ancestors[name])}
        told = composed.implied if composed else ()
        more = [name for name in told if name not in said and self.base.finding[name].test in WHOLE]
        return Match(None, (*found.implied, *more), label=self.label, warning=found.warning) if more else found

    def _read_part(self, tokens: tuple[str, ...]) -> Match | None:
        """A reading of part of a name. One that is listed as it stands is not hidden by what is seen in it."""
        listed = self._listed(self.lexicon.told(tokens))
        telling = listed if says(listed) else None
        found = self._equal(tokens) or telling or self._unmeasurable(tokens) or self._viewed(tokens)
        found = found or self._gone(tokens) or self._history(tokens) or self._recent(tokens) or self._aside(tokens)
        return found or self._joined(tokens) or listed or self._drug(tokens) or self._loosely(tokens)

    def _loosely(self, tokens: Sequence[str]) -> Match | None:
        """With qualifiers, with what goes on, of known words; what says more goes before what says nothing."""
        found = self._narrower(tokens) or self._more_of(tokens)
        if found is None or not (found.implied or found.warning):
            composed = self._composed(tokens)
            found = composed if composed and composed.implied else found
        found = found or self._place(tokens) or self._outing(tokens) or self._stay(tokens)
        return found or self._going_on(tokens) or self._valued(tokens) or self._composed(tokens)

    def measured(self, what: str) -> Match | None:
        """A measurement by its long name in LOINC: the quantity, or understood without saying how the result lies."""
        tokens = self.lexicon.tokens(what)
        found = (self._equal(tokens) or self._part(tokens)) if tokens else None
        if found and found.finding and self.base.finding[found.finding].kind == "quantity":
            return Match(found.finding, label=self.label)
        return self._silent() if found else None

    def bracketed(self, name: str) -> Match | None:
        """'Varicella [chickenpox]': the same as without the brackets if they say it in other words, else narrower; a
        bracket that could turn the meaning ('fever (resolved)') leaves the name unread."""
        inside = _BRACKETED.findall(name)
        tokens = self.lexicon.tokens(_BRACKETED.sub(" ", name))
        if not inside or not 0 < len(tokens) <= LONGEST:
            return None
        found = self._part(tokens)
        if found is None:
            return None
        others = [self.lexicon.tokens(text) for text in inside]
        if any(self.lexicon.group("tag", " ".join(other)) == "tags_of_another_kind" for other in others):
            return self._silent(OTHER_KIND)
        initials = "".join(word[0] for word in tokens)
        if meant(found) and all(
            self.lexicon.group("tag", " ".join(other))
            or "".join(other) == initials
            or (other and meant(self._part(other) or Match(None)) == meant(found))
            for other in others
        ):
            return Match(found.finding, found.implied, label=self.label)
        harmless = all(self._harmless(other) for other in others)
        return self._wider(found) if harmless and not found.excluded else None

    def of_variant(self, name: str) -> Match | None:
        """'GATA2 c.1061C>T variant' is a GATA2 variant, and its absence does not deny others. So is 'GATA2 c.1061C>T',
        where the variant is all that says that the gene is changed."""
        if not _VARIANT.search(name):
            return None
        readings = []
        for instead in (" ", " variant "):
            tokens = self.lexicon.tokens(_VARIANT.sub(" ", _VARIANT.sub(instead, name, count=1)))
            found = self.read(tokens) if 0 < len(tokens) <= LONGEST else None
            readings += [found] if found and not found.excluded else []
        said = next(filter(says, readings), readings[0] if readings else None)
        return self._wider(said) if said else None

    def changed_there(self, found: Match, tokens: Sequence[str]) -> Match:
        """'Acquired DDX41 mutation', 'BRAF mutation in melanoma': a change of the tumor only is not inherited, and not
        that of another tumor."""
        groups = {group for _, _, group in self._spans(tokens, "changed")}
        others = frozenset().union(*(self.lexicon.seen_by[group] for group in groups))
        if not others:
            return found

        def kept(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(name for name in names if self.base.finding[name].test not in others)

        if found.finding and kept((found.finding,)):
            return found
        implied, denied, excluded = kept(found.implied), kept(found.denied), kept(found.excluded)
        return Match(None, implied, label=found.label, denied=denied, excluded=excluded, warning=found.warning)

    def listed(self, tokens: Sequence[str]) -> Match | None:
        """What a name of `rules/names` says."""
        return self._listed(self.lexicon.told(tokens)) if self.lexicon.roles else None

    def tested(self, tokens: Sequence[str]) -> Match | None:
        """What the result of a test denies."""
        return self._tested(tokens) if self.lexicon.roles and tokens else None

    def is_presence(self, finding: str) -> bool:
        """Whether a finding says that something is there."""
        return self._presence(finding)

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
        while len(rest) > 1 and self.lexicon.group("of_blood", rest[0]):
            rest = rest[1:]
        while len(rest) > 1 and self.lexicon.group("amount", rest[-1]):
            rest = rest[:-1]
        found = self.base.finding_names.get(" ".join(rest)) if len(rest) < len(tokens) else None
        return Match(found, label=self.label) if found and self.base.finding[found].kind == "quantity" else None

    def _unmeasurable(self, tokens: Sequence[str]) -> Match | None:
        """'Undetectable serum cobalamin' is a low one."""
        rest = [token for token in tokens if not self.lexicon.group("unmeasurable", token)]
        measured = self._equal(rest) if 0 < len(rest) < len(tokens) else None
        if not measured or not measured.finding or self.base.finding[measured.finding].kind != "quantity":
            return None
        found = self._equal(["low", *rest])
        return self._wider(found) if found and found.finding and self._presence(found.finding) else None

    def _negated(self, tokens: Sequence[str], listed: Match) -> Match:
        """A listed name with what its result or its absence denies, if it is a test as well."""
        tested = self._tested(tokens)
        if tested is None:
            return listed
        own = () if "negative" in tokens else tested.excluded  # 'seronegative arthritis' is one
        excluded = tuple(dict.fromkeys((*listed.excluded, *own)))
        return Match(None, listed.implied, label=self.label, denied=tested.denied, excluded=excluded)

    def _bare_group(self, tokens: Sequence[str]) -> Match | None:
        """The bare name of a group of `tests.yaml`: present it may only have been done, absent it was negative. A name
        that says of itself what it implies ('vitamin deficiency') does so."""
        implies = self.lexicon.implies.get(self.lexicon.names.get(self.lexicon.key(tokens), ""), {})
        return None if implies.get("") or any(token in LEVEL_WORDS for token in tokens) else self._tested(tokens)

    def _test_for(self, tokens: Sequence[str]) -> Match | None:
        """'FISH for PML-RARA', 'culture for Brucella': what a test looks for is not yet found; absent, it was not."""
        if "for" not in tokens[1:-1] or any(token in LEVEL_WORDS or token.isdigit() for token in tokens):
            return None
        at = tokens.index("for", 1)
        if self.lexicon.group("tried", tokens[at - 1]) != "tried":
            return None
        found = self._part([*tokens[at + 1 :], *tokens[:at]]) or self._part(tokens[at + 1 :])
        if found is None or found.excluded:
            return None
        denied = tuple(name for name in denied_with(found) if self._presence(name))
        return Match(None, label=self.label, denied=denied)

    def _proven(self, tokens: Sequence[str]) -> Match | None:
        """'PNH confirmed by flow cytometry': the test was positive; if it is not known as one, what is confirmed."""
        group = self.lexicon.group
        if any(group("negative_name", token) or group("turning", token) for token in tokens):
            return None
        for at, token in enumerate(tokens[1:-2], 1):
            if group("proving", token) and tokens[at + 1] in ("by", "on", "with"):
                what, test = tokens[:at], tokens[at + 2 :]
                found = self._equal([*what, *test, "positive"])
                part = None if found else self._part(what)
                return self._wider(part) if part else found
        return None

    def _bare_test(self, tokens: Sequence[str]) -> Match | None:
        """An antibody or antigen said to be present is a positive one; 'HIV test' may only have been done. Said to be
        absent, the test was negative."""
        if any(token in LEVEL_WORDS for token in tokens):
            return None
        if self.lexicon.test_key(tokens) in self.lexicon.tests:
            return self._silent()  # of these tests nobody says 'no X' for a negative one
        tried = {
            self.lexicon.group("tried", token)
            for before, token in zip(("", *tokens), tokens, strict=False)
            if not self.lexicon.group("view_lead", before)  # 'cocaine in toxicology' is found there
        }
        acted = any(self.lexicon.group("testing", token) for token in tokens) or "tried_views" in tried
        done = acted or bool(tried - {None})
        found = self._equal([*tokens, "positive"])
        if not found or not found.finding or not self._presence(found.finding):
            if done:
                return None
            listed = self._listed([*self.lexicon.told(tokens), "positive"])  # 'Zika virus RNA' there is found
            return listed if listed and listed.implied else None
        denied = () if acted else (found.finding,)
        implied = () if done else self._wider(found).implied
        return Match(None, implied, label=self.label, denied=denied)
