"""Finding states to ranked causes: weights added over clusters, kinds of a cause taken together, priors, criteria.

score = prior (decibans of the cause's share in the setting, at `prior_strength`) + weight of evidence. In a cluster of
findings that say the same thing the strongest speaks in full and the others in part (`repeated_share`). A cause of
several kinds weighs 10 log10 of the sum over its kinds of share x 10^(weight/10). Criteria act after the weights.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leukoref.criteria import Criteria, grade, modifier_rank
from leukoref.engine.durable import Inference
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause, Statement
from leukoref.knowledge.evidence import EvidenceTable, Profile
from leukoref.knowledge.pretest import Prior, decibans
from leukoref.knowledge.settings import Modifier
from leukoref.knowledge.vocabulary import Scale
from leukoref.known import AGE, Findings
from leukoref.scales import scale_mask

OTHER_KINDS = "no kind in particular"
DIGITS = 5
"""Weights are rounded to these digits of a deciban, so that a sum is the same in whatever order it is taken."""
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing the patient shows, as the table is asked about it."""

    key: str
    finding: str
    text: str
    cluster: str
    weights: Weights
    mask: int = 0
    band: int = 0
    state: bool = True


class Kind(NamedTuple):
    """A kind of a cause: which part of its patients it is at this age (decibans), and what the findings say for it."""

    profile: Profile
    share: float
    weight: float


class Spoken(NamedTuple):
    """What one item adds to one cause, and whether it repeats a stronger one of its cluster and so counts in part."""

    item: Item
    weight: float
    repeats: bool


@dataclass(frozen=True, slots=True)
class Board:
    """All items of a patient against all profiles: the weights as they count, which of them repeat a stronger one, and
    what they add up to; beside it the decibans of each profile's share of its cause at the patient's age."""

    items: list[Item]
    weights: Weights
    repeats: npt.NDArray[np.bool_]
    totals: Weights
    shares: Weights


@dataclass(slots=True)
class Standing:
    """Where one cause stands, with what put it there beside the items. ``position`` is the column of ``profile`` on the
    board: of its kinds, the cause's own cells included, the one that fits best."""

    profile: Profile
    position: int
    board: Board
    prior: Prior
    prior_weight: float
    weight: float
    adjustments: tuple[tuple[str, float, tuple[str, ...]], ...] = ()
    confirmed: bool = False
    established: tuple[Statement, ...] = ()
    excluded: tuple[Statement, ...] = ()
    unmet: tuple[Statement, ...] = ()

    @property
    def cause(self) -> Cause:
        return self.profile.cause

    @property
    def score(self) -> float:
        return self.prior_weight + self.weight

    @property
    def settled(self) -> bool:
        """Whether a criterion establishes the cause, or it is named under `confirmation`."""
        return bool(self.established) or self.confirmed


def _add(standing: Standing, text: str, weight: float, sources: tuple[str, ...]) -> None:
    standing.adjustments += ((text, weight, sources),)
    standing.weight += weight


class Ranker:
    """The weighing of one knowledge base; holds tables only, nothing of a patient."""

    def __init__(
        self, base: Knowledge, *, priors: bool = True, negatives: bool = True, clusters: bool = True, kinds: bool = True
    ) -> None:
        self.base = base
        self.table = EvidenceTable(base)
        self.criteria = Criteria(base)
        self._use_priors, self._use_negatives, self._use_clusters = priors, negatives, clusters
        self.profiles = self.table.profiles
        self.causes = [profile.cause.id for profile in self.profiles if profile.kind is None]
        self.starts = np.array([i for i, profile in enumerate(self.profiles) if profile.kind is None], np.intp)
        # cause of several kinds -> its place among the causes, and the columns of its profiles
        self._several = {
            self.profiles[start].cause.id: (place, slice(start, stop))
            for place, (start, stop) in enumerate(pairwise([*self.starts.tolist(), len(self.profiles)]))
            if stop - start > 1 and kinds
        }
        self._mixed = np.array([profile.cause.id in self._several for profile in self.table.profiles])[self.starts]
        self._repeated_share = float(base.parameter("repeated_share"))
        self._tables: dict[str, list[tuple[Prior, float]]] = {}
        self._cache: dict[tuple[str, int, int], Weights] = {}
        self._kind_texts: dict[tuple[int, float], str] = {}
        self._kind_weights: dict[int, Weights] = {}

    @cached_property
    def modifiers(self) -> dict[str, list[Modifier]]:
        """Cause -> the modifiers of its prior. Where the same finding has figures of its own that speak for the cause
        at least as loudly, these speak and the prior stays."""
        return {
            cause: [m for m in modifiers if self._told(cause, m.finding) < decibans(m.odds)]
            for cause, modifiers in self.criteria.modifiers.items()
        }

    def _told(self, cause: str, finding: str) -> float:
        """What a finding that is there says for a cause by its own figures."""
        cell = self.table.cells.get(finding, {}).get(cause)
        return cell.present if cell else 0.0

    # -- evidence -----------------------------------------------------------------------------------

    def items(self, known: Findings, inference: Inference) -> list[Item]:
        """Everything known that any cause speaks about, in a fixed order."""
        found = [item for scale in self.base.scales if (item := self._scale_item(scale, known, inference))]
        for name in sorted(inference.presence):
            state = inference.presence[name]
            if name not in self.table.cells or (not state and not self._use_negatives):
                continue
            if self.silent(name, inference):
                continue
            weights = self.presence_weights(name, state)
            label = known.labels.get(name) or self.base.finding[name].name
            text = label if state else known.denials.get(name) or f"no {label}"
            found.append(Item(name, name, text, self.cluster(name, inference), weights, state=state))
        return found

    def silent(self, name: str, inference: Inference) -> bool:
        """Whether the scales that a finding follows from have spoken for it already."""
        return name in inference.derived and name in self.table.told_by_scales

    def cluster(self, key: str, inference: Inference) -> str:
        """The cluster of a finding. One that only follows from a narrower or wider finding of the patient says
        nothing that this has not said, so it joins its cluster; so does what follows from that in turn."""
        if not self._use_clusters:
            return key
        own = self.table.clusters.get(key, key)
        if key in inference.derived and not self.base.finding[key].core:
            state = inference.presence[key]
            relatives = (self.base.descendants if state else self.base.ancestors).get(key, ())
            source = next(
                (r for r in sorted(relatives) if r in self.table.cells and inference.presence.get(r) is state), None
            )
            return self.cluster(source, inference) if source else own
        return own

    def presence_weights(self, name: str, state: bool) -> Weights:
        """What a finding in a state says, one weight a profile."""
        key = (name, int(state), -1)
        if key not in self._cache:
            cells = [self.table.cell(name, profile) for profile in self.profiles]
            self._cache[key] = np.array([(cell.present if state else cell.absent) if cell else 0.0 for cell in cells])
        return self._cache[key]

    def _scale_item(self, scale: Scale, known: Findings, inference: Inference) -> Item | None:
        mask, text = scale_mask(scale, known, inference, self.base)
        whole = (1 << len(scale.bins)) - 1
        if mask in (0, whole):
            return None
        age = known.quantities.get(AGE)
        band = self.age_band(age.low if age else None) if scale.id == AGE else whole
        name = f"scale:{scale.id}"
        weights = self.scale_weights(scale, mask, band)
        return Item(name, scale.id, text, self.scale_cluster(scale), weights, mask=mask, band=band)

    def scale_cluster(self, scale: Scale) -> str:
        name = f"scale:{scale.id}"
        return self.table.clusters[name] if self._use_clusters else name

    def scale_weights(self, scale: Scale, mask: int, band: int) -> Weights:
        """What a value in the bins of ``mask`` says among those of ``band``, one weight a profile."""
        key = (scale.id, mask, band)
        if key not in self._cache:
            self._cache[key] = np.array([self.table.scale_weight(scale, p, mask, band) for p in self.profiles])
        return self._cache[key]

    def age_band(self, years: float | None) -> int:
        """Bins of the age scale that belong to the patient's table of priors: age speaks within them only,
        since the table already speaks for the band."""
        scale = self.base.scale.get(AGE)
        if scale is None:
            return 0
        whole = (1 << len(scale.bins)) - 1
        if years is None or not self._use_priors:
            return whole
        start = 0.0
        for band in self.base.priors.age_bands:
            if years < band.below_years:
                lows = (0.0, *scale.inputs[0].cuts)
                return sum(1 << i for i, low in enumerate(lows) if start - 1e-6 <= low < band.below_years - 1e-6)
            start = band.below_years
        return whole

    # -- ranking ------------------------------------------------------------------------------------

    def rank(self, known: Findings, inference: Inference, setting: str | None) -> list[Standing]:
        """All causes, first the established, last the excluded; ties by id so that order is fixed."""
        age = known.quantities.get(AGE)
        years = age.low if age else None
        board = self.board(self.items(known, inference), self.age_band(years))
        weights = self.together(board.totals, board.shares).tolist()
        best, totals = self._best(board), board.totals.tolist()
        priors = self._priors(self.table.pretest.table_for(setting, years))
        standings = {}
        for weight, position, (prior, prior_weight) in zip(weights, best, priors, strict=True):
            profile = self.profiles[position]
            standing = Standing(profile, position, board, prior, prior_weight, totals[position])
            if profile.cause.id in self._several:
                self._take_together(standing, weight)
            standings[profile.cause.id] = standing
        self._adjust(standings, known, inference)
        return [
            standings[cause]
            for *_, cause in sorted(
                (bool(s.excluded), not s.settled, -round(s.score, 9), cause) for cause, s in standings.items()
            )
        ]

    def _priors(self, table: str) -> list[tuple[Prior, float]]:
        """The prior of each cause in a table, and what it counts."""
        if table not in self._tables:
            priors = self.table.pretest.tables[table]
            self._tables[table] = [(prior, self.prior_weight(prior)) for prior in map(priors.__getitem__, self.causes)]
        return self._tables[table]

    def _best(self, board: Board) -> list[int]:
        """Column by column of the causes, the profile that fits best."""
        found: list[int] = self.starts.tolist()
        fits = board.totals + board.shares
        for place, columns in self._several.values():
            found[place] = columns.start + int(fits[columns].argmax())
        return found

    def kinds(self, standing: Standing) -> list[Kind]:
        """What each kind of a cause weighs; empty for a cause of one kind."""
        if standing.cause.id not in self._several:
            return []
        _, columns = self._several[standing.cause.id]
        board = standing.board
        return [
            Kind(self.profiles[i], float(board.shares[i]), float(board.totals[i]))
            for i in range(columns.start, columns.stop)
        ]

    def _take_together(self, standing: Standing, weight: float) -> None:
        """From the weight of the kind that fits best to that of all kinds of its cause."""
        share = standing.profile.kind.share if standing.profile.kind else None
        key = (standing.position, float(standing.board.shares[standing.position]))
        if key not in self._kind_texts:
            self._kind_texts[key] = self._kind_text(standing.profile, key[1])
        sources = (share.source,) if share and share.source else ()
        _add(standing, self._kind_texts[key], weight - standing.weight, sources)

    def _kind_text(self, profile: Profile, decibans_of_share: float) -> str:
        """Which kind of a cause fits best, how much of the cause it is, and that the others count as well."""
        _, columns = self._several[profile.cause.id]
        share = profile.kind.share if profile.kind else None
        estimate = ", estimate" if share is None or share.estimate is not None else ""
        name, part = profile.kind.name if profile.kind else OTHER_KINDS, 10 ** (decibans_of_share / 10)
        taken = f"its {columns.stop - columns.start} kinds taken together"
        return f"{name}: {part:.0%} of the cause at this age{estimate}; {taken}"

    def kind_weights(self, band: int) -> Weights:
        """The decibans of each profile's share of its cause at an age in the bins of ``band``."""
        if band not in self._kind_weights:
            self._kind_weights[band] = np.round(self.table.kind_weights(band), DIGITS)
        return self._kind_weights[band]

    def together(self, totals: Weights, shares: Weights) -> Weights:
        """The weights of the causes, from those of their profiles and the decibans of the profiles' shares."""
        sums = np.add.reduceat(np.power(10.0, (totals + shares) / 10), self.starts)
        return np.where(self._mixed, 10 * np.log10(sums), totals[self.starts])

    def prior_weight(self, prior: Prior) -> float:
        """What a prior counts, in decibans."""
        return float(self.base.parameter("prior_strength") * decibans(prior.value)) if self._use_priors else 0.0

    def spoken(self, standing: Standing) -> list[Spoken]:
        """The items that say something about the profile by which a cause stands."""
        board, column = standing.board, standing.position
        return [
            Spoken(item, float(board.weights[row, column]), bool(board.repeats[row, column]))
            for row, item in enumerate(board.items)
            if board.weights[row, column]
        ]

    def board(self, items: list[Item], band: int) -> Board:
        """Items against profiles; in a cluster the strongest speaks in full, for each profile by itself."""
        shape = (len(items), len(self.profiles))
        weights = np.stack([item.weights for item in items]) if items else np.zeros(shape)
        repeats = np.zeros(shape, dtype=bool)
        groups: dict[str, list[int]] = defaultdict(list)
        for row, item in enumerate(items):
            groups[item.cluster].append(row)
        for rows in groups.values():
            if len(rows) > 1:
                strongest = np.abs(weights[rows]).argmax(axis=0)
                for place, row in enumerate(rows):
                    repeats[row] = strongest != place
        weights[repeats] *= self._repeated_share
        weights = weights.round(DIGITS)
        return Board(items, weights, repeats, weights.sum(axis=0), self.kind_weights(band))

    def _adjust(self, standings: dict[str, Standing], known: Findings, inference: Inference) -> None:
        """The confirmed cause, criteria, exposures that must be there, culprit drugs, and endemic regions."""
        for cause, label in known.confirmed.items():
            standings[cause].confirmed = True
            _add(standings[cause], f"named under confirmation: {label}", 0.0, ())
        for cause, index, statement in self.criteria.settling:
            if inference.criteria.get((cause, index)):
                standing = standings[cause]
                if statement.criterion == "establishes":
                    standing.established += (statement,)
                else:
                    standing.excluded += (statement,)
        for cause, index, statement in self.criteria.required:
            holds = inference.criteria.get((cause, index))
            if holds is not True:
                self._unmet(standings[cause], index, statement, holds)
        for cause, modifiers in self.modifiers.items():
            here = [m for m in modifiers if inference.presence.get(m.finding)]
            if here and cause in standings:
                strongest = max(here, key=modifier_rank)
                text = f"{self.base.finding[strongest.finding].name}: prior times {strongest.odds:g} (estimate)"
                sources = (strongest.source,) if strongest.source else ()
                _add(standings[cause], text, decibans(strongest.odds), sources)
        if self.criteria.culprit_cause in standings and (best := self.criteria.culprits(known.exposures)):
            exposure, value = best[0]
            timing = exposure.timing.replace("_", " ")
            text = f"culprit drug {exposure.drug.name}: {grade(exposure).replace('_', ' ')} evidence, timing {timing}"
            facts = exposure.drug.evidence[:2]
            _add(standings[self.criteria.culprit_cause], text, value, tuple(fact.source for fact in facts))

    def _unmet(self, standing: Standing, index: int, statement: Statement, holds: bool | None) -> None:
        """A requirement known to be missing costs much; one that a history or an examination would record costs
        something by its silence; a test that was not done says nothing."""
        value = self.criteria.unmet_weight(standing.cause.id, index, holds)
        if value is None:
            return
        word = "not documented" if holds is None else "known to be missing"
        standing.unmet += (statement,)
        _add(standing, f"{word}: {statement.reason}", value, (statement.source,))
