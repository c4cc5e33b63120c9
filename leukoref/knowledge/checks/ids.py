"""Ids: every name a rule file uses must be defined, and what is defined must have one meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from leukoref.knowledge.cause import Cause
from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Entry, Path_
from leukoref.knowledge.checks.walking import comparisons, statements
from leukoref.knowledge.loader import Complaint
from leukoref.knowledge.names import normalise, suggestions
from leukoref.knowledge.wording import KINDS_BY_ROLE, KINDS_LISTED, STAND_FOR_A_FINDING, WordGroup

_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
# A black stool names no race, and "benign ethnic neutropenia" is the old name of a diagnosis.
NAMES_RACE = re.compile(
    r"\b(race|racial|ethnic(?! neutropenia)\w*|caucasians?|hispanics?|latin[oa]s?|"
    r"african[- ]americans?|afro[- ]caribbeans?|"
    r"(black|white|asian) (people|persons?|patients?|men|women|race|ancestry|ethnicity|descent)|"
    r"\w+ (ancestry|ethnicity|descent)|ashkenazi\w*)\b",
    re.IGNORECASE,
)


def _unknown(kind: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    near = suggestions(name.replace("_", " "), [other.replace("_", " ") for other in known])
    hint = f"did you mean {near[0].replace(' ', '_')}?" if near else f"add the {kind} or correct the id"
    return f"unknown {kind} {name!r}", hint


def _complain(entry: Entry[Any], name: str, kind: str, known: Iterable[str], *path: str | int) -> Complaint:
    message, remedy = _unknown(kind, name, known)
    return entry.complain(f"unknown_{kind}", message, *path, remedy=remedy)


@check
def unknown_finding(draft: Draft) -> Iterator[Complaint]:
    """A rule names a finding that the vocabulary lacks."""
    known = draft.finding
    for entry, path, name in _named_findings(draft):
        if name not in known:
            yield _complain(entry, name, "finding", known, *path)
    for position, modifier in enumerate(draft.priors.value.modifiers if draft.priors else ()):
        if modifier.finding not in known and draft.priors:
            yield _complain(draft.priors, modifier.finding, "finding", known, "modifiers", position, "finding")
    for key in ("differential", "duration_findings"):
        for name in _words(draft.single.get(key)):
            if name not in known and name != "cycle":
                message, remedy = _unknown("finding", name, known)
                yield draft.complain("unknown_finding", "base.yaml", message, key, remedy=remedy)


def _named_findings(draft: Draft) -> Iterator[tuple[Entry[Any], Path_, str]]:
    for entry, path, comparison in comparisons(draft):
        yield entry, (*path, "finding"), comparison.finding
    for rule in draft.derived:
        yield rule, ("finding",), rule.value.finding
    for cause in draft.causes:
        for path, statement in statements(cause):
            if statement.finding is not None and statement.finding not in draft.scale:
                yield cause, (*path, "finding"), statement.finding
        for position, name in enumerate(cause.value.diagnosis):
            yield cause, ("diagnosis", position), name
    for scale in draft.scales:
        for part in ("inputs", "words"):
            for position, row in enumerate(getattr(scale.value, part)):
                yield scale, (part, position, "finding"), row.finding
    for finding in draft.findings:
        for field in ("is_a", "absent_denies", "present_denies", "otherwise_measured"):
            for position, other in enumerate(getattr(finding.value, field)):
                yield finding, (field, position), other
        for field in ("if_present", "earlier", "earlier_absent", "earlier_low"):
            if other := getattr(finding.value, field):
                yield finding, (field,), other
        if finding.value.uncounted:
            yield finding, ("uncounted", "count"), finding.value.uncounted.count
            yield finding, ("uncounted", "means"), finding.value.uncounted.means
    for drug in draft.drugs:
        for position, exposure in enumerate(drug.value.exposures):
            yield drug, ("exposures", position), exposure
    for group in draft.names:
        yield from ((group, path, name) for path, name in _findings_of_words(group.value))


def _findings_of_words(group: WordGroup) -> Iterator[tuple[Path_, str]]:
    """What the names of a group say of findings."""
    for words, findings in group.implies.items():
        if group.role == "qualifier":
            yield ("implies", words), words
        yield from ((("implies", words, position), name) for position, name in enumerate(findings))
    for field in ("denies", "findings"):
        yield from (((field, position), name) for position, name in enumerate(getattr(group, field)))
    if group.role in STAND_FOR_A_FINDING and group.as_:
        yield ("as",), group.as_


def _words(value: Any) -> Iterator[str]:
    """The strings inside nested lists and mappings, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *_words(inner))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _words(inner)


@check
def shared_diagnosis(draft: Draft) -> Iterator[Complaint]:
    """Two causes say that one finding, or one name, is theirs."""
    named: dict[str, str] = {}
    for entry in draft.causes:
        for field in ("diagnosis", "called"):
            for position, name in enumerate(getattr(entry.value, field)):
                other = named.setdefault(normalise(name), entry.value.id)
                if other != entry.value.id:
                    message = f"{name!r} is the diagnosis of {other} as well"
                    remedy = "leave it to one of them; a narrower finding may name the other"
                    yield entry.complain("shared_diagnosis", message, field, position, remedy=remedy)


@check
def unknown_cause(draft: Draft) -> Iterator[Complaint]:
    """A mimic, an example or a prior names a cause that has no file."""
    known = draft.cause_ids
    for entry in draft.causes:
        for position, mimic in enumerate(entry.value.mimics):
            if mimic not in known:
                yield _complain(entry, mimic, "cause", known, "mimics", position)
        for position, example in enumerate(entry.value.examples):
            above = example.expect.above
            if above is not None and above not in known:
                yield _complain(entry, above, "cause", known, "examples", position, "expect", "above")
    if draft.priors is None:
        return
    for name, setting in draft.priors.value.settings.items():
        for cause in setting.causes:
            if cause not in known:
                yield _complain(draft.priors, cause, "cause", known, "settings", name, "causes", cause)
    for position, modifier in enumerate(draft.priors.value.modifiers):
        if modifier.cause not in known:
            yield _complain(draft.priors, modifier.cause, "cause", known, "modifiers", position, "cause")


@check
def unknown_test(draft: Draft) -> Iterator[Complaint]:
    """A finding, a scale or an advice names a step of the work-up that `tests.yaml` lacks."""
    known = draft.test_ids
    for shelf in (draft.findings, draft.scales):
        for entry in shelf:
            if entry.value.test not in known:
                yield _complain(entry, entry.value.test, "test", known, "test")
    for cause in draft.causes:
        for position, advice in enumerate(cause.value.next_tests):
            if advice.test not in known:
                yield _complain(cause, advice.test, "test", known, "next_tests", position, "test")
    for group in draft.names:
        for position, test in enumerate(group.value.tests):
            if test not in known:
                yield _complain(group, test, "test", known, "tests", position)


@check
def unknown_kind(draft: Draft) -> Iterator[Complaint]:
    """A pattern of names, or a list of kinds, takes a kind of word that no group has: it never fits."""
    known = {*KINDS_BY_ROLE, *(entry.value.as_ for entry in draft.names if entry.value.role == "kind")}
    for entry in draft.names:
        role = entry.value.role
        for field in ("words", "beside") if role == "pattern" else ("beside",) if role in KINDS_LISTED else ():
            for position, kinds in enumerate(getattr(entry.value, field)):
                for kind in set(kinds.split()) - known:
                    yield _complain(entry, kind, "kind", known, field, position)


@check
def unknown_mechanism(draft: Draft) -> Iterator[Complaint]:
    """A cause is filed under a mechanism that `base.yaml` does not name."""
    known = draft.single.get("mechanisms") or {}
    for entry in draft.causes:
        for position, mechanism in enumerate(entry.value.mechanisms):
            if mechanism not in known:
                yield _complain(entry, mechanism, "mechanism", known, "mechanisms", position)


@check
def unknown_parameter_value(draft: Draft) -> Iterator[Complaint]:
    """A parameter of the weighing names a finding or a cause that does not exist."""
    known = {*draft.finding, *draft.scale, "sex"}
    for name in ("needed_findings", "severity_grades", "chronic_finding", "culprit_finding", "exposure_causes"):
        parameter = (draft.single.get("weighing") or {}).get(name)
        if parameter is None:
            continue
        causes = parameter.value if name == "exposure_causes" else {}
        for word in _words(list(causes.values()) or parameter.value):
            if word not in known:
                message, remedy = _unknown("finding", word, known)
                yield draft.complain("unknown_finding", "weighing.yaml", message, name, remedy=remedy)
        for cause in causes:
            if cause not in draft.cause_ids:
                message, remedy = _unknown("cause", cause, draft.cause_ids)
                yield draft.complain("unknown_cause", "weighing.yaml", message, name, remedy=remedy)


@check
def malformed_id(draft: Draft) -> Iterator[Complaint]:
    """Ids are lower case with underscores, so that they are the same everywhere and stay stable."""
    for shelf in (draft.findings, draft.scales, draft.causes, draft.drugs, draft.red_flags, draft.tests):
        for entry in shelf:
            if not _ID.fullmatch(entry.id):
                yield entry.complain("malformed_id", f"id {entry.id!r}", "id", remedy="use lower case, digits and _")


@check
def misplaced_file(draft: Draft) -> Iterator[Complaint]:
    """A cause lives in `causes/<mechanism>/<id>.yaml`, a red flag in `red_flags/<id>.yaml`."""
    shelves: tuple[list[Any], ...] = (draft.causes, draft.red_flags)
    for entry in (entry for shelf in shelves for entry in shelf):
        place = PurePosixPath(entry.document.place)
        if place.stem != entry.id:
            remedy = f"name it {entry.id}.yaml"
            yield entry.complain("misplaced_file", f"the file is named {place.name}", "id", remedy=remedy)
        if isinstance(entry.value, Cause) and place.parent.name not in entry.value.mechanisms:
            remedy = f"move it to causes/{entry.value.mechanisms[0]}/"
            yield entry.complain("misplaced_file", f"lies in {place.parent}", "mechanisms", remedy=remedy)


@check
def duplicate_statement_id(draft: Draft) -> Iterator[Complaint]:
    """The id of a statement is unique in its file, since answers cite it."""
    for entry in draft.causes:
        seen: set[str] = set()
        for path, statement in statements(entry):
            if statement.id in seen:
                message = f"statement id {statement.id!r} is used twice"
                yield entry.complain("duplicate_statement_id", message, *path, "id", remedy="add a suffix, as in _2")
            seen.add(statement.id)


@check
def repeated_word(draft: Draft) -> Iterator[Complaint]:
    """A group of names holds a word twice: plurals, spellings and hyphens are read alike."""
    for entry in draft.names:
        seen: dict[str, str] = {}
        for position, word in enumerate(entry.value.words):
            first = seen.setdefault(normalise(word), word)
            if first is not word:
                message = f"{word!r} is read as {first!r}, which stands there already"
                where = ("words", position)
                yield entry.complain("repeated_word", message, *where, remedy="remove one", severity="warning")


@check
def shared_name(draft: Draft) -> Iterator[Complaint]:
    """Two findings, or two drugs, share a name after normalising: a wrong reading is worse than none."""
    for kind, shelf in (("finding", draft.findings), ("drug", draft.drugs)):
        owner: dict[str, str] = {}
        entry: Entry[Any]
        for entry in shelf:
            names = [("name", entry.value.name)]
            if kind == "drug":  # the id of a finding is read as it is written, never normalised
                names.append(("id", entry.id))
            names += [("synonyms", name) for name in entry.value.synonyms]
            for key, name in names:
                first = owner.setdefault(normalise(name), entry.id)
                if first != entry.id:
                    path = (key, list(entry.value.synonyms).index(name)) if key == "synonyms" else (key,)
                    message = f"{name!r} also names the {kind} {first}"
                    yield entry.complain("shared_name", message, *path, remedy="keep it with the one that is meant")


@check
def race_as_input(draft: Draft) -> Iterator[Complaint]:
    """Race and ethnicity are never an input; Duffy-null status, which can be tested, is."""
    for shelf in (draft.findings, draft.scales, draft.drugs):
        for entry in shelf:
            for name in (entry.id.replace("_", " "), entry.value.name, *getattr(entry.value, "synonyms", ())):
                if NAMES_RACE.search(name):
                    remedy = "remove it, or name what is meant (Duffy-null phenotype, place of residence)"
                    yield entry.complain("race_as_input", f"{name!r} names race or ethnicity", remedy=remedy)
