"""FHIR in: conditions, procedures, relatives, allergies and drugs."""

import pytest
from fhir_kit import ANC, ICD, NOON, SNOMED, concept, condition, drug, read, result, states

import leukoref

# -- conditions, procedures, relatives, allergies --


@pytest.mark.parametrize(
    ("clinical", "verified", "expected"),
    [
        ("active", "confirmed", ({"splenomegaly": True}, {})),
        ("resolved", "confirmed", ({}, {"splenomegaly": True})),
        ("active", "refuted", ({"splenomegaly": False}, {})),
        ("active", "provisional", ({}, {})),
        ("active", "entered-in-error", ({}, {})),
    ],
)
def test_a_condition_as_its_two_statuses_say(clinical, verified, expected):
    reading = read(condition(concept("R16.1", ICD), clinical, verified))
    assert (states(reading), states(reading, "earlier")) == expected


def test_a_condition_without_known_codes_is_read_by_its_exact_name():
    unknown = {"coding": [{"system": SNOMED, "code": "0"}], "text": "Enlarged spleen"}
    assert states(read(condition(unknown))) == {"splenomegaly": True}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Malaria (disorder)", {"malaria": True}),
        ("Human immunodeficiency virus infection (disorder)", {"hiv_infection": True}),
        ("Fever (finding)", {"fever": True}),
        ("Suspected malaria (situation)", {}),
        ("Malaria (qualifier value)", {}),
    ],
)
def test_the_full_name_of_a_snomed_concept_is_read_without_its_kind(words, expected):
    """An unknown code with its full name, as Synthea and many records write it."""
    unknown = {"coding": [{"system": SNOMED, "code": "0", "display": words}], "text": words}
    assert states(read(condition(unknown))) == expected


def test_a_z_code_is_no_disease_whatever_its_text():
    assert not read(condition(concept("Z11.4", ICD, text="fever"))).patient.observations


@pytest.mark.parametrize(("status", "found"), [("completed", {"splenectomy": True}), ("not-done", {})])
def test_a_procedure_counts_when_it_was_done(status, found):
    procedure = condition({"text": "Splenectomy"}) | {"resourceType": "Procedure", "status": status}
    assert states(read(procedure | {"performedDateTime": "2001"})) == found


def test_a_relative_s_disease_is_family_history_and_not_the_patient_s():
    history = {
        "resourceType": "FamilyMemberHistory", "id": "f", "status": "completed", "patient": {"reference": "Patient/p"},
        "condition": [{"code": {"text": "neutropenia"}}, {"code": {"text": "gout"}}],
    }  # fmt: skip
    reading = read(history)
    assert [o.finding for o in reading.patient.observations] == ["family_history_neutropenia"]
    assert [(code.resource_type, code.text) for code in reading.unrecognized] == [("FamilyMemberHistory", "gout")]


@pytest.mark.parametrize(
    ("relationship", "counts"),
    [
        ({"coding": [{"code": "HUSB"}]}, False),
        ({"text": "Spouse"}, False),
        ({"coding": [{"system": SNOMED, "code": "0", "display": "Mother-in-law"}]}, False),
        ({"text": "stepbrother"}, False),
        ({"coding": [{"code": "HBRO", "display": "half-brother"}]}, True),
        ({"text": "father"}, True),
    ],
)
def test_only_relatives_by_blood_make_a_family_history(relationship, counts):
    history = {
        "resourceType": "FamilyMemberHistory", "id": "f", "status": "completed", "patient": {"reference": "Patient/p"},
        "relationship": relationship, "condition": [{"code": {"text": "neutropenia"}}],
    }  # fmt: skip
    reading = read(history)
    assert bool(reading.patient.observations) is counts
    assert counts or "no relative by blood" in reading.outcome("FamilyMemberHistory/f").reason


def test_an_allergy_is_ignored_on_purpose_and_says_so():
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "code": {"text": "methimazole"},
        "patient": {"reference": "Patient/p"},
    }
    reading = read(allergy)
    assert not reading.patient.medications
    assert "avoided" in reading.outcome("AllergyIntolerance/a").reason


# -- drugs --


def courses(reading):
    day = "%Y-%m-%d"
    return [
        (m.name, m.start and m.start.strftime(day), m.stop and m.stop.strftime(day))
        for m in reading.patient.medications
    ]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (drug("MedicationStatement", effectivePeriod={"start": "2026-03-01", "end": "2026-04-01"}),
         ("2026-03-01", "2026-04-01")),
        (drug("MedicationRequest", authoredOn="2026-03-01"), ("2026-03-01", None)),
        (drug("MedicationRequest", authoredOn="2026-03-01", status="completed",
              dispenseRequest={"expectedSupplyDuration": {"value": 10, "code": "d"}, "numberOfRepeatsAllowed": 1}),
         ("2026-03-01", "2026-03-21")),
        (drug("MedicationRequest", authoredOn="2026-04-10",
              effectiveDosePeriod={"start": "2026-03-01", "end": "2026-03-20"}), ("2026-03-01", "2026-03-20")),
        (drug("MedicationAdministration", status="completed", effectiveDateTime="2026-03-01"),
         ("2026-03-01", "2026-03-01")),
        (drug("MedicationDispense", status="completed", whenHandedOver="2026-03-01",
              daysSupply={"value": 30, "code": "d"}),
         ("2026-03-01", "2026-03-31")),
    ],
)  # fmt: skip
def test_each_medication_resource_gives_its_course(resource, expected):
    assert courses(read(resource)) == [("methimazole", *expected)]


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (drug("MedicationStatement", status="not-taken"), "not taken"),
        (drug("MedicationStatement", status="entered-in-error"), "entered in error"),
        (drug("MedicationRequest", status="draft"), "draft"),
        (drug("MedicationRequest", intent="plan"), "planned"),
        (drug("MedicationRequest", doNotPerform=True), "not to give"),
        (drug("MedicationAdministration", status="not-done"), "not given"),
        (drug("MedicationStatement", effectivePeriod={"start": "2026-04-01", "end": "2026-03-01"}), "ends before"),
        (drug("MedicationRequest", medicationCodeableConcept=None, medicationReference={"reference": "Medication/x"}),
         "nowhere"),
    ],
)  # fmt: skip
def test_what_was_not_taken_is_no_exposure(resource, why):
    reading = read(resource)
    assert not reading.patient.medications
    assert why in reading.outcome(f"{resource['resourceType']}/{resource['resourceType']}-1").reason


def test_not_taken_overrules_the_order_it_speaks_of():
    order = drug("MedicationRequest", authoredOn="2026-03-01")
    assert not courses(read(order, drug("MedicationStatement", status="not-taken", dateAsserted="2026-04-01")))


def test_refills_are_one_course_and_a_later_one_is_another():
    def order(number, day):
        return drug("MedicationRequest", id=str(number), authoredOn=day, status="completed")

    found = courses(read(order(1, "2024-01-01"), order(2, "2024-03-01"), order(3, "2026-04-01")))
    assert found == [("methimazole", "2024-01-01", "2024-05-30"), ("methimazole", "2026-04-01", "2026-05-01")]


@pytest.mark.parametrize("status", ["completed", "stopped"])
@pytest.mark.parametrize(("ordered", "taken"), [("2025-12-10", True), ("2021-05-01", False)])
def test_an_order_that_ended_nobody_says_when_lasted_as_long_as_orders_do(ordered, taken, status):
    order = drug("MedicationRequest", "clozapine", authoredOn=ordered, status=status)
    reading = read(result(value=0.9), result(ANC, 0.3), order)
    answer = leukoref.assess(reading.patient)
    flags = {flag.id for flag in answer.red_flags}
    assert ("agranulocytosis_on_culprit_drug" in flags) is taken
    assert (answer.candidates[0].cause == "drug_induced_neutropenia") is taken
    assert reading.outcome("MedicationRequest/MedicationRequest-1").reason == (
        "its end is not stated: taken to last 90 days"
    )
    assert any("clozapine" in warning for warning in reading.warnings) is taken


def test_what_was_handed_over_without_a_supply_is_no_single_dose():
    handed = drug("MedicationDispense", status="completed", whenHandedOver="2026-01-01")
    assert courses(read(handed)) == [("methimazole", "2026-01-01", "2026-04-01")]


def test_an_order_that_ended_and_has_no_date_says_so():
    reading = read(drug("MedicationRequest", status="completed"))
    assert courses(reading) == [("methimazole", None, None)]
    assert "not stated" in reading.outcome("MedicationRequest/MedicationRequest-1").reason


@pytest.mark.parametrize(
    "coding",
    [
        {"system": "http://www.whocc.no/atc", "code": "H03BB02"},
        {
            "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
            "code": "0",
            "display": "methimazole 5 MG Oral Tablet",
        },
        {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "0", "display": "Methimazole (Tapazole)"},
    ],
)
def test_a_drug_by_code_or_by_the_name_form_of_rxnorm(coding):
    assert [
        c[0] for c in courses(read(drug("MedicationRequest") | {"medicationCodeableConcept": {"coding": [coding]}}))
    ] == ["methimazole"]


def test_a_referenced_medication_is_followed():
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "methimazole"}}
    order = drug("MedicationRequest", medicationReference={"reference": "Medication/m"})
    del order["medicationCodeableConcept"]
    assert [c[0] for c in courses(read(order, medication))] == ["methimazole"]


def test_r5_fields_are_read_where_they_differ():
    usage = drug("MedicationStatement", status="recorded", effectivePeriod={"start": "2026-03-01"})
    usage |= {"medicationCodeableConcept": None, "medication": {"concept": {"text": "methimazole"}}}
    surgery = condition({"text": "Splenectomy"}) | {
        "resourceType": "Procedure",
        "status": "completed",
        "occurrenceDateTime": NOON,
    }
    reading = read(usage, surgery)
    assert courses(reading) == [("methimazole", "2026-03-01", None)]
    assert states(reading) == {"splenectomy": True}


@pytest.mark.parametrize(
    ("adherence", "found"),
    [("taking", "goes on"), ("not-taking", "no"), ("stopped-as-directed", "ended"), ("on-hold", "ended")],
)
def test_adherence_of_r5_says_whether_a_drug_is_still_taken(adherence, found):
    statement = {
        "resourceType": "MedicationStatement", "id": "m", "status": "recorded", "subject": {"reference": "Patient/p"},
        "medication": {"concept": {"text": "methimazole"}}, "effectivePeriod": {"start": "2026-04-01"},
        "adherence": {"code": {"coding": [{"code": adherence}]}},
    }  # fmt: skip
    courses = read(statement).patient.medications
    assert found == (("goes on" if courses[0].stop is None else "ended") if courses else "no")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Methimazole 10 mg oral tablet", ["methimazole"]),
        ("methimazole (Tapazole) 10 mg tablet", ["methimazole"]),
        ("methimazole (stopped) 10 mg tablet", []),
        ("Sulfamethoxazole/Trimethoprim 800-160 mg", ["trimethoprim-sulfamethoxazole"]),
        ("sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet", ["trimethoprim-sulfamethoxazole"]),
        ("rituximab 10 MG/ML Injectable Solution", ["rituximab"]),
        ("allergy to methimazole", []),
    ],
)
def test_a_drug_in_words_is_read_by_its_ingredients(text, names):
    order = drug("MedicationRequest", text, authoredOn="2026-04-01")
    assert [name for name, *_ in courses(read(order))] == names
