"""The person's rights: erasure keeps the no and nothing else.

The data key is destroyed, addresses and evidence are deleted, the address MACs stay as suppressions, and the ledger
keeps its leaves. After the commit the caller lets the vault forget the keys and the store purge what was deleted
(`wiring.System.erase` does both).
"""

from __future__ import annotations

from dataclasses import dataclass

from sayso.core import events, lifecycle
from sayso.core.identity import Address
from sayso.errors import NotFound
from sayso.flows.kit import Kit
from sayso.flows.opt_out import silent_by
from sayso.flows.people import find
from sayso.flows.record import Person, append, facts_of
from sayso.flows.verify import digest_of
from sayso.store.base import Tx


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure: its event, how many addresses now stand as suppressions, and the records whose keys must be
    forgotten by the vault once this is committed. `silent_by` is when nothing already under way can leave any more,
    microseconds UTC by the database's clock; 0 if nothing is under way.
    """

    event: str
    person: str
    suppressions: int
    records: tuple[str, ...]
    silent_by: int = 0

    @property
    def people(self) -> tuple[str, ...]:
        """Whose messages under way have to drain before the erasure is acknowledged."""
        return (self.person,)


def erase(tx: Tx, kit: Kit, ws: str, address: Address, *, how: str) -> Erased:
    """Destroy what is known of a person. Raises NotFound for somebody never heard of.

    GDPR article 17; the suppression rests on article 17(3)(b) and 21(3): the objection must be kept to be honoured.
    """
    person = find(tx, kit, ws, address)
    if person is None:
        raise NotFound("Nobody with this address is known.", param="address")
    return destroy(tx, kit, ws, person, how=how, keep_no=True)


def nothing_kept(tx: Tx, ws: str, event_id: str) -> bool:
    """True for an erasure that left no suppression."""
    row = tx.row("event", ws=ws, event=event_id)
    return row is not None and events.decode(bytes(row[0])).facts.get("suppressions") == digest_of([])


def destroy(tx: Tx, kit: Kit, ws: str, person: Person, *, how: str, keep_no: bool, cause: str = "") -> Erased:
    """Destroy a person's data key, addresses and evidence. Without `keep_no` no suppression is left: for somebody who
    never said anything, and of whom nothing may be kept (flows/pending.py). The gate denies the unknown anyway.
    """
    rows = tx.rows("addresses_of", ws=ws, person=person.id)
    macs = sorted({bytes(row[0]) for row in rows}) if keep_no else []
    event = append(tx, kit, ws, "erased", person=person.id, cause=cause,
                   facts={"how": how, "suppressions": digest_of(macs)})
    keys = {bytes(row[0]): row[3] for row in rows}
    for mac in macs:
        tx.run("add_suppression", ws=ws, mac=mac, key=keys[mac], at=event.occurred_at, event=event.id)
    records = [row[0] for row in tx.rows("merged_records", ws=ws, person=person.id)]
    tx.run("erase_openings", ws=ws, person=person.id)
    for record in records:
        tx.run("erase_addresses", ws=ws, person=record)
    tx.run("cancel_all_outbox", ws=ws, person=person.id)
    standing = lifecycle.with_windows(lifecycle.fold(facts_of(tx, ws, person.id)), person.standing.windows)
    tx.run("erase_person", ws=ws, person=person.id, now=event.occurred_at, standing=lifecycle.encode(standing))
    return Erased(event.id, person.id, len(macs), tuple(records), silent_by(tx, ws, [person.id]))
