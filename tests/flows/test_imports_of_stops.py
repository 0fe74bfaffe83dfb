"""Lists of stops from other tools: every no becomes a stop with its evidence, and nothing in them becomes a yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.store.base import Store
from tests.cast import AMIRA, BRUNO, CHEN
from tests.flows.listing import refused, take_in, trusting_world, write
from tests.stores import HandClock, World


@pytest.fixture
def world(store: Store, clock: HandClock) -> World:
    """A business whose policy lets lists grant, so that only the list itself can keep it from granting."""
    return trusting_world(store, clock)


#: How other tools export who left: header, and rows for Amira (left), Bruno (left), Chen (stayed).
EXPORTS = {
    "listmonk": (("email", "phone", "status"), ("blocklisted", "unsubscribed", "enabled")),
    "hubspot": (("Contact", "Phone Number", "Opted Out"), ("true", "yes", "false")),
    "chatwoot": (("name", "phone_number", "blocked"), ("true", "1", "false")),
    "mailchimp": (("Email", "Phone", "Unsubscribed"), ("2026-01-01", "2026-01-02", "")),
    "crm": (("name", "Mobile", "do_not_contact"), ("TRUE", "x", "FALSE")),
}


@pytest.mark.parametrize("tool", sorted(EXPORTS))
def test_the_noes_of_another_tools_export_stop_and_the_rest_is_passed_over(
        world: World, tmp_path: Path, tool: str) -> None:
    header, said = EXPORTS[tool]
    world.join(AMIRA)
    sent = len(world.wire.letters)
    rows = [("x", who.phone, word) for who, word in zip((AMIRA, BRUNO, CHEN), said, strict=True)]
    done, _ = take_in(world, write(tmp_path, rows, header), stop_list=True, wording="")
    assert (done.counts.granted, done.counts.unknown, done.counts.kept_no, done.counts.refused) == (0, 0, 2, 1)
    dated = tool == "mailchimp"  # an older no than the yes she gave here since
    assert world.check(AMIRA).reason == ("granted" if dated else "stopped_all")
    assert world.check(BRUNO).reason == "stopped_all"
    assert world.check(CHEN).reason == "unknown_person"
    stop = next(fact for fact in world.history(AMIRA) if fact["type"] == "said_stop")
    assert stop["facts"]["how"] == "import"
    assert {"import", "row"} <= stop["evidence"].keys()
    world.work()
    assert len(world.wire.letters) == sent  # nobody is written to because of a list
    assert "a list of stops brings nothing else" in refused(world, done.id)[0][1]
    assert world.sound()


def test_a_bare_list_of_numbers_is_a_stop_for_each_and_the_second_time_is_nothing_new(
        world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    path = write(tmp_path, [(AMIRA.phone,), (BRUNO.phone,)], ("phone",))
    done, _ = take_in(world, path, stop_list=True, wording="")
    assert (done.counts.kept_no, done.counts.refused) == (2, 0)
    assert world.check(AMIRA).reason == world.check(BRUNO).reason == "stopped_all"
    before = world.types(AMIRA)
    take_in(world, path, stop_list=True, wording="", again=True)
    assert world.types(AMIRA) == before


def test_a_proven_yes_in_a_list_of_stops_grants_nothing(world: World, tmp_path: Path) -> None:
    header = ("Mobile", "Signed up", "Source", "Status")
    done, _ = take_in(world, write(tmp_path, [(CHEN.phone, "2026-01-01", "shop", "subscribed")], header),
                      stop_list=True)
    assert (done.counts.granted, done.counts.refused) == (0, 1)
    assert world.check(CHEN).reason == "unknown_person"


def test_a_list_of_stops_may_cover_the_purposes_of_the_import_only(world: World, tmp_path: Path) -> None:
    world.join(AMIRA, "JOIN ALL")
    take_in(world, write(tmp_path, [(AMIRA.phone,)], ("phone",)), stop_list=True, wording="", stops="purposes")
    assert world.check(AMIRA).reason == "stopped"
    assert world.check(AMIRA, "orders").reason == "granted"
