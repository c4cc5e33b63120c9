"""What follows from a finding that is there, and what its absence leaves open."""

from __future__ import annotations

import pytest
from readings import states

from leukoref.engine.durable import DurableEngine
from leukoref.knowledge.base import Knowledge

# What is said to be there, what follows from it, and what does not.
FOLLOWS = [
    # A gene's name says neither that both copies are hit nor that it was inherited
    ("SBDS mutation", {"sbds_variant", "scn_panel_variant"}, {"genetic_cause", "alternative_explanation"}),
    ("GATA2 mutation", {"gata2_mutation"}, {"gata2_variant", "genetic_cause", "alternative_explanation"}),
    ("ELANE mutation", {"elane_variant", "genetic_cause", "alternative_explanation"}, set()),
    ("acquired CSF3R mutation", {"myeloid_gene_panel_mutation"}, {"csf3r_variant", "scn_panel_variant"}),
    ("somatic GATA2 mutation", {"myeloid_gene_panel_mutation"}, {"gata2_variant"}),
    ("acquired CXCR4 mutation", set(), {"cxcr4_variant", "scn_panel_variant"}),
    # What a molecular test or another neoplasm shows is not what the banding of one disease does
    ("BCR::ABL1", {"bcr_abl"}, {"abnormal_karyotype"}),
    ("t(9;22)", {"bcr_abl", "abnormal_karyotype"}, set()),
    ("complex karyotype", {"abnormal_karyotype"}, {"mds_genetic_abnormality"}),
    ("small lymphocytic lymphoma", {"b_cell_lymphoma"}, {"leukemia", "chronic_lymphocytic_leukemia"}),
    ("plasmacytoid lymphocytes", {"plasmacytoid_lymphocytes"}, {"atypical_lymphocytes"}),
    ("platelet antibodies", {"platelet_antibody_positivity"}, {"autoimmune_antibody_positivity"}),
    # One place or kind is not another
    ("angioedema", {"angioedema"}, {"edema"}), ("periorbital swelling", {"facial_edema"}, {"edema"}),
    ("leg edema", {"edema"}, {"facial_edema"}), ("lymphedema", {"lymphedema", "edema"}, set()),
    ("palatal petechiae", {"palatal_petechiae"}, {"petechiae", "petechiae_purpura"}),
    ("silver hair", {"silver_gray_hair", "hypopigmentation_albinism"}, {"abnormal_skin_pigmentation"}),
    ("albinism", {"albinism", "abnormal_skin_pigmentation"}, set()),
    ("pneumonitis", {"pneumonitis", "abnormal_chest_imaging"}, {"interstitial_lung_abnormality"}),
    ("necrotizing enterocolitis", {"colitis"}, {"large_intestine_inflammation"}),
    ("conotruncal defect", {"congenital_heart_defect", "abnormal_heart_morphology"}, set()),
    ("recurrent gingivitis", {"gingivitis"}, {"recurrent_infections"}),
    ("joints quiet", {"mild_joint_disease"}, {"arthralgia_arthritis"}),
    ("infusion phlebitis", set(), {"thrombosis", "thrombophlebitis"}),
    ("elevated direct bilirubin", set(), {"hyperbilirubinemia"}),
    ("reduced ejection fraction", {"cardiac_dysfunction"}, set()),
    ("CNS involvement", {"nervous_system_abnormality"}, set()),
    ("focal neurological deficit", {"nervous_system_abnormality"}, set()),
    ("regular medication", {"medication_use"}, {"culprit_drug_within_3_months"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "present", "silent"), FOLLOWS)
def test_what_is_there_entails_what_always_goes_with_it(
    phrase: str, present: set[str], silent: set[str], base: Knowledge, durable: DurableEngine
) -> None:
    found = states(base, durable, phrase)
    assert {entry for entry in present if found.get(entry) is not True} == set()
    assert silent & found.keys() == set()


# What is said (to be absent, unless it is itself a normal result), what follows as absent, and what stays open.
OPEN = [
    # A test rules out what it looks for
    ("normal ejection fraction", set(), {"cardiomyopathy", "heart_failure", "myocarditis", "cardiac_dysfunction"}),
    ("blood cultures negative", {"staph_aureus_bacteremia"}, {"brucella_blood_culture", "mycobacterial_bacteremia"}),
    ("no abnormal karyotype", {"monosomy_7", "del_5q"}, {"inv_16", "t_8_21", "t_11_14", "t_15_17", "bcr_abl"}),
    ("normal coagulation studies", {"prolonged_prothrombin_time"}, {"hypofibrinogenemia", "dic_hypofibrinogenemia"}),
    ("no antineutrophil antibodies", {"indirect_gift_positive"},
     {"direct_gift_positive", "drug_dependent_neutrophil_antibody", "indirect_gift_positive_on_repeat"}),
    ("no ANCA", {"anti_pr3_positivity"}, {"anti_neutrophil_elastase_positivity"}),
    ("no autoantibodies", {"ana_positive"}, {"anti_intrinsic_factor_positivity", "anti_tpo_positivity"}),
    ("no pathogenic variant in a congenital neutropenia gene", {"elane_variant", "hax1_variant"},
     {"gata2_variant", "sbds_variant", "tcn2_variant"}),
    ("no Histoplasma antigen", {"histoplasma_antigen"}, {"histoplasma_urine_antigen"}),
    # A wider word is asked for, and the narrower one is what is found
    ("no other cause of leukopenia", {"alternative_explanation"}, {"drug_cause", "genetic_cause", "elane_variant"}),
    ("no HIV infection or risk of it", {"known_hiv_or_risk"}, {"hiv_infection", "acute_hiv_infection"}),
    ("no history of cancer", {"solid_tumor"}, {"lymphoma", "chronic_lymphocytic_leukemia", "liver_metastasis"}),
    ("no leukemia", {"acute_leukemia_dx"}, {"lgl_leukemia_dx", "hairy_cell_leukemia_dx"}),
    ("no known liver disease", {"known_liver_disease"}, {"cirrhosis", "fatty_liver", "wilson_disease"}),
    ("no history of autoimmune disease", {"known_lupus"}, {"lupus_nephritis", "discoid_rash", "adult_onset_still"}),
    ("abstinent from alcohol", {"alcohol_use"}, {"alcoholic_liver_disease"}),
    ("no congenital anomalies", {"cleft_palate"}, {"congenital_heart_defect", "urogenital_anomaly"}),
    ("no CNS involvement", set(), {"confusion", "neuropathy_ataxia_myelopathy", "meningitis"}),
    ("no focal neurological deficit", {"hemiparesis", "aphasia"}, {"confusion", "neuropathy_ataxia_myelopathy"}),
    # What hand and eye do not find may be there on imaging, or have been there before
    ("spleen not palpable", {"splenomegaly", "massive_splenomegaly"}, {"hypersplenism"}),
    ("no petechiae or purpura", {"petechiae"}, {"ecchymosis", "palatal_petechiae"}),
    ("no oral ulcers", {"aphthous_ulcer"}, {"stomatitis", "recurrent_aphthous_stomatitis"}),
    ("no gingivitis", {"periodontitis"}, {"recurrent_gingivitis"}),
    ("no mucosal bleeding", {"epistaxis", "gingival_bleeding"}, {"retinal_hemorrhage"}),
    ("no abscess", {"skin_abscess"}, {"liver_abscess", "lung_abscess", "perianal_abscess"}),
    ("oriented", {"confusion", "delirium"}, {"reduced_consciousness", "coma"}),
    # Drugs that were not taken every day
    ("no regular medication", {"clozapine_use", "immunosuppressant_or_thiopurine_or_mtx"},
     {"culprit_drug_within_3_months", "antithyroid_drug_use", "antibiotic_use", "metamizole_use"}),
    ("no medication", {"culprit_drug_within_3_months", "antibiotic_use"}, {"levamisole_use"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "absent", "left_open"), OPEN)
def test_what_is_denied_denies_no_more_than_was_looked_for(
    phrase: str, absent: set[str], left_open: set[str], base: Knowledge, durable: DurableEngine
) -> None:
    found = states(base, durable, phrase)
    assert {entry for entry in absent if found.get(entry) is not False} == set()
    assert left_open & found.keys() == set()
