"""From everything a record says to one Patient: corrections, look-back windows, contradictions, one blood sample."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from leukoref.errors import InputError
from leukoref.findings import resolve
from leukoref.interop import fhir_times as times
from leukoref.interop.fhir_concepts import Concepts
from leukoref.interop.fhir_facts import Dose, Fact, Ledger, Outcome
from leukoref.interop.fhir_intake import SUPERSEDED
from leukoref.interop.fhir_read import moment
from leukoref.interop.fhir_values import sex_of
from leukoref.knowledge.vocabulary import DAYS_PER_YEAR
from leukoref.patient import OLDEST_YEARS, Medication, Observation, Patient

WHITE_CELLS = "wbc"
DAY = dt.timedelta(days=1)
EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)
LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)


class Settlement:
    """Decides for one ledger what counts at ``as_of`` (by default the newest date of a fact that is not to come)."""

    def __init__(self, ledger: Ledger, concepts: Concepts, as_of: dt.datetime | None) -> None:
        self.ledger = ledger
        self.concepts = concepts
        self.base = concepts.base
        self.as_of = as_of
        self.outdated: dt.datetime | None = None
        self.fates: dict[str, tuple[Outcome, str]] = {}

    def patient(self) -> Patient:
        """The patient as known at ``as_of``; the ledger's entries say afterwards what became of each resource."""
        facts = self._newest_versions(self.ledger.facts)
        found = self.as_of is None
        if found:
            facts = self._up_to_now(facts)
        facts = self._known_by_then(facts)
        groups: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            groups[fact.key].append(fact)
        kept: list[Fact] = []
        for key, group in groups.items():
            group = self._window(key, group)
            if group:
                kept += self._counted(group) if group[0].quantity else self._agreed(group)
        self._measured_since(kept)
        if found:
            self._warn_of_outdated(kept)
        kept = self._one_sample(kept)
        medications = self._courses()
        used = {fact.reference for fact in kept}
        for reference, (outcome, reason) in self.fates.items():
            if reference not in used:
                self.ledger.decide(reference, outcome, reason)
        for fact in kept:
            entry = self.ledger.entries.get(fact.reference)
            if fact.earlier and entry and not entry.reason and len(entry.findings) == 1:
                self.ledger.note(fact.reference, "used", "as an earlier finding", entry.findings)
        return Patient(
            age=self._age(), sex=self._sex(), setting=self._setting(), as_of=self.as_of,
            observations=tuple(self._observation(fact) for fact in sorted(kept, key=_order)),
            medications=tuple(medications),
        )  # fmt: skip

    def _drop(self, fact: Fact, outcome: Outcome, reason: str) -> None:
        self.fates[fact.reference] = (outcome, reason)

    # -- versions and time ------------------------------------------------------------------------------------

    def _newest_versions(self, facts: list[Fact]) -> list[Fact]:
        """One business identifier is one result: its newest version counts, or none if that took it back."""
        if not self.ledger.repeated and not self.ledger.voided:
            return facts
        newest: dict[tuple[tuple[str, str], str], tuple[float, int, int]] = {}
        for position, fact in enumerate(facts):
            for identifier in fact.identifiers:
                key = (identifier, fact.key)
                newest[key] = max(newest.get(key, (-1.0, 0, 0)), (moment(fact.version), fact.rank, position))
        keepers = {key: facts[found[2]].reference for key, found in newest.items()}
        kept = []
        for fact in facts:
            own = [(identifier, fact.key) for identifier in fact.identifiers]
            voided = [self.ledger.voided[key] for key in own if key in self.ledger.voided]
            if any(moment(stamp) >= moment(fact.version) for stamp in voided):
                self._drop(fact, "not_relevant", "taken back by a newer version")
            elif any(keepers[key] != fact.reference for key in own):
                self._drop(fact, "not_relevant", SUPERSEDED)
            else:
                kept.append(fact)
        return kept

    def _up_to_now(self, facts: list[Fact]) -> list[Fact]:
        """Takes the time of the assessment from the newest fact and refuses what is dated in the future: one wrong
        year would make everything else history. A day is left for clocks and zones. Where only drugs are dated, it is
        now."""
        limit = now() + DAY
        kept = []
        for fact in facts:
            if fact.time is not None and fact.time > limit:
                self._drop(fact, "rejected", "dated in the future")
            else:
                kept.append(fact)
        times = [fact.time for fact in kept] + [fact.until for fact in kept] + [time for time, _ in self.ledger.ages]
        self.as_of = max((time for time in times if time is not None and time <= limit), default=None)
        if self.as_of is None and any(dose.start or dose.stop for dose in self.ledger.doses):
            self.as_of = now()
            self._warn("no result or condition is dated, only drugs: the record is read as of today")
        return kept

    def _known_by_then(self, facts: list[Fact]) -> list[Fact]:
        kept = []
        for fact in facts:
            if fact.time is not None and self.as_of is not None and fact.time > self.as_of:
                self._drop(fact, "not_relevant", "later than the time of the assessment")
            else:
                if fact.until is not None and self.as_of is not None and fact.until > self.as_of:
                    fact.earlier = False  # over by now, but not then
                kept.append(fact)
        return kept

    def _window(self, key: str, group: list[Fact]) -> list[Fact]:
        """What lies before the look-back window of its finding is not the present state: counts whose course matters
        (how long has it been low?) stay as earlier results, the rest is left aside."""
        window = self.concepts.window(key)
        if window is None or self.as_of is None:
            return group
        limit = self.as_of - window * DAY
        kept = []
        for fact in group:
            if fact.time is None or fact.time >= limit or fact.earlier or not fact.windowed:
                kept.append(fact)
            elif key in self.base.duration_findings:
                fact.earlier = True
                self.outdated = max(fact.time, self.outdated or EARLIEST)
                kept.append(fact)
            else:
                self._drop(fact, "not_relevant", "before the look-back window of its finding")
        return kept

    def _warn_of_outdated(self, facts: list[Fact]) -> None:
        """Says so where something newer than every blood count set the time of the assessment, and none counts."""
        current = any(fact.quantity and not fact.earlier and fact.key in self.base.duration_findings for fact in facts)
        if self.outdated is not None and self.as_of is not None and not current:
            self._warn(
                f"the newest blood count is of {self.outdated:%Y-%m-%d} and counts as earlier, since the record has "
                f"something of {self.as_of:%Y-%m-%d}; to assess it as the present state, give its date as as_of"
            )

    # -- several facts of one finding -------------------------------------------------------------------------

    def _counted(self, group: list[Fact]) -> list[Fact]:
        """Of results at one time a correction beats a final, a final a preliminary; undated yield to dated."""
        dated = [fact for fact in group if fact.time is not None]
        best: dict[dt.datetime | None, int] = {}
        for fact in group:
            best[fact.time] = max(best.get(fact.time, 0), fact.rank)
        kept = []
        for fact in group:
            if fact.rank < best[fact.time]:
                self._drop(fact, "not_relevant", "superseded by a later status of the same result")
            elif fact.time is None and dated and not fact.earlier:
                self._drop(fact, "not_relevant", "undated, where dated results exist")
            else:
                kept.append(fact)
        if any(fact.rank == 0 for fact in kept):
            self.ledger.warnings["preliminary results were read; they may change"] = None
        return kept

    def _agreed(self, group: list[Fact]) -> list[Fact]:
        """Of contradicting statements the newest is the present state; of one time, none."""
        now = [fact for fact in group if not fact.earlier]
        if len({fact.present for fact in now}) < 2:
            return group
        newest = max((fact.time for fact in now if fact.time is not None), default=None)
        last = [fact for fact in now if fact.time == newest]
        if len({fact.present for fact in last}) > 1:
            for fact in now:
                self._drop(fact, "rejected", "stated present and absent at one time")
            return [fact for fact in group if fact.earlier]
        for fact in now:
            fact.earlier = fact.present != last[0].present
        return group

    def _measured_since(self, facts: list[Fact]) -> None:
        """A count that words called low or high, and that was measured since, is what was measured."""
        newest: dict[str, dt.datetime] = {}
        for fact in facts:
            if fact.quantity and fact.time is not None and not fact.earlier:
                newest[fact.key] = max(fact.time, newest.get(fact.key, EARLIEST))
        words = {word: key for key in newest for word in self.concepts.flagged(self.base.finding[key]) if word}
        for fact in facts:
            measured = newest.get(words.get(fact.key, ""))
            if measured is not None and fact.time is not None and fact.time < measured:
                fact.earlier = True

    # -- one blood sample -------------------------------------------------------------------------------------

    def _one_sample(self, facts: list[Fact]) -> list[Fact]:
        """Shares of the differential belong to the white cell count of their own sample and to no other."""
        shares = {part for ways in self.base.differential.values() for way in ways for part in way}
        counts = {WHITE_CELLS, *self.base.differential}
        family = [f for f in facts if f.quantity and not f.earlier and (f.key in shares or f.key in counts)]
        newest = max((f for f in family if f.key == WHITE_CELLS), key=_when, default=None)
        if newest is not None:
            for fact in family:
                if fact.key in shares and not _same_sample(fact, newest):
                    fact.earlier = True
        family = [f for f in family if not f.earlier]
        if len({f.key for f in family}) < 2 or not self._contradiction(family):
            return facts
        last = max(family, key=_when)
        for fact in family:
            fact.earlier = not _same_sample(fact, last)
        family = [f for f in family if not f.earlier]
        problem = self._contradiction(family)
        if not problem:
            return facts
        for fact in family:
            self._drop(fact, "rejected", f"the counts of this sample contradict each other: {problem}")
        refused = {id(fact) for fact in family}
        return [fact for fact in facts if id(fact) not in refused]

    def _contradiction(self, family: list[Fact]) -> str:
        try:
            resolve(Patient(observations=tuple(map(self._observation, family)), as_of=self.as_of), self.base)
        except InputError as error:
            return error.problem
        return ""

    def _observation(self, fact: Fact) -> Observation:
        """What is not said is not handed on: every field costs its check, and a feed has many facts."""
        said: dict[str, Any] = {"finding": fact.key, "time": fact.time, "reference": fact.reference}
        if fact.quantity:
            said["value"], said["unit"] = fact.value, fact.unit
            if fact.comparator:
                said["comparator"] = fact.comparator
        else:
            said["present"] = fact.present
        if fact.earlier:
            said["when"] = "earlier"
        return Observation(**said)

    # -- drugs ------------------------------------------------------------------------------------------------

    def _courses(self) -> list[Medication]:
        """Records of one drug that follow each other within its exposure window are one course."""
        doses: dict[str, list[Dose]] = defaultdict(list)
        for dose in self.ledger.doses:
            if self._taken(dose):
                for drug in dose.drugs:
                    doses[drug].append(dose)
        windows = self.base.parameter("exposure_windows")
        gap = windows[self.base.parameter("culprit_finding")] * DAY
        return [course for drug in sorted(doses) for course in self._merged(drug, doses[drug], gap)]

    def _taken(self, dose: Dose) -> bool:
        if self.as_of is not None and dose.start is not None and dose.start > self.as_of:
            reason = "starts after the time of the assessment"
            self.ledger.note(dose.reference, "not_relevant", reason, dose.drugs)
            return False
        for drugs, reference, time in self.ledger.refusals:
            before = time is None or dose.start is None or dose.start <= time
            if before and not dose.given and set(drugs) & set(dose.drugs):
                self.ledger.note(dose.reference, "rejected", f"not taken, according to {reference}", dose.drugs)
                return False
        return True

    def _merged(self, drug: str, doses: list[Dose], gap: dt.timedelta) -> list[Medication]:
        spans: list[tuple[dt.datetime | None, dt.datetime | None, str]] = []
        for dose in sorted(doses, key=lambda d: (d.start or EARLIEST, d.reference)):
            stop = self._stop(dose, gap)
            if spans and (spans[-1][1] is None or dose.start is None or dose.start - spans[-1][1] <= gap):
                start, last, reference = spans[-1]
                spans[-1] = (start, None if last is None or stop is None else max(last, stop), reference)
            else:
                spans.append((dose.start, stop, dose.reference))
        name = self.base.drug[drug].name
        return [Medication(name=name, start=start, stop=stop, reference=reference) for start, stop, reference in spans]

    def _stop(self, dose: Dose, gap: dt.timedelta) -> dt.datetime | None:
        """When a dose ended; None while it goes on. Of one that has ended nobody says when, the last day that it can
        be expected to have lasted (`unstated_end` of the weighing)."""
        if dose.stop is not None:
            return None if self.as_of is not None and dose.stop > self.as_of else dose.stop
        if not dose.ended:
            return None
        stop, reason = None, "has ended, at a time that is not stated"
        if dose.start is not None and self.as_of is not None:
            days = self.base.parameter("unstated_end")
            stop, reason = min(dose.start + days * DAY, self.as_of), f"its end is not stated: taken to last {days} days"
        self.ledger.note(dose.reference, "used", reason, dose.drugs)
        if stop is None or self.as_of is None or stop + gap >= self.as_of:
            names = ", ".join(self.base.drug[drug].name for drug in dose.drugs)
            self._warn(f"{names}: has ended, at a time that is not stated, and counts as taken")
        return stop

    # -- the person -------------------------------------------------------------------------------------------

    def _age(self) -> str | None:
        born = self.ledger.patient.get("birthDate")
        if born is not None:
            days = times.birth(born, self.as_of or now())
            if days is None:
                self._warn("the birth date cannot be read; the age is left out")
            elif -1 <= days <= OLDEST_YEARS * DAYS_PER_YEAR:
                if self.as_of is None:
                    self._warn("nothing in the record is dated: the age is that of today")
                return f"{max(days, 0.0)!r} d"
            else:
                self._warn("the birth date gives no possible age; the age is left out")
        known = [pair for pair in self.ledger.ages if pair[0] is None or not self.as_of or pair[0] <= self.as_of]
        if known:
            _, years = max(known, key=lambda pair: (pair[0] is not None, pair[0] or EARLIEST))
            return f"{years!r} a" if 0 <= years <= OLDEST_YEARS else None
        return None

    def _sex(self) -> str | None:
        gender = self.ledger.patient.get("gender")
        if gender in ("female", "male"):
            return str(gender)
        return sex_of(self.ledger.patient.get("extension")) or ("unknown" if gender else None)

    def _setting(self) -> str | None:
        known = [pair for pair in self.ledger.settings if pair[0] is None or not self.as_of or pair[0] <= self.as_of]
        if not known:
            return None
        return max(known, key=lambda pair: pair[0] or EARLIEST)[1]

    def _warn(self, text: str) -> None:
        self.ledger.warnings[text] = None


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _when(fact: Fact) -> dt.datetime:
    return fact.time or LATEST


def _order(fact: Fact) -> tuple[str, dt.datetime, float, str]:
    return fact.key, fact.time or LATEST, fact.value, fact.reference


def _same_sample(one: Fact, other: Fact) -> bool:
    """Drawn together: the same specimen, the same time, or the same day where one is dated to the day."""
    if one.time == other.time or (one.sample and one.sample == other.sample):
        return True
    if one.time is None or other.time is None or not (one.dated_to_day or other.dated_to_day):
        return False
    return one.time.date() == other.time.date()
