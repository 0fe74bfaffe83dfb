"""Facts for the tests of the fold: short ways to write one, and a strategy for sets of them."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from sayso.core.events import Event, Fact
from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell

S = 1_000_000
HOUR = 3600 * S
T = 1_790_000_000 * S
OFFERS = Cell("offers", "shop", "marketing")
ORDERS = Cell("orders", "shop", "utility")
_ids = itertools.count(1)


def fact(kind: str, at: int, *, cells: tuple[Cell, ...] = (), cause: str = "", clock: str = "meta",
         facts: dict[str, Fact] | None = None, person: str = "per_a", event_id: str = "") -> Event:
    """A fact with an id of its own."""
    return Event(id=event_id or f"evt_{next(_ids):06}", ws="wrk_1", type=kind, occurred_at=at, received_at=at,
                 clock=clock, person=person, cells=cells, cause=cause, facts=facts or {})


def asked(at: int, event_id: str = "evt_asked", cells: tuple[Cell, ...] = (OFFERS,), valid_until: int = 0,
          after: str = "", **more: Any) -> Event:
    """A request, valid for 72 hours unless said otherwise, that knows of the stops `after`."""
    facts: dict[str, Fact] = {"inbound": "shop", "valid_until": valid_until or at + 72 * HOUR}
    facts |= {"after": after} if after else {}
    return fact("opt_in_requested", at, cells=cells, event_id=event_id, facts=facts, **more)


def prompted(at: int, request: str = "evt_asked") -> Event:
    return fact("prompted", at, cause=request, clock="sayso")


def yes(at: int, request: str = "evt_asked", *, how: str = "button", expires_at: int = 0,
        cells: tuple[Cell, ...] = (OFFERS,), **more: Any) -> Event:
    facts: dict[str, Fact] = {"how": how, "inbound": "shop"}
    if expires_at:
        facts["expires_at"] = expires_at
    return fact("said_yes", at, cause=request, cells=cells, facts=facts, **more)


def said_no(at: int, request: str = "evt_asked", cells: tuple[Cell, ...] = (OFFERS,)) -> Event:
    return fact("said_no", at, cause=request, cells=cells, facts={"inbound": "shop"})


def stop(at: int, cell: Cell = OFFERS, **more: Any) -> Event:
    return fact("said_stop", at, cells=(cell,), facts={"how": "word", "inbound": "shop"}, **more)


@st.composite
def fact_sets(draw: st.DrawFn, merging: bool = True) -> list[Event]:
    """Up to 14 facts of one person, or of two records that became one, on two clocks, close enough to collide."""
    requests = ["evt_r1", "evt_r2", "evt_r3"]
    made: list[Event] = []
    merged_at = draw(st.integers(0, 20)) if merging and draw(st.booleans()) else None
    for place, request in enumerate(requests[: draw(st.integers(1, 3))]):
        made.append(_one(draw, place, "opt_in_requested", request, merged_at))
    if draw(st.booleans()):  # a question that went out, and what may come after it: all of it must meet to matter
        made += [_one(draw, 4, "prompted", requests[0], merged_at), _one(draw, 5, "spoke", requests[0], merged_at),
                 _one(draw, 6, "said_yes", requests[0], merged_at)]
    for place in range(draw(st.integers(0, 10))):
        kind = draw(st.sampled_from(KINDS))
        made.append(_one(draw, 10 + place, kind, draw(st.sampled_from(requests)), merged_at))
    if merged_at is not None:
        made.append(fact("people_merged", T + merged_at * 100 * S, clock="sayso", facts={"from": "per_b"},
                         event_id="evt_merge"))
    return made


KINDS = (
    "said_yes", "said_yes", "said_yes", "prompted", "spoke", "said_no", "said_stop", "said_stop", "native_stop",
    "native_resume", "stop_suspected", "hold_released", "paused", "pause_ended", "prompt_failed", "expired",
    "suppression_restored",
)  # fmt: skip
RECTANGLES = (EVERYTHING, ALL_MARKETING, OFFERS, ORDERS, Cell("*", "shop", "*"), Cell("offers", "*", "*"))


def _one(draw: st.DrawFn, place: int, kind: str, request: str, merged_at: int | None) -> Event:
    when = draw(st.integers(0, 20))
    at = T + when * 100 * S
    clock = "sayso" if kind in {"prompted", "expired"} else draw(st.sampled_from(["meta", "meta", "sayso"]))
    person = "per_b" if merged_at is not None and draw(st.booleans()) else "per_a"
    facts: dict[str, Fact] = {}
    cells: tuple[Cell, ...] = (draw(st.sampled_from(RECTANGLES)),)
    if kind == "opt_in_requested":
        cells = draw(st.sampled_from([(OFFERS,), (ORDERS,), (OFFERS, ORDERS)]))
        facts = {"valid_until": at + draw(st.sampled_from([500 * S, 72 * HOUR]))}
        known = draw(st.sampled_from(["", "", "evt_010_said_stop", "evt_010_said_stop evt_011_said_stop"]))
        facts |= {"after": known} if known else {}
    if kind == "prompted" and draw(st.booleans()):
        facts = {"again": "evt_006_said_yes"}
    if kind == "said_yes":
        facts = {"how": draw(st.sampled_from(["word", "word", "button", "context"]))}
        if draw(st.integers(0, 3)) == 0:
            facts["expires_at"] = at + HOUR
    if kind == "paused":
        facts = {"until": at + draw(st.sampled_from([HOUR, 2 * HOUR]))}
    if kind in {"said_yes", "said_no", "spoke", "opt_in_requested", "said_stop", "stop_suspected", "hold_released"}:
        facts["inbound"] = draw(st.sampled_from(["shop", "desk"]))
    event_id = request if kind == "opt_in_requested" else f"evt_{place:03}_{kind}"
    return fact(kind, at, cells=cells, cause=request if kind != "opt_in_requested" else "", clock=clock, facts=facts,
                person=person, event_id=event_id)
