"""The SAYSO_ settings: defaults, what a wrong value says, and that nothing misspelt passes for a default."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from sayso.errors import ConfigError
from sayso.settings import SETTINGS, Settings, read_settings


def refusal(**environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_settings(environ)
    return caught.value


def test_with_nothing_set_every_default_holds() -> None:
    settings = read_settings({"PATH": "/bin"})
    assert settings == Settings(
        database="sayso.db", configs=(Path("sayso.toml"),), keys_file=Path("sayso.db.keys"), keys="",
        host="127.0.0.1", port=8080, worker=True, log_level="info", metrics=True, workspace="",
        phone_key="", phone_token="", phone_app_secret="", snapshots=Path("sayso.db.snapshots"),
    )  # fmt: skip


def test_every_setting_has_a_default_a_sentence_of_help_and_its_field() -> None:
    plain = {setting.name.removeprefix("SAYSO_").lower() for setting in SETTINGS} - {
        "database_file",
        "config",
    }
    assert plain | {"configs"} == {field.name for field in fields(Settings)}
    assert all(setting.help.endswith(".") for setting in SETTINGS)
    named = {setting.name: setting.default for setting in SETTINGS if setting.default}
    assert read_settings(named) == read_settings({})


def test_values_are_read_with_spaces_around_them_and_in_any_case() -> None:
    settings = read_settings({"SAYSO_PORT": " 0 ", "SAYSO_WORKER": "No", "SAYSO_LOG_LEVEL": "DEBUG"})
    assert (settings.port, settings.worker, settings.log_level) == (0, False, "debug")


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("SAYSO_PORT", "http", "0 to 65535"),
        ("SAYSO_PORT", "65536", "0 to 65535"),
        ("SAYSO_PORT", "-1", "0 to 65535"),
        ("SAYSO_PORT", "٨٠٨٠", "0 to 65535"),  # digits, and not the ones a port is written with
        ("SAYSO_WORKER", "maybe", "true or false"),
        ("SAYSO_METRICS", "2", "true or false"),
        ("SAYSO_LOG_LEVEL", "loud", "debug, info"),
        ("SAYSO_DATABASE", "sqlite:///sayso.db", "path for SQLite"),
        ("SAYSO_DATABASE", "mysql://host/sayso", "postgresql://"),
        ("SAYSO_DATABASE", ":memory:", "path for SQLite"),
        ("SAYSO_CONFIG", f"a.toml{os.pathsep}a.toml", "different"),
        ("SAYSO_CONFIG", os.pathsep, "one path"),
        ("SAYSO_HOST", "  ", "empty"),
        ("SAYSO_KEYS", "", "empty"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_it_takes(name: str, value: str, takes: str) -> None:
    error = refusal(**{name: value})
    assert error.param == name
    assert str(error).startswith(name)
    assert takes in str(error)


def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant() -> None:
    error = refusal(SAYSO_DATABSE="x.db")
    assert "did you mean SAYSO_DATABASE?" in str(error)
    assert error.param == "SAYSO_DATABSE"


def test_a_secret_under_our_prefix_is_refused_with_what_to_do() -> None:
    assert "call a secret of yours something else" in str(refusal(SAYSO_META_APP_SECRET="hunter2"))


def test_settings_of_the_test_suite_are_passed_over() -> None:
    assert read_settings({"SAYSO_TEST_POSTGRES": "postgresql://there"}) == read_settings({})


def test_several_workspaces_are_several_files() -> None:
    settings = read_settings({"SAYSO_CONFIG": f"acme.toml{os.pathsep} other/sayso.toml "})
    assert settings.configs == (Path("acme.toml"), Path("other/sayso.toml"))


def test_keys_stand_beside_a_sqlite_file_and_apart_from_a_postgres_url() -> None:
    assert read_settings({"SAYSO_DATABASE": "/data/a.db"}).keys_file == Path("/data/a.db.keys")
    on_postgres = read_settings({"SAYSO_DATABASE": "postgresql://host/sayso"})
    assert (on_postgres.keys_file, on_postgres.on_postgres) == (Path("sayso.keys"), True)
    assert read_settings({"SAYSO_KEYS_FILE": "/keys/k"}).keys_file == Path("/keys/k")


def test_keys_given_as_a_variable_leave_no_key_file() -> None:
    settings = read_settings({"SAYSO_KEYS": '{"keys": []}'})
    assert (settings.keys, settings.keys_file) == ('{"keys": []}', None)


def test_a_database_url_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://sayso:s3cret@db/sayso\n")
    assert read_settings({"SAYSO_DATABASE_FILE": str(file)}).database == "postgresql://sayso:s3cret@db/sayso"


@pytest.mark.parametrize("name", ["DATABASE", "KEYS"])
def test_a_value_and_its_file_together_are_an_error(name: str, tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_text("x.db")
    error = refusal(**{f"SAYSO_{name}": "x.db", f"SAYSO_{name}_FILE": str(file)})
    assert f"keep SAYSO_{name}_FILE" in str(error)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00"])
def test_a_file_that_is_missing_empty_or_not_text_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    error = refusal(SAYSO_DATABASE_FILE=str(file))
    assert error.param == "SAYSO_DATABASE_FILE"
    assert str(file) in str(error)


def test_no_error_and_no_repr_shows_a_password_or_keys() -> None:
    secrets = ("SAYSO_KEYS", "SAYSO_PHONE_KEY", "SAYSO_PHONE_TOKEN", "SAYSO_PHONE_APP_SECRET")
    settings = read_settings({"SAYSO_DATABASE": "postgresql://u:hunter2@h/d", **dict.fromkeys(secrets, "hunter2")})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(refusal(SAYSO_DATABASE="mysql://u:hunter2@h/d"))
    assert "hunter2" not in str(refusal(SAYSO_KEY="hunter2"))
