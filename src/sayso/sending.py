"""Sending one message by permit, from a thread or from an event loop: `with` and `async with` over one protocol.

    async with sayso.sending("+447700900123", "offers") as permit:
        if permit:
            answer = await client.send(...)
            await permit.done(answer.id)

Rules of the room: what is asked of the store is written once, as steps; who drives them decides whether to wait in the
thread or to let the event loop go on. Whatever ends the block, the permit is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeVar

from sayso.core import identity
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest, PermitExpired, PermitStale, Unavailable
from sayso.flows import permits
from sayso.flows.kit import Kit
from sayso.flows.permits import LEASE, Outcome
from sayso.store.base import Tx

T = TypeVar("T")
Work = Callable[[Tx], Any]
#: A story told to the store: yields what is to be done in a transaction, is sent what came of it.
Steps = Generator[Work, Any, T]
#: The answer when a report in the background fails: nobody is there to hear it, and a chore finds the permit.
_UNHEARD: Final = (Unavailable, InvalidRequest)


@dataclass(frozen=True, slots=True)
class Till:
    """What sending needs of its Sayso: the workspace as declared now, and the store, waited for or not."""

    kit: Kit
    workspace: Callable[[], Workspace]
    write: Callable[[Work], Any]
    submit: Callable[[Work], Future[Any]]

    def steady(self) -> int:
        """Microseconds of a clock that only moves forward."""
        return self.kit.ports.clock.steady()


@dataclass(frozen=True, slots=True)
class Given:
    """The gate's answer and, if it was allow, the permit spent a moment ago."""

    verdict: Verdict
    permit: str = ""
    asked_at: int = 0


class _Held:
    """A permit in a block, however its reports are waited for."""

    def __init__(self, till: Till, given: Given) -> None:
        self._till = till
        self._asked_at = given.asked_at  # steady clock, read before the redeem was asked for
        self._began_at = till.steady()
        self._late = self._settled = False
        self.verdict = given.verdict
        self.id = given.permit

    def __bool__(self) -> bool:
        return bool(self.id)

    def about_to_send(self) -> None:
        """Call this right before the request. Raises PermitExpired two seconds after the permit was redeemed: then
        send nothing and ask again.
        """
        self._needed()
        self._began_at = self._till.steady()
        if self._began_at - self._asked_at > LEASE:
            self._late = True
            raise PermitExpired("The write would begin after the permit's deadline; nothing was sent. Ask again.")

    def _needed(self) -> None:
        if not self.id:
            raise InvalidRequest("This permit was denied; nothing may be sent by it.", param="permit")

    def _report(self, outcome: Outcome, message_id: str = "", contacts: Iterable[str] = ()) -> Steps[bool]:
        self._needed()
        known = [_contact(text) for text in contacts]
        late: bool = yield _done(self._till, self.id, outcome, message_id, known, self._began_at - self._asked_at)
        self._settled = True
        return late

    def _left(self) -> Steps[None]:
        """What the end of the block does: without `done` or `failed`, nobody knows whether it was sent."""
        if self.id and not self._settled:
            yield from self._report("aborted" if self._late else "possibly_sent")


class Permit(_Held):
    """The right to send one message once, already redeemed; false when it was denied, and `verdict` says why.

    Send at once: the write is taken to begin when the `with` body is entered. If you do slow work first, call
    `about_to_send()` right before the request. Afterwards say `done(message_id)` or `failed()`.
    """

    def done(self, message_id: str = "", contacts: Iterable[str] = ()) -> bool:
        """It was sent. `contacts` are the addresses the provider's answer names for the recipient (Meta: `wa_id` and
        `user_id`), which are linked to the person. True if a breach is suspected: the write began too late.
        """
        return _drive(self._till, self._report("sent", message_id, contacts))

    def failed(self) -> None:
        """It was surely not sent: the provider refused, or could not be reached at all."""
        _drive(self._till, self._report("failed"))

    def leave(self) -> None:
        """What the end of the `with` block does."""
        _drive(self._till, self._left())


class AsyncPermit(_Held):
    """The same in an `async with` block: `done` and `failed` are awaited."""

    async def done(self, message_id: str = "", contacts: Iterable[str] = ()) -> bool:
        """It was sent; see `Permit.done`."""
        return await _drive_async(self._till, self._report("sent", message_id, contacts))

    async def failed(self) -> None:
        """It was surely not sent; see `Permit.failed`."""
        await _drive_async(self._till, self._report("failed"))

    async def leave(self) -> None:
        """What the end of the `async with` block does."""
        await _drive_async(self._till, self._left())


class Sending:
    """The right to send one message, for the length of a `with` or `async with` block. Use it once."""

    def __init__(self, till: Till, address: Callable[[], Address], purpose: str, sender: str, free_form: bool) -> None:
        self._till = till
        self._wanted = address, purpose, sender, free_form
        self._permit: Permit | AsyncPermit | None = None

    def _ask(self) -> Steps[Given]:
        address, purpose, sender, free_form = self._wanted
        return _given(self._till, address(), purpose, sender, free_form)

    def __enter__(self) -> Permit:
        permit = self._permit = Permit(self._till, _drive(self._till, self._ask()))
        return permit

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if isinstance(self._permit, Permit):
            with suppress(*(() if error is None else (Unavailable,))):  # the block's own error matters more
                self._permit.leave()

    async def __aenter__(self) -> AsyncPermit:
        permit = self._permit = AsyncPermit(self._till, await self._granted())
        return permit

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if isinstance(self._permit, AsyncPermit):
            with suppress(*(() if error is None else (Unavailable,))):
                await _to_its_end(self._permit.leave())

    async def _granted(self) -> Given:
        """The permit. Cancelled meanwhile, a permit that is given all the same is reported as not used."""
        asking = asyncio.ensure_future(_drive_async(self._till, self._ask()))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(self._not_used)
            raise

    def _not_used(self, asked: asyncio.Future[Given]) -> None:
        if not asked.cancelled() and asked.exception() is None and asked.result().permit:
            with suppress(*_UNHEARD):
                self._till.submit(_done(self._till, asked.result().permit, "aborted", "", [], 0))


async def _to_its_end(report: Coroutine[Any, Any, None]) -> None:
    """A report is not left half way, also by a task that is being cancelled."""
    await asyncio.shield(asyncio.ensure_future(report))


# -- the steps ---------------------------------------------------------------------------------------------------------


def _given(till: Till, address: Address, purpose: str, sender: str, free_form: bool) -> Steps[Given]:
    """A permit spent a moment ago, or the denial. A record that moved on, or a store that took longer than the lease,
    is asked once more.
    """
    try:
        return (yield from _once(till, address, purpose, sender, free_form))
    except (PermitStale, PermitExpired):
        return (yield from _once(till, address, purpose, sender, free_form))


def _once(till: Till, address: Address, purpose: str, sender: str, free_form: bool) -> Steps[Given]:
    workspace, kit = till.workspace(), till.kit
    cell = workspace.cell(purpose, sender)
    verdict, issued = yield lambda tx: permits.issue(tx, kit, workspace, address, cell, free_form=free_form)
    if issued is None:
        return Given(verdict)
    asked_at = till.steady()
    redeemed = yield lambda tx: permits.redeem(tx, kit, workspace.id, issued.id)
    if isinstance(redeemed, Verdict):
        return Given(redeemed)
    if till.steady() - asked_at > LEASE:
        yield _done(till, issued.id, "aborted", "", [], 0)
        raise PermitExpired("The database took longer than a permit lasts; nothing may be sent by it.")
    return Given(verdict, issued.id, asked_at)


def _done(till: Till, permit: str, outcome: Outcome, message_id: str, contacts: list[Address],
          offset_us: int) -> Work:
    workspace, kit = till.workspace(), till.kit
    return lambda tx: permits.done(tx, kit, workspace, permit, outcome, message_id=message_id, contacts=contacts,
                                   offset_us=max(0, offset_us))


def _drive(till: Till, steps: Steps[T]) -> T:
    """Carry out the steps, waiting in this thread."""
    try:
        work = next(steps)
        while True:
            try:
                result = till.write(work)
            except Exception as error:  # noqa: BLE001  (told to the steps, which know what to do about it)
                work = steps.throw(error)
            else:
                work = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def _drive_async(till: Till, steps: Steps[T]) -> T:
    """Carry out the steps; the event loop goes on meanwhile."""
    try:
        work = next(steps)
        while True:
            try:
                result = await asyncio.wrap_future(till.submit(work))
            except Exception as error:  # noqa: BLE001  (as above)
                work = steps.throw(error)
            else:
                work = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _contact(text: str) -> Address:
    """A recipient as a provider names it: Meta's `wa_id` is a number without the plus."""
    return identity.phone_from_wa_id(text) if text.isdecimal() else identity.parse(text)
