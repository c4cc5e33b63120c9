"""Priors, parameters, drugs and red flags: what shifts a ranking without being a finding of a cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Entry
from leukoref.knowledge.loader import Complaint
from leukoref.knowledge.names import suggestions
from leukoref.knowledge.settings import PriorEntry, Priors

FALLBACK = "unspecified"
SHOWN = 80
PARAMETERS = (
    "jeffreys", "assumed_denominator", "assumed_spread_at_most", "frequency_terms", "estimate_floor",
    "estimate_patients", "kinds_fit", "weight_caps", "rest_rates", "differential_tolerance", "needed_findings",
    "severity_grades", "chronic_finding", "bands", "requirement_absent", "prior_strength", "unrelated_share",
    "done_tests", "repeated_share", "always_related", "requirement_unknown", "unforgettable", "taken_of_everybody",
    "before_illness", "culprit_cause", "culprit_finding", "culprit_grade", "culprit_timing", "cycle",
    "exposure_causes", "exposure_windows", "next_test_certainty", "next_test_leaders", "next_test_least_bits",
    "unstated_end",
)  # fmt: skip


@check
def missing_file(draft: Draft) -> Iterator[Complaint]:
    """The base cannot be put together without these files."""
    places = {document.place for document in draft.documents}
    for name in ("base.yaml", "priors.yaml", "weighing.yaml", "tests.yaml", "sources.yaml", "disclaimers.yaml"):
        if name not in places:
            yield Complaint(file=name, message="missing", remedy="a base needs this file", check="missing_file")


@check
def missing_parameter(draft: Draft) -> Iterator[Complaint]:
    """A number that the weighing reads is not in `weighing.yaml`."""
    given = draft.single.get("weighing") or {}
    for name in PARAMETERS:
        if name not in given:
            remedy = "add its value and the reason for it"
            yield draft.complain("missing_parameter", "weighing.yaml", f"no parameter {name!r}", remedy=remedy)


@check
def wrong_parameter(draft: Draft) -> Iterator[Complaint]:
    """A site's parameter of the weighing exists in the base it is laid over, and has the same form there."""
    ids = {*draft.finding, *draft.scale, *draft.cause_ids, *draft.test_ids}
    for document in draft.documents:
        for key in document.entries if document.place == "weighing.yaml" and document.layer else ():
            parameter = draft.single["weighing"].get(key)
            problem = None
            if key not in draft.lowest:
                near = suggestions(str(key), draft.lowest)
                remedy = f"did you mean {near[0]}?" if near else f"they are {', '.join(draft.lowest)}"
                problem = (f"no parameter {key!r}", remedy)
            elif parameter is not None:
                problem = _misformed("value", parameter.value, draft.lowest[key], ids)
            if problem:
                yield Complaint(
                    file=document.name, line=document.line((key,)), rule=key, message=problem[0], remedy=problem[1],
                    check="wrong_parameter",
                )  # fmt: skip


def _misformed(place: str, given: Any, model: Any, ids: set[str]) -> tuple[str, str] | None:
    """How a value differs in form from the one it stands for. Of a mapping every part is needed, but for those named
    after an id, or a number of days: a site may name others."""
    if _kind(given) != _kind(model):
        return f"{place}: {_kind(given)}, where {_kind(model)} belongs", f"write it as in {_example(model)}"
    if isinstance(model, list):
        return next(filter(None, (_misformed(place, part, model[0], ids) for part in given if model)), None)
    if not isinstance(model, dict):
        return None
    fixed = [key for key in model if not _free(key, ids)]
    missing = [str(key) for key in fixed if key not in given]
    unknown = [str(key) for key in given if key not in model and not _free(key, ids)]
    if missing or unknown:
        message = f"{place}: lacks {', '.join(missing)}" if missing else f"{place}: unknown {', '.join(unknown)}"
        return message, f"it has {', '.join(fixed) or 'ids'}"
    usual = next(iter(model.values()), None)
    parts = (_misformed(f"{place}.{key}", part, model.get(key, usual), ids) for key, part in given.items())
    return next(filter(None, parts), None)


def _free(key: Any, ids: set[str]) -> bool:
    return key in ids or str(key).isdigit()


def _kind(value: Any) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    return kinds.get(type(value), "nothing")


def _example(model: Any) -> str:
    """The value that stands in the base, shortened."""
    text = json.dumps(model)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."


@check
def missing_prior(draft: Draft) -> Iterator[Complaint]:
    """Every table of priors says how common each cause is; a hole makes it as rare as the floor."""
    if draft.priors is None:
        return
    settings = draft.priors.value.settings
    if FALLBACK not in settings:
        message = f"no table {FALLBACK!r}"
        yield draft.priors.complain("missing_prior", message, "settings", remedy="it serves patients without a setting")
    for name, setting in settings.items():
        missing = [cause for cause in draft.causes if cause.id not in setting.causes]
        if missing and not setting.mixture:
            message = f"{name}: no prior for {', '.join(cause.id for cause in missing)}"
            remedy = "add a figure with its source, or a tier"
            added = all(cause.document.layer > draft.priors.document.layer for cause in missing)
            yield draft.priors.complain(
                "missing_prior", message, "settings", name, "causes",
                remedy=remedy, severity="warning" if added else "error",
            )  # fmt: skip


@check
def wrong_prior(draft: Draft) -> Iterator[Complaint]:
    """Tables, tiers and names of settings fit together; a figure has its source."""
    if draft.priors is None:
        return
    settings = draft.priors.value.settings
    names: dict[str, str] = {}
    for name, setting in settings.items():
        for alias in (name, setting.name, *setting.aliases):
            if names.setdefault(alias.casefold(), name) != name:
                message = f"{alias!r} names both {names[alias.casefold()]} and {name}"
                yield draft.priors.complain("wrong_prior", message, "settings", name, remedy="keep it with one")
        for part in setting.mixture:
            if part not in settings or settings[part].mixture:
                message, remedy = f"mixture of {part!r}", "mix plain tables that exist"
                yield draft.priors.complain("wrong_prior", message, "settings", name, "mixture", remedy=remedy)
        for cause, entry in setting.causes.items():
            problem = _prior_problem(entry, draft.priors)
            if problem:
                path = ("settings", name, "causes", cause)
                yield draft.priors.complain("wrong_prior", f"{name}, {cause}: {problem[0]}", *path, remedy=problem[1])
    for position, band in enumerate(draft.priors.value.age_bands):
        if band.table not in settings and band.table != "setting":
            message = f"age band {band.band}: no table {band.table!r}"
            yield draft.priors.complain("wrong_prior", message, "age_bands", position, remedy="name a setting")


def _prior_problem(entry: PriorEntry, priors: Entry[Priors]) -> tuple[str, str] | None:
    if entry.n is not None and (entry.of is None or entry.n > entry.of):
        return f"{entry.n} of {entry.of}", "n needs a denominator `of` that is not smaller"
    if entry.tier is not None and entry.tier not in priors.value.tiers:
        return f"unknown tier {entry.tier!r}", f"the tiers are {', '.join(priors.value.tiers)}"
    if (entry.n is not None or entry.proportion is not None) and not entry.source:
        return "a figure without source", "name it, or label it an estimate with its reasoning"
    return None


@check
def wrong_drug(draft: Draft) -> Iterator[Complaint]:
    """A drug's latency runs forward, its mechanism and level have sources, a high incidence has a figure."""
    for entry in draft.drugs:
        drug = entry.value
        for latency in drug.latencies:
            if latency.from_days is not None and latency.to_days is not None and latency.from_days > latency.to_days:
                message = f"latency from {latency.from_days:g} to {latency.to_days:g} days"
                yield entry.complain("wrong_drug", message, "latency", remedy="swap the two")
        for position, incidence in enumerate(drug.incidence):
            if incidence.n is not None and incidence.of is not None and incidence.n > incidence.of:
                message = f"{incidence.n} of {incidence.of}"
                yield entry.complain("wrong_drug", message, "incidence", position, remedy="n is not larger than of")
        if drug.mechanism not in (None, "unknown") and not drug.mechanism_source:
            remedy = "name where it was read, or say unknown"
            message = f"mechanism {drug.mechanism} without a source"
            yield entry.complain("wrong_drug", message, "mechanism", remedy=remedy)
        if drug.level and not drug.evidence:
            message, remedy = f"level {drug.level} without evidence", "add the assessment it was read in"
            yield entry.complain("wrong_drug", message, "level", remedy=remedy, severity="warning")
        if drug.high_incidence and not drug.incidence:
            message, remedy = "high_incidence without an incidence", "add the figure and its source"
            yield entry.complain("wrong_drug", message, "high_incidence", remedy=remedy, severity="warning")


@check
def unsupported_red_flag(draft: Draft) -> Iterator[Complaint]:
    """A red flag has sources for what it says: for the threshold and for the action."""
    for flag in draft.red_flags:
        said = " ".join(source.supports or "threshold action" for source in flag.value.sources)
        for part in ("threshold", "action"):
            if part not in said:
                message, remedy = f"no source supports the {part}", f"add one, with supports: {part}"
                yield flag.complain("unsupported_red_flag", message, "sources", remedy=remedy, severity="warning")
