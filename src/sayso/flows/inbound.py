"""A webhook arrived: each item is deduplicated, understood and acted on in its own savepoint of one transaction.

Rules of the room: an item that fails is kept as unhandled and shown, its siblings go on; a failing database fails the
whole envelope, so that the provider sends it again. A stop is looked for first in everything a person says. What
means nothing here is recorded as `spoke`, without its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sayso.channels.base import (
    ContactCard,
    Inbound,
    InboundButton,
    InboundOther,
    InboundText,
    NativePreference,
    NumberChanged,
    StatusUpdate,
    TemplateNews,
    Unhandled,
    permit_in,
)
from sayso.core import lifecycle
from sayso.core.intents import Reading, fold
from sayso.core.purposes import EVERYTHING
from sayso.core.workspace import Connection, Sender, Workspace, choice_in
from sayso.flows import commands, confirm, entrances, opt_in, opt_out, people, permits, taps, templates
from sayso.flows.entrances import Reached
from sayso.flows.heard import Heard, NotForUs, evidence_of, in_their_language, quoted, spoke, stopped, who
from sayso.flows.kit import Kit
from sayso.flows.record import Person, person_by_id, tell
from sayso.store.base import Transient, Tx

#: Stands for the envelope beside every further item of it that cannot be used: the first one keeps it whole.
ENVELOPE_KEPT: Final = b"the envelope is kept with the first item of it"
#: Longest name of a webhook field that is kept.
MAX_FIELD: Final = 64


@dataclass(frozen=True, slots=True)
class Received:
    """What an envelope came to: items acted on, items seen before, items kept as unhandled."""

    done: int
    repeated: int
    unhandled: int


def receive(tx: Tx, kit: Kit, workspace: Workspace, connection: Connection, items: Sequence[Inbound],
            raw: bytes) -> Received:
    """Act on every item of one verified envelope. `raw` is kept, sealed, for items that cannot be used."""
    done = repeated = unhandled = 0
    for item in items:
        try:
            with tx.savepoint():
                fresh = _one(tx, kit, workspace, connection, item)
            done, repeated = done + fresh, repeated + (not fresh)
        except Transient:
            raise
        except Exception as error:  # noqa: BLE001  (kept as unhandled and shown; the database's own failures passed above)
            reason = error.args[0] if isinstance(error, NotForUs) else f"failed: {type(error).__name__}"
            _keep(tx, kit, workspace, connection, reason, item, raw if not unhandled else ENVELOPE_KEPT)
            unhandled += 1
    return Received(done, repeated, unhandled)


def _one(tx: Tx, kit: Kit, workspace: Workspace, connection: Connection, item: Inbound) -> bool:
    if isinstance(item, Unhandled):
        raise NotForUs(item.reason)
    if isinstance(item, TemplateNews):  # about an account's template, not about a number; again changes nothing
        templates.heard(tx, kit, workspace.id, connection, item)
        return True
    sender = _sender(workspace, connection, item)
    if not isinstance(item, StatusUpdate) or item.status == "failed":  # other statuses change nothing, however often
        mac = kit.vault.message_mac(workspace.id, connection.provider, *item.key)
        if not tx.run("see_message", ws=workspace.id, mac=mac):
            return False
    HANDLERS[type(item)](Heard(tx, kit, workspace, sender, connection.provider), item)
    return True


def _sender(workspace: Workspace, connection: Connection, item: Inbound) -> Sender:
    """The number spoken to; at Twilio it may be declared by the Messaging Service it is in."""
    sender = workspace.sender_of(item.sender_ref, connection.name)
    if sender is None and item.service_ref:
        sender = workspace.sender_of(item.service_ref, connection.name)
    if sender is None or sender.channel != item.channel:
        raise NotForUs("unknown phone_number_id")
    return sender


def _keep(tx: Tx, kit: Kit, workspace: Workspace, connection: Connection, reason: str, item: Inbound,
          raw: bytes) -> None:
    mac = kit.vault.message_mac(workspace.id, "unhandled", connection.name, *item.key)
    if not tx.run("see_message", ws=workspace.id, mac=mac):  # kept before; a provider repeats itself for days
        return
    unhandled = kit.ports.new_id("unh")
    body = item.raw if isinstance(item, Unhandled) else raw
    field = (item.field if isinstance(item, Unhandled) else type(item).__name__).replace("\0", "")[:MAX_FIELD]
    tx.run("add_unhandled", ws=workspace.id, unhandled=unhandled, connection=connection.name, reason=reason,
           field=field, now=kit.now(),
           sealed=kit.vault.seal_workspace(workspace.id, body, unhandled.encode()))


# -- words -------------------------------------------------------------------------------------------------------------


def _text(heard: Heard, item: InboundText) -> None:
    person = who(heard, item)
    reading = commands.read(heard, item.text, person)
    if item.understood == "stop" or (item.understood == "start" and reading.intent != "stop"):
        reading = Reading(item.understood, "certain", None, False, "the provider reads it so")
    evidence = evidence_of(item, text=item.text)
    if reading.intent in taps.STOPS:
        # Forwarded words are somebody else's. An edit into a stop is the person's own, and counts as it is read.
        stopped(heard, person, item, reading, evidence, weak="forwarded" if item.forwarded else "")
    elif item.edited or item.forwarded or not _acted(heard, person, item, reading, evidence):
        spoke(heard, person, item)


def _acted(heard: Heard, person: Person, item: InboundText, reading: Reading, evidence: Mapping[str, str]) -> bool:
    """True if the words began, answered or asked something."""
    if reached := entrances.by_words(heard.tx, heard.workspace, heard.sender, item.text):
        _begin(heard, person, item, reached, evidence)
        return True
    if reading.intent in ("yes", "no") and _answered(heard, person, item, reading, evidence):
        return True
    if ad := entrances.by_ad(heard.workspace, heard.sender, item.referral):
        _begin(heard, person, item, Reached(ad), evidence, how="ad")
        return True
    if reading.intent == "start" and not reading.free and commands.paused(heard, person):
        stopped_too = opt_out.already_stopped(person.standing, EVERYTHING)
        person = commands.resume(heard, person, item, how="word", quiet=stopped_too)
        if not stopped_too:
            return True
    held = lifecycle.held_marketing(person.standing)
    if reading.intent == "start" and held and not reading.free:  # the word itself is an answer to "shall it stop?"
        opt_out.release_hold(heard.tx, heard.kit, heard.workspace, person, how="word", sender=heard.sender.name,
                             occurred_at=item.at, clock=heard.clock)
        return True
    if reading.intent == "start" and (start := entrances.by_start(heard.workspace, heard.sender)):
        _begin(heard, person, item, Reached(start), evidence)
        return True
    if item.understood:  # Twilio answers its own HELP and START
        return False
    person = in_their_language(heard, person, reading) if reading.intent else person
    return commands.numbered(heard, person, item) or commands.asked(heard, person, item, reading)


def _begin(heard: Heard, person: Person, item: InboundText, to: Reached, evidence: Mapping[str, str],
           how: str = "") -> None:
    how = how or ("sms" if heard.sender.channel == "sms" else "phrase" if to.code else "keyword")
    opt_in.begin(heard.tx, heard.kit, heard.workspace, person, to.entry, heard.sender, how=how, occurred_at=item.at,
                 clock=heard.clock, evidence=evidence, placement=to.placement, chosen=choice_in(item.text, to.code))


def _answered(heard: Heard, person: Person, item: InboundText, reading: Reading, evidence: Mapping[str, str]) -> bool:
    """A yes or a no in words: to the prompt it quotes, or, if plain, to the newest prompt. A yes to WhatsApp messages
    is given in WhatsApp: an SMS can be forged.
    """
    if reading.intent == "yes" and heard.sender.channel == "sms":
        return False
    request_id, how = quoted(heard, item.context_id), "context"
    plain = not item.context_id and _plain(heard, person, item, reading)
    if not request_id and (reading.intent == "no" or plain):
        request_id, how = confirm.newest_prompted(person, item.at or heard.kit.now()), "word"
    request = confirm.own_event(heard.tx, heard.workspace.id, person, request_id, "opt_in_requested") \
        if request_id else None
    if request is None:
        return False
    answer = confirm.yes if reading.intent == "yes" else confirm.no
    answer(heard.tx, heard.kit, heard.workspace, person, request, "context" if how == "context" else "word",
           heard.sender, occurred_at=item.at, clock=heard.clock, evidence=evidence)
    return True


def _plain(heard: Heard, person: Person, item: InboundText, reading: Reading) -> bool:
    """A yes that needs no quote: a strict word, or the very word our question asks for. Never the first message from an
    ad, whose words the advertiser can write beforehand.
    """
    asked_for = heard.kit.replies(person.lang or heard.workspace.language).yes_word
    return item.referral is None and (reading.strict or fold(item.text) == fold(asked_for))


# -- everything else ---------------------------------------------------------------------------------------------------


def _other(heard: Heard, item: InboundOther) -> None:
    person = who(heard, item)
    if ad := entrances.by_ad(heard.workspace, heard.sender, item.referral):
        opt_in.begin(heard.tx, heard.kit, heard.workspace, person, ad, heard.sender, how="ad", occurred_at=item.at,
                     clock=heard.clock, evidence=evidence_of(item))
    elif item.emoji and heard.read(item.emoji, person).intent == "stop":  # a sign on one message: of it, or of all?
        opt_out.hold(heard.tx, heard.kit, heard.workspace, person, heard.sender.name, why="reaction",
                     occurred_at=item.at, clock=heard.clock, evidence=evidence_of(item, emoji=item.emoji))
    else:
        spoke(heard, person, item)


def _card(heard: Heard, item: ContactCard) -> None:
    """The person's own number, sent because we asked: it is theirs from now on."""
    person = people.identify(heard.tx, heard.kit, heard.workspace.id, (*item.addresses, *item.card),
                             how="contact_request", at=item.at, clock=heard.clock)
    spoke(heard, person, item)


def _preference(heard: Heard, item: NativePreference) -> None:
    if item.value == "signup":  # In-App Signup: nothing here asked for it, and it is no stop either
        raise NotForUs("unknown preference")
    if item.value not in ("stop", "resume") or item.category != "marketing_messages":
        _doubtful_preference(heard, item)  # unknown means deny
        return
    opt_out.native(heard.tx, heard.kit, heard.workspace, who(heard, item), item.value, heard.sender.name,
                   occurred_at=item.at, clock=heard.clock, how="user_preferences")


def _doubtful_preference(heard: Heard, item: NativePreference) -> None:
    opt_out.hold(heard.tx, heard.kit, heard.workspace, who(heard, item), heard.sender.name, why="unknown preference",
                 occurred_at=item.at, clock=heard.clock,
                 evidence={"category": item.category, "value": item.value})


def _moved(heard: Heard, item: NumberChanged) -> None:
    people.number_changed(heard.tx, heard.kit, heard.workspace.id, item.old, item.new, occurred_at=item.at,
                          clock=heard.clock)


def _by_permit(heard: Heard, item: StatusUpdate) -> Person | None:
    """Whom a message of ours was for whose id nobody told us: its answer was lost, but it carries its permit."""
    permit = permit_in(item.callback_data or "")
    row = heard.tx.row("permit_person", ws=heard.workspace.id, permit=permit) if permit else None
    person = person_by_id(heard.tx, heard.workspace.id, row[0]) if row else None
    if person is not None:
        permits.hand_over(heard.tx, heard.kit, heard.workspace.id, person.id, item.message_id, permit_id=permit)
    return person


def _status(heard: Heard, item: StatusUpdate) -> None:
    """What became of a message. 131050 is a stop the person made in WhatsApp, and Twilio has codes of its own for one;
    no other code is about consent.
    """
    ws, codes = heard.workspace.id, {code for code, _ in item.errors}
    will = "opted_out" if 131050 in codes else item.will
    row = heard.tx.row("handed_over", ws=ws, mac=heard.kit.vault.message_mac(ws, "sent", item.message_id))
    person = person_by_id(heard.tx, ws, row[0]) if row else _by_permit(heard, item)
    if person is None and item.addresses:
        person = people.identify(heard.tx, heard.kit, ws, item.addresses, at=item.at,
                                 clock=heard.clock) if will else \
            people.find(heard.tx, heard.kit, ws, item.addresses[0])
    if person is None:
        return
    if item.addresses and not person.erased:
        person = people.learn(heard.tx, heard.kit, ws, person, item.addresses)
    if item.status != "failed":
        return
    code = min(codes, default=0)
    person = opt_out.refused(heard.tx, heard.kit, heard.workspace, person, will, heard.sender.name,
                             code=131050 if will == "opted_out" else code, occurred_at=item.at, clock=heard.clock)
    if row and row[2]:
        tell(heard.tx, heard.kit, ws, person, "prompt_failed", cause=row[2], occurred_at=item.at, clock=heard.clock,
             facts={"code": code})
    else:
        tell(heard.tx, heard.kit, ws, person, "delivery_failed", occurred_at=item.at, clock=heard.clock,
             facts={"code": code})


HANDLERS: Final[Mapping[type, Callable[..., None]]] = {
    InboundText: _text, InboundButton: taps.tapped, InboundOther: _other, ContactCard: _card,
    NativePreference: _preference, NumberChanged: _moved, StatusUpdate: _status,
}
