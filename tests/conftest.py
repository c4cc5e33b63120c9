"""Shared by all tests: the packaged base and one assessor of it, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

import leukoref
from leukoref.assessor import Assessor, assessor
from leukoref.engine.durable import DurableEngine

# No test asserts how long something takes. Everyone runs the same examples, so that a fault that one run finds is
# found in every run; `--hypothesis-profile explore` looks for new ones (`make explore`).
settings.register_profile("leukoref", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("leukoref")
CASES = Path(__file__).parent.parent / "examples" / "cases"


@pytest.fixture(scope="session")
def base() -> leukoref.Knowledge:
    return leukoref.load_knowledge()


@pytest.fixture(scope="session")
def ready() -> Assessor:
    return assessor()


@pytest.fixture(scope="session")
def durable(ready: Assessor) -> DurableEngine:
    return ready.engine


@pytest.fixture(scope="session")
def case_files() -> list[Path]:
    return sorted(CASES.glob("*.json"))
