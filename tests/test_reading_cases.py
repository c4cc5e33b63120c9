"""Names as authors of case reports write them: with how, where, in how much and by what it was shown."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref.knowledge.loader import load_knowledge

BASE = load_knowledge()
# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `-` silent.
MEANINGS = [
    ("monocytes peaking as neutrophils fall", "~monocytes_cycle_opposite_to_neutrophils"),
    ("vacuolated neutrophils with long chromatin filaments between lobes",
     "~vacuolated_neutrophils ~long_intersegmental_filaments"),
    ("nucleated red cells and myelocytes in blood",
     "~leukoerythroblastic_film ~nucleated_red_cells ~immature_granulocytes_on_smear"),
    ("B cells and natural killer cells nearly absent on flow cytometry", "~absent_b_cells ~low_nk_cells"),
    ("serum immunoglobulins all markedly reduced",
     "~hypogammaglobulinemia ~decreased_igg ~decreased_iga ~decreased_igm"),
    ("rechallenge with the drug caused neutropenia again", "~recurrence_on_rechallenge"),
    ("rechallenge with rituximab without neutropenia", "-"),
    ("flares each time prednisone was reduced below 20 mg", "~corticosteroid_use"),
    ("transfusion-dependent macrocytic anemia", "~macrocytic_anemia ~transfusion_dependent_anemia"),
    ("no transfusion-dependent anemia", "!transfusion_dependent_anemia"),
    ("oral ulcers every three weeks", "~oral_ulcers ~illness_every_three_weeks"),
    ("lost 20 kg in two months", "~weight_loss"), ("mercaptopurine overdose", "~drug_overdose ~thiopurine_use"),
    ("exposure to bat guano in a cave", "~bird_or_bat_soil"),
    ("markedly decreased hemopoietic tissue on bone marrow biopsy", "~hypocellular_marrow"),
    ("lymphoblasts in hypoplastic bone marrow", "~increased_marrow_blasts ~hypocellular_marrow"),
    ("marrow aspirate packed with myeloperoxidase-negative blasts (92%)",
     "~blasts_at_least_20_percent ~increased_marrow_blasts"),
    ("nonspecific reactive changes in bone marrow aspirate", "-"), ("unrevealing bone marrow aspirate", "-"),
    ("dysplastic erythroblasts in blood", "~nucleated_red_cells"),
    ("blasts accounting for 80% of leukocytes", "~blasts_on_smear"),
    ("lymphocytes accounting for 60% of leukocytes", "-"), ("ultrasound: splenomegaly 16 cm", "~splenomegaly"),
    ("blood film: no blasts", "!blasts_on_smear"),
    ("elevated AST and ALT with low albumin", "~elevated_ast ~hypoalbuminemia ~elevated_alt"),
    ("undetectable ceruloplasmin (3 mg/dL)", "~decreased_ceruloplasmin"),
    ("translocation of chromosomes 15 and 17 on FISH", "t_15_17"), ("tafazzin gene defect", "~taz_variant"),
    ("deleterious NUDT15 allele", "~nudt15_variant"), ("granulocytes with PNH phenotype", "~pnh_clone"),
    ("serologically proven parvovirus B-19 infection", "~parvovirus_b19_infection"),
    ("early HIV-1 seroconversion", "~acute_hiv_infection"),
    ("high initial titers in the Widal test", "~widal_positive"), ("doubling of Widal titers in convalescence", "-"),
    ("equivocal EBV VCA IgG", "-"), ("two sterile blood cultures", "!blood_culture_positive"),
    ("normal serum chemical analysis", "!abnormal_metabolic_panel"),
    ("Fanconi anemia excluded by negative DEB test", "!fanconi_anemia_dx"),
    ("red cells typed Fy(a+b-)", "!duffy_null"), ("polyclonal T cells by PCR", "!tcr_clonality"),
    ("normal number of CD19-positive B cells", "!b_lymphocytopenia"), ("afebrile well newborn", "!fever"),
    ("hepatosplenomegaly thought to be due to portal hypertension", "~hepatosplenomegaly"),
    ("pancytopenia ascribed to hypersplenism", "~pancytopenia ~hypersplenism"), ("azathioprine discontinued", "-"),
    ("undulant fever", "~fever"), ("foul-smelling stools", "-"), ("dilated left ventricle", "-"),
    ("recurrent otitis media before one year of age", "~recurrent_otitis_media"),
    ("adenosine deaminase raised in ascitic fluid", "elevated_adenosine_deaminase"),
    ("raised in Mexico", "residence_tropical_latin_america"), ("culture-proven brucellosis", "brucellosis_dx"),
    ("PCR-confirmed malaria", "malaria"), ("malaria confirmed on blood film", "malaria_parasites"),
    ("neutropenia while receiving valganciclovir",
     "~neutropenia ~valganciclovir_use ~immunosuppressant_or_thiopurine_or_mtx"),
    ("fever three weeks after rituximab", "~fever"), ("fever for 3 weeks", "~fever_over_3_weeks"),
    ("leukoplakia, nail dystrophy and reticulate pigmentation",
     "~oral_leukoplakia ~nail_dystrophy ~reticulated_skin_pigmentation"),
    ("oral, nasal and genital ulcers", "~oral_ulcers ~nasal_ulcer ~genital_ulcers"),
    ("virtual absence of granulocytic precursors", "granulocytic_hypoplasia"),
    ("clozapine rechallenge tolerated", "-"), ("elevated lactate to pyruvate ratio", "-"),
    ("neutropenia related to sulfasalazine", "~neutropenia"), ("LDH twice normal", "elevated_ldh"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_name_of_a_case_report_says_what_its_author_means(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected
