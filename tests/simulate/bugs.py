"""Bugs planted by hand, one patch each: what somebody might plausibly get wrong. The simulation must catch every one.

A bug is a context manager that changes the real function, table or query for a while. `seeds.toml` says by which seed
each was caught, and which promise it broke.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import msgspec
import pytest

from sayso.core import events, gate, lifecycle
from sayso.core.events import Event
from sayso.core.lifecycle import Mark
from sayso.core.purposes import ALL_MARKETING
from sayso.errors import ProviderError
from sayso.flows import bulk, confirm, heard, inbound, opt_in, opt_out, people, permits, record, taps, verify
from sayso.ports import DAY, SECOND
from sayso.store.dialect import queries
from sayso.store.sqlite import SqliteTx
from sayso.worker import outbox

Patch = pytest.MonkeyPatch
Bug = Callable[[Patch], None]
BUGS: Final[dict[str, Bug]] = {}


def bug(plant: Bug) -> Bug:
    """Name it after its function."""
    BUGS[plant.__name__] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with this bug, and without it again."""
    with pytest.MonkeyPatch.context() as patch:
        BUGS[name](patch)
        yield


def sql(patch: Patch, query: str, old: str, new: str) -> None:
    """Change a named query."""
    text = queries("sqlite")[query]
    assert old in text, (query, text)
    patch.setitem(queries("sqlite"), query, text.replace(old, new))


def without(patch: Patch, row: Callable[..., Any]) -> None:
    """The gate's table lacks a row."""
    patch.setattr(gate, "TABLE", tuple(one for one in gate.TABLE if one is not row))


# -- the drain and the permit ------------------------------------------------------------------------------------------


@bug
def the_confirmation_does_not_wait_for_the_drain(patch: Patch) -> None:
    patch.setattr(outbox, "in_flight", lambda *_: 0)


@bug
def the_confirmation_forgets_who_had_the_number_before(patch: Patch) -> None:
    sql(patch, "left_to", "and h.state = 'former'", "and h.state = 'nobody'")


@bug
def callers_are_not_told_to_wait(patch: Patch) -> None:
    patch.setattr(opt_out, "in_flight", lambda *_: 0)


@bug
def redeem_does_not_look_again(patch: Patch) -> None:
    real = permits.redeem

    def redeem(tx: Any, kit: Any, ws: str, permit: str) -> Any:
        person = tx.row("permit_person", ws=ws, permit=permit)
        epoch = tx.row("person", ws=ws, person=person[0])[1]
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(gate, "decide", lambda *_: gate.speak("allow", "granted"))
            inner.setattr(permits, "_permit", lambda *args: dataclasses.replace(read(*args), epoch=epoch))
            return real(tx, kit, ws, permit)

    read = permits._permit
    patch.setattr(permits, "redeem", redeem)


@bug
def a_permit_is_good_for_two_calls(patch: Patch) -> None:
    real, read = permits.redeem, permits._permit

    def redeem(tx: Any, kit: Any, ws: str, permit: str) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(permits, "_permit", lambda *args: dataclasses.replace(read(*args), state="open"))
            return real(tx, kit, ws, permit)

    patch.setattr(permits, "redeem", redeem)


@bug
def the_epoch_does_not_rise(patch: Patch) -> None:
    sql(patch, "set_standing", "epoch + :rise", "epoch + 0 * :rise")


@bug
def a_late_write_is_no_incident(patch: Patch) -> None:
    patch.setattr(permits, "append", lambda *_, **__: None)


# -- the fold ----------------------------------------------------------------------------------------------------------


@bug
def a_tie_goes_to_the_yes(patch: Patch) -> None:
    patch.setattr(lifecycle, "later", lambda at, clock, than_at, than_clock:
                  at >= than_at if clock == than_clock else at > than_at + lifecycle.SKEW)


@bug
def clocks_are_compared_as_if_they_were_one(patch: Patch) -> None:
    patch.setattr(lifecycle, "later", lambda at, _, than_at, __: at > than_at - lifecycle.SKEW)


@bug
def a_slow_machine_puts_a_stop_before_the_yes(patch: Patch) -> None:
    def believed(at: int, clock: str, received: int) -> int:
        return at if 0 < at <= received else received // SECOND * SECOND if clock != "sayso" else received

    for module in (record, confirm, opt_in):
        patch.setattr(module, "believed", believed)


@bug
def a_merge_takes_the_looser_state(patch: Patch) -> None:
    patch.setattr(lifecycle, "beats", lambda grant, stop, _: not grant.elsewhere and lifecycle.later(
        grant.at, grant.clock, stop.at, stop.clock))


@bug
def a_record_from_elsewhere_beats_a_stop(patch: Patch) -> None:
    real = lifecycle.beats
    patch.setattr(lifecycle, "beats", lambda grant, stop, merges: grant.elsewhere or real(grant, stop, merges))


@bug
def a_native_resume_lifts_every_stop(patch: Patch) -> None:
    real = lifecycle._stops

    def stops(by_type: dict[str, list[Event]], requests: dict[str, Event], mistaken: set[str]) -> list[Mark]:
        resumed = max((fact.occurred_at for fact in by_type.get("native_resume", [])), default=0)
        return [mark for mark in real(by_type, requests, mistaken) if mark.at >= resumed]

    patch.setattr(lifecycle, "_stops", stops)


@bug
def a_no_is_no_stop(patch: Patch) -> None:
    real = lifecycle._stops
    patch.setattr(lifecycle, "_stops", lambda by_type, *rest: real({**by_type, "said_no": []}, *rest))


@bug
def an_expired_question_can_be_answered(patch: Patch) -> None:
    real = lifecycle._grants

    def grants(by_type: Any, requests: dict[str, Event], facts: Any) -> list[Mark]:
        long = {name: msgspec.structs.replace(one, facts={**one.facts, "valid_until": 2**62})
                for name, one in requests.items()}
        return real(by_type, long, facts)

    patch.setattr(lifecycle, "_grants", grants)


@bug
def a_bare_yes_counts_for_days(patch: Patch) -> None:
    patch.setattr(lifecycle, "WORD_WINDOW", 30 * DAY)


@bug
def a_late_fact_is_not_folded(patch: Patch) -> None:
    real = record.settle

    def settle(tx: Any, ws: str, person: Any, event: Event) -> Any:
        return person if event.occurred_at < event.received_at - 15 * SECOND else real(tx, ws, person, event)

    patch.setattr(record, "settle", settle)
    patch.setattr(people, "settle", settle)


@bug
def a_native_stop_is_only_noted(patch: Patch) -> None:
    patch.setattr(record, "NEUTRAL", record.NEUTRAL | {"native_stop"})


# -- the gate ----------------------------------------------------------------------------------------------------------


@bug
def expiry_is_not_compared(patch: Patch) -> None:
    def consent(standing: Any, question: Any) -> Any:
        return gate._consent(standing, msgspec.structs.replace(question, now=0))

    patch.setattr(gate, "TABLE", (*gate.TABLE[:-1], consent))


@bug
def a_hold_is_ignored(patch: Patch) -> None:
    without(patch, gate._hold)


@bug
def a_pause_is_ignored(patch: Patch) -> None:
    without(patch, gate._pause)


@bug
def whatsapps_own_stop_is_ignored(patch: Patch) -> None:
    without(patch, gate._native)


@bug
def unreadable_is_allowed(patch: Patch) -> None:
    def unreadable(standing: Any, _: Any) -> Any:
        return None if standing.readable else gate.speak("allow", "granted")

    patch.setattr(gate, "TABLE", (unreadable, *gate.TABLE[1:]))


@bug
def in_bulk_holds_are_forgotten(patch: Patch) -> None:
    real = bulk._answer

    def answer(row: Any, question: Any) -> Any:
        standing = lifecycle.decode(row[3])
        return real((*row[:3], lifecycle.encode(msgspec.structs.replace(standing, holds=(), stops=())), row[4]),
                    question)

    patch.setattr(bulk, "_answer", answer)


# -- what people say ---------------------------------------------------------------------------------------------------


@bug
def a_message_counts_each_time_it_comes(patch: Patch) -> None:
    sql(patch, "see_message", "do nothing", "do update set mac = excluded.mac")


@bug
def a_bad_item_leaves_half_of_itself(patch: Patch) -> None:
    patch.setattr(SqliteTx, "savepoint", lambda _: nullcontext())


@bug
def a_refused_delivery_is_no_stop(patch: Patch) -> None:
    patch.setattr(opt_out, "refused", lambda tx, kit, workspace, person, *_, **__: person)


@bug
def a_stop_is_only_about_marketing(patch: Patch) -> None:
    patch.setattr(heard, "EVERYTHING", ALL_MARKETING)


@bug
def joining_is_a_yes(patch: Patch) -> None:
    real = inbound._begin

    def begin(hear: Any, person: Any, item: Any, to: Any, evidence: Any, how: str = "") -> None:
        real(hear, person, item, to, evidence, how)
        again = record.person_by_id(hear.tx, hear.workspace.id, person.id)
        assert again is not None
        for waiting in again.standing.pending[-1:]:
            request = confirm.own_event(hear.tx, hear.workspace.id, again, waiting.request, "opt_in_requested")
            assert request is not None
            confirm.yes(hear.tx, hear.kit, hear.workspace, again, request, "button", hear.sender, occurred_at=item.at,
                        clock=hear.clock, evidence=evidence)

    patch.setattr(inbound, "_begin", begin)


@bug
def a_forwarded_yes_counts(patch: Patch) -> None:
    real = inbound._text
    handlers = dict(inbound.HANDLERS)
    for kind, handler in inbound.HANDLERS.items():
        if handler is real:
            handlers[kind] = lambda hear, item: real(hear, dataclasses.replace(item, forwarded=False))
    patch.setattr(inbound, "HANDLERS", handlers)


@bug
def a_strangers_button_is_believed(patch: Patch) -> None:
    real = taps._tapped_yes

    def tapped(hear: Any, person: Any, item: Any, event_id: str, evidence: Any) -> None:
        row = hear.tx.row("event", ws=hear.workspace.id, event=event_id)
        own = confirm.own_event(hear.tx, hear.workspace.id, person, event_id, "opt_in_requested")
        if row is None or own is not None:
            real(hear, person, item, event_id, evidence)
            return
        asked = events.decode(bytes(row[0]))
        entry = hear.workspace.entry(str(asked.facts["entry"]))
        request, person = opt_in.request_opt_in(
            hear.tx, hear.kit, hear.workspace, person, entry, hear.sender, lang="en", how="keyword", evidence=evidence,
            occurred_at=item.at, clock=hear.clock, inbound=hear.sender.name)
        confirm.yes(hear.tx, hear.kit, hear.workspace, person, request, "button", hear.sender, occurred_at=item.at,
                    clock=hear.clock, evidence=evidence)

    patch.setattr(taps, "_tapped_yes", tapped)


@bug
def a_no_to_another_records_question_is_small_talk(patch: Patch) -> None:
    patch.setattr(taps, "_refused_elsewhere", lambda *_: False)


# -- identity and erasure ----------------------------------------------------------------------------------------------


@bug
def a_link_learnt_later_is_not_applied(patch: Patch) -> None:
    patch.setattr(people, "merge", lambda tx, kit, ws, person, gone: person)


@bug
def a_stop_from_a_former_number_stays_there(patch: Patch) -> None:
    patch.setattr(opt_out, "former_holders", lambda *_: [])


@bug
def verify_goes_by_the_order_of_the_clocks(patch: Patch) -> None:
    real = verify._linked

    def linked(walk: Any) -> Any:
        newest: dict[tuple[str, str], Any] = {}
        for event, addresses in sorted(walk.links, key=lambda link: link[0].received_at):
            newest |= {(event.person, address): (event, [address]) for address in addresses}
        return real(dataclasses.replace(walk, links=list(newest.values())))

    patch.setattr(verify, "_linked", linked)


@bug
def an_erasure_keeps_no_suppression(patch: Patch) -> None:
    sql(patch, "add_suppression", "values (:ws, :mac, :key, :at, :event)",
        "select :ws, :mac, :key, :at, :event where 1 = 0")


@bug
def a_suppression_is_not_restored(patch: Patch) -> None:
    sql(patch, "suppressed_among", "where s.workspace_id = :ws", "where 1 = 0 and s.workspace_id = :ws")


@bug
def a_yes_keeps_no_evidence(patch: Patch) -> None:
    real = record.append

    def append(tx: Any, kit: Any, ws: str, kind: str, **more: Any) -> Event:
        return real(tx, kit, ws, kind, **(more | {"evidence": None} if kind == "said_yes" else more))

    patch.setattr(record, "append", append)


# -- the outbox and the ledger -----------------------------------------------------------------------------------------


@bug
def what_was_possibly_sent_is_sent_again(patch: Patch) -> None:
    real = outbox.failed

    def failed(tx: Any, kit: Any, letter: Any, error: Any) -> str:
        if isinstance(error, ProviderError) and error.outcome == "possibly_sent":
            error = ProviderError("Try again.", retry=True)
        return real(tx, kit, letter, error)

    patch.setattr(outbox, "failed", failed)


@bug
def a_dead_workers_message_is_sent_again(patch: Patch) -> None:
    sql(patch, "outbox_row", "attempts, permit_id, problem", "attempts, '', problem")


@bug
def a_claim_never_ends(patch: Patch) -> None:
    sql(patch, "due_outbox", "or (state = 'claimed' and lease_until <= :now)", "")


@bug
def the_confirmation_is_forgotten(patch: Patch) -> None:
    patch.setattr(opt_out, "confirm_stop", lambda *_: None)


@bug
def every_stop_is_confirmed(patch: Patch) -> None:
    real = opt_out.stop
    patch.setattr(opt_out, "stop", lambda *args, **more: dataclasses.replace(real(*args, **more), changed=True))


@bug
def replies_follow_the_confirmation(patch: Patch) -> None:
    sql(patch, "cancel_replies", "where workspace_id", "where 1 = 0 and workspace_id")
    patch.setattr(gate, "_left_since", lambda *_: False)


@bug
def a_failed_try_puts_back_what_was_called_off(patch: Patch) -> None:
    sql(patch, "end_try", " and state <> 'cancelled'", "")


@bug
def a_word_answers_the_question_it_caused(patch: Patch) -> None:
    patch.setattr(outbox, "_words_before", lambda *_: "")


@bug
def a_question_knows_the_stops_after_it(patch: Patch) -> None:
    real = lifecycle.beats
    patch.setattr(lifecycle, "beats", lambda grant, stop, merges: bool(grant.after) or real(grant, stop, merges))


@bug
def integration_skips_an_event(patch: Patch) -> None:
    sql(patch, "waiting_events", "where u.workspace_id", "where u.event_id not like '%0' and u.workspace_id")


@bug
def integration_drops_an_event(patch: Patch) -> None:
    sql(patch, "waiting_events", "where u.workspace_id", "where u.event_id not like '%0' and u.workspace_id")
    sql(patch, "drop_unintegrated", " and event_id = :event", " and (event_id = :event or event_id like '%0')")
