"""Keys for people who come by the thousand: what is sealed in one go opens as what is sealed one by one."""

from __future__ import annotations

import os

import pytest

from sayso.errors import IntegrityError
from sayso.vault import Vault

WS, PERSON = "wrk_1", "per_1"


def test_what_is_sealed_for_somebody_new_opens_like_anything_else() -> None:
    vault = Vault.generate()
    values = [(b"one", b"a"), (b"", b"b"), (b"three" * 1_000, b"c")]
    wrapped, sealed = vault.seal_new(WS, PERSON, values)
    assert [vault.unseal(WS, PERSON, wrapped, secret, aad) for secret, (_, aad) in zip(sealed, values, strict=True)] \
        == [plain for plain, _ in values]
    assert len(wrapped) == len(vault.new_person_key(WS, PERSON))
    later = vault.seal(WS, PERSON, wrapped, b"later", b"d")
    rewrapped = vault.rewrap(WS, PERSON, wrapped)
    assert vault.unseal(WS, PERSON, rewrapped, later, b"d") == b"later"


def test_it_opens_for_nobody_else_and_as_nothing_else() -> None:
    vault = Vault.generate()
    wrapped, (sealed,) = vault.seal_new(WS, PERSON, [(b"secret", b"aad")])
    for workspace, person, aad in (("wrk_2", PERSON, b"aad"), (WS, "per_2", b"aad"), (WS, PERSON, b"other")):
        with pytest.raises(IntegrityError):
            Vault.from_text(vault.to_text()).unseal(workspace, person, wrapped, sealed, aad)


def test_no_key_and_no_nonce_is_used_twice() -> None:
    vault = Vault.generate(os.urandom)
    made = [vault.seal_new(WS, PERSON, [(b"same", b"x"), (b"same", b"x")]) for _ in range(50)]
    assert len({wrapped for wrapped, _ in made}) == 50
    assert len({secret[2:14] for _, sealed in made for secret in sealed}) == 100
    assert len({secret[14:] for _, sealed in made for secret in sealed}) == 100
