"""`leukoref lint`: reads rule files like a compiler and reports every complaint at once, with its place. What files say
of each other is checked once every file is YAML."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from leukoref.knowledge import checks
from leukoref.knowledge.checks.examples import missed_examples
from leukoref.knowledge.checks.reading import Draft, read_draft
from leukoref.knowledge.loader import Complaint, packaged_rules

for _module in iter_modules(checks.__path__):
    import_module(f"{checks.__name__}.{_module.name}")

# What these find would make an assessment fail, or leave a rule without effect and nobody told.
NEEDED = (
    "unknown_finding", "unknown_cause", "unknown_test", "unknown_kind", "unknown_mechanism", "circular", "wrong_unit",
    "wrong_question", "wrong_kind", "wrong_parameter", "unknown_parameter_value", "wrong_alias", "wrong_cell",
    "unknown_bin", "speaks_of_a_quantity",
)  # fmt: skip


def unsound(draft: Draft) -> list[Complaint]:
    """Complaints that keep a base that can be read from being used."""
    return [complaint for name in NEEDED for complaint in checks.CHECKS[name](draft)]


def lint(folders: Sequence[Path] = ()) -> list[Complaint]:
    """Every complaint about the rule files in ``folders``, errors and warnings, in the order of the files.

    The folders are layers: a later one replaces entries of an earlier one. Without folders the packaged
    base is read; a first folder without `base.yaml` is a site's own and is read over the packaged base.
    """
    layers = [Path(folder) for folder in folders]
    for folder in layers:
        if not folder.is_dir():
            return [Complaint(file=folder.name, message="no such folder of rules", check="layout")]
    if not layers or not (layers[0] / "base.yaml").is_file():
        layers.insert(0, packaged_rules())
    draft = read_draft(layers)
    complaints = list(draft.complaints)
    if not any(complaint.check == "yaml" for complaint in complaints):  # else all that cites a lost file would complain
        for function in checks.CHECKS.values():
            complaints.extend(function(draft))
    if not any(complaint.severity == "error" for complaint in complaints):
        complaints.extend(missed_examples(draft))
    return sorted(complaints, key=lambda c: (c.severity != "error", c.file, c.line, c.rule, c.message))


def described() -> dict[str, str]:
    """Check id -> one-line description, for the documentation and `leukoref lint --help`."""
    return {name: (function.__doc__ or "").splitlines()[0] for name, function in sorted(checks.CHECKS.items())}
