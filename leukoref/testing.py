"""For people who test their integration: hypothesis strategies for valid patients, and golden cases.

Needs ``hypothesis`` (not installed with leukoref). Strategies draw from the vocabulary of a knowledge
base, the packaged one by default, so that whatever they draw is input that `leukoref.assess` accepts::

    from hypothesis import given
    import leukoref
    from leukoref.testing import golden_cases, patients

    @given(patients())
    def test_my_export_survives_every_answer(patient):
        my_export(leukoref.assess(patient))

    @pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
    def test_my_mapping_keeps_what_cannot_wait(case):
        answer = leukoref.assess(my_round_trip(case.patient))
        assert answer.status == case.status
        assert case.red_flags <= {flag.id for flag in answer.red_flags}

Golden cases are synthetic. They state only what must hold whatever the figures of the base become:
the status, and the red flags that must be raised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from leukoref.assessment import Status
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.conditions import Condition, comparisons
from leukoref.knowledge.loader import load_knowledge
from leukoref.knowledge.vocabulary import Finding
from leukoref.patient import OLDEST_YEARS, Medication, Observation, Patient

AGE, WHITE_CELLS, NEUTROPHILS = "age", "wbc", "anc"
COMPARATORS = ("<", "<=", ">", ">=")
NORMAL = [("wbc", 6.8, "10*9/L"), ("anc", 4.0, "10*9/L"), ("alc", 2.1, "10*9/L"), ("amc", 0.5, "10*9/L")]
AGE_UNITS = {"a": OLDEST_YEARS, "mo": 36.0, "wk": 60.0, "d": 90.0}


# -- strategies -----------------------------------------------------------------------------------------------


def patients(
    base: Knowledge | None = None, *, most_observations: int = 15, most_medications: int = 3
) -> st.SearchStrategy[Patient]:
    """Valid patients: any part may be missing, findings present, absent or measured, at most one value each."""
    known = base or load_knowledge()
    return st.builds(
        Patient,
        age=st.none() | ages(),
        sex=st.none() | st.sampled_from(["female", "male", "unknown"]),
        setting=st.none() | st.sampled_from(sorted(known.priors.settings)),
        observations=_consistent(known, most_observations),
        medications=st.lists(medications(known), max_size=most_medications).map(tuple),
    )


def ages() -> st.SearchStrategy[str]:
    """Ages as a record writes them: '45 a', '6 mo', '3 wk', '2 d'."""
    return st.sampled_from(sorted(AGE_UNITS)).flatmap(
        lambda unit: st.integers(0, int(AGE_UNITS[unit])).map(lambda number: f"{number} {unit}")
    )


def observations(base: Knowledge | None = None, *, finding: str | None = None) -> st.SearchStrategy[Observation]:
    """One observation of ``finding`` (by id), or of any finding of the vocabulary."""
    known = base or load_knowledge()
    chosen = st.just(finding) if finding else st.sampled_from(_observable(known))
    return chosen.flatmap(lambda name: _observation(known, known.finding[name]))


def medications(base: Knowledge | None = None) -> st.SearchStrategy[Medication]:
    """A drug of the table by name or synonym, its start sometimes known, and its stop after that."""
    known = base or load_knowledge()
    names = st.sampled_from(sorted({name for drug in known.drugs for name in (drug.name, *drug.synonyms)}))
    days = st.none() | st.integers(-30, 400)
    return st.builds(_medication, names, days, st.none() | st.floats(0, 1))


def _medication(name: str, days_before: int | None, stopped: float | None) -> Medication:
    """``stopped`` is the part of the time since the start at which the drug was stopped."""
    end = None if days_before is None or days_before < 0 or stopped is None else round(days_before * stopped)
    return Medication(name=name, days_before=days_before, stopped_days_before=end)


@st.composite
def _consistent(draw: st.DrawFn, base: Knowledge, most: int) -> tuple[Observation, ...]:
    """Observations that one patient can have together: no finding twice, shares within 100 %, ANC within WBC."""
    names = draw(st.lists(st.sampled_from(_observable(base)), max_size=most, unique=True))
    if draw(st.booleans()):
        names = [*names, *(name for name in (WHITE_CELLS, NEUTROPHILS) if name not in names and name in base.finding)]
    shares = _shares(base)
    found = [draw(_observation(base, base.finding[name])) for name in names if name not in shares]
    counts = {entry.finding: entry for entry in found if entry.finding in (WHITE_CELLS, NEUTROPHILS)}
    if len(counts) == 2:
        white, part = counts[WHITE_CELLS].value, draw(st.floats(0, 1))
        neutrophils = Observation(
            finding=NEUTROPHILS,
            value=_within(base, NEUTROPHILS, (white or 0.0) * part),
            unit=base.finding[NEUTROPHILS].unit,
        )
        white_cells = Observation(finding=WHITE_CELLS, value=white, unit=base.finding[WHITE_CELLS].unit)
        found = [entry for entry in found if entry.finding not in counts] + [white_cells, neutrophils]
    elif NEUTROPHILS not in counts:  # a share next to a stated ANC may contradict it, which is only warned of
        left = 100.0
        for name in sorted(shares & set(names)):
            value = draw(st.floats(0, left))
            left -= value
            found.append(Observation(finding=name, value=value, unit="%"))
    return tuple(draw(st.permutations(found)))


def _within(base: Knowledge, name: str, value: float) -> float:
    plausible = base.finding[name].plausible
    return min(value, plausible.high) if plausible else value


def _observation(base: Knowledge, finding: Finding) -> st.SearchStrategy[Observation]:
    if finding.kind == "presence":
        return st.booleans().map(lambda state: Observation(finding=finding.id, present=state))
    comparators = st.sampled_from((None, None, None, *COMPARATORS))
    return st.builds(
        lambda value, comparator: Observation(
            finding=finding.id, value=value, unit=finding.unit, comparator=comparator
        ),
        values(finding, base), comparators,
    )  # fmt: skip


def values(finding: Finding, base: Knowledge | None = None) -> st.SearchStrategy[float]:
    """Values of a quantity in its canonical unit: ordinary ones, the ends of the plausible range, and each
    threshold of the base with its neighbours on both sides."""
    if finding.plausible is None:
        raise ValueError(f"{finding.id} is no quantity")
    low, high = finding.plausible.low, finding.plausible.high
    limits = _thresholds(base or load_knowledge()).get(finding.id, ())
    edges = [value for limit in limits for value in (math.nextafter(limit, low), limit, math.nextafter(limit, high))]
    special = [value for value in (low, high, *edges) if low <= value <= high]
    most = 4 * max(limits, default=high)
    ordinary = st.floats(low, min(high, most) if most > 0 else high)
    return st.sampled_from(special) | ordinary


@lru_cache(maxsize=4)
def _observable_of(content_hash: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _observable(base: Knowledge) -> tuple[str, ...]:
    """Findings a record can state; age and sex have fields of their own."""
    own = {AGE, "female", "male"}
    return _observable_of(base.content_hash, tuple(entry.id for entry in base.findings if entry.id not in own))


def _shares(base: Knowledge) -> set[str]:
    """Percentages of the differential, which together cannot pass 100."""
    return {part for ways in base.differential.values() for way in ways for part in way}


_known_thresholds: dict[str, dict[str, tuple[float, ...]]] = {}


def _thresholds(base: Knowledge) -> dict[str, tuple[float, ...]]:
    """Quantity -> every limit in its canonical unit that a scale, a reference interval or a rule puts there."""
    if base.content_hash not in _known_thresholds:
        limits: dict[str, set[float]] = {entry.id: set() for entry in base.findings}
        for scale in base.scales:
            for entry in scale.inputs:
                if base.finding[entry.finding].unit == entry.unit:
                    limits[entry.finding].update(entry.cuts)
        for finding in base.findings:
            limits[finding.id].update(
                limit for interval in finding.reference for limit in (interval.low, interval.high) if limit is not None
            )
        for condition in _conditions(base):
            for part in comparisons(condition):
                given = (part.below, part.at_most, part.above, part.at_least)
                if part.unit == base.finding[part.finding].unit:
                    limits[part.finding].update(limit for limit in given if isinstance(limit, float))
        _known_thresholds[base.content_hash] = {name: tuple(sorted(found)) for name, found in limits.items()}
    return _known_thresholds[base.content_hash]


def _conditions(base: Knowledge) -> list[Condition]:
    criteria = [s.when for cause in base.causes for s in all_statements(cause) if s.when is not None]
    return [*(rule.when for rule in base.derived), *criteria, *(flag.when for flag in base.red_flags)]


# -- golden cases ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A synthetic patient and what every correct integration must see in the answer.

    ``red_flags`` must be among those raised (others may be); ``silent`` must not be raised.
    """

    name: str
    patient: Mapping[str, Any]
    status: Status
    red_flags: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()


def golden_cases() -> tuple[GoldenCase, ...]:
    """A handful of patients, as plain dicts, for whom status and red flags are beyond doubt."""
    return (
        GoldenCase(
            "fever with profound neutropenia after chemotherapy",
            _patient("62 a", "female", [("wbc", 0.4, "10*9/L"), ("anc", 0.1, "10*9/L"), ("temperature", 38.9, "Cel")],
                     present=["fever", "chemotherapy_within_6_weeks"]),
            "leukopenia", frozenset({"febrile_neutropenia", "profound_neutropenia"}),
        ),
        GoldenCase(
            "agranulocytosis six weeks after starting methimazole",
            {**_patient("34 a", "female", [("wbc", 1.1, "10*9/L"), ("anc", 0.05, "10*9/L")], absent=["fever"]),
             "medications": [{"name": "methimazole", "days_before": 42}]},
            "leukopenia", frozenset({"agranulocytosis_on_culprit_drug", "profound_neutropenia"}),
            silent=frozenset({"febrile_neutropenia"}),
        ),
        GoldenCase(
            "blasts on the film",
            _patient("48 a", "male", [("wbc", 1.9, "10*9/L"), ("platelets", 31, "10*9/L")],
                     present=["blasts_on_smear"]),
            "leukopenia", frozenset({"blasts_on_smear"}),
        ),
        GoldenCase(
            "neutropenia in a neonate",
            _patient("3 d", "male", [("wbc", 2.1, "10*9/L"), ("anc", 0.2, "10*9/L")]),
            "leukopenia", frozenset({"neonatal_neutropenia"}),
        ),
        GoldenCase(
            "mild, well, no red flag",
            _patient("45 a", "female", [("wbc", 3.4, "10*9/L"), ("anc", 1.7, "10*9/L"), ("hemoglobin", 13.4, "g/dL")],
                     absent=["fever", "splenomegaly"]),
            "leukopenia", silent=frozenset({"febrile_neutropenia", "profound_neutropenia", "severe_neutropenia"}),
        ),
        GoldenCase(
            "a normal count has no candidates",
            _patient("45 a", "male", NORMAL), "no_leukopenia",
        ),
        GoldenCase(
            "fever alone says nothing of the count",
            _patient("30 a", "male", [], present=["fever"]), "insufficient_data",
            silent=frozenset({"febrile_neutropenia"}),
        ),
    )  # fmt: skip


def _patient(
    age: str, sex: str, measured: Sequence[tuple[str, float, str]], *, present: Sequence[str] = (),
    absent: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    return {
        "age": age,
        "sex": sex,
        "observations": [
            *({"finding": name, "value": value, "unit": unit} for name, value, unit in measured),
            *({"finding": name, "present": True} for name in present),
            *({"finding": name, "present": False} for name in absent),
        ],
    }
