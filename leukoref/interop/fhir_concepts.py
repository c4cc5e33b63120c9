"""What a CodeableConcept, a unit or a drug name means in the vocabulary of one base, remembered once found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from leukoref import units
from leukoref.interop import fhir_codes as codes
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.knowledge.vocabulary import DAYS_PER_YEAR, Finding, age_in_years
from leukoref.matching import match_code, match_name
from leukoref.meaning import Match

Resource = dict[str, Any]
REMEMBERED = 50_000
LONGEST_UNIT = 50
_LOW_WORDS = ("low", "decreased", "reduced")
_HIGH_WORDS = ("high", "increased", "elevated", "raised")
# RxNorm writes "amoxicillin 250 MG / clavulanate 125 MG Oral Tablet [Augmentin]": ingredient, then strength.
_RXNORM_STRENGTH = re.compile(
    r"\s+\d[\d.,/-]*\s*(?:(?:MG|MCG|UG|G|MEQ|MMOL|UNT|IU|ML|ACTUAT|HR)\b|%).*$", re.IGNORECASE
)
_RXNORM_DURATION = re.compile(r"^[\d.]+\s*(?:HR|ML|ACTUAT)\s+", re.IGNORECASE)
_TOGETHER = re.compile(r"(?<=[A-Za-z])/(?=[A-Za-z])")  # sulfamethoxazole/trimethoprim
_BRANDED = re.compile(r"^(.+?)\s*[\[(]([^\])]+)[\])]$")
_BRACKETED = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")
_SALT = re.compile(
    r"\s+(?:hydrochloride|hydrobromide|sodium|potassium|calcium|sulfate|phosphate|maleate|mesylate|tartrate|acetate|"
    r"citrate|succinate|fumarate|besylate|tosylate|anhydrous|monohydrate|dihydrate|trihydrate)$",
    re.IGNORECASE,
)


# SNOMED CT ends its full names with the kind of the concept: "Splenectomy (procedure)".
_SNOMED_TAG = re.compile(r"(?:, disease)? \((?:finding|disorder|procedure|event|regime/therapy)\)$")


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What a concept stands for. ``finding`` is None where the vocabulary has no such thing; ``key`` is what an
    Observation is to be called so that the core reads it the same way; ``problem`` says why it must not be read, and
    ``speaks`` that there is something to read at all."""

    label: str
    code: str
    finding: Finding | None = None
    key: str = ""
    problem: str = ""
    carrier: bool = False
    age: bool = False
    speaks: bool = False
    by_text: bool = False

    @property
    def known(self) -> bool:
        return bool(self.key or self.problem)


@dataclass(frozen=True, slots=True)
class UnitReading:
    """A unit as it is to be handed on, and the line that turns it into the finding's own unit."""

    unit: str
    slope: float
    shift: float


class Concepts:
    """The concepts of one base. Lookups are cached, so a feed pays for each distinct concept once."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base
        self.aliases = base.unit_index
        self._meanings: dict[Any, Meaning] = {}
        self._units: dict[Any, UnitReading | str] = {}
        self._drugs: dict[Any, tuple[str, ...]] = {}
        self._families: dict[str, str | None] = {}
        self._flags: dict[str, tuple[str | None, str | None]] = {}
        self.windows = {f.id: days for f in base.findings if (days := _look_back(f, base)) is not None}
        self._spans: dict[str, float | None] = {}

    # -- concepts ---------------------------------------------------------------------------------------------

    def meaning(self, concept: Any) -> Meaning:
        """LOINC first, then the other codings, then the text; text never against a LOINC code nobody knows."""
        if type(concept) is not dict:
            return NOTHING
        codings: Any = concept.get("coding") or ()
        if len(codings) == 1 and type(codings[0]) is dict:
            coding = codings[0]
            key: Any = (coding.get("system"), coding.get("code"), coding.get("display"), concept.get("text"))
        else:
            key = (concept.get("text"), *((c.get("system"), c.get("code"), c.get("display")) for c in _dicts(codings)))
        try:
            return self._meanings[key]
        except KeyError:
            pass
        except TypeError:  # a list or object where a string belongs
            return NOTHING
        if len(self._meanings) > REMEMBERED:
            self._meanings.clear()
        found = self._meanings[key] = self._find(_dicts(codings), _text(concept.get("text")))
        return found

    def _find(self, codings: list[Resource], text: str) -> Meaning:
        label = text or next((_text(c.get("display")) for c in codings if c.get("display")), "")
        code = next((f"{c.get('system') or ''}|{c['code']}" for c in codings if c.get("code")), "")
        pairs = {(codes.canonical(c.get("system")), c.get("code")) for c in codings}
        shown, age = label or code, bool(pairs & codes.AGE_CODES)
        by_text = False
        matches = [found for c in sorted(codings, key=_not_loinc) if (found := self._by_coding(c))]
        if not matches and not self._text_forbidden(codings):
            names = [text, *(_text(c.get("display")) for c in codings)]
            plain = [name for name in map(untagged, names) if name not in names]
            matches = [found for name in names + plain if name and (found := self._by_name(name))][:1]
            by_text = True
        if not matches:
            carrier = bool(pairs & codes.CARRIERS)
            return Meaning(shown, code, carrier=carrier, age=age, speaks=carrier or age)
        first, key = matches[0]
        if any(not self._related(first, other) for other, _ in matches[1:]):
            problem = "its codings mean different findings"
            return Meaning(shown, code, self._of(first), key, problem=problem, speaks=True)
        return Meaning(shown, code, self._of(first), key, age=age, speaks=True, by_text=by_text)

    def _by_coding(self, coding: Resource) -> tuple[Match, str] | None:
        code = _text(coding.get("code")).upper()
        if code.startswith(("HP:", "HP_")):
            prefix: str | None = ""
            code = code.replace("_", ":")
        else:
            prefix = codes.prefix(coding.get("system"))
        if not code or prefix in (None, "RXNORM:", "ATC:"):
            return None
        for candidate in icd_ladder(code) if prefix == "ICD10CM:" else [code]:
            if prefix and f"{prefix}{candidate}" not in self.base.finding_codes:
                continue
            match = match_code(f"{prefix}{candidate}", self.base)
            if match is not None and (match.finding or match.implied):
                return match, match.finding or candidate
        return None

    def _by_name(self, name: str) -> tuple[Match, str] | None:
        if ":" in name and normalise(name) not in self.base.finding_names:
            return None
        match = match_name(name[:500], None, self.base)
        if match is None or not (match.finding or match.implied or match.excluded):
            return None
        return match, match.finding or name

    def _text_forbidden(self, codings: list[Resource]) -> bool:
        """A LOINC code names specimen and method, which its text may drop; an ICD-10-CM Z code is no disease."""
        for coding in codings:
            prefix = codes.prefix(coding.get("system"))
            if prefix == "LOINC:" or (prefix == "ICD10CM:" and _text(coding.get("code")).upper().startswith("Z")):
                return True
        return False

    def _related(self, one: Match, other: Match) -> bool:
        left, right = self._family(one), self._family(other)
        return bool(left & right)

    def _family(self, match: Match) -> set[str]:
        direct = {match.finding} if match.finding else set(match.implied)
        return direct | {parent for entry in direct for parent in self.base.ancestors[entry]}

    def _of(self, match: Match) -> Finding | None:
        return self.base.finding[match.finding] if match.finding else None

    def window(self, key: str) -> float | None:
        """For how many days a fact speaks of the present state; what implies findings, as the briefest of them."""
        if key not in self._spans:
            match = None if key in self.base.finding else match_name(key, None, self.base)
            names = (*match.implied, *match.excluded) if match is not None else (key,)
            self._spans[key] = min((self.windows[name] for name in names if name in self.windows), default=None)
        return self._spans[key]

    def graded(self, meaning: Meaning, words: Iterable[str]) -> Meaning:
        """'Neutropenia' said to be severe is severe neutropenia, where the vocabulary has that by this name below the
        plain one (a mild fever need not be a low-grade one); otherwise how severe it is says nothing here."""
        finding = meaning.finding
        if finding is None or meaning.problem:
            return meaning
        for word in words:
            said = normalise(f"{word} {finding.name}")
            found = self.base.finding.get(self.base.finding_names.get(said, ""))
            if found and normalise(found.name) == said and finding.id in self.base.ancestors[found.id]:
                return replace(meaning, finding=found, key=found.id)
        return meaning

    # -- units ------------------------------------------------------------------------------------------------

    def unit(self, finding: Finding, quantity: Resource) -> UnitReading | str:
        """How to read the unit of a Quantity for this finding, or why it cannot be read."""
        code = quantity.get("code")
        if code and quantity.get("system", codes.UCUM) != codes.UCUM and quantity.get("unit"):
            code = None  # a code of another system; the unit's words stand beside it
        key: Any = (finding.id, code, quantity.get("unit"))
        try:
            return self._units[key]
        except (KeyError, TypeError):
            pass
        if len(self._units) > REMEMBERED:
            self._units.clear()
        found = self._read_unit(finding, _text(key[1]), _text(key[2]))
        if all(part is None or isinstance(part, str) for part in key):
            self._units[key] = found
        return found

    def _read_unit(self, finding: Finding, code: str, text: str) -> UnitReading | str:
        if not code and not text:
            return "no unit"
        by_code = self._line(finding, code) if code else None
        by_text = self._line(finding, text) if text else None
        if isinstance(by_code, UnitReading) and isinstance(by_text, UnitReading):
            same = abs(by_code.slope - by_text.slope) <= 1e-9 * abs(by_code.slope) and by_code.shift == by_text.shift
            return by_code if same else f"unit text {text!r} contradicts the unit code {code!r}"
        if isinstance(by_code, UnitReading):
            return by_code if by_text != "wrong dimension" else f"unit text {text!r} contradicts the unit code {code!r}"
        if code and by_code == "wrong dimension":
            return f"unit {code!r} does not fit {finding.name}"
        if isinstance(by_text, UnitReading):
            return by_text
        return f"unit {(code or text)[:LONGEST_UNIT]!r} is not understood"

    def _line(self, finding: Finding, unit: str) -> UnitReading | str:
        if len(unit) > LONGEST_UNIT or finding.unit is None:
            return "unknown unit"
        try:
            meant = units.meant(unit, self.aliases, finding.printed)
            slope, shift = units.factor(meant, finding.unit, finding.molar_mass)
        except ValueError as error:
            return str(error)
        return UnitReading(unit, slope, shift)

    def unknown_drug(self, label: str, code: str) -> Meaning:
        """One Meaning for each drug the table does not have, so that they can be counted."""
        return self._meanings.setdefault(("drug", label, code), Meaning(label, code))

    # -- drugs, relatives, flags ------------------------------------------------------------------------------

    def drugs(self, concept: Any) -> tuple[str, ...]:
        """Names of the known drugs a medication concept stands for: by code, then text, then RxNorm's name form."""
        if not isinstance(concept, dict):
            return ()
        codings, text = _dicts(concept.get("coding") or ()), _text(concept.get("text"))
        key: Any = (text, *((c.get("system"), c.get("code"), c.get("display")) for c in codings))
        try:
            return self._drugs[key]
        except (KeyError, TypeError):
            pass
        if len(self._drugs) > REMEMBERED:
            self._drugs.clear()
        found = self._find_drugs(codings, text)
        if all(part is None or isinstance(part, (str, tuple)) for part in key):
            self._drugs[key] = found
        return found

    def _find_drugs(self, codings: list[Resource], text: str) -> tuple[str, ...]:
        for coding in codings:
            prefix = codes.prefix(coding.get("system"))
            drug = self.base.drug_codes.get(f"{prefix}{_text(coding.get('code'))}") if prefix else None
            if drug:
                return (drug,)
        spoken = [(text, False), *((_text(c.get("display")), True) for c in codings)]
        for name, coded in spoken:
            for parts in _ways_to_say(name, coded) if name else ():
                known = tuple(dict.fromkeys(drug for part in parts if (drug := self._drug_named(part))))
                if known:
                    return known
        return ()

    def _drug_named(self, name: str) -> str | None:
        """A drug by one name, or by its name with its own brand in brackets; no other remark is passed over."""
        known, branded = self.base.drug_names, _BRANDED.match(name)
        found = known.get(normalise(name))
        if found is None and branded and (drug := known.get(normalise(branded[1]))):
            return drug if known.get(normalise(branded[2])) == drug else None
        return found

    def share(self, finding: Finding, quantity: Resource) -> Finding:
        """'Neutrophils 75 %' in words means the share of the differential, not the count: the unit decides."""
        unit = _text(quantity.get("code")) or _text(quantity.get("unit"))
        if units.ucum(unit, self.aliases) == "%" and finding.unit != "%":
            for way in self.base.differential.get(finding.id, ()):
                if len(way) == 1:
                    return self.base.finding[way[0]]
        return finding

    def family_history(self, meaning: Meaning) -> str | None:
        """The finding 'family history of X', where the vocabulary has one for this X."""
        if meaning.code + meaning.label not in self._families:
            names = [meaning.label]
            if meaning.finding:
                names += [meaning.finding.name, *meaning.finding.synonyms]
            wanted = (normalise(f"family history of {name}") for name in names if name)
            found = next((self.base.finding_names[name] for name in wanted if name in self.base.finding_names), None)
            self._families[meaning.code + meaning.label] = found
        return self._families[meaning.code + meaning.label]

    def flagged(self, finding: Finding) -> tuple[str | None, str | None]:
        """The findings that say 'this quantity is low' and 'is high' in words, for results without a number."""
        if finding.id not in self._flags:
            self._flags[finding.id] = (self._worded(finding, _LOW_WORDS), self._worded(finding, _HIGH_WORDS))
        return self._flags[finding.id]

    def _worded(self, finding: Finding, words: tuple[str, ...]) -> str | None:
        for name in (finding.name, *finding.synonyms):
            for word in words:
                found = self.base.finding_names.get(normalise(f"{word} {name}"))
                if found and self.base.finding[found].kind == "presence":
                    return found
        return None


NOTHING = Meaning("", "")


def _look_back(finding: Finding, base: Knowledge) -> float | None:
    """The window of a finding in days: its own, else that of its kind (`rules/weighing.yaml`)."""
    if finding.lookback:
        return age_in_years(finding.lookback) * DAYS_PER_YEAR
    if finding.kind == "quantity" or "look_back" not in base.weighing:
        return None
    kinds = base.weighing["look_back"].value
    own = next((days for days, names in kinds["findings"].items() if finding.id in names), None)
    chosen = own if own is not None else kinds["tests"].get(finding.test)
    return None if chosen is None else float(chosen)


def icd_ladder(code: str) -> list[str]:
    """A code and its categories, most specific first: D70.11 -> D70.11, D70.1, D70. Codes come without a dot, too."""
    bare = code.replace(".", "")
    return [bare[:end] if end == 3 else f"{bare[:3]}.{bare[3:end]}" for end in range(len(bare), 2, -1)]


def _ways_to_say(name: str, coded: bool) -> list[list[str]]:
    """A drug name as written, then its ingredients as RxNorm's clinical drug names give them, then without salts.
    What stands in brackets is a brand in a coding's display; in free text it may be a remark, and is kept."""
    plain = _BRACKETED.sub("", _BRACKETED.sub("", name)) if coded else name
    doses = [_RXNORM_STRENGTH.sub("", _RXNORM_DURATION.sub("", part.strip())) for part in plain.split(" / ")]
    parts = [part for dose in doses for part in _TOGETHER.split(dose)]
    return [[name], [plain], [" / ".join(parts)], parts, [_SALT.sub("", part) for part in parts]]


def _not_loinc(coding: Resource) -> bool:
    return codes.prefix(coding.get("system")) != "LOINC:"


def _dicts(values: Any) -> list[Resource]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, (list, tuple)) else []


def untagged(name: str) -> str:
    """A full name of SNOMED CT without the kind of its concept."""
    return _SNOMED_TAG.sub("", name)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


_made: dict[str, Concepts] = {}


def concepts(base: Knowledge) -> Concepts:
    """The concepts of a base, built once."""
    found = _made.get(base.content_hash)
    if found is None or found.base is not base:
        found = _made[base.content_hash] = Concepts(base)
    return found
