"""What was there, or was not, before this illness, and what it says of today."""

from __future__ import annotations

from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.patient import Patient


def known(base: Knowledge, **fields: object):  # type: ignore[no-untyped-def]
    return resolve(Patient.parse(fields), base)


def wbc(value: float, unit: str) -> dict[str, object]:
    return {"finding": "WBC", "value": value, "unit": unit}


def test_an_earlier_result_is_not_the_present_state(base: Knowledge) -> None:
    result = known(base, observations=[{**wbc(9.0, "10*9/L"), "when": "earlier"}, wbc(2.0, "10*9/L")])
    assert result.quantities["wbc"].exact == 2.0


def test_what_lasts_is_so_now_if_it_was_there_before_and_an_earlier_low_count_is_a_history_of_one(
    base: Knowledge,
) -> None:
    names = ["AIDS", "Crohn's disease", "severe neutropenia", "fever", "lung cancer", "malaria", "chondritis"]
    result = known(base, observations=[{"finding": name, "present": True, "when": "earlier"} for name in names])
    assert {name for name, state in result.presence.items() if state} == {
        "aids",
        "crohn_disease",
        "previous_neutropenia",
        "lung_cancer",
        "previous_malaria",
        "chondritis",
    }
    denied = known(base, observations=[{"finding": "HIV infection", "present": False},
                                       {"finding": "HIV infection", "present": True, "when": "earlier"}])  # fmt: skip
    assert denied.presence["hiv_infection"] is False  # what is said of today holds


def test_counts_from_before_this_illness_tell_whether_it_is_new(base: Knowledge) -> None:
    def before(value: float, **when: object) -> set[str]:
        result = known(base, observations=[{**wbc(value, "10*9/L"), "when": "earlier", **when}, wbc(2.0, "10*9/L")])
        return {name for name in result.presence if name.startswith("previous")}

    assert before(7.0) == {"previous_normal_counts"}
    assert before(2.5) == {"previous_leukopenia"}
    assert before(25.0) == set()
    assert before(7.0, days_before=400) == {"previous_normal_counts"}
    assert before(7.0, days_before=3) == set()  # of this illness


def test_one_low_count_before_outweighs_a_normal_one(base: Knowledge) -> None:
    before = [{**wbc(value, "10*9/L"), "when": "earlier"} for value in (7.0, 2.5)]
    result = known(base, observations=[*before, wbc(2.0, "10*9/L")])
    assert (result.presence["previous_leukopenia"], "previous_normal_counts" in result.presence) == (True, False)


def test_counts_that_were_not_low_before_were_normal(base: Knowledge) -> None:
    for said in ({"finding": "neutropenia", "present": False}, {"finding": "normal blood counts", "present": True}):
        result = known(base, observations=[{**said, "when": "earlier"}])
        assert result.presence["previous_normal_counts"] is True
