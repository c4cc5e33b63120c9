"""Names that were once read as more than they say, or as another thing: what they mean, and what stays open."""

from __future__ import annotations

import pytest
from readings import meaning_in, states

from leukoref import Patient
from leukoref.engine.durable import DurableEngine
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.vocabulary import Finding

# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `/id` absent
# when absent, `-` understood and silent.
MEANINGS = [
    # One organism is not another, one finding of it not another, and a contact or a test no disease
    ("hepatitis A", "hepatitis_a_igm"), ("hepatitis A vaccination", "-"), ("HIV DNA PCR positivity", "~hiv_infection"),
    ("positive HIV PCR", "positive_hiv_rna"), ("Salmonella bacteremia", "~bacteremia"),
    ("Salmonella typhi bacteremia", "salmonella_typhi_blood_culture"),
    ("Leishmania on gastrointestinal biopsy", "~leishmania_in_tissue"),
    ("Leishmania in splenic aspirate", "~leishmania_in_spleen"),
    ("Schistosoma mansoni ova in stool", "~schistosomiasis"), ("positive AFB smear", "~positive_mycobacterial_culture"),
    ("disseminated tuberculosis", "~tuberculosis_dx ~disseminated_mycobacterial_infection"),
    ("pulmonary infection", "lower_respiratory_infection"), ("recurrent pulmonary infections", "recurrent_pneumonia"),
    ("tuberculosis contact", "~tb_contact_or_endemic"), ("stool occult blood negative", "-"),
    ("Anaplasma phagocytophilum PCR", "/anaplasma_pcr"), ("Leishmania PCR negative", "!leishmania_pcr"),
    ("viral tests", "-"), ("negative viral tests", "!positive_viral_test"),
    # Antibodies to something are antibodies against it, and not to one's own
    ("antibodies to human neutrophil antigen 3a", "anti_hna3a_positivity"),
    ("antibodies against HNA-1a", "anti_hna1a_positivity"), ("antibodies to hepatitis C virus", "hepatitis_c_antibody"),
    ("antibodies to HIV and hepatitis C", "~hiv_infection ~hepatitis_c_antibody"),
    ("antibodies for cytomegalovirus, toxoplasma and rubella", "/cmv_igm /cmv_igg /anti_toxoplasma_antibody"),
    ("antineutrophil IgG antibodies in maternal serum", "-"),
    ("maternal antineutrophil alloantibodies", "maternal_neutrophil_alloimmunization"),
    # Diagnoses, and what HPO calls them
    ("autoimmune neutropenia", "autoimmune_neutropenia_dx"), ("Still disease", "~known_other_autoimmune"),
    ("abdominal guarding", "~abdominal_pain ~abdominal_tenderness"), ("no abdominal guarding", "-"),
    ("bone marrow failure", "-"), ("bone marrow atrophy", "hypocellular_marrow"), ("Barrett's esophagus", "-"),
    ("constrictive pericarditis", "-"), ("acute pericarditis", "pericarditis"),
    ("TPMT deficiency", "~tpmt_variant"), ("family history of MDS", "~family_history_leukemia"),
    # Blood and marrow
    ("atypical promyelocytes on peripheral smear", "atypical_promyelocytes"),
    ("abnormal white blood cells", "abnormal_leukocyte_morphology"),
    ("abnormal white blood cell count", "abnormal_leukocyte_count"),
    ("bone marrow with acute lymphoblastic leukemia", "~acute_lymphoblastic_leukemia ~increased_marrow_blasts"),
    ("bone marrow infiltration by CD8+ T cells", "~marrow_lymphoid_aggregates"),
    ("increase in neutrophils on G-CSF", "~response_to_gcsf ~gcsf_treatment"),
    ("increase in platelets after steroids", "~corticosteroid_use"),
    ("increased platelets", "thrombocytosis"),
    # Wide names of diseases, places, lacks: present they imply the wide finding, absent they deny what they name
    ("rheumatologic disease", "/known_rheumatoid_arthritis /known_lupus /sjogren_disease /systemic_sclerosis "
     "/mixed_connective_tissue_disease /vasculitis_history"),
    ("vitamin deficiency",
     "~nutritional_deficiency /decreased_vitamin_b12 /decreased_folate /fat_soluble_vitamin_deficiency"),
    ("recent infection", "~recent_illness /recent_viral_illness"), ("travel abroad", "~recent_travel"),
    ("tick-endemic area", "~rural_or_outdoor_exposure"),
    # Vital signs and the chest
    ("normal vital signs", "~afebrile !tachycardia !bradycardia !hypotension !hypothermia !tachypnea !hypoxemia"),
    ("abnormal vital signs", "/tachycardia /bradycardia /hypotension /hypothermia /tachypnea /hypoxemia"),
    ("abnormal chest X-ray", "abnormal_chest_imaging"),
    ("abnormal kidneys on computed tomography", "renal_morphology_abnormal"),
    # Years ago is no exposure of today; a treatment that was once given, and a disease that lasts
    ("pelvic radiotherapy ten years ago", "~past_radiotherapy"),
    ("chemotherapy for breast cancer a decade ago", "~past_chemotherapy ~breast_carcinoma"),
    ("cyclophosphamide many years ago", "~past_chemotherapy"),
    ("doxorubicin in 1998", "~past_chemotherapy"),
    ("history of doxorubicin", "~past_chemotherapy"),
    ("history of pelvic irradiation", "~past_radiotherapy"),
    ("craniospinal irradiation two decades ago", "~past_radiotherapy"),
    ("radiotherapy 3 weeks ago", "~radiotherapy"),
    ("chemotherapy 10 days before", "~chemotherapy"),
    ("cocaine use 20 years ago", "-"),
    ("alcohol excess in the past", "-"),
    ("tick bite three weeks ago", "~tick_bite"),
    ("tick bite two years ago", "-"),
    ("travel to India five years ago", "-"),
    ("splenectomy in 2001", "~splenectomy"),
    ("lupus diagnosed 5 years ago", "~known_lupus"),
    ("neutropenia in 2019", "~previous_neutropenia"),
    # A normal count is no recovery but after something
    ("normal blood count, folic acid daily", "-"),
    ("normal neutrophil count on methimazole", "-"),
    ("blood counts normal after three months of abstinence", "~recovery_with_abstinence"),
    ("normal blood count after stopping azathioprine", "~recovery_after_drug_withdrawal"),
    ("counts within normal limits after B12", "~recovery_with_b12"),
    # Changes of a tumor are not inherited
    ("acquired DDX41 mutation", "-"),
    ("somatic DDX41 mutation", "-"),
    ("DDX41 mutation", "ddx41_variant"),
    ("acquired ELANE mutation", "-"),
    ("acquired SAMD9L mutation", "-"),
    ("CXCR4 mutation in Waldenström macroglobulinemia", "-"),
    ("TERT promoter mutation in tumour", "-"),
    ("BRAF V600E in melanoma", "-"),
    ("BRAF V600E", "braf_v600e"),
    ("acquired BTK mutation", "-"),
    ("GATA2 c.1061C>T", "~gata2_variant"),
    # One antigen of two, and letters that are no articles
    ("Fy(b)", "?"),
    ("Fy(b) negative", "?"),
    ("Fy(b) positive", "!duffy_null"),
    ("Fy(a-b-)", "duffy_null"),
    ("Fy(a-) Fy(b+)", "!duffy_null"),
    ("vitamin A deficiency", "-"),
    ("no vitamin A deficiency", "-"),
    ("immunoglobulin A deficiency", "decreased_iga"),
    # A minus is negative
    ("CD19- CD10- blasts", "!all_immunophenotype"),
    ("CD19+ CD10+ blasts", "all_immunophenotype"),
    ("CD34- blasts", "!cd34_blasts"),
    ("CD20- B cells", "!cd20_expression"),
    ("HLA-DR- CD34- promyelocytes", "atypical_promyelocytes_in_marrow"),
    ("CD33− CD13− blasts", "!aml_immunophenotype"),
    ("T- and B-cell lymphopenia", "~t_lymphocytopenia ~b_lymphocytopenia"),
    # Infiltration by something is of anything, infiltrates are of the lung
    ("trephine with diffuse infiltration by adenocarcinoma", "~marrow_carcinoma"),
    ("biopsy with diffuse infiltration by adenocarcinoma", "?"),
    ("infiltration by lymphoma", "-"),
    ("marrow biopsy without infiltration", "!marrow_infiltration_finding"),
    ("bilateral infiltrates", "pulmonary_infiltrates"),
    ("pulmonary infiltration", "pulmonary_infiltrates"),
    ("bone marrow without granulomas", "!marrow_granuloma"),
    # Uptake of a nodule
    ("focal uptake on thyroid scan", "-"),
    ("thyroid scan with focal increased uptake", "-"),
    ("focal increased thyroid uptake", "-"),
    ("diffuse uptake on thyroid scan", "diffuse_thyroid_uptake"),
    # A test that is only named, or looks for something
    ("malaria thick film", "/malaria_parasites"),
    ("malaria thick film positive", "malaria_parasites"),
    ("sputum GeneXpert", "/tuberculosis_in_sputum"),
    ("sputum GeneXpert positive", "tuberculosis_in_sputum"),
    ("blood culture", "/blood_culture_positive"),
    ("positive blood culture", "blood_culture_positive"),
    ("Ehrlichia PCR", "/ehrlichia_pcr"),
    ("SFTS PCR", "/sfts_virus_pcr"),
    ("PNH flow cytometry", "/pnh_clone"),
    ("FISH for PML-RARA", "/pml_rara"),
    ("FISH positive for PML-RARA", "pml_rara"),
    ("granulocyte agglutination test", "/granulocyte_agglutination_positive"),
    ("Widal", "/widal_positive"),
    ("rechallenge", "/recurrence_on_rechallenge"),
    ("perforin expression normal", "-"),
    # Others, and the surface of the body
    ("typhoid fever in household", "~sick_contacts"),
    ("malaria in the village", "?"),
    ("tuberculosis in a neighbour", "?"),
    ("low risk for breast cancer", "-"),
    ("needle stick injury from HIV-positive patient", "~high_risk_hiv_exposure"),
    ("neonatal lupus", "-"),
    ("seronegative arthritis", "~arthritis"),
    ("seronegative rheumatoid arthritis", "~known_rheumatoid_arthritis"),
    ("rheumatoid arthritis negative", "!known_rheumatoid_arthritis"),
    ("tacrolimus ointment", "-"),
    ("topical steroid cream", "-"),
    ("neutropenia for at least three months, no longer present", "-"),
    ("lip biopsy", "-"),
    ("cocaine in toxicology", "~positive_urine_cocaine /positive_urine_cocaine"),
    # Cells of another place are none of the blood
    ("blasts in skin", "-"),
    ("pleural fluid with blasts", "-"),
    ("ascites with fever", "~ascites ~fever"),
    ("septic knee", "septic_arthritis"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_name_says_no_more_than_its_words(phrase: str, expected: str, base: Knowledge) -> None:
    assert meaning_in(phrase, base) == expected


# What is said (to be absent, unless it is itself a normal result), what follows as absent, and what stays open.
OPEN = [
    ("no lymphadenopathy", {"cervical_lymphadenopathy"}, {"hilar_lymphadenopathy", "abdominal_lymphadenopathy"}),
    ("no hypotension", {"shock"}, {"orthostatic_hypotension"}),
    ("no abdominal pain", {"acute_abdomen"}, {"abdominal_tenderness"}),
    ("no edema", {"generalized_edema"}, {"facial_edema", "facial_cellulitis", "angioedema", "lymphedema"}),
    ("no infection", {"bacterial_infection"}, {"recurrent_upper_respiratory_infections"}),
    ("no bacterial growth in blood culture", {"bacteremia"}, {"mycobacterial_bacteremia"}),
    ("no abnormal karyotype", {"monosomy_7"}, {"bcr_abl", "kmt2a_rearrangement"}),
    ("no abnormal neurological examination", {"ataxia", "confusion"}, {"paresthesia", "numbness"}),
    ("no tuberculosis contact", set(), {"tb_contact_or_endemic", "previous_tuberculosis"}),
    ("no positive mycobacterial culture", {"positive_mycobacterial_culture"}, {"afb_in_sputum", "afb_in_tissue"}),
    ("no connective tissue disease", {"known_lupus"}, {"autoimmune_disease", "pernicious_anemia"}),
    ("no travel outside the United States", {"travel_asia"}, {"recent_travel", "travel_tick_northeast"}),
    ("no abnormal vital signs", {"tachycardia"}, {"fever", "recurrent_fever", "orthostatic_hypotension"}),
    ("normal vital signs", {"tachycardia"}, {"fever", "recurrent_fever", "orthostatic_hypotension"}),
    ("normal chest radiograph", {"pulmonary_infiltrates", "pleural_effusion", "hilar_lymphadenopathy"},
     {"pulmonary_sarcoidosis", "interstitial_lung_disease", "pulmonary_nodule", "pulmonary_fibrosis"}),
    ("normal chest CT", {"pulmonary_infiltrates", "interstitial_lung_disease", "pulmonary_nodule"},
     {"pulmonary_sarcoidosis"}),
    ("normal blood counts", {"neutropenia", "anemia", "thrombocytopenia"},
     {"severe_congenital_neutropenia_dx", "drug_induced_neutropenia_dx", "intermittent_thrombocytopenia"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "absent", "left_open"), OPEN)
def test_what_is_denied_leaves_open_what_it_cannot_see(
    phrase: str, absent: set[str], left_open: set[str], base: Knowledge, durable: DurableEngine
) -> None:
    found = states(base, durable, phrase)
    assert {entry for entry in absent if found.get(entry) is not False} == set()
    assert left_open & found.keys() == set()


def test_what_stays_open_still_implies_the_wider_finding(base: Knowledge, durable: DurableEngine) -> None:
    for entry in base.findings:
        for wider in entry.not_denied_by:
            said = resolve(Patient.parse({"observations": [{"finding": entry.id, "present": True}]}), base)
            assert durable.infer(said).presence[wider] is True, entry.id


def test_only_a_parent_can_leave_a_finding_open() -> None:
    with pytest.raises(ValueError, match="not_denied_by"):
        Finding(id="x", name="x", kind="presence", test="history", not_denied_by=("fever",))


@pytest.mark.parametrize("name", ["diplopia", "visual field defect", "proptosis", "photophobia", "retinal hemorrhage"])
def test_a_sign_of_nerve_lid_or_vessel_is_no_disease_of_the_eye(
    name: str, base: Knowledge, durable: DurableEngine
) -> None:
    said = resolve(Patient.parse({"observations": [{"finding": name, "present": True}]}), base)
    assert said.recognised
    assert not {"abnormality_of_the_eye", "ocular_inflammation"} & durable.infer(said).presence.keys()


@pytest.mark.parametrize(
    "name", ["scleritis", "episcleritis", "anterior uveitis", "orbital myositis", "eye inflammation"]
)
def test_inflammation_of_the_eye_is_told_from_other_signs(name: str, base: Knowledge, durable: DurableEngine) -> None:
    said = resolve(Patient.parse({"observations": [{"finding": name, "present": True}]}), base)
    assert durable.infer(said).presence["ocular_inflammation"] is True


def test_promyelocytes_that_are_called_atypical_raise_the_flag_whatever_their_granules(
    base: Knowledge, durable: DurableEngine
) -> None:
    for name in ("atypical promyelocytes", "hypogranular promyelocytes", "hypergranular promyelocytes"):
        said = resolve(Patient.parse({"observations": [{"finding": name, "present": True}]}), base)
        assert "suspected_promyelocytic_leukemia" in durable.infer(said).red_flags
