"""What is told: every type has its heading and its sentence, and only a fact that grants is told as a grant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sayso.core import cloud_events
from sayso.core.cloud_events import Change
from sayso.core.events import TYPES, Event
from sayso.core.purposes import Cell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhooks-out.md"
CELL = Cell("offers", "shop", "marketing")


def fact(kind: str) -> Event:
    return Event(id="evt_1", ws="wrk_1", type=kind, occurred_at=1, received_at=1, clock="sayso")


def test_every_type_has_its_heading_and_no_other_has() -> None:
    headed = re.findall(r"^### `sayso\.([a-z._]+)`\n\n[A-Z]", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(headed) == sorted(cloud_events.TYPES)


def test_every_fact_becomes_a_type_that_there_is_or_none() -> None:
    told = {cloud_events.type_of(fact(kind), grants, changed) for kind in TYPES for grants in (True, False)
            for changed in ([], [Change(CELL, "granted", "withdrawn")], [Change(CELL, "unknown", "granted")])}
    assert told - {""} <= set(cloud_events.TYPES)
    assert not cloud_events.QUIET - set(TYPES)


@pytest.mark.parametrize("kind", ["said_yes", "consent_recorded", "spoke"])
def test_a_fact_that_grants_nothing_is_no_grant(kind: str) -> None:
    assert cloud_events.type_of(fact(kind), grants=False, changed=[]) != "consent.granted"


@pytest.mark.parametrize("kind", ["spoke", "said_yes", "a_type_of_tomorrow"])
def test_whatever_takes_a_yes_away_is_told_as_a_withdrawal(kind: str) -> None:
    changed = [Change(CELL, "granted", "withdrawn")]
    assert cloud_events.type_of(fact(kind), grants=False, changed=changed) == "consent.withdrawn"
