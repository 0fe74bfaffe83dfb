"""serve, worker, phone: each in a process of its own, ready, answering, and gone at a word."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.shell import run, start


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_service_tells_its_address_and_ends_at_a_word(project: Path, ending: int) -> None:
    with start("serve", "--port", "0", "--json", folder=project) as service:
        url = service.read_json()["url"]
        assert httpx.get(f"{url}/livez").status_code == 200
        code, _ = service.end(ending)
    assert code == 0


def test_a_key_made_beside_the_running_service_works(project: Path) -> None:
    with start("serve", "--port", "0", "--json", "--no-worker", folder=project) as service:
        url = service.read_json()["url"]
        key = run("key", "--scopes", "check", "--json").json["key"]
        asked = httpx.post(f"{url}/v1/check", json={"address": "+447700900123", "purpose": "offers"},
                           headers={"Authorization": f"Bearer {key}"})
        assert asked.json()["reason"] == "unknown_person"
        service.end()


def test_an_address_that_cannot_be_had_is_exit_3(project: Path) -> None:
    with start("serve", "--port", "0", "--json", folder=project) as service:
        port = service.read_json()["url"].rpartition(":")[2]
        with start("serve", "--port", port, folder=project) as second:
            said = second.out.read()
            assert second.process.wait(20) == 3
        service.end()
    assert said.startswith("config_error: Cannot listen on 127.0.0.1")


def test_a_service_without_a_database_is_exit_3(folder: Path) -> None:
    told = run("serve", "--port", "0")
    assert (told.code, told.err.partition(":")[0]) == (3, "config_error")


def test_the_worker_runs_until_it_is_told_to_stop(project: Path) -> None:
    with start("worker", "--json", folder=project) as worker:
        assert worker.read_json() == {"state": "running"}
        code, _ = worker.end(signal.SIGTERM)
    assert code == 0


def test_the_phone_takes_the_numbers_of_the_project(project: Path) -> None:
    with start("phone", "--port", "0", "--json", folder=project) as phone:
        told = phone.read_json()
        state = httpx.get(f"{told['url']}/_phone/state").json()
        assert told["webhook"] == "http://127.0.0.1:8080/hooks/meta/acme-main"
        assert [number["name"] for number in state["numbers"]] == ["Acme Garden"]
        code, _ = phone.end()
    assert code == 0


def test_the_phone_runs_where_there_is_no_project(folder: Path) -> None:
    with start("phone", "--port", "0", "--json", "--webhook", "http://127.0.0.1:9/hook", folder=folder) as phone:
        told = phone.read_json()
        assert told["webhook"] == "http://127.0.0.1:9/hook"
        assert httpx.get(told["url"]).status_code == 200
        phone.end()


def test_a_port_in_use_is_told(folder: Path) -> None:
    with start("phone", "--port", "0", "--json", folder=folder) as phone:
        port = phone.read_json()["url"].rpartition(":")[2]
        told = run("phone", "--port", port)
        phone.end()
    assert (told.code, told.err.partition(":")[0]) == (4, "unavailable")
