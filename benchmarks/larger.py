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
ON_SPARK = 4_000_000
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


def spark() -> None:
    """Both warm: workers up, tables filled, files in the page cache."""
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
        .getOrCreate()
    )  # fmt: skip
    session.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder) / "in.parquet"), str(Path(folder) / "out.parquet")
        written(Path(source), ON_SPARK)
        times: dict[str, list[float]] = {"native": [], "spark": [], "unique": []}
        for _ in range(3):
            start = time.perf_counter()
            screen_file(source, target, threads=2)
            times["native"].append(time.perf_counter() - start)
            for name, unique in (("spark", False), ("unique", True)):
                start = time.perf_counter()
                answers = screen(session.read.parquet(source), unique=unique)
                answers.write.mode("overwrite").parquet(target + ".spark")
                times[name].append(time.perf_counter() - start)
        record("spark", {"patients": ON_SPARK, **{name: min(found) / ON_SPARK for name, found in times.items()}})
    session.stop()


if __name__ == "__main__":
    for section in sys.argv[1:] or ("stream", "spark"):
        {"stream": stream, "spark": spark}[section]()
