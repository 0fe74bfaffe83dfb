"""Checkpoints and signed notes: the published note, one spelling only, and nothing but the right form."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sayso.core import checkpoints
from sayso.core.checkpoints import Checkpoint
from sayso.errors import IntegrityError

# The key and note that the Go implementation of signed notes is tested with.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n\u2014 PeterNeumann {GO_SIGNATURE}\n"
# The checkpoint that the C2SP pages show.
C2SP_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
ORIGIN = checkpoints.origin_for("ins_01JA0000000000000000000000", "wrk_01JA0000000000000000000000")
CHECKPOINT = Checkpoint(ORIGIN, 12, hashlib.sha256(b"root").digest())
TEXT = checkpoints.encode(CHECKPOINT)
NOTE = checkpoints.note(TEXT, ORIGIN, PUBLIC, SIGNER.sign(TEXT.encode()))


def test_it_reads_the_published_key_and_note() -> None:
    key = checkpoints.parse_vkey(GO_VKEY)
    assert key.name == "PeterNeumann"
    assert key.key_id.hex() == "c74f20a3"
    assert checkpoints.vkey(key.name, key.public) == GO_VKEY
    assert checkpoints.text_of(GO_NOTE) == GO_TEXT
    signature = checkpoints.signature_of(GO_NOTE, key.name, key.key_id)
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, GO_TEXT.encode())
    assert checkpoints.note(GO_TEXT, key.name, key.public, signature) == GO_NOTE


def test_it_reads_and_writes_the_published_checkpoint() -> None:
    checkpoint = checkpoints.parse(C2SP_TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoints.encode(checkpoint) == C2SP_TEXT


def test_our_own_note_comes_back_as_it_was() -> None:
    key = checkpoints.parse_vkey(checkpoints.vkey(ORIGIN, PUBLIC))
    assert checkpoints.parse(checkpoints.text_of(NOTE)) == CHECKPOINT
    signature = checkpoints.signature_of(NOTE, key.name, key.key_id)
    SIGNER.public_key().verify(signature, TEXT.encode())
    assert len(signature) == 64


def test_an_empty_and_a_huge_ledger_have_checkpoints() -> None:
    for size in (0, 2**63 - 1):
        checkpoint = Checkpoint(ORIGIN, size, bytes(32))
        assert checkpoints.parse(checkpoints.encode(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "only one line\n",
        TEXT.removesuffix("\n"),
        TEXT + "extension\n",
        TEXT.replace("\n12\n", "\n012\n"),
        TEXT.replace("\n12\n", "\n+12\n"),
        TEXT.replace("\n12\n", "\n-12\n"),
        TEXT.replace("\n12\n", "\n1_2\n"),
        TEXT.replace("\n12\n", "\n \n"),
        TEXT.replace("\n12\n", "\n\u0661\u0662\n"),
        TEXT.replace("\n12\n", f"\n{2**63}\n"),
        TEXT.replace("\n12\n", f"\n{'9' * 5000}\n"),
        TEXT.replace("sayso/", "say so/"),
        TEXT.replace("sayso/", "say+so/"),
        TEXT.replace("sayso/", "say\x1bso/"),
        TEXT.replace("sayso/", "say\ud800so/"),
        TEXT.replace("sayso/", "x" * 300),
        TEXT.replace(ORIGIN, ""),
        f"{ORIGIN}\n12\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n12\nnot base64\n",
        f"{ORIGIN}\n12\n{base64.b64encode(bytes(32)).decode()[:-2]}B=\n",
        f"{ORIGIN}\n12\n\u00e9\n",
    ],
)
def test_a_checkpoint_has_one_spelling_only(text: str) -> None:
    with pytest.raises(IntegrityError):
        checkpoints.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY.replace("Peter", "Petra"),
        GO_VKEY.replace("+ARpc", "+AhpC"),
        GO_VKEY[:-4],
        GO_VKEY + " ",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_mangled_key_is_refused(vkey: str) -> None:
    with pytest.raises(IntegrityError):
        checkpoints.parse_vkey(vkey)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE.removesuffix("\n"),
        NOTE + "\n",
        NOTE.replace("\u2014 ", "- "),
        NOTE + "a line that is no signature\n",
        TEXT + "\n" + f"\u2014 x {GO_SIGNATURE}\n" * 17,
        "x" * 20_000 + NOTE,
    ],
)
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(IntegrityError):
        checkpoints.signature_of(note, ORIGIN, checkpoints.key_id(ORIGIN, PUBLIC))


def test_signatures_of_other_keys_are_skipped() -> None:
    witnessed = NOTE.replace("\n\u2014 ", f"\n\u2014 witness.example {GO_SIGNATURE}\n\u2014 ")
    ours = checkpoints.key_id(ORIGIN, PUBLIC)
    assert checkpoints.signature_of(witnessed, ORIGIN, ours) == checkpoints.signature_of(NOTE, ORIGIN, ours)
    for name, key_id in ((ORIGIN, b"\0\0\0\0"), ("somebody.else", ours)):
        with pytest.raises(IntegrityError):
            checkpoints.signature_of(witnessed, name, key_id)


def test_it_writes_no_note_and_no_key_of_a_wrong_form() -> None:
    with pytest.raises(IntegrityError):
        checkpoints.note(TEXT.removesuffix("\n"), ORIGIN, PUBLIC, bytes(64))
    with pytest.raises(IntegrityError):
        checkpoints.note(TEXT, ORIGIN, PUBLIC, bytes(63))
    with pytest.raises(IntegrityError):
        checkpoints.note(TEXT, "two words", PUBLIC, bytes(64))
    with pytest.raises(IntegrityError):
        checkpoints.key_id(ORIGIN, PUBLIC[:-1])
    with pytest.raises(IntegrityError):
        checkpoints.encode(Checkpoint(ORIGIN, -1, bytes(32)))
    with pytest.raises(IntegrityError):
        checkpoints.origin_for("ins 1", "wrk_1")
