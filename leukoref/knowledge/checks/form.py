"""What is wrong with the form of an entry, in the words of somebody who writes rules rather than programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

# Kind of problem, as pydantic names it -> what is wrong, and the way out. Other kinds keep their own message.
PLAIN = {
    "missing": ("is missing", "add it"),
    "model_type": ("a mapping is expected", "write {key: value, ...}"),
    "dict_type": ("a mapping is expected", "write {key: value, ...}"),
    "tuple_type": ("a list is expected", "write [a, b]"),
    "list_type": ("a list is expected", "write [a, b]"),
    "string_type": ("a text is expected", "put it in quotes"),
    "float_type": ("a number is expected", "write it as in 0.66"),
    "float_parsing": ("a number is expected", "write it as in 0.66: with a point, without a unit or %"),
    "int_type": ("a whole number is expected", "write digits alone"),
    "int_parsing": ("a whole number is expected", "write digits alone"),
    "int_from_float": ("a whole number is expected", "a share is a `proportion`"),
}
SHARE = "a share lies between 0 and 1: write 0.66 for 66 %"
HINTS = {
    ("model_type", "frequency"): "write {{n: 38, of: 40}}, or {{proportion: {0}, of: N}} with the number of patients",
    ("less_than_equal", "proportion"): SHARE,
    ("less_than_equal", "estimate"): SHARE,
    ("less_than", "estimate"): SHARE,
    ("float_parsing", "proportion"): SHARE,
    ("float_parsing", "estimate"): SHARE,
}


def told(problem: Any, model: type[BaseModel], value: Any) -> tuple[str, str]:
    """(message, remedy) of a problem that pydantic found in a value."""
    kind, loc = problem["type"], problem["loc"]
    message, remedy = PLAIN.get(kind, (problem["msg"].removeprefix("Value error, "), ""))
    if kind == "extra_forbidden":
        message, remedy = "unknown key", f"check the spelling{_keys(model, loc[:-1])}"
    elif kind == "literal_error":
        message = f"{problem['ctx']['expected']} is expected"
    given = problem["input"]
    hint = HINTS.get((kind, str(loc[-1]) if loc else ""))
    if hint:
        remedy = hint.format(given if isinstance(given, (int, float)) and 0 < given < 1 else 0.66)
    where = ".".join(_named(value, loc))
    return f"{where}: {message}" if where else message, remedy


def _keys(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """The keys of the entry at a path; nothing where it may be of several kinds."""
    for part in loc:
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        inner = list(_models(field.annotation)) if field else []
        if len(inner) > 1 or (field and not inner):
            return ""
        model = inner[0] if inner else model
    names = (field.alias or name for name, field in model.model_fields.items())
    return f"; a {model.__name__.lower()} has {', '.join(names)}"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in the type of a field: Statement in tuple[Statement, ...]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _named(value: Any, loc: Sequence[str | int]) -> list[str]:
    """A path in which an entry of a list is called by its id or name, else counted from 1."""
    found = []
    for part in loc:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = value if isinstance(part, str) else None  # the tag of a kind of condition is no key
        own = (
            next((value[key] for key in ("id", "name", "group") if value.get(key)), None)
            if isinstance(value, dict)
            else None
        )
        found.append(str(own or part + 1) if isinstance(part, int) else part)
    return found
