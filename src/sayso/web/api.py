"""The rest of the API: permits, opt-ins, opt-outs, and looking at what was recorded.

Rules of the room: a handler reads the request's struct, calls one flow in one transaction and shapes the answer; it
decides nothing. An opt-out is answered only after its commit, and called acknowledged only after its drain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from sayso.core import identity
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.errors import InvalidAddress
from sayso.flows import abuse, opt_in, opt_out, permits
from sayso.flows.opt_out import OptedOut
from sayso.store.base import Tx
from sayso.telemetry import BREACHES, OPT_OUTS
from sayso.web.auth import Caller
from sayso.web.call import Answer, Call, answer
from sayso.web.counting import count
from sayso.web.idempotency import key_of, once, replayed
from sayso.web.schemas import (
    CheckRequest,
    DoneRequest,
    OptInBegun,
    OptInRequest,
    OptOutRecorded,
    OptOutRequest,
    PermitDone,
    PermitIssued,
    PermitRedeemed,
    said,
)

#: Longest an opt-out's answer waits for the drain, seconds: a lease of 2 s, its margin of 0.5 s, and a look.
DRAIN_SECONDS: Final = 2.6
#: How often it looks, seconds.
DRAIN_LOOK: Final = 0.02


def address_of(caller: Caller, text: str, param: str) -> Address:
    """An address of the request. Raises InvalidAddress, or Forbidden for a test key, naming the field."""
    try:
        return caller.check_address(identity.parse(text, caller.workspace.country or None), param)
    except InvalidAddress as error:
        raise InvalidAddress(error.detail, param=param) from None


# -- permits -----------------------------------------------------------------------------------------------------------


async def issue(call: Call) -> Answer:
    """The right to send one message once, soon."""
    asked: CheckRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    workspace = caller.workspace
    address = address_of(caller, asked.address, "address")
    cell = workspace.cell(asked.purpose, asked.sender)

    def work(tx: Tx) -> Answer:
        verdict, permit = permits.issue(tx, kit, workspace, address, cell, free_form=asked.free_form)
        return answer(201 if permit else 200, PermitIssued(permit=permit, verdict=said(verdict)))

    return await call.desk.write(lambda tx: once(tx, kit, call, idem, work))


async def redeem(call: Call) -> Answer:
    """The last look before the wire. An idempotency key does nothing here: the permit itself is good for one call,
    and a first answer given again would hand out its two seconds twice.
    """
    ws, permit, kit = call.known().workspace.id, call.params["permit"], call.desk.kit
    found = await call.desk.write(lambda tx: permits.redeem(tx, kit, ws, permit))
    if isinstance(found, Verdict):
        count(found.verdict, found.reason)
        return answer(200, PermitRedeemed(redeemed=False, verdict=said(found)))
    return answer(200, PermitRedeemed(redeemed=True, not_after=found.not_after, budget_us=found.budget_us))


async def done(call: Call) -> Answer:
    """What became of it."""
    asked: DoneRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    contacts = [address_of(caller, text, f"contacts.{place}") for place, text in enumerate(asked.contacts)]
    permit = call.params["permit"]

    def work(tx: Tx) -> Answer:
        late = permits.done(tx, kit, caller.workspace, permit, asked.outcome, message_id=asked.message_id,
                            contacts=contacts, offset_us=asked.offset_us)
        return answer(200, PermitDone(breach_suspected=late))

    told = await call.desk.write(lambda tx: once(tx, kit, call, idem, work))
    if not replayed(told) and told.body == _BREACH:
        BREACHES.inc()
    call.desk.wake()  # a confirmation may have waited for this permit
    return told


_BREACH: Final = answer(200, PermitDone(breach_suspected=True)).body


# -- coming and going --------------------------------------------------------------------------------------------------


async def begin_opt_in(call: Call) -> Answer:
    """Ask somebody who left their number. It never grants."""
    asked: OptInRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    workspace = caller.workspace
    address = address_of(caller, asked.address, "address")
    entry = workspace.entry(asked.entry)

    def work(tx: Tx) -> Answer:
        begun = opt_in.ask(tx, kit, workspace, address, entry, evidence=asked.evidence.given(), lang=asked.language,
                           admit=lambda: abuse.admit_known_client(tx, kit, workspace, address))
        return answer(202, OptInBegun(state=begun.state, person=begun.person, request=begun.request,
                                      chat_link=begun.chat_link))

    told = await call.desk.write(lambda tx: once(tx, kit, call, idem, work))
    call.desk.wake()
    return told


async def record_opt_out(call: Call) -> Answer:
    """Record a stop; then wait until nothing that was under way can leave, or say until when it can."""
    asked: OptOutRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    workspace = caller.workspace
    address = address_of(caller, asked.address, "address")
    cell = opt_out.scope(workspace, asked.purpose, asked.sender, asked.cls)
    recorded: list[OptedOut] = []
    evidence = asked.evidence.given()
    how = "clerk" if evidence.get("clerk") else "api"

    def work(tx: Tx) -> Answer:
        stop = opt_out.opt_out(tx, kit, workspace, address, cell, how=how, evidence=evidence)
        recorded[:] = [stop]  # a transaction that is tried again records it again
        return _stopped(stop, drained=not stop.silent_by)

    told = await call.desk.write(lambda tx: once(tx, kit, call, idem, work))
    call.desk.wake()
    if replayed(told):
        return told
    OPT_OUTS.inc()
    stop = recorded[0]
    if stop.silent_by and asked.wait and await drain(call, workspace.id, stop.people):
        return _stopped(stop, drained=True)
    return told


def _stopped(stop: OptedOut, *, drained: bool) -> Answer:
    return answer(200 if drained else 202, OptOutRecorded(
        state="acknowledged" if drained else "recorded", event=stop.event, person=stop.person, changed=stop.changed,
        silent_by=stop.silent_by, confirmation=stop.confirmation))


async def drain(call: Call, ws: str, people: Sequence[str]) -> bool:
    """True once nothing that was under way can leave; False when that takes longer than a lease can."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DRAIN_SECONDS
    while loop.time() < end:
        if await call.desk.peek(lambda tx: opt_out.drained(tx, ws, people)):
            return True
        await asyncio.sleep(DRAIN_LOOK)
    return False
