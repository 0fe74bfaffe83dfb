"""`python -m bench.ungated serve`: `sayso serve` whose gateway hands every message on without asking the gate.

The peers of the gateway's figures: the same server, the same key check, the same reading of the body; no permit,
nothing recorded. With BENCH_CLIENT=httpx the message goes on by that general client, as in a proxy written in an
afternoon; else by the gateway's own connections. It exists for the bench alone.
"""

from __future__ import annotations

import os
from typing import Any

from sayso.channels.relay import Carried
from sayso.cli import main
from sayso.web import gateway_wire

#: Stands for a permit.
NO_PERMIT = "prm_" + "0" * 26


async def straight(call: Any, _workspace: Any, _wish: Any, onward: gateway_wire.Onward) -> Carried:
    wire = call.desk.wire
    client = wire.relay if os.environ.get("BENCH_CLIENT") == "httpx" else wire.pipes
    return await client.carry("POST", onward.url, onward.headers, onward.content(NO_PERMIT))


if __name__ == "__main__":
    gateway_wire.send = straight
    main()
