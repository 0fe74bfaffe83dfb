"""Everything recorded of a person: whole, theirs alone, and given only with a note that it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sayso.core.identity import Address
from sayso.core.purposes import EVERYTHING
from sayso.errors import NotFound
from sayso.flows import export, ledger
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, neighbour


def everything(world: World, address: Address) -> Any:
    return world.store.write(lambda tx: export.export(tx, world.kit, world.workspace, address, how="cli"))


def test_it_holds_addresses_consents_history_with_wordings_and_receipts(world: World) -> None:
    world.join(AMIRA)
    world.store.write(lambda tx: ledger.integrate(tx, world.kit, world.workspace.id))
    whole = everything(world, AMIRA.address)
    assert {(one["kind"], one["address"]) for one in whole["addresses"]} == {
        (address.kind, address.dial) for address in AMIRA.addresses}
    [consent] = whole["consents"]
    assert (consent["purpose"], consent["sender"], consent["state"]) == ("offers", "shop", "granted")
    assert consent["since"].endswith("Z")
    asked = next(line for line in whole["history"] if line["type"] == "opt_in_requested")
    assert asked["wording"] == world.workspace.notices["join"].text["en"]
    assert "JOIN" in asked["evidence"].values()
    assert len(whole["receipts"]) == 1
    assert whole["receipts_in_the_making"] == []
    assert set(whole) == {"format", "given_at", "business", "person", "language", "addresses", "consents",
                          "paused_until", "history", "receipts", "receipts_in_the_making"}
    assert json.loads(json.dumps(whole)) == whole


def test_a_yes_whose_proof_is_still_being_made_is_named(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "JOIN ALL")
    world.tap(AMIRA, world.question().button(0))
    whole = everything(world, AMIRA.address)
    yeses = [line["id"] for line in whole["history"] if line["type"] == "said_yes"]
    assert len(whole["receipts"]) + len(whole["receipts_in_the_making"]) == len(yeses) == 2


def test_that_it_was_given_is_recorded_and_changes_nothing_else(world: World) -> None:
    world.say(BRUNO, "STOP")
    before = world.standing(BRUNO)
    everything(world, BRUNO.address)
    assert world.types(BRUNO)[-1] == "data_given"
    assert world.standing(BRUNO) == before
    assert world.check(BRUNO).reason == "stopped_all"
    [again] = [line for line in everything(world, BRUNO.address)["history"] if line["type"] == "data_given"]
    assert again["facts"] == {"how": "cli"}


def test_somebody_with_only_a_user_id_gets_theirs(world: World) -> None:
    world.join(DANA)
    [one] = everything(world, DANA.address)["addresses"]
    assert (one["kind"], one["address"]) == ("bsuid", DANA.address.value)


def test_nobody_gets_anything_of_somebody_else_or_of_somebody_erased(world: World) -> None:
    world.join(AMIRA)
    world.opt_out(BRUNO, EVERYTHING)
    told = json.dumps(everything(world, BRUNO.address))
    assert AMIRA.phone not in told
    other = neighbour(world)
    for here, who in ((world, CHEN), (other, AMIRA)):
        with pytest.raises(NotFound):
            everything(here, who.address)
    world.system.erase(world.workspace, AMIRA.address, how="cli")
    with pytest.raises(NotFound):
        everything(world, AMIRA.address)
