"""The worker as a whole: it runs by itself, survives what goes wrong, and does the chores of time."""

from __future__ import annotations

import threading
import time

from sayso.flows import ledger
from sayso.worker import chores
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, rows_of


def wait_for(what: object, seconds: float = 20) -> bool:
    """True once it is so."""
    assert callable(what)
    give_up_at = time.monotonic() + seconds
    while not what():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True


def test_a_started_worker_sends_and_integrates_and_ends_when_told(world: World) -> None:
    worker = world.worker()
    worker.start()
    world.say(AMIRA, "JOIN")
    worker.wake()
    assert wait_for(lambda: len(world.wire.letters) == 1)
    assert wait_for(lambda: not rows_of(world.store, "unintegrated"))
    worker.stop()
    assert not any(thread.is_alive() for thread in worker._threads)
    world.say(BRUNO, "JOIN")
    time.sleep(0.1)
    assert len(world.wire.letters) == 1


def test_a_worker_that_stumbles_goes_on(lone_world: World) -> None:
    world = lone_world
    stumbles = [1]
    worker = world.worker()
    real = worker.send

    def fail_once(*given: object) -> object:
        if stumbles:
            stumbles.pop()
            raise RuntimeError("unexpected")
        return real(*given)  # type: ignore[arg-type]

    worker.send = fail_once  # type: ignore[assignment]
    world.say(AMIRA, "JOIN")
    worker.start()
    assert wait_for(lambda: not stumbles)
    world.say(BRUNO, "JOIN")
    assert wait_for(lambda: len(world.wire.letters) == 1)
    worker.stop()
    assert world.wire.letters[0].to == BRUNO.address


def test_run_returns_once_somebody_stops_it(lone_world: World) -> None:
    worker = lone_world.worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_many_integrators_make_one_ledger_without_gaps(world: World) -> None:
    for number in range(30):
        world.say(CHEN, "hello", message_id=f"wamid.{number}")
    ws = world.workspace.id
    threads = [
        threading.Thread(target=lambda: [
            world.store.write(lambda tx: ledger.integrate(tx, world.kit, ws, batch=3)) for _ in range(10)])
        for _ in range(4)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.work()
    places = sorted(row[1] for row in rows_of(world.store, "leaves"))
    assert places == list(range(len(rows_of(world.store, "events"))))
    assert world.sound()


# -- chores ------------------------------------------------------------------------------------------------------------


def tidy(world: World) -> None:
    world.store.write(lambda tx: chores.tidy(tx, world.kit, [world.workspace.id]))


def test_a_redeemed_permit_nobody_finished_becomes_one_incident(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.clock.go(299)
    tidy(world)
    assert "breach_suspected" not in world.types(AMIRA)
    world.clock.go(10)
    tidy(world)
    tidy(world)
    assert world.types(AMIRA).count("breach_suspected") == 1
    assert world.done(permit.id) is False
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_an_open_permit_past_its_time_is_closed(world: World) -> None:
    world.join(AMIRA)
    world.permit(AMIRA)
    world.clock.go(901)
    tidy(world)
    assert [row[8] for row in rows_of(world.store, "permits") if row[5] == "marketing"] == ["expired"]


def test_raw_items_nobody_could_use_go_after_thirty_days(world: World) -> None:
    world.deliver(world.text(AMIRA, "STOP", addresses=()))
    world.clock.go(30 * 86_400)
    tidy(world)
    assert len(world.unhandled()) == 1
    world.clock.go(1)
    tidy(world)
    assert world.unhandled() == []
