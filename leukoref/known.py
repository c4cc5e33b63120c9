"""What is known of a patient before any rule is applied."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from leukoref.knowledge.drug import Drug, Latency
from leukoref.patient import Observation

AGE = "age"
Timing = Literal["in_window", "outside_window", "unknown", "stopped_long_before", "started_after"]
OPEN_ABOVE = 1e12  # stands for "no upper limit": durable-rules cannot read infinity


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured finding as the interval its value lies in (one number unless a comparator was given); ``most`` is the
    highest of several at one time."""

    low: float
    high: float
    text: str
    most: float = -math.inf

    @property
    def exact(self) -> float | None:
        return self.low if self.low == self.high else None


@dataclass(frozen=True, slots=True)
class Exposure:
    """A drug the patient takes or took, and how its timing fits the low count."""

    drug: Drug
    timing: Timing
    days_before: float | None
    latency: Latency | None
    findings: tuple[str, ...]


@dataclass(slots=True)
class Findings:
    """What is known before any rule is applied."""

    presence: dict[str, bool] = field(default_factory=dict)
    quantities: dict[str, Quantity] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    denials: dict[str, str] = field(default_factory=dict)  # how an absence is said where "no ..." is not how
    references: dict[str, list[str]] = field(default_factory=dict)
    unrecognized: list[dict[str, object]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    confirmed: dict[str, str] = field(default_factory=dict)  # cause -> as what it is named under `confirmation`
    recognised: int = 0


Measured = dict[str, list[tuple[Observation, Quantity]]]  # finding -> its values, earlier ones too
