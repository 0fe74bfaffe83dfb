"""The Merkle tree of a workspace's events, after RFC 6962 section 2.1.

The tree is kept as its *complete subtrees*: node (level, index) covers the leaves from `index << level` up to
`(index + 1) << level`, level 0 being the leaf hashes. Such a node never changes once it exists, so storage
only inserts. Every question reads O(log n) nodes through a callback `get(level, index) -> 32 bytes`; what it
raises for a missing node passes through untouched.

Rules of the room: no storage, no cleverness; a verifier answers False for anything it does not understand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

Get = Callable[[int, int], bytes]
Node = tuple[int, int, bytes]

# RFC 6962 section 2.1: leaves and inner nodes start differently, so that neither can pass for the other.
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"

# Every hash in the tree is one SHA-256 digest.
HASH_BYTES = 32

# Sizes and indexes are signed 64-bit integers wherever they are stored.
MAX_SIZE = 2**63 - 1

# RFC 6962 section 2.1: the hash of an empty list is the hash of an empty string.
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """The 32-byte hash of one leaf: SHA-256(0x00 || body)."""
    return hashlib.sha256(LEAF_PREFIX + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def append(size: int, leaf_hash: bytes, get: Get) -> list[Node]:
    """The nodes that become complete when `leaf_hash` is added to a tree of `size` leaves, leaf first.

    Raises ValueError when the tree is full or the hash is not 32 bytes long.
    """
    _check_size(size + 1)
    if len(leaf_hash) != HASH_BYTES:
        raise ValueError("a leaf hash is 32 bytes long")
    level, index, digest = 0, size, leaf_hash
    nodes = [(level, index, digest)]
    while index % 2 == 1:
        digest = node_hash(get(level, index - 1), digest)
        level, index = level + 1, index // 2
        nodes.append((level, index, digest))
    return nodes


def extend(size: int, leaf_hashes: Iterable[bytes], get: Get) -> list[Node]:
    """`append` for many leaves at once; `get` need not see the nodes made on the way."""
    fresh: dict[tuple[int, int], bytes] = {}

    def get_fresh(level: int, index: int) -> bytes:
        return fresh[level, index] if (level, index) in fresh else get(level, index)

    for offset, digest in enumerate(leaf_hashes):
        for level, index, made in append(size + offset, digest, get_fresh):
            fresh[level, index] = made
    return [(level, index, digest) for (level, index), digest in fresh.items()]


def root(size: int, get: Get) -> bytes:
    """The 32-byte root of the first `size` leaves. Raises ValueError for an impossible size."""
    _check_size(size)
    return EMPTY_ROOT if size == 0 else _range_hash(0, size, get)


def inclusion(index: int, size: int, get: Get) -> list[bytes]:
    """The audit path of leaf `index` in a tree of `size` leaves, leaf end first (RFC 6962 section 2.1.1).

    Raises ValueError when there is no such leaf.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of this size")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(middle, high, get))
            high = middle
        else:
            path.append(_range_hash(low, middle, get))
            low = middle
    return path[::-1]


def consistency(old: int, new: int, get: Get) -> list[bytes]:
    """Proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 section 2.1.2).

    Empty when the sizes are equal or `old` is 0. Raises ValueError when `old` is larger than `new`.
    """
    _check_size(new)
    if not 0 <= old <= new:
        raise ValueError("the older tree is not larger than the newer one")
    if old == 0:
        return []
    path: list[bytes] = []
    low, high = 0, new
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_hash(middle, high, get))
            high = middle
        else:
            path.append(_range_hash(low, middle, get))
            low = middle
    # A subtree that starts at leaf 0 is the old tree itself, whose root the verifier already has.
    if low > 0:
        path.append(_range_hash(low, high, get))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` leads from the 32-byte `leaf` hash at `index` to the `root` of `size` leaves.

    Follows RFC 9162 section 2.1.3.2, which spells out the check of RFC 6962 proofs. Never raises.
    """
    if not 0 <= index < size <= MAX_SIZE or not _all_hashes(leaf, root, *proof):
        return False
    place, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place % 2 == 1 or place == last:
            digest = node_hash(sibling, digest)
            # The last node of an odd level moves up without a sibling, perhaps over several levels.
            while place % 2 == 0 and place != 0:
                place, last = place >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and digest == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree of `new` leaves only adds to the tree of `old` leaves.

    Follows RFC 9162 section 2.1.4.2. Never raises.
    """
    if not 0 <= old <= new <= MAX_SIZE or not _all_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    # A power of two is one complete subtree: the proof leaves it out because the verifier holds its root.
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    return bool(path) and _climb(old, new, path) == (old_root, new_root)


def _climb(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency path leads to, or None when its length does not fit."""
    place, last = old - 1, new - 1
    while place % 2 == 1:
        place, last = place >> 1, last >> 1
    old_digest = new_digest = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place % 2 == 1 or place == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while place % 2 == 0 and place != 0:
                place, last = place >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        place, last = place >> 1, last >> 1
    return (old_digest, new_digest) if last == 0 else None


def _range_hash(low: int, high: int, get: Get) -> bytes:
    """The hash over leaves low..high-1; `low` is a multiple of the power of two that the width fits in."""
    width = high - low
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return get(level, low >> level)
    middle = low + _split(width)
    return node_hash(_range_hash(low, middle, get), _range_hash(middle, high, get))


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (RFC 6962 section 2.1, the k of the definition)."""
    return 1 << ((width - 1).bit_length() - 1)


def _all_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ValueError("a tree has between 0 and 2**63 - 1 leaves")
