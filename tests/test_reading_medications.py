"""Medication lists as they are printed: doses, routes, brands and times beside the drug."""

from __future__ import annotations

import pytest

import leukoref
from leukoref.reading.medications import said_of

BASE = leukoref.load_knowledge()


@pytest.mark.parametrize(
    ("name", "drugs"),
    [
        ("hydroxyurea 0.5 g three times daily", "hydroxycarbamide"),
        ("omeprazole 20mg OD", "omeprazole"),
        ("prednisone 10 mg/d", "prednisone"),
        ("docetaxel 75 mg/m2", "docetaxel"),
        ("intravenous vancomycin 1 g q12h", "vancomycin"),
        ("rituximab 375 mg/m2 weekly x 4", "rituximab"),
        ("piperacillin-tazobactam 4.5 g q8h", "piperacillin_tazobactam"),
        ("carbamazepine (Tegretol)", "carbamazepine"),
        ("Foobarol (clozapine)", "clozapine"),
        ("antibiotics (ceftriaxone, vancomycin)", "antibiotic ceftriaxone vancomycin"),
        ("methotrexate 10 mg/week and prednisone 5 mg", "methotrexate prednisone"),
        ("adjuvant chemotherapy, first cycle", "chemotherapy"),
        ("penicillin allergy", ""),
        ("clozapine (rechallenge against advice)", ""),
        ("clozapine refused", ""),
        ("mother took carbimazole", ""),
        ("mg", ""),
        ("clozapine antagonist", ""),
        ("vincristine in 1998", ""),
        ("vincristine, frobnicated in childhood", ""),
    ],
)
def test_a_drug_is_found_among_its_doses_and_among_nothing_else(name: str, drugs: str) -> None:
    found = {drug.id for drug in said_of(name, BASE).drugs}
    assert {"chemotherapy" if "chemotherapy" in entry else entry for entry in found} == set(drugs.split())


@pytest.mark.parametrize(
    ("name", "started", "stopped", "ended"),
    [
        ("clozapine, 3 months", 91, None, False),
        ("azathioprine 100 mg/day for 3 months", 91, None, False),
        ("carbimazole for six weeks", 42, None, False),
        ("methimazole 30 mg/day started 6 weeks ago", 42, None, False),
        ("rituximab (last dose 4 months ago)", None, 122, False),
        ("rituximab 4 months ago", 122, 122, False),
        ("R-CHOP stopped 2 years ago", None, 730, False),
        ("dapsone for 2 months, stopped 1 week ago", 61, 7, False),
        ("rituximab every 3 weeks", None, None, False),
        ("linezolid for several weeks", None, None, False),
        ("previous methotrexate", None, None, True),
        ("methotrexate, completed", None, None, True),
    ],
)
def test_a_time_beside_a_drug_says_since_when_it_is_taken_or_no_longer_taken(
    name: str, started: float | None, stopped: float | None, ended: bool
) -> None:
    said = said_of(name, BASE)
    assert said.drugs
    assert (said.started, said.stopped, said.ended) == (started, stopped, ended)


def test_words_behind_a_drug_that_are_not_understood_are_told() -> None:
    low = {"finding": "WBC", "value": 2, "unit": "10*9/L"}
    answer = leukoref.assess({"age": "40 a", "observations": [low], "medications": [{"name": "clozapine frobnicated"}]})
    assert not answer.unrecognized
    assert any("'frobnicated' was not understood" in warning for warning in answer.warnings)


def test_days_that_are_given_outweigh_those_of_the_name() -> None:
    low = {"finding": "ANC", "value": 0.1, "unit": "10*9/L"}

    def timing(**medication: object) -> str:
        answer = leukoref.assess({"age": "40 a", "observations": [low], "medications": [medication]})
        (candidate,) = (c for c in answer.candidates if c.cause == "drug_induced_neutropenia")
        return candidate.drugs[0].timing

    assert timing(name="methimazole for 6 weeks") == "in_window"
    assert timing(name="methimazole for 6 weeks", days_before=4000) == "outside_window"


def test_a_drug_that_has_ended_nobody_knows_when_says_nothing() -> None:
    low = {"finding": "WBC", "value": 2, "unit": "10*9/L"}
    answer = leukoref.assess({"age": "40 a", "observations": [low], "medications": [{"name": "previous R-CHOP"}]})
    assert not answer.unrecognized
    assert any("not when" in warning for warning in answer.warnings)
    assert not any(e.finding.startswith("chemotherapy") for c in answer.candidates for e in c.supports)
