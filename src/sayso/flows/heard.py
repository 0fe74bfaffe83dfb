"""What every handler of a webhook item shares: who is speaking, what a stop does, where evidence comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from sayso.channels.base import Inbound, InboundButton, InboundOther, InboundText, Spoken
from sayso.core.intents import Reading, languages_of
from sayso.core.own_words import own_reading
from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell
from sayso.core.understanding import STOPS
from sayso.core.workspace import Sender, Workspace
from sayso.flows import opt_out, people
from sayso.flows.kit import Kit
from sayso.flows.record import Person, tell
from sayso.rules.chat import wants_silence
from sayso.store.base import Tx


@dataclass(frozen=True, slots=True)
class Heard:
    """What each handler is given: the workspace, the sender spoken to, and the provider's name of the clock."""

    tx: Tx
    kit: Kit
    workspace: Workspace
    sender: Sender
    clock: str

    def read(self, text: str, person: Person, *, free: bool = True) -> Reading:
        """The intent of a whole message: the workspace's own words, keywords, then free text unless it is none (a
        button's payload). Of free text only a stop is heard when it is no more than likely.
        """
        if own := own_reading(self.workspace.words, text):
            return own
        languages = self.workspace.languages or (self.workspace.language,)
        words = self.kit.words()
        reading = (words if free else words.keywords).read(text, person.lang or None, languages)
        if reading.free and reading.intent not in STOPS and reading.grade != "certain":
            return Reading(None, "none", None, strict=False, why=reading.why)
        return reading


class NotForUs(Exception):
    """An item nobody here can use; its first argument is a fixed phrase of ours."""


def who(heard: Heard, item: Inbound) -> Person:
    if not item.addresses:
        raise NotForUs("nobody is named")
    return people.identify(heard.tx, heard.kit, heard.workspace.id, item.addresses, at=item.at,
                           clock=heard.clock)


def spoke(heard: Heard, person: Person, item: Spoken) -> Person:
    return tell(heard.tx, heard.kit, heard.workspace.id, person, "spoke", occurred_at=item.at, clock=heard.clock,
                facts={"inbound": heard.sender.name})[1]


def in_their_language(heard: Heard, person: Person, reading: Reading) -> Person:
    """A person of whom no language is known is answered in the one they wrote in, where the reading tells it."""
    tags = (heard.workspace.language, *heard.workspace.languages)
    home = {lang for tag in tags for lang in (tag, tag.partition("-")[0])}
    if person.lang or not reading.lang or reading.lang in home or not languages_of(
            heard.kit.replies(reading.lang).lang, (reading.lang,)):
        return person
    heard.tx.run("set_lang", ws=heard.workspace.id, person=person.id, lang=reading.lang)
    return replace(person, lang=reading.lang)


def way(heard: Heard, item: InboundText | InboundButton) -> str:
    """How a stop came, for its evidence."""
    if isinstance(item, InboundButton):
        return {"template": "template_button", "list": "list"}.get(item.kind, "button")
    if item.understood == "stop":
        return "opt_out_type"
    return "edit" if item.edited else "caption" if item.caption else "sms" if heard.sender.channel == "sms" else "word"


def stopped(heard: Heard, person: Person, item: InboundText | InboundButton, reading: Reading,
             evidence: Mapping[str, str], *, weak: str = "") -> None:
    """A stop in words, as firm as it was read: what is certain stops, everything else holds and asks."""
    person = in_their_language(heard, person, reading)
    if weak or reading.grade != "certain":
        opt_out.hold(heard.tx, heard.kit, heard.workspace, person, heard.sender.name, why=weak or "ambiguous word",
                     occurred_at=item.at, clock=heard.clock, evidence=evidence)
        return
    cell = ALL_MARKETING if reading.intent == "stop_promotional" else EVERYTHING
    stop_here(heard, person, item, cell, evidence)


def stop_here(heard: Heard, person: Person, item: InboundText | InboundButton, cell: Cell,
              evidence: Mapping[str, str]) -> None:
    """A stop said in the chat, confirmed once: by us, unless Twilio answers an SMS STOP, or they want silence."""
    said = opt_out.stop(heard.tx, heard.kit, heard.workspace, person, cell, how=way(heard, item), evidence=evidence,
                        occurred_at=item.at, clock=heard.clock, inbound=heard.sender.name)
    text = item.text if isinstance(item, InboundText) else ""
    confirmed = heard.sender.channel == "sms" and isinstance(item, InboundText) and item.understood == "stop"
    if said.changed and not confirmed and not wants_silence(text):
        opt_out.confirm_stop(heard.tx, heard.kit, heard.workspace, said.person, heard.sender.name, said.event)


def quoted(heard: Heard, message_id: str | None) -> str:
    """The request behind the message of ours that a reply quotes, or empty."""
    if not message_id:
        return ""
    mac = heard.kit.vault.message_mac(heard.workspace.id, "sent", message_id)
    row = heard.tx.row("handed_over", ws=heard.workspace.id, mac=mac)
    return str(row[2]) if row else ""


def evidence_of(item: InboundText | InboundButton | InboundOther, **said: str) -> dict[str, str]:
    evidence = {**said, "message_id": item.message_id}
    if not isinstance(item, InboundOther) and item.context_id:
        evidence["context_id"] = item.context_id
    if item.referral:
        evidence["referral"] = msgspec.json.encode(dict(item.referral), order="sorted").decode()
    return evidence
