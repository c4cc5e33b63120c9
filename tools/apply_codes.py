"""Writes the checked SNOMED CT and RxNorm codes of tests/data into the rules; what is there already stays.

    python tools/apply_codes.py

A row names the finding or drug; its entry gets the code in its ``codes``. Run it again after a merge.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLES = (("snomed", "snomed_subset.tsv", "findings"), ("rxnorm", "rxnorm_subset.tsv", "drugs"))
START = re.compile(r"^  - \{?id: (\w+)")


def main() -> None:
    for system, table, folder in TABLES:
        wanted: dict[str, list[str]] = defaultdict(list)
        for line in (ROOT / "tests" / "data" / table).read_text("utf-8").splitlines():
            if line[0].isdigit():
                code, _, entry, _ = line.split("\t")
                wanted[entry].append(code)
        for path in sorted((ROOT / "rules" / folder).glob("*.yaml")):
            path.write_text(filled(path.read_text("utf-8"), system, wanted), "utf-8")


def filled(text: str, system: str, wanted: dict[str, list[str]]) -> str:
    """A rule file with the codes of its entries filled in."""
    lines = text.splitlines()
    starts = [position for position, line in enumerate(lines) if START.match(line)] + [len(lines)]
    for first, last in zip(reversed(starts[:-1]), reversed(starts[1:]), strict=True):
        match = START.match(lines[first])
        codes = wanted.get(match[1], []) if match else []
        if codes:
            lines[first:last] = entry(lines[first:last], system, codes)
    return "\n".join(lines) + "\n"


def entry(lines: list[str], system: str, codes: list[str]) -> list[str]:
    end = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith("   ")), len(lines))
    body, rest = lines[:end], lines[end:]
    text = "\n".join(body)
    if found := re.search(rf"\b{system}: \[([^\]]*)\]", text):
        there = re.findall(r"\w+", found[1])
        listed = quoted(there + [code for code in codes if code not in there])
        return [*(text[: found.start()] + f"{system}: {listed}" + text[found.end() :]).split("\n"), *rest]
    part = f"{system}: {quoted(codes)}"
    for number, line in enumerate(body):
        if found := re.search(r"\bcodes: \{([^}]*)\}", line):
            # RxNorm stands before ATC, SNOMED CT after the others, as in the models
            inside = f"{part}, {found[1]}" if system == "rxnorm" else f"{found[1]}, {part}"
            body[number] = line[: found.start(1)] + inside + line[found.end(1) :]
            return [*body, *rest]
        if line == "    codes:":
            return [*body[: number + 1], f"      {part}", *body[number + 1 :], *rest]
    if body[0].startswith("  - {"):
        whole = body[-1]
        return [*body[:-1], whole[: whole.rindex("}")] + f", codes: {{{part}}}" + whole[whole.rindex("}") :], *rest]
    return [*body, f"    codes: {{{part}}}", *rest]


def quoted(codes: list[str]) -> str:
    return "[" + ", ".join(f"'{code}'" for code in codes) + "]"


if __name__ == "__main__":
    main()
