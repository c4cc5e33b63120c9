"""docs/performance.md and its plots from the figures of docs/performance.json: `python benchmarks/report.py`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from cohorts import DOCS, FIGURES

AIMS = "500 times an `assess` loop,\n300 times the fastest rule engine for one patient, no slower than NumPy by hand"


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def page(kept: dict[str, Any]) -> str:
    loop, hand, peers, cores = kept["loop"], kept["hand"], kept["peers"], kept["cores"]
    stream, spark = kept["stream"], kept["spark"]
    flat = {int(size): seconds for size, seconds in kept["flat"]["seconds"].items()}
    rules = {int(number): seconds for number, seconds in kept["rules"]["seconds"].items()}
    engines = {name: figures["median_ms"] / 1e3 for name, figures in peers["engines"].items()}
    screen, assess, conditions = loop["screen"], loop["assess"], loop["conditions"]
    others = {name: seconds for name, seconds in engines.items() if name != "plain Python"}
    fastest = min(others, key=lambda name: others[name])
    meant = min((name for name in others if name in RULE_ENGINES), key=lambda name: others[name])
    ratio = hand["screen"] / hand["numpy"]
    added = (rules[max(rules)] - rules[0]) / max(rules)
    kept_share = spark["native"] / spark["spark"], spark["native"] / spark["unique"]
    rows = "\n".join(
        f"| {name} | {figures['median_ms']:.3f} | {figures['p95_ms']:.3f} | "
        f"{engines[name] / conditions:,.0f} | {engines[name] / screen:,.0f} |"
        for name, figures in sorted(peers["engines"].items(), key=lambda pair: pair[1]["median_ms"])
    )
    by_cpu = ""
    if "native_cpu" in spark:
        shares = (spark["native_cpu"] / spark[name] for name in ("spark_cpu", "unique_cpu"))
        by_cpu = " By CPU time of all processes: {:.0%} and {:.0%}.".format(*shares)
    loads = ", ".join(f"{name} {part['under']['load']:.1f}" for name, part in sorted(kept.items()))
    return f"""# Performance of cohorts

Written by `report.py` from `performance.json`, which `benchmarks/peers.py`, `screen.py` and `larger.py` fill
(`make benchmarks`). {loop["columns"]} columns, {
        loop["causes"]
    } causes, the packaged rules, simulated patients of whom 90 %
are leukopenic (the others need no ranking and cost less). One core means CPU time of one thread, best of some runs;
ratios carry over to another machine better than figures do. Aims: {AIMS}.

## One core

| run | microseconds a patient | patients a second | against `screen` |
|---|--:|--:|---|
| `screen`, a million patients | {screen * 1e6:.2f} | {1 / screen:,.0f} | 1 |
| `assess` in a loop | {assess * 1e6:,.0f} | {1 / assess:,.0f} | {assess / screen:,.0f} times slower: {
        verdict(assess / screen >= 500)
    } |
| the same conditions and weights by hand in NumPy | {hand["numpy"] * 1e6:.2f} | {
        1 / hand["numpy"]:,.0f} | `screen` takes {ratio:.2f} of its time: {verdict(ratio <= 1)} |

By hand (`benchmarks/by_hand.py`) means: every atom and rule once, one matrix product over {
        hand["states"]
    } finding states in
cache, the first three causes. It checks no value, converts no unit, knows no cluster, no requirement, no confirmed or
excluded cause, no band, and gives no table back. Both were timed in turns ({hand["screen"] * 1e6:.2f} against {
        hand["numpy"] * 1e6:.2f} µs).

Two threads by the clock, which other work disturbs: {cores["one"] / cores["two"]:.2f} times one thread, {
        1 / cores["two"]:,.0f} patients a second.

![Throughput](performance-throughput.png)

## Other engines, one patient at a time

{peers["conditions"]} conditions of the base ({peers["clauses"]} alternatives) on {
        peers["patients"]
    } simulated patients with {peers["facts"]:.0f} facts each once all is concluded; {
        peers["hold"]:.0f} hold. Each engine had to give exactly the
conditions that hold for every patient before it was timed (CPU time of one call).

| engine | median ms | p95 ms | times the columns' conditions | times all of `screen` |
|---|--:|--:|--:|--:|
{rows}

The columnar engine takes {
        conditions * 1e6:.2f} µs a patient for the same conditions on a block made ready, chaining included;
`screen` adds reading, checking, weighing, ranking and the table of answers. Throughput against the fastest peer ({
        fastest
    }): {others[fastest] / conditions:,.0f} times on the same conditions ({
        verdict(others[fastest] / conditions >= 300)
    }), {others[fastest] / screen:,.0f} times for all of `screen` ({
        verdict(others[fastest] / screen >= 300)
    }). Against the
fastest that is a rule engine and not an expression evaluator ({meant}): {others[meant] / conditions:,.0f} and {
        others[meant] / screen:,.0f} times ({verdict(others[meant] / screen >= 300)}).

![Engines](performance-engines.png)

## Growth

| patients | microseconds a patient |
|--:|--:|
{chr(10).join(f"| {size:,} | {seconds * 1e6:.2f} |" for size, seconds in flat.items())}

| rules added | microseconds a patient |
|--:|--:|
{chr(10).join(f"| {number} | {seconds * 1e6:.2f} |" for number, seconds in rules.items())}

An added rule of two or three comparisons that can exclude its cause costs {added * 1e9:.1f} ns a patient.

![Growth](performance-growth.png)

## Larger than memory

{stream["patients"]:,} patients by {stream["columns"]} columns (60 findings, age, sex) from Parquet to Parquet: {
        stream["resident_gib"]:.2f} GiB resident at most ({verdict(stream["resident_gib"] <= 2)}; the aim was 2 GB), {
        stream["seconds"]:.0f} s, {
        stream["patients"] / stream["seconds"]:,.0f} patients a second with reading and writing.

## Spark

`local[2]` against `screen_file` on two threads, {
        spark["patients"]:,} patients, both from Parquet to Parquet and warm: {
        kept_share[0] * 100:.0f} % of the native throughput with the search for patients who come twice, {
        kept_share[1] * 100:.0f} % with `unique=True` (aim 60 %: {verdict(kept_share[0] >= 0.6)} and {
        verdict(kept_share[1] >= 0.6)
    }). Native {1 / spark["native"]:,.0f}, Spark {1 / spark["spark"]:,.0f} and {
        1 / spark["unique"]:,.0f} patients a second.{by_cpu}

## Where the time goes

Of a patient in `screen`, by profile, almost a third goes into adding up rows of weights (a dozen joint tables of some
three hundred columns, a kind of a cause each), a quarter into taking kinds together, a tenth into ranking and choosing,
and the rest into reading and checking columns, the codes by which tables are looked up, the rules, and the table of
answers.

## Under what load

One-minute load of the machine ({loop["under"]["cores"]} virtual cores, other work going on) when each section ended:
{loads}.
"""


RULE_ENGINES = ("durable-rules", "clipspy", "rule-engine", "zen-engine")


def plots(kept: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    loop, hand, cores, stream, spark = (kept[name] for name in ("loop", "hand", "cores", "stream", "spark"))
    clock = {name: f"(clock, load {kept[name]['under']['load']:.0f})" for name in ("cores", "stream", "spark")}
    million = f"{stream['patients'] / 1e6:.0f} million"
    rates = {
        "assess in a loop": loop["assess"], "NumPy by hand, one core": hand["numpy"],
        "screen, one core": hand["screen"], f"screen, two threads {clock['cores']}": cores["two"],
        f"file to file, two threads {clock['spark']}": spark["native"],
        f"Spark local[2] {clock['spark']}": spark["spark"],
        f"file to file, {million} {clock['stream']}": stream["seconds"] / stream["patients"],
    }  # fmt: skip
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    bars = axes.barh(list(rates), [1 / seconds for seconds in rates.values()], color="tab:blue")
    axes.bar_label(bars, [f"{1 / seconds:,.0f}" for seconds in rates.values()], padding=3)
    axes.set(xscale="log", xlabel="patients a second", xlim=(50, 9e6))
    axes.invert_yaxis()
    figure.savefig(DOCS / "performance-throughput.png", dpi=110)

    engines = dict(sorted(kept["peers"]["engines"].items(), key=lambda pair: -pair[1]["median_ms"]))
    names = [*engines, "leukoref, all of screen", "leukoref, conditions in columns"]
    values = [figures["median_ms"] * 1e3 for figures in engines.values()] + [
        loop["screen"] * 1e6,
        loop["conditions"] * 1e6,
    ]
    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    bars = axes.barh(names, values, color=["tab:gray"] * len(engines) + ["tab:blue"] * 2)
    axes.bar_label(bars, [f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in values], padding=3)
    axes.set(xscale="log", xlabel="µs a patient (median), one core", xlim=(0.05, 1e5))
    axes.invert_yaxis()
    figure.savefig(DOCS / "performance-engines.png", dpi=110)

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
    for axis, name, label in ((left, "flat", "patients"), (right, "rules", "rules added")):
        points = {int(number): seconds * 1e6 for number, seconds in kept[name]["seconds"].items()}
        axis.plot(list(points), np.array(list(points.values())), marker="o")
        axis.set(xlabel=label)
    left.set(ylim=(0, 1.1 * max(line.get_ydata().max() for axis in (left, right) for line in axis.lines)))
    left.set(xscale="log", ylabel="µs a patient, one core")
    figure.savefig(DOCS / "performance-growth.png", dpi=110)


def main() -> None:
    kept = json.loads(FIGURES.read_text("utf-8"))
    kept["flat"]["seconds"] = dict(sorted(kept["flat"]["seconds"].items(), key=lambda pair: int(pair[0])))
    kept["rules"]["seconds"] = dict(sorted(kept["rules"]["seconds"].items(), key=lambda pair: int(pair[0])))
    (DOCS / "performance.md").write_text(page(kept), "utf-8")
    plots(kept)


if __name__ == "__main__":
    main()
