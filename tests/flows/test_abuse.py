"""Against abuse, on both databases: how many questions a form can cause, whoever sends it and to whom."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sayso.core import identity
from sayso.core.events import Event
from sayso.core.workspace import Policy
from sayso.errors import Limited
from sayso.flows import abuse, forms
from sayso.ports import SECOND
from sayso.worker import chores
from tests.cast import AMIRA
from tests.stores import World, declaration, neighbour, rows_of, settle_in

HOUR, DAY = 3600, 86_400


def policy(world: World, **changes: object) -> None:
    whole = declaration()
    whole["policy"] = changes
    world.workspace = settle_in(world.system, whole)
    assert world.workspace.policy != Policy()


def admit(world: World, number: str) -> int:
    """The turn of a question that may go out. Raises Limited."""
    facts = world.store.write(lambda tx: abuse.admit(tx, world.kit, world.workspace, identity.phone(number)))
    turn = facts["turn"]
    assert isinstance(turn, int)
    return turn


def admitted(world: World, numbers: Iterable[str], seconds: float = 0) -> int:
    """How many of these may be asked, with some time between them."""
    found = 0
    for number in numbers:
        world.clock.go(seconds)
        try:
            admit(world, number)
        except Limited:
            continue
        found += 1
    return found


def visits(world: World, ips: Iterable[str]) -> int:
    """How many forms from these addresses are let through."""

    def one(ip: str) -> bool:
        return world.store.write(lambda tx: abuse.visited(tx, world.kit, world.workspace, ip))

    return sum(one(ip) for ip in ips)


def spread(count: int) -> list[str]:
    """Numbers of one country that are no neighbours: a different block of ten thousand each."""
    return [f"+4477{place:04}0055" for place in range(count)]


def test_a_number_is_asked_once_a_day_and_three_times_a_month(world: World) -> None:
    assert admitted(world, [AMIRA.phone] * 3) == 1
    world.clock.go(25 * HOUR)
    assert admitted(world, [AMIRA.phone] * 3) == 1
    world.clock.go(25 * HOUR)
    assert admitted(world, [AMIRA.phone] * 3) == 1
    world.clock.go(25 * HOUR)
    assert admitted(world, [AMIRA.phone] * 3) == 0
    world.clock.go(31 * DAY)
    assert admitted(world, [AMIRA.phone]) == 1


def test_both_spellings_of_one_number_are_one_number(world: World) -> None:
    policy(world, countries=["BR"])
    assert admitted(world, ["+5511987654321", "+551187654321"]) == 1


def test_a_visitor_sends_five_forms_an_hour_and_a_neighbourhood_twenty(world: World) -> None:
    assert visits(world, ["203.0.113.9"] * 8) == 5
    assert visits(world, [f"203.0.113.{place}" for place in range(10, 40)]) == 15
    assert visits(world, ["198.51.100.1"]) == 1
    world.clock.go(66 * 60)
    assert visits(world, ["203.0.113.9"] * 8) == 5


def test_an_ipv6_household_is_one_visitor_and_its_site_a_neighbourhood(world: World) -> None:
    assert visits(world, [f"2001:db8:1:1::{place:x}" for place in range(1, 9)]) == 5
    assert visits(world, [f"2001:db8:1:{place:x}::1" for place in range(2, 40)]) == 15
    assert visits(world, ["::ffff:198.51.100.1"] * 4 + ["198.51.100.1"] * 4) == 5
    assert visits(world, ["fe80::1%eth0"]) == 1


def test_visitors_nobody_can_tell_apart_are_one(world: World) -> None:
    assert visits(world, ["", "nonsense", "256.1.1.1", "", "", ""]) == 5


def test_numbers_in_a_row_are_taken_for_fraud(world: World) -> None:
    assert admitted(world, [f"+4477009001{place:02}" for place in range(100)]) == 4
    world.clock.go(26 * HOUR)
    edge = [f"+447700900{place}" for place in range(296, 304)]  # a row across the edge of a hundred
    assert admitted(world, edge) == 4


def test_a_block_of_numbers_is_asked_twenty_times_an_hour(world: World) -> None:
    assert admitted(world, [f"+447700{place:04}50" for place in range(0, 10_000, 200)][:40]) == 40
    world.clock.go(2 * HOUR)
    assert admitted(world, [f"+4477011{place:04}" for place in range(50, 9_950, 250)]) == 20


def test_the_day_has_a_budget_and_a_foreign_country_a_quarter_of_it(world: World) -> None:
    policy(world, countries=["GB", "FR"], prompts_a_day=12)
    assert admitted(world, [f"+336{place:04}5555" for place in range(1_000, 1_008)]) == 3
    assert admitted(world, spread(20)) == 9
    world.clock.go(26 * HOUR)
    assert admitted(world, [AMIRA.phone]) == 1


def test_nothing_is_asked_where_the_budget_is_none(world: World) -> None:
    policy(world, prompts_a_day=0)
    assert admitted(world, [AMIRA.phone]) == 0


def test_the_breaker_opens_when_hardly_anybody_says_yes_and_lets_ten_an_hour_try(world: World) -> None:
    numbers = spread(200)
    assert admitted(world, numbers[:50]) == 50
    assert admitted(world, numbers[50:100]) == 10
    world.clock.go(66 * 60)
    assert admitted(world, numbers[100:150]) == 10
    world.clock.go(26 * HOUR)  # what happened yesterday is no reason today
    assert admitted(world, numbers[150:]) == 50


def test_the_breaker_stays_closed_while_people_say_yes(world: World) -> None:
    turns = [admit(world, number) for number in spread(50)]
    for turn in turns[:10]:
        confirm(world, turn)
    assert admitted(world, spread(80)[50:]) > 10


def test_a_yes_is_counted_for_the_question_it_answers(world: World) -> None:
    turn = admit(world, AMIRA.phone)
    assert [row[3] for row in rows_of(world.store, "hits") if row[2] == turn] == [0]
    confirm(world, turn)
    assert [row[3] for row in rows_of(world.store, "hits") if row[2] == turn] == [1]


def confirm(world: World, turn: int) -> None:
    request = Event(id="evt_x", ws=world.workspace.id, type="opt_in_requested", occurred_at=1, received_at=1,
                    clock="sayso", facts={"turn": turn})
    world.store.write(lambda tx: abuse.confirmed(tx, world.kit, world.workspace.id, request))


def test_what_is_refused_counts_against_nobody(world: World) -> None:
    assert visits(world, ["203.0.113.9"] * 30) == 5
    assert visits(world, ["203.0.113.10"] * 5) == 5  # thirty tries next door did not use the neighbourhood up
    before = sorted(map(repr, rows_of(world.store, "hits")))
    assert visits(world, ["203.0.113.9"] * 3) == 0
    assert sorted(map(repr, rows_of(world.store, "hits"))) == before


def test_a_client_with_a_key_meets_the_numbers_limits_and_the_budget(world: World) -> None:
    policy(world, prompts_a_day=5)

    def ask(number: str) -> bool:
        address = identity.phone(number)
        try:
            world.store.write(lambda tx: abuse.admit_known_client(tx, world.kit, world.workspace, address))
        except Limited:
            return False
        return True

    assert [ask(AMIRA.phone), ask(AMIRA.phone)] == [True, False]
    assert sum(ask(f"+44770090020{place}") for place in range(8)) == 4


def test_the_neighbouring_business_has_limits_of_its_own(world: World) -> None:
    other = neighbour(world)
    assert admitted(world, [AMIRA.phone]) == 1
    assert admitted(other, [AMIRA.phone]) == 1
    assert visits(world, ["203.0.113.9"] * 5) == 5
    assert visits(other, ["203.0.113.9"] * 5) == 5


def test_no_number_and_no_address_of_a_visitor_is_stored(world: World) -> None:
    admit(world, AMIRA.phone)
    visits(world, ["203.0.113.9"])
    stored = " ".join(repr(row) for row in rows_of(world.store, "hits"))
    assert not any(part in stored for part in ("7700900123", "203.0.113", "+44", "GB"))


def test_a_thing_good_for_one_use_is_used_once(world: World) -> None:
    expires = world.clock.time + 600 * SECOND

    def use(what: str) -> bool:
        return world.store.write(lambda tx: abuse.spend(tx, world.kit, world.workspace.id, what, expires))

    assert [use("one"), use("one"), use("two"), use("one")] == [True, False, True, False]


def test_what_no_limit_looks_at_any_more_is_forgotten(world: World) -> None:
    admit(world, AMIRA.phone)
    visits(world, ["203.0.113.9"])
    world.store.write(lambda tx: abuse.spend(tx, world.kit, world.workspace.id, "x", world.clock.time + SECOND))

    def tidied() -> tuple[int, int]:
        world.store.write(lambda tx: chores.tidy(tx, world.kit, [world.workspace.id]))
        return len(rows_of(world.store, "hits")), len(rows_of(world.store, "spent"))

    whole = tidied()
    assert whole[0] > 5
    world.clock.go(3 * HOUR)
    assert tidied()[0] < whole[0]
    assert tidied()[1] == 0
    world.clock.go(40 * DAY)
    assert tidied() == (0, 0)


@pytest.mark.parametrize(("declared", "found"), [
    ({"countries": ["FR", "DE"]}, ("FR", "DE")), ({}, ("GB",)),
])
def test_the_countries_are_those_declared_or_the_workspaces_own(
        lone_world: World, declared: dict[str, list[str]], found: tuple[str, ...]) -> None:
    if declared:
        policy(lone_world, **declared)
    assert abuse.countries(lone_world.workspace) == found


def test_without_a_country_it_is_that_of_the_business_number(lone_world: World) -> None:
    whole = declaration()
    del whole["workspace"]["country"]
    lone_world.workspace = settle_in(lone_world.system, whole)
    assert abuse.countries(lone_world.workspace) == ("GB",)


def test_the_form_and_the_flow_agree_on_what_has_a_page(lone_world: World) -> None:
    assert set(forms.WITH_PAGE) <= {"page", "phrase"}
    entry = lone_world.workspace.entries["poster"]
    assert not forms.asks_for_number(entry, lone_world.workspace.notices[entry.notice], "en")
