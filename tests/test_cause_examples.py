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
