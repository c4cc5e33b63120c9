"""What a word tells besides (metastatic, exudative), what is of the marrow, bowel or mouth, and normal results."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref import Patient
from leukoref.engine.durable import DurableEngine
from leukoref.findings import resolve
from leukoref.knowledge.loader import load_knowledge
from leukoref.matching import match_name

BASE = load_knowledge()
# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `-` silent.
MEANINGS = [
    # A qualifier that tells a finding of its own, of what it narrows only
    ("metastatic prostate cancer", "~prostate_cancer ~disseminated_malignancy"),
    ("stage IV melanoma", "~melanoma ~disseminated_malignancy"),
    ("stage 4 chronic kidney disease", "~chronic_kidney_disease"),
    ("metastatic calcification", "-"), ("exudative tonsillitis", "~tonsillitis ~tonsillar_exudate"),
    ("exudative tonsillopharyngitis", "~pharyngitis ~tonsillitis ~tonsillar_exudate"),
    ("exudative pleural effusion", "pleural_effusion"),
    ("hemorrhagic cerebral infarction", "~stroke ~intracranial_hemorrhage"),
    ("hemorrhagic pancreatitis", "~pancreatitis"),
    ("hypermetabolic splenic lesions", "~splenic_nodules"),
    ("increased megakaryocytes with clustering", "~increased_megakaryocytes"),
    # Of the marrow
    ("granulocytic hypoplasia of bone marrow", "granulocytic_hypoplasia"),
    ("normocellular bone marrow with left-shifted maturation", "~normocellular_marrow"),
    ("normocellular bone marrow with lymphocytic infiltration", "~normocellular_marrow ~marrow_lymphoid_aggregates"),
    ("histiocytes with fungal organisms in bone marrow", "~yeast_in_marrow ~fungal_infection"),
    ("acute lymphoma in bone marrow", "~marrow_lymphoma"),
    ("Histoplasma in bone marrow and fever", "~histoplasma_in_marrow ~fever"),
    ("trilineage dysplasia in bone marrow", "~erythroid_dysplasia ~granulocytic_dysplasia ~megakaryocyte_dysplasia"),
    ("multilineage dysplasia in bone marrow", "marrow_dysplasia"),
    ("normocytic hypochromic red cells", "~hypochromia !increased_mcv !decreased_mcv"),
    ("yeast cells with narrow-based budding on methenamine silver stain", "~fungal_infection"),
    # Normal
    ("normal maturation in bone marrow", "!bone_marrow_maturation_arrest"),
    ("normal myeloid maturation", "!myeloid_maturation_arrest"),
    ("normocellular granulopoiesis in bone marrow", "!granulocytic_hypoplasia !granulocytic_hyperplasia"),
    ("normal respiratory examination", "!abnormal_lung_examination"), ("clear lungs", "!abnormal_lung_examination"),
    ("normal cardiac examination", "!heart_murmur"), ("normal throat flora", "!positive_throat_culture"),
    ("normal spleen on ultrasound", "!splenomegaly !splenic_nodules"), ("normal spleen", "-"),
    # Too low to be measured; a pain is none
    ("undetectable serum vitamin B12", "~undetectable_vitamin_b12"), ("undetectable IgA", "~decreased_iga"),
    ("undetectable viral load", "-"), ("undetectable back pain", "?"), ("unmeasurable blood pressure", "~shock"),
    # Bowel, mouth, skin
    ("perforation of the ileum", "~intestinal_perforation"), ("perforated appendix", "-"),
    ("no perforation of the colon", "-"), ("jejunal resection", "~small_bowel_resection ~gastrointestinal_surgery"),
    ("colon resection", "~surgery"), ("cecal cancer", "~colorectal_cancer"),
    ("colon cancer in father", "~family_history_cancer"),
    ("edema of the ascending colon and cecum on imaging", "~intestinal_edema"),
    ("tenderness of mouth and gums", "~oropharyngeal_complaint"),
    ("haemorrhagic oropharyngeal lesion", "~oropharyngeal_complaint ~bleeding_bruising"), ("no throat lesions", "-"),
    ("palpable necrotic purpuric plaques", "~petechiae_purpura ~palpable_purpura ~skin_necrosis ~skin_plaque"),
    ("petechial rash", "petechiae"), ("purpuric rash", "petechiae_purpura"),
    # Places
    ("living in Barcelona", "residence_mediterranean"), ("travel to Athens", "travel_mediterranean"),
    ("residence in Southwest Indiana", "~stay_ohio_mississippi"),
    ("travel to Leishmania-endemic area", "leishmaniasis_area"),
    # What is listed of an HPO term holds in parts of names too
    ("progressive paralysis of the limbs", "~nervous_system_abnormality ~muscle_weakness"),
    ("electrolyte disturbance", "~abnormal_metabolic_panel"), ("webbed neck", "~congenital_anomaly"),
    ("meningoencephalitis", "~meningitis ~encephalitis"),
    ("polyclonal increase in IgG", "~polyclonal_gammopathy ~increased_igg"),
    ("length below the third percentile", "~short_stature"), ("height below the 3rd centile", "short_stature"),
    ("radioiodine uptake scan confirming Graves disease", "graves_disease"), ("suspected Graves disease", "-"),
    ("normocellular marrow with benzene exposure", "~normocellular_marrow ~benzene_exposure"),
    ("benzene exposure screening", "-"),
    # Signs, results and diseases that are, by definition, something that a cause speaks of
    ("shifting dullness", "~ascites"), ("left upper quadrant fullness", "~splenic_pain"),
    ("pericardial friction rub", "~pericarditis"), ("temporal wasting", "~cachexia ~muscle_atrophy"),
    ("tenting of the skin", "~dehydration"), ("traction bronchiectasis", "~pulmonary_fibrosis"),
    ("regional wall motion abnormality", "~cardiac_dysfunction"), ("adrenal nodule", "~adrenal_enlargement"),
    ("small spleen", "!splenomegaly"), ("good general condition", "!ill_appearance"),
    ("basket cells", "smudge_cells"), ("calf tenderness", "~lower_limb_pain"),
    ("Sezary cells", "~abnormal_lymphocyte_morphology ~lymphoma_cells_on_smear"), ("LE cells", "~ana_positive"),
    ("chronic lymphocytic sialadenitis on lip biopsy", "~focal_lymphocytic_sialadenitis"),
    ("sacroiliac tenderness", "~joint_tenderness"), ("myeloid sarcoma", "~acute_myeloid_leukemia"),
    ("NK-cell dysfunction", "~reduced_nk_activity"), ("marrow infiltrated by tumor cells", "~malignancy_in_marrow"),
    ("translocation 8;21", "t_8_21"), ("normal neutrophil response to infection", "~neutrophil_rise_during_infection"),
    ("speckled pattern", "~ana_positive"), ("hypopigmented hair", "~hypopigmentation_albinism"),
    ("balanced diet", "!vegan_or_poor_diet"),
    ("Castleman disease", "~lymphoproliferative_disorder ~lymphadenopathy"), ("onychomycosis", "~fungal_infection"),
    ("cold agglutinin disease", "~autoimmune_hemolytic_anemia ~cold_agglutinins"), ("cattle", "~livestock_contact"),
    ("POEMS syndrome", "~paraproteinemia ~peripheral_neuropathy"), ("tumor lysis syndrome", "~known_malignancy"),
    ("IgA vasculitis", "~vasculitis_history"), ("refeeding syndrome", "~malnutrition"),
    ("signs of portal hypertension", "~portal_hypertension"), ("measles exposure", "~sick_contacts"),
    ("Encounter for care involving renal dialysis", "~dialysis"), ("Early syphilis", "~syphilis"),
    ("Complications of bariatric procedures", "~bariatric_surgery"), ("Nonspecific lymphadenitis", "~lymphadenitis"),
    # What only goes with it
    ("jugular venous distension", "-"), ("villous atrophy", "-"), ("target lesions", "-"), ("hepatic cyst", "-"),
    ("supplemental oxygen", "-"), ("lanugo", "-"), ("positive tourniquet test", "-"), ("perichondritis", "-"),
    ("bone marrow failure", "-"), ("hyperviscosity syndrome", "-"), ("edentulous", "-"), ("vitamin D deficiency", "-"),
    ("serum sickness", "-"), ("hospital admission", "-"), ("polio", "-"),
    ("childhood Kawasaki disease", "-"), ("history of food poisoning", "-"), ("Flood", "-"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_name_says_all_that_its_words_tell(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected


@pytest.mark.parametrize(
    ("phrase", "above"), [("miliary tuberculosis", "tuberculosis_dx"), ("hepatic sarcoidosis", "sarcoidosis"),
                          ("yeast in bone marrow", "fungal_infection")],
)  # fmt: skip
def test_a_disease_of_one_place_is_that_disease(phrase: str, above: str, durable: DurableEngine) -> None:
    patient = Patient.parse({"observations": [{"finding": phrase, "present": True}]})
    assert durable.infer(resolve(patient, BASE)).presence[above] is True


@pytest.mark.parametrize("group", [group for group in BASE.names if group.role == "qualifier" and group.implies])
def test_a_qualifier_that_tells_more_is_silent_when_it_is_absent(group) -> None:  # type: ignore[no-untyped-def]
    for narrowed, told in group.implies.items():
        match = match_name(f"{group.words[0]} {BASE.finding[narrowed].name}", None, BASE)
        assert match is not None
        assert set(told) <= {match.finding, *match.implied}
        assert match.denied == match.excluded == ()
