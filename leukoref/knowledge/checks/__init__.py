"""The checks of the linter: one small function each, grouped by subject, registered by a decorator.

A check takes the `Draft` of a base (whatever could be read of it) and yields complaints; its name is the
check id that a complaint carries, its docstring the one-line description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from leukoref.knowledge.checks.reading import Draft
from leukoref.knowledge.loader import Complaint

Check = Callable[[Draft], Iterable[Complaint]]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Registers a check under the name of its function."""
    CHECKS[function.__name__] = function
    return function
