"""Wordings of case reports that a reader of single words misses, and what the absence of a name says."""

from __future__ import annotations

import polars as pl
import pytest

from leukoref import Patient
from leukoref.engine.durable import DurableEngine
from leukoref.engine.roles import role
from leukoref.findings import resolve
from leukoref.knowledge.loader import load_knowledge
from leukoref.long_frames import widened

BASE = load_knowledge()
# Name and what follows when it is said to be there: findings, and after `!` those that are not.
PRESENT = [
    ("adenovirus on respiratory panel", "positive_respiratory_virus_test"),
    (
        "blood count improvement after starting dolutegravir, tenofovir and lamivudine",
        "recovery_on_antiretrovirals antiretroviral_therapy",
    ),
    ("defervescence within 48 hours of doxycycline", "response_to_doxycycline"),
    ("erosions of MCP joints on hand X-ray", "destructive_joint_disease"),
    ("haematological recovery after four-drug antituberculous treatment", "recovery_with_antituberculous_drugs"),
    (
        "hypocellular marrow without dysplasia or blasts",
        "hypocellular_marrow !increased_marrow_blasts !marrow_dysplasia",
    ),
    ("absence of dysplasia", "!marrow_dysplasia"),
    ("fever and no rash", "fever !rash"),
    ("loss-of-function NFKB1 variant", "monogenic_antibody_deficiency_variant"),
    ("marked reduction of IgG, IgA and IgM", "decreased_igg decreased_iga decreased_igm"),
    ("neutrophils normal after 2 weeks", "counts_normal_again_within_weeks neutrophil_recovery"),
    ("pancytopenia resolved after treatment of hyperthyroidism", "recovery_on_euthyroidism"),
    ("RARA rearrangement on break-apart FISH", "rara_rearrangement"),
    ("ZBTB16-RARA", "rara_rearrangement"),
    ("Schirmer test 2 mm/5 min", "abnormal_schirmer"),
    ("SS-A positive", "anti_ro_positivity"),
    ("TB and fungal infection excluded", "!other_cause_of_granulomas"),
    ("trephine biopsy with cellularity of 10%", "hypocellular_marrow"),
    ("Bacteroides fragilis in blood", "blood_culture_positive other_pyogenic_bacteremia"),
    ("macrophages containing amastigotes with kinetoplasts on marrow aspirate", "leishmania_in_marrow"),
    # A drug that is a finding itself
    ("disclosed ingestion of 24 mg colchicine", "colchicine_exposure"),
    ("confessed ingestion of colchicine tablets", "colchicine_exposure"),
    ("suicidal ingestion of 40 colchicine tablets of 0.5 mg", "drug_overdose"),
    ("Naranjo scale probable for methotrexate", "methotrexate_use"),
    ("realgar", "arsenic_exposure"),
    ("Niuhuang Jiedu tablets", "arsenic_exposure herbal_medicine"),
    # Marrow and blood
    ("bone marrow aspirate was a dry tap", "dry_tap"),
    ("Auer rods in bone marrow", "auer_rods"),
    ("depressed myelopoiesis and erythropoiesis", "granulocytic_hypoplasia erythroid_hypoplasia"),
    ("DLBCL in bone marrow", "dlbcl marrow_lymphoma"),
    ("CD59 deficiency on flow cytometry", "pnh_clone"),
    ("HIV-associated dyshematopoiesis on bone marrow biopsy", "hiv_infection marrow_dysplasia"),
    ("bone marrow infiltration by CD3+ CD8+ CD57+ T cells", "lgl_infiltration"),
    ("monoclonal large granular lymphocytes", "clonal_t_cell_population large_granular_lymphocytes"),
    ("anti-FcgammaRIIIb isoantibodies", "maternal_anti_cd16b"),
    ("recent immigration from India", "residence_south_asia"),
    ("binucleated neutrophils", "abnormal_leukocyte_morphology"),
    ("two negative malaria smears", "negative_malaria_film"),
    ("no abnormal bone marrow biopsy", "normal_bone_marrow"),
    ("no abnormal karyotype", "normal_karyotype !abnormal_karyotype"),
    ("PML immunofluorescence microgranular pattern", "pml_rara"),
    ("lymphocytes with hairy cytoplasmic projections", "hairy_cells"),
    ("blasts positive for CD10, CD19 and TdT", "all_immunophenotype cd10_expression cd19_expression"),
    ("MDS-EB2 with 14% blasts", "myelodysplasia"),
    ("GPI-deficient neutrophils and monocytes", "pnh_clone"),
    ("marrow shows arrest of myeloid maturation at the promyelocyte stage", "promyelocyte_arrest"),
    ("EBUS-TBNA: non-necrotizing granulomas", "non_caseating_granuloma"),
    ("necrotizing granulomas with acid-fast bacilli in lymph node", "caseating_granuloma afb_in_tissue"),
    ("6 of 8 HLH-2004 criteria fulfilled", "hlh_2004_criteria_met"),
    ("7 of 8 HLH-2004 criteria fulfilled", "hlh_2004_criteria_met"),
    # Genes, in whatever words: two faulty copies where it takes two, none where the meaning is unknown
    ("AK2 c.542G>A homozygous", "ak2_variant"),
    ("ELANE c.377C>T (p.Ser126Leu)", "elane_variant"),
    ("ELANE p.Ser126Leu not found", ""),
    ("ELANE p.Ser126Leu of unknown significance", ""),
    ("suspected ELANE p.Ser126Leu", ""),
    ("both parents heterozygous for HAX1 p.Gln190X", ""),
    ("whole-exome sequencing with AK2 loss of function variant", "ak2_variant"),
    ("germline GATA2 c.1061C>T (p.Thr354Met)", "gata2_variant"),
    ("CXCR4 C-terminal truncating mutation c.1000C>T", "cxcr4_mutation"),
    ("FANCA biallelic deletion", "fanconi_gene_variant"),
    ("heterozygous SBDS c.258+2T>C", ""),
    ("SBDS variant of unknown significance", ""),
    ("ELANE sequencing", ""),
    ("heteroplasmic 5.5 kb deletion of mtDNA on Southern blot", "mtdna_deletion"),
    # Counts that come back
    ("neutropenia resolved by day 4", "neutrophil_recovery counts_normal_again_within_weeks"),
    ("neutrophil count normal for 3 years", ""),
    ("lymphopenia resolved postoperatively", "lymphocyte_recovery"),
    ("hematologic recovery on copper gluconate", "recovery_with_copper"),
    ("leukocytes normalized after alcohol withdrawal", "recovery_after_alcohol_withdrawal"),
    ("response to low-dose methotrexate", "response_to_immunosuppression"),
    # Organisms
    ("Wright agglutination 1:640", "brucella_titre_160"),
    ("blood PCR positive for Brucella", "brucella_pcr"),
    ("bone marrow culture grew Brucella species", "brucella_in_marrow"),
    ("Plasmodium falciparum ring forms", "malaria_parasites"),
    ("malaria blood test", ""),
    ("P. falciparum schizonts", "malaria_parasites"),
    ("Rocky Mountain spotted fever IgM", "rickettsia_serology"),
    ("PCR on abdominal eschar Rickettsia africae", "eschar"),
    ("Histoplasma antibody M band", "histoplasma_antibody"),
    ("Histoplasma capsulatum on bronchoscopy culture", "histoplasma_in_airways"),
    ("HHV-6 IgM and IgG seroconversion", "human_herpesvirus_6_infection"),
    ("Talaromyces culture", ""),
    ("cytomegalovirus retinitis", "retinitis cytomegalovirus_infection opportunistic_infection"),
    ("acute hepatitis B infection", "hepatitis_b_infection hepatitis"),
    ("echovirus infection", "enterovirus_infection"),
    ("bacterial or viral infection", ""),
    ("varicella-zoster virus infection", "infection"),
    # Antibodies
    ("anti-beta2-glycoprotein I antibodies", "antiphospholipid_positivity"),
    ("low CH50", "reduced_complement"),
    ("anti-Fc gamma receptor IIIb (CD16[b]) isoantibodies", "maternal_anti_cd16b"),
    # Exposures and history
    ("camping in Cape Cod", "camping travel_tick_northeast"),
    ("hiking in northern Thailand", "hiking travel_southeast_asia"),
    ("big game hunting trip in South Africa", "hunting travel_sub_saharan_africa"),
    ("direct contact with mouse stool", "rodent_exposure"),
    ("alcoholic cirrhosis", "cirrhosis alcoholic_liver_disease"),
    ("diagnosis of Gaucher disease made at a reference centre", "gaucher_known"),
    ("conversion to Billroth II", "gastrectomy"),
    ("accessory thumb", "abnormal_thumb_morphology polydactyly"),
    ("crush injury of the left foot", "physical_trauma"),
    ("cerebellar infarcts", "stroke"),
    ("past surgical history", ""),
    ("chromosomal abnormality", ""),
    ("stigmata of chronic liver disease", "known_liver_disease"),
]
# Name and what follows when it is said to be absent.
ABSENT = [
    # An abnormal or positive result said to be absent is the normal one
    ("abnormal bone marrow examination", "normal_bone_marrow"),
    ("abnormal family history", "family_history_unremarkable"),
    ("abnormal peripheral blood smear", "normal_blood_smear !abnormal_cells_on_smear"),
    ("malaria smear positive", "negative_malaria_film !malaria_parasites"),
    ("malaria parasites on thick blood smear", "negative_malaria_film !malaria_parasites"),
    (
        "abnormal blood cell morphology",
        "normal_blood_smear !abnormal_leukocyte_morphology "
        "!abnormal_erythrocyte_morphology !abnormal_platelet_morphology",
    ),
    # What is called 'no ...'
    ("symptoms", "incidental_asymptomatic"),
    ("past medical history", "no_past_medical_history"),
    ("reticulocytes", "reticulocytes_low"),
    ("neutrophils on peripheral smear", "severe_neutropenia"),
    ("previous illness", "no_past_medical_history"),
    ("childhood vaccination", "unvaccinated"),
    # What was looked or asked for
    ("stigmata of chronic liver disease", "!spider_hemangioma !palmar_erythema !caput_medusae"),
    ("bacterial or viral infection on initial workup", "!bacterial_infection !recent_viral_illness"),
    (
        "thoracic or abdominal lymphadenopathy on computed tomography",
        "!hilar_lymphadenopathy !mediastinal_lymphadenopathy !abdominal_lymphadenopathy",
    ),
    ("abnormal urinalysis", "!hematuria !proteinuria !proteinuria_hematuria !pyuria"),
    (
        "anti-extractable nuclear antigen antibodies",
        "!anti_ro_positivity !anti_la_positivity !anti_sm_antibody !anti_u1_rnp_antibody",
    ),
    ("Epstein-Barr virus marker", "!ebv_vca_igm !ebv_vca_igg !epstein_barr_virus_pcr"),
    ("varicella-zoster virus infection", "!varicella !herpes_zoster"),
    ("other causes of neutropenia", "!alternative_explanation"),
    ("abnormal total leukocyte count", "!abnormal_leukocyte_count !leukopenia !leukocytosis"),
    (
        "family history of blood disease",
        "family_history_unremarkable !family_history_neutropenia !family_history_pancytopenia !family_history_leukemia",
    ),
    ("toxic cause such as drugs or alcohol", "!drug_cause"),
    ("past surgical history", "!surgery"),
    # Narrower than a finding: nothing
    ("alcoholic cirrhosis", ""),
    ("DLBCL in bone marrow", ""),
    ("anti-beta2-glycoprotein I antibodies", ""),
    ("normal delivery", ""),
]


def said(name: str, present: bool) -> dict[str, bool]:
    return resolve(Patient.parse({"observations": [{"finding": name, "present": present}]}), BASE).presence


def states(text: str) -> dict[str, bool]:
    return {word.lstrip("!"): not word.startswith("!") for word in text.split()}


@pytest.mark.parametrize(("name", "expected"), PRESENT)
def test_what_a_report_says_is_heard(name: str, expected: str) -> None:
    assert said(name, True) == states(expected)


@pytest.mark.parametrize(("name", "expected"), ABSENT)
def test_what_is_said_to_be_absent_says_what_its_denial_is_called(name: str, expected: str) -> None:
    assert said(name, False) == states(expected)


@pytest.mark.parametrize("name", ["acute HIV infection", "Pneumocystis pneumonia", "bacterial endocarditis"])
def test_a_kind_of_an_infection_is_that_infection(name: str, durable: DurableEngine) -> None:
    wider = {"acute HIV infection": "hiv_infection", "Pneumocystis pneumonia": "opportunistic_infection"}
    inferred = durable.infer(resolve(Patient.parse({"observations": [{"finding": name, "present": True}]}), BASE))
    assert inferred.presence[wider.get(name, "bacterial_infection")] is True


def test_an_early_negative_test_for_hiv_does_not_deny_the_acute_infection(durable: DurableEngine) -> None:
    found = resolve(Patient.parse({"observations": [{"finding": "HIV antibody negative", "present": True}]}), BASE)
    assert durable.infer(found).presence.get("acute_hiv_infection") is None


def test_what_was_said_outright_outweighs_what_an_absence_says() -> None:
    observations = [
        {"finding": "abnormal bone marrow examination", "present": False},
        {"finding": "normal bone marrow", "present": False},
    ]
    for told in (observations, observations[::-1]):
        assert resolve(Patient.parse({"observations": told}), BASE).presence["normal_bone_marrow"] is False


@pytest.mark.parametrize("name", ["abnormal bone marrow examination", "malaria smear positive", "reticulocytes"])
def test_frames_hear_what_an_absence_says(name: str) -> None:
    expected = set(said(name, False).items())
    wide = role(name, BASE, number=False)
    assert {(finding, True) for finding in wide.contrary} == {entry for entry in expected if entry[1]}
    roles, frame = widened(pl.DataFrame({"id": ["a"], "finding": [name], "present": [False]}), "id", BASE)
    heard = {(entry.findings[0], bool(frame[entry.column][0])) for entry in roles if entry.kind == "implied"}
    assert heard == {entry for entry in expected if entry[1]}
