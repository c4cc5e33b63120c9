"""HL7 v2 in: ORU^R01 result messages as a Patient with an account of every OBX.

Each OBX is put as the FHIR Observation that says the same and read by the one reader of those, so that corrections,
look-back windows and contradictions are settled alike. Local codes are understood through a mapping file.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leukoref.errors import InputError
from leukoref.interop.fhir_codes import URIS
from leukoref.interop.fhir_concepts import Resource, concepts
from leukoref.interop.fhir_facts import Ledger
from leukoref.interop.fhir_intake import Intake
from leukoref.interop.fhir_reading import FhirReading, read_ledger
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import MAX_FILE_BYTES

SYSTEMS = {"LN": "LOINC:", "LOINC": "LOINC:", "I10C": "ICD10CM:", "SCT": "SNOMED:", "SNM": "SNOMED:", "HPO": "HP:"}
# OBX-11 (table 0085) -> Observation.status; an empty one means final. What is not here holds no result.
STATUS = {
    "": "final", "F": "final", "U": "final", "P": "preliminary", "R": "preliminary", "C": "corrected",
    "A": "amended", "D": "entered-in-error", "W": "entered-in-error", "X": "cancelled", "I": "registered",
    "S": "preliminary", "O": "registered", "N": "registered",
}  # fmt: skip
SEX = {"F": "female", "M": "male", "U": "unknown", "O": "unknown", "A": "unknown", "N": "unknown"}
PATIENT_CLASS = {"O": "AMB", "E": "EMER", "I": "IMP"}
NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_MEASURED = re.compile(rf"^(<=|>=|<|>)?\s*({NUMBER})$")
_TIME = re.compile(r"^(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})?(\d{2})?(?:\.\d+)?)?([+-]\d{4})?$")


@dataclass(frozen=True)
class LocalCodes:
    """A site's own codes: (coding system, code) -> LOINC or other qualified code, and the unit where it sends none.
    An empty system stands for every system of the feed."""

    codes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    units: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def from_file(cls, path: str | Path) -> LocalCodes:
        """Reads a CSV file with the columns ``code``, ``to`` (as ``LOINC:6690-2``) and, if wanted, ``system`` and
        ``unit``. Raises InputError with file and line."""
        name = Path(path).name
        codes: dict[tuple[str, str], str] = {}
        units: dict[tuple[str, str], str] = {}
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as lines:
                table = csv.DictReader(lines)
                if not {"code", "to"} <= set(table.fieldnames or ()):
                    raise InputError(name, "has no columns code and to", "the first line names the columns")
                for row in table:
                    key = ((row.get("system") or "").strip(), (row["code"] or "").strip())
                    target = (row["to"] or "").strip()
                    if not key[1] or ":" not in target or codes.setdefault(key, target) != target:
                        problem = "no code, no qualified target, or a code mapped twice"
                        raise InputError(f"{name}:{table.line_num}", problem, "write the target as LOINC:6690-2")
                    if unit := (row.get("unit") or "").strip():
                        units[key] = unit
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(name, getattr(error, "strerror", None) or "cannot be read as UTF-8 CSV") from None
        return cls(codes, units)

    def find(self, system: str, code: str) -> tuple[str, str]:
        """(qualified code, unit) of a local code; empty where the file does not have it."""
        keys = ((system, code), ("", code))
        key = next((key for key in keys if key in self.codes), None)
        return (self.codes[key], self.units.get(key, "")) if key else ("", "")


def patient_from_hl7(
    messages: str | bytes | Iterable[str | bytes],
    *,
    mapping: LocalCodes | str | Path | None = None,
    as_of: dt.datetime | None = None,
    zone: dt.tzinfo = dt.UTC,
    base: Knowledge | None = None,
) -> FhirReading:
    """A Patient from ORU^R01 messages of one patient, oldest first: a text with one or more, or several texts.

    ``mapping`` translates local codes, ``zone`` is where times without an offset are taken to be, ``as_of`` the time of
    the assessment (by default that of the newest result). Raises InputError for what is no ORU^R01, for messages of
    two patients, or for a mapping file that cannot be read; an OBX that cannot be read only loses itself.
    """
    local = mapping if isinstance(mapping, LocalCodes) else LocalCodes.from_file(mapping) if mapping else LocalCodes()
    known = concepts(base or load_knowledge())
    as_of = as_of.replace(tzinfo=zone) if as_of is not None and as_of.tzinfo is None else as_of
    intake, ledger, subject = Intake(known, zone), Ledger(), ""
    for number, message in enumerate(_parsed(messages)):
        reader = _Message(message, number, local, zone, subject)
        reader.person(ledger)
        for resource, kind, reference in reader.resources():
            intake.take(resource, kind, reference, ledger)
        subject = reader.subject
    return read_ledger(ledger, known, as_of, subject)


class _Message:
    """One ORU^R01 message. An OBX belongs to the OBR before it, which has its time where the OBX has none."""

    def __init__(self, message: Any, number: int, local: LocalCodes, zone: dt.tzinfo, subject: str) -> None:
        self.segments = list(message)
        self.local, self.zone = local, zone
        self.header = self.segments[0]
        kind = [_part(self.header, 9, component) for component in (1, 2)]
        if kind != ["ORU", "R01"]:
            raise InputError(f"message {number + 1}", "is no ORU^R01", "hand in result messages only")
        self.identity = f"{_part(self.header, 10) or 'message'}.{number + 1}"
        people = {_part(s, 3) or _part(s, 2) for s in self.segments if _name(s) == "PID"}
        if not people:
            raise InputError(f"message {number + 1}", "has no PID", "age and sex are needed to read the counts")
        if len(people) > 1 or (number and subject not in people):
            raise InputError("messages", "are about several patients", "assess one patient at a time")
        self.subject = people.pop()

    def person(self, ledger: Ledger) -> None:
        for segment in self.segments:
            if _name(segment) == "PID":
                born, sex = _part(segment, 7), _part(segment, 8).upper()
                if at := _time(born, self.zone):
                    ledger.patient["birthDate"] = at[: {4: 4, 6: 7}.get(len(born), 10)]
                if sex:
                    ledger.patient["gender"] = SEX.get(sex, "unknown")

    def resources(self) -> Iterator[tuple[Resource, str, str]]:
        order, position = None, 0
        for segment in self.segments:
            if _name(segment) == "OBR":
                order = segment
            elif _name(segment) == "PV1" and (found := PATIENT_CLASS.get(_part(segment, 2).upper())):
                start = _time(_part(segment, 44), self.zone)
                yield {"class": {"code": found}, "period": {"start": start}}, "Encounter", f"PV1/{self.identity}"
            elif _name(segment) == "OBX":
                position += 1
                yield self._result(segment, order), "Observation", f"OBX/{self.identity}.{position}"

    def _result(self, segment: Any, order: Any) -> Resource:
        concept, unit = self._concept(segment)
        status = STATUS.get(_part(segment, 11).upper(), "unknown")
        flags = _part(segment, 8).upper()
        resource: Resource = {"status": status, "code": concept, "meta": {"lastUpdated": self._sent()}}
        stated = _part(segment, 14) or (_part(order, 7) if order is not None else "")
        if stated:
            resource["effectiveDateTime"] = _time(stated, self.zone) or "unreadable"
        if identifier := self._identifier(segment, order):
            resource["identifier"] = [{"system": "urn:leukoref:hl7v2", "value": identifier}]
        if flags:
            resource["interpretation"] = [{"coding": [{"code": flags}]}]
        if order is not None and _part(order, 3):
            resource["specimen"] = {"reference": _part(order, 3)}
        return resource | _value(segment, _part(segment, 6) or unit)

    def _sent(self) -> str:
        return _time(_part(self.header, 7), self.zone) or ""

    def _identifier(self, segment: Any, order: Any) -> str:
        """The same order, code and sub-id is the same result; a later message corrects or takes it back."""
        number = (_part(order, 3) or _part(order, 2)) if order is not None else ""
        return f"{number}|{_part(segment, 3)}|{_part(segment, 4)}" if number else ""

    def _concept(self, segment: Any) -> tuple[Resource, str]:
        """OBX-3 with its alternate: local codes through the mapping file, standard ones by their system."""
        codings, unit, text = [], "", _part(segment, 3, 9)
        for first in (1, 4):
            code, label, system = (_part(segment, 3, first + step) for step in range(3))
            qualified, own_unit = self.local.find(system, code)
            prefix, _, bare = qualified.partition(":")
            uri = URIS.get(f"{prefix}:") or URIS.get(SYSTEMS.get(system.upper(), ""), system or "local")
            if code:
                chosen = (qualified if prefix == "HP" else bare) if qualified else code
                codings.append({"system": uri, "code": chosen, "display": label})
            unit, text = unit or own_unit, text or label
        return {"coding": codings, "text": text}, unit


def _value(segment: Any, unit: str) -> Resource:
    """OBX-5 by its type: numbers, structured numerics with comparator or range, coded answers, words."""
    kind, text = _part(segment, 2).upper(), _part(segment, 5)
    if _repeats(segment, 5):
        return {"valueArray": True}  # several values of one OBX are not read as one
    if kind == "SN":
        parts = [_part(segment, 5, component) for component in range(1, 5)]
        return _structured(parts, unit)
    if not text or text == '""':
        return {}
    if match := _MEASURED.match(text.strip()) if kind in ("NM", "ST", "TX", "") else None:
        quantity = {"value": float(match[2]), "unit": unit, "comparator": match[1]}
        return {"valueQuantity": quantity}
    if kind in ("CE", "CWE", "CNE"):
        system = URIS.get(SYSTEMS.get(_part(segment, 5, 3).upper(), ""), "")
        label = _part(segment, 5, 2) or text
        return {"valueCodeableConcept": {"coding": [{"system": system, "code": text}], "text": label}}
    return {"valueString": text}


def _structured(parts: list[str], unit: str) -> Resource:
    comparator, first, separator, second = parts
    if not re.fullmatch(NUMBER, first):
        return {"valueString": "".join(parts)} if any(parts) else {}
    low = {"value": float(first), "unit": unit}
    if separator == "-" and re.fullmatch(NUMBER, second) and not comparator:
        return {"valueRange": {"low": low, "high": {"value": float(second), "unit": unit}}}
    if separator or second:
        return {"valueRatio": {}}
    return {"valueQuantity": low | {"comparator": None if comparator == "=" else comparator}}


def _parsed(messages: str | bytes | Iterable[str | bytes]) -> Iterator[Any]:
    """Messages by the parser. Raises InputError for what is none, or where the parser is not installed."""
    try:
        import hl7
    except ImportError:
        raise InputError("hl7v2", "reading needs python-hl7", "pip install 'leukoref[hl7v2]'") from None
    texts = [messages] if isinstance(messages, (str, bytes)) else list(messages)
    found = 0
    for text in texts:
        for single in hl7.split_file(_text(text)):
            found += 1
            try:
                yield hl7.parse(single)
            except Exception:
                raise InputError(f"message {found}", "is no HL7 v2 message", "it opens with MSH|^~\\&|") from None
    if not found:
        raise InputError("messages", "hold no HL7 v2 message", "it opens with MSH|^~\\&|")


def _text(message: Any) -> str:
    """A message as text with the segment ends of the standard, out of its transport frame."""
    if not isinstance(message, (str, bytes)):
        raise InputError("messages", "are no text", "hand in str or bytes")
    if len(message) > MAX_FILE_BYTES:
        raise InputError("messages", f"{len(message) / 1e6:.0f} MB", f"at most {MAX_FILE_BYTES / 1e6:.0f} MB are read")
    if isinstance(message, bytes):
        try:
            message = message.decode("utf-8")
        except UnicodeDecodeError:
            message = message.decode("latin-1")
    text: str = message.strip("\x0b\x1c\r\n \ufeff").replace("\r\n", "\r").replace("\n", "\r")
    if not text.startswith(("MSH", "BHS", "FHS")):
        raise InputError("messages", "hold no HL7 v2 message", "it opens with MSH|^~\\&|")
    return text.replace("\x1c\r\x0b", "\r").replace("\x0b", "").replace("\x1c", "")


def _name(segment: Any) -> str:
    return str(segment[0])


def _part(segment: Any, position: int, component: int = 1) -> str:
    """A component of the first repetition of a field, unescaped; empty where it is not there."""
    try:
        first = segment[position][0]
        value = first if isinstance(first, str) else first[component - 1]
    except IndexError:
        return ""
    if isinstance(first, str) and component > 1:
        return ""
    text = value if isinstance(value, str) else str(value).split("&")[0]
    for escape, sign in (("\\F\\", "|"), ("\\S\\", "^"), ("\\T\\", "&"), ("\\R\\", "~"), ("\\E\\", "\\")):
        text = text.replace(escape, sign)
    return text.strip()


def _repeats(segment: Any, position: int) -> bool:
    return len(segment) > position and len(segment[position]) > 1


def _time(text: str, zone: dt.tzinfo) -> str | None:
    """An HL7 time (YYYY[MM[DD[HHMM[SS[.S]]]]][+/-ZZZZ]) in ISO form; without an offset it is in ``zone``."""
    match = _TIME.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    clock = int(hour or 0), int(minute or 0), int(second or 0)
    try:
        at = dt.datetime(int(year), int(month or 1), int(day or 1), *clock, tzinfo=zone)
        if offset:
            at = at.replace(tzinfo=dt.datetime.strptime(offset, "%z").tzinfo)
    except ValueError:
        return None
    return at.isoformat() if hour else at.date().isoformat()


__all__ = ["LocalCodes", "patient_from_hl7"]
