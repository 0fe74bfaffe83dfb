"""The proof of work: ALTCHA's own package makes the same of it, and nothing but the right solution counts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from altcha.altcha import ChallengeOptions, create_challenge, solve_challenge, verify_solution
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import proof_of_work
from sayso.core.proof_of_work import Challenge
from sayso.errors import InvalidRequest

KEY = bytes(range(32))
NOW = 1_790_000_000
FORM = "acme/website"
ENTROPY = bytes(range(16))


def made(**changes: Any) -> Challenge:
    return proof_of_work.make(changes.get("key", KEY), changes.get("form", FORM), changes.get("now", NOW),
                              changes.get("entropy", ENTROPY))


def solve(challenge: Challenge) -> dict[str, Any]:
    found = solve_challenge(challenge.challenge, challenge.salt, "SHA-256", challenge.max_number)
    assert found is not None
    return {"algorithm": "SHA-256", "challenge": challenge.challenge, "number": found.number, "salt": challenge.salt,
            "signature": challenge.signature}


def packed(solution: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(solution).encode()).decode()


SOLVED = solve(made())


def test_altchas_package_solves_and_verifies_what_sayso_makes() -> None:
    right, why = verify_solution(packed(SOLVED), KEY, check_expires=False)
    assert (right, why) == (True, None)
    assert proof_of_work.check(KEY, FORM, NOW, packed(SOLVED)) == (made().challenge, NOW + proof_of_work.LIFE_S)


def test_sayso_verifies_what_altchas_widget_sends() -> None:
    assert proof_of_work.check(KEY, FORM, NOW, packed(SOLVED | {"took": 123.4}))


def test_what_altchas_package_makes_without_our_form_is_not_ours() -> None:
    theirs = create_challenge(ChallengeOptions(hmac_key=KEY, max_number=10))
    found = solve_challenge(theirs.challenge, theirs.salt, theirs.algorithm, theirs.max_number)
    assert found is not None
    solution = {"algorithm": "SHA-256", "challenge": theirs.challenge, "number": found.number, "salt": theirs.salt,
                "signature": theirs.signature}
    with pytest.raises(InvalidRequest):
        proof_of_work.check(KEY, FORM, NOW, packed(solution))


def test_no_digit_moves_between_the_salt_and_the_number() -> None:
    """The splice that ALTCHA closed with its trailing `&`: salt + number stay the same text, cut elsewhere."""
    whole = f"{SOLVED['salt']}{SOLVED['number']}"
    for cut in range(len(whole) - len(str(SOLVED["number"])) - 6, len(whole)):
        salt, number = whole[:cut], whole[cut:]
        if salt == SOLVED["salt"] or not number.isdigit():
            continue
        with pytest.raises(InvalidRequest):
            proof_of_work.check(KEY, FORM, NOW, packed(SOLVED | {"salt": salt, "number": int(number)}))


@pytest.mark.parametrize("change", [
    {"number": -1}, {"number": 10**9}, {"number": 1.5}, {"number": "7"}, {"algorithm": "SHA-1"}, {"algorithm": "none"},
    {"salt": ""}, {"salt": SOLVED["salt"].replace("website", "another")}, {"signature": ""}, {"signature": "0" * 64},
    {"challenge": "0" * 64}, {"salt": SOLVED["salt"] + "&expires=9999999999&"}, {"challenge": "é"}, {"salt": "é"},
    {"salt": SOLVED["salt"].replace(str(NOW + 600), str(NOW + 700))},
])
def test_any_field_changed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as told:
        proof_of_work.check(KEY, FORM, NOW, packed(SOLVED | change))
    assert told.value.param == "proof"


def test_a_solution_is_for_its_form_and_its_ten_minutes_and_its_key() -> None:
    text = packed(SOLVED)
    for key, form, now in ((bytes(32), FORM, NOW), (KEY, "acme/other", NOW), (KEY, FORM, NOW + 600),
                           (KEY, FORM, NOW - 1)):
        with pytest.raises(InvalidRequest):
            proof_of_work.check(key, form, now, text)
    assert proof_of_work.check(KEY, FORM, NOW + 599, text)


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda raw: base64.b64encode(raw).decode())))
def test_nonsense_is_refused_and_never_breaks(text: str) -> None:
    with pytest.raises(InvalidRequest):
        proof_of_work.check(KEY, FORM, NOW, text)


def test_a_long_text_is_not_even_read() -> None:
    with pytest.raises(InvalidRequest):
        proof_of_work.check(KEY, FORM, NOW, packed(SOLVED | {"took": 1.0}) + "=" * 2_000)
