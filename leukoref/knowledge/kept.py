"""The validated base, kept between processes: parsing YAML is slow, and most uses need few parts of the base.

One file a base, named after the hash of every byte it was read from and of the code that read it. Its first
line is the checksum of the rest, the second says where in the rest each part lies as JSON. A part is read when it is
first asked for.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr, TypeAdapter
from pydantic_core import from_json, to_json

from leukoref import units
from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.conditions import comparisons
from leukoref.knowledge.wording import Lexicon

KEPT_AT_MOST = 8  # a rule author's every change makes a new one
INDEXES = {"finding_names": dict[str, str], "lexicon": Lexicon, "drug_names": dict[str, str]}  # slow to work out


class KeptKnowledge(Knowledge):
    """A base from the cache. It was validated when it was kept; a part becomes objects when asked for."""

    _content: bytes = PrivateAttr(default=b"")
    _places: dict[str, tuple[int, int]] = PrivateAttr(default_factory=dict)

    if not TYPE_CHECKING:  # a type checker would take any misspelt name for an attribute

        def __getattr__(self, name: str) -> Any:
            field = type(self).model_fields.get(name)
            if field is None:
                return super().__getattr__(name)
            vars(self)[name] = value = self._read(name, field.annotation)
            return value

    def _read(self, name: str, kind: Any) -> Any:
        """The collector rests meanwhile: it would walk a hundred thousand young objects over and over, none
        of them garbage."""
        resting = gc.isenabled()
        gc.disable()
        try:
            return TypeAdapter(kind).validate_json(self._raw(name))
        finally:
            if resting:
                gc.enable()

    def _raw(self, name: str) -> bytes:
        start, stop = self._places[name]
        return self._content[start:stop]

    def complete(self) -> KeptKnowledge:
        """Everything read."""
        for name in Knowledge.model_fields:
            getattr(self, name)
        return self

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return super(KeptKnowledge, self.complete()).model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        return super(KeptKnowledge, self.complete()).model_dump_json(**options)

    def __eq__(self, other: object) -> bool:
        """As a base that was read from its files would be."""
        fields = Knowledge.model_fields
        return isinstance(other, Knowledge) and all(getattr(self, name) == getattr(other, name) for name in fields)

    @cached_property
    def finding_names(self) -> dict[str, str]:
        names: dict[str, str] = self._read("finding_names", INDEXES["finding_names"])
        return names

    @cached_property
    def lexicon(self) -> Lexicon:
        lexicon: Lexicon = self._read("lexicon", INDEXES["lexicon"])
        return lexicon

    @cached_property
    def drug_names(self) -> dict[str, str]:
        names: dict[str, str] = self._read("drug_names", INDEXES["drug_names"])
        return names


def keep(path: Path, base: Knowledge) -> None:
    """Write the base beside the user's other caches, whole or not at all.

    Raises KnowledgeError if two findings share a name.
    """
    parts = dict(_parts(base))
    ends = list(accumulate(map(len, parts.values()), initial=0))
    places = to_json(dict(zip(parts, pairwise(ends), strict=True)))
    content = places + b"\n" + b"".join(parts.values())
    content = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_bytes(content)
        scratch.replace(path)
        for old in sorted(path.parent.glob("knowledge-*"), key=lambda kept: -kept.stat().st_mtime)[KEPT_AT_MOST:]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a read-only home is no reason to fail: the base was read, only not kept


def opened(path: Path) -> Knowledge | None:
    """The kept base; None, and the file gone, if there is none or it is not what was written."""
    try:
        content = path.read_bytes()
        index = content.index(b"\n") + 1
        body = content.index(b"\n", index) + 1
    except (OSError, ValueError):
        return None
    if hashlib.sha256(memoryview(content)[index:]).hexdigest().encode() != content[: index - 1]:
        path.unlink(missing_ok=True)
        return None
    unread: Any = KeptKnowledge  # a type checker would ask for the fields, which are still to be read
    base: KeptKnowledge = unread.model_construct()
    vars(base).clear()  # the defaults of the fields, which would hide what was kept
    base._content = content
    places = from_json(content[index : body - 1])
    base._places = {name: (body + start, body + stop) for name, (start, stop) in places.items()}
    units.remember(map(tuple, from_json(base._raw("conversions"))))
    return base


def cache_file(digest: str) -> Path | None:
    """Where a base of this hash is kept; None when LEUKOREF_CACHE is set to the empty string: no cache wanted."""
    chosen = os.environ.get("LEUKOREF_CACHE")
    if chosen == "":
        return None
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leukoref"
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))))
    return root / f"knowledge-{digest[:32]}-{code.hexdigest()[:8]}"


def _parts(base: Knowledge) -> Iterator[tuple[str, bytes]]:
    for name, field in Knowledge.model_fields.items():
        yield name, _json(field.annotation, getattr(base, name))
    for name, kind in INDEXES.items():
        yield name, _json(kind, getattr(base, name))
    targets = [(entry.unit, entry.molar_mass) for entry in base.findings if entry.unit]
    written = (*base.unit_aliases, *(unit for unit, _ in targets), *_limit_units(base))
    yield "conversions", to_json(units.conversions(written, targets))


def _json(kind: Any, value: Any) -> bytes:
    return TypeAdapter(kind).dump_json(value, by_alias=True, exclude_defaults=True)


def _limit_units(base: Knowledge) -> Iterator[str]:
    """Units in which conditions are written."""
    criteria = (s.when for cause in base.causes for s in all_statements(cause) if s.when)
    for when in (*(rule.when for rule in base.derived), *(flag.when for flag in base.red_flags), *criteria):
        yield from (units.ucum(part.unit, base.unit_index) for part in comparisons(when) if part.unit)
