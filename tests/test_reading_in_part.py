"""Names of which only the beginning is understood: what stays with a patient is used, and the rest is told."""

from __future__ import annotations

import pytest

import leukoref
from leukoref.findings import resolve
from leukoref.known import Findings
from leukoref.patient import Observation, Patient

BASE = leukoref.load_knowledge()


def resolved(name: str, *, present: bool = True) -> Findings:
    return resolve(Patient(observations=(Observation(finding=name, present=present),)), BASE)


@pytest.mark.parametrize(
    ("name", "finding", "rest"),
    [
        ("coeliac disease, frugal gluten lapses", "celiac_disease", "frugal gluten lapses"),
        ("chronic lymphocytic leukaemia, Frobnitz A", "chronic_lymphocytic_leukemia", "Frobnitz A"),
        ("splenectomy after frobnication", "splenectomy", "after frobnication"),
        ("mosquito bites on a frobnicated ship", "mosquito_bites", "on a frobnicated ship"),
    ],
)
def test_what_stays_is_used_and_the_rest_is_told(name: str, finding: str, rest: str) -> None:
    known = resolved(name)
    assert known.presence[finding] is True
    assert any(rest in warning for warning in known.warnings)


@pytest.mark.parametrize(
    "name",
    [
        "fever, frobnicated",  # a sign may be over, and only the words that are not understood would say so
        "coeliac disease, ruled out by frobnication",
        "lymphoma, frobnicated in a brother",
        "suspected lymphoma, frobnicated",
        "lymphoma in frobnicator",  # whose?
    ],
)
def test_what_the_rest_might_turn_is_not_read(name: str) -> None:
    known = resolved(name)
    assert known.unrecognized
    assert not known.presence


def test_habits_of_another_time_are_not_of_today() -> None:
    assert "alcohol_excess" not in resolved("chronic alcoholic, frobnicated until 1998").presence
    assert resolved("chronic alcoholic, frobnicated daily").presence["alcohol_excess"] is True


def test_a_denial_of_the_whole_denies_no_part() -> None:
    assert not resolved("coeliac disease, frugal gluten lapses", present=False).presence
