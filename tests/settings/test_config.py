"""Reading sayso.toml: the whole file comes out, and every mistake says where it is and what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.core.workspace import Secret, make_code
from sayso.errors import ConfigError
from sayso.settings import Declared, read_config
from sayso.settings.config import MAX_CONFIG

CODE = make_code(bytes(range(7)))

ACME = f"""
[workspace]
slug = "acme"
name = "Acme"
language = "en"
languages = ["en", "es"]
country = "GB"

[connections.main]
provider = "meta"
app_secret = {{ file = "secrets/app" }}
verify_token = {{ env = "META_VERIFY_TOKEN" }}
base_url = "https://graph.facebook.com/"

[senders.shop]
connection = "main"
phone_number_id = "106540352242922"
phone = "+44 7700 900100"
start = "join"

[purposes.offers]
class = "marketing"
title = "offers and news"
expires_days = 730

[notices.join]
version = 1
purposes = ["offers"]
senders = ["shop"]
[notices.join.text]
en = "May we write to you?"
es = "¿Podemos escribirte?"
[notices.join.templates.en]
name = "sayso_optin"
language = "en_GB"
params = ["Acme"]

[entry_points.join]
kind = "keyword"
keywords = ["JOIN"]
notice = "join"
sender = "shop"

[entry_points.poster]
kind = "phrase"
phrase = "Hi Acme"
code = "{CODE.lower()}"
notice = "join"
sender = "shop"
lang = "es"

[entry_points.website]
kind = "api"
notice = "join"
sender = "shop"

[policy]
prompt_valid_hours = 48
"""


def read(text: str, folder: Path) -> Declared:
    file = folder / "sayso.toml"
    file.write_text(text, encoding="utf-8")
    return read_config(file)


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, folder)
    assert str(caught.value).startswith("sayso.toml: ")
    return str(caught.value)


def edited(old: str, new: str) -> str:
    assert ACME.count(old) >= 1
    return ACME.replace(old, new, 1)


def test_everything_that_is_declared_comes_out(tmp_path: Path) -> None:
    acme = read(ACME, tmp_path)
    assert (acme.slug, acme.name, acme.language, acme.languages, acme.country) == (
        "acme", "Acme", "en", ("en", "es"), "GB")  # fmt: skip
    main = acme.connections["main"]
    assert main.app_secret == Secret(file=str(tmp_path / "secrets" / "app"))
    assert (main.verify_token, main.access_token) == (Secret(env="META_VERIFY_TOKEN"), Secret())
    assert main.base_url == "https://graph.facebook.com"
    assert (acme.senders["shop"].name, acme.senders["shop"].phone) == ("shop", "+447700900100")
    assert (acme.purposes["offers"].cls, acme.purposes["offers"].expires_days) == ("marketing", 730)
    assert acme.notices["join"].text["es"] == "¿Podemos escribirte?"
    assert acme.notices["join"].templates["en"].params == ("Acme",)
    assert (acme.entries["poster"].code, acme.entries["poster"].lang) == (CODE, "es")
    assert (acme.policy.prompt_valid_hours, acme.policy.reminder_hours) == (48, 24)


def test_the_declaration_is_a_workspace_once_it_has_an_id(tmp_path: Path) -> None:
    acme = read(ACME, tmp_path)
    workspace = acme.workspace("wrk_1")
    assert workspace.id == "wrk_1"
    assert all(getattr(workspace, name) == getattr(acme, name) for name in Declared.__struct_fields__)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert read("\ufeff" + ACME, tmp_path).slug == "acme"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("purposes = [", "purpsoes = [",
         "unknown key 'purpsoes' in [notices.join]; did you mean 'purposes'?"),
        ("[policy]", "[polcy]", "unknown key 'polcy' at the top; did you mean 'policy'?"),
        ('class = "marketing"', 'cls = "marketing"',
         "unknown key 'cls' in [purposes.offers]; did you mean 'class'?"),
        ('slug = "acme"', 'id = "wrk_1"', "unknown key 'id' in [workspace]"),
        ('name = "sayso_optin"', 'nmae = "sayso_optin"', "unknown key 'nmae' in [notices.join.templates.en]"),
        ('{ env = "META', '{ envv = "META', "unknown key 'envv' in [connections.main.verify_token]"),
        ('title = "offers and news"', "", "purposes.offers.title is missing"),
        ('class = "marketing"', "", "purposes.offers.class is missing"),
        ('slug = "acme"', "", "workspace.slug is missing"),
        ("version = 1", 'version = "1"', "notices.join.version must be a whole number"),
        ("version = 1", "version = true", "notices.join.version must be a whole number"),
        ('senders = ["shop"]', 'senders = "shop"', "notices.join.senders must be a list of texts"),
        ('title = "offers and news"', "title = 7", "purposes.offers.title must be a text in quotes"),
        ("[policy]", "[policy]\nconfirm_stops = 1", "policy.confirm_stops must be true or false"),
        ('class = "marketing"', 'class = "marketting"', "did you mean 'marketing'?"),
        ('class = "marketing"', 'class = "consent"', "purposes.offers.class must be one of 'marketing'"),
        ('kind = "api"', 'kind = "form"', "entry_points.website.kind must be one of"),
        ('provider = "meta"', 'provider = "telegram"', "connections.main.provider must be one of 'meta', 'twilio'"),
        ('en = "May', 'en = 3 # "May', "notices.join.text must be a table of texts"),
    ],
)  # fmt: skip
def test_a_misspelt_missing_or_mistyped_key_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(edited(old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('connection = "main"', 'connection = "mian"', "'mian', which is not declared; did you mean 'main'?"),
        ('start = "join"', 'start = "jion"', "senders.shop.start names the entry point 'jion'"),
        ('purposes = ["offers"]', 'purposes = ["offer"]', "did you mean 'offers'?"),
        ('purposes = ["offers"]', "purposes = []", "notices.join.purposes is empty"),
        ('purposes = ["offers"]', 'purposes = ["offers", "offers"]', "names 'offers' twice"),
        ('senders = ["shop"]', 'senders = ["*"]', "names the sender '*', which is not declared"),
        ('notice = "join"', 'notice = "jion"', "entry_points.join.notice names the notice 'jion'"),
        ('sender = "shop"', 'sender = "ship"', "did you mean 'shop'?"),
        ('lang = "es"', 'lang = "fr"', "entry_points.poster.lang names the language 'fr'"),
        ("[notices.join.templates.en]", "[notices.join.templates.fr]", "names the language 'fr'"),
    ],
)
def test_a_name_that_points_nowhere_is_refused_with_what_there_is(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert said in refusal(edited(old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('slug = "acme"', 'slug = "Acme Ltd"', "workspace.slug is 1 to 32 characters"),
        ('slug = "acme"', f'slug = "{"a" * 33}"', "workspace.slug is 1 to 32 characters"),
        ('name = "Acme"', 'name = " "', "workspace.name is empty"),
        ('name = "Acme"', 'name = "A\\u0000"', "workspace.name must be one line"),
        ('language = "en"', 'language = "EN_gb"', "write 'en-GB'"),
        ('language = "en"', 'language = "english"', "workspace.language must be a language tag"),
        ('country = "GB"', 'country = "UK"', "write 'GB'"),
        ('country = "GB"', 'country = "Britain"', "workspace.country must be the two letters"),
        ("[purposes.offers]", '[purposes."Big Offers"]', "[purposes.Big Offers]: A name is 1 to 48"),
        ("https://graph", "http://graph", "must begin with https://"),
        ("https://graph.facebook.com/", "ftp://graph.facebook.com", "base_url must be a URL"),
        ("https://graph.facebook.com/", "https://", "connections.main.base_url must be a URL"),
        ("https://graph.facebook.com/", "https://[::1", "connections.main.base_url must be a URL"),
        ("https://graph.facebook.com/", "https://x:99999/", "connections.main.base_url must be a URL"),
        ('base_url = "', 'api_version = "26"\nbase_url = "', "must look like v26.0"),
        ("106540352242922", "+44 7700 900100", "senders.shop.phone_number_id must be Meta's id"),
        ("+44 7700 900100", "07700 900100", "senders.shop.phone must be the number with its country code"),
        ("expires_days = 730", "expires_days = -1", "purposes.offers.expires_days is -1; it takes 0 to 3650"),
        ("version = 1", "version = 0", "notices.join.version is 0; it takes 1 to"),
        ('en = "May we write to you?"', 'en = " "', "notices.join.text.en is empty"),
        ("May we write to you?", "x" * 1025, "notices.join.text.en has 1025 characters"),
        ('es = "', 'spanish = "', "notices.join.text.spanish must be a language tag"),
        ("sayso_optin", "Sayso Optin", "notices.join.templates.en.name must be"),
        ("en_GB", "en-GB", "notices.join.templates.en.language must be"),
        ('params = ["Acme"]', 'params = ["a\\nb"]', "notices.join.templates.en.params must be texts"),
        ('keywords = ["JOIN"]', "", "entry_points.join.keywords must list 1 to"),
        ('keywords = ["JOIN"]', f'keywords = ["{"J" * 41}"]', "entry_points.join.keywords has 41 characters"),
        ('keywords = ["JOIN"]', 'keywords = ["..."]', "a word of punctuation only"),
        ('kind = "api"', 'kind = "api"\nkeywords = ["HI"]', "is for the kind 'keyword'"),
        ('keywords = ["JOIN"]', f'keywords = ["JOIN"]\ncode = "{CODE}"', "is for the kind 'phrase'"),
        (CODE.lower(), CODE[:-1] + ("0" if CODE[-1] != "0" else "1"), "Leave it out and one is made"),
        ('phrase = "Hi Acme"', "", "entry_points.poster.phrase is empty"),
        ('phrase = "Hi Acme"', f'phrase = "Hi [{CODE}]"', "Sayso adds the code itself"),
        ("prompt_valid_hours = 48", "prompt_valid_hours = 169", "it takes 2 to 168"),
        ("prompt_valid_hours = 48", "prompt_valid_hours = 24", "reminder_hours is 24; it takes 1 to 23"),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused_with_what_to_write(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert said in refusal(edited(old, new), tmp_path)


@pytest.mark.parametrize("written", ['"hunter2"', "7", '["hunter2"]'])
def test_a_secret_written_into_the_file_is_refused_and_not_repeated(written: str, tmp_path: Path) -> None:
    said = refusal(edited('{ file = "secrets/app" }', written), tmp_path)
    assert "connections.main.app_secret" in said
    assert "secrets never stand in this file" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("written", ["{}", '{ file = "a", env = "B" }'])
def test_a_secret_is_a_file_or_a_variable_and_not_both(written: str, tmp_path: Path) -> None:
    assert "exactly one" in refusal(edited('{ file = "secrets/app" }', written), tmp_path)


@pytest.mark.parametrize("written", ['{ env = "hunter2 is it" }', '{ env = "" }', "{ file = 3 }"])
def test_a_secret_named_in_an_impossible_way_is_refused_and_not_repeated(
    written: str, tmp_path: Path
) -> None:
    said = refusal(edited('{ file = "secrets/app" }', written), tmp_path)
    assert "connections.main.app_secret." in said
    assert "hunter2" not in said


def test_a_variable_of_our_own_prefix_is_refused_before_it_stops_every_command(tmp_path: Path) -> None:
    said = refusal(edited('"META_VERIFY_TOKEN"', '"SAYSO_HUNTER2"'), tmp_path)
    assert "verify_token.env must not begin with SAYSO_" in said
    assert "HUNTER2" not in said


def test_an_absolute_secret_file_stays_where_it_is(tmp_path: Path) -> None:
    acme = read(edited("secrets/app", "/run/secrets/app"), tmp_path)
    assert acme.connections["main"].app_secret.file == "/run/secrets/app"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "http://localhost:9000/graph", "http://[::1]:9000"])
def test_plain_http_is_taken_on_this_machine(url: str, tmp_path: Path) -> None:
    assert read(edited("https://graph.facebook.com/", url), tmp_path).connections["main"].base_url == url


def entry(name: str, sender: str = "shop", **more: object) -> str:
    """One more entry point; `more` in TOML's own spelling."""
    given = {"notice": '"join"', "sender": f'"{sender}"'} | more
    return "\n".join([f"\n[entry_points.{name}]", *(f"{key} = {value}" for key, value in given.items()), ""])


def number(name: str, id: str = "206540352242922", phone: str = "+447700900200", start: str = "") -> str:
    """One more sender."""
    lines = ['connection = "main"', f'phone_number_id = "{id}"', f'phone = "{phone}"', f'start = "{start}"']
    return "\n".join([f"\n[senders.{name}]", *lines, ""])


def test_one_sender_does_not_begin_two_entry_points_with_one_word(tmp_path: Path) -> None:
    said = refusal(ACME + entry("again", kind='"keyword"', keywords='["join!"]'), tmp_path)
    assert "already begins [entry_points.join] of the sender 'shop'" in said


def test_another_sender_may_use_the_word_again(tmp_path: Path) -> None:
    again = entry("again", sender="news", kind='"keyword"', keywords='["JOIN"]')
    assert read(ACME + number("news") + again, tmp_path).entries["again"].sender == "news"


@pytest.mark.parametrize("shared", [{"id": "106540352242922"}, {"phone": "+447700900100"}])
def test_two_senders_never_share_a_number(shared: dict[str, str], tmp_path: Path) -> None:
    assert "is the same as that of [senders.shop]" in refusal(ACME + number("twin", **shared), tmp_path)


def test_two_entry_points_never_share_a_code(tmp_path: Path) -> None:
    twin = entry("twin", kind='"phrase"', phrase='"Hi"', code=f'"{CODE}"')
    assert "is the same as that of [entry_points.poster]" in refusal(ACME + twin, tmp_path)


def test_start_begins_an_entry_point_of_the_number_it_was_sent_to(tmp_path: Path) -> None:
    said = refusal(ACME + number("news", start="join"), tmp_path)
    assert "senders.news.start names an entry point of the sender 'shop'" in said


@pytest.mark.parametrize("word", ["STOP", "unsubscribe", " Stop. "])
def test_no_entry_point_takes_a_stop_word(word: str, tmp_path: Path) -> None:
    assert "people send to stop" in refusal(edited('["JOIN"]', f'["{word}"]'), tmp_path)


def test_no_entry_point_takes_a_word_the_caller_reserves(tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(edited('["JOIN"]', '["BAJA"]'), encoding="utf-8")
    assert read_config(file).entries["join"].keywords == ("BAJA",)
    with pytest.raises(ConfigError, match="choose another word"):
        read_config(file, reserved=lambda word: word == "BAJA")


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`sayso init` writes one"):
        read_config(tmp_path / "sayso.toml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[workspace\n", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (MAX_CONFIG + 1), "over 1000000 bytes"),
        (b"", "workspace is missing"),
        (b"workspace = 3", "workspace must be a table"),
        (b"x = " + b"[" * 100_000, "sayso.toml: "),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_config(file)


def test_keys_where_a_name_belongs_are_explained(tmp_path: Path) -> None:
    said = refusal(edited("[purposes.offers]", "[purposes]"), tmp_path)
    assert "must be a table with a name of its own" in said
