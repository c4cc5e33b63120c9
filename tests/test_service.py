"""The service: who is let in, what bad input gets, and that no patient reaches a log."""

import asyncio
import datetime as dt
import importlib.util
import json
import logging
import threading
import time
import uuid
from pathlib import Path

import pytest
from fhir_kit import ANC, NOW, person, result

pytest.importorskip("fastapi", reason="needs the extra service")
httpx = pytest.importorskip("httpx", reason="needs the extra service")
jwt = pytest.importorskip("jwt", reason="needs the extra service")
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

import leukoref  # noqa: E402
from leukoref.interop import service as service_module  # noqa: E402
from leukoref.interop.service import Settings, create_app, main, serve  # noqa: E402
from leukoref.interop.service_auth import Gate, UnauthorizedError  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"
VIEW, ORDER = "/cds-services/leukoref-patient-view", "/cds-services/leukoref-order-select"
AUDIENCE = "https://cds.example.org"
FIXED = {"now": lambda: NOW}


def ask(app, method, path, *, client=("127.0.0.1", 4000), base="http://127.0.0.1", **fields):
    """One request to the application, its start and stop included."""

    async def once():
        transport = httpx.ASGITransport(app, client=client)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=base) as http:
            return await http.request(method, path, **fields)

    return asyncio.run(once())


def searchset(*resources):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]}


def request(**fields):
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": "p"},
        "prefetch": {"patient": person(), "observations": searchset(result(value=0.9), result(ANC, 0.1))},
        **fields,
    }


@pytest.fixture(scope="module")
def app():
    return create_app(Settings(**FIXED, body_limit=100_000))


def test_discovery_health_and_readiness(app):
    assert len(ask(app, "GET", "/cds-services").json()["services"]) == 2
    assert ask(app, "GET", "/health").json() == {"status": "ok"}
    assert ask(app, "GET", "/ready").json()["status"] == "ready"


def test_a_low_count_gets_a_card_and_a_normal_one_none(app):
    low = ask(app, "POST", VIEW, json=request())
    assert low.status_code == 200
    assert len(low.json()["cards"]) == 1
    normal = request(prefetch={"patient": person(), "observations": searchset(result(value=7), result(ANC, 4))})
    assert ask(app, "POST", VIEW, json=normal).json() == {"cards": []}


def test_the_example_call_gets_its_card_whatever_day_it_is_made(app):
    spec = importlib.util.spec_from_file_location("hook_request", EXAMPLES / "hook_request.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    call = example.request_of(json.loads(example.EXAMPLE.read_text("utf-8")), NOW.date())
    (card,) = ask(app, "POST", VIEW, json=call).json()["cards"]
    assert card["indicator"] == "critical"


def test_order_select_names_a_selected_culprit(app):
    order = {"resourceType": "MedicationRequest", "id": "1", "medicationCodeableConcept": {"text": "methimazole"}}
    context = {"patientId": "p", "selections": ["MedicationRequest/1"], "draftOrders": searchset(order)}
    answer = ask(app, "POST", ORDER, json=request(hook="order-select", context=context))
    assert "methimazole" in answer.json()["cards"][0]["detail"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"hook": "medication-prescribe"}, 400),
        ({"hook": "patient-view@9.0"}, 400),
        ({"hook": ["patient-view"]}, 400),
        ({"hookVersion": "9.0"}, 400),
        ({"hookInstance": "1"}, 400),
        ({"context": {}}, 400),
        ({"prefetch": {}}, 412),
        ({"prefetch": {"patient": person(), "observations": None}}, 412),
        ({"prefetch": {"patient": person(), "observations": {"resourceType": "OperationOutcome"}}}, 412),
        ({"prefetch": {"patient": person(id="other"), "observations": searchset()}}, 400),
        ({"prefetch": {"patient": person(), "observations": searchset(person(id="q"))}}, 422),
    ],
)
def test_a_request_that_cannot_be_answered_gets_the_code_of_the_standard(app, change, status):
    answer = ask(app, "POST", VIEW, json=request(**change))
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "content", "kind", "status"),
    [
        (VIEW, b"{", "application/json", 400),
        (VIEW, b"[" * 50_000, "application/json", 400),
        (VIEW, b"[1]", "application/json", 400),
        (VIEW, b"{}", "text/plain", 415),
        (VIEW, b" " * 200_000, "application/json", 413),
        ("/cds-services/unknown", b"{}", "application/json", 404),
        ("/Patient/12345", b"{}", "application/json", 404),
        ("/health", b"", "application/json", 405),
    ],
)
def test_bad_input_gets_a_short_json_error(app, path, content, kind, status):
    answer = ask(app, "POST", path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert len(answer.content) < 300


def test_a_compressed_body_is_told_apart_from_a_broken_one(app):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert ask(app, "POST", VIEW, content=b"{}", headers=headers).status_code == 415


def test_a_card_says_what_the_record_system_did_not_send(app):
    failed = {"resourceType": "OperationOutcome", "issue": []}
    page = searchset(result(value=0.9), result(ANC, 0.1)) | {"link": [{"relation": "next", "url": "urn:2"}]}
    sent = {"patient": person(), "observations": page, "conditions": failed, "procedures": searchset()}
    (card,) = ask(app, "POST", VIEW, json=request(prefetch=sent)).json()["cards"]
    (line,) = [line for line in card["detail"].splitlines() if "not sent" in line]
    assert "conditions" in line
    assert "procedures" not in line
    assert "one page of several" in card["detail"]


def test_feedback_is_taken_and_checked(app):
    good = {"feedback": [{"card": str(uuid.uuid4()), "outcome": "overridden"}]}
    assert ask(app, "POST", f"{VIEW}/feedback", json=good).status_code == 200
    for bad in ({}, {"feedback": []}, {"feedback": [{"card": "x", "outcome": "accepted"}]}):
        assert ask(app, "POST", f"{VIEW}/feedback", json=bad).status_code == 400


def test_a_browser_is_let_in_from_an_allowed_origin_only():
    app = create_app(Settings(origins=("https://ehr.example.org",)))
    for origin, allowed in (("https://ehr.example.org", True), ("https://evil.example", False)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = ask(app, "OPTIONS", VIEW, headers=headers)
        assert ("access-control-allow-origin" in answer.headers) is allowed
        assert allowed or "error" in answer.json()


def test_without_an_issuer_only_this_machine_is_served(app):
    assert ask(app, "POST", VIEW, json=request(), client=("192.0.2.7", 1)).status_code == 403
    assert ask(app, "POST", VIEW, json=request(), base="http://rebound.example").status_code == 403
    assert ask(app, "POST", VIEW, json=request(), headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    with pytest.raises(leukoref.InputError, match="issuer"):
        serve("0.0.0.0")


def test_a_slow_answer_is_given_up(monkeypatch):
    app = create_app(Settings(**FIXED, answer_seconds=0.05))
    monkeypatch.setattr(service_module.cds_hooks, "read_request", lambda *a, **k: time.sleep(0.5))
    answer = ask(app, "POST", VIEW, json=request())
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_a_body_that_does_not_arrive_is_given_up():
    async def trickle():
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    app = create_app(Settings(**FIXED, body_seconds=0.05))
    answer = ask(app, "POST", VIEW, content=trickle(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 408
    assert answer.json()["error"]


def test_a_body_without_a_length_is_measured_as_it_comes():
    async def endless():
        while True:
            yield b" " * 50_000

    app = create_app(Settings(**FIXED, body_limit=100_000))
    assert ask(app, "POST", VIEW, content=endless(), headers={"Content-Type": "application/json"}).status_code == 413


def test_too_many_waiting_are_turned_away_at_once():
    answer = ask(create_app(Settings(**FIXED, most_waiting=0)), "POST", VIEW, json=request())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_before_the_knowledge_is_loaded_the_service_is_alive_but_not_ready():
    app = create_app(Settings(**FIXED))

    async def early():
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answers = [await http.get(path) for path in ("/health", "/ready", "/cds-services")]
            return [answer.status_code for answer in (*answers, await http.post(VIEW, json=request()))]

    assert asyncio.run(early()) == [200, 503, 200, 503]


def test_an_answer_under_way_is_finished_before_the_service_stops(monkeypatch):
    app = create_app(Settings(**FIXED))
    read, begun = service_module.cds_hooks.read_request, threading.Event()

    def slowly(*arguments, **fields):
        begun.set()
        time.sleep(0.3)
        return read(*arguments, **fields)

    monkeypatch.setattr(service_module.cds_hooks, "read_request", slowly)

    async def stopped_meanwhile():
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            async with app.router.lifespan_context(app):
                answer = asyncio.create_task(http.post(VIEW, json=request()))
                while not begun.is_set():
                    await asyncio.sleep(0.01)
            return await answer

    assert asyncio.run(stopped_meanwhile()).status_code == 200


def test_a_failure_inside_says_nothing_of_the_patient(app, monkeypatch, caplog):
    monkeypatch.setattr(service_module.cds_hooks, "cards", lambda *a, **k: {}["Smith"])
    with caplog.at_level(logging.INFO, "leukoref.service"):
        answer = ask(app, "POST", VIEW, json=request())
    assert answer.status_code == 500
    assert "Smith" not in answer.text + caplog.text
    assert "KeyError" in caplog.text


def test_logs_are_json_lines_without_patient_data(app, caplog):
    with caplog.at_level(logging.INFO, "leukoref.service"):
        ask(app, "POST", VIEW, json=request(prefetch={"patient": person(id="Secret-7"), "observations": searchset()}))
        ask(app, "GET", "/Patient/Secret-7?name=Secret")
        ask(app, "POST", VIEW, json=request())
    events = [json.loads(record.getMessage()) for record in caplog.records if record.name == "leukoref.service"]
    assert {"request", "ready", "stopped"} <= {event["event"] for event in events}
    assert "Secret" not in caplog.text
    assert "1980" not in caplog.text


# -- tokens -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="module")
def guarded(key, tmp_path_factory):
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "1", "use": "sig", "alg": "ES384"}
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    return create_app(Settings(**FIXED, issuers={"https://ehr.example.org": str(path)}, audience=AUDIENCE))


def token(key, algorithm="ES384", kid="1", header=None, **claims):
    now = int(time.time())
    content = {"iss": "https://ehr.example.org", "aud": f"{AUDIENCE}{VIEW}", "iat": now, "exp": now + 300,
               "jti": str(uuid.uuid4()), **claims}  # fmt: skip
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm=algorithm, headers={"kid": kid, **(header or {})})


def call(app, bearer):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return ask(app, "POST", VIEW, json=request(), headers=headers, client=("192.0.2.7", 1))


def test_a_valid_token_is_let_in_once(guarded, key):
    bearer = token(key)

    async def twice():
        transport = httpx.ASGITransport(guarded, client=("192.0.2.7", 1))
        http = httpx.AsyncClient(transport=transport, base_url=AUDIENCE, headers={"Authorization": f"Bearer {bearer}"})
        async with guarded.router.lifespan_context(guarded), http:
            return [(await http.post(VIEW, json=request())).status_code for _ in range(2)]

    assert asyncio.run(twice()) == [200, 401]


def test_every_other_token_is_refused(guarded, key):
    stranger = ec.generate_private_key(ec.SECP384R1())
    past = int(time.time()) - 1000
    bad = [
        "", "x.y.z", token(key, exp=past), token(key, iss="https://other.example"), token(key, aud="https://else.example"),
        token(stranger), token(key, kid="2"), token(None, "none"), token("x" * 64, "HS256"), token(key, jti=None),
        token(key, exp=int(time.time()) + 86_400),
    ]  # fmt: skip
    for bearer in bad:
        answer = call(guarded, bearer)
        assert answer.status_code == 401
        assert "error" in answer.json()
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_may_not_name_another_key_set_than_that_of_its_issuer(key):
    gate = Gate({"https://ehr.example.org": "https://ehr.example.org/jwks.json"}, AUDIENCE)
    bearer = token(key, header={"jku": "https://evil.example/jwks.json"})
    with pytest.raises(UnauthorizedError, match="key set"):
        gate.check(f"Bearer {bearer}", VIEW)


def test_issuers_need_an_audience():
    with pytest.raises(leukoref.InputError, match="audience"):
        create_app(Settings(issuers={"https://ehr.example.org": "jwks.json"}))


def test_the_command_line_refuses_an_issuer_without_keys():
    with pytest.raises(SystemExit):
        main(["--issuer", "https://ehr.example.org"])


def test_the_clock_is_the_time_of_the_assessment():
    assert abs(Settings().now() - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)
