"""Owing: rows of the outbox, written in the same transaction as the fact that caused them."""

from __future__ import annotations

from sayso.flows.kit import Kit
from sayso.store.base import Tx


def owe(tx: Tx, kit: Kit, ws: str, person: str, kind: str, *, sender: str, answers: str, dedupe: str = "",
        run_at: int = 0) -> bool:
    """Put a message or a note into the outbox; False if it was owed before. `answers` is the event it replies to.

    The row holds no text and no address: both are looked up when it is sent, so an erasure or a stop in between
    finds nothing left to leak. `created_at` is the database's time, for the drain compares it with permits.
    """
    now = tx.now()
    added = tx.run("enqueue", ws=ws, outbox=kit.ports.new_id("out"), person=person, kind=kind, sender=sender,
                   answers=answers, dedupe=dedupe or f"{kind}:{answers}", run_at=run_at or now, now=now)
    return added > 0
