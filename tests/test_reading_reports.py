"""Shorthand of ward notes and case reports: frames, brands, doses, views, and what was once misread."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref.knowledge.loader import load_knowledge

BASE = load_knowledge()
# Phrase and what it says, as in `test_reading_told.py`: `id` the finding itself, `~id` implied when present, `!id`
# absent when present, `-` silent.
MEANINGS = [
    # Misread before: past, or another thing of the same letters
    ("infectious mononucleosis as a student", "-"), ("brucellosis from unpasteurised cheese, 2015", "-"),
    ("dengue 2019", "-"), ("tuberculosis, 2015", "-"), ("gold injections in the 1990s", "-"),
    ("Wilson's disease on zinc", "~wilson_disease ~zinc_excess"), ("occupational radiation", "~ionizing_radiation"),
    ("IPF", "-"), ("essential thrombocythaemia diagnosed 2005", "~essential_thrombocythemia"),
    ("neutropenia since 2015", "~neutropenia"), ("coronavirus disease 2019", "covid_19"),
    # Frames: known as, with a history of, because of, past or in remission
    ("k/c/o type 2 DM since 10 years", "~type_2_diabetes"),
    ("known case of rheumatic heart disease", "valvular_heart_disease"), ("suspected case of malaria", "-"),
    ("background of polycythaemia vera", "polycythemia_vera"), ("cirrhosis 2/2 EtOH", "~cirrhosis ~alcohol_use"),
    ("FHx notable for AML in uncle", "~family_history_leukemia"), ("family history unobtainable", "-"),
    ("DLBCL in CR1", "~dlbcl"), ("HCV genotype 1a, treated with SVR", "-"), ("dengue last monsoon", "-"),
    ("old treated pulmonary Koch's", "~previous_tuberculosis"), ("completed DOTS in 2016", "~previous_tuberculosis"),
    ("previous malaria (P. vivax) x3", "~previous_malaria"), ("second dengue episode", "-"),
    ("DVT and Budd-Chiari in the past", "~deep_vein_thrombosis ~hepatic_vein_thrombosis"),
    ("s/p splenectomy after MVC", "~splenectomy"), ("NKDA, no home meds", "!drug_allergy !medication_use"),
    ("left AMA from outside hospital", "-"),
    # What is not seen where one would see it is not there; elsewhere that says less
    ("no splenomegaly on CT", "!splenomegaly"), ("no lymphadenopathy on chest CT", "-"),
    ("no blasts on smear", "!blasts_on_smear"),
    ("breast cancer, last chemotherapy nine days ago", "~breast_carcinoma ~chemotherapy"),
    # A stay somewhere; where it is no place that is listed, nothing is said of a journey
    ("three months in Brazil", "~travel_tropical_latin_america"),
    ("spent two months in Kenya", "~travel_sub_saharan_africa"), ("six weeks in intensive care", "-"),
    # Short for diseases and treatments
    ("PMH HTN, HLD, GERD", "~hypertension ~gastroesophageal_reflux"),
    ("ESRD on HD MWF", "~end_stage_renal_disease ~hemodialysis"), ("DDKT 7 months ago", "~kidney_transplant"),
    ("CMV D+/R- mismatch", "cmv_high_risk_serostatus"), ("PLHIV, abandoned ART in 2021", "~hiv_infection"),
    ("colorectal ca with liver mets, FOLFIRI", "~colorectal_cancer ~liver_metastasis ~chemotherapy_within_6_weeks"),
    ("CAR-T infusion 6 weeks ago", "~car_t_therapy"), ("last chemo 9 days ago", "~chemotherapy_within_6_weeks"),
    ("metastatic melanoma on ipi/nivo", "~melanoma ~disseminated_malignancy ~immune_checkpoint_inhibitor_use"),
    ("lutetium PSMA x4", "~radionuclide_therapy"), ("decompensated cirrhosis, awaiting transplant", "~cirrhosis"),
    ("awaiting transplant", "-"), ("NAFLD with F3 fibrosis", "~fatty_liver ~hepatic_fibrosis"),
    ("pneumonia x4, two requiring admission", "~recurrent_pneumonia"),
    ("two units PRBC transfused last month", "~blood_transfusion"),
    # Of a mother, a sibling, a dog or a cellmate
    ("eczema and thrombocytopenia in brother", "-"), ("uncle died young of EBV infection", "-"),
    ("maternal azathioprine throughout pregnancy", "~maternal_drug_exposure"), ("maternal GBS colonisation", "-"),
    ("previous baby with low neutrophils", "~previous_affected_pregnancy"),
    ("dog with calazar euthanised", "~dog_exposure"), ("pulmonary TB in cellmate", "~tb_contact_or_endemic"),
    ("TB contact (smear positive grandfather)", "~tb_contact_or_endemic"),
    ("sick contacts: daughter with strep", "~sick_contacts"),
    # Eaten, touched, breathed, travelled
    ("lamb kibbeh eaten raw", "~raw_food"), ("untreated stream water on trek", "~raw_food"), ("fava beans", "-"),
    ("goats kidding on the farm", "~livestock_contact"),
    ("slept without bed net in Uganda", "~travel_sub_saharan_africa"),
    ("freshwater swimming in Lake Malawi", "~freshwater_exposure ~travel_sub_saharan_africa"),
    ("Umrah pilgrimage", "~travel_middle_east"),
    ("arrived from Venezuela two months ago", "~residence_tropical_latin_america"),
    ("toluene at the printworks", "~toxin_exposure"), ("benzene in shoe factory", "~benzene_exposure"),
    ("paraquat ingestion", "~pesticide_exposure"), ("N2O anaesthesia for 6 hours", "~nitrous_oxide_use"),
    ("two tubes of Poligrip weekly", "~denture_adhesive"),
    ("zinc 50 mg tid from dermatologist", "~zinc_supplement_use"),
    ("cocaine-positive urine tox screen", "~positive_urine_cocaine"), ("methanol-laced liquor", "~toxin_exposure"),
    # Signs
    ("P+ I- C- Cl- L- E-", "~pallor !jaundice !cyanosis !digital_clubbing !lymphadenopathy !edema"),
    ("no significant peripheral LAD", "!cervical_lymphadenopathy !axillary_lymphadenopathy !inguinal_lymphadenopathy"),
    ("spleen tip just palpable", "~splenomegaly"), ("liver 3 fb below RCM", "~hepatomegaly"),
    ("cap refill 5 s", "~poor_peripheral_perfusion"), ("clear to auscultation bilaterally", "!abnormal_breath_sound"),
    ("looks well, playing", "!ill_appearance"), ("UVC removed on day 7", "-"),
    # Laboratory, film, marrow, images
    ("T.bil", "bilirubin"), ("S. ferritin", "ferritin"), ("HIV VL", "hiv_viral_load"), ("DCT 3+", "~coombs_positive"),
    ("tTG-IgA >10x ULN", "~anti_tissue_transglutaminase_positivity"),
    ("blood cultures sterile at 48 h", "!blood_culture_positive"),
    ("faggot cells with stacked Auer rods", "~auer_rods ~atypical_promyelocytes"),
    ("LD bodies in BMA", "leishmania_in_marrow"), ("no blasts in BMA", "!increased_marrow_blasts"),
    ("PBS showing blasts", "blasts_on_smear"), ("USG abdomen: spleen 17 cm", "~splenomegaly"), ("spleen 12 cm", "-"),
    ("echo: no vegetations", "!valve_vegetation"), ("PET-CT: no hypermetabolic foci", "!fdg_avid_lymph_nodes"),
    ("EF 25%, global hypokinesia", "~cardiac_dysfunction"),
    ("oesophageal varices grade II at OGD", "~esophageal_varices"), ("core needle biopsy non-diagnostic", "-"),
    # Brands and words of doses
    ("Epilim chrono 500 mg bd", "~antiepileptic_use ~culprit_drug_within_3_months"),
    ("Salazopyrin EN 1 g bd", "~sulfasalazine_use"),
    ("Hydrea 500 mg 3 caps daily", "~hydroxyurea_use ~chemotherapy_within_6_weeks"),
    ("dipirona 1 g 6/6 h", "~metamizole_use"), ("Bactrim DS 1 tab BID", "~trimethoprim_sulfamethoxazole_use"),
    ("mFOLFOX6 C4D1", "~platinum_chemotherapy ~chemotherapy_within_6_weeks"),
    ("ven/aza", "~chemotherapy_within_6_weeks"), ("AKT-4 as per weight", "~antituberculous_use"),
    ("heparin flushes", "-"), ("hydroxycarbamide dose doubled 3 weeks ago", "~hydroxyurea_use"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_shorthand_of_reports_is_read_as_it_is_meant(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected
