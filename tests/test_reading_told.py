"""Wordings of case reports: who has it and where it lies, how it looks and went, and what was once misread."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref.knowledge.loader import load_knowledge

BASE = load_knowledge()
# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `-` silent,
# `?` not understood.
MEANINGS = [
    # Misread before: another thing of the same word
    ("white patch on tongue", "~oropharyngeal_complaint"), ("malodorous sweat", "-"), ("testicular swelling", "-"),
    ("testicular pain and swelling", "~pain"), ("saddle-nose deformity", "-"), ("cauliflower ear", "-"),
    ("progressive fall in all blood counts", "~cytopenia"), ("fall in blood pressure", "-"),
    ("fall in both counts", "~cytopenia"), ("recurrent falls", "~recent_fall"), ("recent fall", "recent_fall"),
    ("subcutaneous immunoglobulin at home", "-"), ("bruises on minimal trauma", "~bruising"),
    ("ascending weakness with areflexia", "~muscle_weakness ~hyporeflexia"),
    # Heard in part only: the rest was lost
    ("tremor and cold intolerance", "~tremor ~cold_intolerance"),
    ("fine tremor and heat intolerance", "~tremor ~heat_intolerance"),
    ("non-cyclic neutropenia", "~neutropenia !cyclic_neutropenia_pattern"),
    ("neutropenia with normal platelets", "~neutropenia !thrombocytopenia"),
    ("Pseudomonas septicaemia with ecthyma", "~pseudomonas_bacteremia ~sepsis ~skin_abscess_or_cellulitis"),
    ("granulomatous hepatitis", "~granulomatosis ~hepatitis"), ("diabetic foot infection", "~diabetes ~infection"),
    ("afebrile and asymptomatic", "~afebrile"), ("lymphopenia involving CD4 cells", "~lymphopenia ~low_cd4"),
    ("swollen liver in a six-week-old", "~hepatomegaly"), ("no circulating B lymphocytes", "~absent_b_cells"),
    ("sideroblasts with perinuclear iron rings", "~ring_sideroblasts"),
    ("bibasal fibrosis on HRCT", "~pulmonary_fibrosis"),
    # Not mutated; a tumor without a mutation is not read by halves
    ("JAK2 wild type", "!jak2_mutation"), ("SF3B1 unmutated", "!sf3b1_mutation"), ("BRAF wild-type melanoma", "?"),
    # A relative's illness of long ago is the family's; the patient's own is past
    ("brother died of leukaemia in childhood", "~family_history_leukemia"),
    ("mother died of AML in her thirties", "~family_history_leukemia"), ("pneumonia in his forties", "-"),
    ("breast cancer in her thirties", "~breast_carcinoma"), ("fever last summer", "-"),
    # The patient, with a people or an age: neither is used, what is said of him is; a child may be another's
    ("Japanese toddler", "-"), ("African-American woman", "-"), ("Korean woman with anaemia", "~anemia"),
    ("elderly man with chondritis of both ears", "~chondritis"), ("elderly man with suspected leukaemia", "-"),
    ("young woman with family history of lupus", "~family_history_lupus"), ("child with measles", "-"),
    ("consanguineous Pakistani family", "~consanguinity"), ("no consanguineous family", "!consanguinity"),
    # Where, how and how long
    ("massively enlarged spleen crossing the midline", "~massive_splenomegaly"), ("rigors every other day", "~rigors"),
    ("recurrent sinopulmonary infections since toddlerhood", "~recurrent_respiratory_infections"),
    ("bone metastases on isotope scan", "bone_metastasis"), ("LDH strikingly high", "~elevated_ldh"),
    ("soluble IL-2 receptor sky-high", "elevated_soluble_cd25"), ("lace-like truncal rash", "~rash"),
    ("absolute neutrophil count persistently near zero", "~severe_neutropenia"),
    ("pauci-immune crescentic glomerulonephritis", "~glomerulonephritis"), ("Japanese girl with rash", "~rash"),
    # Around a finding: what it hides, resembles, goes before; what was healed, avoided or only thought of
    ("hypothermia masking sepsis", "~hypothermia"), ("schistocytes mimicking TTP", "~schistocytes"),
    ("no symptoms including fever", "-"), ("complex karyotype including monosomy 7", "~complex_karyotype"),
    ("macrocytic anaemia refractory to haematinics", "~macrocytic_anemia"), ("healed oral ulcers", "-"),
    ("initially labelled as myelodysplasia", "-"), ("Sweet syndrome-like plaques", "-"), ("clozapine avoided", "-"),
    ("never troubled by infections or mouth sores", "!infection !oral_ulcers"), ("takes no alcohol", "!alcohol_use"),
    ("successful rechallenge", "!recurrence_on_rechallenge"), ("HIV test not done", "-"),
    ("monosomy 7 disappearing spontaneously", "-"), ("cured with intravenous penicillin", "~beta_lactam_use"),
    # Drugs, spelling, places
    ("metamizole bought over the counter for toothache", "~metamizole_use"),
    ("needed escalating filgrastim", "~gcsf_treatment"),
    ("ampicillin-provoked rash", "rash_after_aminopenicillin"), ("failure of methotrexate", "~methotrexate_use"),
    ("mild leucopaenia and thrombocytopaenia", "~leukopenia ~thrombocytopenia"),
    ("haemolytic uraemic syndrome", "~microangiopathic_hemolytic_anemia ~thrombocytopenia ~acute_kidney_injury"),
    ("stocking-glove dysaesthesia", "~paresthesia"), ("perianal fistulae", "perianal_disease"),
    ("holiday on Mallorca", "travel_mediterranean"), ("lives in Karachi", "residence_south_asia"),
    # A journey of last year or two years ago still counts; a fever, a treatment or a habit of that time does not
    ("travel to the Balearic Islands the previous summer", "~travel_mediterranean"),
    ("travel to India last year", "~travel_south_asia"), ("travel to India two years ago", "~travel_south_asia"),
    ("lived in Karachi two years earlier", "~residence_south_asia"), ("travel to Kenya ten years ago", "-"),
    ("pneumonia last year", "-"), ("chemotherapy last year", "~past_chemotherapy"),
    ("tick bite the previous summer", "-"), ("lupus last year", "~known_lupus"),
    # A low dose is no lowered dose
    ("neutrophils normalised on low-dose methotrexate", "~neutrophil_recovery ~methotrexate_use"),
    ("neutrophil count improved on low-dose weekly methotrexate", "~methotrexate_use"),
    ("counts recovered on reduced dose of azathioprine", "~recovery_after_drug_withdrawal ~thiopurine_use"),
    # In whom; another's child is a relative
    ("low white cell count in a school-age child", "~leukopenia"),
    ("male infant with intermittent neutropenia", "~intermittent_neutropenia"), ("male partner with HIV", "?"),
    ("leukaemia in her child", "~family_history_leukemia"), ("full-term baby boy", "-"),
    ("thriving child", "!failure_to_thrive"), ("recently arrived refugee from Uganda", "residence_sub_saharan_africa"),
    # Relatives
    ("brother also has low neutrophils", "~family_history_neutropenia"),
    ("father died of leukaemia aged 34", "~family_history_leukemia"), ("sibling with recent fifth disease", "-"),
    ("mother had similar mouth ulcers in childhood", "-"), ("sister also had leukaemia", "~family_history_leukemia"),
    # Results, courses and treatments
    ("positive ANA, homogeneous pattern", "~ana_positive"), ("altered mentation progressing to coma", "~confusion"),
    ("acid-fast bacilli cultured from marrow", "~mycobacteria_in_marrow ~positive_mycobacterial_culture"),
    ("leukocytosis paradoxically during pneumonia", "~leukocytosis"),
    ("ceftriaxone led to resolution of fever and cytopenias", "-"), ("spleen shrank on imiglucerase", "-"),
    ("remission at age three without treatment", "-"), ("thiopurine discontinued permanently", "-"),
    ("ciclosporin induced remission", "~calcineurin_inhibitor_use"),
    ("no malaria prophylaxis taken", "~no_malaria_prophylaxis !antimalarial_use"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_wordings_of_reports_are_read_as_they_are_meant(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected
