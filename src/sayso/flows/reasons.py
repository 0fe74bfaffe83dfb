"""Why people leave: asked under the confirmation if the business wants to know, one tap, and nothing hangs on it.

Rules of the room: the answer is no consent fact, opens no window and is not answered; the newest one of a stop counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sayso.channels.base import InboundButton
from sayso.flows import confirm
from sayso.flows.heard import Heard
from sayso.flows.record import Person, tell
from sayso.store.base import Tx

#: The reasons there are to tap, in this order.
REASONS: Final = ("too_many", "not_relevant", "never_asked")
#: What can be given on the preference page besides.
OTHER: Final = "other"


def tapped(heard: Heard, person: Person, item: InboundButton, rest: str, _evidence: Mapping[str, str]) -> None:
    """A reason was tapped. One that is not there, or somebody else's stop, is nothing at all."""
    reason, _, stop_id = rest.partition(":")
    ws = heard.workspace.id
    if reason not in REASONS or not any(
            confirm.own_event(heard.tx, ws, person, stop_id, kind) for kind in ("said_stop", "said_no")):
        return
    tell(heard.tx, heard.kit, ws, person, "reason_given", cause=stop_id, occurred_at=item.at, clock=heard.clock,
         facts={"reason": reason, "how": "button"})
    heard.tx.run("add_reason", ws=ws, stop=stop_id, reason=reason, at=heard.kit.now())


def counts(tx: Tx, ws: str, since: int = 0) -> dict[str, int]:
    """How many gave which reason since a time."""
    found = {row[0]: int(row[1]) for row in tx.rows("reasons_since", ws=ws, since=since)}
    return {reason: found.get(reason, 0) for reason in (*REASONS, OTHER)}
