"""What every handler of a webhook item shares: who is speaking, what a stop does, where evidence comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from sayso.channels.base import Inbound, InboundButton, InboundOther, InboundText, Spoken
from sayso.core.intents import Reading
from sayso.core.own_words import own_reading
from sayso.core.purposes import EVERYTHING
from sayso.core.understanding import STOPS
from sayso.core.workspace import Sender, Workspace
from sayso.flows import opt_out, people
from sayso.flows.kit import Kit
from sayso.flows.record import Person, tell
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
    return people.identify(heard.tx, heard.kit, heard.workspace.id, item.addresses, at=item.at)


def spoke(heard: Heard, person: Person, item: Spoken) -> Person:
    return tell(heard.tx, heard.kit, heard.workspace.id, person, "spoke", occurred_at=item.at, clock=heard.clock,
                facts={"inbound": heard.sender.name})[1]


def stopped(heard: Heard, person: Person, item: InboundText | InboundButton, reading: Reading,
             evidence: Mapping[str, str], *, weak: str = "") -> None:
    if weak or reading.grade != "certain":
        opt_out.hold(heard.tx, heard.kit, heard.workspace, person, heard.sender.name, why=weak or "ambiguous word",
                     occurred_at=item.at, clock=heard.clock, evidence=evidence)
        return
    said = opt_out.stop(heard.tx, heard.kit, heard.workspace, person, EVERYTHING, how="word", evidence=evidence,
                        occurred_at=item.at, clock=heard.clock, inbound=heard.sender.name)
    confirmed = heard.sender.channel == "sms" and isinstance(item, InboundText) and item.understood == "stop"
    if said.changed and not confirmed:  # Twilio answers an SMS STOP itself
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
