"""FHIR in: times, look-back windows, versions, corrections, contradictions."""

import datetime as dt

import pytest
from fhir_kit import (
    ANC,
    HEMOGLOBIN,
    NEUTROPHILS_PERCENT,
    bundle,
    condition,
    drug,
    named,
    read,
    reason,
    result,
    states,
    values,
)  # fmt: skip

import leukoref
from leukoref.interop.fhir import patient_from_bundle


def test_what_is_later_than_the_assessment_is_not_known_yet():
    reading = read(result(effectiveDateTime="2026-05-02T00:00:00Z"))
    assert not reading.patient.observations
    assert reason(reading, "Observation/6690-2-1")[0] == "not_relevant"


def test_a_count_before_its_look_back_window_is_an_earlier_one():
    assert values(read(result(effectiveDateTime="2024-05-01"))) == {("wbc", 2.1, "10*9/L", "earlier")}


def test_a_time_without_zone_is_read_in_the_zone_of_the_assessment():
    tokyo = dt.timezone(dt.timedelta(hours=9))
    reading = read(result(effectiveDateTime="2026-05-01T14:00:00"), as_of=dt.datetime(2026, 5, 1, 15, tzinfo=tokyo))
    assert reading.patient.observations[0].time == dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)
    assert any("zone" in warning for warning in reading.warnings)


def test_without_as_of_the_newest_result_is_now():
    reading = patient_from_bundle(bundle(result(), result(ANC, 1.0, effectiveDateTime="2026-04-30")))
    assert reading.as_of == dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (result(HEMOGLOBIN, valueQuantity={"value": 9.0}, effectiveDateTime="2026-09-01"), "no unit"),
        (result(HEMOGLOBIN, 9.0, "g/dL", effectiveDateTime="2999-05-01"), "dated in the future"),
        (condition({"text": "splenomegaly"}, recordedDate="2999-05-01"), "dated in the future"),
        (drug("MedicationRequest", authoredOn="2026-09-01"), "starts after the time of the assessment"),
    ],
)
def test_what_is_not_used_does_not_make_the_present_counts_history(wrong, reason):
    reading = patient_from_bundle(bundle(result(value=0.6), result(ANC, 0.3), wrong))
    assert reading.as_of == dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    assert {found[3] for found in values(reading)} == {"now"}
    assert reading.outcome(f"{wrong['resourceType']}/{wrong['id']}").reason == reason
    assert not reading.warnings


def test_without_as_of_a_newer_fact_than_the_last_count_makes_it_history_with_a_warning():
    swollen = named("splenomegaly", valueBoolean=True, effectiveDateTime="2026-10-01")
    reading = patient_from_bundle(bundle(result(), swollen))
    assert values(reading) == {("wbc", 2.1, "10*9/L", "earlier")}
    (warning,) = reading.warnings
    assert "2026-05-01" in warning
    assert "2026-10-01" in warning
    assert not patient_from_bundle(bundle(result(), swollen, result(ANC, 1.0, effectiveDateTime="2026-09-30"))).warnings


def test_of_drugs_alone_the_time_is_now():
    reading = patient_from_bundle(bundle(drug("MedicationRequest", authoredOn="2021-05-01")))
    assert abs(reading.as_of - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    assert any("as of today" in warning for warning in reading.warnings)


def test_where_nothing_is_dated_the_age_is_that_of_today():
    undated = result()
    del undated["effectiveDateTime"]
    reading = patient_from_bundle(bundle(undated))
    born = dt.datetime(1980, 5, 1, tzinfo=dt.UTC)
    assert reading.as_of is None
    assert reading.patient.age == pytest.approx((dt.datetime.now(dt.UTC) - born).days / 365.25, abs=0.1)
    assert any("age is that of today" in warning for warning in reading.warnings)


def test_the_newest_version_of_a_resource_wins_in_any_order():
    old = result(value=2.1, meta={"versionId": "9"})
    new = result(value=21, meta={"versionId": "10"}, status="corrected")
    for resources in ((old, new), (new, old)):
        assert values(read(*resources)) == {("wbc", 21.0, "10*9/L", "now")}


def test_a_business_identifier_is_one_result_under_two_ids():
    identity = [{"system": "urn:lab", "value": "42"}]
    old = result(id="a", identifier=identity, meta={"lastUpdated": "2026-05-01T12:00:00Z"})
    new = result(id="b", identifier=identity, value=21, meta={"lastUpdated": "2026-05-01T13:00:00Z"})
    reading = read(new, old)
    assert values(reading) == {("wbc", 21.0, "10*9/L", "now")}
    assert reason(reading, "Observation/a") == ("not_relevant", "superseded by a newer version")


def test_a_newer_entered_in_error_silences_the_result_it_takes_back():
    identity = [{"system": "urn:lab", "value": "42"}]
    old = result(id="a", identifier=identity, issued="2026-05-01T12:00:00Z")
    taken_back = result(id="b", identifier=identity, status="entered-in-error", issued="2026-05-01T13:00:00Z")
    assert not read(old, taken_back).patient.observations


def test_a_correction_beats_the_final_result_of_the_same_time_and_that_a_preliminary_one():
    results = [result(id=s, value=v, status=s) for s, v in (("final", 3), ("corrected", 2), ("preliminary", 1))]
    assert values(read(*results)) == {("wbc", 2.0, "10*9/L", "now")}


def test_a_preliminary_result_alone_is_read_with_a_warning():
    reading = read(result(status="preliminary"))
    assert reading.patient.observations
    assert any("preliminary" in warning for warning in reading.warnings)


def test_percentages_belong_to_the_count_of_their_own_sample():
    reading = read(result(value=2.0), result(NEUTROPHILS_PERCENT, 90, "%", effectiveDateTime="2026-04-28T08:00:00Z"))
    assert ("neutrophils_percent", 90.0, "%", "earlier") in values(reading)


def test_counts_of_one_sample_that_contradict_each_other_are_rejected_and_nothing_else():
    reading = read(result(value=1.0), result(ANC, 3.0), result(HEMOGLOBIN, 9.0, "g/dL"))
    assert values(reading) == {("hemoglobin", 9.0, "g/dL", "now")}
    assert "contradict" in reading.outcome("Observation/6690-2-1").reason


def test_of_two_final_results_of_one_time_the_lower_counts_and_the_answer_warns():
    reading = read(result(id="a", value=2.1), result(id="b", value=5.1))
    answer = leukoref.assess(reading.patient)
    assert answer.status == "leukopenia"
    assert any("several values at one time" in warning for warning in answer.warnings)


def test_of_contradicting_statements_the_newest_is_the_present_state():
    reading = read(
        named("fever", id="a", valueBoolean=True, effectiveDateTime="2026-04-30"),
        named("fever", id="b", valueBoolean=False),
    )
    assert states(reading) == {"fever": False}
    assert states(reading, "earlier") == {"fever": True}


def test_present_and_absent_at_one_time_is_neither():
    reading = read(named("fever", id="a", valueBoolean=True), named("fever", id="b", valueBoolean=False))
    assert not reading.patient.observations
    assert reading.outcome("Observation/a").outcome == "rejected"


@pytest.mark.parametrize(("over", "now"), [("2026-04-20", False), ("2026-06-01", True)])
def test_a_condition_that_is_over_today_was_present_before_it_ended(over, now):
    enlarged = condition({"text": "splenomegaly"}, "resolved", onsetDateTime="2026-04-01", abatementDateTime=over)
    reading = read(enlarged)
    assert states(reading, "now" if now else "earlier") == {"splenomegaly": True}


def test_without_as_of_the_end_of_a_condition_is_known():
    enlarged = condition(
        {"text": "splenomegaly"}, "resolved", onsetDateTime="2026-04-01", abatementDateTime="2026-06-01"
    )
    reading = patient_from_bundle(bundle(enlarged))
    assert (reading.as_of, states(reading, "earlier")) == (
        dt.datetime(2026, 6, 1, tzinfo=dt.UTC),
        {"splenomegaly": True},
    )


def test_an_abatement_that_is_denied_ends_nothing():
    enlarged = condition({"text": "splenomegaly"}, abatementBoolean=False)
    del enlarged["clinicalStatus"]
    assert states(read(enlarged)) == {"splenomegaly": True}


@pytest.mark.parametrize(
    "timed",
    [
        {"effectivePeriod": {"start": "2026-04-30", "end": "2026-05-01T08:00:00Z"}},
        {"effectiveInstant": "2026-05-01T08:00:00Z"},
        {"effectiveTiming": {"event": ["2026-04-30T08:00:00Z", "2026-05-01T08:00:00Z"]}},
        {"issued": "2026-05-01T08:00:00Z"},
    ],
)
def test_the_time_of_a_result_in_every_form_fhir_has_for_it(timed):
    timed_result = {**result(), **timed}
    del timed_result["effectiveDateTime"]
    assert read(timed_result).patient.observations[0].time == dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC)


ENCOUNTER = {"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}


@pytest.mark.parametrize(
    ("resource", "now"),
    [
        (named("fever", valueBoolean=True, effectiveDateTime="2026-04-20"), True),
        (named("fever", valueBoolean=True, effectiveDateTime="2025-04-20"), False),
        (named("Fever and rash", valueBoolean=True, effectiveDateTime="2025-04-20"), False),
        (condition({"text": "leukopenia"}, recordedDate="2015-04-20", **ENCOUNTER), False),
        (condition({"text": "leukopenia"}, recordedDate="2015-04-20"), True),  # still active on a problem list
        ({**condition({"text": "fever"}, onsetDateTime="2015-04-20"), "clinicalStatus": None}, False),
        ({**condition({"text": "HIV infection"}, onsetDateTime="2015-04-20"), "clinicalStatus": None}, True),
        (condition({"text": "splenectomy"}, recordedDate="2015-04-20", **ENCOUNTER), True),
        (result(value=None, interpretation=[{"coding": [{"code": "L"}]}], effectiveDateTime="2015-04-20"), False),
    ],
)
def test_what_passes_is_no_longer_there_after_its_look_back_window(resource, now):
    reading = read(resource)
    assert bool(reading.patient.observations) is now
    (entry,) = [entry for entry in reading.entries if entry.resource_type != "Patient"]
    assert now or entry.reason == "before the look-back window of its finding"


def test_the_look_back_windows_name_findings_and_tests_of_the_vocabulary():
    base = leukoref.load_knowledge()
    kinds = base.parameter("look_back")
    named_there = [name for names in kinds["findings"].values() for name in names]
    assert len(set(named_there)) == len(named_there)
    assert {base.finding[name].kind for name in named_there} == {"presence"}
    assert set(kinds["tests"]) <= {finding.test for finding in base.findings}


def test_a_denial_in_words_denies():
    reading = read(condition({"text": "No splenomegaly"}))
    known = leukoref.findings.resolve(reading.patient, leukoref.load_knowledge())
    assert known.presence["splenomegaly"] is False


@pytest.mark.parametrize(("flagged", "status"), [("2026-04-30", "no_leukopenia"), ("2026-05-02", "leukopenia")])
def test_a_number_measured_since_counts_more_than_a_count_called_low(flagged, status):
    low = {"id": "flag", "value": None, "interpretation": [{"coding": [{"code": "L"}]}]}
    normal = [result(value=7.0), result(ANC, 4.0)]
    later = dt.datetime(2026, 5, 3, tzinfo=dt.UTC)
    for said in (result(effectiveDateTime=flagged, **low), condition({"text": "leukopenia"}, recordedDate=flagged)):
        assert leukoref.assess(read(*normal, said, as_of=later).patient).status == status
