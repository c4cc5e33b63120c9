"""Names that once stood for a finding that is wider, narrower or another: what they mean now."""

from __future__ import annotations

import pytest
from readings import meaning_in

from leukoref import Patient
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge

# Phrase and what it says: `id` the finding itself, `~id` implied when present, `!id` absent when present, `/id` absent
# when absent, `-` understood and silent.
MEANINGS = [
    # Marrow: many promyelocytes are no leukaemia, metastases no carcinoma, lymphoblasts not all of the B line
    ("increased promyelocytes in bone marrow", "~left_shifted_granulopoiesis"),
    ("bone marrow replaced by lymphoblasts", "marrow_replaced_by_blasts"),
    ("bone marrow metastases", "metastasis_in_marrow"), ("no bone marrow metastases", "!metastasis_in_marrow"),
    ("melanoma in bone marrow", "~melanoma ~metastasis_in_marrow"), ("carcinoma in bone marrow", "marrow_carcinoma"),
    ("Hodgkin lymphoma in bone marrow", "~hodgkin_lymphoma ~marrow_lymphoma"),
    ("bone marrow infiltrated by plasma cells", "~increased_plasma_cells"),
    ("bone marrow lymphocytosis", "-"), ("dysplasia", "-"),
    ("dysplasia on bone marrow examination", "marrow_dysplasia"),
    ("Leishmania amastigotes", "~leishmania_in_tissue"), ("leukemia cutis", "~hematological_neoplasm ~skin_lesions"),
    # One organism, test or antibody is not another
    ("Mycobacterium tuberculosis in culture", "tuberculosis_culture_or_pcr"),
    ("Salmonella in bone marrow culture", "~positive_marrow_culture"),
    ("yeasts within macrophages in bone marrow", "yeast_in_marrow"),
    ("maternal neutrophil autoantibodies", "~maternal_autoantibody ~maternal_autoimmune_neutropenia"),
    ("anti-Ro52 antibodies", "~autoimmune_antibody_positivity"), ("LA positive", "-"),
    ("neutrophil-bound IgM", "~antineutrophil_antibody_positivity"),
    # Nerves
    ("focal neurological deficit",
     "~nervous_system_abnormality /hemiparesis /aphasia /dysarthria /cranial_nerve_palsy"),
    ("neuropathy", "peripheral_neuropathy"),
    ("sensory ataxia", "~ataxia"), ("transverse myelitis", "~myelopathy"),
    ("paraparesis", "~muscle_weakness ~neuropathy_ataxia_myelopathy"),
    ("papilledema", "~increased_intracranial_pressure"),
    # Two in one, and one of a kind
    ("vomiting and diarrhea", "~vomiting ~diarrhea"), ("nausea and vomiting", "~vomiting ~nausea"),
    ("low C3 and C4", "~low_c3 ~low_c4"), ("proteinuria and hematuria", "~proteinuria ~hematuria"),
    ("severe malaria", "~malaria"), ("monoarthritis", "~arthritis"), ("bacterial meningitis", "~meningitis"),
    ("tetralogy of Fallot", "~conotruncal_defect ~congenital_heart_defect"),
    ("recurrent sinopulmonary infections", "recurrent_respiratory_infections"),
    ("infectious mononucleosis", "~mononucleosis_like_illness ~ebv_infection"),
    # Wider than the finding
    ("drug rash", "~rash"), ("insect bites", "-"), ("respiratory symptoms", "-"), ("frequent urination", "-"),
    ("community-acquired pneumonia", "~pneumonia"), ("mottled skin", "~poor_peripheral_perfusion"),
    ("recovery with abstinence", "-"), ("recovery after discontinuation", "-"), ("indwelling catheter", "-"),
]  # fmt: skip
# What is said not to be there, and what stays open.
OPEN = [
    ("focal neurological deficit", {"confusion", "meningitis", "peripheral_neuropathy"}),
    ("red cell casts", {"proteinuria", "hematuria"}), ("cardiac tamponade", {"pericardial_effusion"}),
    ("neuropathy", {"ataxia", "myelopathy"}), ("severe malaria", {"malaria"}),
    ("variceal bleeding", {"esophageal_varices"}),
    ("bone marrow metastases", {"marrow_lymphoma", "malignancy_in_marrow"}),
    ("mucosal bleeds", {"bruising", "hematoma"}),
    ("Hodgkin lymphoma in bone marrow", {"marrow_lymphoma"}), ("toxic appearance", {"ill_appearance"}),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), MEANINGS)
def test_a_name_stands_for_what_it_says(phrase: str, expected: str, base: Knowledge) -> None:
    assert set(meaning_in(phrase, base).split()) == set(expected.split())


@pytest.mark.parametrize(("phrase", "left_open"), OPEN)
def test_a_narrower_name_denies_nothing_wider(phrase: str, left_open: set[str], base: Knowledge) -> None:
    patient = Patient.parse({"observations": [{"finding": phrase, "present": False}]})
    denied = {name for name, state in resolve(patient, base).presence.items() if state is False}
    assert not denied & left_open
    assert left_open <= set(base.finding)
