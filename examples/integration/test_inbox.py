"""How an integration is tested: golden cases for what must not be lost, drawn patients for everything else.

python -m pytest examples/integration
"""

from __future__ import annotations

import inbox
import pytest
from hypothesis import HealthCheck, given, settings

import leukoref
from leukoref.testing import GoldenCase, golden_cases, patients


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
def test_a_red_flag_always_pages(case: GoldenCase) -> None:
    sent = inbox.message(leukoref.Patient.parse(case.patient))
    if case.red_flags:
        assert sent is not None
        assert sent.urgent
    if case.status != "leukopenia":
        assert sent is None


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(patients())
def test_every_message_says_that_no_clinician_has_reviewed_the_base(patient: leukoref.Patient) -> None:
    sent = inbox.message(patient)
    assert sent is None or any("No clinician" in line for line in sent.lines)


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(patients())
def test_at_most_three_causes_are_named(patient: leukoref.Patient) -> None:
    sent = inbox.message(patient)
    assert sent is None or sum(line[:2] in ("1.", "2.", "3.", "4.") for line in sent.lines) <= inbox.SHOWN


def test_laboratory_rows_become_findings() -> None:
    rows = [
        {"test": "WBC", "result": "1.1", "unit": "K/uL"},
        {"test": "ANC", "result": "50", "unit": "cells/uL"},
        {"test": "HIV antibody", "result": "NEG"},
        {"test": "aura photography", "result": "POS"},
    ]
    drugs = [{"drug": "methimazole", "started_days_ago": 40}]
    sent = inbox.message(inbox.patient_from_rows(rows, age="34 a", sex="female", drugs=drugs))
    assert sent is not None
    assert sent.urgent
    assert any("drug-induced" in line for line in sent.lines)
    assert "Not understood: aura photography" in sent.lines


def test_a_row_in_a_wrong_unit_stops_before_anything_is_sent() -> None:
    rows = [{"test": "WBC", "result": "2100", "unit": "10*9/L"}]
    with pytest.raises(leukoref.InputError, match=r"did you mean"):
        inbox.message(inbox.patient_from_rows(rows))


def test_a_normal_count_sends_nothing() -> None:
    rows = [
        {"test": "WBC", "result": "6.8", "unit": "G/L"},
        {"test": "ANC", "result": "4.0", "unit": "G/L"},
        {"test": "absolute lymphocyte count", "result": "2.1", "unit": "G/L"},
        {"test": "absolute monocyte count", "result": "0.5", "unit": "G/L"},
    ]
    assert inbox.message(inbox.patient_from_rows(rows, age="45 a")) is None
