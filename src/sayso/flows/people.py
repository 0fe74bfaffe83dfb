"""Identity: who an address belongs to, what one signed payload links, what a change of number moves.

Rules of the room: addresses are linked only by one signed payload, a send response, a system change or a contact card
we asked for. When two records turn out to be one person, the older record survives and the stricter state is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sayso.core import events, lifecycle
from sayso.core.events import OWN_CLOCK, Event
from sayso.core.identity import Address
from sayso.core.lifecycle import NOBODY
from sayso.core.purposes import EVERYTHING
from sayso.flows.kit import Kit
from sayso.flows.record import Person, append, facts_of, person_by_id, settle, tell
from sayso.ports import DAY
from sayso.store.base import Row, Tx

#: Which address to write to first; a phone is what every provider takes.
PREFERENCE = {"phone": 0, "bsuid": 1, "parent_bsuid": 2}
#: How late a webhook can be: Meta's pages say 36 hours or 7 days, so 7. Nobody gets a given-up number that soon.
RETRIED: Final = 7 * DAY


def look_up(tx: Tx, kit: Kit, ws: str, address: Address) -> Row | None:
    """The current holder's (person_id, epoch, standing, erased_at, lang), trying each live MAC key."""
    for mac in kit.vault.address_macs(ws, address):
        row = tx.row("person_by_mac", ws=ws, mac=mac)
        if row is not None:
            return row
    return None


def find(tx: Tx, kit: Kit, ws: str, address: Address, *, lock: bool = True) -> Person | None:
    """The person who holds this address now."""
    row = look_up(tx, kit, ws, address)
    return person_by_id(tx, ws, row[0], lock=lock) if row else None


def suppressed(tx: Tx, kit: Kit, ws: str, addresses: Sequence[Address]) -> bool:
    """True if one of these addresses said no before its data was erased."""
    return any(tx.row("suppressions", ws=ws, mac=mac) for address in addresses
               for mac in kit.vault.address_macs(ws, address))


def identify(tx: Tx, kit: Kit, ws: str, addresses: Sequence[Address], *, lang: str = "", how: str = "webhook",
             at: int = 0, clock: str = OWN_CLOCK) -> Person:
    """The person behind addresses that stood in one signed payload: found, made, or merged. `addresses` is not empty.

    An address that said no before its data was erased brings that no back with it. A message from `at`, before its
    sender moved away from the address, is still that sender's: it does not make the address theirs again, nor whoever
    has it now the same person. Others who have or had one of these addresses are the person's `formers`. `clock` is
    that of `at`.
    """
    macs = {mac: address for address in addresses for mac in kit.vault.address_macs(ws, address)}
    rows = [(macs[bytes(mac)], who, state, event)
            for mac, who, state, event in tx.rows_among("holders_among", list(macs), ws=ws)]
    senders = _senders(tx, ws, rows, at)
    ids = sorted(set(senders.values()))
    person = _existing(tx, kit, ws, ids) if ids else _create(tx, kit, ws, lang)
    missing = [address for address in addresses if address not in senders]
    if missing:
        person = _link(tx, kit, ws, person, missing, how, at, clock)
    return replace(person, formers=tuple(sorted({who for _, who, _, _ in rows} - set(ids))))


def _senders(tx: Tx, ws: str, rows: Sequence[tuple[Address, str, str, str]], at: int) -> dict[Address, str]:
    """Whose each address was at `at`: its holder, or who left it after that, from rows (address, person, state, event).

    Where somebody else has the address by now, another address of the payload decides between the two, else the time;
    in the very second of the change it is the new holder's.
    """
    holders = {address: who for address, who, state, _ in rows if state == "current"}
    senders = dict(holders)
    for address, (left, who) in _left_later(tx, ws, rows, at).items():
        elsewhere = {holder for other, holder in holders.items() if other != address}
        holder = holders.get(address)
        if holder is None or who in elsewhere or (left > at and holder not in elsewhere):
            senders[address] = who
    return senders


def _left_later(tx: Tx, ws: str, rows: Sequence[tuple[Address, str, str, str]],
                at: int) -> dict[Address, tuple[int, str]]:
    """Who was the first to leave an address at or after this time, and when; nobody where the time is not known."""
    found: dict[Address, tuple[int, str]] = {}
    for address, who, state, event in rows:
        if at and state == "former" and (left := _happened_at(tx, ws, event)) >= at:
            found[address] = min((left, who), found.get(address, (left, who)))
    return found


def _existing(tx: Tx, kit: Kit, ws: str, ids: list[str]) -> Person:
    person = person_by_id(tx, ws, ids[0])
    if person is None:
        raise LookupError("an address points to a person who is not there")
    for other in ids[1:]:
        gone = person_by_id(tx, ws, other)
        if gone is not None and gone.id != person.id:
            person = merge(tx, kit, ws, person, gone)
    return person


def _create(tx: Tx, kit: Kit, ws: str, lang: str) -> Person:
    person_id = kit.ports.new_id("per")
    wrapped = kit.vault.new_person_key(ws, person_id)
    tx.run("add_person", ws=ws, person=person_id, lang=lang, wrapped=wrapped, standing=lifecycle.encode(NOBODY),
           now=kit.now())
    return Person(person_id, 0, NOBODY, lang, wrapped, erased=False, facts=())


def _link(tx: Tx, kit: Kit, ws: str, person: Person, addresses: Sequence[Address], how: str, at: int = 0,
          clock: str = OWN_CLOCK) -> Person:
    """Give the person these addresses: one fact for all of them, whose opening holds the MACs. What another webhook
    gave them while this one waited for their row is theirs already.
    """
    mine = _current(tx, ws, person) if person.facts is None else set()
    addresses = [address for address in addresses if mine.isdisjoint(kit.vault.address_macs(ws, address))]
    if not addresses:
        return person
    macs = [(address, kit.vault.address_macs(ws, address)[0]) for address in dict.fromkeys(addresses)]
    evidence = {f"address{place}": f"{address.kind}:{mac.hex()}" for place, (address, mac) in enumerate(macs)}
    event = append(tx, kit, ws, "address_linked", person=person.id, wrapped=person.wrapped, evidence=evidence,
                   facts={"how": how}, occurred_at=at, clock=clock)
    if person.wrapped is None:
        raise LookupError("an erased person takes no addresses")
    tx.run_many("add_address", [
        {"ws": ws, "mac": mac, "person": person.id, "kind": address.kind, "key": kit.vault.mac_key_id,
         "sealed": kit.vault.seal(ws, person.id, person.wrapped, address.dial.encode(), mac), "event": event.id}
        for address, mac in macs
    ])
    every = [mac for address, _ in macs for mac in kit.vault.address_macs(ws, address)]
    noes = sorted({(said, source) for _, said, source in tx.rows_among("suppressed_among", every, ws=ws)})
    brought = _brought_back(tx, ws, person) if noes else set()
    for said, source in noes:
        if source in brought and not person.standing.grants:  # by another address of the same erasure
            continue
        # A yes of this record was given without knowing of that no: learning of it now, the stricter state is kept.
        _, person = tell(tx, kit, ws, person, "suppression_restored", cells=(EVERYTHING,), clock=OWN_CLOCK,
                         occurred_at=0 if person.standing.grants else said, facts={"erasure": source})
    return person


def _brought_back(tx: Tx, ws: str, person: Person) -> set[str]:
    """The erasures whose no stands in this record already."""
    return {str(fact.facts.get("erasure")) for fact in facts_of(tx, ws, person.id)
            if fact.type == "suppression_restored"}


def _current(tx: Tx, ws: str, person: Person) -> set[bytes]:
    """The MACs of the addresses a person has now."""
    return {bytes(row[0]) for row in tx.rows("addresses_of", ws=ws, person=person.id) if row[2] == "current"}


def merge(tx: Tx, kit: Kit, ws: str, person: Person, gone: Person) -> Person:
    """Two records are one person. `gone` lives on as part of `person`; its stops hold for every address at once."""
    for mac, _, state, _, sealed, event in tx.rows("addresses_of", ws=ws, person=gone.id):
        _take_over(tx, kit, ws, person, gone, mac, state, sealed, event)
    tx.run("merge_people", ws=ws, into=person.id, gone=gone.id)
    tx.run("move_permits", ws=ws, into=person.id, gone=gone.id)
    tx.run("move_outbox", ws=ws, into=person.id, gone=gone.id)
    tx.run("move_waits", ws=ws, into=person.id, gone=gone.id)
    event = append(tx, kit, ws, "people_merged", person=person.id, wrapped=person.wrapped, facts={"from": gone.id})
    together = lifecycle.with_windows(person.standing, gone.standing.windows)
    both = replace(person, standing=together, epoch=person.epoch)
    return settle(tx, ws, both, event)


def _take_over(tx: Tx, kit: Kit, ws: str, person: Person, gone: Person, mac: bytes, state: str, sealed: bytes,
               event: str) -> None:
    mine = [row for row in tx.rows("holders_of_mac", ws=ws, mac=mac) if row[0] == person.id]
    if gone.wrapped is None or person.wrapped is None:
        return
    if mine:  # both records knew it; keep one row, current if either was
        tx.run("drop_address", ws=ws, mac=mac, person=gone.id)
        if state == "current":
            tx.run("set_address_state", ws=ws, mac=mac, person=person.id, state=state, event=event)
        return
    dial = kit.vault.unseal(ws, gone.id, gone.wrapped, sealed, mac)
    resealed = kit.vault.seal(ws, person.id, person.wrapped, dial, mac)
    tx.run("move_address", ws=ws, mac=mac, gone=gone.id, into=person.id, sealed=resealed)


def number_changed(tx: Tx, kit: Kit, ws: str, old: Sequence[Address], new: Sequence[Address], *,
                   occurred_at: int, clock: str) -> Person:
    """The provider reports that one person moved from `old` to `new`. What stood for the person stands for the new
    addresses; the old ones become former: a stop from there still counts, a yes from there never does.

    Meta: system messages `user_changed_number` and `user_changed_user_id` (webhooks reference, system).
    """
    holders = [person for address in old if (person := find(tx, kit, ws, address))]
    if not holders and not suppressed(tx, kit, ws, old):
        return identify(tx, kit, ws, new, how="number_changed")
    if not holders:  # an erased person's no moves along with them
        holders = [identify(tx, kit, ws, old, how="number_changed")]
    person = _existing(tx, kit, ws, sorted({holder.id for holder in holders}))
    kept = set(new)
    left = [address for address in dict.fromkeys(old) if address not in kept]
    mine = _current(tx, ws, person)  # what was left before was left then: a second leaving would make it later
    macs = [(address, mac) for address in left for mac in kit.vault.address_macs(ws, address) if mac in mine]
    evidence = {f"address{place}": f"{address.kind}:{mac.hex()}" for place, (address, mac) in enumerate(macs)}
    event, person = tell(tx, kit, ws, person, "address_left", occurred_at=occurred_at, clock=clock, evidence=evidence)
    for _, mac in macs:
        tx.run("set_address_state", ws=ws, mac=mac, person=person.id, state="former", event=event.id)
    held = {row[0] for address in new if (row := look_up(tx, kit, ws, address))} - {person.id}
    for other in sorted(held):
        gone = person_by_id(tx, ws, other)
        if gone is not None and gone.id != person.id:
            person = _meet(tx, kit, ws, person, gone, new, occurred_at, clock)
    missing = [address for address in new if look_up(tx, kit, ws, address) is None]
    return _link(tx, kit, ws, person, missing, "number_changed") if missing else person


def _meet(tx: Tx, kit: Kit, ws: str, person: Person, holder: Person, new: Sequence[Address], at: int,
          clock: str) -> Person:
    """Somebody holds an address this person moved to. Without any other address, or if they were first seen with it
    soon after the move (its webhook came late), it is the same person, met before; else it is somebody else who had the
    number: they keep their record, and the number brings along only their no.
    """
    macs = {mac for address in new for mac in kit.vault.address_macs(ws, address)}
    rows = [row for row in tx.rows("addresses_of", ws=ws, person=holder.id) if row[2] == "current"]
    current = {bytes(row[0]): row[1] for row in rows}
    links = [_event(tx, ws, row[5]) for row in rows if bytes(row[0]) in macs]
    since = [link.occurred_at if link else 0 for link in links]
    if current.keys() <= macs or all(link is not None and _soon_after(link, at, clock) for link in links):
        return merge(tx, kit, ws, person, holder)
    lost = sorted(current.keys() & macs)
    evidence = {f"address{place}": f"{current[mac]}:{mac.hex()}" for place, mac in enumerate(lost)}
    # Who had it before the move left it by then, or the late messages of who moved would count as theirs.
    event, holder = tell(tx, kit, ws, holder, "address_left", occurred_at=at if max(since) <= at else 0,
                         evidence=evidence)
    for mac in lost:
        tx.run("set_address_state", ws=ws, mac=mac, person=holder.id, state="former", event=event.id)
    for mark in holder.standing.stops:
        if lifecycle.blocking(holder.standing, mark.cell) is not None:
            _, person = tell(tx, kit, ws, person, "said_stop", cells=(mark.cell,), occurred_at=mark.at,
                             clock=mark.clock, facts={"how": "former_address"})
    return person


def _event(tx: Tx, ws: str, event_id: str) -> Event | None:
    """The fact by which an address was linked or left; None where it is not at hand."""
    row = tx.row("event", ws=ws, event=event_id)
    return events.decode(bytes(row[0])) if row else None


def _happened_at(tx: Tx, ws: str, event_id: str) -> int:
    event = _event(tx, ws, event_id)
    return event.occurred_at if event else 0


def _soon_after(link: Event, at: int, clock: str) -> bool:
    """True if an address was linked after a move of this time, before an operator gives the number to somebody else.
    Of another clock only by more than SKEW it is sure that it was before.
    """
    slack = 0 if link.clock == clock else lifecycle.SKEW
    return at - slack <= link.occurred_at <= at + RETRIED


def former_holders(tx: Tx, ws: str, person: Person) -> list[Person]:
    """Everybody else who once had one of the addresses this person was identified by: a stop from there counts for
    them too.
    """
    people = [person_by_id(tx, ws, who) for who in person.formers if who != person.id]
    return [other for other in people if other is not None and other.id != person.id]


def reachable(tx: Tx, kit: Kit, ws: str, person: Person) -> Address | None:
    """The current address to write to, with the spelling the provider knows: a phone first."""
    if person.wrapped is None:
        return None
    rows = [row for row in tx.rows("addresses_of", ws=ws, person=person.id) if row[2] == "current"]
    if not rows:
        return None
    mac, kind, _, _, sealed, _ = min(rows, key=lambda row: (PREFERENCE[row[1]], row[0]))
    return Address(kind, kit.vault.unseal(ws, person.id, person.wrapped, sealed, mac).decode())


def learn(tx: Tx, kit: Kit, ws: str, person: Person, contacts: Sequence[Address]) -> Person:
    """Link what a send response says of its recipient: Meta rewrites some numbers and adds the user id. A receipt of
    long ago makes no address theirs that they left, and nobody who left one of these addresses one with its new holder.
    """
    macs = {mac: address for address in contacts for mac in kit.vault.address_macs(ws, address)}
    rows = [(macs[bytes(row[0])], row[1], row[2]) for row in tx.rows_among("holders_among", list(macs), ws=ws)]
    holders = {address: who for address, who, state in rows if state == "current"}
    left = [(address, who) for address, who, _ in rows if holders.get(address) != who]
    movers = {who for _, who in left} - {person.id}
    new = [address for address in contacts if (address, person.id) not in left
           and holders.get(address, "") not in movers | {person.id}]
    if not new:
        return person
    others = {holders[address] for address in new if address in holders}
    survivor = _existing(tx, kit, ws, sorted(others | {person.id}))
    missing = [address for address in new if address not in holders]
    return _link(tx, kit, ws, survivor, missing, "send_response") if missing else survivor
