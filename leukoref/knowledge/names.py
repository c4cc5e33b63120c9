"""Names as clinicians write them, normalised: case, punctuation, plurals, US and UK spelling.

Exact after normalising, never fuzzy: a wrong finding is worse than one that was not recognised.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# UK to US, inside words and at their ends; each pair is a spelling, never a change of meaning.
_SPELLINGS = (
    ("haem", "hem"), ("anaem", "anem"), ("aemi", "emi"), ("paenia", "penia"), ("leuco", "leuko"), ("leuca", "leuka"),
    ("oedema", "edema"), ("oesoph", "esoph"), ("rrhoea", "rrhea"), ("pnoea", "pnea"), ("paed", "ped"), ("foet", "fet"),
    ("coeliac", "celiac"), ("caec", "cec"), ("faec", "fec"), ("aesth", "esth"), ("tumour", "tumor"),
    ("colour", "color"), ("odour", "odor"), ("behaviour", "behavior"), ("labour", "labor"), ("goitre", "goiter"),
    ("fibre", "fiber"), ("litre", "liter"), ("centre", "center"), ("titre", "titer"), ("grey", "gray"),
    ("sulph", "sulf"), ("caerulo", "cerulo"), ("laena", "lena"), ("oestr", "estr"), ("gynaec", "gynec"),
    ("caesar", "cesar"), ("ageing", "aging"), ("neighbour", "neighbor"),
)  # fmt: skip
_ENDINGS = (
    ("isation", "ization"), ("lise", "lize"), ("rise", "rize"), ("nise", "nize"), ("ised", "ized"), ("ising", "izing"),
    ("lysed", "lyzed"), ("lysing", "lyzing"),
)  # fmt: skip
_KEPT_S = re.compile(r"(ss|us|is|(?<!i)(?<!om)(?<!em)as|os|ics|ies)$")
_APOSTROPHE = re.compile(r"[’'`´]s\b|[’'`´]")
_SEPARATORS = re.compile(r"[^a-z0-9%<>=+./:*^²³µ]+")
_INNER_DOT = re.compile(r"(?<=[a-z])\.|\.(?![0-9])")
# Signs of notes: 'HIV (-)', 'HIV -ve', 'fever: no', 'Ø fever', '?sepsis', 'fever w/o rash'. Overlooked, they would turn
# into what they deny or doubt.
_DASH = "[-\N{MINUS SIGN}\N{EN DASH}]"
_NONE = "(?:no|none|nil|absent)"
_UNITS = "(?:d|w|wk|mo|yr?|day|week|month|year)s?"
_SIGNS = (
    (re.compile(rf"\(\s*{_DASH}\s*\)|(?<!\w){_DASH}\s?ve\b|(?<=\s){_DASH}\s*$"), " negative "),
    (re.compile(r"\(\s*\+\s*\)|(?<!\w)\+\s?ve\b|(?<=\s)\+{1,4}\s*$"), " positive "),
    (re.compile(rf"(?::|\s{_DASH})\s*{_NONE}\s*$|\(\s*{_NONE}\s*\)\s*$|(?<=\s)0/10\s*$"), " absent"),
    (re.compile(rf"(?::|\s{_DASH})\s*(?:yes|present)\s*$"), " present"),
    (re.compile(r"^\s*[ø∅]\s*(?=\w)"), "no "),
    (re.compile(r"^\s*\?+\s*(?=\w)"), "suspected "),
    (re.compile(r"(?<=\w)\s*\?+\s*$"), " suspected"),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/\s?"), "with "),
    (re.compile(rf"\bx\s?(?=\d+\s?{_UNITS}\b)"), "for "),
)
_MAY_SIGN = re.compile(rf"[(+:?/ø∅]|(?<!\w){_DASH}|\bx\s?\d")  # each sign holds one of these; most names hold none


@lru_cache(maxsize=65536)
def normalise(name: str) -> str:
    """The comparable form of a name: 'Leucocytes', 'leukocyte' -> 'leukocyte'; 'Anti-dsDNA' -> 'anti dsdna'."""
    text = name.casefold() if name.isascii() else _plain(name)
    for sign, meaning in _SIGNS if _MAY_SIGN.search(text) else ():
        text = sign.sub(meaning, text)
    text = _APOSTROPHE.sub("", text)
    text = _INNER_DOT.sub("", text)
    words = _SEPARATORS.sub(" ", text.replace("/", " ").replace(":", " ")).split()
    return " ".join(map(_form, words))


def _plain(name: str) -> str:
    """In lower case and without accents."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("μ", "µ")
    return "".join(ch for ch in unicodedata.normalize("NFKD", text) if not unicodedata.combining(ch))


@lru_cache(maxsize=65536)  # tens of thousands of names share some thousand words
def _form(word: str) -> str:
    return _singular(_american(word))


def _american(word: str) -> str:
    for british, us in _SPELLINGS:
        if british in word:
            word = word.replace(british, us)
    for british, us in _ENDINGS:
        if word.endswith(british):
            return word[: -len(british)] + us
    return word


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies") and not word.endswith(("eries", "scabies", "rabies")):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "xes")) and len(word) > 5:
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not _KEPT_S.search(word):
        return word[:-1]
    return word


def suggestions(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Known names that look like ``name``: offered to the reader, never used."""
    import difflib

    return difflib.get_close_matches(normalise(name), list(known), n=limit, cutoff=0.75)
