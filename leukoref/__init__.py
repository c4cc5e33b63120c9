"""Candidate causes of a low white blood cell count, ranked, with evidence and sources.

Supports a clinician's judgment; it never replaces it. The knowledge base has not been reviewed by a
clinician, and every output says so until one has.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from leukoref.version import LIBRARY_VERSION

__version__ = LIBRARY_VERSION

if TYPE_CHECKING:
    from leukoref.assessment import Assessment
    from leukoref.assessor import Assessor
    from leukoref.errors import EngineError, InputError, KnowledgeError, LeukorefError
    from leukoref.knowledge.base import Knowledge
    from leukoref.knowledge.loader import load_knowledge
    from leukoref.patient import Medication, Observation, Patient
    from leukoref.screening import explain, screen

# Where each public name lives; a room is entered when something in it is first asked for.
_HOMES = {
    "Assessment": "assessment", "Assessor": "assessor", "EngineError": "errors", "InputError": "errors",
    "Knowledge": "knowledge.base", "KnowledgeError": "errors", "LeukorefError": "errors", "Medication": "patient",
    "Observation": "patient", "Patient": "patient", "explain": "screening", "load_knowledge": "knowledge.loader",
    "screen": "screening",
}  # fmt: skip


def assess(patient: Patient | Mapping[str, Any], *, knowledge: Knowledge | None = None) -> Assessment:
    """Candidate causes of a patient's low white cell count, ranked, with the evidence for and against each.

    ``patient`` is a Patient or a dict of its fields. Raises InputError naming the field when input cannot be
    read as meant (unit, range, contradiction). Supports a clinician's judgment; never replaces it.
    """
    from leukoref.assessor import assessor

    return assessor(knowledge).assess(patient)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'leukoref' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"leukoref.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


__all__ = [
    "Assessment",
    "Assessor",
    "EngineError",
    "InputError",
    "Knowledge",
    "KnowledgeError",
    "LeukorefError",
    "Medication",
    "Observation",
    "Patient",
    "__version__",
    "assess",
    "explain",
    "load_knowledge",
    "screen",
]
