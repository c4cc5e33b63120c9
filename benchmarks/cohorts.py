"""What the benchmarks of cohorts share: simulated patients, timing, and where figures are kept.

Figures go to docs/performance.json, a section a measurement; `report.py` makes docs/performance.md and its plots of it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import polars as pl

from leukoref.assessor import assessor

DOCS = Path(__file__).parent.parent / "docs"
FIGURES = DOCS / "performance.json"
MEASURED = {
    "hemoglobin": (12, 2.5), "platelets": (180, 90), "mcv": (90, 10), "ldh": (250, 100), "ferritin": (200, 150),
    "alt": (40, 30), "ast": (40, 30), "bilirubin": (0.8, 0.4), "crp": (20, 20), "temperature": (37.4, 1),
}  # fmt: skip


def simulated(size: int, *, first: int = 0, core: int = 45, seed: int = 1) -> pl.DataFrame:
    """Patients by 59 columns: 12 quantities (most known), 45 core findings (half known), age, sex; 90 % leukopenic,
    since the others need no ranking and cost less."""
    base, draw = assessor().base, np.random.default_rng(seed)

    def sometimes(values: np.ndarray, share: float) -> pl.Series:
        return pl.Series(np.where(draw.random(size) < share, values, np.nan)).fill_nan(None)

    wbc = draw.gamma(2, 1.2, size).round(2)
    columns: dict[str, object] = {
        "patient": np.arange(first, first + size), "age": draw.integers(0, 95, size).astype(float),
        "sex": draw.choice(["female", "male"], size), "wbc": wbc, "anc": (wbc * draw.random(size)).round(2),
    }  # fmt: skip
    for name, (mean, deviation) in MEASURED.items():
        limits = base.finding[name].plausible
        assert limits is not None
        columns[name] = sometimes(np.clip(draw.normal(mean, deviation, size).round(1), limits.low, limits.high), 0.7)
    for name in [name for name in base.core_presence if name not in ("female", "male")][:core]:
        chance = draw.random(size)
        known = pl.Series(np.where(chance < 0.15, 1.0, np.where(chance < 0.5, 0.0, np.nan))).fill_nan(None)
        columns[name] = known.cast(pl.Boolean)
    return pl.DataFrame(columns)


def cpu(run: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of the process, the best of some runs: other work on the machine counts least."""
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def wall(run: Callable[[], object], times: int = 3) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def record(section: str, figures: dict[str, Any]) -> None:
    """Keeps a section, with the machine and what else it was doing, and prints it."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    conditions = {"cores": len(os.sched_getaffinity(0)), "load": load, "machine": platform.machine()}
    kept = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    kept[section] = {**figures, "under": conditions}
    FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    print(section, json.dumps(kept[section]))
