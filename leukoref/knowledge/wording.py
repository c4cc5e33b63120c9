"""How names are put together: equal wordings, qualifiers, and names that are known and say nothing.

The words are data (`rules/names/`). They become one `Lexicon` a base, kept in the cache: understanding a name is a
handful of dictionary lookups (`leukoref.reading`).
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from leukoref.knowledge.conditions import Comparison, Rule
from leukoref.knowledge.names import normalise

if TYPE_CHECKING:
    from leukoref.knowledge.base import Knowledge

Role = Literal[
    "same", "filler", "filler_beside", "fixed_order", "level", "qualifier", "number", "number_lead", "unit_of_time",
    "view", "view_lead", "drug_word", "drug_started", "drug_ended", "ago", "place", "turning", "turning_after",
    "turns_code", "negative_name",
    "denial", "history", "recent", "standing", "done", "course", "course_link", "not_given", "done_by", "of_blood",
    "amount", "unmeasurable", "tried", "testing", "search", "answer", "relative", "family", "origin", "origin_word",
    "name", "going_on", "gone", "aside", "aside_after", "measure", "value_lead", "limit", "kind", "pattern", "skin",
    "head", "inner", "outing", "journey", "view_shows", "assumed", "tag", "hint", "test", "long_ago", "passing",
    "changed", "local", "proving", "no_denial", "said_in", "few", "theirs", "drug_did", "left_out", "past_time",
    "another_drug", "stayed",
]  # fmt: skip
WORDS_IN_A_PHRASE = 6
CALENDAR_YEAR = re.compile(r"(?:19|20)\d\d")
# A minus after a marker ('CD34-', 'TdT-, HLA-DR-'); a hyphen before 'and' belongs to the next word ('T- and B-cells').
_MINUS = re.compile(
    r"\b(?=\w*\d|\w*[A-Z]\w*[A-Z])([\w-]*\w)[-−](?=[\s,;)]|/\S+[-−+](?:[\s,;)]|$)|$)(?!\s*(?:and|or|to)\b)"
)
# '60mg', '2.5', 'q8h', 'x4': how much or how often, whatever the drug.
_DOSE = re.compile(r"x?\d[\d.,]*(?:mg|g|mcg|ug|µg|ml|iu|u|units?|x)?|q\d+(?:h|hr|d|w)?|x")
_SIGN = re.compile(r"(\+|[<>]=?(?=[0-9]))")
STAND_FOR_A_FINDING = ("family", "place")  # `as` names it
KINDS_BY_ROLE = ("qualifier", "measured")  # kinds of words beside those that groups of kinds name
KINDS_LISTED = ("no_denial", "said_in")  # roles whose `beside` lists kinds of words
BETWEEN_FILLERS = ("qualifier", "kind", "head")  # looked for after the fillers are dropped


class WordGroup(Rule):
    """Words that play one role in names; the roles are explained at the top of `rules/names/grammar.yaml`."""

    id: str
    role: Role
    words: tuple[str, ...] = ()
    frames: tuple[Annotated[str, Field(pattern=r"\{\}")], ...] = ()
    as_: str = Field(default="", alias="as")
    beside: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    implies: dict[str, tuple[str, ...]] = {}
    denies: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    note: str | None = None

    @property
    def wordings(self) -> tuple[str, ...]:
        """The words; where there are frames ('contact with {}'), each word in each of them."""
        return tuple(frame.replace("{}", word) for frame in self.frames for word in self.words) or self.words


class Pattern(BaseModel):
    """Kinds of words that make a name together; `beside`: kinds that may stand beside them; `unless`: words with which
    the name is another thing."""

    model_config = ConfigDict(defer_build=True)

    kinds: tuple[str, ...]
    beside: frozenset[str]
    unless: frozenset[str] = frozenset()
    implies: dict[str, tuple[str, ...]] = {}


class Lexicon(BaseModel):
    """The words of all groups and the keys of all names, ready to be looked up."""

    model_config = ConfigDict(defer_build=True)

    same: dict[str, str] = {}
    roles: dict[str, dict[str, str]] = {}  # role -> phrase -> id of its group
    beside: dict[str, frozenset[str]] = {}  # id of a group -> words that may stand beside its names
    beside_any: frozenset[str] = frozenset()
    droppable: dict[str, frozenset[str]] = {}  # id of a group of level words -> words without meaning beside them
    implies: dict[str, dict[str, tuple[str, ...]]] = {}  # id of a group -> words beside -> findings
    tells: dict[str, dict[str, tuple[str, ...]]] = {}  # id of a group of qualifiers -> what it narrows -> findings
    denies: dict[str, tuple[str, ...]] = {}  # id of a group -> findings that its names say are absent
    seen_by: dict[str, frozenset[str]] = {}  # id of a view -> the tests whose findings are seen so
    specimens: frozenset[str] = frozenset()  # what is seen in one specimen is not in another
    stands_for: dict[str, str] = {}  # id of a group -> its finding
    standing: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()  # of what stands, what years later is no more
    recent: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    skin: frozenset[str] = frozenset()
    assumed: frozenset[str] = frozenset()
    outing: frozenset[str] = frozenset()
    journey: frozenset[str] = frozenset()  # what may make ill years later
    no_denial: frozenset[str] = frozenset()  # kinds of words that are no denial where they stand for what they say
    said_in: frozenset[str] = frozenset()  # kinds whose patterns take words that turn other names
    keys: dict[str, str] = {}  # key of a finding's name -> finding
    names: dict[str, str] = {}  # key of a name that says nothing by itself -> group
    instead: frozenset[str] = frozenset()  # groups of names of which another terminology does not hold
    family: dict[str, str] = {}  # finding -> the family history of it
    kinds: dict[str, str] = {}  # phrase -> the kinds of word it is
    patterns: tuple[Pattern, ...] = ()
    tests: dict[str, str] = {}  # name of a test without words for its result -> its group
    excludes: dict[str, tuple[str, ...]] = {}  # group of tests -> what a negative or normal result says is absent
    results: frozenset[str] = frozenset()  # groups whose tests are negative where they are said not to be there
    known: str = ""  # every word of a name or group

    @classmethod
    def of(cls, base: "Knowledge") -> Self:
        found = cls()
        for group in base.names:
            if group.role == "same":
                found.same.update({normalise(word): normalise(group.as_) for word in group.wordings})
        found.no_denial, found.said_in = _kinds_listed(base, "no_denial"), _kinds_listed(base, "said_in")
        for group in base.names:
            if group.role in KINDS_LISTED:
                continue
            words = found.roles.setdefault(group.role, {})
            if group.role == "pattern":
                continue
            bare = found.told if group.role in BETWEEN_FILLERS else list
            words.update(
                {" ".join(bare(found.tokens(word))): group.id for word in group.wordings if group.role != "same"}
            )
            found.beside[group.id] = frozenset(part for word in group.beside for part in found.tokens(word))
            if group.role == "filler_beside":
                found.droppable[group.id.removesuffix("_beside")] = frozenset(map(normalise, group.words))
            if group.role == "qualifier" and group.implies:
                found.tells[group.id] = group.implies
            elif group.implies:
                found.implies[group.id] = {" ".join(found.tokens(word)): ids for word, ids in group.implies.items()}
            if group.denies:
                found.denies[group.id] = group.denies
            if group.role == "place" and group.as_:
                found.stands_for[group.id] = group.as_
            if group.role == "test":
                found.tests.update({found.test_key(found.tokens(word)): group.id for word in group.wordings})
                found.excludes[group.id] = group.findings
            if group.tests:
                found.seen_by[group.id] = frozenset(group.tests)
        found.specimens = frozenset().union(*(group.tests for group in base.names if group.as_ == "specimen"))
        found.results = frozenset(group.id for group in base.names if group.role == "test" and group.as_ == "result")
        found.instead = frozenset(group.id for group in base.names if group.as_ == "instead")
        found.beside_any = frozenset().union(*found.beside.values())
        found.standing = _below(base, "standing")
        found.passing = _below(base, "passing")
        found.recent = _below(base, "recent")
        found.done = _below(base, "done")
        found.skin = _below(base, "skin")
        found.assumed = _below(base, "assumed")
        found.outing = _below(base, "outing")
        found.journey = _below(base, "journey")
        found._index(base)
        found._index_kinds(base)
        return found

    def _index(self, base: "Knowledge") -> None:
        for plain in (True, False):  # 'leukemia' is leukemia, whatever 'known leukemia' is
            meant: dict[str, set[str]] = {}
            for name, finding in base.finding_names.items():
                tokens = self.tokens(name)
                key = self.key(tokens)
                if name.endswith(" a") and not key.endswith(" a"):  # the 'a' of 'immunoglobulin A' is no article
                    continue
                if (self.told(tokens) == tokens) == plain:
                    meant.setdefault(key, set()).add(finding)
            for key, findings in meant.items():
                widest = [f for f in findings if all(f == other or f in base.ancestors[other] for other in findings)]
                if widest:  # else two findings would be meant: neither is
                    self.keys.setdefault(key, widest[0])
        for rule in base.derived:
            self._index_sides(base, rule.finding, rule.when if rule.complete else None)
        for group in base.names:
            if group.role == "name":
                self.names.update({self.key(self.tokens(word)): group.id for word in group.wordings})
        for entry in base.findings:
            if entry.kind == "quantity":
                for name in (entry.name, *entry.synonyms):
                    self.names.setdefault(self.key(self.tokens(name)), "quantity")
        for group in base.names:
            if group.role == "family":
                self.family.update(dict.fromkeys(group.findings, group.as_))

    def _index_kinds(self, base: "Knowledge") -> None:
        """The kind of a word is what its group says; qualifiers, and the names of what is measured, are kinds too."""
        found: dict[str, set[str]] = {}
        for role in ("qualifier", "number", "unit_of_time", "measure", "view"):
            for phrase in self.roles.get(role, {}):
                found.setdefault(phrase, set()).add("qualifier")
        for group in base.names:
            if group.role == "kind":
                for word in group.wordings:
                    found.setdefault(" ".join(self.told(self.tokens(word))), set()).add(group.as_)
        for entry in base.findings:
            if entry.kind == "quantity":
                for name in (entry.name, *entry.synonyms):
                    found.setdefault(" ".join(self.content(self.tokens(name))), set()).add("measured")
        found.pop("", None)
        self.kinds = {phrase: " ".join(sorted(kinds)) for phrase, kinds in found.items()}
        self.patterns = tuple(
            Pattern(
                kinds=tuple(words.split()),
                beside=frozenset((*group.beside, "qualifier")),
                unless=frozenset(part for word in group.unless for part in self.tokens(word)),
                implies={" ".join(self.tokens(word)): ids for word, ids in group.implies.items()},
            )
            for group in base.names
            if group.role == "pattern"
            for words in group.words
        )
        phrases = (*self.keys, *self.names, *self.kinds, *base.drug_names, *(p for r in self.roles.values() for p in r))
        self.known = " ".join(sorted({word for phrase in phrases for word in phrase.split()}))

    def _index_sides(self, base: "Knowledge", finding: str, when: object) -> None:
        """'Raised X' and 'low X', where a derived finding is just that."""
        if not isinstance(when, Comparison) or when.finding not in base.finding:
            return
        side = "elevated" if when.above == "reference" else "low" if when.below == "reference" else ""
        if side:
            measured = base.finding[when.finding]
            for name in (measured.name, *measured.synonyms):
                self.keys.setdefault(self.key([side, *self.tokens(name)]), finding)

    def tokens(self, name: str) -> list[str]:
        """The words of a name, with equal wordings replaced; the longest wording wins."""
        return self.replaced(_SIGN.sub(r" \1 ", normalise(_MINUS.sub(r"\1 negative", name))).split())

    def replaced(self, words: Sequence[str]) -> list[str]:
        found: list[str] = []
        position = 0
        while position < len(words):
            for length in range(min(WORDS_IN_A_PHRASE, len(words) - position), 0, -1):
                wanted = " ".join(words[position : position + length])
                if wanted in self.same:
                    found.extend(self.same[wanted].split())
                    position += length
                    break
            else:
                found.append(words[position])
                position += 1
        return found

    def told(self, tokens: Iterable[str]) -> list[str]:
        """The words without fillers; an 'a' before another letter is one of a name ('Fy(a-b-)')."""
        fillers, words = self.roles.get("filler", {}), list(tokens)
        lettered = {at for at, (word, after) in enumerate(pairwise(words)) if word == "a" and len(after) == 1}
        return [token for at, token in enumerate(words) if token not in fillers or at in lettered]

    def content(self, tokens: Iterable[str]) -> list[str]:
        """The words that carry the meaning; 'test' and 'level' do not beside 'positive' and 'elevated'."""
        kept = self.told(tokens)
        beside = self.roles.get("level", {})
        groups = {beside[token] for token in kept if token in beside}
        dropped = frozenset().union(*(self.droppable.get(group, frozenset()) for group in groups))
        leading = self.roles.get("turning", {})  # 'screening for X positivity' is no positive X
        left = [token for at, token in enumerate(kept) if token not in dropped or (at == 0 and token in leading)]
        return left if any(token not in beside for token in left) else kept

    def key(self, tokens: Iterable[str]) -> str:
        """What two wordings of one meaning share: their content, in any order unless a word forbids it."""
        content = self.content(tokens)
        fixed = self.roles.get("fixed_order", {})
        return " ".join(content if any(token in fixed for token in content) else sorted(content))

    def test_key(self, tokens: Iterable[str]) -> str:
        """What the names of one test share: 'serum complement level', 'complement'."""
        told = self.told(tokens)
        beside = self.droppable.get("level", frozenset()) | self.droppable.get("result", frozenset())
        return " ".join(sorted([token for token in told if token not in beside] or told))

    def without(self, role: str, words: Sequence[str]) -> list[str]:
        """The words without the phrases of a role, in this or an equal wording ('low dose')."""
        phrases = self.roles.get(role, {})
        left, position = [], 0
        while position < len(words):
            for length in range(min(4, len(words) - position), 0, -1):
                part = words[position : position + length]
                if " ".join(part) in phrases or " ".join(self.replaced(part)) in phrases:
                    position += length
                    break
            else:
                left.append(words[position])
                position += 1
        return left

    def drug_alone(self, words: Sequence[str]) -> list[str]:
        """The name of a drug without words for its dose, route and the like, and without numbers."""
        return [word for word in self.without("drug_word", words) if not _DOSE.fullmatch(word)]

    def is_level(self, name: str) -> bool:
        """Whether a name says how a result lies ('elevated', 'positive')."""
        return any(token in self.roles.get("level", {}) for token in self.tokens(name))

    def kinds_of(self, phrase: str) -> frozenset[str]:
        return frozenset(self.kinds.get(phrase, "").split())

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.known.split())

    def is_instead(self, tokens: Iterable[str]) -> bool:
        """Whether `rules/names` says what a name means, whatever HPO says of it."""
        return bool(self.instead) and self.names.get(self.key(tokens)) in self.instead

    def group(self, role: str, phrase: str) -> str | None:
        return self.roles.get(role, {}).get(phrase)


def _kinds_listed(base: "Knowledge", role: str) -> frozenset[str]:
    """The kinds of words that the groups of a role list."""
    return frozenset(kind for group in base.names if group.role == role for kind in group.beside)


def _below(base: "Knowledge", role: str) -> frozenset[str]:
    """The findings named by the groups of a role, and all below them."""
    named = {finding for group in base.names if group.role == role for finding in group.findings}
    below = {child for finding in named for child in base.descendants.get(finding, ())}
    return frozenset(named | below)
