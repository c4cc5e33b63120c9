"""Quantities of a patient: units, which of several values counts, and the differential.

What cannot be measured so is an InputError that names the field.
"""

from __future__ import annotations

import math

from leukoref import timeline, units
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.vocabulary import Finding
from leukoref.known import OPEN_ABOVE, Findings, Measured, Quantity
from leukoref.patient import Observation

BLOOD_COUNT = "full_blood_count"  # the step of `rules/tests.yaml`


def as_measured(finding: Finding, observation: Observation, base: Knowledge) -> Finding:
    """'Neutrophils 75 %' names the count but means their share of the differential: the unit decides."""
    unit = units.meant(observation.unit or "", base.unit_index, finding.printed)
    if unit != finding.unit:
        for name in finding.otherwise_measured:
            other = base.finding[name]
            if unit == other.unit or (units.fits(unit, other.unit or "") and not units.fits(unit, finding.unit or "")):
                return other
    return finding


def measure(observation: Observation, finding: Finding, base: Knowledge, where: str) -> Quantity:
    """The observation as an interval in the finding's canonical unit."""
    if observation.value is None or finding.unit is None or finding.plausible is None:
        raise InputError(where, "is a quantity", f"give its value and unit, as in 'value, {finding.unit}'")
    unit = observation.unit or ""
    value = units.convert(
        observation.value, unit, finding.unit, field=where, aliases=base.unit_index, molar_mass=finding.molar_mass,
        printed=finding.printed,
    )  # fmt: skip
    value = float(f"{value:.12g}")  # 2.1 10*3/uL is 2.1 10*9/L, not 2.0999999999999996
    low, high = finding.plausible.low, finding.plausible.high
    if not low <= value <= high:
        problem = f"{observation.value:g} {unit} lies outside the possible {low:g} to {high:g} {finding.unit}"
        raise InputError(where, problem, _likely_unit(observation, finding, base))
    text = f"{observation.comparator or ''}{observation.value:g} {unit}"
    if observation.comparator in ("<", "<="):
        return Quantity(min(low, 0.0) if low <= 0 else low, _just(value, observation.comparator), text)
    if observation.comparator in (">", ">="):
        return Quantity(_just(value, observation.comparator), min(high, OPEN_ABOVE), text)
    return Quantity(value, value, text)


def _just(value: float, comparator: str) -> float:
    return {"<": math.nextafter(value, -math.inf), ">": math.nextafter(value, math.inf)}.get(comparator, value)


def _likely_unit(observation: Observation, finding: Finding, base: Knowledge) -> str:
    """The unit under which the number would be ordinary, as a question for the reader."""
    value, given = observation.value or 0.0, units.ucum(observation.unit or "", base.unit_index)
    bounds = [limit for ref in finding.reference for limit in (ref.low, ref.high) if limit is not None]
    if not bounds or finding.unit is None:
        return "check the value and its unit"
    for unit in sorted(base.unit_aliases, key=lambda code: -len(base.unit_aliases[code])):  # the commonest first
        try:
            slope, shift = units.factor(unit, finding.unit, finding.molar_mass)
        except ValueError:
            continue
        if unit != given and min(bounds) / 10 <= value * slope + shift <= max(bounds) * 10:
            return f"did you mean {value:g} {unit}?"
    return "check the value and its unit"


def latest(values: list[tuple[Observation, Quantity]], finding: Finding, known: Findings) -> Quantity:
    """The most recent value. Of several at one time the lowest or highest, as the finding says (`of_several`), else the
    range they span; with a warning. A lower and an upper bound that meet are the ends of one range."""
    values = _of_one_stage(values, finding, known)
    newest = min(timeline.recency(observation) for observation, _ in values)
    last = [(observation, measured) for observation, measured in values if timeline.recency(observation) == newest]
    entries = [measured for _, measured in last]
    if len({(entry.low, entry.high) for entry in entries}) == 1:
        return entries[0]
    lows, highs = [entry.low for entry in entries], [entry.high for entry in entries]
    both = " and ".join(sorted({entry.text for entry in entries}))
    if {(observation.comparator or " ")[0] for observation, _ in last} == {"<", ">"} and max(lows) <= min(highs):
        return Quantity(max(lows), min(highs), both)
    if finding.of_several is None:
        known.warnings.append(f"{finding.name}: several values at one time; the range they span is used")
        return Quantity(min(lows), max(highs), both)
    known.warnings.append(f"{finding.name}: several values at one time; the {finding.of_several} is used")
    chosen = min if finding.of_several == "lowest" else max
    text = chosen(entries, key=lambda entry: (entry.high, entry.low)).text
    return Quantity(chosen(lows), chosen(highs), f"{text} ({finding.of_several} of {len(entries)})", max(highs))


def _of_one_stage(
    values: list[tuple[Observation, Quantity]], finding: Finding, known: Findings
) -> list[tuple[Observation, Quantity]]:
    """What was measured again under confirmation is the later result and holds, but for a blood count: one that has
    recovered by then was low all the same."""
    counted = finding.test == BLOOD_COUNT
    kept = [entry for entry in values if (entry[0].stage == "confirmation") is not counted]
    if not 0 < len(kept) < len(values):
        return values
    held = "the value at presentation holds" if counted else "the later value holds"
    known.warnings.append(f"{finding.name}: measured again under confirmation; {held}")
    return kept


def differential(known: Findings, base: Knowledge) -> None:
    """Absolute counts from the white cell count and percentages, and the check of one against the other."""
    parts = {part for ways in base.differential.values() for way in ways for part in way}
    stated = [known.quantities[part].low for part in parts if part in known.quantities]
    split = {"segmented_neutrophils_percent", "band_neutrophils_percent"} & set(known.quantities)
    if "neutrophils_percent" in known.quantities and split:
        stated.append(-sum(known.quantities[part].low for part in split))
    tolerance = base.parameter("differential_tolerance")
    if sum(stated) > 100 * (1 + tolerance["sum"]):
        raise InputError("differential", f"percentages add up to {sum(stated):g} %", "they are shares of 100 %")
    wbc = known.quantities.get("wbc")
    for count, ways in base.differential.items():
        way = next((way for way in ways if all(part in known.quantities for part in way)), None)
        if way is None:
            continue
        shares = tuple(sum(getattr(known.quantities[part], end) for part in way) for end in ("low", "high"))
        if wbc is None and any(shares):
            continue
        low, high = (wbc.low * shares[0] / 100, wbc.high * shares[1] / 100) if wbc else (0.0, 0.0)  # 0 % of any count
        given = known.quantities.get(count)
        if given is None:
            text = f"{low:.3g} 10*9/L (from {' + '.join(base.finding[part].name for part in way)})"
            known.quantities[count] = Quantity(float(f"{low:.12g}"), float(f"{high:.12g}"), text)
        elif abs(given.low - low) > max(tolerance["count"] * max(given.low, low), tolerance["least"]):
            known.warnings.append(
                f"{base.finding[count].name}: {given.text} is not what the differential gives ({low:.3g})"
            )


def counts_are_possible(known: Findings, measured: Measured) -> None:
    """More neutrophils than white cells are a misprint, unless the two are of different stages or of several counts."""
    wbc, anc = known.quantities.get("wbc"), known.quantities.get("anc")
    if wbc is None or anc is None:
        return
    stages = [
        {observation.stage for observation, _ in measured.get(name, ()) if observation.when == "now"}
        for name in ("wbc", "anc")
    ]
    if all(stages) and not stages[0] & stages[1]:
        return
    if anc.low > max(wbc.high, wbc.most) * 1.05:
        raise InputError("anc", f"{anc.text} is more than the white cell count of {wbc.text}", "check both values")
