"""Statements of a cause: what they may speak about, repeats, contradictions, how many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from leukoref.knowledge.base import all_statements
from leukoref.knowledge.cause import Cause, Distribution, Frequency, Statement
from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Entry, Path_
from leukoref.knowledge.checks.walking import statements
from leukoref.knowledge.loader import Complaint

FEWEST, FEWEST_OF_COMMON = 6, 12
COMMON_TIER = "common"
ROUNDING = 0.015  # a percentage as printed beside its own n of N
# HPO frequency terms as their definitions bound them.
TERM_BOUNDS = {
    "obligate": (1.0, 1.0), "very_frequent": (0.8, 0.99), "frequent": (0.3, 0.79),
    "occasional": (0.05, 0.29), "very_rare": (0.01, 0.04), "excluded": (0.0, 0.0),
}  # fmt: skip


@check
def speaks_of_a_quantity(draft: Draft) -> Iterator[Complaint]:
    """A cause speaks of a quantity through the bins of its scale or through a derived presence finding."""
    for entry in draft.causes:
        for path, statement in statements(entry):
            name = statement.finding
            if name is None:
                continue
            finding = draft.finding.get(name)
            if statement.distribution:
                if problem := _distribution_problem(name, statement.distribution, draft):
                    yield entry.complain("speaks_of_a_quantity", problem[0], *path, remedy=problem[1])
            elif name in draft.scale and not statement.bins and (finding is None or finding.kind == "quantity"):
                message, remedy = f"{name} is a scale", f"name the bins: {', '.join(draft.scale[name].bins)}"
                yield entry.complain("speaks_of_a_quantity", message, *path, remedy=remedy)
            elif name not in draft.scale and finding is not None and finding.kind == "quantity":
                message = f"{name} is a quantity without a scale"
                remedy = "derive a presence finding from it (rules/derived) and speak of that"
                yield entry.complain("speaks_of_a_quantity", message, *path, remedy=remedy)


def _distribution_problem(name: str, given: Distribution, draft: Draft) -> tuple[str, str] | None:
    inputs = {entry.finding: entry for scale in draft.scales for entry in scale.value.inputs}
    if name not in inputs:
        return f"a distribution of {name}, which is no quantity of a scale", f"the quantities are {', '.join(inputs)}"
    units = (inputs[name].unit, *inputs[name].also)
    if given.unit not in units:
        return f"a distribution of {name} in {given.unit!r}", f"use {' or '.join(units)}"
    return None


@check
def unknown_bin(draft: Draft) -> Iterator[Complaint]:
    """A statement names bins that its scale does not have, or bins where there is no scale."""
    for entry in draft.causes:
        for path, statement in statements(entry):
            named = [(key, name) for key in ("bins", "among") for name in getattr(statement, key)]
            if not named:
                continue
            scale = draft.scale.get(statement.finding or "")
            if scale is None:
                message = f"bins, but {statement.finding!r} is no scale"
                remedy = f"the scales are {', '.join(draft.scale)}"
                yield entry.complain("unknown_bin", message, *path, named[0][0], remedy=remedy)
                continue
            for key, name in named:
                if name not in scale.bins:
                    remedy = f"its bins are {', '.join(scale.bins)}"
                    yield entry.complain("unknown_bin", f"{scale.id} has no bin {name!r}", *path, key, remedy=remedy)


@check
def repeated_or_contradictory(draft: Draft) -> Iterator[Complaint]:
    """One source says one thing of one finding in one population: not twice, and not two figures."""
    for entry in draft.causes:
        groups: dict[tuple[object, ...], list[tuple[Path_, Statement]]] = defaultdict(list)
        for path, statement in statements(entry):
            source = draft.source_keys.get(statement.source, statement.source)
            if statement.finding is not None:
                groups[(path[:-2], statement.finding, statement.bins, source)].append((path, statement))
        for members in groups.values():
            for number, (path, later) in enumerate(members):
                clashes = (_compared(entry, path, earlier, later) for _, earlier in members[:number])
                yield from next(filter(None, clashes), ())


def _compared(entry: Entry[Cause], path: Path_, earlier: Statement, later: Statement) -> list[Complaint]:
    figures = ("state", "frequency", "distribution", "likelihood_ratio", "qualitative")
    if all(getattr(earlier, key) == getattr(later, key) for key in figures):
        if earlier.population != later.population:
            return []
        message = f"says the same as {earlier.id}: finding, figure and source are equal"
        return [entry.complain("duplicate_statement", message, *path, remedy="remove one")]
    if {earlier.qualitative, later.qualitative} == {"supports", "opposes"} and earlier.state == later.state:
        message = f"opposes what {earlier.id} supports, from the same source"
        return [entry.complain("contradictory_statement", message, *path, remedy="re-read the source and keep one")]
    if earlier.population == later.population and earlier.frequency and later.frequency:
        ours, theirs = _bounds(later), _bounds(earlier)
        if ours[0] > theirs[1] + ROUNDING or theirs[0] > ours[1] + ROUNDING:
            message = f"contradicts {earlier.id}: {_shown(ours)} here, {_shown(theirs)} there, same population"
            remedy = "re-read the source; say in `population` whom each figure is about"
            return [entry.complain("contradictory_statement", message, *path, remedy=remedy)]
    return []


def _bounds(statement: Statement) -> tuple[float, float]:
    """The share of patients with the finding, as an interval."""
    figure = statement.frequency or Frequency(proportion=0)
    if figure.term is not None:
        low, high = TERM_BOUNDS[figure.term]
    else:
        low = high = figure.share
    return (1 - high, 1 - low) if statement.state == "absent" else (low, high)


def _shown(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.0%}" if bounds[0] == bounds[1] else f"{bounds[0]:.0%} to {bounds[1]:.0%}"


@check
def odd_likelihood_ratio(draft: Draft) -> Iterator[Complaint]:
    """A finding raises a cause when present and lowers it when absent, or the reverse; never both alike."""
    for entry in draft.causes:
        for path, statement in statements(entry):
            ratio = statement.likelihood_ratio
            if ratio is None:
                continue
            plus, minus = ratio.positive, ratio.negative
            if plus is None and minus is None:
                message = "gives neither LR+ nor LR-"
            elif plus is not None and minus is not None and (plus - 1) * (minus - 1) > 0:
                message = f"LR+ {plus:g} and LR- {minus:g} point the same way"
            else:
                continue
            yield entry.complain("odd_likelihood_ratio", message, *path, remedy="re-read the source")


@check
def few_statements(draft: Draft) -> Iterator[Complaint]:
    """A cause has at least 6 sourced statements, a common one 12, for and against."""
    common = common_causes(draft)
    for entry in draft.causes:
        found = all_statements(entry.value)
        least, kind = (FEWEST_OF_COMMON, "common") if entry.id in common else (FEWEST, "rare")
        if len(found) < least:
            message = f"{len(found)} statements, at least {least} for a {kind} cause"
            yield entry.complain("few_statements", message, remedy="look more up", severity="warning")
        if not any(_is_against(statement) for statement in found):
            message = "no statement speaks against this cause"
            remedy = "add what is hardly ever seen in it, or what excludes it"
            yield entry.complain("few_statements", message, "statements", remedy=remedy, severity="warning")


def _is_against(statement: Statement) -> bool:
    ratio = statement.likelihood_ratio
    rare = statement.frequency is not None and _bounds(statement)[1] <= 0.3
    return (
        rare or statement.state == "absent" or statement.qualitative == "opposes"
        or statement.criterion in ("excludes", "requires") or bool(ratio and ratio.negative)
    )  # fmt: skip


def common_causes(draft: Draft) -> set[str]:
    """Causes that any table of priors puts in the tier `common`, or as high by a figure."""
    if draft.priors is None:
        return set()
    tiers = draft.priors.value.tiers
    least = tiers[COMMON_TIER].weight if COMMON_TIER in tiers else 1.0
    found = set()
    for setting in draft.priors.value.settings.values():
        for cause, prior in setting.causes.items():
            share = prior.proportion if prior.proportion is not None else prior.estimate
            if prior.n is not None and prior.of:
                share = prior.n / prior.of
            if prior.tier == COMMON_TIER or (share or 0) >= least:
                found.add(cause)
    return found
