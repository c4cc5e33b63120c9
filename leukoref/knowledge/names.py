"""Names as clinicians write them, normalised: case, punctuation, plurals, US and UK spelling.

Exact after normalising, never fuzzy: a wrong finding is worse than one that was not recognised.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# UK to US, applied inside words; each pair is a spelling, never a change of meaning.
_SPELLINGS = [
    (re.compile(pattern), us)
    for pattern, us in (
        (r"haem", "hem"), (r"anaem", "anem"), (r"aemia", "emia"), (r"leuc(?=o|a)", "leuk"), (r"oedema", "edema"),
        (r"oesoph", "esoph"), (r"diarrhoea", "diarrhea"), (r"dyspnoea", "dyspnea"), (r"apnoea", "apnea"),
        (r"rrhoea", "rrhea"), (r"menorrhoea", "menorrhea"), (r"paed", "ped"), (r"foet", "fet"), (r"coel(?=iac)", "cel"),
        (r"caec", "cec"), (r"faec", "fec"), (r"orthopaed", "orthoped"), (r"anaesth", "anesth"), (r"haemat", "hemat"),
        (r"tumour", "tumor"), (r"colour", "color"), (r"odour", "odor"), (r"behaviour", "behavior"), (r"labour", "labor"),
        (r"goitre", "goiter"), (r"fibre", "fiber"), (r"litre", "liter"), (r"centre", "center"), (r"titre", "titer"),
        (r"grey", "gray"), (r"sulph", "sulf"), (r"oestr", "estr"), (r"isation\b", "ization"), (r"ise\b(?<=[lrn]ise)", "ize"),
        (r"ised\b", "ized"), (r"ising\b", "izing"), (r"lysed\b", "lyzed"), (r"dialys(?=ed|ing)", "dialyz"),
        (r"gynaec", "gynec"), (r"ischaem", "ischem"), (r"caesar", "cesar"), (r"ulcerat", "ulcerat"), (r"ageing", "aging"),
    )
]  # fmt: skip
_KEPT_S = re.compile(r"(ss|us|is|as|os|ys|ics|ies)$")
_APOSTROPHE = re.compile(r"[’'`´]s\b|[’'`´]")
_SEPARATORS = re.compile(r"[^a-z0-9%<>=+./:*^²³µ]+")
_INNER_DOT = re.compile(r"(?<=[a-z])\.|\.(?![0-9])")


@lru_cache(maxsize=65536)
def normalise(name: str) -> str:
    """The comparable form of a name: 'Leucocytes', 'leukocyte' -> 'leukocyte'; 'Anti-dsDNA' -> 'anti dsdna'."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("μ", "µ")
    text = unicodedata.normalize("NFKD", text)
    text = "".join(ch for ch in text if not unicodedata.combining(ch))
    text = _APOSTROPHE.sub("", text)
    text = _INNER_DOT.sub("", text)
    words = _SEPARATORS.sub(" ", text.replace("/", " ").replace(":", " ")).split()
    return " ".join(_singular(_american(word)) for word in words)


def _american(word: str) -> str:
    for pattern, us in _SPELLINGS:
        word = pattern.sub(us, word)
    return word


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies") and not word.endswith(("eries", "scabies", "rabies")):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not _KEPT_S.search(word):
        return word[:-1]
    return word


def suggestions(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Known names that look like ``name``: offered to the reader, never used."""
    return difflib.get_close_matches(normalise(name), list(known), n=limit, cutoff=0.75)
