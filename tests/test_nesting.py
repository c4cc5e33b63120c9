"""A wide finding is at least as frequent as a narrow one."""

from leukoref.assessor import Assessor
from leukoref.knowledge.base import Knowledge


def test_no_estimate_lies_under_a_sourced_figure_of_a_part_of_it(base: Knowledge, ready: Assessor) -> None:
    rates = ready.ranker.table.rates
    seen = 0
    for narrow, speakers in rates.items():
        for profile, part in speakers.items():
            for wide in base.ancestors.get(narrow, ()) if part.basis == "sourced" else ():
                held = rates.get(wide, {}).get(profile)
                if held is not None and held.basis == "estimate":
                    assert held.value >= part.value, (profile, wide, narrow)
                seen += held is not None and held.text.startswith("at least as often as ")
    assert seen > 20


def test_beside_the_core_no_estimate_lies_under_that_of_a_part_of_it(base: Knowledge, ready: Assessor) -> None:
    rates = ready.ranker.table.rates
    for narrow, speakers in rates.items():
        for profile, part in speakers.items():
            for wide in base.ancestors.get(narrow, ()):
                held = rates.get(wide, {}).get(profile)
                if held is not None and held.basis == "estimate" and not base.finding[wide].core:
                    assert held.value >= part.value, (profile, wide, narrow)


def test_a_kind_does_not_inherit_less_than_its_own_part_says(ready: Assessor) -> None:
    rates = ready.ranker.table.rates["positive_viral_test"]  # its IgM makes the test of Epstein-Barr virus positive
    assert rates["viral_infection/ebv"].value >= ready.ranker.table.rates["ebv_vca_igm"]["viral_infection/ebv"].value


def test_a_raised_rate_carries_the_figure_and_the_source_of_the_narrower(base: Knowledge, ready: Assessor) -> None:
    rates = ready.ranker.table.rates
    rate = rates["proteinuria_hematuria"]["malaria"]
    part = rates["proteinuria"]["malaria"]
    assert (rate.value, rate.sources, rate.basis) == (part.value, part.sources, "sourced")
    assert rate.text == f"at least as often as proteinuria: {part.text}"
