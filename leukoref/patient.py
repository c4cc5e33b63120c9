"""What a caller hands in: a patient as observations and medications, in the language clinicians write.

The case-file format is the same thing on disk; its answer fields are kept apart and never read here.
"""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from leukoref.errors import InputError
from leukoref.knowledge.vocabulary import age_in_years

MAX_FILE_BYTES = 20_000_000
OLDEST_YEARS = 125.0
SECTIONS = ("presentation", "history", "exposures", "confirmation")
ANSWER_FIELDS = ("diagnosis", "cause", "also_acceptable", "red_flags")

Comparator = Literal["<", "<=", ">", ">="]


class Input(BaseModel):
    """Base of everything a caller hands in; error messages never repeat the value."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False, defer_build=True
    )


class Observation(Input):
    """One finding: present or not, or a value with its unit.

    ``time`` is when it was observed, ``days_before`` the same relative to the assessment, ``when:
    earlier`` a result from before this illness. ``text`` is a remark and never interpreted;
    ``reference`` names the record entry it came from. ``stage`` is when it became known: a diagnosis given
    under ``confirmation`` is what the work-up came to, and settles the cause it names.
    """

    finding: str = Field(min_length=1, max_length=500)
    code: str | None = Field(default=None, max_length=100)
    present: bool | None = None
    value: float | None = Field(default=None, strict=False)
    unit: str | None = Field(default=None, max_length=50)
    comparator: Comparator | None = None
    when: Literal["earlier", "now"] = "now"
    time: dt.datetime | None = None
    days_before: float | None = Field(default=None, ge=0, le=60_000)
    text: str | None = None
    reference: str | None = None
    stage: Literal["presentation", "history", "exposures", "confirmation"] = "presentation"

    @field_validator("value", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, (str, bool)):
            raise ValueError("a value is a number; words and units have fields of their own")
        return value

    @field_validator("present", mode="before")
    @classmethod
    def _true_or_false(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, bool):
            raise ValueError("present is true or false")
        return value

    @model_validator(mode="after")
    def _state_or_value(self) -> Self:
        if (self.present is None) == (self.value is None):
            raise ValueError("give either present (true or false) or value with unit")
        if self.value is not None and not self.unit:
            raise ValueError("a quantity needs its unit; without one a value cannot be read")
        if self.time is not None and self.days_before is not None:
            raise ValueError("give time or days_before, not both")
        return self


class Medication(Input):
    """A drug by name or code, with when it was started and stopped where that is known.

    ``days_before`` is the days from the start of the drug to the low count.
    """

    name: str = Field(min_length=1, max_length=500)
    code: str | None = Field(default=None, max_length=100)
    days_before: float | None = Field(default=None, ge=-36_500, le=36_500)
    stopped_days_before: float | None = Field(default=None, ge=0, le=36_500)
    start: dt.datetime | None = None
    stop: dt.datetime | None = None
    note: str | None = None
    reference: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start and self.stop and utc(self.stop) < utc(self.start):
            raise ValueError("stop lies before start; swap them or correct the date")
        started, stopped = self.days_before, self.stopped_days_before
        if started is not None and stopped is not None and stopped > started:
            raise ValueError("stopped before it was started; swap days_before and stopped_days_before")
        return self


class Patient(Input):
    """What is known of one patient. ``age`` carries its unit ('45 a', '3 wk', '2 d')."""

    age: float | None = Field(default=None, description="years; give it as text with a unit, as in '45 a'")
    sex: Literal["female", "male", "unknown"] | None = None
    setting: str | None = Field(default=None, max_length=100, description="where the patient is seen, for the priors")
    observations: tuple[Observation, ...] = ()
    medications: tuple[Medication, ...] = ()
    as_of: dt.datetime | None = None

    if not TYPE_CHECKING:  # type checkers go by the fields

        def __init__(self, **values: Any) -> None:
            """Raises InputError, as all that reads a patient does, instead of pydantic's list of errors."""
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise _input_error(error) from None

    @model_validator(mode="before")
    @classmethod
    def _sections_are_observations(cls, values: Any) -> Any:
        """Case files file observations under the stage at which they were known."""
        if not isinstance(values, dict) or not any(section in values for section in SECTIONS):
            return values
        values = dict(values)
        observations = list(values.pop("observations", ()))
        for section in SECTIONS:
            entries = values.pop(section, None) or ()
            if not isinstance(entries, (list, tuple)):
                raise ValueError(f"{section} is a list of observations")
            for entry in entries:
                observations.append({"stage": section, **entry} if isinstance(entry, dict) else entry)
        return {**values, "observations": observations}

    @field_validator("age", mode="before")
    @classmethod
    def _age_with_unit(cls, age: Any) -> Any:
        if age is None:
            return None
        if isinstance(age, dict) and set(age) == {"value", "unit"} and not isinstance(age["value"], (str, bool)):
            age = f"{age['value']} {age['unit']}"
        if isinstance(age, dict) and set(age) > {"value", "unit"}:
            raise ValueError("an age has a value and a unit and nothing beside them")
        if not isinstance(age, str):
            raise ValueError("an age needs its unit, as in '45 a', '6 mo', '3 wk' or '2 d'")
        years = age_in_years(age)
        if not 0 <= years <= OLDEST_YEARS:
            raise ValueError(f"an age lies between 0 and {OLDEST_YEARS:g} years")
        return years

    @field_validator("setting")
    @classmethod
    def _no_blank(cls, setting: str | None) -> str | None:
        return setting.strip() or None if setting else None

    @classmethod
    def parse(cls, values: Any) -> Self:
        """A patient from a dict. Raises InputError."""
        if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
            raise InputError("patient", "is no mapping of fields", "hand in a Patient, or a dict as in a case file")
        return cls(**values)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """A patient from a JSON case file; the answer fields of a case are left aside. Raises InputError."""
        return cls.parse(case_input(read_json(path)))

    def to_dict(self) -> dict[str, Any]:
        """The input again, as plain JSON values; `Patient.parse` reads it back."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        if self.age is not None:
            values["age"] = f"{self.age!r} a"
        return values


def case_input(document: Any) -> dict[str, Any]:
    """The part of a case file that is input: without id, source and answer."""
    if not isinstance(document, dict):
        raise InputError("file", "holds no JSON object", "one patient is one object")
    return {key: value for key, value in document.items() if key not in (*ANSWER_FIELDS, "id", "source")}


def read_json(path: str | Path) -> Any:
    """A JSON file with every way it can be wrong turned into one InputError."""
    return parse_json(read_bytes(path), Path(path).name)


def read_bytes(path: str | Path) -> bytes:
    """A file that holds one patient. Raises InputError for one that is too large or cannot be read."""
    name = Path(path).name
    try:
        if (size := Path(path).stat().st_size) > MAX_FILE_BYTES:
            raise InputError(name, f"{size / 1e6:.0f} MB", f"one patient fits in {MAX_FILE_BYTES / 1e6:.0f} MB")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(name, error.strerror or "cannot be read") from None


def parse_json(content: bytes, name: str = "input") -> Any:
    """Bytes as JSON. Raises InputError for emptiness, encoding, syntax, depth, duplicate keys, NaN."""
    if len(content) > MAX_FILE_BYTES:
        raise InputError(name, f"{len(content) / 1e6:.0f} MB", f"one patient fits in {MAX_FILE_BYTES / 1e6:.0f} MB")
    if not content.strip():
        raise InputError(name, "empty", "a JSON object is expected")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(name, f"not UTF-8 text (byte {error.start})", "save the file as UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError(name, f"broken JSON at line {error.lineno}, column {error.colno}", error.msg) from None
    except RecursionError:
        raise InputError(name, "nested too deep", "a patient is a flat list of observations") from None
    except ValueError as error:
        raise InputError(name, str(error)) from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice[:40]!r} appears twice in one object")
    return values


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number JSON knows")


def utc(time: dt.datetime) -> dt.datetime:
    """The time with its zone; one without is taken as UTC."""
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _input_error(error: ValidationError) -> InputError:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "patient"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return InputError(field, "unknown field", "see `leukoref schema`")
    return InputError(field, message[0].lower() + message[1:])
