"""The ledger's second and third stage: integrate (give committed events their leaf index, grow the tree) and publish
(sign size and root). Outside the hot path, one integrator per workspace at a time.

A checkpoint is stored in the transaction that made its leaves: two that contradict each other cannot both commit.
"""

from __future__ import annotations

from typing import Final

from sayso.core import checkpoints, merkle
from sayso.core.checkpoints import Checkpoint
from sayso.errors import IntegrityError
from sayso.flows.kit import Kit
from sayso.store.base import Tx

#: Leaves integrated in one transaction.
BATCH: Final = 1_000


def origin(kit: Kit, ws: str) -> str:
    """The checkpoint's name: this installation and this workspace."""
    return checkpoints.origin_for(kit.vault.installation_id, ws)


def nodes_of(tx: Tx, ws: str) -> merkle.Get:
    """Reads complete-subtree hashes. Raises IntegrityError if one is missing."""

    def get(level: int, index: int) -> bytes:
        row = tx.row("node", ws=ws, level=level, place=index)
        if row is None:
            raise IntegrityError(f"The ledger's tree lacks node {level}/{index}.")
        return bytes(row[0])

    return get


def integrate(tx: Tx, kit: Kit, ws: str, *, batch: int = BATCH) -> int:
    """Give up to `batch` waiting events their places and sign the new size. Returns how many; 0 if none waited or
    another integrator is at work.
    """
    if tx.row("lock_ledger", ws=ws) is None:
        return 0
    waiting = tx.rows("waiting_events", ws=ws, limit=batch)
    if not waiting:
        return 0
    row = tx.row("tree_size", ws=ws)
    size = int(row[0]) if row else 0
    fresh = merkle.extend(size, [merkle.leaf_hash(bytes(body)) for _, body in waiting], nodes_of(tx, ws))
    tx.run_many("add_leaf", [{"ws": ws, "place": size + n, "event": event} for n, (event, _) in enumerate(waiting)])
    tx.run_many("drop_unintegrated", [{"ws": ws, "event": event} for event, _ in waiting])
    tx.run_many("add_node", [{"ws": ws, "level": level, "place": index, "hash": digest}
                             for level, index, digest in fresh])
    publish(tx, kit, ws, size + len(waiting))
    return len(waiting)


def publish(tx: Tx, kit: Kit, ws: str, size: int) -> None:
    """Sign and store the checkpoint of this size (C2SP tlog-checkpoint, signed-note)."""
    root = merkle.root(size, nodes_of(tx, ws))
    name = origin(kit, ws)
    text = checkpoints.encode(Checkpoint(name, size, root))
    note = checkpoints.note(text, name, kit.vault.public_key, kit.vault.sign(text.encode()))
    tx.run("add_checkpoint", ws=ws, size=size, root=root, note=note, now=kit.now())
