"""What an assessment costs, as ratios measured in one run: `make benchmarks`.

- assess of a prepared patient against the bare durable-rules evaluation of the same facts and rules;
- importing leukoref and loading the base against `import pydantic, durable.lang`;
- memory over many assessments; eight threads against one.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import leukoref
from leukoref.assessor import assessor
from leukoref.findings import resolve

CASES = sorted((Path(__file__).parent.parent / "examples" / "cases").glob("*.json"))


def median_ms(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and 95th percentile of one call, in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def per_patient(repeats: int = 20) -> None:
    ready = assessor()
    rows = []
    for path in CASES:
        patient = leukoref.Patient.from_file(path)
        known = resolve(patient, ready.base)
        ready.assess(patient)
        engine, _ = median_ms(lambda known=known: ready.engine.infer(known), repeats)  # type: ignore[misc]
        whole, tail = median_ms(lambda patient=patient: ready.assess(patient), repeats)  # type: ignore[misc]
        full, _ = median_ms(lambda patient=patient: ready.assess(patient).to_json(), 3)  # type: ignore[misc]
        rows.append((engine, whole, tail, full, whole / engine))
    engine, whole, tail, full, ratio = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"bare engine evaluation     {engine:7.2f} ms a patient (median of {len(rows)} cases)")
    print(f"assess                     {whole:7.2f} ms, p95 {tail:.2f} ms")
    print(f"assess with full JSON      {full:7.2f} ms")
    print(f"assess / engine            {ratio:7.2f}  (goal: at most 1.5)")


def start_up(repeats: int = 7) -> None:
    def seconds(code: str) -> float:
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    seconds("import leukoref; leukoref.load_knowledge()")  # fills the cache
    bare = seconds("import pydantic, durable.lang")
    loaded = seconds("import leukoref; leukoref.load_knowledge()")
    print(f"import pydantic, durable   {bare * 1e3:7.0f} ms")
    print(f"import leukoref and load   {loaded * 1e3:7.0f} ms")
    print(f"load / bare import         {loaded / bare:7.2f}  (goal: at most 3)")


def memory(count: int) -> None:
    ready = assessor()
    patients = [leukoref.Patient.from_file(path) for path in CASES]
    marks = []
    for number in range(count):
        ready.assess(patients[number % len(patients)])
        if number in (count // 10, count - 1):
            marks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"peak memory                {marks[0]:7.0f} MB after {count // 10}, {marks[1]:.0f} MB after {count}")


def threads() -> None:
    ready = assessor()
    patients = [leukoref.Patient.from_file(path) for path in CASES] * 5
    alone = [ready.assess(patient).to_json() for patient in patients]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda patient: ready.assess(patient).to_json(), patients))
    print(
        f"eight threads as one       {'equal' if alone == together else 'DIFFERENT'} over {len(patients)} assessments"
    )


if __name__ == "__main__":
    per_patient()
    start_up()
    memory(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)  # before the threads, whose answers are all kept
    threads()
