"""Rules tested beside rules: every invented patient of a cause file comes out as the file says."""

from __future__ import annotations

import pytest

from leukoref.assessor import Assessor
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import Patient, case_input


@pytest.mark.parametrize("cause", [cause.id for cause in load_knowledge().causes])
def test_every_example_of_a_cause_comes_out_as_its_file_says(ready: Assessor, cause: str) -> None:
    examples = ready.base.cause[cause].examples
    assert len(examples) >= 2
    for example in examples:
        answer = ready.assess(Patient.parse(case_input(example.patient)))
        order = [candidate.cause for candidate in answer.candidates]
        if example.expect.within:
            assert cause in order[: example.expect.within], (example.name, order[:3])
        if example.expect.above:
            assert example.expect.above in order, example.name
            assert cause not in order[: order.index(example.expect.above)], (example.name, order[:3])


def test_a_diagnosis_by_its_name_speaks_for_its_cause_and_proves_nothing(ready: Assessor) -> None:
    table = ready.ranker.table
    named = [finding for finding in ready.base.findings if finding.cluster == finding.id and finding.id.endswith("_dx")]
    assert len(named) > 25
    for finding in named:
        (cause,) = {profile.split("/")[0] for profile in table.cells[finding.id]}
        answer = ready.assess({"observations": [
            {"finding": "WBC", "value": 2.0, "unit": "K/uL"}, {"finding": finding.synonyms[0], "present": True},
        ]})  # fmt: skip
        candidate = next(candidate for candidate in answer.candidates if candidate.cause == cause)
        assert candidate.band != "established"
        assert max(entry.weight for entry in candidate.supports) > 8, finding.id
