"""From a patient to finding states: names resolved, units converted, counts computed and checked.

The result holds only what was said or follows arithmetically; what follows by rule is the engine's job.
"""

from __future__ import annotations

from leukoref import measuring, reference, timeline, units
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import suggestions
from leukoref.knowledge.vocabulary import Finding, age_in_years
from leukoref.known import AGE, Findings, Measured, Quantity
from leukoref.matching import match_name
from leukoref.meaning import Match, denied_with, meant, told
from leukoref.patient import Observation, Patient

RAYS = "Gy"  # the unit of a dose of radiation


def resolve(patient: Patient, base: Knowledge) -> Findings:
    """Finding states of a patient. Raises InputError for units, ranges and contradictions."""
    known = Findings()
    measured: Measured = {}
    said_last = (o for o in patient.observations if o.stage == "confirmation" and o.when == "now")
    settled = {o.finding: o.present for o in said_last if o.present is not None}  # a value contradicts no presence
    for position, observation in enumerate(patient.observations):
        where = f"observations.{position} ({observation.finding[:60]})"
        match = _matched(observation, base, where)
        if match is None:
            known.unrecognized.append(_unrecognised(observation, base))
            continue
        known.recognised += 1
        timeline.check_time(observation.time, patient.as_of, where)
        finding, match = _meant(match, observation, base)
        if finding is None or finding.kind == "presence":
            _note_said(known, match, observation, settled, base, where)
        elif observation.present is None:
            finding = measuring.as_measured(finding, observation, base)
            value = measuring.measure(observation, finding, base, where)
            measured.setdefault(finding.id, []).append((observation, value))
        elif match.contrary and not observation.present:
            _note_contrary(known, match, observation, base)
        else:
            _without_value(known, finding, observation, base, where)
    for name, state, other in base.denies:
        if known.presence.get(name) is state:
            known.presence.setdefault(other, False)
    _lift_denials(known, base)
    for name, values in measured.items():
        current = [entry for entry in values if entry[0].when == "now"]
        if current:
            known.quantities[name] = measuring.latest(current, base.finding[name], known)
            _refer(known, name, current[-1][0])
    _demography(known, patient, base)
    measuring.differential(known, base)
    measuring.counts_are_possible(known, measured)
    known.exposures = timeline.exposures(known, patient, base)
    _uncounted(known, base)
    timeline.durations(known, measured, patient, base)
    timeline.earlier_counts(known, measured, patient, base)
    reference.positions(known, patient, base)
    return known


def _matched(observation: Observation, base: Knowledge, where: str) -> Match | None:
    """What an observation's name and code stand for. A test or an organism that is there under `confirmation` was
    positive or found, also where the name leaves that out; a cause may be named there that is no finding."""
    match = match_name(observation.finding, observation.code, base, where, absent=observation.present is False)
    if told(match) or observation.stage != "confirmation" or not observation.present:
        return match
    left_out = base.lexicon.roles.get("left_out", ())
    fuller = (match_name(f"{observation.finding} {word}", None, base, where, absent=False) for word in left_out)
    found = next((found for found in fuller if found is not None and meant(found)), match)
    return Match(None, label=observation.finding) if found is None and base.concluded(observation.finding) else found


def _meant(match: Match, observation: Observation, base: Knowledge) -> tuple[Finding | None, Match]:
    """The finding a name stands for, given how it is reported: a quantity said to be there is what its presence
    means, and a presence with a value the quantity behind it."""
    finding = base.finding[match.finding] if match.finding else None
    if finding is not None and finding.if_present and observation.present is not None:
        finding = base.finding[finding.if_present]
        match = Match(finding.id, label=observation.finding, contrary=match.contrary)
    if finding is not None and finding.kind == "presence" and observation.value is not None:
        return _measured_instead(finding, match, observation, base)
    return finding, match


def _note_said(
    known: Findings, match: Match, observation: Observation, settled: dict[str, bool], base: Knowledge, where: str
) -> None:
    """What is said to be there or not; of something earlier only what lasts."""
    if observation.when != "now":
        if (left := left_of(match, observation.present is not False, base)) is not None:
            _note_presence(known, left, observation.model_copy(update={"present": True}), base, where)
    elif settled.get(observation.finding, observation.present) == observation.present:
        if not _note_diagnosis(known, match, observation, base) or told(match):
            _note_presence(known, match, observation, base, where)
    else:
        known.warnings.append(f"{observation.finding}: the result under confirmation is the later one and holds")


def left_of(match: Match, there: bool, base: Knowledge) -> Match | None:
    """What holds now of something that was there before this illness, or was not; None if nothing does."""
    absent = (*match.excluded,) if there else denied_with(match)
    left = (*(base.lasting(meant(match)) if there else ()), *base.spared(absent))
    return Match(None, label=match.label if there else f"no {match.label}", implied=left) if left else None


def _note_presence(known: Findings, match: Match, observation: Observation, base: Knowledge, where: str) -> None:
    state = observation.present if observation.present is not None else bool(observation.value)
    if match.finding is None:
        if match.warning:
            known.warnings.append(f"{match.label}: {match.warning}")
        if observation.value is not None and not _is_dose(observation):
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


def _is_dose(observation: Observation) -> bool:
    """A field with the dose of its rays ('craniospinal irradiation', 36 Gy) was irradiated."""
    return (observation.unit or "").endswith(RAYS)


def _note_diagnosis(known: Findings, match: Match, observation: Observation, base: Knowledge) -> bool:
    """Whether a cause is named under `confirmation`: it is what the work-up came to; before it a name may be old, or a
    guess. By its own name, or by a finding that is its name."""
    if observation.stage != "confirmation" or not observation.present:
        return False
    named = {base.diagnosed[name]: match.label or base.finding[name].name
             for name in meant(match) if name in base.diagnosed}  # fmt: skip
    if cause := base.concluded(observation.finding):
        named[cause] = observation.finding
    for cause, label in named.items():
        known.confirmed.setdefault(cause, label)
    return bool(named)


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


def _uncounted(known: Findings, base: Knowledge) -> None:
    """'Neutropenia' and no count: how deep it is is not known, which a rule may ask for."""
    for name, deeper, count, other in base.uncounted:
        untold = count not in known.quantities and other not in known.presence
        if known.presence.get(name) and untold and not any(map(known.presence.get, deeper)):
            known.presence[other] = True
            known.labels[other] = f"{base.finding[other].name} ({known.labels[name]})"


def _unrecognised(observation: Observation, base: Knowledge) -> dict[str, object]:
    entry: dict[str, object] = {"finding": observation.finding}
    if observation.code:
        entry["code"] = observation.code
    near = [base.finding_names[name] for name in suggestions(observation.finding, base.finding_names)]
    entry["suggestions"] = [base.finding[name].name for name in dict.fromkeys(near)]
    if observation.reference:
        entry["reference"] = observation.reference
    return entry
