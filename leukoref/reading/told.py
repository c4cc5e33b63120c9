"""Whose it is, when it was, and whether it is at all: denied, past, in the family, only suspected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leukoref.knowledge.wording import CALENDAR_YEAR
from leukoref.meaning import Match, denied_with, meant, says
from leukoref.reading.composed import Composed
from leukoref.reading.lists import Lists
from leukoref.reading.qualified import Qualified
from leukoref.reading.results import Results

ANTIBIOTIC = "antibiotic"
ANSWERS_TO_ANTIBIOTICS = ("response_to_antibiotics", "febrile_despite_antibiotics")
USED = "antibiotic_use"
CULPRIT = "culprit_drug_within_3_months"
PERSONS = ("origin_persons", "origin_little_persons")
UNCERTAIN = "what is only suspected is not used"


class Told(Lists, Qualified, Composed, Results):
    """Names with words around a finding that turn its meaning."""

    def _origin(self, tokens: Sequence[str]) -> Match | None:
        """Race, ethnicity, nationality: known, said, and never used."""
        content = self.lexicon.content(tokens)
        people = [t for start, end, _ in self._spans(content, "origin") for t in content[start:end]]
        words = [t for t in content if self.lexicon.group("origin_word", t) == "origin_words"]
        persons = [t for t in content if self.lexicon.group("origin_word", t) in PERSONS]
        if (words and len(content) <= 5 and (people or words[-1] in ("ethnicity", "nationality", "race"))) or (
            people and len(people) + len(persons) == len(content)
        ):
            return self._silent("ethnicity, race and nationality are never an input; it is not used")
        return None

    def _denial(self, tokens: Sequence[str]) -> Match | None:
        """'No X', 'absence of X': with X a finding, its presence is the absence of X."""
        for length in (3, 2, 1):
            if len(tokens) > length and self.lexicon.group("denial", " ".join(tokens[:length])):
                rest = tokens[length:]
                found = self._equal(rest) or self._tested(rest) or self._joined(rest) or self._history(rest)
                found = found or self._seen_there(rest)
                normal = tuple(name for name in self.turned_round(rest) if not self._presence(name))
                # 'absence of dysplasia' is what is listed as 'no dysplasia'
                listed = None if normal else self._listed(self.lexicon.told(["no", *rest]))
                if found is None:
                    known = normal or listed or self._part(rest)
                    return listed or Match(None, normal, label=self.label) if known else None
                excluded = tuple(name for name in denied_with(found) if self._presence(name))
                if listed and not excluded:
                    return listed
                return Match(None, normal, label=self.label, excluded=excluded)
        return None

    def _seen_there(self, tokens: Sequence[str]) -> Match | None:
        """'Splenomegaly on CT' where that is splenomegaly, so that 'no splenomegaly on CT' is none."""
        found = self._viewed(tokens)
        return found if found and found.finding else None

    def _turned(self, tokens: Sequence[str]) -> Match | None:
        return self._denial(tokens) or self._negative(tokens)

    def _history(self, tokens: Sequence[str]) -> Match | None:
        """'History of X' is X if X stays with a patient; of a passing sign it says nothing of today."""
        for length in range(min(4, len(tokens) - 1), 0, -1):
            if self.lexicon.group("history", " ".join(tokens[:length])):
                found = self._part(tokens[length:])
                if found is None:
                    return None
                if found.finding in self.lexicon.standing and self._today(found.finding) == found.finding:
                    return Match(found.finding, label=self.label)
                return self._standing(found)
        return self._ago(tokens)

    def _ago(self, tokens: Sequence[str]) -> Match | None:
        """'Fever two weeks ago', 'chemotherapy a decade ago', 'doxorubicin in 1998': what still holds of it."""
        if CALENDAR_YEAR.fullmatch(tokens[-1]) and tokens[-2:-1] != ["since"]:  # 'in 1998', ', 1998'
            found = self._part(tokens[:-2] if tokens[-2:-1] == ["in"] else tokens[:-1])
            # of a quantity the number is the value ('leukocytes 2000')
            return self._long_past(found) if found and not self._any_measured(meant(found)) else None
        for length in (3, 2, 1):
            before = tokens[:-length]
            if not before or not self.lexicon.group("ago", " ".join(tokens[-length:])):
                continue
            starts = [start for start, end in self._times(before) if end == len(before)]
            start = starts[-1] if starts else len(before) - 1
            if not starts and not self.lexicon.group("long_ago", before[-1]):
                continue
            found = self._part(before[:start])
            if found is None:
                return None
            if self.lexicon.group("long_ago", before[-1]):
                lately = before[-1] == "year" and any(self.lexicon.group("few", t) for t in before[start:-1])
                return self._long_past(found, journeys=lately)
            recent = self.lexicon.recent if before[-1] in ("day", "week") else frozenset()
            lasting = (n for n in meant(found) if n in self.lexicon.standing or (n in recent and self._presence(n)))
            return Match(None, tuple(lasting), label=self.label)
        return None

    def _today(self, finding: str) -> str:
        """What is so today of something that was there before: of chemotherapy, that it was once given."""
        return self.base.earlier.get(finding, finding)

    def _standing(self, found: Match) -> Match:
        """What stays with a patient."""
        lasting = (self._today(name) for name in meant(found) if name in self.lexicon.standing)
        return Match(None, tuple(dict.fromkeys(lasting)), label=self.label)

    def _long_past(self, found: Match, *, journeys: bool = False) -> Match:
        """What still holds after years: a disease that lasts, no contact, habit or treatment of that time. Of a journey
        kala-azar and malaria come that late."""
        kept = [name for name in meant(found) if journeys and name in self.lexicon.journey]
        lasting = dict.fromkeys((*self.base.lasting(meant(found)), *kept))
        return Match(None, tuple(name for name in lasting if self._presence(name)), label=self.label)

    def _place(self, tokens: Sequence[str]) -> Match | None:
        """'Travel to' and 'residence in' a place that is not listed; one that lies 'in Lucknow, India' is in India."""
        for length in (2, 1):
            group = self.lexicon.group("place", " ".join(tokens[:length]))
            _, comma, land = self.label.rpartition(",")
            there = [*tokens[:length], *self.lexicon.tokens(land)]
            if group and comma and (found := self._part(there)) and meant(found):
                return self._wider(found)
            planned = any(self.lexicon.group("not_given", token) for token in tokens[length:])
            if group and length < len(tokens) <= length + 4 and not planned:
                finding = self.lexicon.stands_for.get(group)
                return Match(None, (finding,) if finding else (), label=self.label)
        return None

    def _outing(self, tokens: Sequence[str]) -> Match | None:
        """'Camping in Wisconsin': what is done outdoors, and a journey to where it is done."""
        for at in range(1, len(tokens) - 1):
            if self.lexicon.group("outing", tokens[at]):
                done = self._part(tokens[:at])
                found = meant(done) if done else ()
                places = self._journey(tokens[at + 1 :]) if set(found) & self.lexicon.outing else ()
                if places:
                    return Match(None, tuple(dict.fromkeys((*found, *places))), label=self.label)
        return None

    def _stay(self, tokens: Sequence[str]) -> Match | None:
        """'Three months in Brazil', 'spent two weeks in Kenya': a journey there, if the place is a listed one."""
        lead = 1 if self.lexicon.group("stayed", tokens[0]) else 0
        ends = [end for start, end in self._times(tokens) if start == lead and tokens[end : end + 1] == ["in"]]
        places = self._journey(tokens[ends[-1] + 1 :]) if ends else ()
        return Match(None, places, label=self.label) if places else None

    def _journey(self, place: Sequence[str]) -> tuple[str, ...]:
        """What a journey to a listed place is; of one that is not listed nothing."""
        there = self._part(["travel", "to", *place])
        anywhere = self.lexicon.stands_for.values()
        return tuple(name for name in meant(there) if name not in anywhere) if there else ()

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
        """'Cytopenias improved on prednisone': a course under treatment, of which it says that it was given."""
        spans = list(self._treatments(tokens))
        if not spans:
            return None
        return Match(None, self._given(tokens, spans), label=self.label)

    def _given(self, tokens: Sequence[str], spans: Sequence[tuple[int, int]]) -> tuple[str, ...]:
        """The treatments of a course, unless it is not the patient's; 'resolved drug use' is no course."""
        if any(self.lexicon.group("relative", token) or self.lexicon.group("not_given", token) for token in tokens):
            return ()
        told = [tokens[start:end] for start, end in spans if self._linked(tokens[:start])]
        return tuple(dict.fromkeys(name for span in told for name in self._taken(span)))

    def _linked(self, before: Sequence[str]) -> bool:
        """Whether a word for a course and a word that links it to a treatment stand before that."""
        course = max(at for at, token in enumerate(before) if self.lexicon.group("course", token))
        return any(self.lexicon.group("course_link", token) for token in before[course + 1 :])

    def _of_the_drug(self, tokens: Sequence[str]) -> Match | None:
        """'Recovery of neutrophils after stopping azathioprine': what is listed for 'the drug', whatever its name."""
        spans = list(self._treatments(tokens))
        for start, end in spans:
            rest, own = [*tokens[:start], "drug", *tokens[end:]], self._composed(tokens)
            found = self._equal(rest) or (own if own and own.implied else self._composed(rest))
            if found is not None and meant(found):
                implied = tuple(dict.fromkeys((*meant(found), *self._given(tokens, spans))))
                denied = (found.finding,) if found.finding else ()
                return Match(None, implied, label=self.label, denied=denied)
        return self._by_the_drug(tokens) or self._of_its_class(tokens) or self._drug_led(tokens)

    def _drug_led(self, tokens: Sequence[str]) -> Match | None:
        """'Ceftriaxone led to resolution of fever': the drug was given, what got better is not told of today."""
        for at in range(1, min(4, len(tokens) - 1)):
            ends = (at + length for length in (2, 1) if at + length < len(tokens))
            end = next((end for end in ends if self.lexicon.group("drug_did", " ".join(tokens[at:end]))), None)
            given = end and " ".join(tokens[:at]) in self.base.drug_names
            rest = tokens[end:] if end else ()
            better = any(self.lexicon.group("course", token) for token in rest)
            if given and (better or self._part(rest)):
                return Match(None, self._taken(tokens[:at]), label=self.label)
        return None

    def _by_the_drug(self, tokens: Sequence[str]) -> Match | None:
        """'Clozapine-induced agranulocytosis', 'methimazole judged the cause': the drug was taken, what it is said to
        have done is there."""
        for at in range(1, len(tokens) - 1):
            drug = self.base.drug_names.get(" ".join(tokens[:at]))
            if not drug or any(self.lexicon.group("denial", token) for token in tokens[:at]):
                continue
            done = self.lexicon.group("done_by", tokens[at])
            found = self._part(tokens[at + 1 :]) if done else None
            culprit = CULPRIT in self.base.drug[drug].exposures
            named = self._equal(["drug", *tokens[at:]]) if culprit or tokens[-1] == "cause" else None
            if done and not (found and meant(found)):
                continue
            names = (*(meant(named) if named else ()), *(meant(found) if found else ()))
            if names:
                implied = dict.fromkeys((*names, *self._taken(tokens[:at]), *self.base.drug[drug].exposures))
                return Match(None, tuple(name for name in implied if self._presence(name)), label=self.label)
        return None

    def _loosely(self, tokens: Sequence[str]) -> Match | None:
        raise NotImplementedError

    def _of_its_class(self, tokens: Sequence[str]) -> Match | None:
        """'Persistent fever on levofloxacin': what is listed for antibiotics, whatever their name."""
        for start in range(len(tokens)):
            for end in range(min(start + 3, len(tokens)), start, -1):
                drug = self.base.drug_names.get(" ".join(tokens[start:end]))
                if not drug or len(tokens) == end - start or ANTIBIOTIC not in (self.base.drug[drug].class_ or ""):
                    continue
                found = self._equal([*tokens[:start], f"{ANTIBIOTIC}s", *tokens[end:]])
                if found is not None and found.finding in ANSWERS_TO_ANTIBIOTICS:
                    loosely = self._loosely(tokens)
                    more = loosely.implied if loosely else ()
                    implied = (found.finding, *more, *self._taken(tokens[start:end]), USED)
                    return Match(None, tuple(dict.fromkeys(implied)), label=self.label)
        return None

    def _treatments(self, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where a drug or treatment stands after a word for a course."""
        for at, token in enumerate(tokens):
            if self.lexicon.group("course", token):
                for start in range(at + 1, len(tokens)):
                    for end in range(start + 1, min(start + 3, len(tokens)) + 1):
                        span = " ".join(tokens[start:end])
                        if span in self.base.drug_names or self.lexicon.names.get(span) == "treatments":
                            yield start, end

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
        told = [t for t in content if t not in whose] if at_an_end else []
        if tuple(told[-2:-1]) in (("aged",), ("age",)):  # 'father died of leukemia aged 34'
            told = told[:-2]
        while len(told) > 1 and self.lexicon.group("theirs", told[0]):
            told = told[1:]
        return told

    def _negative(self, tokens: Sequence[str]) -> Match | None:
        """'X negative' where 'X positive' is a finding: its presence is the absence of that, unless a name is listed as
        it stands ('HIV-negative partner' denies no other exposure)."""
        if "negative" not in tokens or self.lexicon.key(tokens) in self.lexicon.names:
            return None
        turned = ["positive" if token == "negative" else token for token in tokens]
        found = self._equal(turned)
        if found is None:
            return None
        excluded = (found.finding,) if found.finding and self._presence(found.finding) else ()
        return Match(None, label=self.label, excluded=excluded)

    def _gone(self, tokens: Sequence[str]) -> Match | None:
        """'X ruled out' is no X; 'X resolved' says nothing of today; 'X in remission' is a history of X."""
        for length in range(min(5, len(tokens) - 1), 0, -1):
            group = self.lexicon.group("gone", " ".join(tokens[-length:]))
            if group == "gone_standing" and (of_family := self._family(tokens[:-length])):
                return of_family  # 'brother died of leukemia in childhood'
            found = self._part(tokens[:-length]) if group else None
            if found is None:
                continue
            if group == "gone_excluded":
                names = denied_with(found)
                return Match(None, label=self.label, excluded=tuple(n for n in names if self._presence(n)))
            if group == "gone_season" and not found.excluded:
                return self._long_past(found, journeys=True)
            if group == "gone_standing" and not found.excluded:
                past = self._equal(["history", "of", *tokens[:-length]])
                return self._wider(past) if past else self._long_past(found)
            return self._silent()
        return None

    def _aside(self, tokens: Sequence[str]) -> Match | None:
        """'Suspected X', 'risk of X', 'X screening': understood, and no X. An allergy to a drug is an allergy."""
        for length in range(min(5, len(tokens) - 1), 0, -1):
            for role, words, rest in (
                ("aside", tokens[:length], tokens[length:]), ("aside_after", tokens[-length:], tokens[:-length]),
            ):  # fmt: skip
                group = self.lexicon.group(role, " ".join(words))
                led = role == "aside_after" and any(self.lexicon.group("view_lead", token) for token in rest[-3:])
                if not group or led or not self._part(rest):  # 'on screening' is where it was seen
                    continue
                if role == "aside_after" and "with" in rest[1:-1] and says(joined := self._joined(tokens)):
                    return joined  # 'anemia with benzene exposure'
                composed = self._composed(tokens) if group == "aside_contact" else None
                if composed and composed.implied:
                    return composed  # 'contact with sheep and goats'
                if self._drug(rest):
                    implied = self.lexicon.implies.get(group, {}).get("drug", ())
                    return Match(None, implied, label=self.label)
                return self._silent(UNCERTAIN if group == "aside_uncertain" else "")
        return self._hinting(tokens)

    def _hinting(self, tokens: Sequence[str]) -> Match | None:
        """'Serologies suggestive of X': what hints at X is no X."""
        for at in range(1, len(tokens) - 2):
            for length in (3, 2):
                if self.lexicon.group("hint", " ".join(tokens[at : at + length])) and (
                    self._harmless(tokens[:at]) and self._part(tokens[at + length :])
                ):
                    return self._silent(UNCERTAIN)
        return None
