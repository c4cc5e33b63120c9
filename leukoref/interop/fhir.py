"""FHIR R4, R4B and R5 in and out: a record as a Patient with an account of every resource, an Assessment as a Bundle.

reading = patient_from_bundle(bundle)
assessment = leukoref.assess(reading.patient)
answer = to_bundle(assessment, reading)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from leukoref.assessment import Assessment
from leukoref.errors import InputError
from leukoref.interop.fhir_bulk import BulkReading, patients_from_bulk
from leukoref.interop.fhir_concepts import Resource, concepts
from leukoref.interop.fhir_facts import Entry, Ledger, Problem, identifiers, local
from leukoref.interop.fhir_intake import Intake, order_of, subject_of, version_of
from leukoref.interop.fhir_patient import patient_to_bundle
from leukoref.interop.fhir_read import moment, written
from leukoref.interop.fhir_reading import FhirReading, UnrecognizedCode, read_ledger
from leukoref.interop.fhir_write import AnswerWriter
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import parse_json

OTHER_PATIENT = "is about somebody else, or its subject is not in the bundle"
BY_IDENTIFIER = "Patient?identifier="
MORE_PAGES = "the bundle is one page of several; what stands on the others was not read"
NO_RESOURCE = "an entry of the bundle is no FHIR resource, and was not read"
DEEPEST_BUNDLE = 5


def patient_from_bundle(bundle: Any, *, as_of: dt.datetime | None = None, base: Knowledge | None = None) -> FhirReading:
    """A Patient from a FHIR Bundle, a single resource or a list of resources: JSON (parsed or as text), or a model of
    fhir.resources.

    ``as_of`` is the time of the assessment (by default the newest date of what is used, never one to come): later facts
    are left out, and what lies before a finding's look-back window is history. Raises InputError for a Bundle without
    a Patient, with two, or for something that is no FHIR resource; a resource that cannot be read only loses itself.
    """
    as_of = as_of.replace(tzinfo=dt.UTC) if as_of is not None and as_of.tzinfo is None else as_of
    bundle = _parsed(bundle)
    known = concepts(base or load_knowledge())
    intake = Intake(known, as_of.tzinfo if as_of is not None and as_of.tzinfo else dt.UTC)
    ledger = Ledger()
    deleted: dict[str, float] = {}
    resources = list(_resources(bundle, ledger, deleted))
    person, names = _person(resources, required=isinstance(bundle, list) or bundle.get("resourceType") == "Bundle")
    ledger.patient = person
    marks = set(identifiers(person.get("identifier")))
    for resource, kind, reference, full_url in resources:
        if kind == "Medication":
            intake.keep_medication(resource, reference, full_url)
    for resource, kind, reference, _ in resources:
        if kind == "Patient":
            ledger.note(reference, "used", "age and sex")
        elif kind == "Medication":
            ledger.note(reference, "not_relevant", "read where an order or dose points to it")
        elif _is_strange(resource, names, marks):
            ledger.note(reference, "rejected", OTHER_PATIENT)
        elif deleted and deleted.get(reference, -1.0) >= moment(written(resource)):
            ledger.leave(reference, kind, "deleted later")
        else:
            intake.take(resource, kind, reference, ledger)
    return read_ledger(ledger, known, as_of, next(iter(names), ""))


def to_bundle(
    assessment: Assessment, reading: FhirReading | None = None, *, base: Knowledge | None = None, top: int = 10
) -> Resource:
    """An R4 Bundle of the answer, with the first ``top`` candidates. With the ``reading`` it names the patient and
    points to the resources each candidate rests on. ``base`` is the knowledge base assessed with."""
    return AnswerWriter(assessment, reading, base or load_knowledge(), top).bundle()


def write(
    assessment: Assessment, reading: FhirReading | None = None, *, base: Knowledge | None = None, top: int = 10
) -> Resource:
    """`leukoref assess --format fhir`."""
    return to_bundle(assessment, reading, base=base, top=top)


def _parsed(bundle: Any) -> Any:
    if isinstance(bundle, str):
        bundle = bundle.encode()
    elif hasattr(bundle, "model_dump_json"):
        bundle = bundle.model_dump_json().encode()
    return parse_json(bundle, "bundle") if isinstance(bundle, bytes) else bundle


def _resources(bundle: Any, ledger: Ledger, deleted: dict[str, float]) -> Iterator[tuple[Resource, str, str, str]]:
    """(resource, type, reference, fullUrl) of a Bundle, of Bundles in it, of a list or of one resource. Takes down in
    ``deleted`` what a history says was deleted and when, and warns of what is no resource."""
    waiting: list[tuple[Any, str, int]] = [(one, "", 0) for one in (bundle if isinstance(bundle, list) else [bundle])]
    if not isinstance(bundle, list) and (type(bundle) is not dict or type(bundle.get("resourceType")) is not str):
        raise InputError("bundle", "holds no FHIR resource", "a resource has a resourceType")
    position = 0
    while position < len(waiting):
        resource, full_url, depth = waiting[position]
        position += 1
        kind = resource.get("resourceType") if type(resource) is dict else None
        if type(kind) is not str:
            ledger.warnings[NO_RESOURCE] = None
            continue
        if kind == "Bundle":
            if depth >= DEEPEST_BUNDLE:
                raise InputError("bundle", "Bundles nested too deep", f"at most {DEEPEST_BUNDLE} levels are read")
            if any(type(link) is dict and link.get("relation") == "next" for link in _list(resource.get("link"))):
                ledger.warnings[MORE_PAGES] = None
            for entry in _list(resource.get("entry")):
                if type(entry) is dict and entry.get("resource") is not None:
                    waiting.append((entry["resource"], str(entry.get("fullUrl") or ""), depth + 1))
                elif type(entry) is dict and (gone := _deletion(entry)):
                    deleted |= {gone[0]: max(gone[1], deleted.get(gone[0], 0.0))}
                elif type(entry) is not dict:
                    ledger.warnings[NO_RESOURCE] = None
            continue
        identity = resource.get("id")
        reference = f"{kind}/{identity}" if identity else full_url or f"{kind}/#{position}"
        if not identity and full_url:
            reference = f"{kind}/{full_url}" if full_url.startswith("urn:") else local(full_url)
        yield resource, kind, reference, full_url


def _deletion(entry: Resource) -> tuple[str, float] | None:
    """What an entry says was deleted, and when; for good where it does not say."""
    request, response = entry.get("request"), entry.get("response")
    if type(request) is not dict or request.get("method") != "DELETE" or type(request.get("url")) is not str:
        return None
    stamp = response.get("lastModified") if type(response) is dict else None
    return local(request["url"]), moment(stamp) if type(stamp) is str else float("inf")


def _is_strange(resource: Resource, names: dict[str, None], marks: set[tuple[str, str]]) -> bool:
    """Whether a resource says it is about another: by reference, by a search for an identifier, or by identifier."""
    reference = subject_of(resource)
    if reference.startswith(BY_IDENTIFIER):
        system, _, value = reference.removeprefix(BY_IDENTIFIER).rpartition("|")
        return (system, value) not in marks
    if reference:
        return bool(names) and reference not in names and local(reference) not in names
    subject: Any = resource.get("subject") or resource.get("patient")
    stated = identifiers([subject.get("identifier")]) if type(subject) is dict else ()
    return any(system in {own for own, _ in marks} and (system, value) not in marks for system, value in stated)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _person(
    resources: list[tuple[Resource, str, str, str]], *, required: bool
) -> tuple[dict[str, object], dict[str, None]]:
    """The one Patient and every name by which resources may refer to it. Raises InputError for none or two."""
    people: dict[str, Resource] = {}
    names: dict[str, None] = {}
    for resource, kind, reference, full_url in resources:
        if kind == "Patient":
            if reference not in people or order_of(version_of(resource)) >= order_of(version_of(people[reference])):
                people[reference] = resource
            names |= {name: None for name in (reference, full_url, local(full_url) if full_url else "") if name}
    if len(people) > 1:
        raise InputError("bundle", f"holds {len(people)} patients", "assess one patient at a time")
    if not people and required:
        raise InputError("bundle", "holds no Patient", "age and sex are needed to read the counts; add the resource")
    subjects = {local(s) for resource, *_ in resources if (s := subject_of(resource))}
    if not people and len(subjects) > 1:
        raise InputError("bundle", f"is about {len(subjects)} patients", "assess one patient at a time")
    return dict(next(iter(people.values()), {})), names or dict.fromkeys(subjects)


__all__ = [
    "BulkReading",
    "Entry",
    "FhirReading",
    "Problem",
    "UnrecognizedCode",
    "patient_from_bundle",
    "patient_to_bundle",
    "patients_from_bulk",
    "to_bundle",
]
