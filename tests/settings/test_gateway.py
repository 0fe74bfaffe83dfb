"""What sayso.toml says for the gateway: each mistake is named by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sayso.errors import ConfigError
from sayso.settings.config import Declared, parse
from tests.world import declaration


def declared(**edits: dict[str, Any]) -> Declared:
    whole = declaration()
    for section, tables in edits.items():
        for name, more in tables.items():
            whole[section][name] |= more
    return parse(whole, Path())


def test_templates_purposes_of_senders_and_the_account_are_read() -> None:
    read = declared(purposes={"offers": {"templates": ["june_offer", "HX" + "a" * 32]}},
                    senders={"shop": {"purpose": "support"}}, connections={"main": {"waba_id": "102290129340398"}})
    assert read.purposes["offers"].templates == ("june_offer", "HX" + "a" * 32)
    assert (read.senders["shop"].purpose, read.connections["main"].waba_id) == ("support", "102290129340398")


@pytest.mark.parametrize(("edits", "param"), [
    ({"purposes": {"offers": {"templates": ["June Offer"]}}}, "purposes.offers.templates"),
    ({"purposes": {"offers": {"templates": ["a"]}, "orders": {"templates": ["a"]}}}, "purposes.orders.templates"),
    ({"purposes": {"offers": {"templates": ["a"], "class": "sharing"}}}, "purposes.offers.templates"),
    ({"purposes": {"offers": {"templates": [f"t{n}" for n in range(1_001)]}}}, "purposes.offers.templates"),
    ({"senders": {"shop": {"purpose": "suport"}}}, "senders.shop.purpose"),
    ({"connections": {"main": {"waba_id": "acme"}}}, "connections.main.waba_id"),
])
def test_a_mistake_is_named_by_its_place(edits: dict[str, Any], param: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        declared(**edits)
    assert wrong.value.param == param
