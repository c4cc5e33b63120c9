"""Around the service: body size and time limits, errors as short JSON, logs that never name a patient."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import traceback
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("leukoref.service")


class ProblemError(Exception):
    """An HTTP error with its status and one line on what is wrong."""

    def __init__(self, status: int, error: str, remedy: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.remedy, self.headers = status, error, remedy, headers


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON as bytes, by the fastest writer installed."""
    try:
        import orjson

        body = orjson.dumps(content)
    except ImportError:
        body = json.dumps(content).encode()
    return Response(body, status, headers, media_type="application/json")


def problem_response(problem: ProblemError) -> Response:
    content = {"error": problem.error} | ({"remedy": problem.remedy} if problem.remedy else {})
    return json_response(content, problem.status, problem.headers)


async def body_of(request: Request, limit: int, seconds: float) -> bytes:
    """The body of a JSON request within its limits. Raises ProblemError 408, 413, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ProblemError(415, "the body is not declared as JSON", "send Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise ProblemError(415, "the body is encoded", "send it without Content-Encoding")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise ProblemError(408, "the body did not arrive in time", headers={"Connection": "close"}) from None
    return b"".join(parts)


def too_large(limit: int) -> ProblemError:
    error, remedy = f"the body is larger than {limit / 1e6:g} MB", "send fewer resources"
    return ProblemError(413, error, remedy, headers={"Connection": "close"})


class Cors(CORSMiddleware):
    """CORS with refusals as short JSON, like every other error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        kept = {name: answer.headers[name] for name in ("Vary",) if name in answer.headers}
        return json_response({"error": "this origin, method or header is not allowed here"}, answer.status_code, kept)


class Journal:
    """ASGI middleware: one JSON line a request (route, status, time, sizes), and nothing of the patient.

    The path is replaced by its route, since a mistyped one may carry an identifier; what went wrong inside is logged
    as type and place, without values.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        notes: dict[str, Any] = {"status": 500, "sent": 0}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                notes["status"] = message["status"]
            elif message["type"] == "http.response.body":
                notes["sent"] += len(message.get("body", b""))
            await send(message)

        scope.setdefault("state", {})["notes"] = notes
        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            failed(error)
            if notes["sent"] == 0 and notes["status"] == 500:
                await json_response({"error": "the service failed; the failure is logged"}, 500)(scope, receive, noting)
        route = scope.get("route")
        log(
            "request",
            method=scope["method"] if scope["method"] in ("GET", "POST", "OPTIONS", "HEAD") else "other",
            route=getattr(route, "path", "other"),
            milliseconds=round(1000 * (time.perf_counter() - began), 2),
            **notes,
        )


def log(event: str, **fields: Any) -> None:
    """One JSON line."""
    LOG.info("%s", json.dumps({"event": event, **fields}))


def failed(error: BaseException) -> None:
    """Logs what failed and where, without the message, which may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
    LOG.error("%s", json.dumps({"event": "failure", "type": type(error).__name__, "at": places}))


def log_to_stderr() -> None:
    """Sends the service's log to standard error as it stands."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
