"""A CDS Hooks call as a record system would send it today, to try `leukoref serve` with.

    python examples/hook_request.py [BUNDLE] > request.json

The dates of the example are moved, so that its newest result is of yesterday: the service assesses as of now.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parent / "fhir" / "neutropenia-on-methimazole.json"
KEYS = {
    "Observation": "observations",
    "Condition": "conditions",
    "MedicationRequest": "medicationRequests",
    "MedicationStatement": "medicationStatements",
    "Procedure": "procedures",
}
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def request_of(bundle: dict[str, Any], today: dt.date) -> dict[str, Any]:
    """A patient-view request for the patient of a Bundle."""
    resources = [entry["resource"] for entry in bundle["entry"]]
    (patient,) = [resource for resource in resources if resource["resourceType"] == "Patient"]
    others = [resource for resource in resources if resource["resourceType"] in KEYS]
    newest = max(map(dt.date.fromisoformat, DATE.findall(json.dumps(others))))
    days = (today - newest).days - 1
    prefetch: dict[str, Any] = {"patient": patient, "observations": searchset()}
    for resource in moved(others, days):
        key = KEYS[resource["resourceType"]]
        prefetch.setdefault(key, searchset())["entry"].append({"resource": resource})
    context = {"userId": "Practitioner/example", "patientId": patient["id"]}
    return {
        "hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": context, "prefetch": prefetch
    }  # fmt: skip


def searchset() -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": []}


def moved(resources: list[dict[str, Any]], days: int) -> list[dict[str, Any]]:
    """The same resources, every date in them so many days later."""

    def later(match: re.Match[str]) -> str:
        return (dt.date.fromisoformat(match[0]) + dt.timedelta(days=days)).isoformat()

    return list(json.loads(DATE.sub(later, json.dumps(resources))))


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE
    print(json.dumps(request_of(json.loads(source.read_text("utf-8")), dt.date.today())))
