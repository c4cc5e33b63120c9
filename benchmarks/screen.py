"""What `screen` costs, against a loop of `assess` and NumPy by hand: `python benchmarks/screen.py [SECTION ...]`.

Sections: loop, hand, flat, cores, rules (all by default). Ratios are what carries over to another machine; loads are
kept beside the figures. `peers.py` first, `report.py` after.
"""

from __future__ import annotations

import json
import sys

from by_hand import ByHand
from cohorts import FIGURES, cpu, record, simulated, wall

from leukoref.assessor import Assessor, assessor
from leukoref.engine.cohort import Cohort, in_blocks
from leukoref.engine.roles import roles_of
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Statement
from leukoref.screening import patient_of

LOOP = 300
ONE = 1_000_000
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
ADDED = (0, 100, 200, 400, 600)  # durable-rules builds no rule set (its error 106) from 700 on


class Bench:
    def __init__(self) -> None:
        self.chosen = assessor()
        self.frame = simulated(ONE)
        self.roles = roles_of(dict(self.frame.schema), self.chosen.base, {}, {"patient"})
        self.cohort = Cohort(self.chosen, self.roles)
        self.once(self.cohort)

    def once(self, cohort: Cohort, threads: int = 1, size: int = ONE) -> None:
        in_blocks(cohort, self.frame[:size], self.frame["patient"][:size], None, threads=threads)

    def loop(self) -> None:
        """`screen` and an `assess` loop on one core, and what the conditions alone cost a block made ready."""
        patients = [patient_of(self.frame[i : i + 1], self.roles, self.chosen.base, {}, None) for i in range(LOOP)]
        block = self.cohort.intake(self.frame[:16_384]).block
        record("loop", {
            "screen": cpu(lambda: self.once(self.cohort)) / ONE,
            "assess": cpu(lambda: [self.chosen.assess(patient) for patient in patients]) / LOOP,
            "conditions": cpu(lambda: self.cohort.plan.run(block), 9) / 16_384,
            "columns": self.frame.width - 1, "causes": len(self.chosen.base.causes), "patients": ONE,
        })  # fmt: skip

    def hand(self) -> None:
        """In turns, so that both meet the same machine."""
        by_hand = ByHand(self.cohort, self.frame)
        turns = [(cpu(lambda: self.once(self.cohort), 1), cpu(lambda: by_hand.run(self.frame), 1)) for _ in range(5)]
        ours, theirs = (min(column) / ONE for column in zip(*turns, strict=True))
        record("hand", {"screen": ours, "numpy": theirs, "states": len(by_hand.weights)})

    def flat(self) -> None:
        """Cost a patient by the number of patients; beyond the frame the same patients come again."""
        figures = {}
        for size in SIZES:
            times, part = max(size // ONE, 1), min(size, ONE)

            def run(times: int = times, part: int = part) -> None:
                for _ in range(times):
                    self.once(self.cohort, size=part)

            figures[str(size)] = cpu(run, 3 if size <= ONE else 1) / size
        record("flat", {"seconds": figures})

    def cores(self) -> None:
        """By the clock, which other work on the machine disturbs."""
        one, two = wall(lambda: self.once(self.cohort, 1)), wall(lambda: self.once(self.cohort, 2))
        record("cores", {"one": one / ONE, "two": two / ONE})

    def rules(self) -> None:
        """Criteria of two or three comparisons added to the causes, each of which can exclude its cause."""
        size, figures = 200_000, {}
        for number in ADDED:
            cohort = Cohort(Assessor(with_rules(self.chosen.base, number)), self.roles)
            self.once(cohort, size=size)
            figures[str(number)] = cpu(lambda cohort=cohort: self.once(cohort, size=size), 5) / size  # type: ignore[misc]
        record("rules", {"seconds": figures})


def with_rules(base: Knowledge, number: int) -> Knowledge:
    """The base with ``number`` more rules, spread over the causes; no two ask the same."""
    given = [name for name in base.core_presence if name not in ("female", "male")][:45]
    extra: dict[int, list[Statement]] = {}
    for i in range(number):
        parts = [
            {"finding": "platelets", "below": 20 + i / 4, "unit": "10*9/L"},
            {"finding": given[i % 45], "state": "present"},
            {"finding": given[(7 * i + 3 + i // 45) % 45], "state": "absent"},
        ]
        extra.setdefault(i % len(base.causes), []).append(
            Statement.model_validate(
                {
                    "id": f"bench_{i}",
                    "criterion": "excludes",
                    "when": {"all": parts[: 2 + i % 2]},
                    "source": "none",
                    "seen": "abstract",
                    "reason": "for this measurement",
                }
            )
        )
    causes = tuple(
        cause.model_copy(update={"statements": (*cause.statements, *extra.get(i, ()))})
        for i, cause in enumerate(base.causes)
    )
    return base.model_copy(update={"causes": causes, "content_hash": f"bench {number}"})


if __name__ == "__main__":
    bench = Bench()
    for section in sys.argv[1:] or ("loop", "hand", "flat", "cores", "rules"):
        getattr(bench, section)()
    print(json.dumps({name: kept.get("under") for name, kept in json.loads(FIGURES.read_text("utf-8")).items()}))
