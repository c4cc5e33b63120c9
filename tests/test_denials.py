"""What a finding does not tell: neither wider ones it is no case of, nor, absent, narrower ones it cannot see."""

from __future__ import annotations

import pytest
from readings import states

from leukoref.engine.durable import DurableEngine
from leukoref.knowledge.base import Knowledge
from leukoref.matching import match_name

# What is said to be absent, what follows as absent, and what stays open.
OPEN = [
    # A judgement or a habit of writing, not a test
    ("no other cause of neutropenia", set(), {"genetic_cause", "elane_variant", "drug_cause", "infectious_cause"}),
    ("no HIV risk factors", {"high_risk_hiv_exposure"}, {"hiv_infection", "positive_hiv_rna", "acute_hiv_infection"}),
    ("no unprotected sex", set(), {"injection_drug_use"}),
    ("no tumor", {"solid_tumor"}, {"leukemia", "lymphoma", "mds_or_leukemia", "hairy_cell_leukemia_dx"}),
    ("no history of malignancy", {"history_of_leukemia"}, {"lymphoma", "multiple_myeloma", "liver_metastasis"}),
    ("no B symptoms", {"night_sweats"}, {"fever", "weight_loss", "febrile_neutropenia", "unexplained_fever"}),
    ("no chronic symptoms", set(), {"chronic_neutropenia", "chronic_leukopenia"}),
    # Now, and at other times
    ("no fever", {"high_fever"}, {"recurrent_fever", "unexplained_fever", "biphasic_fever"}),
    ("no leukopenia", {"pancytopenia"}, {"chronic_leukopenia"}),
    ("no infection", {"bacterial_infection", "sepsis"}, {"severe_infection", "opportunistic_infection", "syphilis"}),
    ("no pneumonia", set(), {"recurrent_pneumonia"}),
    ("no sore throat", set(), {"tonsillitis", "recurrent_tonsillitis"}),
    # Part of the thing
    ("no pets", {"dog_exposure", "cat_exposure"}, {"unpasteurized_dairy", "livestock_contact", "animal_bite"}),
    ("no travel to China", set(), {"travel_south_asia", "travel_southeast_asia"}),
    ("no travel to a malaria-endemic country", {"travel_south_asia"}, {"residence_in_tropics"}),
    ("no regular medication", set(), {"culprit_drug_within_3_months", "nsaid_use", "antibiotic_use"}),
    ("no DMARD use", set(), {"calcineurin_inhibitor_use", "tnf_inhibitor"}),
    ("no colectomy", set(), {"gastrectomy", "bariatric_surgery"}),
    ("no organ transplant", {"solid_organ_transplant"}, {"stem_cell_transplant"}),
    ("no focal neurological deficit", {"hemiparesis"}, {"seizures", "peripheral_neuropathy", "psychosis"}),
    ("no thyrotoxic signs", {"thyrotoxicosis_symptoms"}, {"palpitations", "goiter"}),
    ("no red cell casts", set(), {"proteinuria", "hematuria"}),
    ("no mucocutaneous bleeding", set(), {"gastrointestinal_bleeding", "intracranial_hemorrhage"}),
    ("no primary immunodeficiency", set(), {"aids", "cellular_immunodeficiency"}),
    # One test, and another
    ("no macrocytosis", {"macrocytic_anemia"}, {"megaloblastic_anemia"}),
    ("no cocaine use", {"crack_cocaine_use"}, {"positive_urine_cocaine"}),
    ("no alcohol abuse", {"alcohol_excess"}, {"alcoholic_liver_disease", "alcohol_marker"}),
    ("no heavy metal exposure", set(), {"positive_urine_arsenic", "hair_or_nail_arsenic"}),
    ("no autoantibodies", {"ana_positive"}, {"anti_tpo_positivity", "anca_positivity", "platelet_antibody_positivity"}),
    ("no positive viral PCR", set(), {"hepatitis_c_viremia", "cmv_viremia", "dengue_serology"}),
    ("no preceding viral illness", {"recent_varicella"}, {"covid_19", "positive_respiratory_virus_test"}),
    ("no malaria", set(), {"plasmodium_pcr"}),
    ("no GeneXpert positive", {"tuberculosis_in_sputum"}, {"tuberculosis_in_tissue"}),
    ("no abnormal pulmonary function tests", set(), {"decreased_dlco"}),
    ("no gammopathy", {"paraproteinemia"}, {"polyclonal_gammopathy"}),
    # An examination or an image without a finding
    ("no abnormal physical examination", {"splenomegaly", "cervical_lymphadenopathy"}, {"abdominal_lymphadenopathy"}),
    ("normal abdominal ultrasound", {"splenomegaly", "hepatosplenomegaly", "ascites"}, {"lymphadenopathy"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "absent", "left_open"), OPEN)
def test_a_denial_reaches_no_further_than_its_words(
    phrase: str, absent: set[str], left_open: set[str], base: Knowledge, durable: DurableEngine
) -> None:
    assert left_open <= base.finding.keys()
    found = states(base, durable, phrase)
    assert {entry for entry in absent if found.get(entry) is not False} == set()
    assert left_open & found.keys() == set()


# What is said, what follows from it, and the wider findings of which it is no case.
NO_CASE_OF = [
    ("drug judged the cause", "drug_cause", {"alternative_explanation"}),
    ("orthostatic hypotension", "orthostatic_hypotension", {"hypotension_shock"}),
    ("H. pylori infection", "helicobacter_pylori_infection", {"bacterial_infection", "infection"}),
    ("giardiasis", "giardia_infection", {"infection"}),
    ("fever", "constitutional_symptom", {"b_symptoms"}), ("weight loss", "constitutional_symptom", {"b_symptoms"}),
    ("recurrent pneumonia", "recurrent_infections", {"pneumonia", "infection"}),
    ("recurrent UTI", "recurrent_infections", {"urinary_tract_infection", "infection"}),
    ("recurrent tonsillitis", "recurrent_infections", {"tonsillitis", "sore_throat"}),
    ("recurrent herpes simplex", "herpes_simplex", {"recurrent_infections"}),
    ("raised IgM", "increased_igm", {"hypergammaglobulinemia"}),
    ("clonal plasma cells in bone marrow", "marrow_myeloma", {"increased_plasma_cells"}),
    ("polyclonal large granular lymphocyte infiltration", "polyclonal_lgl_infiltration", {"lgl_infiltration"}),
    ("decreased CD55", "reduced_cd55", {"pnh_clone"}),
    ("cyclic neutropenia", "previous_neutropenia", {"recurrent_at_21_days"}),
    ("jaw necrosis", "mandibular_osteonecrosis", {"osteonecrosis"}),
    ("sacroiliitis", "arthralgia_arthritis", {"arthritis"}),
    ("thyroid cancer", "known_malignancy", {"known_thyroid_disease"}),
    ("basal cell carcinoma", "neoplasm", {"known_malignancy"}),
    ("elevated blood alcohol", "alcohol_use", {"alcohol_excess"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "follows", "wider"), NO_CASE_OF)
def test_a_finding_is_no_case_of_what_it_only_resembles(
    phrase: str, follows: str, wider: set[str], base: Knowledge, durable: DurableEngine
) -> None:
    assert wider <= base.finding.keys()
    found = states(base, durable, phrase)
    assert found[follows] is True
    assert wider & found.keys() == set()


def test_two_lacking_anchored_proteins_are_a_clone(base: Knowledge, durable: DurableEngine) -> None:
    assert states(base, durable, "decreased CD55", "decreased CD59")["pnh_clone"] is True


def test_a_fever_that_nothing_explains_is_a_b_symptom(base: Knowledge, durable: DurableEngine) -> None:
    assert states(base, durable, "fever of unknown origin")["b_symptoms"] is True


@pytest.mark.parametrize(
    "name",
    ["topical hydrocortisone", "steroid cream", "inhaled steroids", "intranasal corticosteroids",
     "subfebrile temperature", "positive syphilis serology"],
)  # fmt: skip
def test_what_is_understood_without_a_finding(name: str, base: Knowledge) -> None:
    match = match_name(name, None, base)
    assert match is not None
    assert (match.finding, match.implied, match.excluded) == (None, (), ())
