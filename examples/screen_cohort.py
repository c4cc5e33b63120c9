"""Screen a small table of patients and look at one of them: `python examples/screen_cohort.py`."""

from __future__ import annotations

import polars as pl

import leukoref

cohort = pl.DataFrame(
    {
        "patient": ["p1", "p2", "p3", "p4"],
        "age": [62, 34, 45, 50],
        "sex": ["female", "female", "male", "male"],
        "WBC": [400.0, 1100.0, 6800.0, 2_000_000.0],
        "ANC": [100.0, 50.0, 4000.0, 900.0],
        "fever": [True, None, False, None],
        "chemotherapy_within_6_weeks": [True, False, False, None],
    }
)
units = {"WBC": "/uL", "ANC": "/uL"}

answers = leukoref.screen(cohort, columns=units)
print(answers.select("patient", "status", "severity", "cause_1", "band_1"))
for patient, red_flags, rejected in answers.select("patient", "red_flags", "rejected").iter_rows():
    print(patient, "red flags:", ", ".join(red_flags) or "none", "| refused:", ", ".join(rejected) or "nothing")
print(leukoref.explain(cohort, "p1", columns=units).to_text(top=1))
