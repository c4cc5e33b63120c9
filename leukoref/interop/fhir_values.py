"""What the values of FHIR resources say in codes and words: present or absent, low or high."""

from __future__ import annotations

import re
from typing import Any

from leukoref.interop import fhir_codes as codes
from leukoref.interop.fhir_concepts import Resource
from leukoref.knowledge.names import normalise

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MEASURED = re.compile(rf"^(<=|>=|<|>)?\s*({NUMBER})(?:\s*([^\d\s.,:/-].*|/\S.*|10[*^].*))?$")


def quantity_in(text: str) -> Resource | None:
    """A number in words, with a comparator before and a unit behind it; None for anything more or less."""
    match = _MEASURED.match(text.strip())
    return {"value": float(match[2]), "unit": match[3] or "", "comparator": match[1]} if match else None


def has_value(part: Resource) -> bool:
    return any(key.startswith("value") and part[key] is not None for key in part)


def codes_of(concepts: Any) -> list[str]:
    """The codes of a CodeableConcept, a list of them, or the bare code older versions of FHIR have there."""
    if isinstance(concepts, str):
        return [concepts]
    found = []
    for concept in concepts if isinstance(concepts, list) else [concepts]:
        if type(concept) is dict:
            codings = concept.get("coding")
            for coding in codings if isinstance(codings, list) else ():
                if type(coding) is dict and isinstance(coding.get("code"), str):
                    found.append(coding["code"])
    return found


def words_of(concept: Resource) -> list[str]:
    """The text of a CodeableConcept and what its codings display, normalised."""
    codings = concept.get("coding")
    displayed = [c.get("display") for c in codings if type(c) is dict] if isinstance(codings, list) else []
    return [
        normalise(word.removesuffix(" (qualifier value)"))
        for word in (concept.get("text"), *displayed)
        if isinstance(word, str)
    ]


def severities_of(concept: Any) -> list[str]:
    """How severe a Condition is, in words: those of FHIR's value set by their codes, others as they are written."""
    coded = [word for code in codes_of(concept) if (word := codes.SEVERITIES.get(code))]
    return coded + (words_of(concept) if type(concept) is dict else [])


def side_of(concepts: Any) -> str:
    """Low, high or normal, as the codes or words of an interpretation say; empty where they say neither, or both."""
    entries = concepts if isinstance(concepts, list) else [concepts]
    words = [word for entry in entries if type(entry) is dict for word in words_of(entry)]
    sides = {codes.FLAGS.get(code, "") for code in codes_of(concepts)} | {codes.FLAG_WORDS.get(w, "") for w in words}
    sides.discard("")
    return sides.pop() if len(sides) == 1 else ""


def first_code(concept: Any) -> str:
    return next(iter(codes_of(concept)), "")


def state_of(part: Resource) -> bool | None:
    """Present or absent, as a value says it: a boolean, a coded answer, a word, else the interpretation."""
    if type(part.get("valueBoolean")) is bool:
        return bool(part["valueBoolean"])
    concept = part.get("valueCodeableConcept")
    if type(concept) is dict:
        codings = [c for c in concept.get("coding") or () if type(c) is dict]
        said = [codes.PRESENT_CODES.get((codes.canonical(c.get("system")), str(c.get("code")))) for c in codings]
        said += [codes.PRESENT_WORDS.get(word) for word in words_of(concept)]
        states = {state for state in said if state is not None}
        return states.pop() if len(states) == 1 else None  # a code against its own words says nothing
    if isinstance(part.get("valueString"), str):
        return codes.PRESENT_WORDS.get(normalise(part["valueString"]))
    if not has_value(part):
        flags = [code for code in codes_of(part.get("interpretation")) if code in codes.INTERPRETED_PRESENT]
        return codes.INTERPRETED_PRESENT[flags[0]] if flags else None
    return None


def unrelated(relationship: Any) -> bool:
    """Whether a relationship is one without common blood; what is not said counts as a relative's."""
    words = words_of(relationship) if type(relationship) is dict else []
    known = codes.UNRELATED.intersection(codes_of(relationship))
    return bool(known) or any(codes.UNRELATED_WORDS.search(word) for word in words)


def sex_of(extensions: Any) -> str | None:
    """Female or male, as the extensions of US Core say; None where they contradict each other."""
    stated = extensions if isinstance(extensions, list) else []
    said = [e.get("valueCode") for e in stated if type(e) is dict and e.get("url") in codes.SEX_EXTENSIONS]
    sexes = {codes.SEXES[code] for code in said if isinstance(code, str) and code in codes.SEXES}
    return sexes.pop() if len(sexes) == 1 else None
