"""Long names of LOINC: 'Hemoglobin [Mass/volume] in Blood by Automated count'."""

from __future__ import annotations

import re

_NAME = re.compile(
    r"^(?P<what>[^\[\]]+?) \[(?P<property>[^\[\]]+)\](?: (?:in|of|on) (?P<where>.+?))?(?: by .+)?$", re.IGNORECASE
)
_PROPERTY = re.compile(  # what stands in the brackets; others are remarks ('Pinta [carate]')
    r"[^/]+/[^/]+|(?:presence|identifier).*|titer|time|type|ph|interpretation|.*(?:ratio|fraction|volume|mass|velocity)",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"^(?P<what>[^\[\]]+?)/100 (?:white blood cells|leukocytes) in (?P<where>.+?)(?: by .+)?$", re.IGNORECASE
)
_BLOOD = re.compile(r"\b(blood|serum|plasma)\b", re.IGNORECASE)
_OTHER = re.compile(r"\b(cord|dialysis|body|pleural|synovial|urine|stool|cerebral)\b", re.IGNORECASE)


def component(name: str) -> str | None:
    """What is measured, as a clinician calls it; None if this is no such name."""
    share = _SHARE.match(name)
    if share and _in_blood(share["where"]):
        return f"{share['what']} percent"
    found = _NAME.match(name)
    if found is None or not _PROPERTY.fullmatch(found["property"]):
        return None
    what = re.sub(r"\([^()]*\)", " ", found["what"]).strip()
    what = re.sub(r"^(\w+)\.(\w+)$", r"\2 \1", what)  # Bilirubin.total
    where = found["where"]
    if where is None or _in_blood(where):
        return what
    return f"{where.split(' by ')[0]} {what}"


def _in_blood(where: str) -> bool:
    return bool(_BLOOD.search(where)) and not _OTHER.search(where)
