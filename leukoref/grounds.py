"""What of a patient makes a red flag hold, in the words of the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leukoref.engine.durable import Inference, satisfied
from leukoref.engine.program import PART, CompiledRule
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import Atom
from leukoref.known import Findings


class Grounds:
    """The compiled red flags of one knowledge base, asked which of their alternatives a patient meets."""

    def __init__(self, base: Knowledge, rules: Iterable[CompiledRule]) -> None:
        self._base = base
        rules = tuple(rules)
        self._flags = {rule.target: rule for rule in rules if rule.kind == "red_flag"}
        self._parts = {rule.target: rule for rule in rules if rule.target.startswith(PART)}

    def of(self, flag: str, known: Findings, inference: Inference) -> tuple[str, ...]:
        """What was measured or said that raises ``flag``, each once, in the order the rule asks for it. What only
        follows from something else is named where nothing else is."""
        told = dict.fromkeys(self._met(self._flags[flag], known, inference))
        given = [atom for atom in told if atom.finding not in inference.derived]
        return tuple(dict.fromkeys(self._words(atom, known) for atom in given or told))

    def _met(self, rule: CompiledRule, known: Findings, inference: Inference) -> Iterator[Atom]:
        for clause in rule.present:
            if all(_holds(atom, known, inference) for atom in clause):
                for atom in clause:
                    if atom.finding in self._parts:
                        yield from self._met(self._parts[atom.finding], known, inference)
                    else:
                        yield atom

    def _words(self, atom: Atom, known: Findings) -> str:
        name, _, side = atom.finding.partition(":")
        label = self._base.finding[name].name
        if name in known.quantities:
            return f"{label} {known.quantities[name].text}" + (f" ({side})" if side else "")
        return known.labels.get(name, label) if atom.test == "present" else f"no {label}"


def _holds(atom: Atom, known: Findings, inference: Inference) -> bool:
    if atom.test in ("present", "absent"):
        return inference.presence.get(atom.finding) is (atom.test == "present")
    quantity = known.quantities.get(atom.finding)
    return quantity is not None and satisfied(atom, quantity)
