"""Health and the app's last resort: probes change nothing, numbers carry nothing personal, errors tell nothing."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sayso.errors import IntegrityError, Unavailable
from sayso.web.app import build
from tests.cast import AMIRA
from tests.stores import World, neighbour, run_sql
from tests.web.desk import BODIES, Api, contents, problem


def test_the_process_answers(lone_api: Api) -> None:
    answer = lone_api.get("/livez", key="")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["request-id"].startswith("req_")


def test_readiness_writes_to_the_disk_and_changes_nothing(api: Api, world: World) -> None:
    before = contents(world.store)
    ready = api.get("/readyz", key="").json()
    assert ready == {"status": "ready", "store": world.store.kind, "unreadable_workspaces": 0}
    assert contents(world.store) == before


def test_a_store_that_takes_no_transaction_is_not_ready(lone_api: Api, lone_world: World,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(lone_world.store), "submit", refuse)
        assert problem(lone_api.get("/readyz", key=""), 503, "unavailable")["retry"] is True
    assert lone_api.get("/readyz", key="").status_code == 200


def test_a_store_that_hangs_is_not_ready(lone_api: Api, lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.web.health.PROBE_SECONDS", 0.05)
    free = threading.Event()
    lone_world.store.submit(lambda tx: free.wait(5))
    problem(lone_api.get("/readyz", key=""), 503, "unavailable")
    free.set()
    assert lone_api.get("/readyz", key="").status_code == 200


def test_a_workspace_that_cannot_be_read_is_counted_and_stops_no_other(lone_api: Api, lone_world: World) -> None:
    neighbour(lone_world)
    run_sql(lone_world.store, "update workspaces set config = cast('{' as blob), revision = 9 where slug = ?", "other")
    lone_world.system.directory.refresh()
    assert lone_api.get("/readyz", key="").json()["unreadable_workspaces"] == 1
    assert lone_api.post("/v1/check", BODIES["/v1/check"]).status_code == 200


def test_metrics_count_what_waits_and_name_nobody(api: Api, world: World) -> None:
    world.say(AMIRA, "JOIN")
    api.post("/v1/check", BODIES["/v1/check"])
    answer = api.get("/metrics", key="")
    assert AMIRA.phone[1:] not in answer.text
    found = {(sample.name, *sorted(sample.labels.values())): sample.value
             for family in text_string_to_metric_families(answer.text) for sample in family.samples}
    assert found["sayso_outbox_rows", "queued"] == 2
    assert found["sayso_ledger_waiting",] > 0
    assert found["sayso_gate_decisions_total", "deny", "pending"] >= 1
    assert found["sayso_http_requests_total", "200", "POST /v1/check"] >= 1


def test_metrics_can_be_switched_off(lone_world: World) -> None:
    with asyncio.Runner() as runner:
        shut = Api(lone_world.system, lone_world.workspace, runner, build(lone_world.system, metrics=False))
        problem(shut.get("/metrics", key=""), 404, "not_found")
        assert "/metrics" not in shut.get("/openapi.json").json()["paths"]
        shut.app.desk.close()


@pytest.mark.parametrize("error", [ZeroDivisionError("+447700900123"), IntegrityError("Row 7 differs."), KeyError("x")])
def test_what_nobody_foresaw_says_nothing_and_logs_its_kind(lone_api: Api, monkeypatch: pytest.MonkeyPatch,
                                                            caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("sayso.web.hot.permits.check", fail)
    monkeypatch.setattr(logging.getLogger("sayso"), "propagate", True)
    with caplog.at_level(logging.INFO, "sayso"):
        answer = lone_api.post("/v1/check", BODIES["/v1/check"])
    told = problem(answer, 500, "integrity" if isinstance(error, IntegrityError) else "internal")
    assert "+44" not in answer.text
    assert "Traceback" not in answer.text
    assert told["request_id"] in caplog.text
    assert type(error).__name__ in caplog.text
    assert "+44" not in caplog.text


def test_a_websocket_is_closed(lone_api: Api) -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    lone_api.run(lone_api.app({"type": "websocket", "path": "/"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_a_client_that_leaves_is_not_answered(lone_api: Api) -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/v1/check", "query_string": b"",
             "headers": [(b"authorization", f"Bearer {lone_api.key}".encode())]}
    lone_api.run(lone_api.app(scope, receive, send))
    assert sent == []
