"""The service under load: requests a second and p99 at 1, 8 and 32 clients, beside a bare FastAPI echo.

    python benchmarks/service.py

Server and load generator are processes of their own on one machine; the generator speaks HTTP/1.1 over raw sockets,
so that it costs little itself. The request is a patient-view of about 100 KB with a low count.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import multiprocessing
import socket
import sys
import time
import uuid
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from leukoref.assessor import assessor
from leukoref.interop import cds_hooks
from leukoref.interop.service import Settings, create_app

PATH = "/cds-services/leukoref-patient-view"
SIZE = 100_000
SECONDS = 8.0
CLIENTS = (1, 8, 32)
AT = dt.datetime(2026, 5, 1, 18, tzinfo=dt.UTC)


def main() -> None:
    body = json.dumps(hook_request()).encode()
    alone = answering_alone(body)
    print(f"request {len(body) / 1e3:.0f} KB; read, assess and write cards without HTTP: {1e3 * alone:.1f} ms,")
    print(f"  {1 / alone:.0f} a second at best")
    print("| server | clients | requests a second | p50 ms | p99 ms | errors |\n|---|--:|--:|--:|--:|--:|")
    for name in ("leukoref", "echo"):
        port = free_port()
        process = multiprocessing.Process(target=run, args=(name, port), daemon=True)
        process.start()
        wait_until_ready(port)
        for clients in CLIENTS:
            asyncio.run(load(port, body, 1, 1.0))
            taken, errors, spent = asyncio.run(load(port, body, clients, SECONDS))
            taken.sort()
            p50, p99 = (1e3 * taken[min(int(len(taken) * q), len(taken) - 1)] for q in (0.5, 0.99))
            print(f"| {name} | {clients} | {len(taken) / spent:.0f} | {p50:.1f} | {p99:.1f} | {errors} |")
        process.terminate()
        process.join()


def hook_request() -> dict[str, Any]:
    """A low count among as many other results as fill the request."""

    def result(number: int, code: str, value: float, unit: str) -> dict[str, Any]:
        return {"resource": {
            "resourceType": "Observation", "id": f"o{number}", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "a laboratory result"},
            "subject": {"reference": "Patient/p"}, "effectiveDateTime": f"2026-04-{1 + number % 30:02}T08:00:00Z",
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        }}  # fmt: skip

    entries = [result(0, "6690-2", 0.9, "10*9/L"), result(0, "751-8", 0.2, "10*9/L")]
    others = [("718-7", 9.1, "g/dL"), ("777-3", 90.0, "10*9/L"), ("2345-7", 99.0, "mg/dL"), ("3094-0", 14.0, "mg/dL")]
    while len(json.dumps(entries)) < SIZE:
        entries.append(result(len(entries), *others[len(entries) % len(others)]))
    for number, entry in enumerate(entries):
        entry["resource"]["id"] = f"o{number}"
    person = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-01-01"}
    observations = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return {
        "hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": {"patientId": "p"},
        "prefetch": {"patient": person, "observations": observations},
    }  # fmt: skip


def answering_alone(body: bytes) -> float:
    """Seconds for what is behind the service, without HTTP."""
    document, ready = json.loads(body), assessor()
    times = []
    for _ in range(50):
        began = time.perf_counter()
        reading = cds_hooks.read_request(document, "leukoref-patient-view", as_of=AT, base=ready.base)
        cds_hooks.cards(ready.assess(reading.patient), reading)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


def run(name: str, port: int) -> None:
    app = create_app(Settings(now=lambda: AT)) if name == "leukoref" else echo()
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


def echo() -> FastAPI:
    app = FastAPI()

    @app.post(PATH)
    async def back(request: Request) -> Response:
        return Response(await request.body(), media_type="application/json")

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {}

    return app


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(port: int) -> None:
    for _ in range(300):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if b" 200 " in probe.recv(100):
                    return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit("the server did not get ready")


async def load(port: int, body: bytes, clients: int, seconds: float) -> tuple[list[float], int, float]:
    """Times of all answers, the number of errors, and how long it took."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    began = time.perf_counter()
    taken: list[float] = []
    errors = 0

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            writer.write(message)
            await writer.drain()
            header = await reader.readuntil(b"\r\n\r\n")
            length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - start)
            errors += b" 200 " not in header.split(b"\r\n")[0]
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return taken, errors, time.perf_counter() - began


if __name__ == "__main__":
    main()
