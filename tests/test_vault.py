"""The vault: published CMAC vectors, keys that do not fit, file modes, rotation, tampering, forgetting."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import identity
from sayso.core.identity import Address
from sayso.errors import IntegrityError, InvalidAddress, InvalidRequest, KeyProblem
from sayso.vault import Vault, ciphers, keyfile, verify_ed25519

SHOP, OTHER = "wrk_01JA0000000000000000000000", "wrk_01JA0000000000000000000009"
AMIRA, BRUNO = "per_01JA0000000000000000000001", "per_01JA0000000000000000000002"
AMIRAS_PHONE = identity.phone("+447700900123")
DANAS_ID = identity.bsuid("US.13491208655302741918")
# NIST SP 800-38B, appendix D.3 (AES-256).
NIST_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
NIST_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_MACS = {
    0: "028962f61b7bf89efc6b551f4667d983",
    16: "28a7023f452e8f82bd4bf28d8c37c35c",
    40: "aaf3d8f1de5640c232f5b169b9c911e6",
    64: "e1992190549f6ed5696a2c056c315410",
}


def made_up(seed: str) -> Callable[[int], bytes]:
    """Random bytes that are the same in every run."""
    counter = itertools.count()

    def more(size: int) -> bytes:
        return hashlib.shake_256(f"{seed} {next(counter)}".encode()).digest(size)

    return more


def vault(seed: str = "shop") -> Vault:
    return Vault.generate(made_up(seed), created_at=1)


def phone_block(number: int) -> bytes:
    return b"\x01" + bytes(7) + number.to_bytes(8, "big")


# --- MACs ---------------------------------------------------------------------------------------------------


def test_its_cmac_has_the_published_values() -> None:
    for length, published in NIST_MACS.items():
        assert ciphers.cmac(NIST_KEY, NIST_MESSAGE[:length]).hex() == published


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_the_fast_mac_of_a_phone_is_the_cmac_of_its_block(number: int, key: bytes) -> None:
    fast = ciphers.PhoneMacs(key)
    assert fast.one(number) == fast.many([number])[0] == ciphers.cmac(key, phone_block(number))


def test_the_mac_of_a_phone_is_made_with_the_workspace_s_own_key() -> None:
    keys = vault()
    master = json.loads(keys.to_text())["mac"][0]["key"]
    derived = ciphers.derive(base64.b64decode(master), f"sayso/mac/v1/{SHOP}")
    assert keys.address_mac(SHOP, AMIRAS_PHONE) == ciphers.cmac(derived, phone_block(447700900123))
    assert len(keys.address_mac(SHOP, AMIRAS_PHONE)) == 16
    assert keys.address_mac(SHOP, AMIRAS_PHONE) != keys.address_mac(OTHER, AMIRAS_PHONE)


def test_many_phones_at_once_have_the_same_macs_as_one_by_one() -> None:
    keys = vault()
    numbers = [447700900000 + n for n in range(1000)]
    one_by_one = [keys.address_mac(SHOP, identity.phone(f"+{number}")) for number in numbers]
    assert keys.phone_macs(SHOP, numbers) == one_by_one
    assert keys.phone_macs(SHOP, []) == []


def test_a_user_id_never_has_the_mac_input_of_a_phone() -> None:
    for kind, length in itertools.product(("bsuid", "parent_bsuid"), range(40)):
        block = ciphers.user_id_block(kind, "x" * length)
        assert block[:1] != phone_block(0)[:1]
        assert struct.unpack(">H", block[1:3]) == (length,)


def test_a_user_id_keeps_its_case_and_its_kind() -> None:
    keys = vault()
    ids = [DANAS_ID, Address("bsuid", "US.a"), Address("bsuid", "US.A"), Address("parent_bsuid", "US.A")]
    assert len({keys.address_mac(SHOP, each) for each in ids}) == 4


@pytest.mark.parametrize("value", ["", "447700900123", "+", "+44 77", "+44_77", "+\u0664", "+" + "1" * 16])
def test_an_address_that_is_not_canonical_has_no_mac(value: str) -> None:
    with pytest.raises(InvalidAddress):
        vault().address_mac(SHOP, Address("phone", value))


def test_numbers_and_ids_beyond_their_slots_are_refused() -> None:
    keys = vault()
    for numbers in ([-1], [1, 2**64]):
        with pytest.raises(InvalidAddress):
            keys.phone_macs(SHOP, numbers)
    with pytest.raises(InvalidAddress):
        keys.address_mac(SHOP, Address("bsuid", "x" * 70_000))


def test_the_parts_of_a_message_id_cannot_run_into_each_other() -> None:
    keys = vault()
    macs = {keys.message_mac(SHOP, *parts) for parts in (("a", "bc"), ("ab", "c"), ("abc",), ("abc", ""), ())}
    assert len(macs) == 5
    assert keys.message_mac(SHOP, "a") != keys.message_mac(OTHER, "a")
    assert keys.message_mac(SHOP, "a") != keys.body_mac(SHOP, b"\0\0\0\x01a")


def test_threads_share_the_vault_without_mixing_macs() -> None:
    keys = vault()
    expected = keys.phone_macs(SHOP, [447700900000 + n for n in range(200)])
    phones = [identity.phone(f"+{447700900000 + n}") for n in range(200)]
    seen: list[list[bytes]] = []

    def work() -> None:
        seen.extend([keys.address_mac(SHOP, phone) for phone in phones] for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert all(macs == expected for macs in seen)


# --- seals --------------------------------------------------------------------------------------------------


def test_what_is_sealed_opens_again_and_looks_different_each_time() -> None:
    keys = vault()
    wrapped = keys.new_person_key(SHOP, AMIRA)
    sealed = [keys.seal(SHOP, AMIRA, wrapped, b"+447700900123", b"address") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert [keys.unseal(SHOP, AMIRA, wrapped, each, b"address") for each in sealed] == [b"+447700900123"] * 2
    assert sealed[0][:2] == b"\x01\x00"
    assert len(wrapped) == 62
    assert wrapped[:2] == b"\x01\x01"


def test_another_vault_process_opens_what_this_one_sealed() -> None:
    keys = vault()
    wrapped = keys.new_person_key(SHOP, AMIRA)
    sealed = keys.seal(SHOP, AMIRA, wrapped, b"", b"")
    payload = keys.seal_workspace(SHOP, b"raw body", b"hook")
    again = Vault.from_text(keys.to_text())
    assert again.unseal(SHOP, AMIRA, wrapped, sealed, b"") == b""
    assert again.unseal_workspace(SHOP, payload, b"hook") == b"raw body"


def test_a_seal_opens_for_nobody_and_nothing_else() -> None:
    keys = vault()
    amiras, brunos = keys.new_person_key(SHOP, AMIRA), keys.new_person_key(SHOP, BRUNO)
    sealed = keys.seal(SHOP, AMIRA, amiras, b"secret", b"address")
    for workspace, person, wrapped, aad in (
        (SHOP, AMIRA, amiras, b"evidence"),
        (SHOP, AMIRA, brunos, b"address"),
        (SHOP, BRUNO, amiras, b"address"),
        (SHOP, BRUNO, brunos, b"address"),
        (OTHER, AMIRA, amiras, b"address"),
    ):
        with pytest.raises(IntegrityError):
            keys.unseal(workspace, person, wrapped, sealed, aad)
    of_workspace = keys.seal_workspace(SHOP, b"secret", b"hook")
    for workspace, aad in ((OTHER, b"hook"), (SHOP, b"")):
        with pytest.raises(IntegrityError):
            keys.unseal_workspace(workspace, of_workspace, aad)


def test_every_changed_or_missing_byte_of_a_seal_is_noticed() -> None:
    keys = vault()
    wrapped = keys.new_person_key(SHOP, AMIRA)
    sealed = keys.seal(SHOP, AMIRA, wrapped, b"secret", b"")
    payload = keys.seal_workspace(SHOP, b"secret", b"")
    for place in range(len(sealed)):
        # The key id of a person's own key means nothing and is the one byte that may differ.
        if place != 1:
            with pytest.raises(IntegrityError):
                keys.unseal(SHOP, AMIRA, wrapped, flipped(sealed, place), b"")
        with pytest.raises(IntegrityError):
            keys.unseal(SHOP, AMIRA, wrapped, sealed[:place], b"")
    for place in range(len(payload)):
        with pytest.raises((IntegrityError, KeyProblem)):
            keys.unseal_workspace(SHOP, flipped(payload, place), b"")
    for place in range(len(wrapped)):
        with pytest.raises((IntegrityError, KeyProblem)):
            keys.seal(SHOP, AMIRA, flipped(wrapped, place), b"secret", b"")


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


def test_without_the_right_seal_key_nothing_opens() -> None:
    keys, stranger = vault(), vault("stranger")
    wrapped = keys.new_person_key(SHOP, AMIRA)
    sealed = keys.seal(SHOP, AMIRA, wrapped, b"secret", b"")
    with pytest.raises(IntegrityError):
        stranger.unseal(SHOP, AMIRA, wrapped, sealed, b"")
    newer = keys.rotate_seal().rewrap(SHOP, AMIRA, wrapped)
    with pytest.raises(KeyProblem, match="no seal key 2"):
        keys.unseal(SHOP, AMIRA, newer, sealed, b"")


def test_a_value_that_is_too_large_is_not_sealed() -> None:
    with pytest.raises(InvalidRequest):
        vault().seal_workspace(SHOP, bytes(ciphers.MAX_PLAINTEXT + 1), b"")


def test_a_forgotten_person_s_key_is_gone_from_memory() -> None:
    keys = vault()
    amiras, brunos = keys.new_person_key(SHOP, AMIRA), keys.new_person_key(SHOP, BRUNO)
    keys.seal(SHOP, AMIRA, amiras, b"secret", b"")
    keys.seal(SHOP, BRUNO, brunos, b"secret", b"")
    assert set(keys._people._ready) == {AMIRA, BRUNO}
    keys.forget(AMIRA)
    keys.forget("per_nobody")
    assert set(keys._people._ready) == {BRUNO}


def test_a_key_being_read_during_an_erasure_does_not_come_back() -> None:
    keys = vault()
    wrapped = keys.new_person_key(SHOP, AMIRA)
    cipher = keys._person_cipher(SHOP, AMIRA, wrapped)
    ready = ciphers.PeopleReady(2)

    def erased_meanwhile() -> AESGCM:
        ready.forget(AMIRA)
        return cipher

    assert ready.get(AMIRA, (SHOP, wrapped), erased_meanwhile) is cipher
    assert set(ready._ready) == set()


def test_only_so_many_people_are_kept_ready() -> None:
    keys = vault()
    wrapped = keys.new_person_key(SHOP, AMIRA)
    cipher = keys._person_cipher(SHOP, AMIRA, wrapped)
    ready = ciphers.PeopleReady(2)
    for person in ("per_1", "per_2", "per_1", "per_3"):
        ready.get(person, (SHOP, wrapped), lambda: cipher)
    assert list(ready._ready) == ["per_1", "per_3"]


# --- rotation -----------------------------------------------------------------------------------------------


def test_a_rotated_mac_key_writes_and_the_older_ones_still_find() -> None:
    first = vault()
    second = first.rotate_mac(created_at=2)
    third = second.rotate_mac(created_at=3)
    assert (first.mac_key_id, second.mac_key_id, third.mac_key_id) == (1, 2, 3)
    old = first.address_mac(SHOP, AMIRAS_PHONE)
    assert third.address_mac(SHOP, AMIRAS_PHONE, 1) == old
    macs = third.address_macs(SHOP, AMIRAS_PHONE)
    assert macs == tuple(third.address_mac(SHOP, AMIRAS_PHONE, key_id) for key_id in (3, 2, 1))
    assert len(set(macs)) == 3
    assert macs[0] == third.address_mac(SHOP, AMIRAS_PHONE) == third.phone_macs(SHOP, [447700900123])[0]
    assert third.phone_macs(SHOP, [447700900123], key_id=1) == [old]
    with pytest.raises(KeyProblem, match="3 MAC keys already"):
        third.rotate_mac()
    with pytest.raises(KeyProblem, match="no MAC key 2"):
        first.address_mac(SHOP, AMIRAS_PHONE, 2)


def test_a_message_counts_once_across_rotations() -> None:
    first = vault()
    second = first.rotate_mac()
    assert first.message_mac(SHOP, "wamid.x") == second.message_mac(SHOP, "wamid.x")
    assert first.body_mac(SHOP, b"{}") == second.body_mac(SHOP, b"{}")


def test_a_person_moves_to_the_new_seal_key_and_loses_nothing() -> None:
    old = vault()
    wrapped = old.new_person_key(SHOP, AMIRA)
    sealed = old.seal(SHOP, AMIRA, wrapped, b"secret", b"")
    payload = old.seal_workspace(SHOP, b"raw", b"")
    new = old.rotate_seal(created_at=2)
    moved = new.rewrap(SHOP, AMIRA, wrapped)
    assert moved[:2] == b"\x01\x02"
    assert new.unseal(SHOP, AMIRA, wrapped, sealed, b"") == b"secret"
    assert new.unseal(SHOP, AMIRA, moved, sealed, b"") == b"secret"
    assert new.unseal_workspace(SHOP, payload, b"") == b"raw"
    assert new.seal_workspace(SHOP, b"raw", b"")[1] == 2


def test_key_ids_end_where_their_byte_ends() -> None:
    with pytest.raises(KeyProblem, match="255"):
        keyfile.new_key(256, made_up("x"), 1)


# --- signatures ---------------------------------------------------------------------------------------------


def test_its_signatures_verify_and_others_do_not() -> None:
    keys = vault()
    signature = keys.sign(b"text")
    Ed25519PublicKey.from_public_bytes(keys.public_key).verify(signature, b"text")
    assert verify_ed25519(keys.public_key, b"text", signature)
    assert not verify_ed25519(keys.public_key, b"texts", signature)
    assert not verify_ed25519(vault("stranger").public_key, b"text", signature)
    assert not verify_ed25519(b"short", b"text", signature)
    assert not verify_ed25519(keys.public_key, b"text", b"short")


# --- the key file -------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_first_start_makes_a_key_file_that_only_its_owner_can_open(tmp_path: Path) -> None:
    path = tmp_path / "sayso.keys"
    made = Vault.open(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [Vault.open(path, create=create).to_text() for create in (True, False)] == [made.to_text()] * 2
    assert names(tmp_path) == ["sayso.keys"]
    assert made.installation_id.startswith("ins_")
    assert len(made.installation_id) == 30
    assert made.installation_id[4] in "01234567"


def test_a_given_installation_id_is_kept() -> None:
    assert Vault.generate(installation_id="ins_01JA0000000000000000000000").installation_id.endswith("000")


def test_two_processes_starting_at_once_share_one_key_file(tmp_path: Path) -> None:
    path = tmp_path / "sayso.keys"
    keyfile.make(path, vault("first").to_text())
    keyfile.make(path, vault("second").to_text())
    assert Vault.open(path, create=True).public_key == vault("first").public_key
    assert names(tmp_path) == ["sayso.keys"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_key_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "sayso.keys"
    Vault.open(path, create=True)
    path.chmod(mode)
    with pytest.raises(KeyProblem, match="chmod 600"):
        Vault.open(path, create=False)
    path.chmod(0o400)
    assert Vault.open(path, create=False).mac_key_id == 1


def test_a_lost_key_file_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match=r"no key file at .*Put back the key file"):
        Vault.open(tmp_path / "sayso.keys", create=False)
    assert names(tmp_path) == []


def test_a_place_where_no_file_can_be_is_a_key_problem(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="cannot be made"):
        Vault.open(tmp_path / "missing" / "sayso.keys", create=True)
    with pytest.raises(KeyProblem, match="cannot be read"):
        Vault.open(tmp_path, create=False)
    with pytest.raises(KeyProblem, match="cannot be written"):
        vault().save(tmp_path / "missing" / "sayso.keys")


def test_saving_replaces_the_file_and_keeps_it_private(tmp_path: Path) -> None:
    path = tmp_path / "sayso.keys"
    rotated = Vault.open(path, create=True).rotate_mac().rotate_seal()
    rotated.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vault.open(path, create=False).to_text() == rotated.to_text()
    assert names(tmp_path) == ["sayso.keys"]


def broken(change: Callable[[dict[str, object]], object]) -> str:
    content = json.loads(vault().to_text())
    change(content)
    return json.dumps(content)


KEY = {"id": 1, "key": "A" * 43 + "=", "created_at": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        b"\xff\xfe",
        "[]",
        "{}",
        broken(lambda c: c.update(format="sayso-keys/2")),
        broken(lambda c: c.update(installation="shop")),
        broken(lambda c: c.update(more=1)),
        broken(lambda c: c.pop("sign")),
        broken(lambda c: c.update(mac=[])),
        broken(lambda c: c.update(seal=[])),
        broken(lambda c: c.update(mac=[KEY, KEY])),
        broken(lambda c: c.update(mac=[{**KEY, "id": n} for n in range(1, 5)])),
        broken(lambda c: c.update(mac=[{**KEY, "id": 0}])),
        broken(lambda c: c.update(seal=[{**KEY, "id": 256}])),
        broken(lambda c: c.update(mac=[{**KEY, "key": "QUJD"}])),
        broken(lambda c: c.update(sign={**KEY, "key": "QUJD"})),
        broken(lambda c: c.update(sign={**KEY, "key": "?"})),
    ],
)
def test_a_key_file_of_a_wrong_form_is_refused(text: str | bytes) -> None:
    with pytest.raises(KeyProblem):
        Vault.from_text(text)


def test_no_key_is_shown_by_a_repr_or_an_error() -> None:
    keys = vault()
    content = json.loads(keys.to_text())
    secrets = [each["key"] for each in (*content["mac"], *content["seal"], content["sign"])]
    shown = repr(keys) + repr(keys._file) + repr(keys.check_value())
    with pytest.raises(KeyProblem) as problem:
        Vault.from_text(keys.to_text().replace('"created_at"', '"made_at"'))
    assert problem.value.__cause__ is None
    for secret in secrets:
        assert secret not in shown + str(problem.value)
        assert base64.b64decode(secret).hex() not in shown
        assert repr(base64.b64decode(secret)) not in shown


# --- does this file fit this database -----------------------------------------------------------------------


def test_the_right_keys_pass_before_and_after_a_rotation() -> None:
    keys = vault()
    stored = keys.check_value()
    assert set(stored) == {"installation", "public", "mac/1", "seal/1"}
    keys.check({})
    keys.check(stored)
    rotated = keys.rotate_mac().rotate_seal()
    rotated.check(stored)
    assert set(rotated.check_value()) == {"installation", "public", "mac/1", "mac/2", "seal/1", "seal/2"}


def test_a_wrong_key_is_named_and_the_way_out_is_told() -> None:
    stored = vault().check_value()
    with pytest.raises(KeyProblem) as problem:
        vault("stranger").check(stored)
    for words in ("MAC key 1", "seal key 1", "the signing key", "the installation id", "Put back the key"):
        assert words in str(problem.value)
    stranger = vault("stranger").check_value()
    with pytest.raises(KeyProblem, match=r"made with: seal key 1\. Put back"):
        vault().check({**stored, "seal/1": stranger["seal/1"]})


def test_a_key_that_is_missing_is_named() -> None:
    rotated = vault().rotate_mac().rotate_seal()
    with pytest.raises(KeyProblem, match=r"lacks: MAC key 2, seal key 2\. Put back"):
        vault().check(rotated.check_value())
    with pytest.raises(KeyProblem, match="'kms/1'"):
        vault().check({"kms/1": "00"})
