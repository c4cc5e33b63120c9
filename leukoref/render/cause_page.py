"""One cause as a Markdown page: what it is, what speaks for and against it, with figures and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause, Distribution, Frequency, Share, Sourced, Statement
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.render.citations import Citations, percent, plain, signed, words
from leukoref.render.markdown import bibliography, escape


def render(cause: Cause, knowledge: Knowledge, table: EvidenceTable) -> str:
    """The page of a cause as GitHub-flavoured Markdown; ``table`` holds the weights of the base."""
    return "\n".join(_Page(cause, knowledge, table).blocks()) + "\n"


class _Page:
    """One page while it is written: the cause, what it is read from, and the sources cited so far."""

    def __init__(self, cause: Cause, base: Knowledge, table: EvidenceTable) -> None:
        self.cause, self.base, self.table = cause, base, table
        self.cite = Citations({
            entry.id: entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in base.references
        })  # fmt: skip

    def blocks(self) -> Iterator[str]:
        cause = self.cause
        yield f"# {escape(plain(cause.name))}\n"
        groups = ", ".join(self.base.mechanisms.get(m, words(m)) for m in cause.mechanisms)
        yield " · ".join((f"`{cause.id}`", escape(groups), *cause.codes.qualified()))
        yield f"\n*{escape(plain(cause.provenance.review_status))}; knowledge {escape(self.base.version)}.*"
        yield from self._texts("What it is", cause.about)
        yield from self._texts("Urgent", cause.urgent)
        yield from self._criteria()
        yield from self._speaking("What speaks for it when present", True)
        yield from self._speaking("What speaks against it when present", False)
        yield from self._spreads()
        yield from self._qualitative()
        yield from self._variants()
        yield from self._core()
        yield from self._tests()
        yield from self._texts("Pitfalls", cause.pitfalls)
        if cause.mimics:
            names = [self.base.cause[m].name if m in self.base.cause else words(m) for m in cause.mimics]
            yield f"\n## Easily mistaken for\n\n{escape(', '.join(names))}"
        yield "\n## Sources\n"
        yield from bibliography(self.cite.bibliography)

    # -- sections -----------------------------------------------------------------------------------------

    def _texts(self, title: str, texts: Sequence[Sourced]) -> Iterator[str]:
        if texts:
            yield f"\n## {title}\n"
            yield from (f"- {escape(plain(entry.text))} {self._mark(entry.source)}" for entry in texts)

    def _criteria(self) -> Iterator[str]:
        criteria = [statement for statement in self.cause.statements if statement.criterion]
        if criteria:
            yield "\n## Criteria\n"
            for entry in criteria:
                yield f"- **{entry.criterion}**: {escape(plain(entry.reason))} {self._mark(entry.source)}"

    def _speaking(self, title: str, supports: bool) -> Iterator[str]:
        """Sourced rates and ratios of presence findings, strongest first."""
        cells = ((name, speakers.get(self.cause.id)) for name, speakers in self.table.cells.items())
        told = [(name, c) for name, c in cells if c and c.rate.basis != "estimate" and (c.present >= 0) == supports]
        if told:
            yield f"\n## {title}\n"
            yield "| Finding | In this cause | In low counts at large | Present | Absent | In whom | Sources |"
            yield "|---|---|---|--:|--:|---|---|"
        for name, cell in sorted(told, key=lambda pair: (-abs(pair[1].present), pair[0])):
            background = self.table.backgrounds.get(name)
            at_large = f"{percent(background.value)} ({background.text})" if background else "published ratio"
            people = "; ".join(dict.fromkeys(s.population for s in cell.rate.statements if s.population))
            texts = (self._name(name), cell.rate.text, at_large, signed(cell.present), signed(cell.absent), people)
            mark = self._mark(*cell.rate.sources, *(background.sources if background else ()))
            yield f"| {' | '.join(escape(plain(text)) for text in texts)} | {mark} |"

    def _spreads(self) -> Iterator[str]:
        """Sourced statements about the bins of a scale."""
        shown = [
            s for s in self.cause.statements
            if s.weighed and (s.distribution or (s.frequency and (s.bins or s.finding in self.table.words)))
        ]  # fmt: skip
        if shown:
            yield "\n## Counts and other measurements\n"
            yield "| Measurement | How often | In whom | Why | Sources |\n|---|---|---|---|---|"
            for entry in shown:
                yield self._statement_row(entry)

    def _qualitative(self) -> Iterator[str]:
        shown = [s for s in self.cause.statements if s.qualitative or (_figure(s) and not s.weighed)]
        if shown:
            yield "\n## Shown, not weighed\n"
            yield "| Finding | How often | In whom | Why | Sources |\n|---|---|---|---|---|"
            for entry in shown:
                yield self._statement_row(entry)

    def _statement_row(self, entry: Statement) -> str:
        name = self._name(entry.finding or "") + (f" in {', '.join(entry.bins)}" if entry.bins else "")
        told = _figure(entry) or entry.qualitative or ""
        told = f"absent: {told}" if entry.state == "absent" else told
        cells = (name, told, entry.population or "", entry.reason)
        return f"| {' | '.join(escape(plain(cell)) for cell in cells)} | {self._mark(entry.source)} |"

    def _variants(self) -> Iterator[str]:
        """The kinds of the cause: their share, what differs in them, and the figures that say so."""
        if self.cause.variants:
            yield "\n## Kinds\n"
        for variant in self.cause.variants:
            share = ""
            if variant.share:
                share = f" ({f'{_share(variant.share)} {self._mark(variant.share.source)}'.rstrip()})"
            told = [
                f"{self._name(s.finding)} {_figure(s)} {self._mark(s.source)}"
                for s in variant.statements if s.finding and _figure(s)
            ]  # fmt: skip
            yield f"- **{escape(plain(variant.name))}**{share}" + (f": {'; '.join(told)}" if told else "")
            for block in variant.estimates:
                cells = ", ".join(
                    f"{self._name(name)} {percent(value) if isinstance(value, (int, float)) else _bins(value)}"
                    for name, value in block.cells.items()
                )
                yield f"  - est.: {escape(plain(block.reasoning or block.group))} {escape(cells)}"

    def _core(self) -> Iterator[str]:
        """The whole core profile, folded: estimates with their reasoning, and what sourced figures made of them."""
        scales = [s for s in self.base.scales if self.cause.id in self.table.spreads.get(s.id, {})]
        if not scales and not self.cause.estimates:
            return
        yield "\n<details><summary>Core profile, with labelled estimates</summary>\n"
        for scale in scales:
            cell = self.table.spreads[scale.id][self.cause.id]
            at_large = self.table.scale_backgrounds[scale.id]
            basis = "estimate, shaped by sourced figures" if cell.basis == "sourced" else "**est.**"
            yield f"\n{escape(scale.name)} ({basis})\n\n| | {' | '.join(map(escape, scale.bins))} |"
            yield f"|---|{'--:|' * len(scale.bins)}"
            yield f"| this cause | {' | '.join(map(percent, cell.shares))} |"
            yield f"| at large | {' | '.join(map(percent, at_large))} |"
        for block in self.cause.estimates:
            told = {
                name: f"{escape(self._name(name))} {percent(value)}{self._replaced(name)}"
                for name, value in block.cells.items() if isinstance(value, (int, float))
            }  # fmt: skip
            if block.reasoning:
                yield f"\n**{escape(plain(block.group))}** (est.): {escape(plain(block.reasoning))}"
                if told:
                    yield "\n" + "; ".join(told.values())
            else:
                yield f"\n**{escape(plain(block.group))}** (est.), each with why the causes differ in it:\n"
                for name, text in told.items():
                    yield f"- {text}: {escape(plain(self.base.reasoning(block, name)))}"
        yield "\n</details>"

    def _replaced(self, finding: str) -> str:
        rate = self.table.rates.get(finding, {}).get(self.cause.id)
        return " (a sourced figure is used instead)" if rate and rate.basis != "estimate" else ""

    def _tests(self) -> Iterator[str]:
        if self.cause.next_tests:
            yield "\n## Tests\n"
            for advice in self.cause.next_tests:
                why = f" - {escape(plain(advice.why))}" if advice.why else ""
                yield f"- {escape(plain(advice.text))}{why} {self._mark(advice.source)}"

    # -- words --------------------------------------------------------------------------------------------

    def _name(self, finding: str) -> str:
        if finding in self.base.finding:
            return plain(self.base.finding[finding].name)
        return plain(self.base.scale[finding].name) if finding in self.base.scale else words(finding)

    def _mark(self, *keys: str | None) -> str:
        index = self.base.reference
        return escape(self.cite(index[key].id if key in index else key for key in _given(keys)))


def frequency(figure: Frequency) -> str:
    """A figure as it was published: '55 of 55 (100 %)', '66 % of 120', 'very frequent (80-99 %)'."""
    if figure.n is not None and figure.of:
        return f"{figure.n} of {figure.of} ({percent(figure.share)})"
    if figure.proportion is not None:
        return f"{percent(figure.proportion)} {figure.denominator}"
    return f"{words(figure.term or '')} (qualitative)"


def distribution(figure: Distribution) -> str:
    """A mean or median as it was published: 'median 9.8 g/dL (quartiles 8.1 to 11.2) in 120'."""
    low, high = figure.quartiles or figure.range or (None, None)
    spread = f" (SD {figure.sd:g})" if figure.sd else ""
    if low is not None:
        spread = f" ({'quartiles' if figure.quartiles else 'range'} {low:g} to {high:g})"
    centre = f"{'median' if figure.median is not None else 'mean'} {figure.centre:g} {figure.unit}{spread}"
    return centre + (f" in {figure.of}" if figure.of else " (denominator not given)")


def _figure(entry: Statement) -> str:
    if entry.distribution:
        return distribution(entry.distribution)
    return frequency(entry.frequency) if entry.frequency else ""


def _share(share: Share) -> str:
    if share.estimate is not None:
        return f"est. {percent(share.estimate)} of the cause: {escape(plain(share.reasoning or ''))}"
    return f"{share.n} of {share.of}{f', {escape(plain(share.population))}' if share.population else ''}"


def _bins(shares: Sequence[float]) -> str:
    return "/".join(percent(share) for share in shares)


def _given(keys: Iterable[str | None]) -> Iterator[str]:
    return (key for key in keys if key)
