"""CDS Hooks: a card appears only when there is something to say, and says it within the limits of the standard."""

import datetime as dt
import uuid

import pytest

import leukoref
from leukoref.interop import cds_hooks
from leukoref.interop.fhir import patient_from_bundle

LOW = {
    "age": "45 a",
    "observations": [
        {"finding": "wbc", "value": 0.9, "unit": "10*9/L"},
        {"finding": "anc", "value": 0.1, "unit": "10*9/L"},
        {"finding": "fever", "present": True},
    ],
}


@pytest.fixture(scope="module")
def card():
    (only,) = cds_hooks.cards(leukoref.assess(LOW))
    return only


def test_no_leukopenia_no_card():
    normal = {"age": "45 a", "observations": [{"finding": "wbc", "value": 7, "unit": "10*9/L"},
                                              {"finding": "anc", "value": 4, "unit": "10*9/L"}]}  # fmt: skip
    assert cds_hooks.cards(leukoref.assess(normal)) == []
    assert cds_hooks.cards(leukoref.assess({"observations": []})) == []


def test_a_card_has_what_the_standard_asks_for(card):
    assert 0 < len(card["summary"]) <= 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"].startswith("leukoref")
    assert card["uuid"] == str(uuid.UUID(card["uuid"]))
    assert all(link["type"] == "absolute" and link["url"].startswith("https://") for link in card["links"])
    assert all({"system", "code", "display"} == set(reason) for reason in card["overrideReasons"])


def test_a_red_flag_makes_the_card_critical_and_comes_first(card):
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Act today: ")


def test_without_a_red_flag_the_card_informs():
    mild = {"age": "45 a", "observations": [{"finding": "wbc", "value": 3.0, "unit": "10*9/L"}]}
    (card,) = cds_hooks.cards(leukoref.assess(mild))
    assert card["indicator"] == "info"


def test_the_detail_carries_the_disclaimer_and_the_state_of_review(card):
    assert "never replaces it" in card["detail"]
    assert "not reviewed by a clinician" in card["detail"]


def test_the_same_answer_is_the_same_card(card):
    assert cds_hooks.cards(leukoref.assess(LOW)) == [card]


@pytest.mark.parametrize("names", [(), ("x" * 300,)])
def test_a_summary_stays_within_140_characters_whatever_is_selected(names):
    (card,) = cds_hooks.cards(leukoref.assess(LOW), selected=names)
    assert len(card["summary"]) <= 140


def test_the_services_offer_prefetch_for_every_query_they_read():
    for service in cds_hooks.services()["services"]:
        assert service["hook"] in ("patient-view", "order-select")
        assert set(cds_hooks.NEEDED) <= set(service["prefetch"])
        assert all("{{context.patientId}}" in query for query in service["prefetch"].values())


def test_only_selected_orders_of_drugs_known_to_lower_the_count_are_named():
    def order(identity, name):
        return {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": identity,
                "medicationCodeableConcept": {"text": name},
            }
        }

    entries = [order("1", "methimazole"), order("2", "clozapine"), order("3", "no such drug")]
    request = {
        "context": {"selections": ["MedicationRequest/1", "MedicationRequest/3"], "draftOrders": {"entry": entries}}
    }
    assert cds_hooks.selected_drugs(request, leukoref.load_knowledge()) == ("methimazole",)


def test_a_card_says_how_much_of_the_record_it_rests_on():
    document = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]}
    reading = patient_from_bundle(document, as_of=dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    (card,) = cds_hooks.cards(leukoref.assess(LOW), reading)
    assert "1 resources used" in card["detail"] or "resource used" in card["detail"]


def test_an_order_may_point_to_its_medication():
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "methimazole"}}
    order = {"resourceType": "MedicationRequest", "id": "1", "medicationReference": {"reference": "Medication/m"}}
    drafts = {"entry": [{"resource": order}, {"resource": medication}]}
    selections = ["MedicationRequest/1"]
    base = leukoref.load_knowledge()
    request = {"context": {"selections": selections, "draftOrders": drafts}}
    assert cds_hooks.selected_drugs(request, base) == ("methimazole",)
    request = {
        "context": {"selections": selections, "draftOrders": {"entry": drafts["entry"][:1]}},
        "prefetch": {"medicationRequests": {"entry": drafts["entry"][1:]}},
    }
    assert cds_hooks.selected_drugs(request, base) == ("methimazole",)
