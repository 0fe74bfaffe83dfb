"""webhook, incidents: what they print, what they do, and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.core.events import Fact
from sayso.core.standard_webhooks import key_of
from sayso.flows.record import append
from sayso.library import Sayso
from tests.cast import AMIRA
from tests.cli.shell import run
from tests.receiver import HERE, Receiver, listening


def declare(receiver: Receiver, secret: str) -> None:
    """Put a webhook into the sayso.toml of the project we stand in, and apply it."""
    Path("secrets").mkdir(exist_ok=True)
    Path("secrets/crm").write_text(secret, encoding="utf-8")
    Path("secrets/crm").chmod(0o600)
    text = Path("sayso.toml").read_text(encoding="utf-8")
    if "[webhooks.crm]" not in text:
        text += (f'\n[webhooks.crm]\nurl = "{receiver.url}"\nsecret = {{ file = "secrets/crm" }}\n'
                 f'allow_private = {HERE!r}\n').replace("'", '"')
        Path("sayso.toml").write_text(text, encoding="utf-8")


def work() -> None:
    with Sayso("sayso.db") as sayso:
        sayso.system.worker().settle()


def test_a_fresh_secret_is_printed_and_good(folder: Path) -> None:
    made = run("webhook", "secret")
    assert len(key_of(made.out.strip())) == 32
    assert run("webhook", "secret", "--json").json["secret"] != made.out.strip()
    assert list(folder.iterdir()) == []


def test_a_webhook_is_declared_tested_looked_at_replayed_and_enabled(project: Path) -> None:
    with listening() as receiver:
        declare(receiver, run("webhook", "secret").out)
        assert run("init").code == 0
        tested = run("webhook", "test", "crm")
        assert (tested.code, receiver.kinds) == (0, ["webhook.tested"])
        assert run("optout", AMIRA.phone).code == 0
        work()
        assert receiver.kinds[-1] == "consent.withdrawn"
        listed = run("webhook", "list")
        assert "crm\t127.0.0.1\tgood" in listed.out
        [shown] = run("webhook", "list", "--json").json
        assert (shown["lag"], shown["waiting"]) == (0, 0)
        heard = len(receiver.taken)
        again = run("webhook", "replay", "crm", "--from", str(shown["cursor"] - 1), "--json")
        assert (again.code, again.json["last"]) == (0, shown["cursor"] - 1)
        work()
        assert len(receiver.taken) == heard + 1
        assert run("webhook", "replay", "crm", "--since", "2020-01-01").code == 0
        receiver.answer = lambda _: 410
        work()
        failed = run("webhook", "test", "crm")
        assert (failed.code, "http_410" in failed.out) == (1, True)
        assert "disabled (gone)" in run("webhook", "list").out
        told = next(line for line in run("doctor", "--json").json["findings"] if "webhook crm" in line["about"])
        assert (told["state"], told["mend"]) == ("fail", "sayso webhook enable crm")
        assert run("webhook", "enable", "crm").code == 0
        assert "disabled" not in run("webhook", "list").out


def test_a_secret_that_is_none_is_refused_and_never_printed(project: Path) -> None:
    with listening() as receiver:
        declare(receiver, "my-plain-secret")
        ran = run("init")
        assert (ran.code, "sayso webhook secret" in ran.err, "my-plain-secret" in ran.err + ran.out) == (3, True, False)


@pytest.mark.parametrize(("words", "code"), [
    (("webhook", "test", "nobody"), 2), (("webhook", "enable", "nobody"), 2), (("webhook", "replay", "nobody"), 2),
    (("webhook", "replay", "nobody", "--since", "yesterday"), 2), (("webhook", "replay", "x", "--from", "1",
     "--since", "2026-01-01"), 2), (("incidents", "--acknowledge", "evt_1"), 2), (("incidents", "--note", "x"), 2),
    (("incidents", "--acknowledge", "evt_1", "--note", "x" * 501), 2),
])
def test_what_is_not_there_and_what_makes_no_sense_is_told(project: Path, words: tuple[str, ...], code: int) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.partition(":")[0] in ("not_found", "invalid_request")


def test_incidents_are_listed_and_acknowledged(joined: Path) -> None:
    assert run("incidents").err == "There is no open incident.\n"
    with Sayso("sayso.db") as sayso:
        ws, system = sayso.workspace.id, sayso.system
        facts: dict[str, Fact] = {"permit": "prm_1", "kind": "late_write", "offset_us": 2_000_001}
        system.store.write(lambda tx: append(tx, system.kit, ws, "breach_suspected", facts=facts))
    listed = run("incidents")
    [incident] = run("incidents", "--json").json["data"]
    assert incident["id"] in listed.out
    assert "late_write" in listed.out
    told = next(line for line in run("doctor", "--json").json["findings"] if line["about"] == "acme: incidents")
    assert told["state"] == "warn"
    assert run("incidents", "--acknowledge", incident["id"], "--note", "looked at").code == 0
    assert run("incidents", "--json").json["data"] == []
    assert run("incidents", "--all", "--json").json["data"][0]["acknowledged"].startswith("evt_")


def test_a_webhook_that_is_not_applied_yet_says_by_which_command_it_is(project: Path) -> None:
    assert "run `sayso init`" in run("webhook", "test", "crm").err
