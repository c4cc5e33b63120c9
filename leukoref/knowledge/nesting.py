"""What is wide is at least as frequent as what is narrow: an estimate gives way to the figure of a narrower finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leukoref.knowledge.base import Knowledge
    from leukoref.knowledge.evidence import Profile, Rate


def raised(
    rates: Mapping[str, Mapping[str, Rate]], profiles: Iterable[Profile], base: Knowledge
) -> dict[str, dict[str, Rate]]:
    """finding -> profile -> rate, with each estimate that lies under the rate of a narrower finding raised to it: to a
    sourced rate, and beside the core, whose estimates were weighed against each other, to an estimate as well. A
    finding of which a profile says nothing stays so: the narrower one speaks for itself."""
    largest: dict[tuple[str, str], tuple[float, str]] = {}
    for narrow, speakers in rates.items():
        for profile, part in speakers.items():
            for wide in base.ancestors.get(narrow, ()):
                if part.basis == "sourced" or not base.finding[wide].core:
                    largest[wide, profile] = max(largest.get((wide, profile), (0.0, "")), (part.value, narrow))
    owner = {profile.id: profile.cause.id for profile in profiles}
    found = {name: dict(speakers) for name, speakers in rates.items()}
    for (wide, profile), (value, narrow) in largest.items():
        speakers = found.get(wide, {})
        held = speakers.get(profile) or speakers.get(owner[profile])
        if held is not None and held.basis == "estimate" and held.value < value:
            part = rates[narrow][profile]
            speakers[profile] = replace(part, text=f"at least as often as {base.finding[narrow].name}: {part.text}")
    return found
