"""The shorthand of notes: signs for a result, lists of denials, abbreviations of history and examination."""

from __future__ import annotations

import pytest
from readings import meaning_in

import leukoref

BASE = leukoref.load_knowledge()

MEANINGS = [
    # A result as a sign: overlooked, it would turn into what it denies
    ("HIV (-)", "!hiv_infection"), ("HIV (\N{MINUS SIGN})", "!hiv_infection"), ("HIV -ve", "!hiv_infection"),
    ("-ve HIV", "!hiv_infection"), ("HIV neg", "!hiv_infection"), ("fever (-)", "!fever"), ("fever -", "!fever"),
    ("fever: no", "!fever"), ("splenomegaly: none", "!splenomegaly"), ("Ø splenomegaly", "!splenomegaly"),
    ("HIV (+)", "hiv_infection"), ("Coombs +ve", "coombs_positive"), ("pos ANA", "ana_positive"),
    ("rash: present", "rash"), ("rash +", "~rash"), ("Fy(a-b-)", "duffy_null"), ("CD34-", "!cd34_blasts"),
    ("?sepsis", "-"), ("leukemia?", "-"), ("susp. leukemia", "-"), ("rash (none)", "!rash"), ("rash - no", "!rash"),
    ("pain 0/10", "!pain"), ("fever w/o rash", "~fever !rash"), ("cough w/ sputum", "productive_cough"),
    ("fever x 3 days", "~fever"),
    # Several denials in one name
    ("no fever, no cough", "!fever !cough"), ("no fever; no rash", "!fever !rash"),
    ("no fever, no cough and no rash", "!fever !cough !rash"), ("denies fever, denies cough", "!fever !cough"),
    ("no fever, no xyzzy", "?"), ("fever, no cough", "~fever !cough"), ("no N/V", "!nausea !vomiting"),
    ("pt denies fever", "~afebrile !fever"), ("nil splenomegaly", "!splenomegaly"),
    # Places, woods, grades, bleeding
    ("stationed in Ghana", "travel_sub_saharan_africa"), ("origin from Liberia", "residence_sub_saharan_africa"),
    ("lives in a village in Nepal", "residence_south_asia"), ("recently moved from India", "residence_south_asia"),
    ("Indian origin", "-"), ("African ancestry", "-"), ("frequent visits to wooded areas", "wooded_area_exposure"),
    ("grade IV neutropenia", "severe_neutropenia"), ("CTCAE grade 3 neutropenia", "moderate_neutropenia"),
    ("ruptured oesophageal varices", "~gastrointestinal_bleeding ~esophageal_varices"),
    ("no bleeding esophageal varices", "-"), ("subhyaloid hemorrhage", "retinal_hemorrhage"),
    ("term newborn", "~newborn ~term_birth"), ("neonate", "newborn"), ("cobalt-60 exposure", "ionizing_radiation"),
    # History, examination, tests
    ("h/o SLE", "known_lupus"), ("PMH: lupus", "known_lupus"), ("hx of recurrent infections", "recurrent_infections"),
    ("no h/o travel", "!recent_travel"), ("FHx leukemia", "family_history_leukemia"), ("c/o fatigue", "fatigue"),
    ("N/V/D", "~vomiting ~nausea ~diarrhea"), ("wt loss", "weight_loss"), ("r/o sepsis", "?"),
    ("cervical LAD", "cervical_lymphadenopathy"), ("no LAD", "!lymphadenopathy"), ("LAD", "?"),
    ("low BP", "hypotension"), ("TST negative", "!positive_tuberculin_test"), ("PNH flow negative", "!pnh_clone"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "means"), MEANINGS)
def test_shorthand_of_notes_is_read_as_it_is_meant(phrase: str, means: str) -> None:
    assert meaning_in(phrase, BASE) == means
