"""From a patient to finding states: names resolved, units converted, counts computed and checked.

The result holds only what was said or follows arithmetically; what follows by rule is the engine's job.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from leukoref import timeline, units
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import high_side, low_side
from leukoref.knowledge.names import suggestions
from leukoref.knowledge.vocabulary import Finding, ReferenceInterval, age_in_years
from leukoref.matching import match_name
from leukoref.meaning import Match, meant
from leukoref.patient import Observation, Patient

AGE = "age"
BLOOD_COUNT = "full_blood_count"  # the step of `rules/tests.yaml`
OPEN_ABOVE = 1e12  # stands for "no upper limit": durable-rules cannot read infinity


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured finding as the interval its value lies in (one number unless a comparator was given); ``most`` is the
    highest of several at one time."""

    low: float
    high: float
    text: str
    most: float = -math.inf

    @property
    def exact(self) -> float | None:
        return self.low if self.low == self.high else None


@dataclass(slots=True)
class Findings:
    """What is known before any rule is applied."""

    presence: dict[str, bool] = field(default_factory=dict)
    quantities: dict[str, Quantity] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    denials: dict[str, str] = field(default_factory=dict)  # how an absence is said where "no ..." is not how
    references: dict[str, list[str]] = field(default_factory=dict)
    unrecognized: list[dict[str, object]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exposures: list[timeline.Exposure] = field(default_factory=list)
    confirmed: dict[str, str] = field(default_factory=dict)  # cause -> as what it is named under `confirmation`
    recognised: int = 0


Measured = dict[str, list[tuple[Observation, Quantity]]]


def resolve(patient: Patient, base: Knowledge) -> Findings:
    """Finding states of a patient. Raises InputError for units, ranges and contradictions."""
    known = Findings()
    current: Measured = {}
    series: list[timeline.Count] = []
    said_last = (o for o in patient.observations if o.stage == "confirmation" and o.when == "now")
    settled = {o.finding: o.present for o in said_last if o.present is not None}  # a value contradicts no presence
    for position, observation in enumerate(patient.observations):
        where = f"observations.{position} ({observation.finding[:60]})"
        match = match_name(observation.finding, observation.code, base, where, absent=observation.present is False)
        if match is None:
            known.unrecognized.append(_unrecognised(observation, base))
            continue
        known.recognised += 1
        timeline.check_time(observation.time, patient.as_of, where)
        finding = base.finding[match.finding] if match.finding else None
        if finding is not None and finding.if_present and observation.present is not None:
            match = Match(finding.if_present, label=observation.finding, contrary=match.contrary)
            finding = base.finding[finding.if_present]
        if finding is not None and finding.kind == "presence" and observation.value is not None:
            finding, match = _measured_instead(finding, match, observation, base)
        if finding is not None and finding.kind == "quantity" and observation.present is not None:
            if match.contrary and not observation.present:
                _note_contrary(known, match, observation, base)
            else:
                _without_value(known, finding, observation, base, where)
        elif finding is not None and finding.kind == "quantity":
            finding = _as_measured(finding, observation, base)
            measured = _measure(observation, finding, base, where)
            series.append(timeline.Count(finding.id, observation, measured.low, measured.high))
            if observation.when == "now":
                current.setdefault(finding.id, []).append((observation, measured))
        elif observation.when == "now":
            if settled.get(observation.finding, observation.present) == observation.present:
                _note_presence(known, match, observation, base, where)
                _note_diagnosis(known, match, observation, base)
            else:
                known.warnings.append(
                    f"{observation.finding}: the result under confirmation is the later one and holds"
                )
        elif observation.present and (lasting := lasting_of(match, base)):
            _note_presence(known, lasting, observation, base, where)
    for name, other in base.absent_denies:
        if known.presence.get(name) is False:
            known.presence.setdefault(other, False)
    _lift_denials(known, base)
    for name, values in current.items():
        known.quantities[name] = _latest(values, base.finding[name], known)
        _refer(known, name, values[-1][0])
    _demography(known, patient, base)
    _differential(known, base)
    _counts_are_possible(known, current)
    _uncounted(known, base)
    timeline.durations(known, series, patient, base)
    known.exposures = timeline.exposures(known, patient, base)
    _reference_positions(known, patient, base)
    return known


def lasting_of(match: Match, base: Knowledge) -> Match | None:
    """What still holds of something that was there before this illness; None if nothing does."""
    lasting = base.lasting(meant(match))
    return Match(None, label=match.label, implied=lasting) if lasting else None


def _note_presence(known: Findings, match: Match, observation: Observation, base: Knowledge, where: str) -> None:
    state = observation.present if observation.present is not None else bool(observation.value)
    if match.finding is None:
        if match.warning:
            known.warnings.append(f"{match.label}: {match.warning}")
        if observation.value is not None:
            match = Match(None, label=match.label)  # a value of something wider or narrower says nothing of it
        said = [(name, True) for name in match.implied] if state else [(name, False) for name in match.denied]
        said += [(name, False) for name in match.excluded] if state else [(name, True) for name in match.contrary]
        said = [(name, present) for name, present in said if base.finding[name].kind == "presence"]
        if not said:
            known.unused.append(match.label if state else f"no {match.label}")
        for name, present in said:
            if present and known.presence.get(name) is False and "(" in known.labels.get(name, ""):
                known.presence[name] = True  # said to be there outweighs said in passing not to be, in any order
            known.presence.setdefault(name, present)
            known.labels.setdefault(name, f"{base.finding[name].name} ({match.label})")
            _refer(known, name, observation)
        return
    name = match.finding
    if known.presence.get(name, state) != state and name in known.labels and "(" not in known.labels[name]:
        raise InputError(where, "both present and absent at one time", "mark one `when: earlier` or drop it")
    known.presence[name] = state
    known.labels[name] = base.finding[name].name
    _refer(known, name, observation)
    if not state:
        _note_contrary(known, match, observation, base)


def _note_diagnosis(known: Findings, match: Match, observation: Observation, base: Knowledge) -> None:
    """A cause named under `confirmation` is what the work-up came to; before it a name may be old, or a guess."""
    if observation.stage == "confirmation" and observation.present:
        for name in meant(match):
            if name in base.diagnosed:
                known.confirmed.setdefault(base.diagnosed[name], match.label or base.finding[name].name)


def _lift_denials(known: Findings, base: Knowledge) -> None:
    """'No lymphadenopathy', and a large node in the neck: what is there outweighs the wider denial."""
    for name in [name for name, present in known.presence.items() if present]:
        for wider in base.ancestors.get(name, ()):
            if known.presence.get(wider) is False:
                known.presence[wider] = True
                what, label = base.finding[wider].name, known.labels[name]
                known.labels[wider] = f"{what} ({label})"
                known.warnings.append(f"{what}: said to be absent, but {label} is there; taken as present")


def _note_contrary(known: Findings, match: Match, observation: Observation, base: Knowledge) -> None:
    """An abnormal film said to be absent is a normal film."""
    for name in match.contrary:
        known.presence.setdefault(name, True)
        known.labels.setdefault(name, f"{base.finding[name].name} (no {match.label})")
        _refer(known, name, observation)


def _measured_instead(
    finding: Finding, match: Match, observation: Observation, base: Knowledge
) -> tuple[Finding | None, Match]:
    """A value given for a finding that is present or not: the quantity behind it, or, where the value alone does not
    say whether ('anti-dsDNA positive, 17 IU/mL'), nothing."""
    if not base.lexicon.is_level(finding.name):
        return finding, match
    unit = units.ucum(observation.unit or "", base.unit_index)
    for other in base.measured_as.get(finding.id, ()):
        if units.fits(unit, base.finding[other].unit or ""):
            return base.finding[other], Match(other, label=match.label)
    return None, Match(None, label=match.label, warning="a value alone does not say whether it is so; it is not used")


def _without_value(known: Findings, finding: Finding, observation: Observation, base: Knowledge, where: str) -> None:
    """A quantity only said to be there or not: nothing follows. The counts the answer rests on must have a value."""
    if observation.present and any(finding.id == part.finding for scale in base.scales for part in scale.inputs):
        raise InputError(where, "is a quantity", f"give its value and unit, as in 'value, {finding.unit}'")
    known.unused.append(finding.name if observation.present else f"no {finding.name}")
    known.warnings.append(f"{finding.name}: given without a value; nothing is concluded from it")


def _refer(known: Findings, name: str, observation: Observation) -> None:
    if observation.reference:
        known.references.setdefault(name, []).append(observation.reference)


def _as_measured(finding: Finding, observation: Observation, base: Knowledge) -> Finding:
    """'Neutrophils 75 %' names the count but means their share of the differential: the unit decides."""
    unit = units.meant(observation.unit or "", base.unit_index, finding.printed)
    if unit != finding.unit:
        for name in finding.otherwise_measured:
            other = base.finding[name]
            if unit == other.unit or (units.fits(unit, other.unit or "") and not units.fits(unit, finding.unit or "")):
                return other
    return finding


def _measure(observation: Observation, finding: Finding, base: Knowledge, where: str) -> Quantity:
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


def _latest(values: list[tuple[Observation, Quantity]], finding: Finding, known: Findings) -> Quantity:
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


def _demography(known: Findings, patient: Patient, base: Knowledge) -> None:
    if patient.age is not None and AGE in base.finding:
        known.quantities[AGE] = Quantity(patient.age, patient.age, age_text(patient.age))
    if patient.sex in ("female", "male"):
        for sex in ("female", "male"):
            if sex in base.finding:
                known.presence[sex] = patient.sex == sex
                known.labels[sex] = base.finding[sex].name
        if "female" in base.finding and patient.sex == "male":
            known.denials["female"] = "male sex"


def age_text(years: float) -> str:
    """An age as a clinician says it: days in the first month, months in the first two years, then years."""
    for limit, unit in (("29 d", "d"), ("24 mo", "mo")):
        if years < age_in_years(limit):
            return f"{years / age_in_years(f'1 {unit}'):.0f} {unit}"
    return f"{years:.0f} a"


def _differential(known: Findings, base: Knowledge) -> None:
    """Absolute counts from the white cell count and percentages, and the check of one against the other."""
    shares = {part for ways in base.differential.values() for way in ways for part in way}
    stated = [known.quantities[part].low for part in shares if part in known.quantities]
    split = {"segmented_neutrophils_percent", "band_neutrophils_percent"} & set(known.quantities)
    if "neutrophils_percent" in known.quantities and split:
        stated.append(-sum(known.quantities[part].low for part in split))
    tolerance = base.parameter("differential_tolerance")
    if sum(stated) > 100 * (1 + tolerance["sum"]):
        raise InputError("differential", f"percentages add up to {sum(stated):g} %", "they are shares of 100 %")
    wbc = known.quantities.get("wbc")
    for count, ways in base.differential.items():
        way = next((way for way in ways if all(part in known.quantities for part in way)), None)
        if way is None or wbc is None:
            continue
        low = wbc.low * sum(known.quantities[part].low for part in way) / 100
        high = wbc.high * sum(known.quantities[part].high for part in way) / 100
        given = known.quantities.get(count)
        if given is None:
            text = f"{low:.3g} 10*9/L (from {' + '.join(base.finding[part].name for part in way)})"
            known.quantities[count] = Quantity(float(f"{low:.12g}"), float(f"{high:.12g}"), text)
        elif abs(given.low - low) > max(tolerance["count"] * max(given.low, low), tolerance["least"]):
            known.warnings.append(
                f"{base.finding[count].name}: {given.text} is not what the differential gives ({low:.3g})"
            )


def _counts_are_possible(known: Findings, current: Measured) -> None:
    """More neutrophils than white cells are a misprint, unless the two are of different stages or of several counts."""
    wbc, anc = known.quantities.get("wbc"), known.quantities.get("anc")
    if wbc is None or anc is None:
        return
    stages = [{observation.stage for observation, _ in current.get(name, ())} for name in ("wbc", "anc")]
    if all(stages) and not stages[0] & stages[1]:
        return
    if anc.low > max(wbc.high, wbc.most) * 1.05:
        raise InputError("anc", f"{anc.text} is more than the white cell count of {wbc.text}", "check both values")


def _uncounted(known: Findings, base: Knowledge) -> None:
    """'Neutropenia' and no count: how deep it is is not known, which a rule may ask for."""
    for name, deeper, count, other in base.uncounted:
        if known.presence.get(name) and count not in known.quantities and not any(map(known.presence.get, deeper)):
            known.presence[other] = True
            known.labels[other] = base.finding[other].name


def _reference_positions(known: Findings, patient: Patient, base: Knowledge) -> None:
    """Whether a quantity lies under or over its reference interval, for rules that ask so."""
    for name in list(known.quantities):
        interval = reference_interval(base.finding[name], patient, known)
        if interval is None:
            continue
        quantity = known.quantities[name]
        for side, limit in ((low_side(name), interval.low), (high_side(name), interval.high)):
            if limit is None:
                continue
            below = side == low_side(name)
            outside = quantity.high < limit if below else quantity.low > limit
            inside = quantity.low >= limit if below else quantity.high <= limit
            if outside or inside:
                known.presence[side] = outside


def reference_interval(finding: Finding, patient: Patient, known: Findings) -> ReferenceInterval | None:
    """The interval for the patient's age, sex and Duffy status; first match wins. An interval that needs
    something unknown (age, sex) is passed over; without an age the adult one is used, as laboratories do."""
    adult = age_in_years("18 a")
    age = patient.age if patient.age is not None else adult
    for interval in finding.reference:
        start = age_in_years(interval.from_) if interval.from_ else 0.0
        end = age_in_years(interval.to) if interval.to else math.inf
        if not start <= age < end or (interval.sex and interval.sex != patient.sex):
            continue
        if interval.duffy_null is not None and known.presence.get("duffy_null", False) != interval.duffy_null:
            continue
        return interval
    return None


def _unrecognised(observation: Observation, base: Knowledge) -> dict[str, object]:
    entry: dict[str, object] = {"finding": observation.finding}
    if observation.code:
        entry["code"] = observation.code
    near = [base.finding_names[name] for name in suggestions(observation.finding, base.finding_names)]
    entry["suggestions"] = [base.finding[name].name for name in dict.fromkeys(near)]
    if observation.reference:
        entry["reference"] = observation.reference
    return entry
