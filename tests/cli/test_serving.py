"""serve, worker, phone: each in a process of its own, ready, answering, and gone at a word."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import pytest

from sayso.cli.serving import phone_config
from tests.cli.shell import put_secrets, run, start


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


def test_a_port_that_is_taken_is_exit_4_and_a_host_that_is_not_ours_exit_3(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        served, phone = run("serve", "--port", port), run("phone", "--port", port)
    for told in (served, phone):
        assert told.code == 4
        assert "unavailable: Cannot listen on 127.0.0.1" in told.err
        assert "--port" in told.err
    assert "SAYSO_PORT" in served.err
    for host in ("192.0.2.1", "x" * 70):
        served, phone = run("serve", "--port", "0", "--host", host), run("phone", "--port", "0", "--host", host)
        assert (served.code, phone.code) == (3, 3)
        assert "SAYSO_HOST" in served.err
        assert "--host" in phone.err


def test_a_service_that_starts_says_what_is_not_in_force_and_runs_on(project: Path) -> None:
    path = project / "sayso.toml"
    whole = path.read_text()
    for text, told in (
        (whole, "app_secret is missing: every webhook is answered 503"),
        (whole.replace("reminder_hours = 24", "reminder_hours = 12"), "sayso.toml: is right, and not applied yet"),
        (whole.replace("[policy]", "[polizy]"), "did you mean 'policy'?"),
        ("", "workspace is missing"),
    ):
        path.write_text(text)
        with start("serve", "--port", "0", folder=project) as service:
            said = service.read_until("listens on")
            assert service.end()[0] == 0
        assert [line for line in said.splitlines() if line.startswith("warning: ") and told in line], said
    path.unlink()
    with start("serve", "--port", "0", folder=project) as service:
        assert "warning: sayso.toml: there is no such file" in service.read_until("listens on")
        service.end()


def test_a_service_with_nothing_amiss_warns_of_nothing(project: Path) -> None:
    put_secrets(project)
    with start("serve", "--port", "0", folder=project) as service:
        assert "warning" not in service.read_until("listens on")
        service.end()


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


def test_the_phone_shows_what_the_service_of_the_project_did_where_it_has_a_key(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, hint = phone_config("", "", None)
    assert config.sayso_url is None
    assert hint.startswith("Sayso reaches it with base_url = ")
    monkeypatch.setenv("SAYSO_PHONE_KEY", "sayso_live_x_y")
    monkeypatch.setenv("SAYSO_HOST", "0.0.0.0")
    monkeypatch.setenv("SAYSO_PORT", "8123")
    config, _ = phone_config("", "", None)
    assert (config.sayso_key, config.sayso_url) == ("sayso_live_x_y", "http://127.0.0.1:8123")
    assert config.webhook_url == "http://127.0.0.1:8123/hooks/meta/acme-main"
    assert phone_config("", "http://there", None)[0].sayso_url == "http://there"
    assert run("verify").code == 0  # a key for the phone is in no other command's way


def test_the_phone_takes_its_secrets_from_settings_before_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_secrets(project)
    assert (phone_config("", "", None)[0].token, phone_config("", "", None)[0].app_secret) == ("x" * 32, "x" * 32)
    monkeypatch.setenv("SAYSO_PHONE_TOKEN", "mine")
    monkeypatch.setenv("SAYSO_PHONE_APP_SECRET", "ours")
    assert (phone_config("", "", None)[0].token, phone_config("", "", None)[0].app_secret) == ("mine", "ours")


def test_the_phone_says_that_a_key_without_a_sayso_shows_nothing(folder: Path) -> None:
    with start("phone", "--port", "0", folder=folder, SAYSO_PHONE_KEY="sayso_live_x_y") as phone:
        assert "add --sayso URL" in phone.read_until("What Sayso did")
        phone.end()


def test_a_phone_started_again_gives_other_ids_unless_a_seed_is_given(folder: Path) -> None:
    def first_id(*words: str) -> str:
        with start("phone", "--port", "0", "--json", *words, folder=folder) as phone:
            said = httpx.post(f"{phone.read_json()['url']}/_phone/say", json={"person": "amira", "text": "hi"}).json()
            phone.end()
        return str(said["message_id"])

    assert first_id() != first_id()
    assert first_id("--seed", "7") == first_id("--seed", "7")
