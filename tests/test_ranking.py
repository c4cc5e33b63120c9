"""Weights, priors, clusters, criteria and next tests: every number of an answer can be recomputed."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import leukoref
from leukoref.assessment import Assessment, Candidate
from leukoref.assessor import Assessor
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.knowledge.pretest import decibans
from leukoref.knowledge.spreads import Series, fitted
from leukoref.patient import Patient

LOW = {"finding": "wbc", "value": 2.1, "unit": "10*9/L"}


def answers(case_files: list[Path]) -> list[Assessment]:
    return [leukoref.assess(Patient.from_file(path)) for path in case_files]


def evidence(candidate: Candidate) -> list[leukoref.assessment.Evidence]:
    return [*candidate.supports, *candidate.against]


# -- recomputing an answer from its own explanation ---------------------------------------------------------


def test_every_score_is_the_sum_of_what_the_answer_shows(base: Knowledge, case_files: list[Path]) -> None:
    strength = base.parameter("prior_strength")
    for answer in answers(case_files):
        for candidate in answer.candidates:
            counted = [entry.weight for entry in evidence(candidate)]
            weight = math.fsum([*counted, *(entry.weight for entry in candidate.adjustments)])
            assert weight == pytest.approx(candidate.weight, abs=1e-4)
            assert candidate.score == pytest.approx(candidate.weight + candidate.prior.weight, abs=1e-4)
            assert candidate.prior.weight == pytest.approx(strength * decibans(candidate.prior.share), abs=1e-4)


def test_every_weight_is_the_logarithm_of_the_two_figures_beside_it(base: Knowledge, case_files: list[Path]) -> None:
    """From the printed figures alone: 10 log10((1 - u) ratio + u), capped."""
    caps, shares = base.parameter("weight_caps"), base.parameter("unrelated_share")
    checked = 0
    for answer in answers(case_files[:12]):
        for candidate in answer.candidates[:10]:
            for entry in evidence(candidate):
                used = re.search(r"used as ([\d.e-]+)\)", entry.figure)
                if used is None or entry.basis == "ratio":
                    continue
                ours, theirs = float(used[1]), float(entry.background.split()[0])
                on_scale = entry.finding in base.scale and "bin" in entry.figure
                denied = entry.statement.startswith("no ") or entry.statement == "male sex"
                if not on_scale:
                    assert entry.figure.startswith(f"{base.finding[entry.finding].name}: ") == denied, entry
                if not on_scale and denied:
                    ours, theirs = 1 - ours, 1 - theirs
                done = base.finding[entry.finding].test in base.parameter("done_tests") if not on_scale else False
                kind = "negative_test" if done else "absent"
                unrelated = shares["scale" if on_scale else kind if denied else "present"]
                unrelated = 0.0 if entry.finding in base.parameter("always_related") else unrelated
                cap = caps[entry.basis]
                expected = max(-cap, min(cap, decibans((1 - unrelated) * ours / theirs + unrelated)))
                expected *= base.parameter("repeated_share") if entry.repeats else 1.0
                assert entry.weight == pytest.approx(expected, abs=0.12), (candidate.cause, entry)
                checked += 1
    assert checked > 600


def test_in_a_cluster_the_strongest_counts_in_full_and_the_others_in_part(
    base: Knowledge, case_files: list[Path]
) -> None:
    share = base.parameter("repeated_share")
    for answer in answers(case_files):
        for candidate in answer.candidates[:10]:
            clusters: dict[str, list[tuple[float, bool]]] = {}
            for entry in evidence(candidate):
                whole = abs(entry.weight) / (share if entry.repeats else 1.0)
                clusters.setdefault(entry.cluster, []).append((whole, entry.repeats))
            for members in clusters.values():
                strongest = [whole for whole, repeats in members if not repeats]
                assert strongest == [pytest.approx(max(whole for whole, _ in members), abs=1e-4)]


def test_the_order_is_by_score_with_the_established_first(case_files: list[Path]) -> None:
    for answer in answers(case_files):
        keys = [(candidate.band != "established", -round(candidate.score, 5)) for candidate in answer.candidates]
        assert keys == sorted(keys)
        assert [candidate.rank for candidate in answer.candidates] == list(range(1, len(answer.candidates) + 1))


def test_every_source_an_answer_names_is_in_its_bibliography(base: Knowledge, case_files: list[Path]) -> None:
    for answer in answers(case_files):
        named = {key for candidate in answer.candidates for entry in evidence(candidate) for key in entry.sources}
        named |= {key for flag in answer.red_flags for key in flag.sources}
        assert named <= set(answer.sources)
        assert set(answer.sources) <= {reference.id for reference in base.references}


def test_an_answer_says_which_share_of_a_weight_is_sourced(case_files: list[Path]) -> None:
    for answer in answers(case_files[:10]):
        for candidate in answer.candidates:
            counted = evidence(candidate)
            total = sum(abs(entry.weight) for entry in counted)
            sourced = sum(abs(entry.weight) for entry in counted if entry.basis != "estimate")
            assert candidate.sourced_share == pytest.approx(sourced / total if total else 0, abs=2e-3)
            for entry in counted:
                assert (entry.basis == "estimate") or entry.sources


# -- laws ---------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_adding_a_supporting_finding_never_lowers_a_cause(ready: Assessor, data: st.DataObject) -> None:
    table = ready.ranker.table
    cause = data.draw(st.sampled_from(table.causes))
    kinds = [profile for profile in table.profiles if profile.cause.id == cause]
    candidates = [
        name for name in table.cells
        if all((cell := table.cell(name, kind)) and cell.present > 0.5 for kind in kinds)
        and not ready.base.finding[name].is_a
        and name not in {rule.finding for rule in ready.base.derived}
    ]  # fmt: skip
    finding = data.draw(st.sampled_from(sorted(candidates)))
    patient = {"age": "40 a", "sex": "female", "observations": [LOW]}
    richer = {**patient, "observations": [LOW, {"finding": finding, "present": True}]}
    before, after = (next(c.weight for c in ready.assess(p).candidates if c.cause == cause) for p in (patient, richer))
    # Other rules may follow from the finding; the cause's own evidence on it never counts against.
    own = next(c for c in ready.assess(richer).candidates if c.cause == cause)
    assert all(entry.weight > 0 for entry in evidence(own) if entry.finding == finding)
    assert after >= before - 1e-6 or any(entry.finding != finding and entry.weight < 0 for entry in evidence(own))


def test_a_finding_nobody_speaks_of_changes_nothing(ready: Assessor) -> None:
    spoken = set(ready.ranker.table.cells) | {atom for scale in ready.base.scales for atom in [scale.id]}
    asked = set(ready.engine._asked)
    silent = next(
        f.id for f in ready.base.findings
        if f.kind == "presence" and f.id not in spoken | asked and not f.is_a and not ready.base.descendants.get(f.id)
    )  # fmt: skip
    plain = ready.assess({"age": "40 a", "observations": [LOW]})
    with_it = ready.assess({"age": "40 a", "observations": [LOW, {"finding": silent, "present": True}]})
    assert [(c.cause, c.score) for c in plain.candidates] == [(c.cause, c.score) for c in with_it.candidates]


def test_silence_of_a_cause_is_neutral(ready: Assessor) -> None:
    table = ready.ranker.table
    name, speakers = next((n, s) for n, s in table.cells.items() if len(s) == 1)
    silent = next(cause for cause in table.causes if cause not in speakers)
    assert silent not in table.cells[name]


def test_every_cause_speaks_to_every_core_finding(base: Knowledge, ready: Assessor) -> None:
    table = ready.ranker.table
    for finding in base.core_presence:
        assert set(table.rates[finding]) >= set(table.causes), finding
    for scale in base.scales:
        assert set(table.spreads[scale.id]) >= set(table.causes), scale.id


def test_spreads_and_priors_are_shares_of_one(base: Knowledge, ready: Assessor) -> None:
    table: EvidenceTable = ready.ranker.table
    for cells in table.spreads.values():
        for cell in cells.values():
            assert sum(cell.shares) == pytest.approx(1)
            assert min(cell.shares) > 0
    for priors in table.pretest.tables.values():
        assert sum(prior.value for prior in priors.values()) == pytest.approx(1)
        assert min(prior.value for prior in priors.values()) > 0


def test_a_figure_never_weighs_more_than_its_sample_supports(ready: Assessor) -> None:
    from leukoref.knowledge.cause import Frequency

    value, _ = ready.ranker.table.pooled([Frequency(n=3, of=3)], [False])
    assert value == pytest.approx(3.5 / 4)
    value, _ = ready.ranker.table.pooled([Frequency(n=0, of=10)], [False])
    assert value == pytest.approx(0.5 / 11)


def test_bins_carry_their_sourced_mass_beside_an_estimate_of_five_patients(base: Knowledge, ready: Assessor) -> None:
    table, weight = ready.ranker.table, base.parameter("estimate_patients")
    seen = 0
    for profile in table.profiles:
        if profile.kind is not None:
            continue  # its shape may be the cause's, fitted already
        shapes = {name: cell for block in profile.estimates for name, cell in block.cells.items()}
        for name, series in table._seen(profile).items():
            masks = {entry.parts[0][0] for entry in series}
            whole = (1 << len(base.scale[name].bins)) - 1
            if len(masks) == 1 and all(len(entry.parts) == 2 and entry.among == whole for entry in series):
                mask = masks.pop()
                there, size = (sum(f(entry) for entry in series) for f in (_there, _size))
                estimate = sum(s for i, s in enumerate(shapes[name]) if mask >> i & 1)
                shares = table.spreads[name][profile.id].shares
                mass = sum(s for i, s in enumerate(shares) if mask >> i & 1)
                assert mass == pytest.approx((weight * estimate + there) / (weight + size), abs=2e-3)
                seen += 1
    assert seen > 20


def _there(series: Series) -> float:
    return series.parts[0][1]


def _size(series: Series) -> float:
    return sum(count for _, count in series.parts)


def test_series_that_contradict_each_other_leave_no_hole(base: Knowledge) -> None:
    statement = base.causes[0].statements[0]

    def under(bins: int, there: float) -> Series:
        mask = (1 << bins) - 1
        return Series(0b11111, ((mask, there), (0b11111 & ~mask, 100 - there)), statement)

    shares = fitted((0.2,) * 5, 5, [under(2, 60), under(3, 58)])  # more are under the lower cut than under the higher
    assert sum(shares[:2]) == pytest.approx(0.57, abs=0.03)
    assert shares[2] > 0.02
    assert sum(shares) == pytest.approx(1)


def test_a_confined_series_leaves_the_rest_as_it_was(base: Knowledge) -> None:
    statement = base.causes[0].statements[0]
    adults = Series(0b1100, ((0b0100, 90.0), (0b1000, 10.0)), statement)
    shares = fitted((0.25,) * 4, 5, [adults])
    assert sum(shares[:2]) == pytest.approx(0.5, abs=1e-3)
    assert shares[2] / sum(shares[2:]) == pytest.approx(0.9, abs=0.03)


# -- criteria, exposures, status ------------------------------------------------------------------------------


def test_a_dispositive_result_establishes_its_cause_without_hiding_the_others() -> None:
    answer = leukoref.assess({"age": "37 a", "observations": [LOW, {"finding": "PML::RARA fusion", "present": True}]})
    assert answer.candidates[0].cause == "acute_promyelocytic_leukemia"
    assert answer.candidates[0].band == "established"
    assert len(answer.candidates) > 30


def test_an_exposure_known_to_be_absent_nearly_excludes_the_cause_that_needs_it() -> None:
    unknown, absent, present = (
        leukoref.assess({"age": "60 a", "observations": [LOW, *extra]})
        for extra in ([], [{"finding": "cocaine use", "present": False}], [{"finding": "cocaine use", "present": True}])
    )
    weight = [
        next(c.weight for c in a.candidates if c.cause == "levamisole_cocaine") for a in (absent, unknown, present)
    ]
    assert weight[0] < weight[1] < weight[2]
    assert weight[1] - weight[0] > 10


def test_silence_about_a_treatment_says_more_than_silence_about_a_habit(base: Knowledge) -> None:
    answer = leukoref.assess({"age": "60 a", "observations": [LOW]})
    causes = ("chemotherapy", "hemodialysis_transient", "levamisole_cocaine")
    silent = {
        c.cause: next(entry.weight for entry in c.adjustments if entry.text.startswith("not documented"))
        for c in answer.candidates
        if c.cause in causes
    }
    value = base.parameter("requirement_unknown")
    assert silent["chemotherapy"] == silent["hemodialysis_transient"] == value["unforgettable"]
    assert silent["levamisole_cocaine"] == value["usual"]


def test_a_definite_culprit_in_its_window_weighs_more_than_a_possible_one(ready: Assessor) -> None:
    def weight(drug: str, days: float) -> float:
        answer = ready.assess(
            {"age": "40 a", "observations": [LOW], "medications": [{"name": drug, "days_before": days}]}
        )
        return next(c.weight for c in answer.candidates if c.cause == "drug_induced_neutropenia")

    assert weight("methimazole", 40) > weight("methimazole", 4000)
    assert weight("methimazole", 40) > weight("clindamycin", 10)


def test_a_patient_without_leukopenia_gets_no_list_of_causes() -> None:
    answer = leukoref.assess({"age": "40 a", "observations": [{"finding": "wbc", "value": 7.2, "unit": "10*9/L"}]})
    assert answer.status == "no_leukopenia"
    assert answer.candidates == ()
    assert answer.disclaimers


def test_too_little_data_says_what_to_add() -> None:
    answer = leukoref.assess({"age": "40 a", "observations": [{"finding": "fever", "present": True}]})
    assert answer.status == "insufficient_data"
    assert answer.candidates == ()
    assert "white blood cell count" in answer.to_add


def test_where_another_line_or_the_marrow_fails_causes_are_listed_as_if_the_count_were_low() -> None:
    counted = {"finding": "wbc", "value": 7, "unit": "10*9/L"}
    for shown in (
        {"finding": "hypocellular marrow", "present": True},
        {"finding": "platelets", "value": 40, "unit": "10*9/L"},
        {"finding": "myelosuppression", "present": True},
    ):
        answer = leukoref.assess({"age": "40 a", "observations": [shown]})
        assert (answer.status, bool(answer.candidates)) == ("insufficient_data", True)
        assert "white blood cell count" in answer.to_add
        assert any("as if it were low" in warning for warning in answer.warnings)
        answer = leukoref.assess({"age": "40 a", "observations": [shown, counted]})
        assert (answer.status, bool(answer.candidates)) == ("no_leukopenia", False)
        assert not any("as if it were low" in warning for warning in answer.warnings)


def test_two_low_lines_of_which_the_platelets_are_none_are_the_red_and_the_white_cells() -> None:
    bicytopenia = {"finding": "bicytopenia", "present": True}
    platelets = {"finding": "platelets", "value": 200, "unit": "10*9/L"}
    assert leukoref.assess({"observations": [bicytopenia, platelets]}).status == "leukopenia"
    assert leukoref.assess({"observations": [bicytopenia]}).status == "insufficient_data"


def test_a_neutropenic_child_with_a_normal_total_count_is_still_assessed() -> None:
    observations = [
        {"finding": "wbc", "value": 7, "unit": "10*9/L"},
        {"finding": "anc", "value": 0.2, "unit": "10*9/L"},
    ]
    assert leukoref.assess({"age": "2 a", "observations": observations}).status == "leukopenia"


def test_next_tests_are_ordered_by_expected_information(case_files: list[Path]) -> None:
    for answer in answers(case_files[:10]):
        steps = [
            step for step in answer.next_tests if not step.advised and "absolute neutrophil count" not in step.look_for
        ]
        gains = [round(step.expected_information, 2) for step in steps]
        assert gains == sorted(gains, reverse=True)
        assert all(gain >= 0 for gain in gains)


def test_the_neutrophil_count_is_asked_for_first_until_it_is_known() -> None:
    observations = [{"finding": "WBC", "value": 0.9, "unit": "10*9/L"}, {"finding": "fever", "present": True}]
    patient = {"age": "40 a", "observations": observations, "medications": [{"name": "methimazole", "days_before": 40}]}
    first = leukoref.assess(patient).next_tests[0]
    assert (first.test, first.look_for[0]) == ("full_blood_count", "absolute neutrophil count")
    observations.append({"finding": "ANC", "value": 0.1, "unit": "10*9/L"})
    assert all("absolute neutrophil count" not in step.look_for for step in leukoref.assess(patient).next_tests)


def test_a_leading_cause_asks_for_its_own_tests_until_they_are_done() -> None:
    observations = [
        {"finding": "WBC", "value": 2.1, "unit": "10*9/L"}, {"finding": "ANC", "value": 0.8, "unit": "10*9/L"},
        {"finding": "hemoglobin", "value": 8.1, "unit": "g/dL"}, {"finding": "gastric bypass", "present": True},
        {"finding": "myelopathy", "present": True},
    ]  # fmt: skip
    answer = leukoref.assess({"age": "50 a", "observations": observations})
    assert answer.candidates[0].cause == "copper_deficiency"
    (step,) = [step for step in answer.next_tests if step.test == "copper_zinc"]
    assert step.advised[0].startswith("Copper deficiency")
    assert set(step.sources) <= set(answer.sources)
    observations.append({"finding": "serum copper", "value": 4, "unit": "ug/dL"})
    again = leukoref.assess({"age": "50 a", "observations": observations})
    assert not [step for step in again.next_tests if step.test == "copper_zinc" and step.advised]


def test_what_to_look_for_is_never_the_name_of_a_cause(base: Knowledge, case_files: list[Path]) -> None:
    names = {base.finding[name].name for name in base.conclusions}
    assert {"HIV infection", "histoplasmosis", "acute promyelocytic leukemia"} <= names
    for answer in answers(case_files[:25]):
        asked = {name for test in answer.next_tests for name in test.look_for}
        asked.update(name for candidate in answer.candidates[:10] for name in candidate.missing)
        assert asked
        assert not asked & names


def test_every_answer_says_that_no_clinician_has_reviewed_the_base(case_files: list[Path]) -> None:
    for answer in answers(case_files[:3]):
        assert "not reviewed by a clinician" in answer.provenance.knowledge_review
        assert any("No clinician" in notice.text for notice in answer.disclaimers)


def test_an_answer_can_be_pickled_dumped_and_read_back(case_files: list[Path]) -> None:
    import pickle

    answer = leukoref.assess(Patient.from_file(case_files[0]))
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    assert Assessment.model_validate_json(answer.to_json()) == answer
    assert json.loads(answer.to_json()) == answer.to_dict()
