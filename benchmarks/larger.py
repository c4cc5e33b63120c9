"""Larger than memory and larger than a machine: `python benchmarks/larger.py [SECTION ...]` (stream, spark).

stream: 20 million patients by 60 findings from Parquet to Parquet in a process of its own; its resident memory.
spark: local[2] against `screen_file` on two threads, both from Parquet to Parquet; needs pyspark and Java.
Files go to a temporary folder that is removed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cohorts import record, simulated

PATIENTS = int(os.environ.get("LEUKOREF_STREAM", "20_000_000"))
ON_SPARK = 2_000_000
PIECE = 500_000
ALONE = """
import resource, sys, time
from leukoref.screen_files import screen_file
start = time.perf_counter()
screen_file(sys.argv[1], sys.argv[2])
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def written(path: Path, patients: int) -> int:
    """A Parquet file of simulated patients, piece by piece; its number of columns."""
    writer = None
    for number, first in enumerate(range(0, patients, PIECE)):
        frame = simulated(min(PIECE, patients - first), first=first, core=48, seed=number)
        table: pa.Table = frame.to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=131_072)
    assert writer is not None
    writer.close()
    return len(table.schema) - 1


def stream() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        columns = written(source, PATIENTS)
        command = [sys.executable, "-c", ALONE, str(source), str(target)]
        alone = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, resident = map(float, alone.stdout.split())
        rows = pq.read_metadata(target).num_rows
        assert rows == PATIENTS, rows
        record("stream", {
            "patients": PATIENTS, "columns": columns, "seconds": seconds, "resident_gib": resident,
            "read_gib": source.stat().st_size / 2**30, "written_gib": target.stat().st_size / 2**30,
        })  # fmt: skip


def processor_seconds() -> float:
    """CPU time of this process and all below it: Python, the Java machine, its Python workers."""
    ticks, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[entry.name] = fields[1]
            ticks[entry.name] = sum(map(int, fields[11:15]))  # own and of children that have ended
    mine = {str(os.getpid())}
    while more := {child for child, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(ticks[name] for name in mine) / os.sysconf("SC_CLK_TCK")


def spark() -> None:
    """Both warm: workers up, tables filled, files in the page cache. By the clock and by CPU time, which is what
    throughput comes to when nothing else runs and all cores are busy."""
    from pyspark.sql import SparkSession

    from leukoref.screen_files import screen_file
    from leukoref.spark import screen

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "3g").config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.files.maxPartitionBytes", "16m").config("spark.executorEnv.POLARS_MAX_THREADS", "1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "65536")
        .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")  # no collector beside the two workers
        .getOrCreate()
    )  # fmt: skip
    session.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder) / "in.parquet"), str(Path(folder) / "out.parquet")
        written(Path(source), ON_SPARK)

        def on_spark(unique: bool) -> None:
            answers = screen(session.read.parquet(source), unique=unique)
            answers.write.mode("overwrite").parquet(target + ".spark")

        runs = {
            "native": lambda: screen_file(source, target, threads=2),
            "spark": lambda: on_spark(False), "unique": lambda: on_spark(True),
        }  # fmt: skip
        clock: dict[str, list[float]] = {name: [] for name in runs}
        cpu: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(5):
            for name, run in runs.items():
                start = time.perf_counter(), processor_seconds()
                run()
                if turn:  # the first warms up
                    clock[name].append(time.perf_counter() - start[0])
                    cpu[name].append(processor_seconds() - start[1])
                    print(name, clock[name][-1], cpu[name][-1], flush=True)
        figures = {name: min(found) / ON_SPARK for name, found in clock.items()}
        spent = {f"{name}_cpu": min(found) / ON_SPARK for name, found in cpu.items()}
        record("spark", {"patients": ON_SPARK, **figures, **spent})
    session.stop()


if __name__ == "__main__":
    for section in sys.argv[1:] or ("stream", "spark"):
        {"stream": stream, "spark": spark}[section]()
