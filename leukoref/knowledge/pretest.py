"""How common each cause is before anything of the patient is known: tables by setting and age band, normalised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.settings import PriorEntry, Setting

Basis = Literal["sourced", "estimate", "ratio"]


def decibans(ratio: float) -> float:
    return 10.0 * math.log10(ratio)


@dataclass(frozen=True, slots=True)
class Prior:
    """How common a cause is in one table, with what that rests on."""

    value: float
    basis: Basis
    text: str
    sources: tuple[str, ...]


class PriorTables:
    """The tables of `rules/priors.yaml`, smoothed and adding up to 1."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base

    @cached_property
    def settings(self) -> dict[str, str]:
        """Name or alias of a setting -> its id."""
        return {
            _plain(alias): name
            for name, setting in self.base.priors.settings.items()
            for alias in (name, setting.name, *setting.aliases)
        }

    def knows(self, setting: str) -> bool:
        """Whether there are priors for a setting of this name; an empty one is none in particular."""
        return _plain(setting) in {"", *self.settings}

    def table_for(self, setting: str | None, age: float | None) -> str:
        """Which table of priors applies: the one of the age band, else the named setting's."""
        priors = self.base.priors
        chosen = self.settings.get(_plain(setting or "unspecified"), "unspecified")
        if age is None:
            return chosen
        band = next(band for band in priors.age_bands if age < band.below_years)
        if band.table != "setting":
            return band.table
        bound = {entry.table for entry in priors.age_bands}
        return "unspecified" if chosen in bound else chosen

    @cached_property
    def tables(self) -> dict[str, dict[str, Prior]]:
        """table -> cause -> prior, normalised over the causes of the base; mixtures after the plain tables."""
        found: dict[str, dict[str, Prior]] = {}
        settings = self.base.priors.settings
        causes = [cause.id for cause in self.base.causes]
        for name, setting in settings.items():
            if not setting.mixture:
                found[name] = _normalised({c: self._raw_prior(setting.causes.get(c), setting) for c in causes})
        for name, setting in settings.items():
            if setting.mixture:
                found[name] = _normalised({c: self._mixed_prior(c, setting, found) for c in causes})
        return found

    def _mixed_prior(self, cause: str, setting: Setting, tables: Mapping[str, Mapping[str, Prior]]) -> Prior:
        parts = {name: tables[name][cause] for name in setting.mixture}
        value = sum(setting.mixture[name] * prior.value for name, prior in parts.items())
        sources = tuple(dict.fromkeys(source for prior in parts.values() for source in prior.sources))
        basis: Basis = "sourced" if all(prior.basis == "sourced" for prior in parts.values()) else "estimate"
        return Prior(value, basis, f"mixture of {len(parts)} settings", sources)

    def _raw_prior(self, entry: PriorEntry | None, setting: Setting) -> Prior:
        priors = self.base.priors
        if entry is None:
            return Prior(priors.floor.weight, "estimate", f"not listed for {setting.name}: the floor", ())
        sources = (entry.source,) if entry.source else ()
        if entry.n is not None and entry.of:
            extra = priors.smoothing.pseudocount
            value = (entry.n + extra) / (entry.of + 2 * extra)
            return Prior(value, "sourced", f"{entry.n} of {entry.of} {entry.population or ''}".strip(), sources)
        if entry.proportion is not None:
            value = max(entry.proportion, priors.floor.weight)
            return Prior(value, "sourced", f"{entry.proportion:.1%} of {entry.population or setting.name}", sources)
        if entry.estimate is not None:
            return Prior(entry.estimate, "estimate", f"estimate {entry.estimate:.2g}, {setting.name}", sources)
        value = priors.tiers[entry.tier or ""].weight
        return Prior(
            value, "estimate", f"estimate {value:.2g} ({entry.tier}), {setting.name}".replace("_", " "), sources
        )


def _normalised(raw: Mapping[str, Prior]) -> dict[str, Prior]:
    total = sum(prior.value for prior in raw.values())
    return {cause: Prior(p.value / total, p.basis, p.text, p.sources) for cause, p in raw.items()}


def _plain(setting: str) -> str:
    """'Out-patient' and 'primary_care' as the aliases are compared."""
    return " ".join(setting.casefold().replace("_", " ").replace("-", "").split())
