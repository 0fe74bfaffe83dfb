"""The page of recipes: each of its blocks is run, against a real gateway or with the real library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sayso import Sayso
from sayso.channels.base import InboundButton
from sayso.flows import confirm, inbound, opt_in
from tests.cast import AMIRA, BRUNO
from tests.stores import World
from tests.web.gateway_desk import Gateway, gateway_of
from tests.world import NUMBER_ID, declaration

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "send-from-your-code.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))


def run(section: str, **names: Any) -> dict[str, Any]:
    """Run the block of a section; the names it leaves."""
    exec(compile(SECTIONS[section], section, "exec"), names)
    return names


@pytest.fixture
def gateway(lone_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        monkeypatch.setenv("GATEWAY_URL", opened.url)
        monkeypatch.setenv("GATEWAY_KEY", opened.key)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield opened


def test_the_page_has_a_recipe_for_each() -> None:
    assert set(SECTIONS) == {"pywa", "Twilio", "Plain requests", "Django", "Celery", "asyncio"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # clients that live as long as their program
@pytest.mark.parametrize("section", ["pywa", "Twilio", "Plain requests"])
def test_a_client_with_another_base_url_sends_and_leaves_alone(gateway: Gateway, section: str,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    left = run(section)
    assert len(gateway.upstream.sent) == 1
    gateway.world.say(AMIRA, "STOP")
    again = run(section)
    assert len(gateway.upstream.sent) == 1
    assert "stop to everything" in capsys.readouterr().out
    for names in (left, again):
        close(names)


def close(names: dict[str, Any]) -> None:
    if "session" in names:
        names["session"].close()
    if "twilio" in names:
        names["twilio"].http_client.session.close()


# -- with the library --------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sayso]:
    """An installation in the working folder, where the recipes look for it. Amira said yes, Bruno said stop."""
    monkeypatch.chdir(tmp_path)
    whole = declaration()
    whole["senders"] = {"shop": whole["senders"]["shop"]}
    whole["notices"]["join"]["purposes"] = ["offers", "orders"]
    with Sayso("sayso.db", config=whole) as opened:
        system, workspace = opened.system, opened.workspace
        asked = system.store.write(lambda tx: opt_in.ask(tx, system.kit, workspace, AMIRA.address, workspace.entries[
            "website"], evidence={"page": "https://acme.example"}))
        tapped = InboundButton(sender_ref=NUMBER_ID, key=("message", "wamid.in.1"), at=system.kit.now(),
                               addresses=(AMIRA.address,), message_id="wamid.in.1", kind="button",
                               payload=confirm.YES_ID + asked.request, label="Yes")
        main = workspace.connections["main"]
        system.store.write(lambda tx: inbound.receive(tx, system.kit, workspace, main, [tapped], b"{}"))
        opened.opt_out(BRUNO.phone)
        assert opened.check(AMIRA.phone, "orders")
        yield opened


def provider(sent: list[str]) -> Callable[[str], dict[str, Any]]:
    def send(phone: str) -> dict[str, Any]:
        sent.append(phone)
        return {"messages": [{"id": f"wamid.{len(sent)}"}]}

    return send


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_django_view_sends_to_who_said_yes(shop: Sayso) -> None:
    import django
    from django.conf import settings
    from django.test import RequestFactory

    if not settings.configured:
        settings.configure(DEBUG=False, SECRET_KEY="test", ALLOWED_HOSTS=["*"], DATABASES={})
        django.setup()
    sent: list[str] = []
    names = run("Django", send_order_update=provider(sent))
    view = names["order_shipped"]
    assert view(RequestFactory().post("/shipped", {"phone": AMIRA.phone})).content == b'{"sent": true}'
    refused = view(RequestFactory().post("/shipped", {"phone": BRUNO.phone}))
    assert (refused.status_code, b"stop to everything" in refused.content) == (409, True)
    assert view(RequestFactory().get("/shipped")).status_code == 405
    assert sent == [AMIRA.phone]
    names["sayso"].close()


def test_the_celery_task_asks_when_it_runs(shop: Sayso) -> None:
    sent: list[str] = []
    names = run("Celery", send_june_offer=provider(sent))
    names["app"].conf.update(task_always_eager=True, task_eager_propagates=True)
    task = names["send_offer"]
    assert task.delay(AMIRA.phone).get() == "sent"
    assert task.delay(BRUNO.phone).get() == "stopped_all"
    shop.opt_out(AMIRA.phone)
    assert task.delay(AMIRA.phone).get() == "stopped_all"
    assert sent == [AMIRA.phone]
    names["sayso"].close()


def test_the_asyncio_campaign_sends_to_who_said_yes(shop: Sayso) -> None:
    sent: list[str] = []
    send = provider(sent)

    async def send_later(phone: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return send(phone)

    names = run("asyncio", send_june_offer_async=send_later)
    assert asyncio.run(names["campaign"]([AMIRA.phone, BRUNO.phone])) == ["sent", "stopped_all"]
    assert sent == [AMIRA.phone]
    names["sayso"].close()
