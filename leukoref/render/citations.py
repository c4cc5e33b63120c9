"""How figures, weights and sources are written, the same in every output.

Texts pass through `plain` before they are shown: a label from a record may hold anything.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_AUTHORS_SHOWN = 3


def plain(text: object) -> str:
    """One line of harmless text: controls, escape sequences and direction overrides become a visible mark."""
    shown = str(text)
    if not shown.isprintable():  # nearly every text is, and then has none of these
        shown = "".join(
            " " if ch in "\n\r\t" else "\ufffd" if ch in _BIDI or unicodedata.category(ch) in ("Cc", "Cs") else ch
            for ch in shown
        )
    return " ".join(shown.split())


def signed(weight: float) -> str:
    """A weight in decibans with its sign: '+4.2', '-0.3', '0.0'."""
    text = f"{weight:+.1f}"
    return text if float(text) else "0.0"


def percent(share: float) -> str:
    """A share as a percentage with the digits it deserves: '0.03 %', '4.2 %', '62 %'."""
    value = 100 * share
    if value and abs(value) < 0.01:
        return "< 0.01 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"


def words(identifier: str) -> str:
    """An identifier as words: 'in_window' -> 'in window'."""
    return plain(identifier.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of a bibliography as it is printed; ``link`` is None when there is no web address."""

    number: int
    key: str
    text: str
    link: str | None


class Citations:
    """Numbers sources in the order in which they are first cited."""

    def __init__(self, csl: Mapping[str, Mapping[str, Any]]) -> None:
        self._csl = csl
        self._numbers: dict[str, int] = {}

    def __call__(self, keys: Iterable[str | None]) -> str:
        """The mark of some sources, as in '[3, 7]'; empty without sources."""
        numbers = [self._numbers.setdefault(key, len(self._numbers) + 1) for key in dict.fromkeys(keys) if key]
        return f"[{', '.join(map(str, sorted(numbers)))}]" if numbers else ""

    @property
    def bibliography(self) -> tuple[Source, ...]:
        """Every source cited so far, by number."""
        return tuple(self._source(key, number) for key, number in self._numbers.items())

    def _source(self, key: str, number: int) -> Source:
        csl = self._csl.get(key)
        if csl is None:
            return Source(number, plain(key), f"{plain(key)} (not in the bibliography)", None)
        return Source(number, plain(key), reference(csl), link(csl))


def reference(csl: Mapping[str, Any]) -> str:
    """A CSL entry as one line: authors, title, container, year;volume(issue):pages, DOI, PMID, what was read."""
    parts = [_names(csl), _sentence(csl.get("title")), _sentence(_published(csl))]
    parts += [f"doi:{csl['DOI']}." if csl.get("DOI") else "", f"PMID {csl['PMID']}." if csl.get("PMID") else ""]
    if csl.get("ISBN"):
        parts.append(f"ISBN {csl['ISBN']}.")
    seen = (csl.get("custom") or {}).get("seen")
    parts.append(f"(Read: {seen}.)" if seen else "")
    return plain(" ".join(part for part in parts if part))


def link(csl: Mapping[str, Any]) -> str | None:
    """The address of a source: its DOI, else PubMed, else its web page. Only http and https."""
    if csl.get("DOI"):
        return "https://doi.org/" + quote(str(csl["DOI"]), safe="/().:;-_")
    if csl.get("PMID"):
        return f"https://pubmed.ncbi.nlm.nih.gov/{quote(str(csl['PMID']), safe='')}/"
    url = str(csl.get("URL") or "")
    return quote(url, safe="/().:;-_?&=#%+,~@!$'*[]") if url.startswith(("https://", "http://")) else None


def _names(csl: Mapping[str, Any]) -> str:
    people = csl.get("author") or csl.get("editor") or ()
    shown = [_name(person) for person in people]
    names = [name for name in shown if name and name != "et al."]
    more = len(names) > _AUTHORS_SHOWN or "et al." in shown
    return _sentence(", ".join(names[:_AUTHORS_SHOWN]) + (", et al." if more and names else ""))


def _name(person: Mapping[str, Any]) -> str:
    if person.get("literal"):
        return str(person["literal"])
    given = str(person.get("given") or "").replace("-", " ").replace(".", " ").split()
    initials = "".join(part if part.isupper() else part[0] for part in given)
    return f"{person.get('family') or ''} {initials}".strip()


def _published(csl: Mapping[str, Any]) -> str:
    dates = (csl.get("issued") or {}).get("date-parts") or [[]]
    year = str(dates[0][0]) if dates[0] else ""
    volume = str(csl.get("volume") or "") + (f"({csl['issue']})" if csl.get("issue") else "")
    place = ";".join(part for part in (year, volume) if part) + (f":{csl['page']}" if csl.get("page") else "")
    edition = f"{csl['edition']}th ed" if str(csl.get("edition", "")).isdigit() else csl.get("edition")
    return ". ".join(str(part) for part in (csl.get("container-title"), edition, csl.get("publisher"), place) if part)


def _sentence(text: object) -> str:
    line = str(text or "").strip()
    return line if not line or line.endswith((".", "?", "!")) else line + "."
