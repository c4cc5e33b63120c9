"""CDS Hooks 2.0: an Assessment as cards, the services offered, and a hook request as a FHIR reading."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from leukoref.assessment import Assessment
from leukoref.errors import InputError
from leukoref.interop.fhir import FhirReading, patient_from_bundle
from leukoref.interop.fhir_concepts import concepts
from leukoref.interop.fhir_facts import Ledger
from leukoref.interop.fhir_intake import Intake
from leukoref.knowledge.base import Knowledge
from leukoref.render.citations import link, plain, reference

Card = dict[str, Any]
SUMMARY_LIMIT = 140
LINKS_SHOWN = 10
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:leukoref:cds-hooks")
REASONS_SYSTEM = "urn:leukoref:override-reason"
OVERRIDE_REASONS = (
    ("cause-known", "The cause is already known"),
    ("under-work-up", "It is already being worked up"),
    ("record-wrong", "The record this rests on is wrong or out of date"),
    ("not-relevant-now", "Not relevant to what I am doing now"),
    ("disagree", "I disagree with the answer"),
)
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}&_sort=-date&_count=500",
    "conditions": "Condition?patient={{context.patientId}}&_count=200",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}&_include=MedicationRequest:medication",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
    "familyHistory": "FamilyMemberHistory?patient={{context.patientId}}",
    "encounters": "Encounter?patient={{context.patientId}}&_sort=-date&_count=5",
}
NEEDED = ("patient", "observations")
HOOK_VERSIONS = ("1", "2")  # major versions of the hooks whose context is understood
HOOKS = {"leukoref-patient-view": "patient-view", "leukoref-order-select": "order-select"}
_TITLES = {
    "patient-view": "Causes of a low white cell count, when the patient is opened",
    "order-select": "Causes of a low white cell count, when an order is chosen",
}


class BadRequestError(InputError):
    """The call is no request of the hook (HTTP 400)."""


class MissingPrefetchError(InputError):
    """The client sent no answer to a prefetch query that the service cannot do without (HTTP 412)."""


def services() -> dict[str, list[dict[str, Any]]]:
    """The discovery document."""
    return {
        "services": [
            {
                "id": identity,
                "hook": hook,
                "title": _TITLES[hook],
                "description": "Ranked, sourced candidate causes of a low white blood cell count, red flags and next "
                "tests. Supports a clinician's judgment and never replaces it; not reviewed by a clinician.",
                "prefetch": PREFETCH,
                "usageRequirements": "Prefetch is needed; the service never queries the FHIR server itself.",
            }
            for identity, hook in HOOKS.items()
        ]
    }


def cards(
    assessment: Assessment, reading: FhirReading | None = None, *, top: int = 5, selected: tuple[str, ...] = ()
) -> list[Card]:
    """No card unless there is something to say: a low count, or a red flag. ``selected`` names drugs being ordered
    that are themselves known to lower the count."""
    if assessment.status == "no_leukopenia" or not (assessment.candidates or assessment.red_flags):
        return []
    detail = assessment.to_markdown(top=top)
    if selected:
        detail = f"**Being ordered, and known to lower the count:** {', '.join(map(plain, selected))}\n\n{detail}"
    if reading is not None:
        detail += _account(reading)
    links = [
        {"label": reference(csl)[:200], "url": address, "type": "absolute"}
        for key in _cited(assessment, top)
        if (csl := assessment.sources.get(key)) and (address := link(csl)) and address.startswith("https://")
    ]
    summary, version = _summary(assessment, selected), assessment.provenance
    return [
        {
            "uuid": str(uuid.uuid5(NAMESPACE, summary + detail)),
            "summary": summary,
            "detail": detail,
            "indicator": "critical" if assessment.red_flags else "warning" if selected else "info",
            "source": {"label": f"leukoref {version.version}, knowledge {version.knowledge_version}"},
            "links": links[:LINKS_SHOWN],
            "overrideReasons": [
                {"system": REASONS_SYSTEM, "code": code, "display": display} for code, display in OVERRIDE_REASONS
            ],
        }
    ]


def write(
    assessment: Assessment, reading: FhirReading | None = None, *, base: Knowledge | None = None, top: int = 5
) -> dict[str, list[Card]]:
    """`leukoref assess --format cds-hooks`: the body of a hook's response."""
    return {"cards": cards(assessment, reading, top=top)}


def _summary(assessment: Assessment, selected: tuple[str, ...]) -> str:
    """At most 140 characters: what cannot wait, what is being ordered, the first candidates."""
    names = [candidate.name for candidate in assessment.candidates[:3]]
    parts = []
    if assessment.red_flags:
        more = len(assessment.red_flags) - 1
        parts.append(f"Act today: {assessment.red_flags[0].name}" + (f" (+{more} more)" if more else ""))
    if selected:
        parts.append(f"{', '.join(map(plain, selected))} may lower the count further")
    head = ". ".join(parts)
    for count in range(len(names), 0, -1):
        tail = f"Low white cells, consider: {'; '.join(names[:count])}"
        text = f"{head}. {tail}" if head else tail
        if len(text) <= SUMMARY_LIMIT:
            return text
    text = head or f"Low white cells, consider: {names[0]}"
    return text if len(text) <= SUMMARY_LIMIT else text[: SUMMARY_LIMIT - 1].rstrip() + "…"


def _cited(assessment: Assessment, top: int) -> list[str]:
    """Sources of the red flags, then of what weighs in the first candidates."""
    keys = [key for flag in assessment.red_flags for key in flag.sources]
    for candidate in assessment.candidates[:top]:
        keys += [key for entry in candidate.supports for key in entry.sources]
    return list(dict.fromkeys(keys))


def _account(reading: FhirReading) -> str:
    rejected = [entry for entry in reading.entries if entry.outcome == "rejected"]
    said = [f"*{plain(warning)}*" for warning in reading.warnings]
    lines = [f"\n\n*Read from the record: {sum(e.outcome == 'used' for e in reading.entries)} resources used*"]
    if rejected:
        lines.append(f"*Not used: {len(rejected)} resources, e.g. {plain(rejected[0].reason)}*")
    return "\n\n".join([*lines, *said]) + "\n"


# -- a hook request ---------------------------------------------------------------------------------------------


def read_request(request: Any, service: str, *, as_of: dt.datetime, base: Knowledge) -> FhirReading:
    """The patient of a hook request. Raises BadRequestError (400), MissingPrefetchError (412), InputError
    for a record that cannot be assessed (422)."""
    if not isinstance(request, Mapping):
        raise BadRequestError("request", "is no JSON object", "send a CDS Hooks request")
    if request.get("hook") != HOOKS[service]:
        raise BadRequestError("hook", "is not the hook of this service", f"call it with {HOOKS[service]}")
    version = str(request.get("hookVersion") or HOOK_VERSIONS[0])
    if version.partition(".")[0] not in HOOK_VERSIONS:
        raise BadRequestError("hookVersion", "is not known here", f"send version {' or '.join(HOOK_VERSIONS)}")
    try:
        uuid.UUID(str(request.get("hookInstance")))
    except ValueError:
        raise BadRequestError("hookInstance", "is no UUID", "send a new UUID with every call") from None
    context = request.get("context")
    if not isinstance(context, Mapping) or not isinstance(context.get("patientId"), str) or not context["patientId"]:
        raise BadRequestError("context.patientId", "is missing", "say which patient is open")
    prefetch = request.get("prefetch")
    prefetch = prefetch if isinstance(prefetch, Mapping) else {}
    for key in NEEDED:
        if not isinstance(prefetch.get(key), Mapping) or prefetch[key].get("resourceType") == "OperationOutcome":
            raise MissingPrefetchError(f"prefetch.{key}", "is missing", "the service does not query FHIR servers")
    patient = prefetch["patient"]
    if patient.get("resourceType") != "Patient" or str(patient.get("id")) != context["patientId"].split("/")[-1]:
        raise BadRequestError("prefetch.patient", "is not the patient of the context", "send the patient who is open")
    parts = {key: part for key, part in prefetch.items() if key in PREFETCH and isinstance(part, Mapping)}
    reading = patient_from_bundle([dict(part) for part in parts.values()], as_of=as_of, base=base)
    failed = [
        key for key in PREFETCH if parts.get(key, {}).get("resourceType", "OperationOutcome") == "OperationOutcome"
    ]
    unsent = (f"not sent by the record system, and so not considered: {', '.join(failed)}",) if failed else ()
    return replace(reading, warnings=(*reading.warnings, *unsent))


def selected_drugs(request: Mapping[str, Any], base: Knowledge) -> tuple[str, ...]:
    """Names of the drugs among the selected draft orders that are known to lower the count."""
    context = request.get("context")
    drafts = context.get("draftOrders") if isinstance(context, Mapping) else None
    entries = drafts.get("entry") if isinstance(drafts, Mapping) else None
    chosen = context.get("selections") if isinstance(context, Mapping) else None
    wanted = {name for name in chosen if isinstance(name, str)} if isinstance(chosen, list) else set()
    intake = Intake(concepts(base))
    found: dict[str, None] = {}
    for resource, full_url in _resources_of(request):
        if resource.get("resourceType") == "Medication":
            intake.keep_medication(resource, f"Medication/{resource.get('id')}", full_url)
    for entry in entries if isinstance(entries, list) else ():
        order = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(order, dict) or order.get("resourceType") != "MedicationRequest":
            continue
        name = f"MedicationRequest/{order.get('id')}"
        if wanted and name not in wanted:
            continue
        drugs = intake.drugs.named(order, name, Ledger())
        found |= {base.drug[drug].name: None for drug in drugs if base.drug[drug].level}
    return tuple(found)


def _resources_of(request: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every resource with its fullUrl among the draft orders and in the prefetch of a request."""
    context, prefetch = request.get("context"), request.get("prefetch")
    bundles = list(prefetch.values()) if isinstance(prefetch, Mapping) else []
    if isinstance(context, Mapping):
        bundles.append(context.get("draftOrders"))
    for bundle in bundles:
        entries = bundle.get("entry") if isinstance(bundle, Mapping) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("resource"), dict):
                yield entry["resource"], str(entry.get("fullUrl") or "")
