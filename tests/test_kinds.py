"""Means and medians spread over bins, and causes of several kinds: both as a reader could work them out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_base import CAUSE, CAUSE_FILE, SOUND, lint_with, only, replaced, write
from test_coverage import NUMBERS, WEIGHING

from leukoref.assessor import Assessor
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Distribution, Estimates, Frequency, Statement
from leukoref.knowledge.evidence import EvidenceTable, Rate
from leukoref.knowledge.fitting import fitted_kinds
from leukoref.knowledge.loader import read
from leukoref.knowledge.spreads import bin_shares
from leukoref.patient import Patient
from leukoref.units import convert

linted = pytest.fixture(lint_with)


def shares(base: Knowledge, finding: str, **printed: object) -> dict[str, float]:
    scale, entry = next((s, e) for s in base.scales for e in s.inputs if e.finding == finding)
    figure = Distribution.model_validate({"unit": entry.unit, **printed})
    return dict(zip(scale.bins, bin_shares(figure, scale, entry, patients=20, widest=0.5), strict=True))


def spread_of_age(base: Knowledge, *said: dict[str, object]) -> dict[str, float]:
    """How an invented cause of which these statements are made spreads over the ages."""
    fixed = {"finding": "age", "source": "none", "seen": "abstract", "reason": "for this test"}
    statements = tuple(Statement.model_validate({"id": f"s{i}", **fixed, **one}) for i, one in enumerate(said))
    cause = base.causes[0].model_copy(update={"statements": statements, "variants": ()})
    estimates = ({"group": "g", "reasoning": "r", "cells": {"age": [0.02, 0.08, 0.2, 0.1, 0.2, 0.2, 0.2]}},)
    cause = cause.model_copy(update={"estimates": tuple(Estimates.model_validate(block) for block in estimates)})
    table = EvidenceTable(base.model_copy(update={"causes": (cause, *base.causes[1:])}))
    return dict(zip(base.scale["age"].bins, table.spreads["age"][cause.id].shares, strict=True))


ADULTS = ["18-40a", "40-65a", ">=65a"]


# -- distributions ------------------------------------------------------------------------------------------


def test_half_of_the_patients_lie_below_the_median(base: Knowledge) -> None:
    found = shares(base, "hemoglobin", median=10, quartiles=[7, 12])
    assert found["<7"] == pytest.approx(0.25)
    assert found["<7"] + found["7-10"] == pytest.approx(0.5)
    assert found[">=12"] == pytest.approx(0.25)


def test_a_mean_and_its_deviation_are_a_normal_curve(base: Knowledge) -> None:
    found = shares(base, "hemoglobin", mean=10, sd=2)
    assert found[">=12"] == pytest.approx(0.1587, abs=1e-4)


def test_nobody_is_counted_before_birth(base: Knowledge) -> None:
    wide, narrow = shares(base, "age", mean=4, sd=4), shares(base, "age", mean=40, sd=17)
    assert wide["<28d"] < wide["28d-1a"] / 5
    assert narrow["<28d"] < 1e-3
    assert narrow["40-65a"] + narrow[">=65a"] == pytest.approx(0.5)  # the mean stays where it was printed
    assert sum(wide.values()) == pytest.approx(1)


def test_counts_are_spread_by_their_logarithm(base: Knowledge) -> None:
    """A mean of 100 with a deviation of 100 is a median of 71: counts lean to the right."""
    found = shares(base, "platelets", mean=100, sd=100)
    below = found["<20"] + found["20-50"] + found["50-100"]
    assert below == pytest.approx(0.5 + 0.5 * math.erf(math.sqrt(math.log(2)) / 2 / math.sqrt(2)), abs=1e-6)


def test_the_ends_of_a_range_lie_further_out_the_more_patients_there_were(base: Knowledge) -> None:
    few = shares(base, "age", median=50, range=[20, 80], of=10)
    many = shares(base, "age", median=50, range=[20, 80], of=1000)
    assert few["40-65a"] < many["40-65a"]


def test_a_series_of_adults_leaves_the_children_as_they_are(base: Knowledge) -> None:
    confined = {"among": ADULTS, "distribution": {"median": 70, "range": [50, 90], "unit": "a", "of": 500}}
    found = spread_of_age(base, confined)
    assert found["1-12a"] == pytest.approx(0.2, abs=0.01)
    assert sum(found[name] for name in ADULTS) == pytest.approx(0.6, abs=0.01)
    assert found[">=65a"] > 0.35
    everybody = spread_of_age(base, {"distribution": confined["distribution"]})
    assert everybody["1-12a"] < 0.02


def test_a_share_among_adults_is_a_share_of_their_part(base: Knowledge) -> None:
    found = spread_of_age(base, {"among": ADULTS, "bins": [">=65a"], "frequency": {"n": 500, "of": 1000}})
    assert found[">=65a"] == pytest.approx(0.3, abs=0.01)


def test_infants_do_not_spread_over_decades(base: Knowledge) -> None:
    found = shares(base, "age", median=8, unit="mo")
    assert found["<28d"] + found["28d-1a"] + found["1-12a"] == pytest.approx(1)


@given(
    centre=st.floats(0.01, 500),
    low=st.floats(0.05, 1),
    high=st.floats(1, 20),
    kind=st.sampled_from(["quartiles", "range"]),
)
def test_bins_hold_every_patient_once(base: Knowledge, centre: float, low: float, high: float, kind: str) -> None:
    found = shares(base, "platelets", median=centre, **{kind: [centre * low, centre * high]}, of=30)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) >= 0


def test_the_factors_of_other_units_are_those_of_the_unit_library(base: Knowledge) -> None:
    for scale in base.scales:
        for entry in scale.inputs:
            finding = base.finding[entry.finding]
            for unit, factor in entry.also.items():
                expected = convert(
                    1.0, unit, entry.unit, field="f", aliases=base.unit_index, molar_mass=finding.molar_mass
                )
                assert factor == pytest.approx(expected, rel=2e-3), (entry.finding, unit)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("finding: anc, distribution: {median: 2, unit: g/dL}", "in 'g/dL'"),
        ("finding: splenomegaly, distribution: {median: 2, unit: cm}", "no quantity of a scale"),
    ],
)
def test_a_distribution_that_no_scale_can_take_is_reported(linted, said, complaint):
    added = f"  - {{id: d, {said}, source: smith-2020, seen: abstract, reason: r}}\n  - id: no_spleen\n"
    found = linted({CAUSE_FILE: replaced(CAUSE, "  - id: no_spleen\n", added)})
    assert complaint in only(found, "speaks_of_a_quantity").message


@pytest.mark.parametrize(
    "printed",
    ["{median: 2, mean: 2, unit: g/dL}", "{unit: g/dL}", "{mean: 2, sd: 1, range: [1, 3], unit: g/dL}",
     "{median: 5, range: [1, 3], unit: g/dL}"],
)  # fmt: skip
def test_a_summary_that_contradicts_itself_is_refused(linted, printed):
    added = f"  - {{id: d, finding: anc, distribution: {printed}, source: smith-2020, seen: abstract, reason: r}}\n"
    found = linted({CAUSE_FILE: replaced(CAUSE, "  - id: no_spleen\n", added + "  - id: no_spleen\n")})
    assert any("statements" in complaint.rule or "statements" in complaint.message for complaint in found), found


# -- kinds --------------------------------------------------------------------------------------------------

KINDS = """\
variants:
  - id: of_children
    name: Spleens of children
    share: {estimate: 0.2, reasoning: a guess}
    estimates: [{group: g, reasoning: r, cells: {anc: [0.9, 0.05, 0.05], massive_splenomegaly: 0.8}}]
  - id: plain
    name: Plain spleens
    share: {n: 4, of: 10, source: smith-2020, seen: abstract}
"""


def assessor(tmp_path, cause: str) -> Assessor:
    numbers = NUMBERS + "culprit_cause: {value: mimic, reason: r}\nexposure_causes: {value: {}, reason: r}\n"
    named = [line.split(":")[0] for line in numbers.splitlines()]
    kept = "".join(line + "\n" for line in WEIGHING.splitlines() if line.split(":")[0] not in named)
    mimic = CAUSE.replace("id: hypersplenism", "id: mimic", 1).replace("n: 40, of: 41", "n: 4, of: 41")
    priors = SOUND["priors.yaml"].replace("{tier: rare}}", "{tier: rare}, mimic: {tier: common}}")
    changed = {
        "weighing.yaml": kept + numbers,
        CAUSE_FILE: cause, "causes/spleen/mimic.yaml": mimic, "priors.yaml": priors,
    }  # fmt: skip
    base, complaints = read([write(tmp_path, {**SOUND, **changed})])
    assert base is not None, complaints
    return Assessor(base)


def weighed(chosen: Assessor) -> dict[str, tuple[float, tuple[str, ...]]]:
    from leukoref.findings import resolve

    low = {"finding": "ANC", "value": 0.1, "unit": "10*9/L"}
    big = {"finding": "massive splenomegaly", "present": True}
    known = resolve(Patient.parse({"observations": [low, big]}), chosen.base)
    standings = chosen.ranker.rank(known, chosen.engine.infer(known), None)
    return {s.cause.id: (s.weight, tuple(kind.profile.id for kind in chosen.ranker.kinds(s))) for s in standings}


def test_a_cause_weighs_what_its_kinds_weigh_together(tmp_path):
    chosen = assessor(tmp_path, replaced(CAUSE, "mimics:", KINDS + "mimics:"))
    from leukoref.findings import resolve

    low = {"finding": "ANC", "value": 0.1, "unit": "10*9/L"}
    known = resolve(Patient.parse({"observations": [low]}), chosen.base)
    standings = chosen.ranker.rank(known, chosen.engine.infer(known), None)
    standing = next(s for s in standings if s.cause.id == "hypersplenism")
    assert [round(10 ** (kind.share / 10), 6) for kind in chosen.ranker.kinds(standing)] == [0.4, 0.2, 0.4]
    by_hand = 10 * math.log10(sum(10 ** ((kind.share + kind.weight) / 10) for kind in chosen.ranker.kinds(standing)))
    assert standing.weight == pytest.approx(by_hand)
    assert standing.profile.id == "hypersplenism/of_children"


def test_kinds_that_differ_in_nothing_change_nothing(tmp_path):
    kinds = KINDS.replace(
        "    estimates: [{group: g, reasoning: r, cells: {anc: [0.9, 0.05, 0.05], massive_splenomegaly: 0.8}}]\n", ""
    )
    assert "estimates" not in kinds
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    several = weighed(assessor(tmp_path / "with", replaced(CAUSE, "mimics:", kinds + "mimics:")))
    single = weighed(assessor(tmp_path / "without", CAUSE))
    assert len(several["hypersplenism"][1]) == 3
    assert several["hypersplenism"][0] == pytest.approx(single["hypersplenism"][0])


@given(data=st.data(), goal=st.floats(0.05, 0.95))
def test_the_kinds_together_are_as_their_cause_is_known_to_be(
    base: Knowledge, data: st.DataObject, goal: float
) -> None:
    cause = base.cause["hiv"]
    kinds = [f"{cause.id}/{kind.id}" for kind in cause.kinds]
    shares = {cause.id: 0.2, **dict.fromkeys(kinds, 0.8 / len(kinds))}
    guesses = {kind: data.draw(st.floats(0.01, 0.99)) for kind in kinds}
    rates = {kind: Rate(value, "estimate", "a guess") for kind, value in guesses.items()}
    whole = Rate(goal, "sourced", "a series", (), ("smith-2020",))
    found = fitted_kinds({"fever": {cause.id: whole, **rates}}, (cause,), shares, 1e6)["fever"]
    assert sum(shares[name] * rate.value for name, rate in found.items()) == pytest.approx(goal, abs=1e-4)
    assert sorted(kinds, key=guesses.__getitem__) == sorted(kinds, key=lambda kind: (found[kind].value, guesses[kind]))
    assert found[kinds[0]].basis == "estimate"
    assert found[kinds[0]].sources == ("smith-2020",)


def test_a_kind_with_figures_of_its_own_keeps_them_and_the_shift_has_a_limit(base: Knowledge) -> None:
    cause = base.cause["hiv"]
    first, second, *_ = (f"{cause.id}/{kind.id}" for kind in cause.kinds)
    rates = {
        cause.id: Rate(0.9, "sourced", "a series"),
        first: Rate(0.1, "sourced", "a series of this kind"),
        second: Rate(0.5, "estimate", "a guess"),
    }
    shares = dict.fromkeys((cause.id, *(f"{cause.id}/{kind.id}" for kind in cause.kinds)), 0.1)
    found = fitted_kinds({"fever": rates}, (cause,), shares, 3.0)["fever"]
    assert found[first] == rates[first]
    assert found[second].value == pytest.approx(0.75)  # odds of 1 to 1 become 3 to 1, not more


def test_what_is_only_guessed_of_a_cause_binds_none_of_its_kinds(base: Knowledge) -> None:
    cause = base.cause["hiv"]
    kind = f"{cause.id}/{cause.kinds[0].id}"
    rates = {"fever": {cause.id: Rate(0.9, "estimate", "a guess"), kind: Rate(0.1, "estimate", "a guess")}}
    assert fitted_kinds(rates, (cause,), {}, 3.0) == rates


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{estimate: 0.2,", "{estimate: 0.7,", "add up to"),
        ("    share: {estimate: 0.2, reasoning: a guess}\n", "", "no share"),
    ],
)
def test_shares_that_cannot_be_are_reported(linted, old, new, complaint):
    found = linted({CAUSE_FILE: replaced(CAUSE, "mimics:", KINDS.replace(old, new) + "mimics:")})
    assert complaint in only(found, "wrong_share").message


@pytest.mark.parametrize(
    ("proportion", "of", "said"),
    [
        (0.26, 23, "of 23"),  # 6 of 23, rounded
        (0.377, 45, "of 45"),  # 17 of 45 is 0.3777..., cut
        (0.9, 10, "of 10"),
        (0.558, 46, "of up to 46"),  # 25 of 46 is 54.3 %, 26 of 46 is 56.5 %
        (0.5, None, "(denominator not given)"),
    ],
)
def test_a_share_that_no_whole_number_gives_says_that_not_all_were_looked_at(
    proportion: float, of: int | None, said: str
) -> None:
    assert Frequency(proportion=proportion, of=of).denominator == said
