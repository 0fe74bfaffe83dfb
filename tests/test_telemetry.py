"""Logs carry only what is on the list: no phone number, text, id or key can slip in, whatever the code says."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from sayso import telemetry
from sayso.errors import ProviderError
from sayso.flows import rights
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World

SECRETS = ["7700900123", "447700900123", "7700900456", "5550100789", "1349AMIRA", "1349BRUNO", "1349DANA", "wamid."]
WORDS = ["leave me alone 7700900123", "my secret diary"]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written to standard error once logging is set up, everything Python knows of included."""
    written = io.StringIO()
    logger = logging.getLogger("sayso")
    before = (logger.handlers[:], logger.level, logger.propagate)
    monkeypatch.setattr(sys, "stderr", written)
    telemetry.configure("debug")
    yield written
    logger.handlers[:], logger.level, logger.propagate = before[0], before[1], before[2]


def test_a_line_is_one_json_object_with_its_event(lines: io.StringIO) -> None:
    telemetry.log("worker_stumbled", error="OSError", count=3, duration_ms=1.5)
    line = json.loads(lines.getvalue())
    assert (line["event"], line["error"], line["count"], line["duration_ms"]) == ("worker_stumbled", "OSError", 3, 1.5)


def test_a_field_that_is_not_allowed_is_named_and_its_value_dropped(lines: io.StringIO) -> None:
    telemetry.log("oops", phone="+447700900123", text="STOP", workspace="wrk_1")
    line = json.loads(lines.getvalue())
    assert line["dropped"] == "phone,text"
    assert line["workspace"] == "wrk_1"
    assert "7700900123" not in lines.getvalue()
    assert "STOP" not in lines.getvalue()


def test_a_long_value_is_cut_and_a_line_stays_one_line(lines: io.StringIO) -> None:
    telemetry.log("oops", error="x" * 5_000 + "\n injected: line")
    assert len(json.loads(lines.getvalue())["error"]) == telemetry.MAX_VALUE
    telemetry.log("oops", reason="a\nb")
    assert len(lines.getvalue().splitlines()) == 2


def test_the_list_holds_nothing_that_names_a_person() -> None:
    assert telemetry.ALLOWED.isdisjoint({
        "address", "body", "event_id", "message", "message_id", "number", "person", "phone", "sender", "text", "to",
        "token", "wa_id", "wamid",
    })  # fmt: skip


def test_a_below_level_line_is_not_written(lines: io.StringIO) -> None:
    telemetry.configure("warning")
    telemetry.log("quiet", count=1)
    assert lines.getvalue() == ""


def test_no_metric_has_a_label_that_could_hold_an_address() -> None:
    labels = {label for metric in telemetry.REGISTRY.collect() for sample in metric.samples for label in sample.labels}
    assert labels <= {"verdict", "reason", "outcome", "why", "route", "status", "state", "le"}


def test_a_whole_story_with_its_accidents_logs_no_phone_number_and_no_text(
    lone_world: World, caplog: pytest.LogCaptureFixture, lines: io.StringIO
) -> None:
    world = lone_world
    caplog.set_level(logging.DEBUG)
    for who in (AMIRA, BRUNO, DANA):
        world.join(who)
    world.wire.fail = [ProviderError("no", provider_code=131026), ProviderError("yes?", outcome="possibly_sent")]
    for words in WORDS:
        world.say(CHEN, words)
    world.say(CHEN, "JOIN")
    world.say(BRUNO, "STOP")
    world.work()
    world.moved(AMIRA.addresses, CHEN.addresses)
    world.say(AMIRA, "STOP", sender="desk", addresses=())
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, DANA.address, how="api"))
    broken = world.worker()
    broken.send = lambda *given: 1 / 0  # type: ignore[assignment]
    world.say(BRUNO, "START")
    broken.start()
    world.clock.go(1)
    for _ in range(100):
        if "worker_stumbled" in lines.getvalue():
            break
        lines.seek(0, io.SEEK_END)
        broken.wake()
        broken._stopping.wait(0.02)
    broken.stop()
    telling = lines.getvalue() + caplog.text
    assert "worker_stumbled" in telling
    assert [secret for secret in (*SECRETS, *WORDS) if secret in telling] == []
    assert [repr(row) for row in world.unhandled() if "7700" in row] == []
