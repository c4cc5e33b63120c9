"""The knowledge base as one value: every rule file read, validated and indexed."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from leukoref.errors import KnowledgeError
from leukoref.knowledge.cause import Cause, Estimates, Statement
from leukoref.knowledge.drug import Drug, Latency
from leukoref.knowledge.names import normalise
from leukoref.knowledge.settings import Disclaimer, Parameter, Priors, RedFlag, Reference, WorkupStep
from leukoref.knowledge.vocabulary import Derived, Finding, Scale
from leukoref.knowledge.wording import Lexicon, WordGroup
from leukoref.units import folded


class Knowledge(BaseModel):
    """The packaged base, or the packaged base plus a site's own rules (then ``overrides`` names them)."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    version: str
    content_hash: str
    reviewed: str
    findings: tuple[Finding, ...]
    scales: tuple[Scale, ...]
    derived: tuple[Derived, ...]
    causes: tuple[Cause, ...]
    drugs: tuple[Drug, ...]
    default_latency: Latency | None = None
    red_flags: tuple[RedFlag, ...]
    tests: tuple[WorkupStep, ...]
    priors: Priors
    weighing: dict[str, Parameter]
    disclaimers: tuple[Disclaimer, ...]
    references: tuple[Reference, ...]
    names: tuple[WordGroup, ...] = ()
    unit_aliases: dict[str, tuple[str, ...]] = {}
    mechanisms: dict[str, str]
    differential: dict[str, tuple[tuple[str, ...], ...]] = {}
    duration_findings: dict[str, str] = {}
    overrides: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Short: a notebook or a failing test shows it, and the whole base is millions of characters."""
        return f"<Knowledge {self.version}, {len(self.causes)} causes, {self.content_hash[:12]}>"

    @cached_property
    def finding(self) -> dict[str, Finding]:
        return {entry.id: entry for entry in self.findings}

    @cached_property
    def scale(self) -> dict[str, Scale]:
        return {entry.id: entry for entry in self.scales}

    @cached_property
    def cause(self) -> dict[str, Cause]:
        return {entry.id: entry for entry in self.causes}

    @cached_property
    def drug(self) -> dict[str, Drug]:
        return {entry.id: entry for entry in self.drugs}

    @cached_property
    def test(self) -> dict[str, WorkupStep]:
        return {entry.id: entry for entry in self.tests}

    @cached_property
    def reference(self) -> dict[str, Reference]:
        """Sources by key; a key that was merged into another is found as its alias."""
        index = {entry.id: entry for entry in self.references}
        for entry in self.references:
            for alias in entry.custom.get("aliases", ()):
                index.setdefault(alias, entry)
        return index

    @cached_property
    def finding_names(self) -> dict[str, str]:
        """Normalised name or synonym -> finding id. Raises KnowledgeError if two findings share one."""
        index: dict[str, str] = {}
        for entry in self.findings:
            for name in (entry.name, *entry.synonyms):
                if index.setdefault(normalise(name), entry.id) != entry.id:
                    raise KnowledgeError(f"{name!r} names both {index[normalise(name)]} and {entry.id}")
        return index

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words names are made of, and the keys by which other wordings of a name are found."""
        return Lexicon.of(self)

    @cached_property
    def measured_as(self) -> dict[str, tuple[str, ...]]:
        """Presence finding -> the quantities that stand for it when a value is given."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.findings:
            if entry.if_present:
                found[entry.if_present] = (*found.get(entry.if_present, ()), entry.id)
        return found

    @cached_property
    def uncounted(self) -> tuple[tuple[str, tuple[str, ...], str, str], ...]:
        """Findings that mean another when said without a count: the finding, those below it, the count, the other."""
        return tuple(
            (entry.id, self.descendants.get(entry.id, ()), entry.uncounted.count, entry.uncounted.means)
            for entry in self.findings
            if entry.uncounted
        )

    @cached_property
    def denies(self) -> tuple[tuple[str, bool, str], ...]:
        """A finding and its state, with another that is said in the same breath not to be there."""
        absent = ((entry.id, False, other) for entry in self.findings for other in entry.absent_denies)
        present = ((entry.id, True, other) for entry in self.findings for other in entry.present_denies)
        return (*absent, *present)

    @cached_property
    def earlier(self) -> dict[str, str]:
        """Finding -> what is so now if it was there before: as it says itself, else as the nearest wider one says."""
        found = {entry.id: entry.earlier for entry in self.findings if entry.earlier}
        for name, wider in self.ancestors.items():
            said = next((entry for entry in wider if self.finding[entry].earlier), None)
            if said and name not in found:
                found[name] = name if found[said] == said else found[said]
        for name in self.lexicon.standing - self.lexicon.passing:
            found.setdefault(name, name)
        return found

    def lasting(self, names: Iterable[str]) -> tuple[str, ...]:
        """What is so now of findings that were there before this illness."""
        return tuple(dict.fromkeys(self.earlier[name] for name in names if name in self.earlier))

    @cached_property
    def told_when_low(self) -> dict[str, str]:
        """Count -> the finding that an earlier low value of it stands for."""
        return {entry.id: entry.earlier_low for entry in self.findings if entry.earlier_low}

    def spared(self, names: Iterable[str]) -> tuple[str, ...]:
        """What is so now of findings that were not there before this illness."""
        said = (self.finding[name].earlier_absent for name in names)
        return tuple(dict.fromkeys(name for name in said if name))

    @cached_property
    def finding_codes(self) -> dict[str, str]:
        """Qualified code (``LOINC:6690-2``) -> finding id; two that list one are a complaint of the linter."""
        index: dict[str, str] = {}
        for entry in self.findings:
            for code in entry.codes.qualified():
                index.setdefault(code, entry.id)
        return index

    @cached_property
    def codes_above(self) -> dict[str, str]:
        """Code -> the finding for which the terms below it in HPO may count as well."""
        return {code: found for code, found in self.finding_codes.items() if not self.finding[found].code_alone}

    @cached_property
    def word_scales(self) -> dict[str, tuple[str, ...]]:
        """Presence finding -> the scales on which it says the bin without a number."""
        found: dict[str, tuple[str, ...]] = {}
        for scale in self.scales:
            for word in scale.words:
                found[word.finding] = (*found.get(word.finding, ()), scale.id)
        return found

    @cached_property
    def unit_index(self) -> dict[str, str]:
        """Every spelling of a unit the base knows -> UCUM code; the exact case wins over the folded one."""
        index: dict[str, str] = {}
        for code, names in self.unit_aliases.items():
            for name in (code, *names):
                index.setdefault(folded(name), code)
        for text, code in list(index.items()):
            index.setdefault(text.lower(), code)
        return index

    @cached_property
    def drug_names(self) -> dict[str, str]:
        index: dict[str, str] = {}
        for entry in self.drugs:
            for name in (entry.name, entry.id, *entry.synonyms):
                index.setdefault(normalise(name), entry.id)
        return index

    @cached_property
    def drug_codes(self) -> dict[str, str]:
        return {code: entry.id for entry in self.drugs for code in entry.codes.qualified()}

    @cached_property
    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """Finding -> all findings it implies when present (transitive ``is_a``, nearest first)."""
        above = {entry.id: tuple(name for name in entry.is_a if name in self.finding) for entry in self.findings}
        return {start: _reached(start, above) for start in above}

    @cached_property
    def descendants(self) -> dict[str, tuple[str, ...]]:
        """Finding -> all findings that imply it."""
        below: dict[str, list[str]] = {}
        for child, parents in self.ancestors.items():
            for parent in parents:
                below.setdefault(parent, []).append(child)
        return {parent: tuple(children) for parent, children in below.items()}

    @cached_property
    def denied(self) -> dict[str, tuple[str, ...]]:
        """Finding -> all findings its absence rules out: those below it, unless it leaves them open."""
        below: dict[str, list[str]] = {}
        for entry in self.findings:
            for parent in entry.is_a:
                if parent not in entry.not_denied_by:
                    below.setdefault(parent, []).append(entry.id)
        return {start: _reached(start, below) for start in below}

    @cached_property
    def diagnoses(self) -> dict[str, str]:
        """Finding -> the cause that says it is its name."""
        return {name: cause.id for cause in self.causes for name in cause.diagnosis}

    @cached_property
    def diagnosed(self) -> dict[str, str]:
        """Finding -> the cause it is the name of: as the causes say, else as the nearest wider finding."""
        found = dict(self.diagnoses)
        for name, wider in self.ancestors.items():
            nearest = next((entry for entry in wider if entry in self.diagnoses), None)
            if nearest:
                found.setdefault(name, self.diagnoses[nearest])
        return found

    @cached_property
    def _called(self) -> dict[str, str]:
        """Key of a name of a cause -> the cause: its own, with and without what stands in brackets, and others."""
        return {
            self.lexicon.key(self.lexicon.tokens(name)): cause.id
            for cause in self.causes
            for name in (cause.name, cause.name.split(" (")[0], *cause.called)
        }

    def concluded(self, name: str) -> str | None:
        """The cause that a name given as the outcome of a work-up is the name of ('confirmed Graves disease')."""
        return self._called.get(self.lexicon.key(self.lexicon.tokens(name)))

    @cached_property
    def conclusions(self) -> frozenset[str]:
        """Findings that are a cause by name, beside the core: concluded from others, so never what to look for next."""
        return frozenset(name for name in self.diagnoses if not self.finding[name].core)

    @cached_property
    def core_presence(self) -> tuple[str, ...]:
        """Ids of the presence findings every cause must speak to."""
        return tuple(e.id for e in self.findings if e.core and e.kind == "presence" and e.id not in self.word_scales)

    def reasoning(self, block: Estimates, name: str) -> str:
        """Why an estimate is as it is: by the block it stands in, else by its finding or the nearest wider one."""
        told = (self.finding[near].why for near in (name, *self.ancestors.get(name, ())) if near in self.finding)
        return block.reasoning or next(filter(None, told), "")

    def parameter(self, name: str) -> Any:
        """A number of `rules/weighing.yaml`."""
        try:
            return self.weighing[name].value
        except KeyError:
            raise KnowledgeError(f"weighing.yaml has no parameter {name!r}") from None

    def statement_sources(self) -> dict[str, list[str]]:
        """Source key -> where it is cited, over the whole base."""
        cited: dict[str, list[str]] = {}

        def cite(key: str | None, where: str) -> None:
            if key:
                entry = self.reference.get(key)
                cited.setdefault(entry.id if entry else key, []).append(where)

        for cause in self.causes:
            for statement in all_statements(cause):
                cite(statement.source, f"{cause.id}:{statement.id}")
            for text in (*cause.about, *cause.urgent, *cause.pitfalls):
                cite(text.source, cause.id)
            for advice in cause.next_tests:
                cite(advice.source, cause.id)
            for kind in cause.kinds:
                cite(kind.share.source if kind.share else None, f"{cause.id}/{kind.id}")
        for drug in self.drugs:
            for key in drug.sources:
                cite(key, f"drug {drug.id}")
        for finding in self.findings:
            for interval in finding.reference:
                cite(interval.source, f"finding {finding.id}")
            cite(finding.background.source if finding.background else None, f"finding {finding.id}")
        for rule in self.derived:
            cite(rule.source, f"derived {rule.finding}")
        for flag in self.red_flags:
            for source in flag.sources:
                cite(source.key, f"red flag {flag.id}")
        for name, setting in self.priors.settings.items():
            for entry in setting.causes.values():
                cite(entry.source, f"prior {name}")
            for cohort in (*setting.cohorts, *(b for entry in setting.causes.values() for b in entry.basis)):
                cite(cohort.get("source"), f"prior {name}")
        for modifier in self.priors.modifiers:
            cite(modifier.source, "prior modifier")
        for key, parameter in self.weighing.items():
            cite(parameter.source, f"weighing {key}")
        for disclaimer in self.disclaimers:
            for source in disclaimer.sources:
                cite(source.key, f"disclaimer {disclaimer.id}")
        if self.default_latency:
            cite(self.default_latency.source, "default latency")
        return cited


def all_statements(cause: Cause) -> tuple[Statement, ...]:
    """The statements of a cause, those of its variants included."""
    return (*cause.statements, *(s for variant in cause.variants for s in variant.statements))


def _reached(start: str, steps: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All that can be reached from a finding, nearest first."""
    seen: dict[str, None] = {}
    waiting = list(steps.get(start, ()))
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen[name] = None
            waiting.extend(steps.get(name, ()))
    return tuple(seen)
