"""What people ate, touched, took and where they were, and what was once misread; see test_reading_told.py."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref.knowledge.loader import load_knowledge

BASE = load_knowledge()
# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `-` silent.
MEANINGS = [
    # Animals and what is done with them
    ("assisted birth of aborting ewes", "~livestock_contact"),
    ("veterinarian vaccinating cattle with Rev-1", "~livestock_contact"),
    ("sheep farming in Anatolia", "~livestock_contact"), ("milking goats by hand", "~livestock_contact"),
    ("slaughterhouse work", "~livestock_contact"), ("rabbit skinning", "~animal_or_unpasteurized_dairy"),
    ("field dressing of deer", "~animal_or_unpasteurized_dairy"), ("rat bite", "~rodent_exposure ~animal_bite"),
    ("pigeon loft", "~bird_or_bat_soil"),
    ("cave exploration in Costa Rica", "~bird_or_bat_soil ~travel_central_america"),
    ("freshwater swimming in Borneo", "~freshwater_exposure ~travel_southeast_asia"),
    ("outdoor golf course work", "~rural_or_outdoor_exposure"),
    ("gardening in wooded suburban Connecticut", "~landscaping_work ~wooded_area_exposure"),
    # Food, drink, remedies
    ("unfiltered stream water", "~raw_food"), ("ate undercooked wild boar", "~raw_food"),
    ("raw camel milk", "~unpasteurized_dairy"), ("iron-fortified diet without copper", "~vegan_or_poor_diet"),
    ("self-imposed fasting for forty days", "~vegan_or_poor_diet"),
    ("denture cream, two tubes weekly", "~denture_adhesive"), ("zinc for acne from internet", "~zinc_excess"),
    ("zinc tablets for common cold prevention", "~zinc_supplement_use"), ("herbal slimming tea", "~herbal_medicine"),
    ("traditional Chinese pills for asthma", "~herbal_medicine"),
    ("Ayurvedic remedy containing arsenic", "~herbal_medicine ~arsenic_exposure"),
    ("unlabelled arthritis pills", "~medication_use"), ("Mexican painkiller bought over the border", "~analgesic_use"),
    # Alcohol and drugs: how much, by what way
    ("twelve beers a day", "~alcohol_excess"), ("six beers a week", "~alcohol_use"),
    ("half a bottle of whiskey daily", "~alcohol_excess"), ("moonshine consumption", "~alcohol_use"),
    ("heroin inhalation", "~heroin_use"), ("injects heroin daily", "~heroin_use ~injection_drug_use"),
    ("former heroin use", "-"), ("recreational balloons every weekend", "~nitrous_oxide_use"),
    # Chemicals and rays: what is met, not where one works
    ("painter with solvent exposure", "~toxin_exposure"), ("benzene in shoe factory", "~benzene_exposure"),
    ("petrol station attendant", "-"), ("pesticide spraying", "~pesticide_exposure"),
    ("organochlorine insecticide in garden", "~pesticide_exposure"), ("ingestion of rat poison", "~toxin_exposure"),
    ("glass factory work with arsenic trioxide", "~arsenic_exposure"),
    ("arsenic-contaminated tube well water", "~arsenic_exposure"),
    ("Gloriosa superba tubers eaten", "~colchicine_exposure"),
    ("cobalt-60 scrap metal handling", "~radiation_accident"), ("iridium source handling", "~radiation_accident"),
    ("Chernobyl cleanup worker", "~ionizing_radiation"), ("thorium contrast decades ago", "~ionizing_radiation"),
    # People, vaccines, places
    ("measles case in household", "~sick_contacts"), ("contact with chickenpox", "~sick_contacts"),
    ("no contact with measles", "-"), ("kissing contact with febrile friend", "~sick_contacts"),
    ("roommate with active tuberculosis", "~tb_contact_or_endemic"),
    ("father with cavitary tuberculosis", "~family_history_tuberculosis"), ("prison inmate", "~incarceration"),
    ("tattoo in unlicensed parlor", "-"), ("new sexual partner six weeks ago", "~high_risk_hiv_exposure"),
    ("yellow fever vaccination ten days earlier", "~recent_vaccination"),
    ("recent live attenuated MMR vaccination", "~recent_vaccination"), ("COVID-19 mRNA vaccination", "-"),
    ("BCG vaccination at birth", "-"), ("summer house in Mallorca", "travel_mediterranean"),
    ("visit to relatives in Nigeria", "travel_sub_saharan_africa"),
    ("oil worker in Equatorial Guinea", "residence_sub_saharan_africa"),
    ("residence in Puerto Rico during epidemic", "~residence_caribbean_oceania"),
    ("trip to Pakistan to visit family", "~travel_south_asia"), ("tick bite in groin", "~tick_bite"),
    # Misread before
    ("neutropenia at 10 months", "neutropenia"), ("neutropenia for 10 months", "~chronic_neutropenia"),
    ("neutropenia four months after last infusion", "~neutropenia"),
    ("no response to G-CSF up to 60 ug/kg/day", "~poor_gcsf_response ~gcsf_treatment"),
    ("brisk neutrophil rise after filgrastim", "~response_to_gcsf ~gcsf_treatment"),
    ("myeloid hypoplasia marked", "~granulocytic_hypoplasia"),
    ("squamous cell carcinoma of tongue at 28", "~squamous_head_neck_cancer"),
    ("necrotic tonsillar ulcer", "~oropharyngeal_complaint"), ("hepatitis C cirrhosis", "~hepatitis_c ~cirrhosis"),
    ("cystic fibrosis liver disease", "~cystic_fibrosis ~known_liver_disease"),
    ("previous malaria in Ghana", "~previous_malaria"),
    ("brother died of hemophagocytic syndrome", "~family_history_hlh"),
    ("maternal zidovudine during pregnancy", "~maternal_drug_exposure"),
    ("in utero exposure to azathioprine", "~maternal_drug_exposure"),
    ("craniospinal radiotherapy", "~radiotherapy ~radiation_of_active_marrow"),
    ("ovarian cancer on second-line chemotherapy", "~ovarian_cancer ~chemotherapy_within_6_weeks"),
    ("previous neutropenia on clozapine", "~previous_neutropenia"),
    ("persistent fever despite meropenem and vancomycin",
     "~febrile_despite_antibiotics ~persistent_fever ~antibiotic_use ~vancomycin_use"),
    ("mouth ulcers recurring at 21-day intervals", "~oral_ulcers ~illness_every_three_weeks"),
    ("incidental neutropenia at 10 months", "incidental_neutropenia"),
    ("postpartum hemorrhage two weeks earlier", "~postpartum ~recent_hemorrhage"),
    ("camping in Oklahoma in June", "~camping ~stay_southeastern_us"),
    ("dry eyes and mouth for five years", "~dry_eyes_mouth"),
    # Families, results, courses
    ("first-cousin marriage of parents", "~consanguinity"),
    ("emergency caesarean for maternal hypertension", "~cesarean_delivery ~maternal_hypertension"),
    ("HIV infection, off antiretroviral therapy", "~hiv_infection !antiretroviral_therapy"),
    ("CMV-seropositive donor to seronegative recipient", "~cmv_high_risk_serostatus"),
    ("weekly dose taken daily by mistake", "~drug_overdose"),
    ("inflammatory bowel disease resembling Crohn disease", "~inflammatory_bowel_disease"),
    ("photosensitive facial rash each summer", "~photosensitivity ~facial_rash"),
    ("rejected as blood donor for low leukocytes", "~leukopenia ~incidental_asymptomatic"),
    ("paternal granulocyte crossmatch incompatible", "~maternal_neutrophil_alloimmunization"),
    ("low T1 signal of vertebral marrow", "~marrow_signal_abnormal"),
    ("owl-eye inclusions in colonic mucosa", "~cytomegalovirus_infection"),
    ("abstinence followed by rebound leukocytosis", "~recovery_with_abstinence"),
    ("second fall after initial recovery", "-"), ("HIV not on antiretroviral therapy", "~hiv_infection"),
    ("HIV infection not on antiretroviral therapy", "~hiv_infection !antiretroviral_therapy"),
    ("HIV infection without antiretroviral therapy", "~hiv_infection !antiretroviral_therapy"),
    ("HIV without treatment", "~hiv_infection !antiretroviral_therapy"),
    ("travel to Kenya in summer", "~travel_sub_saharan_africa"),
    ("refinery worker exposed to benzene", "~benzene_exposure"),
    ("spraying orchards with pesticides", "~pesticide_exposure"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_exposures_and_courses_are_read_as_they_are_meant(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected
