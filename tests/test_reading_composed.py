"""Names that nobody listed: of known words, gone on with, with a value, asides; and the traps among them."""

from __future__ import annotations

import pytest
import simple_icd_10_cm as icd

from leukoref import Patient
from leukoref.findings import resolve
from leukoref.knowledge import hpo
from leukoref.knowledge.loader import load_knowledge
from leukoref.matching import match_name

BASE = load_knowledge()
# As in test_reading: `id` the finding itself, `~id` implied, `!id` absent when present, `-` silent, `?` not understood.
MEANINGS = [
    ("scrotal swelling", "-"), ("difficulty climbing stairs", "-"), ("falling hemoglobin", "-"),
    ("discharge from the ear", "-"), ("nail salon worker", "-"), ("cod liver oil", "-"), ("gastric polyps", "-"),
    ("neutrophils fraction", "neutrophils_percent"), ("neutropenic sepsis", "~febrile_neutropenia ~sepsis"),
    ("declining platelet count", "-"),
    ("white blood cells in cerebrospinal fluid", "-"),
    ("falling white cell count", "declining_wbc"), ("ulcer on the lateral border of the tongue", "~oral_ulcers"),
    ("rubbery axillary lymph nodes", "~lymphadenopathy ~axillary_lymphadenopathy"),
    ("sheep and goats at home", "~livestock_contact"),
    ("contact with sheep and goats", "~livestock_contact"), ("drinks unpasteurized milk", "~unpasteurized_dairy"),
    ("infected central line", "~infection"), ("hip surgery", "~surgery"),
    # A place in a land
    ("residence in Lucknow, India", "~residence_south_asia"), ("travel to Bali, Indonesia", "~travel_southeast_asia"),
    ("travel to Albuquerque, New Mexico", "~travel_elsewhere"), ("residence in New Mexico", "-"),
    ("residence in London, no travel", "-"), ("travel to New Guinea", "~travel_tropics"),
    # What goes on after a finding
    ("chest pain radiating to the left arm", "~chest_pain"),
    ("fever despite antibiotics", "~febrile_despite_antibiotics ~fever ~antibiotic_use"),
    ("hypertension on amlodipine", "~hypertension"), ("rash beginning on the wrists", "~rash"),
    ("three-month history of fatigue and weight loss", "~fatigue ~weight_loss"), ("fever in the family", "-"),
    ("fever in classmates", "?"), ("neutropenia in the donor", "?"), ("leukemia in a neighbor", "?"),
    ("nodule in the kidney", "-"), ("erythema of the gastric antrum", "-"), ("rash in the mouth", "-"),
    ("infiltrates in the liver", "-"), ("infiltrates in both lungs", "~pulmonary_infiltrates"),
    ("petechial hemorrhages in the brain", "-"), ("interstitial infiltrate of hairy cells", "~hairy_cell_infiltration"),
    ("diastolic collapse of the right ventricle", "-"),
    ("necrotic ulcer on the left tonsil", "~oropharyngeal_complaint"),
    ("blasts in cerebrospinal fluid", "-"), ("hypersegmented neutrophils in the marrow", "-"),
    ("increased rouleaux", "~rouleaux"), ("elevated ferritin", "hyperferritinemia"),
    # What a marrow shows is in the marrow
    ("hypercellular marrow with 40 % blasts", "~hypercellular_marrow ~blasts_at_least_20_percent"),
    ("hypocellular marrow with ring sideroblasts", "~hypocellular_marrow ~ring_sideroblasts"),
    ("hypocellular marrow and fever", "~hypocellular_marrow ~fever"),
    # What settles a cause
    ("Salmonella Typhi isolated from stool", "~typhi_in_stool"),
    ("S. typhi grown from bone marrow", "~typhi_in_marrow"),
    ("histiocytes loaded with Histoplasma in bone marrow", "~histoplasma_in_marrow"),
    ("yeast-like organisms in monocytes on blood smear", "~intracellular_yeast"),
    ("Mycobacterium tuberculosis grown from pleural fluid", "~tuberculosis_culture_or_pcr"),
    ("fourfold rise in Rickettsia conorii IgG", "~tick_borne_fourfold_rise"),
    ("no fourfold rise in Ehrlichia IgG", "!tick_borne_fourfold_rise"),
    ("Zika virus RNA", "arbovirus_found"), ("Zika virus PCR", "-"), ("no amastigotes in bone marrow", "-"),
    ("normalisation of blood counts with oral copper", "~recovery_with_copper"),
    ("blood counts normalized after vitamin B12 injections", "~recovery_with_b12 ~vitamin_b12_supplementation"),
    ("full blood count normal after splenectomy", "~response_to_splenectomy"),
    ("normal blood count before splenectomy", "-"), ("no recovery of counts with vitamin B12", "-"),
    ("ELANE mutation c.597+1G>A", "~elane_variant"), ("W44X mutation in HAX1", "~hax1_variant"),
    ("GATA2 p.Arg396Gln variant", "~gata2_variant"), ("decreased total lymphocyte count", "lymphopenia"),
    ("hemoglobin A", "-"), ("plasma hemoglobin", "-"),
    # Values within a name
    ("60% blasts on smear", "~blasts_at_least_20_percent ~blasts_on_smear"),
    ("0% blasts", "-"), ("less than 5% blasts", "-"),
    ("blasts <5%", "-"),
    ("blasts under 5 percent", "-"), ("HIV 1 and 2 antibodies", "-"),
    ("splenomegaly of 18 cm", "~splenomegaly"),
    # Not so, not now, not the patient's, not sure
    ("negative for leukemia", "!leukemia"), ("smear negative for schistocytes", "!schistocytes"),
    ("FISH negative for del(5q)", "!del_5q"), ("flow cytometry negative for PNH clone", "!pnh_clone"),
    ("no blasts on smear", "!blasts_on_smear"), ("infective endocarditis ruled out", "!bacterial_endocarditis"),
    ("splenomegaly not seen", "!splenomegaly"), ("splenomegaly absent", "!splenomegaly"), ("fever resolved", "-"),
    ("fever and rash resolved", "-"), ("splenomegaly and hepatomegaly ruled out", "-"), ("rash subsided", "-"),
    ("leukemia in childhood", "~history_of_leukemia"), ("malaria in childhood", "-"), ("pneumonia cured", "-"),
    ("colon cancer in remission", "~colorectal_cancer"), ("anemia corrected with iron", "-"),
    ("suspected fever", "-"), ("concern for sepsis and meningitis", "-"),
    ("transient neutropenia", "transient_neutropenia"),
    ("husband with tuberculosis", "-"), ("maternal leukemia", "-"), ("mother treated for malaria", "-"),
    ("penicillin allergy", "~drug_allergy"), ("hypersensitivity to methotrexate", "~drug_allergy"),
    ("methotrexate intolerance", "-"), ("diabetes screening", "-"),
    ("low white cells on routine screening", "low_white_cell_count"),
    ("tuberculosis in roommates", "?"), ("noncompliance with medication", "-"), ("pathogenic variant", "-"),
    # Brackets
    ("lactate dehydrogenase (LDH)", "ldh"), ("prothrombin time (PT)", "prothrombin_time"), ("fever (resolved)", "-"),
    ("Hodgkin lymphoma (stage IV)", "~hodgkin_lymphoma"), ("rash (no petechiae)", "?"), ("HIV (in mother)", "-"),
    # Long names of LOINC
    ("Leukocytes [#/volume] in Blood by Automated count", "wbc"), ("Creatinine [Mass/volume] in Urine", "-"),
    ("Neutrophils/100 leukocytes in Blood by Automated count", "neutrophils_percent"),
    ("Glucose [Mass/volume] in Body fluid", "-"),
    ("Bilirubin.total [Mass/volume] in Serum or Plasma", "bilirubin"),
    ("Bacteria identified in Blood by Culture", "~blood_culture_positive"),
]  # fmt: skip
TURNED = (
    "no {}", "suspected {}", "{} ruled out", "{} resolved", "risk of {}", "mother with {}", "negative for {}",
    "possible {}", "{} absent",
    "no history of {}", "{} in classmates", "{} not found", "fear of {}", "{} unlikely", "{} was not seen",
    "{} vaccine", "husband with {}",
    "rule out {}", "{} was excluded", "fever without {}", "{} subsided", "donor with {}", "never had {}",
    "{} pending", "free of {}",
)  # fmt: skip
COMPOSED = (
    "tongue ulcer", "rubbery axillary lymph nodes", "chest pain radiating to the arm", "60% blasts",
    "raw meat consumption", "hip surgery",
    "hypertension on amlodipine", "colon cancer", "fracture of the rib", "loss of 8 kg", "intravenous drug user",
    "infected central line",
)  # fmt: skip


def told(phrase: str) -> tuple[set[str], str]:
    match = match_name(phrase, None, BASE)
    if match is None:
        return set(), "?"
    if match.finding:
        return {match.finding}, match.finding
    text = " ".join([*("~" + n for n in match.implied), *("!" + n for n in match.excluded)])
    return set(match.implied), text or "-"


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_name_that_is_not_listed_means_what_its_parts_say(phrase: str, expected: str) -> None:
    assert told(phrase)[1] == expected


@pytest.mark.parametrize("phrase", COMPOSED)
@pytest.mark.parametrize("turning", TURNED)
def test_what_is_turned_is_never_present(turning: str, phrase: str) -> None:
    said, _ = told(phrase)
    assert said
    assert not said & told(turning.format(phrase))[0]


def test_what_is_only_suspected_is_said_not_to_be_used() -> None:
    known = resolve(Patient.parse({"observations": [{"finding": "suspected leukemia", "present": True}]}), BASE)
    assert not known.presence
    assert "suspected" in known.warnings[0]


def test_every_term_of_hpo_is_understood() -> None:
    assert [term.label for term in hpo.terms().values() if match_name(term.label, None, BASE) is None] == []


def test_every_category_of_icd_10_cm_is_understood() -> None:
    titles = [icd.get_description(code) for code in icd.get_all_codes(True) if icd.is_category(code)]
    short = [title for title in titles if len(title.split()) <= 20]
    assert [title for title in short if match_name(title, None, BASE) is None] == []


@pytest.mark.parametrize(
    "name", ["phenoxymethylpenicillin", "calcium gluconate", "povidone iodine", "glucagon", "mannitol",
    "cyclizine", "oxygen"]
)  # fmt: skip
def test_essential_medicines_are_known(name: str) -> None:
    assert not resolve(Patient.parse({"observations": [], "medications": [{"name": name}]}), BASE).unrecognized
