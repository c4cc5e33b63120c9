"""What settles inborn, neonatal, immune and harmless low counts, as reports word it, and what only looks like it."""

from __future__ import annotations

import pytest

import leukoref
from leukoref.matching import match_name

BASE = leukoref.load_knowledge()
# Name and what follows when it is said to be there: findings, and after `!` those that are not.
PRESENT = [
    ("two pathogenic variants in BRCA2", "fanconi_gene_variant"),
    ("compound heterozygous variants in the glucose-6-phosphate translocase gene", "slc37a4_variant"),
    ("SBDS pseudogene conversion mutation homozygous", "sbds_variant"),
    ("nonsense mutation in exon 2 of G4.5 gene on Xq28", "taz_variant"),
    ("neutrophil elastase gene mutation p.Leu206Phe in patient, daughter and father", "elane_variant"),
    ("neutrophil elastase gene mutation in daughter and father", ""),
    ("spontaneous and MMC-induced chromosome breaks in peripheral blood", "chromosomal_breakage"),
    ("chromosome breakage study with DEB", ""),
    ("enlarged cytoplasmic granules in granulocytes on May-Grünwald-Giemsa film", "giant_granules"),
    ("toxic granules in neutrophils", ""),
    ("Duffy antigen negative, Fy(a−b−) by serological typing", "duffy_null"),
    ("absent Duffy antigens on red cells", "duffy_null"),
    ("Duffy antigen positive", ""),
    ("ANC between 0.9 and 1.4 K/uL on repeated counts over 6 years", "chronic_over_3_months"),
    ("neutrophil count stable 12 months into clozapine", "chronic_over_3_months"),
    ("neutrophil count stable over 3 days", ""),
    ("cyclical fluctuation of the neutrophil count", "cyclic_neutropenia_pattern"),
    ("spontaneous recovery of white cells within two hours while dialysis continued", "wbc_rebound_in_dialysis"),
    ("leukocytes normalised before end of dialysis", "wbc_rebound_in_dialysis"),
    ("leukocyte count back to 7.1 at end of session", "wbc_rebound_in_dialysis"),
    ("positive granulocyte agglutination test with maternal serum and paternal cells",
     "maternal_neutrophil_alloimmunization"),
    ("positive cross-match of maternal serum with paternal neutrophils", "maternal_neutrophil_alloimmunization"),
    ("CTL2 genotype mismatch between parents", "paternal_neutrophil_antigen_mismatch"),
    ("father and infant HNA-1a positive, mother HNA-1a negative", "paternal_neutrophil_antigen_mismatch"),
    ("resolution of neutropenia within five days", "neutrophil_recovery"),
    ("neutrophils normal at birth", ""),
    ("antineutrophil antibodies on two occasions by GIFT", "antineutrophil_antibody_positivity"),
    ("no infection during stay", "!infection"),
    ("no cause found after five years of observation", "chronic_over_3_months !alternative_explanation"),
    ("no underlying cause identified", "!alternative_explanation"),
    ("trephine biopsy unremarkable with normal cytogenetics", "normal_bone_marrow normal_karyotype"),
    ("positive direct antiglobulin test, IgG and C3d", "coombs_positive"),
    ("no suppression of cortisol after 8 mg dexamethasone", "hypercortisolism"),
    ("suppression of cortisol after dexamethasone", ""),
    ("ectopic ACTH syndrome", "hypercortisolism"),
    ("Fya and Fyb antigens absent", "duffy_null"),
    ("increased MLCL/CL ratio in dried blood spot", "elevated_monolysocardiolipin_ratio"),
    ("neutrophil count normalised with prednisolone", "response_to_corticosteroids corticosteroid_use"),
    ("neutrophil rise after IVIG", "response_to_ivig intravenous_immunoglobulin_use"),
    ("mother FcγRIIIb-null", "paternal_neutrophil_antigen_mismatch"),
    ("no clonal haematopoiesis on NGS", "!myeloid_gene_panel_mutation"),
    ("lymphocytes normal after prednisolone was stopped", "lymphocyte_recovery"),
    ("Mycobacterium kansasii grown from lymph node biopsy", "ntm_infection"),
    ("PAS-positive material in bronchoalveolar lavage", "pulmonary_alveolar_proteinosis"),
    ("bilateral deafness on brainstem auditory evoked responses", "hearing_loss"),
    ("marrow devoid of myeloid cells beyond promyelocytes with preserved erythropoiesis",
     "myeloid_maturation_arrest promyelocyte_arrest"),
    ("marrow with promyelocyte arrest at nadir and normal maturation two weeks later", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), PRESENT)
def test_it_is_read(name: str, expected: str) -> None:
    found = match_name(name, None, BASE)
    meant = {found.finding} - {None} | set(found.implied) if found else set()
    assert meant | {f"!{no}" for no in (found.excluded if found else ())} == set(expected.split())


def established(age: str, *findings: str | tuple[str, float, str]) -> set[str]:
    """The causes that are established by findings of the work-up; ``-`` before one says that it is absent."""
    told = [
        {"finding": said[0], "value": said[1], "unit": said[2]} if isinstance(said, tuple)
        else {"finding": said.removeprefix("-"), "present": not said.startswith("-")}
        for said in findings
    ]  # fmt: skip
    answer = leukoref.assess({"age": age, "observations": told})
    return {c.cause for c in answer.candidates if c.band == "established"}


SETTLED = [
    ("2 a", ["neutropenia", "antineutrophil antibodies", "spontaneous recovery of neutrophils"],
     "autoimmune_neutropenia"),
    ("30 a", ["neutropenia", "antineutrophil antibodies", "autoimmune hemolytic anemia"], "autoimmune_neutropenia"),
    ("30 a", ["neutropenia for 8 years", "antineutrophil antibodies", "other causes excluded"],
     "autoimmune_neutropenia chronic_idiopathic_neutropenia"),  # the two names overlap
    ("46 a", ["neutropenia for 8 years", "-antineutrophil antibodies by GIFT", "normal karyotype",
              "-myeloid gene panel mutation"], "chronic_idiopathic_neutropenia"),
    ("58 a", ["neutropenia for 8 years", "normal bone marrow with normal cytogenetics", "-ANA",
              "normal B12 and folate"],
     "chronic_idiopathic_neutropenia"),
    ("38 a", ["Fy(a-b-)", ("ANC", 1.3, "10*9/L"), "stable ANC over 5 years", "-infection", "-thrombocytopenia"],
     "duffy_null_associated_count"),
    ("3 a", ["neutropenia", "recurrent fever", "oscillation of ANC every 21 days"], "cyclic_neutropenia"),
    ("6 mo", ["neutropenia", "giant granules in leukocytes"], "chediak_higashi"),
    ("11 a", ["pancytopenia", "GATA2 mutation", "warts"], "gata2_deficiency"),
    ("41 a", ["pancytopenia", "TERT mutation", "short telomeres"], "telomere_biology_disorder"),
    ("9 a", ["pancytopenia", "nail dystrophy", "oral leukoplakia"], "telomere_biology_disorder"),
    ("12 a", ["neutropenia", "CXCR4 mutation", "warts"], "whim_myelokathexis"),
    ("1 a", ["neutropenia", "reduced tetralinoleoyl cardiolipin", "cardiomyopathy"], "barth_syndrome"),
    ("10 d", [("ANC", 0.0, "10*9/L"), ("lymphocytes", 0.2, "10*9/L"), "sensorineural deafness", "promyelocyte arrest"],
     "reticular_dysgenesis"),
    ("5 a", ["neutropenia", "low serum trypsinogen", "fatty replacement of pancreas on ultrasound"],
     "shwachman_diamond"),
    ("1 d", ["neutropenia", "antineutrophil antibodies", "HNA incompatibility"], "neonatal_alloimmune_neutropenia"),
    ("54 a", [("lymphocytes", 0.4, "10*9/L"), ("WBC", 8.9, "10*9/L"), "Cushing syndrome",
              "lymphocytes normal after adrenalectomy"], "corticosteroid_or_acute_stress"),
]  # fmt: skip


@pytest.mark.parametrize(("age", "findings", "causes"), SETTLED)
def test_it_settles(age: str, findings: list[str | tuple[str, float, str]], causes: str) -> None:
    assert established(age, *findings) == set(causes.split())


@pytest.mark.parametrize(("age", "findings"), [
    ("10 d", ["neutropenia", "antineutrophil antibodies", "normal bone marrow"]),  # the mother's
    ("30 a", ["neutropenia", "antineutrophil antibodies"]),
    ("2 a", ["neutropenia", "antineutrophil antibodies", "spontaneous recovery of neutrophils", "ELANE mutation"]),
    ("60 a", ["neutropenia for 8 years", "normal karyotype"]),
    ("60 a", ["pancytopenia", "GATA2 mutation"]), ("60 a", ["pancytopenia", "TERT mutation"]),
    ("60 a", ["neutropenia", "CXCR4 mutation"]), ("60 a", ["neutropenia", "giant granules in leukocytes"]),
    ("5 a", ["neutropenia", "low serum trypsinogen"]), ("10 d", ["neutropenia", "sensorineural deafness"]),
    ("38 a", ["Fy(a-b-)", ("ANC", 0.6, "10*9/L"), "stable ANC over 5 years", "-infection", "-thrombocytopenia"]),
    ("54 a", [("lymphocytes", 0.4, "10*9/L"), "Cushing syndrome"]),
])  # fmt: skip
def test_a_part_of_it_settles_nothing(age: str, findings: list[str | tuple[str, float, str]]) -> None:
    assert established(age, *findings) == set()


def test_a_cycle_decides_between_the_two_diseases_of_one_gene() -> None:
    told = ["ELANE mutation", "myeloid maturation arrest", "oscillation of ANC every 21 days"]
    assert established("3 a", ("ANC", 0.1, "10*9/L"), *told) == {"cyclic_neutropenia"}


def test_a_clone_of_large_granular_lymphocytes_is_no_idiopathic_neutropenia() -> None:
    told = ["neutropenia for 8 years", "normal bone marrow with normal cytogenetics", "-ANA", "normal B12 and folate"]
    clone = ["clonal T-cell receptor rearrangement", "large granular lymphocytes"]
    assert "chronic_idiopathic_neutropenia" not in established("58 a", *told, *clone)
