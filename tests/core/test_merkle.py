"""The ledger's tree: published vectors, every proof up to 64 leaves against a naive reference, forgeries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import merkle

# The eight leaves that the Certificate Transparency implementations have published their hashes for.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEFT_HALF = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
RIGHT_HALF = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
CT_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        RIGHT_HALF,
    ],
    (3, 8): [
        "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        RIGHT_HALF,
    ],
    (7, 8): [
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        LEFT_HALF,
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): CT_INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        LEFT_HALF,
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LARGEST = 64


class Shelf:
    """Storage as the ledger has it: nodes are put once, never changed, and reads are counted."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def get(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.nodes[level, index]

    def put(self, nodes: Sequence[merkle.Node]) -> None:
        for level, index, digest in nodes:
            assert (level, index) not in self.nodes
            self.nodes[level, index] = digest


def grown(bodies: Sequence[bytes]) -> Shelf:
    shelf = Shelf()
    for size, body in enumerate(bodies):
        shelf.put(merkle.append(size, merkle.leaf_hash(body), shelf.get))
    return shelf


def naive_root(bodies: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word and slow."""
    if not bodies:
        return hashlib.sha256(b"").digest()
    if len(bodies) == 1:
        return hashlib.sha256(b"\0" + bodies[0]).digest()
    k = naive_split(len(bodies))
    return hashlib.sha256(b"\1" + naive_root(bodies[:k]) + naive_root(bodies[k:])).digest()


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_path(m: int, bodies: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(bodies) == 1:
        return []
    k = naive_split(len(bodies))
    if m < k:
        return [*naive_path(m, bodies[:k]), naive_root(bodies[k:])]
    return [*naive_path(m - k, bodies[k:]), naive_root(bodies[:k])]


def naive_subproof(m: int, bodies: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if m == len(bodies):
        return [] if whole else [naive_root(bodies)]
    k = naive_split(len(bodies))
    if m <= k:
        return [*naive_subproof(m, bodies[:k], whole), naive_root(bodies[k:])]
    return [*naive_subproof(m - k, bodies[k:], False), naive_root(bodies[:k])]


def hexes(digests: Sequence[bytes]) -> list[str]:
    return [digest.hex() for digest in digests]


BODIES = [b"event %d" % number for number in range(LARGEST)]
SHELF = grown(BODIES)
ROOTS = [naive_root(BODIES[:size]) for size in range(LARGEST + 1)]
LEAVES = [merkle.leaf_hash(body) for body in BODIES]


def test_it_has_the_published_roots() -> None:
    shelf = grown(CT_LEAVES)
    assert hexes([merkle.root(size, shelf.get) for size in range(9)]) == CT_ROOTS


def test_it_makes_the_published_proofs() -> None:
    shelf = grown(CT_LEAVES)
    for (index, size), published in CT_INCLUSION.items():
        assert hexes(merkle.inclusion(index, size, shelf.get)) == published
    for (old, new), published in CT_CONSISTENCY.items():
        assert hexes(merkle.consistency(old, new, shelf.get)) == published


def test_an_empty_ledger_has_the_hash_of_nothing_as_root() -> None:
    assert merkle.root(0, Shelf().get) == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_every_root_and_inclusion_proof_is_the_reference_s_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        assert merkle.root(size, SHELF.get) == ROOTS[size]
        for index in range(size):
            proof = merkle.inclusion(index, size, SHELF.get)
            assert proof == naive_path(index, BODIES[:size])
            assert merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_is_the_reference_s_and_verifies() -> None:
    for new in range(1, LARGEST + 1):
        assert merkle.consistency(0, new, SHELF.get) == []
        assert merkle.verify_consistency(0, new, [], ROOTS[0], ROOTS[new])
        for old in range(1, new + 1):
            proof = merkle.consistency(old, new, SHELF.get)
            assert proof == naive_subproof(old, BODIES[:new], True)
            assert merkle.verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])


def test_a_proof_proves_no_other_leaf_place_size_or_root() -> None:
    for size in range(1, 33):
        for index in range(size):
            proof = merkle.inclusion(index, size, SHELF.get)
            leaf, root = LEAVES[index], ROOTS[size]
            assert not merkle.verify_inclusion(LEAVES[(index + 1) % LARGEST], index, size, proof, root)
            assert not merkle.verify_inclusion(leaf, index, size, proof, ROOTS[size + 1])
            assert not merkle.verify_inclusion(leaf, index, size, [*proof, root], root)
            assert not any(
                merkle.verify_inclusion(leaf, other, size, proof, root)
                for other in range(size)
                if other != index
            )
            for place in range(len(proof)):
                assert not merkle.verify_inclusion(leaf, index, size, flipped(proof, place), root)
                assert not merkle.verify_inclusion(leaf, index, size, proof[:place] + proof[place + 1:], root)


def test_a_rewritten_past_is_not_consistent() -> None:
    for new in range(2, 33):
        for old in range(1, new):
            proof = merkle.consistency(old, new, SHELF.get)
            assert not merkle.verify_consistency(old, new, proof, ROOTS[old - 1], ROOTS[new])
            assert not merkle.verify_consistency(old, new, proof, ROOTS[old], ROOTS[new + 1])
            assert not merkle.verify_consistency(old, new, [*proof, ROOTS[1]], ROOTS[old], ROOTS[new])
            for place in range(len(proof)):
                assert not merkle.verify_consistency(old, new, flipped(proof, place), ROOTS[old], ROOTS[new])
                assert not merkle.verify_consistency(
                    old, new, proof[:place] + proof[place + 1:], ROOTS[old], ROOTS[new]
                )


def flipped(proof: Sequence[bytes], place: int) -> list[bytes]:
    changed = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    return [*proof[:place], changed, *proof[place + 1:]]


def test_a_verifier_says_no_to_nonsense_instead_of_raising() -> None:
    leaf, root = LEAVES[0], ROOTS[1]
    assert merkle.verify_inclusion(leaf, 0, 1, [], root)
    for index, size in ((-1, 1), (1, 1), (0, 0), (0, -1), (0, 2**63), (2**64, 2**65)):
        assert not merkle.verify_inclusion(leaf, index, size, [], root)
    assert not merkle.verify_inclusion(leaf[:-1], 0, 1, [], root)
    assert not merkle.verify_inclusion(leaf, 0, 1, [], root + b"\0")
    assert not merkle.verify_inclusion(leaf, 0, 2, [b"short"], ROOTS[2])
    assert not merkle.verify_consistency(2, 1, [], ROOTS[2], ROOTS[1])
    assert not merkle.verify_consistency(-1, 1, [], ROOTS[1], ROOTS[1])
    assert not merkle.verify_consistency(1, 2**63, [], ROOTS[1], ROOTS[1])
    assert not merkle.verify_consistency(1, 1, [ROOTS[1]], ROOTS[1], ROOTS[1])
    assert not merkle.verify_consistency(1, 1, [], ROOTS[1], ROOTS[2])
    assert not merkle.verify_consistency(0, 1, [], ROOTS[1], ROOTS[1])
    assert not merkle.verify_consistency(3, 4, [], ROOTS[3], ROOTS[4])
    assert not merkle.verify_consistency(3, 4, [b"short"], ROOTS[3], ROOTS[4])


def test_it_refuses_to_build_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        merkle.append(0, b"short", SHELF.get)
    with pytest.raises(ValueError, match="leaves"):
        merkle.append(merkle.MAX_SIZE, LEAVES[0], SHELF.get)
    with pytest.raises(ValueError, match="leaves"):
        merkle.root(-1, SHELF.get)
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="not in a tree"):
            merkle.inclusion(index, size, SHELF.get)
    with pytest.raises(ValueError, match="not larger"):
        merkle.consistency(3, 2, SHELF.get)


def test_a_node_that_is_missing_from_storage_is_not_papered_over() -> None:
    with pytest.raises(KeyError):
        merkle.root(LARGEST + 1, SHELF.get)


@given(st.integers(0, 40), st.integers(0, 40))
def test_many_leaves_at_once_make_the_same_nodes_as_one_by_one(before: int, added: int) -> None:
    shelf = grown(BODIES[:before])
    more = [merkle.leaf_hash(b"more %d" % number) for number in range(added)]
    shelf.put(merkle.extend(before, more, shelf.get))
    slow = grown(BODIES[:before])
    for number, leaf in enumerate(more):
        slow.put(merkle.append(before + number, leaf, slow.get))
    assert shelf.nodes == slow.nodes


def test_its_questions_read_few_nodes_however_large_the_tree() -> None:
    size = 100_003
    shelf = Shelf()
    shelf.put(merkle.extend(0, (merkle.leaf_hash(b"%d" % number) for number in range(size)), shelf.get))
    bound = 2 * size.bit_length()
    for question in (
        lambda: merkle.root(size, shelf.get),
        lambda: merkle.append(size, LEAVES[0], shelf.get),
        lambda: merkle.inclusion(70_000, size, shelf.get),
        lambda: merkle.inclusion(0, size, shelf.get),
        lambda: merkle.consistency(65_537, size, shelf.get),
        lambda: merkle.consistency(99_999, size, shelf.get),
    ):
        shelf.reads = 0
        assert question()
        assert shelf.reads <= bound
