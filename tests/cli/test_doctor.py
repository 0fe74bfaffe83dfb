"""doctor: a line for each thing, what mends it, and exit 1 only for what does not work."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from sayso.cli import doctor
from sayso.cli.doctor import secrets_of
from sayso.core.workspace import Connection, Secret
from tests.cast import AMIRA
from tests.cli.shell import INIT, Ran, put_secrets, run
from tests.postgres import fresh_database

#: A number of a form that can be had: libphonenumber's own example.
EXAMPLE = "+441212345678"


def findings(ran: Ran, about: str) -> list[dict[str, Any]]:
    """The findings about something; the name of the workspace may stand before it."""
    return [one for one in ran.json["findings"] if one["about"].removeprefix("acme: ") == about]


def states(ran: Ran, about: str) -> list[str]:
    return [one["state"] for one in findings(ran, about)]


def test_missing_secrets_fail_with_the_command_that_puts_them(project: Path) -> None:
    sick = run("doctor", "--json")
    assert sick.code == 1
    assert states(sick, "connection main") == ["fail", "warn", "fail"]
    assert str(project / "secrets" / "meta_app_secret") in findings(sick, "connection main")[0]["mend"]
    assert "FAIL  acme: connection main" in run("doctor").out


def test_with_secrets_nothing_fails(project: Path) -> None:
    put_secrets(project)
    well = run("doctor", "--json")
    assert (well.code, well.json["failed"]) == (0, 0)
    assert states(well, "settings") == states(well, "sayso.toml") == states(well, "keys") == ["ok"]
    assert states(well, "SQLite") == ["ok"]


def test_a_secret_that_everybody_can_read_is_told(project: Path) -> None:
    put_secrets(project)
    (project / "secrets" / "meta_app_secret").chmod(0o644)
    [told] = [one for one in findings(run("doctor", "--json"), "connection main") if one["state"] == "warn"]
    assert told["mend"].startswith("chmod 600 ")


def test_an_edit_that_was_not_applied_is_told(project: Path) -> None:
    path = project / "sayso.toml"
    path.write_text(path.read_text().replace("reminder_hours = 24", "reminder_hours = 12"))
    [told] = findings(run("doctor", "--json"), "sayso.toml")
    assert (told["state"], told["mend"]) == ("warn", "sayso init")


def test_a_wrong_file_and_a_wrong_setting_fail(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "sayso.toml").write_text("[workspase]\n")
    assert states(run("doctor", "--json"), "sayso.toml") == ["fail"]
    monkeypatch.setenv("SAYSO_PORT", "eighty")
    told = run("doctor", "--json")
    assert (told.code, states(told, "settings")) == (1, ["fail"])


def test_before_init_it_says_to_run_init(folder: Path) -> None:
    told = run("doctor", "--json")
    assert told.code == 1
    assert findings(told, "database")[0]["mend"] == "sayso init"
    assert list(folder.iterdir()) == []


def test_keys_that_others_can_read_fail(project: Path) -> None:
    (project / "sayso.db.keys").chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IROTH)
    [told] = findings(run("doctor", "--json"), "keys")
    assert (told["state"], told["mend"]) == ("fail", "chmod 600 sayso.db.keys")


def test_lost_keys_are_one_failure_that_says_to_restore_them(project: Path) -> None:
    (project / "sayso.db.keys").unlink()
    told = run("doctor", "--json")
    [failed] = [one for one in told.json["findings"] if one["state"] != "ok"]
    assert (told.code, failed["about"], failed["state"]) == (1, "keys", "fail")
    assert failed["mend"].startswith("restore it: ")
    assert not (project / "sayso.db.keys").exists()


def test_garbage_in_the_variable_is_a_failure_of_the_keys_that_names_it(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAYSO_KEYS", "garbage")
    [told] = findings(run("doctor", "--json"), "keys")
    assert (told["state"], "SAYSO_KEYS" in told["detail"], "garbage" in told["detail"]) == ("fail", True, False)
    refused = run("verify")
    assert (refused.code, "SAYSO_KEYS" in refused.err) == (3, True)


@pytest.mark.parametrize(("free", "state"), [(10**12, "ok"), (150_000_000, "warn"), (9_000_000, "fail")])
def test_a_full_disk_fails_before_the_database_does(
    project: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str,
) -> None:
    usage = shutil.disk_usage(project)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert states(run("doctor", "--json"), "disk") == [state]


def test_the_file_that_init_just_wrote_is_not_complained_of(folder: Path) -> None:
    assert run(*INIT, "--phone", EXAMPLE).code == 0
    put_secrets(folder)
    told = run("doctor", "--json")
    assert [one["about"] for one in told.json["findings"] if one["state"] != "ok"] == ["acme: API keys"]


def test_a_number_of_fiction_is_right_while_the_phone_stands_in_for_meta(project: Path) -> None:
    path = project / "sayso.toml"
    path.write_text(path.read_text().replace("[senders.shop]", 'base_url = "http://127.0.0.1:8378"\n[senders.shop]'))
    assert run("init").code == 0
    assert states(run("doctor", "--json"), "sender shop") == ["ok"]


def test_a_number_of_fiction_and_a_notice_without_template_are_told(project: Path) -> None:
    told = run("doctor", "--json")
    assert states(told, "sender shop") == ["warn"]
    assert states(told, "notice join") == ["warn"]
    assert states(told, "purpose orders") == ["warn"]


def test_a_number_that_can_be_had_is_good(folder: Path) -> None:
    assert run(*INIT, "--phone", EXAMPLE).code == 0
    assert states(run("doctor", "--json"), "sender shop") == ["ok"]


def test_a_dead_worker_shows_in_outbox_and_ledger(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(run("doctor", "--json"), "ledger") == ["ok"]
    monkeypatch.setattr(doctor, "WAITED_TOO_LONG", 0)
    connection = apsw.Connection("sayso.db")
    connection.execute("update outbox set run_at = 1 where state = 'queued'")
    connection.close()
    told = run("doctor", "--json")
    assert states(told, "outbox") == ["warn"]
    assert states(told, "ledger") == ["warn"]
    assert "no worker is running" in findings(told, "outbox")[0]["detail"]


def test_parked_messages_are_told(joined: Path) -> None:
    connection = apsw.Connection("sayso.db")
    connection.execute("update outbox set state = 'parked', problem = 'provider_error:131026'")
    connection.close()
    [told] = findings(run("doctor", "--json"), "outbox")
    assert told["mend"] == "sayso show --outbox"


def test_no_number_is_in_what_it_prints(joined: Path) -> None:
    told = run("doctor")
    assert AMIRA.phone not in told.out + told.err


def test_postgresql_is_looked_at_too(folder: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database(postgres_url) as url:
        monkeypatch.setenv("SAYSO_DATABASE", url)
        assert run(*INIT).code == 0
        assert Path("sayso.keys").exists()
        told = run("doctor", "--json")
        assert states(told, "PostgreSQL") == ["ok"]
        assert run("check", AMIRA.phone, "offers").code == 10
        assert url not in told.out


@pytest.mark.parametrize(("more", "needed"), [
    ({}, {"auth_token"}),
    ({"shared_key": Secret(env="A")}, {"auth_token", "shared_key"}),
    ({"api_key": "SK1", "access_token": Secret(env="B")}, {"auth_token", "access_token"}),
    ({"api_key": "SK1", "shared_key": Secret(env="A")}, {"shared_key", "access_token"}),
])
def test_a_connection_at_twilio_needs_what_signs_and_what_sends(more: dict[str, Any], needed: set[str]) -> None:
    secrets = secrets_of(Connection("main", "twilio", **more))
    assert set(secrets) == needed
    assert {state for state, _ in secrets.values()} == {"fail"}
    assert set(secrets_of(Connection("main"))) == {"app_secret", "verify_token", "access_token"}
