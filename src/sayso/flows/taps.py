"""Taps: the buttons of Sayso's own messages, looked up, and those of the business's templates, read as words.

Leaving needs no look-up; everything else a button says is believed only where the event behind it is this person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sayso.channels.base import InboundButton
from sayso.core import events
from sayso.core.intents import Reading, fold
from sayso.core.purposes import ALL_MARKETING, EVERYTHING
from sayso.flows import commands, confirm, opt_out, reasons
from sayso.flows.heard import Heard, evidence_of, quoted, spoke, stop_here, stopped, who
from sayso.flows.record import Person, tell

#: Meta's preset label for a marketing opt-out button, and how it may read in other languages, folded.
STOP_PROMOTIONS: Final = frozenset(fold(label) for label in (
    "Stop promotions", "Stop promotion", "Stop offers", "Detener promociones", "Parar promoções",
    "Interromper promoções", "Arrêter les promotions", "Werbung stoppen", "Werbung beenden",
    "Interrompi promozioni", "Promoties stoppen",
    "Promosyonları durdur", "Hentikan promosi", "إيقاف العروض الترويجية", "प्रमोशन बंद करें", "Остановить рекламу",
))


#: What a reading calls a stop, of everything or of marketing.
STOPS: Final = frozenset({"stop", "stop_promotional"})


def tapped(heard: Heard, item: InboundButton) -> None:
    person = who(heard, item)
    evidence = evidence_of(item, payload=item.payload, label=item.label)
    for prefix, act in ((confirm.YES_ID, _tapped_yes), (confirm.NO_ID, _tapped_no), (confirm.STOP_ID, _tapped_stop),
                        (confirm.OFFERS_ID, _tapped_offers), (confirm.KEEP_ID, _tapped_keep),
                        (confirm.RESUME_ID, commands.tapped_resume), (confirm.ON_ID, commands.tapped_on),
                        (confirm.OFF_ID, commands.tapped_off), (confirm.REASON_ID, reasons.tapped)):
        if item.payload.startswith(prefix):
            act(heard, person, item, item.payload[len(prefix):], evidence)
            return
    reading = heard.read(item.payload, person, free=False)  # payload first, then the label
    shown = heard.read(item.label, person)
    if reading.intent not in STOPS and shown.intent and (
            shown.intent in STOPS or not shown.free or not reading.intent):
        reading = shown
    if STOP_PROMOTIONS & {fold(item.payload), fold(item.label)}:
        stop_here(heard, person, item, ALL_MARKETING, evidence)
    elif reading.intent in STOPS:
        stopped(heard, person, item, reading, evidence)
    elif not _label_answered(heard, person, item, reading, evidence) and not commands.asked(
            heard, person, item, reading):
        spoke(heard, person, item)


def _label_answered(heard: Heard, person: Person, item: InboundButton, reading: Reading,
                    evidence: Mapping[str, str]) -> bool:
    """A template's own button without our id, on a message that was a prompt of ours."""
    request_id = quoted(heard, item.context_id)
    if not request_id or reading.intent not in ("yes", "no"):
        return False
    request = confirm.own_event(heard.tx, heard.workspace.id, person, request_id, "opt_in_requested")
    if request is None:
        return False
    answer = confirm.yes if reading.intent == "yes" else confirm.no
    answer(heard.tx, heard.kit, heard.workspace, person, request, "context", heard.sender, occurred_at=item.at,
           clock=heard.clock, evidence=evidence)
    return True


def _tapped_yes(heard: Heard, person: Person, item: InboundButton, event_id: str, evidence: Mapping[str, str]) -> None:
    request = confirm.own_event(heard.tx, heard.workspace.id, person, event_id, "opt_in_requested")
    if request is None or heard.sender.channel == "sms":  # made up, another person's, or by SMS, which can be forged
        spoke(heard, person, item)
        return
    confirm.yes(heard.tx, heard.kit, heard.workspace, person, request, "button", heard.sender, occurred_at=item.at,
                clock=heard.clock, evidence=evidence)


def _tapped_no(heard: Heard, person: Person, item: InboundButton, event_id: str, evidence: Mapping[str, str]) -> None:
    request = confirm.own_event(heard.tx, heard.workspace.id, person, event_id, "opt_in_requested")
    if request is None and _refused_elsewhere(heard, person, item, event_id, evidence):
        return
    if request is None:
        spoke(heard, person, item)
        return
    confirm.no(heard.tx, heard.kit, heard.workspace, person, request, "button", heard.sender, occurred_at=item.at,
               clock=heard.clock, evidence=evidence)


def _refused_elsewhere(heard: Heard, person: Person, item: InboundButton, event_id: str,
                       evidence: Mapping[str, str]) -> bool:
    """A no to a question that another record was asked: the same person by their other address, not yet known as one,
    or a payload made up. Whoever taps no means no, so it counts for them; the question itself stays open.
    """
    row = heard.tx.row("event", ws=heard.workspace.id, event=event_id)
    asked = events.decode(bytes(row[0])) if row else None
    if asked is None or asked.type != "opt_in_requested":
        return False
    tell(heard.tx, heard.kit, heard.workspace.id, person, "said_no", cells=asked.cells, occurred_at=item.at,
         clock=heard.clock, facts={"how": "button", "inbound": heard.sender.name}, evidence=evidence)
    return True


def _tapped_stop(heard: Heard, person: Person, item: InboundButton, _: str, evidence: Mapping[str, str]) -> None:
    """Leaving needs no look-up: whoever tapped it wants out."""
    stop_here(heard, person, item, EVERYTHING, evidence)


def _tapped_offers(heard: Heard, person: Person, item: InboundButton, event_id: str,
                   evidence: Mapping[str, str]) -> None:
    """Less than everything: it settles our question, and marketing ends."""
    if confirm.own_event(heard.tx, heard.workspace.id, person, event_id, "stop_suspected") is None:
        evidence = {**evidence, "note": "not our question"}
    stop_here(heard, person, item, ALL_MARKETING, evidence)


def _tapped_keep(heard: Heard, person: Person, item: InboundButton, event_id: str, _: Mapping[str, str]) -> None:
    if confirm.own_event(heard.tx, heard.workspace.id, person, event_id, "stop_suspected") is None:
        spoke(heard, person, item)
        return
    opt_out.release_hold(heard.tx, heard.kit, heard.workspace, person, how="button", sender=heard.sender.name,
                         occurred_at=item.at, clock=heard.clock)
