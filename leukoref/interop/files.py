"""A file of a record system, whatever the standard: told by what it holds, and read as its one patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leukoref.patient import parse_json

if TYPE_CHECKING:
    from leukoref.interop.fhir_reading import FhirReading
    from leukoref.knowledge.base import Knowledge

HL7_V2 = (b"MSH", b"FHS", b"BHS")
BEFORE = b"\xef\xbb\xbf\x0b \t\r\n"  # a byte order mark, a transport frame, blanks
MARKS = (
    b'"resourceType"',
    b'"phenotypicFeatures"',
    b'"phenotypic_features"',
    b'"metaData"',
    b'"meta_data"',
    b'"proband"',
)
PACKET = {"phenotypicFeatures", "phenotypic_features", "metaData", "meta_data", "proband"}
SHOWN = 20


def record_in(content: bytes, name: str, base: Knowledge) -> FhirReading | None:
    """The reading of a FHIR resource or Bundle, of HL7 v2 messages or of a phenopacket; None for anything else.

    Raises InputError for a record that cannot be read as one patient."""
    if content.lstrip(BEFORE)[:3] in HL7_V2:
        from leukoref.interop.hl7v2 import patient_from_hl7

        return patient_from_hl7(content, base=base)
    if not any(mark in content for mark in MARKS):
        return None
    document: Any = parse_json(content, name)
    if isinstance(document, dict) and "resourceType" in document:
        from leukoref.interop.fhir import patient_from_bundle

        return patient_from_bundle(document, base=base)
    if isinstance(document, dict) and PACKET & set(document) and "observations" not in document:
        from leukoref.interop.phenopackets import patient_from_phenopacket

        return patient_from_phenopacket(document, base=base)
    return None


def account(reading: FhirReading) -> list[str]:
    """What became of a record, in lines: the sums, the warnings, and what was refused with its reason."""
    sums = [
        f"{kind} " + ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in outcomes.items() if number)
        for kind, outcomes in reading.summary().items()
    ]
    refused = [
        f"{entry.reference} not used: {entry.reason}" for entry in reading.entries if entry.outcome == "rejected"
    ]
    more = [f"{len(refused) - SHOWN} more not used"] if len(refused) > SHOWN else []
    return ["; ".join(sums), *reading.warnings, *refused[:SHOWN], *more]
