"""Words that say less than the finding they were once read as, and courses under treatment that say more."""

from __future__ import annotations

import pytest
from test_reading import meaning

from leukoref.knowledge.base import Knowledge
from leukoref.matching import match_name

# Phrase and what it says, as in `test_reading`: `id` the finding itself, `~id` implied, `!id` absent, `/id` absent when
# absent, `-` understood and silent.
WIDE = [
    # HPO puts these too narrowly; our name holds instead
    ("pulmonary infection", "lower_respiratory_infection"), ("recurrent pulmonary infections", "recurrent_pneumonia"),
    ("intermittent fever", "~fever"), ("recurrent thrombosis", "~thrombosis"),
    ("pulmonary histoplasmosis", "~fungal_infection"),
    ("vertebral compression fracture", "~bone_fracture"), ("ocular albinism", "~hypopigmentation_albinism"),
    ("lower limb muscle weakness", "~muscle_weakness"), ("single transverse palmar crease", "-"),
    ("wrist swelling", "~joint_swelling"), ("erythematous papule", "~skin_papule"),
    # Length, stage, kind or cause that is not said
    ("persistent neutropenia", "~neutropenia"), ("chronic neutropenia", "chronic_neutropenia"),
    ("lymph node metastases", "~known_malignancy"), ("distant metastases", "~disseminated_malignancy"),
    ("thalassemia trait", "-"), ("beta thalassemia trait", "beta_thalassemia"), ("vasculitis", "vasculitis"),
    ("vasculitis on skin biopsy", "cutaneous_vasculitis"), ("ANCA vasculitis", "vasculitis_history"),
    ("neutrophilic dermatosis on skin biopsy", "~skin_lesions"),
    ("hemorrhagic bullae on the legs", "~skin_lesions ~bleeding_bruising"),
    ("hemorrhagic bullae in the mouth", "hemorrhagic_mucosal_bullae"), ("mouth pain", "~oropharyngeal_complaint"),
    ("sore oral mucosa", "~oropharyngeal_complaint"), ("wound infection", "~infection"),
    ("recurrent perianal infections", "~skin_abscess_or_cellulitis ~recurrent_infections"),
    ("vegan mother", "breastfed_by_vegan_mother"), ("tooth mobility", "-"), ("umbilical granuloma", "-"),
    ("thyroid bruit", "-"),
    ("elevated T3 and T4", "~increased_t4 ~increased_t3"), ("hepatorenal syndrome", "~renal_insufficiency"),
    ("inability to walk", "inability_to_walk"), ("loss of balance", "~gait_disturbance"),
    ("right upper limb weakness", "~muscle_weakness"), ("recovery with leucovorin", "-"),
    ("tuberculosis of the bone marrow", "tuberculosis_dx"),
    ("large granular lymphocytes in bone marrow", "~lgl_infiltration"),
    # Tests that may only have been done
    ("malaria rapid diagnostic test", "/malaria_rapid_test_positive"),
    ("positive malaria RDT", "malaria_rapid_test_positive"),
    ("IGRA", "/positive_igra"), ("interferon gamma release assay", "/positive_igra"),
    ("Coombs test", "/coombs_positive"),
    ("DAT positive", "coombs_positive"), ("malaria smear", "/malaria_parasites"),
    # What is like another thing, or hints at it
    ("juvenile rheumatoid arthritis-like symptoms", "-"), ("lupus-like syndrome", "-"),
    ("flu-like symptoms", "flu_like_illness"), ("electrocardiogram changes typical of hypokalemia", "-"),
]  # fmt: skip
COURSES = [
    ("neutropenia resolved with lenograstim", "~response_to_gcsf ~gcsf_treatment"),
    ("unsustained leukocyte response to granulocyte colony-stimulating factor", "~gcsf_treatment"),
    ("pancytopenia reversed by antitubercular treatment", "~recovery_with_antituberculous_drugs"),
    ("hematologic abnormalities resolved with copper therapy", "~recovery_with_copper"),
    ("response to high-protein diet", "~recovery_with_nutrition"), ("improved nutrition", "?"),
    ("blood counts recovered on leflunomide", "~leflunomide_use"),
    ("recovery on leflunomide", "~response_to_immunosuppression ~leflunomide_use"),
    ("recovery after methotrexate", "~methotrexate_use"),
    ("leukopenia with each hemodialysis session",
     "~wbc_falls_during_hemodialysis ~hemodialysis ~leukopenia"),
    ("neutrophil recovery in 23 days", "~counts_normal_again_within_weeks ~neutrophil_recovery"),
    ("neutrophil recovery with cladribine", "~neutrophil_recovery ~purine_analogue_use"),
    ("no response to prednisone", "!response_to_corticosteroids"), ("mother recovered on methimazole", "-"),
    ("resolved clozapine use", "-"),
    ("persistent fever on levofloxacin", "~febrile_despite_antibiotics ~persistent_fever ~antibiotic_use"),
    ("fever not responding to ceftriaxone", "~febrile_despite_antibiotics ~fever ~antibiotic_use"),
    ("ceftriaxone allergy", "~drug_allergy"),
    ("clozapine-induced agranulocytosis",
     "~drug_induced_agranulocytosis ~agranulocytosis ~clozapine_use ~culprit_drug_within_3_months ~neuroleptic_use"),
    ("methimazole judged the cause", "~drug_cause ~antithyroid_drug_use ~culprit_drug_within_3_months"),
]  # fmt: skip
# Names that were taken and said nothing, though by definition they are such a finding
HEARD = [
    ("AFB positive", "~positive_mycobacterial_culture"), ("Reed-Sternberg cells", "~hodgkin_lymphoma"),
    ("signet ring cells", "~known_malignancy"), ("EWSR1-FLI1 fusion", "~sarcoma"),
    ("lymphocytic sialadenitis", "~focal_lymphocytic_sialadenitis"), ("sensory level at T6", "~myelopathy"),
    ("anti-HBc positive HBsAg negative", "~hepatitis_b_core_antibody !hepatitis_b_surface_antigen"),
    ("donor lymphocyte infusion", "~allogeneic_transplant"), ("afferent loop syndrome", "~gastric_surgery"),
    ("Grey Turner sign", "~ecchymosis"), ("castell sign", "~splenomegaly"), ("bridging fibrosis", "~hepatic_fibrosis"),
    ("HIV wasting syndrome", "~aids ~cachexia ~weight_loss"), ("oral hypoglycemic agents", "~diabetes"),
    ("hemofiltration", "~dialysis"), ("pleural fluid adenosine deaminase", "~pleural_effusion"),
    ("SAAG", "~ascites"), ("chigger bite", "~rural_or_outdoor_exposure"),
    ("unvaccinated against measles", "incomplete_measles_vaccination"),
    ("cold peripheries", "poor_peripheral_perfusion"), ("warm peripheries", "!poor_peripheral_perfusion"),
    ("trisomy 21 in bone marrow", "~abnormal_karyotype"), ("22q11.2 microdeletion", "~digeorge"),
    ("recurring every 3 weeks", "~recurrent_at_21_days"), ("lighter hair than siblings", "~hypopigmentation_albinism"),
    ("granulocyte telomere length below the 1st percentile", "~short_telomeres"),
    ("telomere length within normal range", "!short_telomeres"),
    ("timely umbilical cord separation", "!delayed_umbilical_cord_separation"),
    ("previously healthy toddler", "~no_past_medical_history"), ("monotonous diet", "~vegan_or_poor_diet"),
    ("cuprammonium membrane", "~cuprophane_membrane ~hemodialysis"), ("raindrop pigmentation", "~hyperpigmentation"),
    ("myeloid panel without mutations", "!myeloid_gene_panel_mutation"),
    ("twin brother died of sepsis", "~multiple_birth ~sibling_death_in_infancy"),
    ("mother with normal neutrophil count", "!maternal_autoimmune_neutropenia"),
    # Companions, hints, and tests that may only have been done
    ("seroconversion", "-"), ("lump in groin", "-"), ("skip lesions", "-"), ("relative monocytosis", "-"),
    ("CRE", "-"), ("blood counts recovered", "-"), ("dullness", "-"), ("bicycle accident", "-"),
    ("HNA typing", "-"), ("reversed A/G ratio", "-"), ("saddle nose", "-"), ("at 21-day intervals", "-"),
    ("de novo", "-"), ("undetectable TREC", "-"), ("cured by stem cell transplantation", "-"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), WIDE)
def test_a_word_says_no_more_than_it_does(phrase: str, expected: str) -> None:
    assert meaning(phrase) == expected


@pytest.mark.parametrize(("phrase", "expected"), COURSES)
def test_a_course_says_what_was_given_and_what_it_did(phrase: str, expected: str) -> None:
    assert meaning(phrase) == expected


@pytest.mark.parametrize(("phrase", "expected"), HEARD)
def test_a_name_says_what_it_means_by_definition_and_no_more(phrase: str, expected: str) -> None:
    assert meaning(phrase) == expected


def test_what_stands_below_a_finding_no_longer_stands_below_what_it_is_not(base: Knowledge) -> None:
    apart = [
        ("pernicious_anemia", "gastric_surgery_or_malabsorption"), ("vegetarian_diet", "vegan_or_poor_diet"),
        ("eschar", "necrotizing_skin_lesions"), ("hepatitis_a_antibody", "positive_viral_hepatitis_serology"),
        ("recurrent_aphthous_stomatitis", "aphthous_ulcer"), ("vasculitis", "known_other_autoimmune"),
    ]  # fmt: skip
    assert [pair for pair in apart if pair[1] in base.ancestors[pair[0]]] == []


def test_a_name_said_instead_of_hpo_is_not_read_from_hpo(base: Knowledge) -> None:
    for group in base.names:
        for word in group.words if group.as_ == "instead" else ():
            match = match_name(word, None, base)
            assert match is not None
            assert (word, match.finding or match.implied) == (word, group.implies.get("", ()))
