"""Idempotency keys: the same request sent again gets the first answer, and nothing happens twice.

Rules of the room: the first answer is stored in the transaction of its effect, sealed, with a MAC of what was asked.
An error stored nothing and remembers nothing. A key belongs to one workspace, API key, method and route, for 24 h.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sayso.errors import IdempotencyMismatch, InvalidRequest
from sayso.flows.kit import Kit
from sayso.ports import DAY
from sayso.store.base import Tx
from sayso.web.call import Answer, Call

#: How long a first answer is kept.
KEPT: Final = DAY
#: Says that an answer is a first answer given again.
REPLAYED: Final = (b"idempotent-replayed", b"true")

#: Printable ASCII; 255 is what clients of other APIs are used to.
_KEY: Final = re.compile(rb"[\x21-\x7e]{1,255}\Z")


def key_of(call: Call) -> str:
    """The request's idempotency key, empty if it has none. Raises InvalidRequest."""
    given = call.header(b"idempotency-key")
    if given and not _KEY.match(given):
        raise InvalidRequest("An idempotency key is 1 to 255 printable ASCII characters without spaces.",
                             param="Idempotency-Key")
    return given.decode("ascii")


def once(tx: Tx, kit: Kit, call: Call, idem: str, work: Callable[[Tx], Answer]) -> Answer:
    """Do the work, or give its first answer again. Raises IdempotencyMismatch if the key came with something else.

    Two at the same time: on SQLite one writes after the other; on PostgreSQL the second one's row collides, its
    transaction is undone and tried again, and then finds the first one's answer.
    """
    if not idem:
        return work(tx)
    key = call.known().key
    since = tx.now() - KEPT
    mac = kit.vault.body_mac(key.ws, _asked(call))
    row = tx.row("idempotent_answer", ws=key.ws, key=key.id, route=call.route, idem=idem, since=since)
    aad = f"{key.id} {call.route} {idem}".encode()
    if row is not None:
        if bytes(row[0]) != mac:
            raise IdempotencyMismatch(param="Idempotency-Key")
        body = kit.vault.unseal_workspace(key.ws, bytes(row[2]), aad)
        return Answer(row[1], body, headers=(REPLAYED,))
    if tx.row("idempotent_answer", ws=key.ws, key=key.id, route=call.route, idem=idem, since=0) is not None:
        tx.run("purge_idempotency", before=since)  # a day old, and the worker has not come round yet
    first = work(tx)
    tx.run("add_idempotent_answer", ws=key.ws, key=key.id, route=call.route, idem=idem, mac=mac, status=first.status,
           sealed=kit.vault.seal_workspace(key.ws, first.body, aad), now=tx.now())
    return first


def replayed(answer: Answer) -> bool:
    """True for a first answer given again."""
    return REPLAYED in answer.headers


def _asked(call: Call) -> bytes:
    """What was asked: the whole path, for one route names many permits, and the body as it came."""
    path: str = call.scope["path"]
    return path.encode() + b"\n" + call.raw
