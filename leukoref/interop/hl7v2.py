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
from leukoref.interop.fhir_values import NUMBER, quantity_in
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
NUMERIC, CODED, EMBEDDED = ("NM", "ST", "TX", "FT", ""), ("CE", "CWE", "CNE", "CF"), ("ED", "RP")
YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
_POWER = re.compile(r"^\d{1,2}\s*/\S+$")  # what follows an unescaped 10^
_ESCAPE = re.compile(r"\\([^\\]*)\\")
ESCAPED = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", ".br": " "}
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
    intake, ledger, names = Intake(known, zone), Ledger(), Names()
    for number, message in enumerate(_parsed(messages)):
        reader = _Message(message, number, local, zone, names)
        reader.person(ledger)
        for resource, kind, reference in reader.resources():
            intake.take(resource, kind, reference, ledger)
    return read_ledger(ledger, known, as_of, names.first)


class Names:
    """The identifiers by which messages call their one patient; a message needs to share one with those before."""

    def __init__(self) -> None:
        self.first = ""
        self.known: set[tuple[str, str]] = set()

    def take(self, stated: list[tuple[str, str]]) -> bool:
        """Takes identifiers with their authorities as the patient's; False if they are another's."""
        shared = any(
            one == other and (where == there or not where or not there)
            for one, where in stated
            for other, there in self.known
        )
        if self.known and not shared:
            return False
        self.first = self.first or next((one for one, _ in stated), "")
        self.known |= set(stated) or {("", "")}
        return True


class _Message:
    """One ORU^R01 message. An OBX belongs to the OBR before it, which has its time where the OBX has none; times
    without an offset have that of the header."""

    def __init__(self, message: Any, number: int, local: LocalCodes, zone: dt.tzinfo, names: Names) -> None:
        self.segments = list(message)
        self.header = self.segments[0]
        self.local, self.zone = local, _offset(_part(self.header, 7)) or zone
        kind = [_part(self.header, 9, component) for component in (1, 2)]
        if kind != ["ORU", "R01"]:
            raise InputError(f"message {number + 1}", "is no ORU^R01", "hand in result messages only")
        self.identity = f"{_part(self.header, 10) or 'message'}.{number + 1}"
        people = [segment for segment in self.segments if _name(segment) == "PID"]
        if not people:
            raise InputError(f"message {number + 1}", "has no PID", "age and sex are needed to read the counts")
        if not all(names.take(_identities(person)) for person in people):
            raise InputError("messages", "are about several patients", "assess one patient at a time")

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
        resource: Resource = {"status": status, "code": concept, "meta": {"lastUpdated": self._sent()}}
        stated = _part(segment, 14) or (_part(order, 7) if order is not None else "")
        if stated:
            resource["effectiveDateTime"] = _time(stated, self.zone) or "unreadable"
        if identifier := self._identifier(segment, order):
            resource["identifier"] = [{"system": "urn:leukoref:hl7v2", "value": identifier}]
        if flags := [flag.upper() for flag in _parts(segment, 8) if flag]:
            resource["interpretation"] = [{"coding": [{"code": flag} for flag in flags]}]
        if order is not None and _part(order, 3):
            resource["specimen"] = {"reference": _part(order, 3)}
        return resource | _value(segment, _unit(segment) or unit)

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
    if kind in EMBEDDED:
        return {"valueAttachment": True}
    if kind in CODED:
        return _coded(segment)
    if not text or text == '""':
        return {}
    quantity = quantity_in(text) if kind in NUMERIC else None
    if quantity:  # a unit beside the number counts where OBX-6 has none, and must not contradict it
        return {"valueQuantity": quantity | {"unit": quantity["unit"] or unit, "code": unit}}
    if kind == "ID" and text in ("Y", "N"):
        return {"valueCodeableConcept": {"coding": [{"system": YES_NO, "code": text}]}}
    return {"valueString": text}


def _coded(segment: Any) -> Resource:
    """A coded answer with its alternate and its words."""
    codings = []
    for first in (1, 4):
        code, label, system = (_part(segment, 5, first + step) for step in range(3))
        if code or label:
            uri = URIS.get(SYSTEMS.get(system.upper(), ""), "")
            codings.append({"system": uri, "code": code, "display": label or code})
    text = _part(segment, 5, 9)
    return {"valueCodeableConcept": {"coding": codings, "text": text}} if codings or text else {}


def _unit(segment: Any) -> str:
    """OBX-6: the unit's code, else its words; 10^3/uL as many send it, though ^ should be escaped."""
    code, label = _part(segment, 6), _part(segment, 6, 2)
    if code.lower() in ("10", "x10") and _POWER.match(label):
        return f"{code}^{label}"
    return code or label


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
    return _ESCAPE.sub(_unescaped, text).strip()


def _unescaped(match: re.Match[str]) -> str:
    """What an escape sequence stands for; highlighting and what is not known stand for nothing."""
    name = match[1]
    if name.startswith("X"):
        try:
            return bytes.fromhex(name[1:]).decode("latin-1")
        except ValueError:
            return ""
    return ESCAPED.get(name, "")


def _parts(segment: Any, position: int) -> list[str]:
    """The first component of every repetition of a field."""
    if len(segment) <= position:
        return []
    repetitions = segment[position]
    return [_part([[repetition]], 0) for repetition in repetitions]


def _identities(segment: Any) -> list[tuple[str, str]]:
    """(identifier, authority) of PID-3, else PID-2."""
    field = next((position for position in (3, 2) if _part(segment, position)), 3)
    found = [(_part([[one]], 0), _part([[one]], 0, 4)) for one in segment[field]] if len(segment) > field else []
    return [(one, where) for one, where in found if one]


def _repeats(segment: Any, position: int) -> bool:
    return len(segment) > position and len(segment[position]) > 1


def _offset(text: str) -> dt.tzinfo | None:
    """The zone of an HL7 time, where it names one."""
    match = _TIME.match(text)
    return dt.datetime.strptime(match[7], "%z").tzinfo if match and match[7] else None


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
