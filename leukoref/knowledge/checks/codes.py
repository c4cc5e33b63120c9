"""Codes: their form, the check digit of LOINC, and that a code stands for one finding.

Whether a code exists and fits what it is given to takes the code lists themselves, which are not shipped;
the test suite checks that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from leukoref.knowledge.checks import check
from leukoref.knowledge.checks.reading import Draft, Entry
from leukoref.knowledge.loader import Complaint

AGAIN = "look the code up again"
FORMS = {
    "loinc": (re.compile(r"\d{1,5}-\d"), "digits, a hyphen and a check digit, as in 6690-2"),
    "hpo": (re.compile(r"HP:\d{7}"), "HP: and seven digits"),
    "icd10cm": (re.compile(r"[A-Z]\d[0-9AB](\.[0-9A-Z]{1,4})?"), "as in D70.2"),
    "snomed": (re.compile(r"\d{6,18}"), "6 to 18 digits"),
    "rxnorm": (re.compile(r"\d{1,8}"), "digits"),
    "atc": (re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?"), "as in H03BB02"),
}


@check
def wrong_code(draft: Draft) -> Iterator[Complaint]:
    """A code has the form of its system, and a LOINC code its check digit."""
    shelves: tuple[list[Any], ...] = (draft.findings, draft.causes, draft.drugs)
    for entry in (entry for shelf in shelves for entry in shelf):
        for system, (form, shape) in FORMS.items():
            for position, code in enumerate(getattr(entry.value.codes, system)):
                problem = None if form.fullmatch(code) else shape
                if problem is None and system == "loinc" and not loinc_check_digit(code):
                    problem = "the check digit does not fit"
                if problem:
                    message = f"{system} code {code!r}: {problem}"
                    yield entry.complain("wrong_code", message, "codes", system, position, remedy=AGAIN)


def loinc_check_digit(code: str) -> bool:
    """Whether the last digit is the Luhn (mod 10) check digit of the others, as LOINC defines it."""
    number, _, digit = code.partition("-")
    total = 0
    for position, character in enumerate(reversed(number)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(digit)


@check
def shared_code(draft: Draft) -> Iterator[Complaint]:
    """Two findings claim one code, or one HPO code as their first: a code decides, so it decides for one."""
    owner: dict[tuple[str, str], Entry[Any]] = {}
    for entry in draft.findings:
        codes = entry.value.codes
        claimed = {"loinc": codes.loinc, "hpo": codes.hpo[:1], "icd10cm": codes.icd10cm, "snomed": codes.snomed}
        for system, listed in claimed.items():
            for position, code in enumerate(listed):
                first = owner.setdefault((system, code), entry)
                if first is not entry:
                    message = f"{system} code {code} already stands for {first.id}"
                    remedy = "keep it where it says no more than the code, or at neither"
                    yield entry.complain(
                        "shared_code", message, "codes", system, position,
                        remedy=remedy, severity="warning" if system == "hpo" else "error",
                    )  # fmt: skip
