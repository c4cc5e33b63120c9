"""FHIR in: who the patient is, what codes, values and units mean, and what is not read."""

import pytest
from fhir_kit import (
    ANC,
    HEMOGLOBIN,
    HPO,
    ICD,
    LOINC,
    NOW,
    SNOMED,
    WBC,
    bundle,
    concept,
    condition,
    drug,
    named,
    person,
    quantity,
    read,
    reason,
    result,
    states,
    values,
)

import leukoref
from leukoref.interop.fhir import patient_from_bundle

# -- the person --


def test_age_and_sex_come_from_the_patient_at_the_time_of_the_assessment():
    reading = read(result())
    assert reading.patient.age == pytest.approx(46, abs=0.01)
    assert reading.patient.sex == "female"


@pytest.mark.parametrize(("born", "years"), [("1980", 45.83), ("1980-05", 45.96), ("2026-04-29", 2.75 / 365)])
def test_a_partial_birth_date_counts_from_the_middle_of_its_span(born, years):
    assert read(patient=person(birthDate=born)).patient.age == pytest.approx(years, abs=0.02)


@pytest.mark.parametrize("born", ["1880-01-01", "2031-01-01", "last spring"])
def test_an_impossible_birth_date_is_left_out_with_a_warning(born):
    reading = read(patient=person(birthDate=born))
    assert reading.patient.age is None
    assert any("birth date" in warning for warning in reading.warnings)


@pytest.mark.parametrize(
    ("gender", "sex", "expected"),
    [
        ("male", "F", "male"),
        ("other", "F", "female"),
        (None, "M", "male"),
        ("unknown", "UNK", "unknown"),
        (None, 5, None),
    ],
)
def test_sex_comes_from_us_core_where_gender_does_not_say_it(gender, sex, expected):
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
    assert read(patient=person(gender=gender, extension=[{"url": url, "valueCode": sex}])).patient.sex == expected


def test_a_bundle_without_a_patient_is_refused():
    with pytest.raises(leukoref.InputError, match="no Patient"):
        patient_from_bundle({"resourceType": "Bundle", "entry": [{"resource": result()}]})


def test_two_patients_in_one_bundle_are_refused():
    with pytest.raises(leukoref.InputError, match="2 patients"):
        patient_from_bundle(bundle(person(id="q"), result()))


@pytest.mark.parametrize("nothing", [{}, {"entry": []}, 7, None, "Bundle"])
def test_what_is_no_resource_is_refused(nothing):
    with pytest.raises(leukoref.InputError):
        patient_from_bundle(nothing)


def test_a_result_of_somebody_else_is_not_used():
    reading = read(result(subject={"reference": "Patient/other"}))
    assert not reading.patient.observations
    assert reading.outcome("Observation/6690-2-1").outcome == "rejected"


def test_bundles_nested_too_deep_are_refused_and_deep_junk_loses_only_itself():
    document = bundle(result())
    for _ in range(60):
        document = {"resourceType": "Bundle", "entry": [{"resource": document}]}
    with pytest.raises(leukoref.InputError, match="too deep"):
        patient_from_bundle(document)
    junk = deepest = {}
    for _ in range(50_000):
        deepest["component"] = [{}]
        deepest = deepest["component"][0]
    assert values(read(result(), {"resourceType": "Observation", "id": "junk", **junk})) == {
        ("wbc", 2.1, "10*9/L", "now")
    }


def test_a_drug_whose_reference_dangles_is_rejected_and_a_panel_without_its_members_is_not_used():
    ordered = drug(
        "MedicationRequest", medicationCodeableConcept=None, medicationReference={"reference": "Medication/x"}
    )
    panel = result("58410-2", None, hasMember=[{"reference": "Observation/nowhere"}])
    reading = read(ordered, panel)
    assert reason(reading, "MedicationRequest/MedicationRequest-1")[0] == "rejected"
    assert reason(reading, "Observation/58410-2-1")[0] == "not_relevant"


def test_a_single_observation_is_read_without_its_patient():
    assert values(patient_from_bundle(result())) == {("wbc", 2.1, "10*9/L", "now")}


def test_references_by_urn_and_by_absolute_address_reach_the_patient():
    document = bundle(
        result(subject={"reference": "urn:uuid:1"}),
        result(ANC, 1.0, subject={"reference": "https://example.org/fhir/Patient/p/_history/2"}),
    )
    document["entry"][0]["fullUrl"] = "urn:uuid:1"
    assert len(patient_from_bundle(document, as_of=NOW).patient.observations) == 2


# -- codes --


def test_loinc_decides_over_a_misleading_text():
    assert values(read(result(code=concept(WBC, text="hemoglobin")))) == {("wbc", 2.1, "10*9/L", "now")}


def test_text_is_read_where_only_a_local_code_is_given():
    local = {"coding": [{"system": "urn:oid:1.2.3", "code": "LEUK"}], "text": "WBC"}
    assert values(read(result(code=local))) == {("wbc", 2.1, "10*9/L", "now")}


def test_text_never_speaks_against_a_loinc_code_that_is_not_known():
    """Leukocytes in urine have a code of their own, and often the same text."""
    reading = read(result(code=concept("5821-4", text="leukocytes")))
    assert not reading.patient.observations
    assert reading.unrecognized[0].code == f"{LOINC}|5821-4"


def test_a_percentage_by_name_is_the_share_of_the_differential():
    reading = read(named("neutrophils", valueQuantity=quantity(20, "%")))
    assert values(reading) == {("neutrophils_percent", 20.0, "%", "now")}


def test_two_codings_that_mean_different_findings_are_not_read():
    codings = {"coding": [{"system": LOINC, "code": WBC}, {"system": LOINC, "code": HEMOGLOBIN}]}
    assert reason(read(result(code=codings)), "Observation/6690-2-1") == (
        "rejected",
        "its codings mean different findings",
    )


def test_an_hpo_code_below_the_vocabulary_is_handed_on():
    reading = read(result(value=None, code=concept("HP:0001945", HPO), valueBoolean=True))
    assert states(reading) == {"fever": True}


def test_a_more_specific_icd_code_counts_as_its_category():
    base = leukoref.load_knowledge()
    category = next(c for c in sorted(base.finding_codes) if c.startswith("ICD10CM:") and len(c) == 11)
    finding, code = base.finding_codes[category], category.removeprefix("ICD10CM:")
    assert states(read(condition(concept(f"{code}.89", ICD)))) == {finding: True}


def test_an_icd_code_is_no_category_of_a_code_that_merely_starts_alike():
    assert not read(condition(concept("R5", ICD))).patient.observations


# -- values and units --


@pytest.mark.parametrize(
    ("value", "unit"), [(2100, "/uL"), (2.1, "10*3/uL"), (2.1, "K/uL"), (2.1, "x10E9/L"), (2.1, "10^9/L"), (2.1, "G/L")]
)
def test_units_as_laboratories_send_them_reach_the_same_count(value, unit):
    reading = read(result(value=value, unit=unit, valueQuantity={"value": value, "unit": unit}))
    assert len(reading.patient.observations) == 1, reading.entries
    known = leukoref.findings.resolve(reading.patient, leukoref.load_knowledge())
    assert known.quantities["wbc"].exact == pytest.approx(2.1)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"valueQuantity": {"value": 2.1}}, "no unit"),
        ({"valueQuantity": quantity(2.1, "mm[Hg]")}, "does not fit"),
        ({"valueQuantity": quantity(2.1, "furlong/parsec")}, "not understood"),
        ({"valueQuantity": {"value": 2.1, "unit": "/uL", "code": "10*9/L"}}, "contradicts"),
        ({"valueQuantity": {"value": "2.1", "unit": "10*9/L"}}, "no number"),
        ({"valueQuantity": quantity(2100, "10*9/L")}, "outside the possible"),
        ({"valueQuantity": quantity(2.1, "10*9/L", comparator="~")}, "comparator"),
        ({"valueQuantity": None, "valueString": "2.1"}, "String where a quantity"),
        ({"valueQuantity": None, "valueString": "2.1 or 3 K/uL"}, "not understood"),
        ({"valueQuantity": None, "valueString": "2.1 mm[Hg]"}, "not fit|not understood"),
        ({"valueQuantity": None, "valueRatio": {"numerator": {"value": 1}}}, "Ratio where a quantity"),
        ({"valueQuantity": None, "valueRange": {"low": quantity(3, "10*9/L"), "high": quantity(2, "10*9/L")}}, "range"),
        ({"valueQuantity": None, "valueSampledData": {"origin": quantity(0, "1")}}, "SampledData where a quantity"),
        ({"modifierExtension": [{"url": "urn:not", "valueBoolean": True}]}, "modifierExtension"),
        ({"status": "entered-in-error"}, "entered in error"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "registered"}, "no result yet"),
        ({"status": "unknown"}, "status unknown"),
        ({"status": None}, "no status"),
        ({"effectiveDateTime": "yesterday"}, "time cannot be read"),
        ({"focus": [{"reference": "Patient/fetus"}]}, "somebody|something else"),
        ({"dataAbsentReason": concept("error")}, "a value and a reason"),
        ({"referenceRange": [{"low": quantity(4000, "/uL")}]}, "unit of its reference range"),
    ],
)
def test_what_would_be_misread_is_rejected_with_its_reason(fields, problem):
    reading = read(result(**fields))
    outcome, why = reason(reading, "Observation/6690-2-1")
    assert not reading.patient.observations
    assert outcome == "rejected"
    assert any(part in why for part in problem.split("|")), why


def test_a_missing_value_is_no_result():
    reading = read(result(value=None, dataAbsentReason=concept("not-performed")))
    assert reason(reading, "Observation/6690-2-1") == ("rejected", "no result: not-performed")


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
def test_a_comparator_is_kept(comparator):
    reading = read(result(valueQuantity=quantity(0.5, "10*9/L", comparator=comparator)))
    assert reading.patient.observations[0].comparator == comparator


@pytest.mark.parametrize("said", ["<0.5 10*3/uL", "< 0.5 K/uL", "<500 /uL"])
def test_a_number_with_its_unit_in_words_is_read(said):
    known = leukoref.findings.resolve(read(result(value=None, valueString=said)).patient, leukoref.load_knowledge())
    assert known.quantities["wbc"].high == pytest.approx(0.5)


def test_a_range_is_read_as_its_bounds():
    bounds = {"low": quantity(1.0, "10*9/L"), "high": quantity(2.0, "10*9/L")}
    known = leukoref.findings.resolve(read(result(value=None, valueRange=bounds)).patient, leukoref.load_knowledge())
    assert (known.quantities["wbc"].low, known.quantities["wbc"].high) == (1.0, 2.0)


def test_a_flag_speaks_only_where_there_is_no_number():
    low = {"interpretation": [{"coding": [{"code": "L"}]}]}
    assert values(read(result(**low))) == {("wbc", 2.1, "10*9/L", "now")}
    assert states(read(result(value=None, **low))) == {"leukopenia": True, "leukocytosis": False}


@pytest.mark.parametrize(
    ("field", "said", "low"),
    [
        ("interpretation", [{"text": "Low"}], True),
        ("interpretation", [{"coding": [{"system": "urn:house", "code": "!"}, {"code": "L"}]}], True),
        ("interpretation", [{"coding": [{"code": "H"}]}], False),
        ("interpretation", [{"coding": [{"code": "N", "display": "Normal"}]}], False),
        ("interpretation", [{"coding": [{"code": "A"}]}], None),
        ("interpretation", [{"coding": [{"code": "L"}, {"code": "H"}]}], None),
        ("valueCodeableConcept", {"coding": [{"system": SNOMED, "code": "62482003", "display": "Low"}]}, True),
        ("valueString", "Normal", False),
    ],
)
def test_low_high_and_normal_in_the_ways_laboratories_say_it(field, said, low):
    assert states(read(result(value=None, **{field: said}))).get("leukopenia") is low


def test_components_are_findings_of_their_own():
    panel = result(
        "58410-2", None,
        component=[
            {"code": concept(WBC), "valueQuantity": quantity(1.9, "10*9/L")},
            {"code": concept(HEMOGLOBIN), "valueQuantity": quantity(9.9, "g/dL")},
            {"code": concept(ANC), "dataAbsentReason": concept("error")},
        ],
    )  # fmt: skip
    reading = read(panel)
    assert values(reading) == {("wbc", 1.9, "10*9/L", "now"), ("hemoglobin", 9.9, "g/dL", "now")}
    assert reading.outcome("Observation/58410-2-1").reason == "absolute neutrophil count: no result: error"


def test_each_component_that_is_not_used_is_named():
    panel = result(
        "58410-2", None,
        component=[
            {"code": concept(WBC), "valueQuantity": quantity(1.9, "10*9/L")},
            {"code": concept(ANC), "valueQuantity": quantity(0.3, "furlongs")},
            {"code": concept("777-3"), "dataAbsentReason": {"text": "clotted"}},
            {"code": concept("99999-9"), "valueQuantity": quantity(1, "1")},
        ],
    )  # fmt: skip
    reading = read(panel)
    assert reading.outcome("Observation/58410-2-1").reason == (
        "absolute neutrophil count: unit 'furlongs' is not understood; platelet count: no result: reason not coded"
    )
    assert [(code.code, code.count) for code in reading.unrecognized] == [(f"{LOINC}|99999-9", 1)]
    assert reading.summary()["Observation"] == {"used": 1, "not_relevant": 0, "rejected": 0}


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ({"valueBoolean": False}, False),
        ({"valueCodeableConcept": concept("260373001", SNOMED)}, True),
        ({"valueCodeableConcept": {"text": "Not detected"}}, False),
        ({"valueString": "Positive"}, True),
        ({"valueString": "(-)"}, False),
        ({"valueString": "-ve"}, False),
        ({"valueString": "No growth"}, False),
        ({"valueString": "2+"}, True),
        ({"valueCodeableConcept": {"coding": [{"system": "urn:house", "code": "7", "display": "Detected"}]}}, True),
        ({"valueCodeableConcept": {"text": "Negative (qualifier value)"}}, False),
        ({"valueCodeableConcept": concept("10828004", "https://snomed.info/sct/")}, True),
        ({"interpretation": [{"coding": [{"code": "NEG"}]}]}, False),
    ],
)
def test_present_and_absent_in_the_ways_records_say_it(value, state):
    assert states(read(named("fever", **value))) == {"fever": state}


def test_a_coded_answer_against_its_own_words_is_rejected():
    reading = read(named("fever", valueCodeableConcept=concept("260385009", SNOMED, "Positive")))
    assert reason(reading, "Observation/fever") == ("rejected", "its value says neither present nor absent")


@pytest.mark.parametrize(
    "system",
    ["https://loinc.org", "http://loinc.org/", "LOINC", "urn:oid:2.16.840.1.113883.6.1", "2.16.840.1.113883.6.1"],
)
def test_loinc_is_loinc_however_its_address_is_spelled(system):
    assert values(read(result(code=concept(WBC, system)))) == {("wbc", 2.1, "10*9/L", "now")}
    unknown = read(result(code=concept("26465-5", system, "WBC")))  # of another specimen
    assert not unknown.patient.observations


def test_a_symptom_may_be_the_value_of_the_observation():
    symptom = result("75325-1", None, valueCodeableConcept=concept("HP:0001945", HPO))
    assert states(read(symptom)) == {"fever": True}
