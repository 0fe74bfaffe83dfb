"""What a template is filed under: of two tellers the later, where that cannot be told the stricter, unknown denies."""

from __future__ import annotations

import itertools

import pytest

from sayso.channels.base import TemplateNews
from sayso.core.workspace import Connection
from sayso.flows import templates
from sayso.ports import SECOND
from tests.stores import World, neighbour
from tests.world import START

WABA = "102290129340398"
MAIN = Connection("main", waba_id=WABA)


def news(category: str, at: int, lang: str = "en", name: str = "june_offer", account: str = WABA) -> TemplateNews:
    return TemplateNews(sender_ref="", key=(), at=at, account=account, name=name, language=lang, category=category)


def cls(world: World, connection: Connection = MAIN, name: str = "june_offer") -> str:
    ws = world.workspace.id
    return world.store.read(lambda tx: templates.filed(tx, ws, connection, name, world.clock.time)).cls


def listed(world: World, asked_at: int, *found: tuple[str, str]) -> None:
    ws = world.workspace.id
    world.store.write(lambda tx: templates.listed(tx, ws, MAIN, "june_offer", found, asked_at))


def test_news_in_any_order_and_twice_come_to_the_same(world: World) -> None:
    told = [news("UTILITY", START), news("MARKETING", START + 3600 * SECOND), news("UTILITY", START + 7200 * SECOND)]
    world.clock.go(3 * 3600)
    for order in itertools.permutations(told):
        world.store.write(lambda tx: tx.run("forget_template_categories", ws=world.workspace.id, connection="main",
                                            account=WABA, name="june_offer", before=2**62))
        world.deliver(*order, *order)
        assert cls(world) == "utility"


def test_the_later_of_webhook_and_list_counts_and_between_close_ones_the_stricter(lone_world: World) -> None:
    world, later = lone_world, START + 3600 * SECOND
    world.clock.go(3 * 3600)
    world.deliver(news("MARKETING", START))
    listed(world, later, ("en", "UTILITY"))
    assert cls(world) == "utility"
    world.deliver(news("MARKETING", later - 100 * SECOND))
    assert cls(world) == "marketing"  # our clock and Meta's may differ by that much
    world.deliver(news("UTILITY", later + 301 * SECOND))
    assert cls(world) == "utility"


def test_the_strictest_language_counts_and_one_that_is_gone_does_not(lone_world: World) -> None:
    listed(lone_world, START, ("en", "UTILITY"), ("de", "MARKETING"))
    assert cls(lone_world) == "marketing"
    listed(lone_world, START + 1, ("en", "UTILITY"))
    assert cls(lone_world) == "utility"
    listed(lone_world, START + 2, ("en", "UTILITY"), ("fr", "PROMOTIONAL"))
    assert cls(lone_world) == ""


def test_a_time_of_the_future_or_none_is_now(lone_world: World) -> None:
    lone_world.deliver(news("UTILITY", START + 10**15))
    lone_world.clock.go(1)
    lone_world.deliver(news("MARKETING", 0))
    assert cls(lone_world) == "marketing"


@pytest.mark.parametrize("connection", [Connection("main", waba_id="999999"), Connection("other", waba_id=WABA)])
def test_another_account_or_connection_says_nothing(lone_world: World, connection: Connection) -> None:
    lone_world.deliver(news("UTILITY", START))
    assert cls(lone_world, connection) == ""


def test_the_neighbours_templates_are_their_own(world: World) -> None:
    other = neighbour(world)
    other.deliver(news("UTILITY", START))
    assert (cls(other), cls(world)) == ("utility", "")
