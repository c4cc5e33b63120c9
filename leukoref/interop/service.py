"""`leukoref serve`: the CDS Hooks service over HTTP (extra ``service``).

Nothing of a patient is kept after the answer or written to a log; the service calls no FHIR server.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import functools
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from leukoref.assessor import Assessor, assessor
from leukoref.errors import InputError, LeukorefError
from leukoref.interop import cds_hooks
from leukoref.interop.service_auth import Gate, UnauthorizedError, is_loopback
from leukoref.interop.service_wire import (
    Cors,
    Journal,
    ProblemError,
    body_of,
    json_response,
    log,
    log_to_stderr,
    problem_response,
)
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import MAX_FILE_BYTES

# Makes the unit grammar and the table of phenotypes ready, which are read on first need.
WARM_UP = {
    "observations": [
        {"finding": "wbc", "value": 5000, "unit": "/uL"},
        {"finding": "a name no vocabulary has", "present": True},
    ]
}
OUTCOMES = ("accepted", "overridden")


@dataclass(frozen=True)
class Settings:
    """How the service runs. Without ``issuers`` it answers this machine only."""

    issuers: Mapping[str, str] = field(default_factory=dict)
    audience: str = ""
    origins: tuple[str, ...] = ()
    body_limit: int = MAX_FILE_BYTES
    body_seconds: float = 10.0
    answer_seconds: float = 10.0
    most_waiting: int = 64
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)


class Service:
    """The hooks behind the routes: admission, reading, assessment, cards."""

    def __init__(self, settings: Settings, knowledge: Knowledge | None) -> None:
        if settings.issuers and not settings.audience:
            raise InputError("audience", "is missing", "give the address by which clients call this service")
        self.settings = settings
        self.knowledge = knowledge
        self.gate = Gate(settings.issuers, settings.audience) if settings.issuers else None
        self.assessor: Assessor | None = None
        self.waiting = 0
        self.worker: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Loads the knowledge base and answers one request to itself, so that the first caller does not wait."""
        # One thread: assessing is computing, and threads of one interpreter would only take turns at it.
        self.worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="leukoref")
        self.assessor = await asyncio.get_running_loop().run_in_executor(self.worker, self._made_ready)

    async def stop(self) -> None:
        """Lets the answer under way finish and drops those that nobody waits for."""
        if self.worker is not None:
            await asyncio.to_thread(self.worker.shutdown, wait=True, cancel_futures=True)
            self.worker = self.assessor = None

    def _made_ready(self) -> Assessor:
        ready = assessor(self.knowledge)
        ready.assess(WARM_UP)
        return ready

    async def admit(self, request: Request) -> None:
        """Raises ProblemError 401 (no valid token) or 403 (not this machine)."""
        if self.gate is not None:
            try:
                path = request.url.path
                await asyncio.to_thread(self.gate.check, request.headers.get("authorization"), path)
            except UnauthorizedError as error:
                raise ProblemError(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None
            return
        local = request.client is not None and is_loopback(request.client.host)
        named = is_loopback(request.url.hostname)
        if not (local and named) or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
            raise ProblemError(403, "no issuer is configured: only this machine is served", "configure an issuer")

    async def hook(self, service: str, request: Request) -> Response:
        if service not in cds_hooks.HOOKS:
            raise ProblemError(404, "no such service", "GET /cds-services lists them")
        await self.admit(request)
        document = parsed(await body_of(request, self.settings.body_limit, self.settings.body_seconds))
        if self.assessor is None:
            raise ProblemError(503, "not ready yet", headers={"Retry-After": "5"})
        if self.waiting >= self.settings.most_waiting:
            raise ProblemError(503, "too many requests are waiting", headers={"Retry-After": "1"})
        self.waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self.worker, self._answer, self.assessor, service, document)
        work.add_done_callback(self._done)
        try:
            answer = await asyncio.wait_for(asyncio.shield(work), self.settings.answer_seconds)
        except TimeoutError:
            raise ProblemError(503, "the answer took too long", headers={"Retry-After": "5"}) from None
        except cds_hooks.MissingPrefetchError as error:
            raise ProblemError(412, f"{error.field} {error.problem}", error.remedy) from None
        except LeukorefError as error:
            raise refused(error) from None
        request.state.notes["cards"] = len(answer["cards"])
        return json_response(answer)

    def _done(self, work: asyncio.Future[Any]) -> None:
        self.waiting -= 1
        if not work.cancelled():
            work.exception()  # seen, even when the client was answered long ago

    def _answer(self, ready: Assessor, service: str, document: Any) -> dict[str, Any]:
        reading = cds_hooks.read_request(document, service, as_of=self.settings.now(), base=ready.base)
        selected: tuple[str, ...] = ()
        if cds_hooks.HOOKS[service] == "order-select":
            selected = cds_hooks.selected_drugs(document, ready.base)
        return {"cards": cds_hooks.cards(ready.assess(reading.patient), reading, selected=selected)}

    async def feedback(self, service: str, request: Request) -> Response:
        """Takes notice of what became of cards. Only outcomes and reasons of our own list reach the log."""
        if service not in cds_hooks.HOOKS:
            raise ProblemError(404, "no such service", "GET /cds-services lists them")
        await self.admit(request)
        document = parsed(await body_of(request, self.settings.body_limit, self.settings.body_seconds))
        entries = document.get("feedback") if isinstance(document, dict) else None
        if not isinstance(entries, list) or not entries:
            raise ProblemError(400, "feedback is missing", "send a list of feedback, one a card")
        for entry in entries:
            if not isinstance(entry, dict) or not _is_uuid(entry.get("card")) or entry.get("outcome") not in OUTCOMES:
                raise ProblemError(400, "feedback needs card (a UUID) and outcome", "outcome: accepted or overridden")
        known = {code for code, _ in cds_hooks.OVERRIDE_REASONS}
        for entry in entries[:100]:
            chosen = entry.get("overrideReason")
            reason = chosen.get("reason") if isinstance(chosen, dict) else None
            code = reason.get("code") if isinstance(reason, dict) else None
            log("feedback", service=service, outcome=entry["outcome"], reason=code if code in known else None)
        return json_response({})

    def readiness(self) -> Response:
        if self.assessor is None:
            return json_response({"status": "loading"}, 503)
        base = self.assessor.base
        return json_response({"status": "ready", "knowledge": base.version, "reviewed": base.reviewed})


def create_app(settings: Settings | None = None, *, knowledge: Knowledge | None = None) -> FastAPI:
    """The ASGI application, for `serve` or for a server of one's own."""
    settings = settings or Settings()
    service = Service(settings, knowledge)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        log("ready", open_to="issuers" if service.gate else "this machine only")
        yield
        await service.stop()
        log("stopped")

    app = FastAPI(title="leukoref", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/cds-services")
    async def discovery() -> Response:
        return json_response(cds_hooks.services())

    @app.post("/cds-services/{service_id}")
    async def hook(service_id: str, request: Request) -> Response:
        return await service.hook(service_id, request)

    @app.post("/cds-services/{service_id}/feedback")
    async def feedback(service_id: str, request: Request) -> Response:
        return await service.feedback(service_id, request)

    @app.get("/health")
    async def health() -> Response:
        return json_response({"status": "ok"})

    @app.get("/ready")
    async def ready() -> Response:
        return service.readiness()

    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(404, functools.partial(_plain, 404, "no such address"))
    app.add_exception_handler(405, functools.partial(_plain, 405, "not the method of this address"))
    app.add_middleware(
        Cors,
        allow_origins=list(settings.origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        max_age=600,
    )
    app.add_middleware(Journal)
    return app


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ProblemError)
    return problem_response(problem)


async def _plain(status: int, error: str, request: Request, problem: Exception) -> Response:
    return json_response({"error": error}, status, dict(getattr(problem, "headers", None) or {}))


def parsed(body: bytes) -> Any:
    """A JSON body. Raises ProblemError 400 for JSON that is broken or nested too deep to be read."""
    try:
        import orjson

        return orjson.loads(body)
    except ImportError:
        pass
    except ValueError:
        raise ProblemError(400, "the body is not valid JSON") from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(400, "the body is not valid JSON") from None


def refused(error: LeukorefError) -> ProblemError:
    """A patient that cannot be read as meant; the message names the field and its problem, no more."""
    if isinstance(error, InputError):
        status = 400 if isinstance(error, cds_hooks.BadRequestError) else 422
        return ProblemError(status, f"{error.field}: {error.problem}", error.remedy)
    return ProblemError(500, "the service failed; the failure is logged")


def _is_uuid(value: Any) -> bool:
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False


def serve(
    host: str = "127.0.0.1", port: int = 8080, *, settings: Settings | None = None, knowledge: Knowledge | None = None
) -> None:
    """Runs the service until it is told to stop; answers under way are finished first. Raises InputError when it
    would listen beyond this machine without an issuer."""
    settings = settings or Settings()
    if not settings.issuers and not is_loopback(host):
        raise InputError("host", f"{host} is not this machine", "configure an issuer to serve others")
    log_to_stderr()
    app = create_app(settings, knowledge=knowledge)
    if not settings.issuers:
        log("notice", text=f"no issuer is configured: only this machine is served, at http://{host}:{port}")
    uvicorn.run(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=30, timeout_keep_alive=30, backlog=256,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """`leukoref serve`."""
    parser = argparse.ArgumentParser(prog="leukoref serve", description="Serve CDS Hooks over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--issuer", action="append", default=[], metavar="ISSUER=JWKS",
        help="let in tokens of this issuer, checked against the key set at an https address or in a file; repeatable",
    )  # fmt: skip
    parser.add_argument("--audience", default="", metavar="URL", help="address by which clients call this service")
    parser.add_argument("--origin", action="append", default=[], help="browser origin to allow (CORS); repeatable")
    parser.add_argument("--max-body", type=float, default=MAX_FILE_BYTES / 1e6, metavar="MB")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="longest time for an answer")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR", help="rules laid over the packaged ones")
    chosen = parser.parse_args(arguments)
    issuers = dict(entry.partition("=")[::2] for entry in chosen.issuer)
    if "" in (*issuers, *issuers.values()):
        parser.error("--issuer is written as ISSUER=JWKS")
    settings = Settings(
        issuers=issuers, audience=chosen.audience, origins=tuple(chosen.origin),
        body_limit=int(chosen.max_body * 1e6), answer_seconds=chosen.timeout,
    )  # fmt: skip
    serve(chosen.host, chosen.port, settings=settings, knowledge=load_knowledge(chosen.rules) if chosen.rules else None)
    return 0
