"""Both engines give the same answer: states, weights, bands, red flags and order, whatever the patient."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import leukoref
from leukoref.assessor import Assessor
from leukoref.engine.cohort import Cohort
from leukoref.engine.columnar import Block, ColumnarEngine
from leukoref.engine.durable import DurableEngine
from leukoref.engine.intake import twelve_digits
from leukoref.engine.roles import roles_of
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.known import Findings, Quantity
from leukoref.patient import Patient
from leukoref.testing import patients, values

EXAMPLES = int(os.environ.get("LEUKOREF_EQUALITY", "200"))
PER_EXAMPLE = 10
LAWS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
"""Not shrunk: a failing cohort names the patient, and shrinking hundreds of findings takes minutes."""


def the_same(answer: dict[str, Any], assessment: leukoref.Assessment, top: int) -> None:
    """One row of `screen` against the Assessment of the same patient."""
    assert answer["status"] == assessment.status
    assert answer["severity"] == assessment.severity.neutropenia
    assert answer["red_flags"] == [flag.id for flag in assessment.red_flags]
    shown = assessment.candidates[:top]
    assert [answer[f"cause_{i}"] for i in range(1, len(shown) + 1)] == [c.cause for c in shown]
    for i, candidate in enumerate(shown, 1):
        assert answer[f"band_{i}"] == candidate.band
        assert abs(answer[f"weight_{i}"] - candidate.weight) <= 2e-6
        assert abs(answer[f"score_{i}"] - candidate.score) <= 2e-6
    for i in range(len(shown) + 1, top + 1):
        assert answer[f"cause_{i}"] is None


def as_long(found: list[Patient]) -> pl.DataFrame:
    rows = [
        {"patient": i, "finding": o.finding, "value": o.value, "unit": o.unit, "comparator": o.comparator,
         "present": o.present, "age": p.age, "sex": p.sex, "setting": p.setting}
        for i, p in enumerate(found)
        for o in p.observations
    ]  # fmt: skip
    schema = {"patient": pl.Int64, "finding": pl.String, "value": pl.Float64, "unit": pl.String,
              "comparator": pl.String, "present": pl.Boolean, "age": pl.Float64, "sex": pl.String,
              "setting": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


@settings(LAWS, max_examples=max(EXAMPLES // PER_EXAMPLE, 1))
@given(st.lists(patients(most_medications=0), min_size=PER_EXAMPLE, max_size=PER_EXAMPLE))
def test_screening_patients_as_rows_of_observations_gives_the_answers_of_assess(found: list[Patient]) -> None:
    found = [patient for patient in found if patient.observations]
    top = len(leukoref.load_knowledge().causes)
    for answer in leukoref.screen(as_long(found), top=top).iter_rows(named=True):
        patient = found[answer["patient"]]
        try:
            expected = leukoref.assess(patient)
        except leukoref.InputError:
            assert answer["status"] == "rejected"
            assert answer["rejected"]
            continue
        the_same(answer, expected, top)


@settings(LAWS, max_examples=max(EXAMPLES // 10, 1))
@given(data=st.data())
def test_literals_criteria_and_red_flags_are_those_of_the_durable_engine(
    base: Knowledge, ready: Assessor, data: st.DataObject
) -> None:
    known = resolve(data.draw(patients(base, most_medications=0)), base)
    theirs = ready.engine.infer(known)
    block = Block(1)
    for name, state in known.presence.items():
        block.given[name, state] = np.array([True])
        block.given[name, not state] = np.array([False])
    for name, quantity in known.quantities.items():
        block.low[name], block.high[name] = np.array([quantity.low]), np.array([quantity.high])
    plan = ColumnarEngine(base).plan(block.given, block.low, [finding.id for finding in base.findings])
    ours = plan.run(block)
    for finding in base.findings:
        for state in (True, False):
            column = ours.settled(finding.id, state)
            holds = column is not None and bool(column[0])
            assert holds is (theirs.presence.get(finding.id) is state), (finding.id, state)
    assert {name for name, column in ours.red_flags.items() if column[0]} == theirs.red_flags
    for key, (holds_, fails) in ours.criteria.items():
        pair = (holds_ is not None and bool(holds_[0]), fails is not None and bool(fails[0]))
        if pair == (True, True):  # of findings that contradict each other: unknown
            pair = (False, False)
        assert pair == (theirs.criteria.get(key) is True, theirs.criteria.get(key) is False), key


@settings(LAWS, max_examples=max(EXAMPLES // 4, 1))
@given(data=st.data())
def test_small_random_rule_bases_give_the_same_states_in_both_engines(base: Knowledge, data: st.DataObject) -> None:
    from leukoref.knowledge.vocabulary import Derived

    names = ["fever", "pallor", "chills", "cough", "lymphadenopathy", "cervical_lymphadenopathy", "rash", "fatigue"]
    names = [name for name in names if name in base.finding]

    def condition(earlier: list[str]) -> st.SearchStrategy[Any]:
        """Over the findings that come before, since the linter refuses rules that depend on themselves."""
        side = st.sampled_from(["below", "at_most", "above", "at_least"])
        leaf = st.builds(
            lambda side, limit: {"finding": "anc", side: limit, "unit": "10*9/L"},
            side,
            st.sampled_from([0.5, 1.0, 1.5]),
        )
        if earlier:
            states = st.sampled_from(["present", "absent"])
            leaf |= st.builds(lambda name, state: {"finding": name, "state": state}, st.sampled_from(earlier), states)
        return st.recursive(leaf, lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part})), max_leaves=4)  # fmt: skip

    rule = st.integers(0, len(names) - 1).flatmap(lambda place: st.builds(
        lambda when, complete: Derived.model_validate(
            {"finding": names[place], "when": when, "complete": complete, "reason": "drawn"}),
        condition(names[:place]), st.booleans()))  # fmt: skip
    drawn = base.model_copy(
        update={"derived": tuple(data.draw(st.lists(rule, max_size=8))), "causes": (), "red_flags": ()}
    )
    one, many = DurableEngine(drawn), ColumnarEngine(drawn)
    found = data.draw(st.lists(st.tuples(
        st.dictionaries(st.sampled_from(names), st.booleans()),
        st.none() | st.sampled_from([0.4, 0.5, 0.7, 1.0, 1.5, 2.0])), min_size=1, max_size=8))  # fmt: skip
    block = Block(len(found))
    for name in names:
        for state in (True, False):
            block.given[name, state] = np.array([presence.get(name) is state for presence, _ in found])
    anc = np.array([np.nan if count is None else count for _, count in found])
    block.low["anc"] = block.high["anc"] = anc
    ours = many.plan(block.given, ["anc"], names).run(block)
    for row, (presence, count) in enumerate(found):
        quantities = {} if count is None else {"anc": Quantity(count, count, "")}
        theirs = one.infer(Findings(presence=dict(presence), quantities=quantities))
        for name in names:
            for state in (True, False):
                column = ours.settled(name, state)
                assert (column is not None and bool(column[row])) is (theirs.presence.get(name) is state)


def test_a_quantity_alone_brings_about_what_follows_from_it(base: Knowledge) -> None:
    block = Block(1, low={"blasts_percent": np.array([2.0])}, high={"blasts_percent": np.array([2.0])})
    blasts = ColumnarEngine(base).plan((), block.low, ["blasts_on_smear"]).run(block).settled("blasts_on_smear", True)
    assert blasts is not None
    assert blasts[0]


WIDE = ("wbc", "anc", "hemoglobin", "platelets", "mcv", "alt", "ast", "neutrophils_percent", "temperature")


@settings(LAWS, max_examples=max(EXAMPLES // 10, 1))
@given(data=st.data())
def test_a_wide_frame_gives_for_each_row_what_explain_gives(base: Knowledge, data: st.DataObject) -> None:
    """Values at and around every threshold, ages at the edges of bands, findings known, denied and unknown."""
    names = data.draw(
        st.lists(st.sampled_from([f.id for f in base.findings if f.kind == "presence"]), max_size=12, unique=True)
    )
    size = 6

    def column(values_: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(st.none() | values_, min_size=size, max_size=size))

    ages = st.sampled_from([0.0, 0.0765, 0.0766598, 0.1, 1.0, 17.999, 18.0, 40.0, 65.0, 124.0])
    frame = pl.DataFrame(
        {
            "patient": list(range(size)),
            "age": column(ages),
            "sex": column(st.sampled_from(["female", "male", "unknown"])),
            "setting": column(st.sampled_from(sorted(base.priors.settings))),
            **{name: column(values(base.finding[name], base)) for name in WIDE},
            **{name: column(st.booleans()) for name in names if name not in ("female", "male")},
        },
        schema_overrides={
            "age": pl.Float64, "sex": pl.String, "setting": pl.String, **dict.fromkeys(WIDE, pl.Float64),
            **dict.fromkeys(names, pl.Boolean),
        },
    )  # fmt: skip
    for answer in leukoref.screen(frame, top=5).iter_rows(named=True):
        if answer["status"] == "rejected":
            with pytest.raises(leukoref.InputError):
                leukoref.explain(frame, answer["patient"])
        else:
            the_same(answer, leukoref.explain(frame, answer["patient"]), 5)


def test_every_published_case_is_ranked_alike(case_files: list[Any]) -> None:
    found = [Patient.from_file(path) for path in case_files]
    found = [patient.model_copy(update={"medications": ()}) for patient in found]
    known = {"time": None, "stage": "presentation"}  # a frame has no stages
    found = [
        p.model_copy(update={"observations": tuple(o.model_copy(update=known) for o in p.observations)}) for p in found
    ]
    rows = [
        {"patient": i, "finding": o.finding, "code": o.code, "value": o.value, "unit": o.unit, "present": o.present,
         "comparator": o.comparator, "when": o.when, "age": p.age, "sex": p.sex, "setting": p.setting}
        for i, p in enumerate(found) for o in p.observations if o.days_before is None
    ]  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None)
    for answer in leukoref.screen(frame, top=10).iter_rows(named=True):
        patient = found[answer["patient"]]
        patient = patient.model_copy(
            update={"observations": tuple(o for o in patient.observations if o.days_before is None)}
        )
        the_same(answer, leukoref.assess(patient), 10)


def test_weights_before_rounding_agree_to_a_billionth(ready: Assessor, case_files: list[Any]) -> None:
    from leukoref.engine.cohort import _counted_before
    from leukoref.patient_frames import pieces

    found = [Patient.from_file(path) for path in case_files]
    ((roles, frame),) = pieces(iter(found), ready.ranker)
    cohort = Cohort(ready, roles, top=len(ready.base.causes))
    intake = cohort.intake(frame)
    _counted_before(frame, intake)
    rows = np.arange(len(found))
    ranking = cohort.rank(intake.block, cohort.plan.run(intake.block), rows)
    for row, patient in enumerate(found):
        known = resolve(patient, ready.base)
        standings = ready.ranker.rank(known, ready.engine.infer(known), patient.setting)
        open_ = [standing for standing in standings if not standing.excluded]
        causes = [cohort.weighing.causes[column] for column in ranking.columns[row] if column >= 0]
        assert causes == [standing.cause.id for standing in open_]
        shown = len(causes)
        assert ranking.weights[row, :shown] == pytest.approx([s.weight for s in open_], abs=1e-9)
        assert ranking.scores[row, :shown] == pytest.approx([s.score for s in open_], abs=1e-9)


def test_a_cause_confirmed_twice_stands_no_higher_than_one_confirmed_once(base: Knowledge) -> None:
    """Several criteria of a cause can hold at once; confirmed causes are in the order of their scores."""
    from leukoref.knowledge.cause import Statement

    def criterion(name: str, finding: str) -> Statement:
        return Statement.model_validate({"id": name, "criterion": "establishes", "when": {"finding": finding},
                                         "source": "none", "seen": "abstract", "reason": "for this test"})  # fmt: skip

    causes = tuple(
        cause.model_copy(update={"statements": (*cause.statements, criterion("x", "fever"), criterion("y", "chills"))})
        if cause.id == "brucellosis"
        else cause.model_copy(update={"statements": (*cause.statements, criterion("x", "fever"))})
        if cause.id == "viral_infection"
        else cause
        for cause in base.causes
    )
    changed = base.model_copy(update={"causes": causes, "content_hash": "confirmed twice"})
    frame = pl.DataFrame({"patient": [1], "wbc": [2.0], "fever": [True], "chills": [True]})
    expected = leukoref.explain(frame, 1, knowledge=changed)
    assert {c.cause for c in expected.candidates[:2]} == {"brucellosis", "viral_infection"}
    the_same(leukoref.screen(frame, knowledge=changed, top=5).row(0, named=True), expected, 5)


def test_the_size_of_a_block_and_the_number_of_threads_change_nothing(base: Knowledge, ready: Assessor) -> None:
    from leukoref.engine.cohort import in_blocks

    draw = np.random.default_rng(1)
    frame = pl.DataFrame(
        {"wbc": draw.gamma(2, 1.5, 300).round(2), "fever": draw.random(300) < 0.5, "age": draw.integers(0, 90, 300)}
    )
    ids = pl.Series("patient", range(300))
    cohort = Cohort(ready, roles_of(frame.schema, base, {}, set()))
    whole = in_blocks(cohort, frame, ids, None, threads=1)
    assert in_blocks(cohort, frame, ids, None, threads=3, block=17).equals(whole)


@given(st.floats(1e-9, 1e9) | st.sampled_from([0.5 - 2**-54, 1.5, 0.1 + 0.2, 1e-7, 123456.789, 54975582.26255]))
def test_rounding_to_twelve_digits_is_that_of_a_single_value(value: float) -> None:
    assert twelve_digits(np.array([value]))[0] == pytest.approx(float(f"{value:.12g}"), rel=1e-15, abs=1e-30)


def test_the_last_bits_of_a_sum_decide_no_band(base: Knowledge, ready: Assessor) -> None:
    """A weight that is shown as 0 is in the band of 0, however the engine that added it up rounded."""
    cohort = Cohort(ready, [])
    limits = base.parameter("bands")
    weights = np.array([limits["against"] + 1e-15, limits["moderate"] - 1e-15, limits["strong"] - 1e-15])
    bands = cohort._bands.gather(cohort._band(weights, np.zeros(3, np.bool_))).to_list()
    assert bands == ["against", "moderate", "strong"]
