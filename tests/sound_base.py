"""A small base without a fault, as YAML literals, for tests that then break one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leukoref.knowledge.checks.weights import PARAMETERS
from leukoref.knowledge.linter import lint
from leukoref.knowledge.loader import Complaint

FINDINGS = """\
findings:
  - {id: splenomegaly, name: splenomegaly, synonyms: [enlarged spleen], kind: presence, test: examination, core: true}
  - {id: massive_splenomegaly, name: massive splenomegaly, kind: presence, test: examination, is_a: [splenomegaly]}
  - {id: neutropenia, name: neutropenia, kind: presence, test: full_blood_count}
  - id: low_white_cell_count
    name: low white cell count
    kind: presence
    test: full_blood_count
  - id: anc
    name: absolute neutrophil count
    synonyms: [ANC]
    kind: quantity
    unit: 10*9/L
    plausible: {low: 0, high: 300}
    reference: [{low: 1.5, high: 7.5, source: smith-2020, seen: abstract}]
    test: full_blood_count
scales:
  - id: anc
    name: absolute neutrophil count
    bins: ["<0.5", "0.5-1.5", ">=1.5"]
    inputs: [{finding: anc, cuts: [0.5, 1.5], unit: 10*9/L, spread: 0.4}]
    words: [{finding: neutropenia, present: ["<0.5", "0.5-1.5"], absent: [">=1.5"]}]
"""
DERIVED = """\
derived:
  - {finding: neutropenia, when: {finding: anc, below: reference}, reason: below the interval}
  - {finding: low_white_cell_count, when: {finding: neutropenia}, reason: mostly neutrophils, complete: false}
"""
CAUSE = """\
id: hypersplenism
name: Hypersplenism
mechanisms: [spleen]
diagnosis: [massive_splenomegaly]
statements:
  - {id: splenomegaly, finding: splenomegaly, frequency: {n: 40, of: 41}, source: smith-2020, seen: abstract, reason: r}
  - id: anc_low
    finding: anc
    bins: ["<0.5"]
    frequency: {n: 1, of: 41}
    source: smith-2020
    seen: abstract
    reason: hardly ever severe
  - {id: a, finding: massive_splenomegaly, frequency: {n: 2, of: 9}, source: smith-2020, seen: abstract, reason: r}
  - {id: b, finding: massive_splenomegaly, qualitative: supports, source: jones-2021, seen: excerpt, reason: r}
  - {id: c, finding: neutropenia, qualitative: supports, source: jones-2021, seen: excerpt, reason: r}
  - id: no_spleen
    criterion: excludes
    when: {finding: splenomegaly, state: absent}
    source: jones-2021
    seen: excerpt
    reason: no large spleen, no hypersplenism
estimates:
  - group: counts
    reasoning: mild as a rule
    cells: {anc: [0.05, 0.55, 0.4]}
mimics: [hypersplenism]
examples:
  - name: typical
    synthetic: true
    patient:
      age: 60 a
      observations: [{finding: ANC, value: 1.1, unit: 10*9/L}, {finding: enlarged spleen, present: true}]
    expect: {within: 3}
  - name: near miss
    synthetic: true
    patient: {observations: [{finding: ANC, value: 0.1, unit: 10*9/L}]}
    expect: {above: hypersplenism}
provenance: {author_role: software engineer, date: 2026-11-22, review_status: not reviewed by a clinician}
"""
DRUGS = """\
drugs:
  - id: methimazole
    name: methimazole
    synonyms: [Tapazole]
    mechanism: immune
    mechanism_source: smith-2020
    latency: {from_days: 14, to_days: 90, source: smith-2020, seen: abstract}
    level: definite
    evidence: [{text: t, source: smith-2020, seen: abstract}]
"""
RED_FLAG = """\
id: severe_neutropenia
name: Severe neutropenia
when: {finding: anc, below: 0.5, unit: 10*9/L}
threshold: neutrophils under 0.5
action: look for infection today
sources: [{key: smith-2020, seen: abstract}]
"""
PRIORS = """\
age_bands: [{band: all ages, table: setting}]
smoothing: {pseudocount: 0.5, reasoning: r}
floor: {weight: 0.0005, reasoning: r}
tiers: {common: {weight: 0.1, reasoning: r}, rare: {weight: 0.005, reasoning: r}}
settings:
  unspecified: {name: not stated, causes: {hypersplenism: {tier: rare}}}
"""
SOURCES = """\
references:
  - id: smith-2020
    type: article-journal
    title: Spleens
    DOI: 10.1000/spleens
    custom: {study_type: cohort, seen: abstract, aliases: [smith-20]}
  - {id: jones-2021, type: book, title: Counts, ISBN: "9780000000000", custom: {study_type: textbook, seen: excerpt}}
"""
TESTS = """\
tests:
  - {id: examination, name: physical examination, burden: 0}
  - {id: full_blood_count, name: full blood count, burden: 1}
"""
WEIGHING = "".join(f"{name}: {{value: 1, reason: r}}\n" for name in PARAMETERS if not name.endswith(
    ("_findings", "_finding", "_grades", "_causes", "_tolerance", "_related", "unforgettable"))) + (
    "differential_tolerance: {value: {sum: 0.03, count: 0.2, least: 0.1}, reason: r}\n"
    "needed_findings: {value: [anc], reason: r}\nseverity_grades: {value: [neutropenia], reason: r}\n"
    "chronic_finding: {value: neutropenia, reason: r}\nculprit_finding: {value: neutropenia, reason: r}\n"
    "always_related: {value: [], reason: r}\nunforgettable: {value: [], reason: r}\n"
    "exposure_causes: {value: {hypersplenism: [neutropenia]}, reason: r}\n"
)  # fmt: skip

SOUND = {
    "findings/counts.yaml": FINDINGS,
    "derived/counts.yaml": DERIVED,
    "causes/spleen/hypersplenism.yaml": CAUSE,
    "drugs/antithyroid.yaml": DRUGS,
    "red_flags/severe_neutropenia.yaml": RED_FLAG,
    "priors.yaml": PRIORS,
    "sources.yaml": SOURCES,
    "tests.yaml": TESTS,
    "weighing.yaml": WEIGHING,
    "disclaimers.yaml": "disclaimers: [{id: advice, text: a clinician decides}]\n",
    "units.yaml": 'aliases: {"10*9/L": [G/L]}\n',
    "base.yaml": 'version: "1"\nreviewed: nobody\nmechanisms: {spleen: Spleen}\n',
}
CAUSE_FILE = "causes/spleen/hypersplenism.yaml"


def write(folder: Path, files: dict[str, str]) -> Path:
    """The files of a base in a folder; a file given as an empty text is left out."""
    for name, text in files.items():
        if text:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def lint_with(tmp_path: Path) -> Callable[[dict[str, str]], list[Complaint]]:
    """A function that lints the sound base after replacing some of its files; use it as a fixture."""

    def run(changed: dict[str, str] | None = None) -> list[Complaint]:
        return lint([write(tmp_path, {**SOUND, **(changed or {})})])

    return run


def only(complaints: list[Complaint], check: str) -> Complaint:
    """The one complaint of that check; anything else as well is a failure."""
    assert [c.check for c in complaints] == [check], [str(c) for c in complaints]
    return complaints[0]


def replaced(text: str, old: str, new: str) -> str:
    """The text with a part of it changed; the part must be there."""
    assert old in text
    return text.replace(old, new)


def line_of(text: str, part: str) -> int:
    """The number of the first line that holds a part."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)
