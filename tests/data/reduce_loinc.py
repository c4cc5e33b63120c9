"""Writes loinc_subset.tsv: the rows of a full LOINC laboratory table that the base uses, with two neighbours each.

    python tests/data/reduce_loinc.py FULL_TABLE.tsv

The full table has the columns code, system, scale, short name and example UCUM unit. A code that it lacks
(newer than its release) is left out and the test names it.
"""

import sys
from pathlib import Path

from leukoref.knowledge.loader import load_knowledge

TARGET = Path(__file__).with_name("loinc_subset.tsv")
NOTICE = """\
# Rows of LOINC codes used by the vocabulary, and neighbours; taken from the short LOINC table of the public
# repository smart-on-fhir/sample-patients (an older release). This material contains content from LOINC
# (http://loinc.org). LOINC is copyright Regenstrief Institute, Inc. and the Logical Observation Identifiers Names
# and Codes (LOINC) Committee and is available at no cost under the license at http://loinc.org/license.
# LOINC is a registered United States trademark of Regenstrief Institute, Inc.
"""
NEIGHBOURS = 2


def main(table: str) -> None:
    header, *lines = Path(table).read_text(encoding="utf-8").splitlines()
    rows = {line.split("\t")[0]: line for line in lines}
    codes = sorted(rows, key=lambda code: int(code.split("-")[0]))
    places = {code: position for position, code in enumerate(codes)}
    used = {code for finding in load_knowledge().findings for code in finding.codes.loinc}
    kept: set[str] = set()
    for code in used & set(rows):
        position = places[code]
        kept.update(codes[max(0, position - NEIGHBOURS) : position + NEIGHBOURS + 1])
    chosen = [rows[code] for code in codes if code in kept]
    TARGET.write_text(NOTICE + "\n".join([header, *chosen]) + "\n", encoding="utf-8")
    print(f"{len(chosen)} rows; not in the table: {sorted(used - set(rows)) or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1])
