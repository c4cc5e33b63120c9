"""Assess one patient from a script, as it would run beside a record system.

    python examples/assess_script.py

What cannot wait is printed first, then the candidates with the evidence that moved them most.
"""

from __future__ import annotations

import leukoref

PATIENT = leukoref.Patient(
    age="34 a",
    sex="female",
    setting="outpatient",
    observations=[
        {"finding": "WBC", "value": 1.1, "unit": "K/uL"},
        {"finding": "ANC", "value": 50, "unit": "cells/uL"},
        {"finding": "hemoglobin", "value": 12.8, "unit": "g/dL"},
        {"finding": "platelet count", "value": 240, "unit": "10^9/L"},
        {"finding": "sore throat", "present": True},
        {"finding": "fever", "present": True},
        {"finding": "splenomegaly", "present": False},
    ],
    medications=[{"name": "methimazole", "days_before": 40}],
)


def main() -> None:
    answer = leukoref.assess(PATIENT)
    for flag in answer.red_flags:
        print(f"RED FLAG {flag.name}: {flag.action}")
    for candidate in answer.candidates[:3]:
        print(f"\n{candidate.rank}. {candidate.name} ({candidate.band}, {candidate.weight:+.1f} decibans)")
        for entry in candidate.supports[:3]:
            origin = "estimate" if entry.basis == "estimate" else ", ".join(entry.sources)
            print(f"   {entry.weight:+5.1f}  {entry.statement}: {entry.figure} [{origin}]")
    print("\nNext:", "; ".join(test.name for test in answer.next_tests[:3]))
    for entry in answer.unrecognized:
        print("Not recognised:", entry)
    for notice in answer.disclaimers[:2]:
        print("\n" + notice.text)


if __name__ == "__main__":
    main()
