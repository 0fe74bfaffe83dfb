"""Sending by permit from an event loop: the same promises as in a thread, and no block of it that forgets a permit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sayso.errors import InvalidRequest, PermitExpired, Unavailable, UnknownPurpose
from sayso.flows import permits
from sayso.library import Sayso
from sayso.sending import AsyncPermit, Permit
from tests.cast import AMIRA, BRUNO
from tests.stores import World, rows_of


@pytest.fixture
def acme(world: World) -> Sayso:
    """On both databases, with Amira in and Bruno out."""
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.work()
    return Sayso.over(world.system)


def outcomes(acme: Sayso) -> list[tuple[str, str]]:
    rows = rows_of(acme.system.store, "permits")
    return [(row[8], row[14]) for row in sorted(rows, key=lambda row: row[1]) if row[5] != "consent"]


async def send(acme: Sayso, to: str = AMIRA.phone) -> str:
    async with acme.sending(to, "offers", "shop") as permit:
        if not permit:
            return permit.verdict.reason
        permit.about_to_send()
        await asyncio.sleep(0)
        late = await permit.done("wamid.out.1", contacts=["447700900123"])
        return "late" if late else "sent"


def test_a_permit_is_spent_and_reported(acme: Sayso) -> None:
    assert asyncio.run(send(acme)) == "sent"
    assert outcomes(acme) == [("done", "sent")]


def test_a_denial_is_a_value(acme: Sayso) -> None:
    async def by_a_denied_permit() -> None:
        async with acme.sending(BRUNO.phone, "offers", "shop") as permit:
            await permit.done("x")

    assert asyncio.run(send(acme, BRUNO.phone)) == "stopped_all"
    with pytest.raises(InvalidRequest):
        asyncio.run(by_a_denied_permit())
    assert outcomes(acme) == []


def test_a_wrong_purpose_is_told_at_the_door(acme: Sayso) -> None:
    async def enter() -> None:
        async with acme.sending(AMIRA.phone, "invented", "shop"):
            pytest.fail("there is no such purpose")

    with pytest.raises(UnknownPurpose):
        asyncio.run(enter())


@pytest.mark.parametrize(("end", "outcome"), [("leave", "possibly_sent"), ("break", "possibly_sent"),
                                              ("refuse", "failed")])
def test_however_the_block_ends_the_permit_is_reported(acme: Sayso, end: str, outcome: str) -> None:
    async def block() -> None:
        async with acme.sending(AMIRA.phone, "offers", "shop") as permit:
            if end == "break":
                raise ZeroDivisionError
            if end == "refuse":
                await permit.failed()

    if end == "break":
        with pytest.raises(ZeroDivisionError):
            asyncio.run(block())
    else:
        asyncio.run(block())
    assert outcomes(acme) == [("done", outcome)]


def test_slow_work_before_the_request_is_stopped(acme: Sayso, world: World) -> None:
    async def slowly() -> None:
        async with acme.sending(AMIRA.phone, "offers", "shop") as permit:
            world.clock.go(2.1)
            permit.about_to_send()

    with pytest.raises(PermitExpired):
        asyncio.run(slowly())
    assert outcomes(acme) == [("done", "aborted")]


def test_a_task_cancelled_in_the_block_reports_what_may_have_been_sent(acme: Sayso) -> None:
    async def cancelled() -> None:
        inside = asyncio.Event()

        async def block() -> None:
            async with acme.sending(AMIRA.phone, "offers", "shop"):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(block())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert outcomes(acme) == [("done", "possibly_sent")]


def test_a_task_cancelled_at_the_door_keeps_no_permit(acme: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    real = permits.redeem

    async def cancelled() -> None:
        loop, at_the_door = asyncio.get_running_loop(), asyncio.Event()

        def redeem(*given: Any) -> Any:
            loop.call_soon_threadsafe(at_the_door.set)
            return real(*given)

        monkeypatch.setattr(permits, "redeem", redeem)
        task = asyncio.create_task(send(acme))
        await at_the_door.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(1_000):
            if outcomes(acme)[0][0] == "done":
                break
            await asyncio.sleep(0.01)

    asyncio.run(cancelled())
    assert outcomes(acme) in ([("done", "aborted")], [("done", "sent")], [("done", "possibly_sent")])


def test_the_loop_goes_on_while_the_store_is_waited_for(acme: Sayso) -> None:
    async def both() -> int:
        ticks, sending = 0, asyncio.create_task(send(acme))
        while not sending.done():
            ticks += 1
            await asyncio.sleep(0)
        assert sending.result() == "sent"
        return ticks

    assert asyncio.run(both()) > 3


def test_many_at_a_time_and_a_stop_between_them(acme: Sayso, world: World) -> None:
    async def campaign() -> tuple[set[str], set[str]]:
        before = await asyncio.gather(*(send(acme) for _ in range(20)))
        world.say(AMIRA, "STOP")
        after = await asyncio.gather(*(send(acme) for _ in range(20)))
        return set(before), set(after)

    assert asyncio.run(campaign()) == ({"sent"}, {"stopped_all"})
    assert outcomes(acme).count(("done", "sent")) == 20


def test_a_store_that_is_gone_denies(acme: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Any) -> Any:
        raise Unavailable("gone")

    monkeypatch.setattr(acme.system.store, "submit", gone)
    with pytest.raises(Unavailable):
        asyncio.run(send(acme))


def test_the_permit_of_each_kind_of_block_is_its_own(acme: Sayso) -> None:
    async def kind() -> type:
        async with acme.sending(AMIRA.phone, "offers", "shop") as permit:
            return type(permit)

    assert asyncio.run(kind()) is AsyncPermit
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        assert type(permit) is Permit
