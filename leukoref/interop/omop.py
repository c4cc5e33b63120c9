"""OMOP CDM 5.4 in: persons with their measurements, conditions and drugs as Patients, one reading a person.

Concepts are read through the concept table by vocabulary and code, never by a concept id. Each row is put as the FHIR
resource that says the same and read by the one reader of those.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from leukoref.errors import InputError
from leukoref.interop.fhir_codes import UCUM, URIS
from leukoref.interop.fhir_concepts import Concepts, Resource, concepts
from leukoref.interop.fhir_facts import Ledger
from leukoref.interop.fhir_intake import Intake
from leukoref.interop.fhir_reading import FhirReading, read_ledger
from leukoref.interop.fhir_values import quantity_in
from leukoref.interop.omop_source import Row, open_source
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge

VOCABULARIES = {"LOINC": "LOINC:", "SNOMED": "SNOMED:", "ICD10CM": "ICD10CM:", "HPO": "HP:", "RxNorm": "RXNORM:",
                "RxNorm Extension": "RXNORM:", "ATC": "ATC:"}  # fmt: skip
NO_CONCEPT = "None"  # the vocabulary of the concept that stands for "no matching concept"
SEX = {"F": "female", "M": "male"}
UNCONFIRMED = ("preliminary", "differential", "rule out", "suspected", "provisional")
COMPARATORS = ("<", "<=", ">", ">=")

PERSON = """
SELECT p.person_id, p.year_of_birth, p.month_of_birth, p.day_of_birth, p.birth_datetime, g.concept_code AS gender
FROM {cdm}person p LEFT JOIN {voc}concept g ON g.concept_id = p.gender_concept_id
{where} ORDER BY p.person_id"""
MEASUREMENT = """
SELECT p.person_id, p.measurement_id AS row_id, p.measurement_date AS day, p.measurement_datetime AS moment,
  p.value_as_number AS number, p.value_source_value AS word, p.unit_source_value AS unit_text,
  p.measurement_source_value AS source_text, o.concept_name AS operator,
  c.vocabulary_id AS voc1, c.concept_code AS code1, c.concept_name AS name1,
  s.vocabulary_id AS voc2, s.concept_code AS code2, s.concept_name AS name2,
  v.vocabulary_id AS voc3, v.concept_code AS code3, v.concept_name AS name3,
  u.vocabulary_id AS unit_voc, u.concept_code AS unit_code
FROM {cdm}measurement p LEFT JOIN {voc}concept c ON c.concept_id = p.measurement_concept_id
  LEFT JOIN {voc}concept s ON s.concept_id = p.measurement_source_concept_id
  LEFT JOIN {voc}concept v ON v.concept_id = p.value_as_concept_id
  LEFT JOIN {voc}concept u ON u.concept_id = p.unit_concept_id
  LEFT JOIN {voc}concept o ON o.concept_id = p.operator_concept_id
{where} ORDER BY p.person_id"""
CONDITION = """
SELECT p.person_id, p.condition_occurrence_id AS row_id, p.condition_start_date AS day,
  p.condition_source_value AS source_text, t.concept_name AS status,
  c.vocabulary_id AS voc1, c.concept_code AS code1, c.concept_name AS name1,
  s.vocabulary_id AS voc2, s.concept_code AS code2, s.concept_name AS name2
FROM {cdm}condition_occurrence p LEFT JOIN {voc}concept c ON c.concept_id = p.condition_concept_id
  LEFT JOIN {voc}concept s ON s.concept_id = p.condition_source_concept_id
  LEFT JOIN {voc}concept t ON t.concept_id = p.condition_status_concept_id
{where} ORDER BY p.person_id"""
DRUG = """
SELECT p.person_id, p.drug_exposure_id AS row_id, p.drug_exposure_start_date AS day,
  p.drug_exposure_end_date AS last_day, p.drug_source_value AS source_text,
  c.vocabulary_id AS voc1, c.concept_code AS code1, c.concept_name AS name1,
  a.vocabulary_id AS above_voc, a.concept_class_id AS above_class, a.concept_code AS above_code,
  a.concept_name AS above_name
FROM {cdm}drug_exposure p LEFT JOIN {voc}concept c ON c.concept_id = p.drug_concept_id
  LEFT JOIN (SELECT x.descendant_concept_id, y.vocabulary_id, y.concept_class_id, y.concept_code, y.concept_name
    FROM {voc}concept_ancestor x JOIN {voc}concept y ON y.concept_id = x.ancestor_concept_id
    WHERE y.concept_class_id IN ('Ingredient', 'ATC 5th')) a ON a.descendant_concept_id = p.drug_concept_id
{where} ORDER BY p.person_id, p.drug_exposure_id"""


def patients_from_omop(
    source: Any,
    *,
    schema: str = "",
    vocabulary: str = "",
    persons: Iterable[int] | None = None,
    as_of: dt.datetime | None = None,
    base: Knowledge | None = None,
) -> Iterator[FhirReading]:
    """One reading a person, by rising person_id, streamed.

    ``source`` is a DuckDB file or connection, a folder of Parquet files, a SQLAlchemy URL or engine; ``schema`` and
    ``vocabulary`` name the schemas of the clinical and the vocabulary tables; ``as_of`` is the time of the assessment
    (by default that of each person's newest measurement or condition that is used). Raises InputError for a source
    without the tables of the CDM.
    """
    known = concepts(base or load_knowledge())
    as_of = as_of.replace(tzinfo=dt.UTC) if as_of is not None and as_of.tzinfo is None else as_of
    try:
        chosen = "" if persons is None else ", ".join(str(int(person)) for person in persons) or "NULL"
    except (TypeError, ValueError):
        raise InputError("persons", "are no list of person_id", "whole numbers, as in [10, 11]") from None
    names = {
        "cdm": _prefix(schema, "schema"),
        "voc": _prefix(vocabulary or schema, "vocabulary"),
        "where": f"WHERE p.person_id IN ({chosen})" if chosen else "",
    }
    query = open_source(source)
    streams = [query(sql.format(**names)) for sql in (PERSON, MEASUREMENT, CONDITION, DRUG)]
    return _readings(streams, known, as_of)


def _readings(streams: list[Iterator[Row]], known: Concepts, as_of: dt.datetime | None) -> Iterator[FhirReading]:
    """Merges the four streams, each sorted by person."""
    groups = [groupby(stream, key=lambda row: row["person_id"]) for stream in streams]
    heads = [next(group, None) for group in groups]
    while any(heads):
        person = min(head[0] for head in heads if head)
        rows: list[list[Row]] = []
        for place, head in enumerate(heads):
            mine = head is not None and head[0] == person
            rows.append(list(head[1]) if head is not None and mine else [])
            if mine:
                heads[place] = next(groups[place], None)
        yield _reading(str(person), rows, known, as_of)


def _reading(person: str, rows: list[list[Row]], known: Concepts, as_of: dt.datetime | None) -> FhirReading:
    people, measurements, conditions, drugs = rows
    ledger = Ledger()
    if people:
        ledger.patient = _person(people[0])
    else:
        ledger.warnings["the person table does not have this person; age and sex are unknown"] = None
    intake = Intake(known, as_of.tzinfo if as_of is not None and as_of.tzinfo else dt.UTC)
    for row in measurements:
        intake.take(_measurement(row), "Observation", f"measurement/{row['row_id']}", ledger)
    for row in conditions:
        intake.take(_condition(row), "Condition", f"condition_occurrence/{row['row_id']}", ledger)
    for number, group in groupby(drugs, key=lambda row: row["row_id"]):
        intake.take(_exposure(list(group)), "MedicationStatement", f"drug_exposure/{number}", ledger)
    return read_ledger(ledger, known, as_of, person)


def _person(row: Row) -> dict[str, object]:
    """Birth date as exact as it is stored; a missing day or month counts from the middle of its span."""
    born = _iso(row["birth_datetime"])[:10]
    if not born and row["year_of_birth"]:
        born = f"{int(row['year_of_birth']):04d}"
        if row["month_of_birth"]:
            born += f"-{int(row['month_of_birth']):02d}"
            born += f"-{int(row['day_of_birth']):02d}" if row["day_of_birth"] else ""
    person: dict[str, object] = {"gender": SEX.get(str(row["gender"]), "unknown")}
    return person | ({"birthDate": born} if born else {})


def _measurement(row: Row) -> Resource:
    moment, day = _iso(row["moment"]), _iso(row["day"])[:10]
    midnight = moment[11:19] in ("", "00:00:00")  # loaders write midnight where they know only the day
    at = day if midnight or not moment else moment
    resource: Resource = {"status": "final", "code": _concept(row), **({"effectiveDateTime": at} if at else {})}
    coded = {"system": UCUM, "code": row["unit_code"]} if row["unit_code"] and row["unit_voc"] == "UCUM" else {}
    if row["number"] is not None:
        unit = coded or {"unit": row["unit_text"]}
        said = quantity_in(str(row["word"] or "")) or {}  # '<0.5' as sent may be 0.5 as loaded, or 500 as converted
        operator = row["operator"] if row["operator"] in COMPARATORS else said.get("comparator")
        return resource | {"valueQuantity": {"value": float(row["number"]), "comparator": operator, **unit}}
    if coding := _coding(row["voc3"], row["code3"], row["name3"]):
        return resource | {"valueCodeableConcept": {"coding": [coding], "text": row["name3"]}}
    if sent := quantity_in(str(row["word"] or "")):  # no loader converted it, so the concept must agree with the words
        return resource | {"valueQuantity": sent | {"unit": sent["unit"] or row["unit_text"], **coded}}
    return resource | ({"valueString": str(row["word"])} if row["word"] else {})


def _condition(row: Row) -> Resource:
    """A diagnosis at its day. Its end is that of the record, not of the illness, and is not read."""
    unconfirmed = any(word in str(row["status"] or "").lower() for word in UNCONFIRMED)
    return {
        "code": _concept(row),
        "recordedDate": _iso(row["day"])[:10],
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
        "verificationStatus": {"coding": [{"code": "provisional" if unconfirmed else "confirmed"}]},
    }


def _exposure(rows: list[Row]) -> Resource:
    """A drug by its ingredients; by ATC where there is one ingredient; else by what the row itself says."""
    row = rows[0]
    ingredients = sorted({r["above_name"] for r in rows if r["above_class"] == "Ingredient" and r["above_name"]})
    concept: Resource = _concept(row)
    if ingredients:
        above = [r for r in rows if len(ingredients) == 1 and r["above_class"]]
        codings = [_coding(r["above_voc"], r["above_code"], r["above_name"]) for r in above]
        concept = {"coding": [coding for coding in codings if coding], "text": " / ".join(ingredients)}
    period = {"start": _iso(row["day"])[:10], "end": _iso(row["last_day"])[:10]}
    return {
        "status": "completed" if period["end"] else "active",
        "medicationCodeableConcept": concept,
        "effectivePeriod": {name: day for name, day in period.items() if day},
    }


def _concept(row: Row) -> Resource:
    """The standard and, where the table has it, the source concept; the source's words only without either."""
    found = [_coding(row[f"voc{n}"], row[f"code{n}"], row[f"name{n}"]) for n in (1, 2) if f"voc{n}" in row]
    codings = [coding for coding in found if coding]
    return {"coding": codings, "text": codings[0]["display"] if codings else str(row["source_text"] or "")}


def _coding(vocabulary: Any, code: Any, name: Any) -> Resource | None:
    if not code or not vocabulary or vocabulary == NO_CONCEPT:
        return None
    system = URIS.get(VOCABULARIES.get(vocabulary, ""), str(vocabulary))
    return {"system": system, "code": str(code), "display": str(name or "")}


def _iso(value: Any) -> str:
    """A date or time of any database as text; SQLite has them as text already."""
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else str(value or "").replace(" ", "T")


def _prefix(schema: str, field: str) -> str:
    if schema and not re.fullmatch(r"\w+(\.\w+)?", schema):
        raise InputError(field, "is no name of a schema", "letters, digits and underscores, as in 'cdm'")
    return f"{schema}." if schema else ""


__all__ = ["patients_from_omop"]
