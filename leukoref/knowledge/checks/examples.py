"""Examples of a cause: there are enough of them, they can be read, and those of a site come out as they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from leukoref.knowledge.cause import Expectation
from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Path_
from leukoref.knowledge.loader import Complaint

if TYPE_CHECKING:
    from leukoref.assessment import Assessment

FEWEST = 2
EXPECTED = {"within": "a typical patient (expect: {within: 3})", "above": "a near miss (expect: {above: <mimic>})"}
_OBSERVATION = re.compile(r"observations\.(\d+)")


@check
def few_examples(draft: Draft) -> Iterator[Complaint]:
    """A cause is tested by at least two synthetic patients: one typical, one whose mimic must come first."""
    for entry in draft.causes:
        examples = entry.value.examples
        missing = [
            word for key, word in EXPECTED.items() if not any(getattr(example.expect, key) for example in examples)
        ]
        if len(examples) < FEWEST or missing:
            message = f"{len(examples)} examples of at least {FEWEST}"
            remedy = f"add {' and '.join(missing) or 'another'}"
            yield entry.complain("few_examples", message, "examples", remedy=remedy)
        for position, example in enumerate(examples):
            if example.expect.within is None and example.expect.above is None:
                message, remedy = "expects nothing", "say what must come out"
                yield entry.complain("few_examples", message, "examples", position, "expect", remedy=remedy)


@check
def unreadable_example(draft: Draft) -> Iterator[Complaint]:
    """The patient of an example is read as any patient is: every finding recognised, every unit right."""
    from leukoref.errors import InputError, KnowledgeError
    from leukoref.findings import resolve
    from leukoref.patient import Patient, case_input

    if draft.knowledge is None:
        return
    for entry in draft.causes:
        for position, example in enumerate(entry.value.examples):
            places = list(_observations(example.patient, ("examples", position, "patient")))
            try:
                known = resolve(Patient.parse(case_input(example.patient)), draft.knowledge)
            except InputError as error:
                number = _OBSERVATION.match(error.field)
                path = places[int(number[1])][0] if number else ("examples", position, "patient")
                yield entry.complain(
                    "unreadable_example", f"{example.name}: {error}", *path, remedy="correct the example"
                )
                continue
            except (KnowledgeError, KeyError, TypeError):  # the vocabulary is broken; its own check complains
                return
            for missed in known.unrecognized:
                path = next((place for place, name in places if name == missed["finding"]), places[0][0])
                near = missed.get("suggestions")
                remedy = f"did you mean {near}?" if near else "use a name or synonym of a finding"
                message = f"{example.name}: {missed['finding']!r} is not in the vocabulary"
                yield entry.complain("unreadable_example", message, *path, remedy=remedy)


def _observations(patient: dict[str, Any], path: Path_) -> Iterator[tuple[Path_, str]]:
    """(path, name) of every observation of an example, in the order in which a patient is read."""
    for section in ("observations", "presentation", "history", "exposures", "confirmation"):
        for position, observation in enumerate(patient.get(section) or ()):
            name = observation.get("finding", "") if isinstance(observation, dict) else ""
            yield (*path, section, position), name


def missed_examples(draft: Draft) -> Iterator[Complaint]:
    """Examples of a site's own causes that come out otherwise than they say. It needs a base without an error, and is
    no check of its own for that reason; those of the packaged causes are tested with the library."""
    from leukoref.assessor import Assessor  # stands on the knowledge base, so that it is no part of reading one
    from leukoref.patient import Patient, case_input

    ours = [entry for entry in draft.causes if entry.document.layer]
    if not ours or draft.knowledge is None:
        return
    assessor = Assessor(draft.knowledge)
    for entry in ours:
        for position, example in enumerate(entry.value.examples):
            answer = assessor.assess(Patient.parse(case_input(example.patient)))
            if outcome := _missed(entry.id, example.expect, answer):
                remedy = "correct the example, or look what speaks for the others: `leukoref assess` shows it"
                yield entry.complain(
                    "missed_example", f"{example.name}: {outcome}", "examples", position, "expect", remedy=remedy,
                    severity="warning",
                )  # fmt: skip


def _missed(cause: str, expected: Expectation, answer: Assessment) -> str | None:
    """What came out instead of what was expected, or None."""
    order = [candidate.cause for candidate in answer.candidates]
    if not order:
        return f"nothing is ranked, the status is {answer.status.replace('_', ' ')}"
    rank = order.index(cause) + 1 if cause in order else None
    reached = f"{cause} comes out at {rank} of {len(order)}" if rank else f"{cause} is not ranked"
    if expected.within and (rank is None or rank > expected.within):
        return f"{reached}, not within {expected.within}; {', '.join(order[: min(3, (rank or 4) - 1)])} lead"
    if expected.above and expected.above not in order:
        return f"{expected.above}, which must come before, is not ranked"
    if expected.above and rank and rank <= order.index(expected.above):
        return f"{reached}, before {expected.above} at {order.index(expected.above) + 1}"
    return None
