"""Permits: one permit is at most one call, a stop is never overtaken, and what physics allows is reported."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sayso.core.gate import Verdict
from sayso.errors import InvalidRequest, NotFound, PermitExpired, PermitSpent, PermitStale, SaysoError
from sayso.flows import permits
from sayso.flows.bulk import check_many
from sayso.flows.permits import LEASE, PERMIT_LIFE, Redeemed
from sayso.ports import SystemClock
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import HandClock, World, build, open_kind, rows_of

#: Rounds of the race between a STOP and a redeem, on each database.
ROUNDS = 300


def reason(answer: Redeemed | Verdict) -> str:
    return answer.reason if isinstance(answer, Verdict) else "redeemed"


def test_a_permit_says_what_it_is_for_and_how_long_it_lives(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    assert (permit.purpose, permit.sender) == ("offers", "shop")
    assert permit.expires_at == world.clock.time + PERMIT_LIFE
    assert permit.epoch == world.check(AMIRA).epoch


@pytest.mark.parametrize("who", [BRUNO, CHEN, DANA])
def test_no_permit_without_an_allow(world: World, who: Player) -> None:
    world.say(BRUNO, "STOP")
    answer = world.store.write(lambda tx: permits.issue(tx, world.kit, world.workspace, who.address, world.cell()))
    assert answer[0].verdict == "deny"
    assert answer[1] is None
    assert rows_of(world.store, "permits") == []


def test_redeeming_gives_two_seconds_once(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    answer = world.redeem(permit.id)
    assert isinstance(answer, Redeemed)
    assert (answer.not_after, answer.budget_us) == (world.clock.time + LEASE, LEASE)
    for _ in range(2):
        with pytest.raises(PermitSpent):
            world.redeem(permit.id)


def test_a_permit_nobody_redeems_in_time_is_worth_nothing(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.clock.go(15 * 60)
    assert isinstance(world.redeem(permit.id), Redeemed)
    late = world.permit(AMIRA)
    world.clock.go(15 * 60 + 1)
    with pytest.raises(PermitExpired):
        world.redeem(late.id)


def test_a_stop_after_the_permit_denies_the_redeem_and_kills_the_permit(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.say(AMIRA, "STOP")
    assert reason(world.redeem(permit.id)) == "stopped_all"
    world.join(AMIRA, "START")
    with pytest.raises(PermitSpent):
        world.redeem(permit.id)


def test_a_record_that_moved_on_makes_a_permit_stale_although_the_answer_is_still_allow(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    permit = world.permit(AMIRA)
    world.opt_out(AMIRA, world.cell("orders"))
    with pytest.raises(PermitStale) as stale:
        world.redeem(permit.id)
    assert stale.value.retry
    assert isinstance(world.redeem(world.permit(AMIRA).id), Redeemed)


def test_a_yes_that_ran_out_since_denies_the_redeem(world: World) -> None:
    world.join(AMIRA, "TRIAL")
    world.clock.go(30 * 86_400 - 60)
    permit = world.permit(AMIRA, "trial")
    world.clock.go(60)
    assert reason(world.redeem(permit.id)) == "expired"


def test_a_made_up_permit_is_not_found(world: World) -> None:
    for work in (world.redeem, world.done):
        with pytest.raises(NotFound):
            work("prm_01J00000000000000000000000")


def test_done_counts_once_and_only_for_a_redeemed_permit(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    with pytest.raises(InvalidRequest):
        world.done(permit.id)
    world.redeem(permit.id)
    with pytest.raises(InvalidRequest):
        world.done(permit.id, "perhaps")  # type: ignore[arg-type]
    assert world.done(permit.id, "sent", message_id="wamid.1") is False
    assert world.done(permit.id, "sent", message_id="wamid.1", offset_us=10 * LEASE) is False
    with pytest.raises(PermitSpent):
        world.done(permit.id, "failed")
    assert world.types(AMIRA).count("breach_suspected") == 0
    row = next(row for row in rows_of(world.store, "permits") if row[1] == permit.id)
    assert (row[8], row[14]) == ("done", "sent")


@pytest.mark.parametrize(("outcome", "offset", "breach"), [
    ("sent", LEASE, False), ("sent", LEASE + 1, True), ("possibly_sent", LEASE + 1, True),
    ("aborted", LEASE + 1, False), ("failed", LEASE + 1, False),
])  # fmt: skip
def test_a_write_that_began_too_late_is_an_incident(
    world: World, outcome: permits.Outcome, offset: int, breach: bool
) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    assert world.done(permit.id, outcome, offset_us=offset) is breach
    assert world.types(AMIRA).count("breach_suspected") == int(breach)
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_free_form_needs_the_window_at_redeem_too(world: World) -> None:
    world.join(AMIRA)
    world.clock.go(24 * 3600 - 60)
    _, permit = world.store.write(lambda tx: permits.issue(tx, world.kit, world.workspace, AMIRA.address, world.cell(),
                                                           free_form=True))
    assert permit is not None
    world.clock.go(60)
    assert reason(world.redeem(permit.id)) == "window_closed"


def test_many_checks_at_once_are_the_same_as_one_by_one(world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.say(DANA, "JOIN")
    world.moved([AMIRA.addresses[0]], CHEN.addresses)
    addresses = [address for who in (AMIRA, BRUNO, CHEN, DANA) for address in who.addresses] * 2
    for purpose in ("offers", "orders", "support"):
        cell = world.cell(purpose)
        many = world.store.read(lambda tx, cell=cell: check_many(tx, world.kit, world.workspace, addresses, cell))  # type: ignore[misc]
        assert many == [world.check(address, purpose) for address in addresses]


# -- at the same time --------------------------------------------------------------------------------------------------


@pytest.fixture
def real_time(database: tuple[str, str]) -> Iterator[World]:
    """A business on the machine's own clocks, for races."""
    store = open_kind(*database, None)
    built = build(store, SystemClock())  # type: ignore[arg-type]
    built.clock = HandClock(SystemClock().now())
    yield built
    store.close()


def test_of_eight_who_redeem_one_permit_exactly_one_wins(real_time: World) -> None:
    world = real_time
    world.join(AMIRA)
    together = threading.Barrier(8)

    def one(permit: str) -> str:
        together.wait()
        try:
            return reason(world.redeem(permit))
        except SaysoError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            permit = world.permit(AMIRA).id
            outcomes = sorted(pool.map(one, [permit] * 8))
            assert outcomes == ["permit_spent"] * 7 + ["redeemed"]


def test_nothing_is_redeemed_after_a_stop_is_recorded(real_time: World) -> None:
    """Eight senders race with one STOP; whoever asks after its commit is denied, whoever won is waited for."""
    world = real_time
    people = [Player(f"n{n}", f"+15550{100_000 + n}") for n in range(ROUNDS // 10)]
    for who in people:
        world.join(who)
    rounds = [(who, [world.permit(who).id for _ in range(10)]) for who in people]
    with ThreadPoolExecutor(4) as pool:
        for who, issued in rounds:
            stopped = threading.Event()
            late: list[str] = []
            won: list[str] = []

            def race(permit: str, stopped: threading.Event = stopped, late: list[str] = late,
                     won: list[str] = won) -> None:
                too_late = stopped.is_set()
                answer = world.redeem(permit)
                if isinstance(answer, Redeemed):
                    won.append(permit)
                    if too_late:
                        late.append(permit)

            races = [pool.submit(race, permit) for permit in issued[:5]]
            said = world.opt_out(who)
            stopped.set()
            races += [pool.submit(race, permit) for permit in issued[5:]]
            for each in races:
                each.result(timeout=30)
            assert late == []
            assert (said.silent_by > 0) == bool(won)
            assert not set(won) & set(issued[5:])
