"""Words that were once synonyms of a finding that says more, less or something else than they do."""

from __future__ import annotations

import pytest
from test_reading import meaning

import leukoref
from leukoref.patient import Patient

# Phrase and what it says, as in `test_reading`.
SAID = [
    # A mutation is not yet a germline one, a variant is not yet two
    ("GATA2 mutation", "gata2_mutation"), ("germline GATA2 mutation", "gata2_variant"),
    ("GATA2 variant", "gata2_variant"), ("GATA2 p.Arg396Gln variant", "~gata2_variant"),
    ("no GATA2 mutation", "!gata2_mutation"), ("CXCR4 S338X", "cxcr4_mutation"), ("BTK mutation", "btk_mutation"),
    ("TERT promoter mutation", "telomere_gene_mutation"), ("FANCA variant", "fanconi_gene_mutation"),
    ("biallelic FANCA variants", "fanconi_gene_variant"), ("WAS mutation", "was_variant"),
    ("WAS gain-of-function mutation", "was_gain_of_function"), ("CSF3R mutation", "-"), ("STAT3 variant", "-"),
    ("STAT3 mutation", "stat3_mutation"), ("BRAF mutation", "-"), ("ELANE mutation", "elane_variant"),
    # A drug with its class
    ("carbamazepine use", "~antiepileptic_use ~culprit_drug_within_3_months"),
    ("carbamazepine", "~antiepileptic_use ~culprit_drug_within_3_months"), ("no carbamazepine use", "-"),
    ("fludarabine use", "~purine_analogue_use ~chemotherapy_within_6_weeks"),
    ("neutrophil recovery with cladribine", "~neutrophil_recovery ~purine_analogue_use"),
    ("bendamustine use", "~alkylator_use ~chemotherapy_within_6_weeks"), ("immunotherapy", "-"),
    ("TKI use", "~medication_use"),
    # Markers of whatever cells; a negative one is of those looked at
    ("MPO positive", "-"), ("CD123 positive", "/cd123_b_cells"), ("CD34 expression", "-"),
    ("CD34 negative", "!cd34_blasts"), ("MPO-positive blasts", "mpo_blasts"), ("CD123+ B cells", "cd123_b_cells"),
    # Radiation, zinc: when and how much
    ("previous radiotherapy", "past_radiotherapy"), ("radiotherapy", "radiotherapy"),
    ("nuclear accident", "radiation_accident"),
    ("radiation exposure", "ionizing_radiation"),
    ("no radiation exposure", "!ionizing_radiation"),
    ("chemoradiotherapy", "~radiotherapy ~chemotherapy"), ("no chemoradiotherapy", "-"),
    ("zinc supplementation", "zinc_supplement_use"), ("zinc toxicity", "zinc_excess"),
    ("denture cream", "denture_adhesive"), ("zinc-containing denture cream", "zinc_denture_adhesive"),
    # Films
    ("ring forms", "~intracellular_organisms /malaria_parasites"), ("no ring forms", "!malaria_parasites"),
    ("Plasmodium falciparum ring forms", "~malaria_parasites"),
    ("intracytoplasmic inclusions in neutrophils", "~abnormal_leukocyte_morphology"),
    ("faggot cells", "~auer_rods ~atypical_promyelocytes"), ("Heinz bodies", "-"),
    # One arm of a union, or something narrower, denies nothing of the rest
    ("no HIV risk factors", "!high_risk_hiv_exposure"), ("organ transplant", "solid_organ_transplant"),
    ("no organ transplant", "!solid_organ_transplant"), ("no poor diet", "-"), ("no severe malnutrition", "-"),
    ("no pets", "!dog_exposure !cat_exposure"), ("latent tuberculosis", "~tb_contact_or_endemic"),
    # Wider than the diagnosis: it does not name it, but its absence denies it
    ("leishmaniasis", "/visceral_leishmaniasis_dx"), ("no tick-borne disease", "!tick_borne_infection_dx"),
    ("congenital neutropenia", "~neutropenia ~genetic_cause"), ("levamisole toxicity", "~levamisole_use"),
    # None is less than few
    ("undetectable B cells", "absent_b_cells"), ("low B cells", "b_lymphocytopenia"),
    ("B-cell depletion", "absent_b_cells"),
    # Courses
    ("leukopenia resolved within two weeks", "~neutrophil_recovery"), ("spontaneous recovery", "-"),
    ("oscillating neutrophil count", "fluctuating_neutrophil_count"), ("cyclic pattern", "-"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), SAID)
def test_a_word_says_no_more_than_it_says(phrase: str, expected: str) -> None:
    assert meaning(phrase) == expected


ESTABLISHED = [
    ("GATA2 mutation", "gata2_deficiency", False), ("germline GATA2 mutation", "gata2_deficiency", True),
    ("CXCR4 S338X", "whim_myelokathexis", False), ("heterozygous CXCR4 variant", "whim_myelokathexis", True),
    ("FANCA mutation", "fanconi_anemia", False), ("biallelic FANCA mutation", "fanconi_anemia", True),
    ("TERT mutation", "telomere_biology_disorder", False), ("TERT variant", "telomere_biology_disorder", True),
    ("ring forms", "malaria", False), ("Plasmodium on blood smear", "malaria", True),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "cause", "established"), ESTABLISHED)
def test_what_does_not_say_it_all_establishes_nothing(phrase: str, cause: str, established: bool) -> None:
    count = {"finding": "ANC", "value": 0.9, "unit": "10*9/L"}
    told = {"finding": phrase, "present": True}
    patient = Patient.parse({"age": "60 a", "sex": "male", "presentation": [count, told]})
    bands = {candidate.cause: candidate.band for candidate in leukoref.assess(patient).candidates}
    assert (bands.get(cause) == "established") is established
