"""A campaign of hundreds through the gateway, people who say STOP while it runs, and a service that is killed again and
again: nobody who got a confirmation gets another message, and no STOP that was answered 200 is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso.settings import read_settings
from sayso.web.auth import make_key
from sayso.wiring import open_system
from tests.cli.shell import ROOT
from tests.web.upstream import Got, Upstream, running
from tests.world import declaration

pytestmark = pytest.mark.slow

PEOPLE = [f"+447700900{place:03}" for place in range(200, 500)]
ROUNDS = 2
KILLS = 4
SENDERS = 4
SECRET, TOKEN = "s3cret", "t0ken"
#: Longest that a message redeemed before a stop may still leave: lease and margin (design section 5), and a little.
DRAINED_S = 3.5
SEED = 11


@dataclass(slots=True)
class Service:
    """`sayso serve` on one port, killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.starts += 1
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "SAYSO_PORT": str(self.port),
                   "SAYSO_LOG_LEVEL": "error", "ACME_APP_SECRET": SECRET, "ACME_ACCESS_TOKEN": TOKEN}
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "sayso.cli", "serve"], cwd=self.folder, env=environ,
                                            stdout=log, stderr=log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "serve.log").read_text())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Seen:
    """What the test knows: when each STOP was answered 200, and what the provider got, with its time."""

    stopped: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    arrivals: list[tuple[float, str, bool]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, got: Got) -> None:
        """Templates are the campaign's, plain texts are Sayso's own."""
        body = json.loads(got.body)
        with self.lock:
            self.arrivals.append((time.monotonic(), "+" + str(body["to"]).lstrip("+"), body["type"] == "template"))


class Recording(Upstream):
    """Notes the time of each message, and answers it as Meta does."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def answer(self, got: Got) -> tuple[int, Any] | None:
        if not got.path.endswith("/messages"):
            return super().answer(got)
        self.seen.arrived(got)
        number = str(json.loads(got.body)["to"]).lstrip("+")
        return 200, {"messaging_product": "whatsapp", "contacts": [{"input": number, "wa_id": number}],
                     "messages": [{"id": f"wamid.{number}.{time.monotonic_ns()}"}]}


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def upstream(seen: Seen) -> Iterator[Upstream]:
    with running(Recording(seen)) as upstream:
        yield upstream


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    """A business whose old list agreed to offers."""
    whole = declaration(policy={"elsewhere": {"import": "forms kept in the safe"}})
    whole["connections"]["main"] |= {"base_url": upstream.url}
    whole["purposes"]["offers"]["templates"] = ["june_offer"]
    system = open_system(read_settings({"SAYSO_DATABASE": str(tmp_path / "sayso.db")}))
    system.apply(whole)
    system.close()
    (tmp_path / "list.csv").write_text("phone,date,source\n" + "".join(f"{who},2024-05-31,till\n" for who in PEOPLE))
    (tmp_path / "wording.txt").write_text("May we send you offers on WhatsApp?")
    subprocess.run([sys.executable, "-m", "sayso.cli", "import", "list.csv", "--purposes", "offers", "--sender", "shop",
                    "--wording-file", "wording.txt", "--yes"], cwd=tmp_path, check=True, capture_output=True,
                   env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        service = Service(tmp_path, int(probe.getsockname()[1]))
    service.start()
    yield service
    service.kill()


def key_of(service: Service) -> str:
    system = open_system(read_settings({"SAYSO_DATABASE": str(service.folder / "sayso.db")}))
    workspace = system.workspace()
    made = system.store.write(lambda tx: make_key(tx, system.kit.ports, workspace.id, ("send", "check")))[1]
    system.close()
    return made


def send(service: Service, key: str, who: str) -> None:
    """One message, once: a campaign that cannot reach the gateway waits, and never repeats what may have gone."""
    body = {"messaging_product": "whatsapp", "to": who, "type": "template",
            "template": {"name": "june_offer", "language": {"code": "en"}}}
    for _ in range(200):
        try:
            httpx.post(f"{service.url}/v23.0/106540352242922/messages", json=body, timeout=20, trust_env=False,
                       headers={"authorization": f"Bearer {key}"})
        except httpx.ConnectError:
            time.sleep(0.05)
            continue
        except httpx.HTTPError:
            return
        return


def stop(service: Service, seen: Seen, who: str, place: int) -> None:
    """Meta delivers until it is answered 200."""
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{
        "field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": {"phone_number_id": "106540352242922"},
            "contacts": [{"wa_id": who[1:]}], "messages": [{
                "from": who[1:], "id": f"wamid.stop.{place}", "timestamp": str(int(time.time())), "type": "text",
                "text": {"body": "STOP"}}]}}]}]}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    for _ in range(400):
        with contextlib.suppress(httpx.HTTPError):
            told = httpx.post(f"{service.url}/hooks/meta/acme-main", content=raw, timeout=20, trust_env=False,
                              headers={"x-hub-signature-256": signature, "content-type": "application/json"})
            if told.status_code == 200:
                with seen.lock:
                    seen.stopped[who] = time.monotonic()
                return
        time.sleep(0.05)
    raise AssertionError("a STOP was never taken")


def stop_all(service: Service, seen: Seen, leaving: list[str]) -> None:
    for place, who in enumerate(leaving):
        stop(service, seen, who, place)


def run(service: Service, seen: Seen, key: str) -> None:
    """Everything at once: the campaign, the STOPs, the kills."""
    chance = random.Random(SEED)
    leaving = chance.sample(PEOPLE, len(PEOPLE) * 2 // 5)
    order = PEOPLE * ROUNDS
    chance.shuffle(order)
    with ThreadPoolExecutor(SENDERS + 2) as pool:
        sending = [pool.submit(send, service, key, who) for who in order]
        stopping = pool.submit(stop_all, service, seen, leaving)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.4, 1.2))
            service.kill()
            service.start()
        for one in sending:
            one.result()
        stopping.result()


def test_nobody_who_left_is_written_to_again_however_often_the_service_is_killed(service: Service, seen: Seen) -> None:
    key = key_of(service)
    run(service, seen, key)
    for who in PEOPLE:  # and once more to everybody, when it is all over
        send(service, key, who)
    end = time.monotonic() + 90
    while {who for _, who, template in seen.arrivals if not template} != set(seen.stopped) and time.monotonic() < end:
        time.sleep(0.1)

    assert service.starts == KILLS + 1
    assert len(seen.stopped) == len(PEOPLE) * 2 // 5
    campaign = [(at, who) for at, who, template in seen.arrivals if template]
    assert {who for _, who in campaign} >= set(PEOPLE) - set(seen.stopped)  # who stayed was written to
    late = [who for at, who in campaign if who in seen.stopped and at > seen.stopped[who] + DRAINED_S]
    assert late == []
    confirmed: dict[str, float] = {}
    for at, who, template in seen.arrivals:
        if template:
            assert who not in confirmed, "a message followed the confirmation"
        else:
            assert who not in confirmed, "two confirmations"
            confirmed[who] = at
    with httpx.Client(base_url=service.url, trust_env=False, headers={"authorization": f"Bearer {key}"}) as client:
        for who in seen.stopped:
            told = client.post("/v1/check", json={"address": who, "purpose": "offers", "sender": "shop"}).json()
            assert told["reason"] == "stopped_all"
