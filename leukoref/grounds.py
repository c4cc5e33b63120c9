"""What of a patient makes a red flag hold, what is said against a measured value, and what no rule made use of; in
the words of the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from leukoref.engine.durable import Inference, satisfied
from leukoref.engine.program import PART, CompiledRule
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import Atom
from leukoref.known import Findings


class Grounds:
    """The compiled rules of one knowledge base, asked which alternatives of a red flag a patient meets."""

    def __init__(self, base: Knowledge, rules: Iterable[CompiledRule]) -> None:
        self._base = base
        rules = tuple(rules)
        self._flags = {rule.target: rule for rule in rules if rule.kind == "red_flag"}
        self._findings = {rule.target: rule for rule in rules if rule.kind == "finding"}
        self._asking: dict[str, list[CompiledRule]] = defaultdict(list)  # finding -> the rules that ask about it
        for rule in rules:
            asked = {atom.finding.partition(":")[0] for clause in (*rule.present, *rule.absent) for atom in clause}
            for name in asked:
                self._asking[name].append(rule)
        self._summed = {part for ways in base.differential.values() for way in ways for part in way}
        self._summed |= {part.finding for scale in base.scales for part in scale.inputs}

    def of(self, flag: str, known: Findings, inference: Inference) -> tuple[str, ...]:
        """What was measured or said that raises ``flag``, each once, in the order the rule asks for it. What follows
        from something that is not named yet comes with it: 'hypotension (systolic blood pressure 82 mm[Hg])'."""
        told = list(dict.fromkeys(self._met(self._flags[flag], known, inference)))
        named = {self._words(atom, known) for atom in told if atom.finding not in inference.derived}
        grounds: dict[str, None] = {}
        for atom in told:
            words = self._words(atom, known)
            if atom.finding in inference.derived:
                origins = self._origins(atom, known, inference, {atom.finding})
                new = [origin for origin in dict.fromkeys(origins) if origin not in named]
                if not new and named:
                    continue  # it follows from what is named already
                named.update(new)
                words = f"{words} ({', '.join(new)})" if new else words
            grounds[words] = None
        return tuple(grounds)

    def contradicted(self, known: Findings, inference: Inference) -> Iterator[str]:
        """What was said although a measured value shows the opposite: 'no fever' at 39 Cel."""
        for name, said in known.presence.items():
            rule = self._findings.get(name)
            for clause in (rule.absent if said else rule.present) if rule else ():
                measured = all(atom.finding.partition(":")[0] in known.quantities for atom in clause)
                if measured and all(_holds(atom, known, inference) for atom in clause):
                    values = ", ".join(dict.fromkeys(self._words(atom, known) for atom in clause))
                    words = known.labels.get(name, self._base.finding[name].name)
                    yield f"{words}: said to be {'there' if said else 'absent'}, against {values}; check both"
                    break

    def unused(self, known: Findings, inference: Inference) -> Iterator[str]:
        """Measured values from which nothing follows, at this value and age, and of which no scale speaks."""
        for name, quantity in known.quantities.items():
            if name not in self._summed and not any(_concluded(rule, inference) for rule in self._asking[name]):
                yield f"{self._base.finding[name].name} {quantity.text}"

    def _met(self, rule: CompiledRule, known: Findings, inference: Inference) -> Iterator[Atom]:
        for clause in rule.present:
            if all(_holds(atom, known, inference) for atom in clause):
                for atom in clause:
                    if atom.finding.startswith(PART):
                        yield from self._met(self._findings[atom.finding], known, inference)
                    else:
                        yield atom

    def _origins(self, atom: Atom, known: Findings, inference: Inference, seen: set[str]) -> Iterator[str]:
        """What was said or measured from which a derived finding follows, by its rule or as something narrower."""
        if atom.test != "present":
            return
        rule = self._findings.get(atom.finding)
        parts = list(self._met(rule, known, inference)) if rule else []
        if not parts:
            narrower = self._base.descendants.get(atom.finding, ())
            parts = [Atom(name, "present") for name in narrower if inference.presence.get(name)]
        for part in parts:
            if part.finding not in inference.derived:
                yield self._words(part, known)
            elif part.finding not in seen:
                seen.add(part.finding)
                yield from self._origins(part, known, inference, seen)

    def _words(self, atom: Atom, known: Findings) -> str:
        name, _, side = atom.finding.partition(":")
        label = self._base.finding[name].name
        if name in known.quantities:
            return f"{label} {known.quantities[name].text}" + (f" ({side})" if side else "")
        return known.labels.get(name, label) if atom.test == "present" else f"no {label}"


def _concluded(rule: CompiledRule, inference: Inference) -> bool:
    if rule.kind == "criterion":
        return (rule.target, rule.index) in inference.criteria
    return rule.target in (inference.red_flags if rule.kind == "red_flag" else inference.presence)


def _holds(atom: Atom, known: Findings, inference: Inference) -> bool:
    if atom.test in ("present", "absent"):
        return inference.presence.get(atom.finding) is (atom.test == "present")
    quantity = known.quantities.get(atom.finding)
    return quantity is not None and satisfied(atom, quantity)
