"""Candidate causes of a low white blood cell count, ranked, with evidence and sources.

Supports a clinician's judgment; it never replaces it. The knowledge base has not been reviewed by a
clinician, and every output says so until one has.
"""

from leukoref.assess import LIBRARY_VERSION as __version__
from leukoref.assess import Assessor, assess
from leukoref.assessment import Assessment
from leukoref.errors import EngineError, InputError, KnowledgeError, LeukorefError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import Medication, Observation, Patient

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
    "load_knowledge",
]
