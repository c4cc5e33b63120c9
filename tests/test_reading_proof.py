"""What settles a marrow disease, a deficiency, a drug or a ray as the cause, in the words of reports."""

from __future__ import annotations

import pytest
from readings import meaning_in

import leukoref

BASE = leukoref.load_knowledge()

MEANINGS = [
    ("macrophages engulfing erythrocytes and neutrophils on bone marrow smear", "~hemophagocytosis"),
    ("histiocytes with ingested erythrocytes", "~hemophagocytosis"),
    ("phagocytosis of red cells and platelets by histiocytes in the marrow", "~hemophagocytosis"),
    ("hemophagocytic macrophages in bone marrow aspirate", "marrow_hemophagocytosis"),
    ("HIV-negative partner", "-"), ("HIV-positive partner", "high_risk_hiv_exposure"), ("PET-CT negative", "-"),
    ("negative pregnancy test", "!pregnancy"), ("no pets", "!dog_exposure !cat_exposure"),
    ("PNH confirmed by flow cytometry", "pnh_clone"), ("malaria confirmed by PCR", "plasmodium_pcr"),
    ("brucellosis proven by PCR", "~brucellosis_dx"), ("malaria not confirmed by PCR", "?"),
    ("suspected tuberculosis confirmed by culture", "-"),
    ("macrophages containing amastigotes in bone marrow", "~leishmania_in_marrow"),
    ("monotypic expression of TRBC1 on CD8 T cells", "~clonal_t_cell_population"),
    ("predominance of CD3+/CD8+/CD57+ lymphocytes by flow cytometry", "~cd8_cd16_t_cells"),
    ("clonal CD3+CD8+CD57+ T cells", "~clonal_t_cell_population ~cd8_cd16_t_cells"),
    ("restricted V-beta 13.1 expression", "~clonal_t_cell_population"),
    ("interstitial and intrasinusoidal infiltrate of CD8+ TIA-1+ granzyme B+ lymphocytes in trephine biopsy",
     "~lgl_infiltration"),
    ("bilateral marrow aspirates with clumps of small round blue cells forming rosettes", "~metastasis_in_marrow"),
    ("clumps of tumor cells in marrow aspirate", "~metastasis_in_marrow"),
    ("GATA3 positive tumour cells in marrow", "~metastasis_in_marrow"),
    ("cytokeratin-negative cells in bone marrow", "!marrow_carcinoma"),
    ("no tumor cells in marrow", "!marrow_infiltration_finding"),
    ("lymphoma cells in bone marrow aspirate", "marrow_lymphoma"),
    ("trilineage dysplasia in bone marrow aspirate",
     "~erythroid_dysplasia ~granulocytic_dysplasia ~megakaryocyte_dysplasia"),
    ("no trilineage dysplasia in bone marrow aspirate", "-"),
    ("micromegakaryocytes and pseudo-Pelger cells on marrow smear", "~megakaryocyte_dysplasia ~granulocytic_dysplasia"),
    ("RUNX1 and ASXL1 variants on next-generation sequencing", "~asxl1_mutation ~runx1_mutation"),
    ("STAT3 p.Asp661Val", "-"),
    ("mutated SF3B1 (VAF 35%)", "~sf3b1_mutation"),
    ("wild-type SF3B1", "-"), ("SF3B1 wild-type", "!sf3b1_mutation"),
    ("SF3B1 variant of uncertain significance", "-"),
    ("i(17q)", "~mds_genetic_abnormality"),
    ("loss of CD59 on erythrocytes and CD24/CD66b on granulocytes", "~pnh_clone"),
    ("normal expression of CD55 and CD59 on granulocytes", "-"),
    ("no loss of CD55 and CD59 on granulocytes", "!pnh_clone"),
    ("haemosiderinuria", "~hemolysis"),
    ("Coombs-negative hemolytic anemia", "~hemolysis !coombs_positive"),
    ("gelatinous transformation of bone marrow on biopsy", "~gelatinous_transformation"),
    ("Alcian blue-positive gelatinous substance in marrow", "~gelatinous_transformation"),
    ("no gelatinous transformation of bone marrow", "!gelatinous_transformation"),
    ("Sanger sequencing of UBA1 exon 3 showing p.Met41Val", "~uba1_mutation"),
    ("leukocyte count normalized with weight gain", "~weight_gain ~recovery_with_nutrition"),
    ("ANC rose from 300 to 2400 with copper", "~recovery_with_copper"),
    ("recovery of counts after leucovorin", "~recovery_with_folate"),
    ("normal vitamin B12", "!decreased_vitamin_b12"),
    ("cytopenias improved after splenectomy", "~response_to_splenectomy"),
    ("neutrophils recovered after mycophenolate was withheld and valganciclovir reduced",
     "~recovery_after_drug_withdrawal ~mycophenolate_use ~valganciclovir_use"),
    ("neutrophil count rose after reducing mycophenolate dose", "~recovery_after_drug_withdrawal ~mycophenolate_use"),
    ("agranulocytosis recurred after rechallenge", "~recurrence_on_rechallenge"),
    ("resolution without treatment in 17 days", "~spontaneous_count_recovery"),
    ("spontaneous recovery of neutrophils within 2 weeks",
     "~counts_normal_again_within_weeks ~neutrophil_recovery ~spontaneous_count_recovery"),
    ("no spontaneous recovery", "-"),
    ("neutropenia 4 months after the last rituximab dose", "~late_after_anti_cd20 ~neutropenia"),
    ("neutrophil nadir on day 8 of the TAC cycle", "~nadir_after_chemotherapy"),
    ("nadir in the fourth week of craniospinal radiotherapy", "-"),
    ("neutrophil recovery above 500 /uL on day 27", "~neutrophil_recovery"),
    ("neutrophils recovered with pegfilgrastim", "~response_to_gcsf ~gcsf_treatment"),
    ("day 14 marrow aplastic without residual blasts", "~hypocellular_marrow !increased_marrow_blasts"),
    ("no chemotherapy given", "!chemotherapy"),
    ("radiotherapy alone", "~radiotherapy !chemotherapy"),
    ("no lymphoma infiltration in marrow", "!marrow_lymphoma"),
    ("counts normalised after two weeks without alcohol",
     "~recovery_with_abstinence ~recovery_after_alcohol_withdrawal"),
    ("remission with cessation of cocaine", "~recovery_after_cocaine_withdrawal ~cocaine_use"),
    ("ANCA against human neutrophil elastase", "~anti_neutrophil_elastase_positivity"),
    ("PR3-ANCA and MPO-ANCA both positive", "~anca_positivity"),
    ("p-ANCA strongly positive", "panca_positivity"),
    ("urine heavy metal screen positive for arsenic", "~positive_urine_arsenic"),
    ("arsenic found in the ayurvedic tablets", "~arsenic_exposure"),
    ("methotrexate 10 mg daily for 8 days in error", "~methotrexate_dosing_error ~methotrexate_use"),
    ("total body irradiation", "~radiotherapy ~radiation_of_active_marrow"),
    ("absent granulocyte precursors with preserved erythropoiesis and megakaryocytes in marrow",
     "~granulocytic_hypoplasia"),
    ("no circulating CD19+ B cells", "~absent_b_cells"),
    ("MYCN amplification", "~known_malignancy"),
    ("epilation", "~alopecia"),
    ("grade 3 reticulin fibrosis on trephine biopsy", "~myelofibrosis"),
    ("single V-beta family expansion", "~clonal_t_cell_population"),
    ("family history of V-beta expansion", "-"),
    ("recurrence of neutropenia after second rituximab course", "~recurrence_on_rechallenge ~recurrence_on_rituximab"),
    ("recurrence of lymphoma after second rituximab course", "-"),
    ("rapid response to parenteral vitamin B12", "~recovery_with_b12"),
    ("intrasinusoidal CD20+ large cells in marrow", "~marrow_lymphoma"),
    ("history of lymphoma with bone marrow biopsy", "-"),
    ("no improvement of counts with folic acid", "~folic_acid_supplementation"),
    ("cytopenias not improved after splenectomy", "?"),
    ("neutrophil recovery after chemotherapy", "~recovery_in_cycle ~neutrophil_recovery ~chemotherapy"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_result_is_read_as_its_report_means_it(phrase: str, expected: str) -> None:
    assert meaning_in(phrase, BASE) == expected


COUNTS = [{"finding": "wbc", "value": 1.8, "unit": "10*9/L"}, {"finding": "anc", "value": 0.4, "unit": "10*9/L"}]
DOCETAXEL, RITUXIMAB, AZATHIOPRINE = (
    {"name": name, "days_before": days} for name, days in (("docetaxel", 8), ("rituximab", 120), ("azathioprine", 60))
)
LOW_COPPER = ["low serum copper", "low ceruloplasmin", "anemia"]
LOW_FOLATE = ["low serum folate", "megaloblastic marrow"]
LATE = ["neutropenia 3 months after rituximab", "spontaneous recovery after 2 weeks"]


def established(names: list[str], *drugs: dict[str, object], **values: tuple[float, str]) -> list[str]:
    """The causes that are settled by findings under confirmation, in an adult with low counts."""
    said = [{"finding": name, "present": True, "stage": "confirmation"} for name in names]
    measured = [{"finding": name, "value": value, "unit": unit} for name, (value, unit) in values.items()]
    patient = {"age": "50 a", "observations": [*COUNTS, *said, *measured], "medications": list(drugs)}
    return [c.cause for c in leukoref.assess(patient).candidates if c.band == "established"]


@pytest.mark.parametrize(
    ("names", "drugs", "values", "causes"),
    [
        (["nadir on day 10 of chemotherapy", "neutrophil recovery on day 21"], [DOCETAXEL], {}, ["chemotherapy"]),
        (["neutrophil recovery on day 21"], [DOCETAXEL], {}, []),  # from what, is not said
        (["counts recovered before the next cycle"], [DOCETAXEL], {}, ["chemotherapy"]),
        (["clonal CD3+CD8+CD57+ T-cell population"], [], {}, ["lgl_leukemia"]),
        (["clonal T-cell population"], [], {}, []),  # whose cells, is not said
        (["undetectable serum vitamin B12", "hypersegmented neutrophils"], [], {}, ["vitamin_b12_deficiency"]),
        (["cocaine use", "recovery with abstinence from cocaine", "other causes excluded"], [], {},
         ["levamisole_cocaine"]),
        (["cocaine use", "recovery with abstinence from cocaine"], [], {}, []),
        ([*LOW_COPPER, "Roux-en-Y gastric bypass"], [], {}, ["copper_deficiency"]),
        ([*LOW_COPPER, "cirrhosis", "splenomegaly"], [], {}, []),  # as in Wilson disease
        ([*LOW_FOLATE, "vitamin B12 normal"], [], {}, ["folate_deficiency"]),
        ([*LOW_FOLATE, "low vitamin B12"], [], {}, []),
        ([*LATE, "no lymphoma in bone marrow"], [RITUXIMAB], {}, ["late_onset_neutropenia_rituximab"]),
        ([*LATE, "lymphoma in bone marrow"], [RITUXIMAB], {}, ["marrow_infiltration"]),
        (["CMV PCR negative", "counts recovered after azathioprine was stopped"], [AZATHIOPRINE], {},
         ["immunosuppressant_myelosuppression"]),
        (["CMV PCR positive", "counts recovered after azathioprine was stopped"], [AZATHIOPRINE], {}, []),
        (["splenomegaly", "cirrhosis", "counts improved after splenic embolization"], [], {}, ["hypersplenism"]),
        (["splenomegaly", "rheumatoid arthritis", "neutrophils recovered after splenectomy"], [], {}, []),
        (["SF3B1 K700E mutation", "trilineage dysplasia"], [], {"marrow blasts": (3, "%")},
         ["myelodysplastic_syndrome"]),
        (["SF3B1 K700E mutation", "trilineage dysplasia"], [], {}, []),  # leukemia has not been ruled out
        ([], [], {"24-hour urine arsenic": (1500, "ug/d")}, ["colchicine_or_arsenic_toxicity"]),
        ([], [], {"24-hour urine arsenic": (150, "ug/d")}, []),  # a meal of seafood
        (["handled an iridium-192 source"], [], {"dicentric assay dose estimate": (3.4, "Gy")}, ["radiation_therapy"]),
        (["no chemotherapy given", "counts recovered after the end of radiotherapy"], [],
         {"craniospinal irradiation": (36, "Gy")}, ["radiation_therapy"]),
        (["fever", "systemic juvenile idiopathic arthritis"], [],
         {"ferritin": (8000, "ng/mL"), "platelets": (90, "10*9/L"), "AST": (300, "U/L")},
         ["hemophagocytic_lymphohistiocytosis"]),
        (["fever", "adult-onset Still disease"], [],
         {"ferritin": (8000, "ng/mL"), "platelets": (90, "10*9/L"), "AST": (300, "U/L")}, []),
    ],
)  # fmt: skip
def test_what_settles_a_cause_and_what_does_not(
    names: list[str], drugs: list[dict[str, object]], values: dict[str, tuple[float, str]], causes: list[str]
) -> None:
    assert established(names, *drugs, **values) == causes
