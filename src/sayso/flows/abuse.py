"""Against abuse: how many questions may be caused, by whom and to whom. In the service, for every route that asks a
number somebody typed.

Rules of the room: what is counted is stored as a keyed MAC, never as itself, and forgotten when no limit looks at it
any more. Only what was let through counts, so that hammering at a form keeps nobody else out for longer. A question
refused here is refused silently to whoever typed the number, and loudly to the operator (log and metric).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sayso.core.events import Event, Fact
from sayso.core.identity import Address, country_of
from sayso.core.workspace import Workspace
from sayso.errors import Limited
from sayso.flows.kit import Kit
from sayso.flows.links import Link
from sayso.ports import DAY, HOUR, MINUTE
from sayso.store.base import Tx
from sayso.telemetry import FORMS_REFUSED, log


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in any `window`; it is counted in slots, so a window can last one slot longer. Microseconds."""

    name: str
    most: int
    window: int
    slot: int


#: One number is asked once a day and three times a month, whoever types it.
NUMBER_DAY: Final = Limit("number_day", 1, DAY, HOUR)
NUMBER_MONTH: Final = Limit("number_month", 3, 30 * DAY, DAY)
#: One visitor (an IPv6 /64 is one household) sends a form five times an hour, their neighbourhood twenty times.
NETWORK: Final = Limit("network", 5, HOUR, 5 * MINUTE)
BLOCK: Final = Limit("block", 20, HOUR, 5 * MINUTE)
#: Numbers that differ in the last two digits only: fraud for a share of the fees comes in such rows.
NEIGHBOURS: Final = Limit("neighbours", 4, DAY, HOUR)
#: Numbers that differ in the last four digits only.
PREFIX: Final = Limit("prefix", 20, HOUR, 5 * MINUTE)
#: A country that is not the workspace's own gets this part of the day's questions.
FOREIGN_SHARE: Final = 4
#: How long a question counts against its country and the day's budget (`policy.prompts_a_day`).
COUNTRY: Final = Limit("country", 0, DAY, HOUR)
BUDGET: Final = Limit("budget", 0, DAY, HOUR)
#: The breaker: of the newest 50 questions of a day at least a fifth must have been answered with a yes. While it is
#: open ten questions an hour still go out, or it could never close again.
BREAKER_LOOKS_AT: Final = 50
BREAKER_NEEDS: Final = 10
TRICKLE: Final = Limit("breaker", 10, HOUR, 5 * MINUTE)
#: Tries to find a free microsecond for a question; two at the same one are rare.
TURNS: Final = 100

#: One private link changes this much; stopping does not count and is never refused.
LINK: Final = Limit("link", 30, HOUR, 5 * MINUTE)

Counted = tuple[Limit, str]


class _Over(Exception):
    """A limit is reached; undoes what was counted beside it."""


def countries(workspace: Workspace) -> tuple[str, ...]:
    """Countries whose numbers may be asked through a form: as declared, else the workspace's own."""
    if workspace.policy.countries or workspace.country:
        return workspace.policy.countries or (workspace.country,)
    return tuple(dict.fromkeys(country_of(Address("phone", sender.phone)) for sender in workspace.senders.values()))


def visited(tx: Tx, kit: Kit, workspace: Workspace, ip: str) -> bool:
    """Count a form sent from this address, as text; False if its network sent too many. Unknown counts as one."""
    network, block = networks(ip)
    return _take(tx, kit, workspace, ((NETWORK, network), (BLOCK, block)))


def changed_by_link(tx: Tx, kit: Kit, workspace: Workspace, link: Link) -> None:
    """Count a change that somebody makes by a private link. Raises Limited."""
    _admit(tx, kit, workspace, ((LINK, f"{link.person} {link.use} {link.made_at}"),))


def admit(tx: Tx, kit: Kit, workspace: Workspace, address: Address) -> dict[str, Fact]:
    """Count a question that a form is about to cause. Raises Limited and counts nothing if there were too many.

    What it returns goes into the request's facts, so that `confirmed` knows which question a yes answers.
    """
    day, value = workspace.policy.prompts_a_day, address.value
    country = country_of(address)
    home = country == workspace.country
    counted: list[Counted] = [
        (NUMBER_DAY, value), (NUMBER_MONTH, value), (PREFIX, value[:-4]), *_neighbours(value),
        (replace(COUNTRY, most=day if home else day // FOREIGN_SHARE), country),
        (replace(BUDGET, most=day), ""),
    ]
    if _broken(tx, kit, workspace):
        counted.append((TRICKLE, ""))
    _admit(tx, kit, workspace, counted)
    return {"turn": _turn(tx, kit, workspace)}


def admit_known_client(tx: Tx, kit: Kit, workspace: Workspace, address: Address) -> dict[str, Fact]:
    """The same for a client with an API key, which answers for its own forms: the number's limits and the budget."""
    counted = ((NUMBER_DAY, address.value), (NUMBER_MONTH, address.value),
               (replace(BUDGET, most=workspace.policy.prompts_a_day), ""))
    _admit(tx, kit, workspace, counted)
    return {}


def confirmed(tx: Tx, kit: Kit, ws: str, request: Event) -> None:
    """A yes came to this request; if a form caused it, the breaker hears of it."""
    turn = request.facts.get("turn")
    if isinstance(turn, int):
        tx.run("confirm_turn", ws=ws, bucket=_bucket(kit, ws, "turns", ""), slot=turn)


def spend(tx: Tx, kit: Kit, ws: str, what: str, expires_at: int) -> bool:
    """Use up something that is good once; False if it was used before. `expires_at` in microseconds."""
    return tx.run("spend", ws=ws, mac=kit.vault.body_mac(ws, f"spent\0{what}".encode()), expires=expires_at) > 0


def networks(ip: str) -> tuple[str, str]:
    """The network of one visitor and the block around it: the address and its /24, of IPv6 the /64 and the /48."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return "", ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    near, far = (32, 24) if address.version == 4 else (64, 48)
    return _around(address, near), _around(address, far)


def _around(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> str:
    return str(ipaddress.ip_network((address, length), strict=False))


def _neighbours(value: str) -> list[Counted]:
    """The hundred a number is in, and the hundred shifted by half, so that a row across an edge is one row too."""
    return [(NEIGHBOURS, value[:-2]), (NEIGHBOURS, f"half {(int(value[1:]) + 50) // 100}")]


def _admit(tx: Tx, kit: Kit, workspace: Workspace, counted: Sequence[Counted]) -> None:
    if not _take(tx, kit, workspace, counted):
        raise Limited


def _take(tx: Tx, kit: Kit, workspace: Workspace, counted: Sequence[Counted]) -> bool:
    """Count all of them, or none if one is over. Counting comes before looking: on PostgreSQL the row is ours then,
    and two that come at once cannot both be the last one allowed. In one order, so that they cannot block each other.
    """
    now, ws = kit.now(), workspace.id
    buckets = sorted((_bucket(kit, ws, limit.name, what), limit) for limit, what in counted)
    try:
        with tx.savepoint():
            for bucket, limit in buckets:
                slot = now // limit.slot
                tx.run("add_hit", ws=ws, bucket=bucket, slot=slot, expires=now + limit.window + 2 * limit.slot)
                row = tx.row("hits_since", ws=ws, bucket=bucket, slot=slot - limit.window // limit.slot)
                if row is not None and int(row[0]) > limit.most:
                    raise _Over(limit.name)
    except _Over as over:
        tell_refused(workspace, str(over))
        return False
    return True


def _broken(tx: Tx, kit: Kit, workspace: Workspace) -> bool:
    """True while hardly anybody who is asked says yes: then somebody is typing other people's numbers."""
    rows = tx.rows("last_turns", ws=workspace.id, bucket=_bucket(kit, workspace.id, "turns", ""),
                   since=kit.now() - DAY, limit=BREAKER_LOOKS_AT)
    return len(rows) == BREAKER_LOOKS_AT and sum(row[0] for row in rows) < BREAKER_NEEDS


def _turn(tx: Tx, kit: Kit, workspace: Workspace) -> int:
    """Write down that a question went out, and under which number."""
    now, bucket = kit.now(), _bucket(kit, workspace.id, "turns", "")
    for turn in range(now, now + TURNS):
        if tx.run("add_turn", ws=workspace.id, bucket=bucket, slot=turn, expires=now + 2 * DAY):
            return turn
    raise Limited


def _bucket(kit: Kit, ws: str, name: str, what: str) -> bytes:
    return kit.vault.body_mac(ws, f"hits\0{name}\0{what}".encode())


def tell_refused(workspace: Workspace, why: str) -> None:
    """Tell the operator that a form, or a question it would have caused, was turned away."""
    FORMS_REFUSED.labels(why).inc()
    log("form_refused", reason=why, workspace=workspace.slug)

