"""What can go wrong, as callers can catch it. A message names the field, never more of a patient."""


class LeukorefError(Exception):
    """Base of all errors raised by this library."""


class InputError(LeukorefError, ValueError):
    """What was handed in cannot be read as meant: names the field, what is wrong, what would be right."""

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field}: {problem}" + (f"; {remedy}" if remedy else ""))


class KnowledgeError(LeukorefError):
    """The rule files do not form a sound knowledge base; `leukoref lint` lists every complaint."""


class EngineError(LeukorefError):
    """The rule engine reported a failure inside an action; the assessment is not delivered."""
