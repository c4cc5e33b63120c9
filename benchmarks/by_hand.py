"""The yardstick of `screen`: atoms, rules and weights of the base as one writes them with NumPy for a known table.

Blocks stay in cache; each atom is evaluated once, each rule once; the weights are one matrix product over finding
states. It leaves out what makes `screen` usable: checks and units of values, clusters (of
findings that say the same only the strongest speaks), requirements, confirmed and excluded causes, bands, severity.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, before NumPy is there

import numpy as np
import polars as pl

from leukoref.engine.cohort import Cohort
from leukoref.knowledge.conditions import Atom, Clause

BLOCK, CHUNK = 16_384, 1_024
DECIBEL = 10 / np.log(10)
SIGNS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}


class ByHand:
    def __init__(self, cohort: Cohort, frame: pl.DataFrame) -> None:
        ranker, base = cohort.weighing.ranker, cohort.weighing.base
        self.base = base
        self.numbers = [name for name, kind in frame.schema.items() if kind == pl.Float64]
        self.states = [name for name, kind in frame.schema.items() if kind == pl.Boolean]
        self.steps = [definition for step in cohort.plan.steps for definition in step]
        self.rules = [
            clauses for _, present, absent in cohort.plan.criteria for clauses in (present, absent) if clauses
        ]
        self.rules += [present for _, present in cohort.plan.red_flags if present]
        self.scales, rows = [], []
        for scale in base.scales:
            inputs = [entry for entry in scale.inputs if entry.finding in self.numbers]
            if inputs:
                self.scales.append((inputs[0].finding, inputs[0].cuts))
                whole = (1 << len(scale.bins)) - 1
                rows += [ranker.scale_weights(scale, 1 << place, whole) for place in range(len(scale.bins))]
        literals = {definition.literal for definition in self.steps}
        self.weighed = [
            (name, state) for name in sorted(ranker.table.cells) for state in (True, False) if (name, state) in literals
        ]
        rows += [ranker.presence_weights(name, state) for name, state in self.weighed]
        # a profile a column: causes of one kind, and each kind of the others with its share of the cause
        self.starts = ranker.starts
        stops = [*ranker.starts[1:].tolist(), len(ranker.profiles)]
        self.several = [(i, slice(a, b)) for i, (a, b) in enumerate(zip(self.starts, stops, strict=True)) if b - a > 1]
        last = np.zeros(len(ranker.profiles))
        prior, shares = cohort.weighing.priors[0][np.argsort(cohort.weighing.order)], ranker.kind_weights(whole)
        for i, (a, b) in enumerate(zip(self.starts, stops, strict=True)):
            last[a:b] = prior[i] + (shares[a:b] if b - a > 1 else 0)
        self.weights = np.stack([*rows, last])
        self.table = np.empty((len(self.weights), CHUNK))

    def run(self, frame: pl.DataFrame) -> int:
        """The three causes of the highest score of every patient; returns how many rules held."""
        return sum(self.block(frame.slice(start, BLOCK)) for start in range(0, frame.height, BLOCK))

    def block(self, frame: pl.DataFrame) -> int:
        wanted = [pl.col(self.numbers).fill_null(np.nan), pl.col("sex") == "female"]
        wanted += [pl.col(self.states).fill_null(False), (~pl.col(self.states)).fill_null(False).name.prefix("not ")]
        columns = {column.name: column.to_numpy() for column in frame.select(wanted)}
        measured = {name: columns[name] for name in self.numbers}
        known = {(name, True): columns[name] for name in self.states}
        known |= {(name, False): columns[f"not {name}"] for name in self.states}
        for state in (True, False):
            known["female", state] = known["male", not state] = columns["sex"] == state
        atoms: dict[Atom, np.ndarray] = {}

        def of(atom: Atom) -> np.ndarray | None:
            if atom.test not in SIGNS:
                return known.get((atom.finding, atom.test == "present"))
            if atom not in atoms and atom.finding in measured:
                atoms[atom] = SIGNS[atom.test](measured[atom.finding], atom.limit)
            return atoms.get(atom)

        def either(clauses: tuple[Clause, ...], found: np.ndarray | None = None) -> np.ndarray | None:
            for clause in clauses:
                parts = [of(atom) for atom in clause]
                if any(part is None for part in parts):
                    continue
                both = parts[0]
                for part in parts[1:]:
                    both = both & part
                found = both if found is None else found | both
            return found

        for definition in self.steps:
            found = either(definition.clauses, known.get(definition.literal))
            for source in definition.sources:
                more = known.get(source)
                if more is not None:
                    found = more if found is None else found | more
            if found is not None:
                known[definition.literal] = found
        held = sum(int(found.sum()) for clauses in self.rules if (found := either(clauses)) is not None)
        shown = [known.get(literal) for literal in self.weighed]
        for start in range(0, frame.height, CHUNK):
            part = slice(start, min(start + CHUNK, frame.height))
            table, row = self.table[:, : part.stop - start], 0
            for name, cuts in self.scales:
                values = measured[name][part]
                reached = [np.isfinite(values), *(values >= cut for cut in cuts)]
                for place in range(len(cuts)):
                    np.greater(reached[place], reached[place + 1], out=table[row], casting="unsafe")
                    row += 1
                table[row] = reached[-1]
                row += 1
            for column in shown:
                table[row] = False if column is None else column[part]
                row += 1
            table[row] = 1
            sums = table.T @ self.weights
            scores = sums[:, self.starts]
            for place, kinds in self.several:
                scores[:, place] = DECIBEL * np.log(np.exp(sums[:, kinds] / DECIBEL).sum(axis=1))
            first = np.argpartition(scores, -3, axis=1)[:, -3:]
            np.take_along_axis(scores, first, 1)
        return held
