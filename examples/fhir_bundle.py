"""From a FHIR record to ranked causes and back into the record.

    python examples/fhir_bundle.py [BUNDLE]

`fhir/neutropenia-on-methimazole.json` was written for this example; `fhir/carebundle-anaemia.json` is synthetic US Core
data that the package carebundle 0.5.0 (Apache-2.0) generated, with
`carebundle generate --profile anaemia --seed 7 --panels cbc --no-vitals`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import leukoref
from leukoref.interop.cds_hooks import cards
from leukoref.interop.fhir import patient_from_bundle, to_bundle

EXAMPLE = Path(__file__).parent / "fhir" / "neutropenia-on-methimazole.json"


def main() -> None:
    bundle = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else EXAMPLE).read_text("utf-8"))
    reading = patient_from_bundle(bundle)
    for entry in reading.entries:
        print(f"{entry.reference:35} {entry.outcome:13} {', '.join(entry.findings)} {entry.reason}".rstrip())
    answer = leukoref.assess(reading.patient)
    print(f"\n{answer.status}")
    for candidate in answer.candidates[:3]:
        print(f"{candidate.rank}. {candidate.name} ({candidate.band}, {candidate.weight:+.1f} dB)")
    for card in cards(answer, reading):
        print(f"\n{card['indicator']}: {card['summary']}")
    document = to_bundle(answer, reading)
    print("\nback into the record:", ", ".join(entry["resource"]["resourceType"] for entry in document["entry"]))


if __name__ == "__main__":
    main()
