"""Reads `rules/` (and a site's own folders) into a `Knowledge`, with every complaint at once.

Parsing YAML is the slow part, so the validated base is kept (`kept.py`) under the hash of every byte it was read
from; a changed rule file is a changed name.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from leukoref.errors import KnowledgeError
from leukoref.knowledge import kept
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause
from leukoref.knowledge.drug import Drug
from leukoref.knowledge.settings import Disclaimer, RedFlag, Reference, WorkupStep
from leukoref.knowledge.vocabulary import Derived, Finding, Scale
from leukoref.knowledge.wording import WordGroup

# Where each kind of document lives: folder or file -> (key inside the document, model). Documents
# without a key hold one object.
COLLECTIONS: dict[str, tuple[tuple[str, type[BaseModel]], ...]] = {
    "findings": (("findings", Finding), ("scales", Scale)),
    "derived": (("derived", Derived),),
    "names": (("names", WordGroup),),
    "causes": (("", Cause),),
    "drugs": (("drugs", Drug),),
    "red_flags": (("", RedFlag),),
    "tests.yaml": (("tests", WorkupStep),),
    "disclaimers.yaml": (("disclaimers", Disclaimer),),
    "sources.yaml": (("references", Reference),),
}
RULE_FILE = ".yaml"
BASE_FIELDS = ("version", "reviewed", "mechanisms", "differential", "duration_findings")
FIELDS: dict[type[BaseModel], str] = {
    Finding: "findings", Scale: "scales", Derived: "derived", Cause: "causes", Drug: "drugs",
    RedFlag: "red_flags", WorkupStep: "tests", Disclaimer: "disclaimers", Reference: "references",
    WordGroup: "names",
}  # fmt: skip


class Complaint(BaseModel):
    """One thing wrong with a rule file: where, in which rule, what, the way out, and which check says so."""

    model_config = ConfigDict(defer_build=True)

    file: str
    line: int = 0
    rule: str = ""
    message: str
    remedy: str = ""
    severity: str = "error"
    check: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{where}:{rule} {self.message}" + (f"; {self.remedy}" if self.remedy else "")


def yaml_loader() -> Any:
    """The fast safe loader where libyaml is there. Imported here: a base from the cache needs no YAML."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def packaged_rules() -> Path:
    """The folder of the packaged base."""
    return Path(str(files("leukoref.rules")))


def rule_files(folder: Path) -> list[Path]:
    """Every rule file of a folder, in a fixed order; one whose name ends in another way (.yml) is complained of. What
    is hidden is none."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in (RULE_FILE, ".yml") and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def content_hash(folders: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of all rule files."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in rule_files(folder):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def load_knowledge(extra: Sequence[str | Path] = (), *, cache: bool = True) -> Knowledge:
    """The packaged base, with the rule folders in ``extra`` laid over it in order.

    A site's folder has the same layout as ``rules/``; an entry whose id exists replaces the packaged one. What is
    added and what replaced is named in ``Knowledge.overrides`` and so in every answer. Raises KnowledgeError when a
    file cannot be read as what it should be, with every complaint in the message.
    """
    return _load(tuple(str(Path(folder).resolve()) for folder in extra), cache)


@lru_cache(maxsize=8)
def _load(extra: tuple[str, ...], cache: bool) -> Knowledge:
    folders = [packaged_rules(), *(Path(folder) for folder in extra)]
    for folder in folders[1:]:
        if not folder.is_dir():
            raise KnowledgeError(f"{folder.name}: no such folder of rules")
    digest = content_hash(folders)
    store = kept.cache_file(digest) if cache else None
    if store is not None and (base := kept.opened(store)) is not None:
        return base
    base, complaints = read(folders, digest)
    if base is None:
        raise KnowledgeError("\n".join(map(str, complaints)))
    if store is not None:
        kept.keep(store, base)
    return base


def read(folders: Sequence[Path], digest: str = "") -> tuple[Knowledge | None, list[Complaint]]:
    """All folders read and validated; the base is None as soon as there is one complaint.

    What a site lays over the base is looked at like the linter does as far as an assessment rests on it. The collector
    rests meanwhile: it would walk all nodes of all files over and over, none of them garbage.
    """
    from leukoref.knowledge.checks.reading import read_draft  # needs YAML, which a base from the cache does not
    from leukoref.knowledge.linter import unsound

    resting = gc.isenabled()
    gc.disable()
    try:
        draft = read_draft(folders)
        complaints = draft.complaints or (unsound(draft) if len(folders) > 1 else [])
        if complaints:
            return None, complaints
        return draft.assembled(digest or content_hash(folders)), []
    except ValidationError as error:
        return None, [Complaint(file="rules", message=_first(error))]
    finally:
        if resting:
            gc.enable()


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
