"""How a file is read: columns guessed by name and content, and cells as people and spreadsheets write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.errors import InvalidRequest
from sayso.flows.import_plan import Plan, columns_from, guess, order_of, read_row
from sayso.flows.import_values import Order, Unreadable, is_stop, masked, moment_of, number_of, status_of
from sayso.ports import DAY, SECOND
from sayso.rules.columns import folded, load_columns

NOW = 1_790_000_000 * SECOND
PHONE = "+447700900123"


# -- columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "Phone", "Mobile Number", "Telefon", "Téléphone", "Teléfono móvil", "Handy-Nr", "WhatsApp", "celular",
    "Cep Telefonu", "电话", "phone_number", "फोन", "Telefonnummer", "TELÉFONO", "anything at all",
])  # fmt: skip
def test_a_column_of_numbers_is_found_in_any_language(name: str) -> None:
    found = guess(["Id", name, "Town"], [["17", PHONE, "Leeds"], ["18", "07700 900456", "York"]], "GB")
    assert found == {"phone": (1,)}


def test_the_mobile_is_taken_before_the_landline() -> None:
    found = guess(["Phone", "Mobile"], [["0113 496 0123", PHONE]] * 3, "GB")
    assert found["phone"] == (1,)


def test_a_column_called_phone_that_holds_none_is_not_taken() -> None:
    assert guess(["Phone", "Contact"], [["iPhone", PHONE], ["Pixel", PHONE]], "GB") == {"phone": (1,)}


def test_days_are_not_taken_for_numbers() -> None:
    assert "phone" not in guess(["When", "What"], [["2024-05-01", "x"], ["01/05/2024", "y"]], "GB")


def test_every_column_about_leaving_counts() -> None:
    header = ["Phone", "Unsubscribed", "Opt-in", "Abgemeldet am", "State", "OPTIN_TIME"]
    found = guess(header, [[PHONE, "no", "yes", "", "CA", "2024-05-01 10:00:00"]] * 3, "GB")
    assert found == {"phone": (0,), "stopped": (1, 3), "status": (2,), "date": (5,)}


def test_a_birthday_is_no_consent() -> None:
    assert "date" not in guess(["Phone", "Date"], [[PHONE, "1984-05-01"], [PHONE, "1990-01-02"]], "GB")


def test_what_is_said_goes_before_what_is_guessed() -> None:
    header = ("Phone", "Other", "Left", "Gone")
    guessed = {"phone": (0,), "stopped": (2,)}
    assert columns_from([("phone", "other"), ("stopped", "Left"), ("stopped", "4")], header, guessed) == {
        "phone": (1,), "stopped": (2, 3)}  # fmt: skip
    assert columns_from([("stopped", "")], header, guessed) == {"phone": (0,)}
    assert columns_from([("date", "Left")], header, guessed) == {"phone": (0,), "date": (2,)}


@pytest.mark.parametrize(("given_", "word"), [
    ([("fone", "Phone")], "no field"), ([("phone", "Fone")], "no column 'Fone'"), ([("phone", "9")], "no column"),
    ([("phone", "Phone"), ("phone", "Other")], "Only one"), ([("phone", "Phone"), ("date", "Phone")], "two things"),
    ([("phone", "")], "--map phone"),
])  # fmt: skip
def test_a_wrong_mapping_is_refused_and_says_what_there_is(given_: list[tuple[str, str]], word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        columns_from(given_, ("Phone", "Other"), {"phone": (0,)})


@pytest.mark.parametrize(("cells", "region", "order"), [
    (["31/05/2024"], "US", "dmy"), (["05/31/2024"], "GB", "mdy"), (["03/04/2024"], "US", "mdy"),
    (["03/04/2024"], "DE", "dmy"), (["2024-05-31"], "US", "mdy"),
])  # fmt: skip
def test_the_order_of_days_is_read_from_the_days_then_from_the_country(cells: list[str], region: str,
                                                                       order: Order) -> None:
    notes: list[str] = []
    assert order_of(("When",), [[cell] for cell in cells], {"date": (0,)}, region, notes) == order
    assert bool(notes) == (cells == ["03/04/2024"])


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [
    "+447700900123", "+44 7700 900123", "'+447700900123", '="+447700900123"', "=+447700900123", "07700 900123",
    "(07700) 900-123", "+44 (0)7700 900123", "+4407700900123", "0044 7700 900123", "447700900123", "447700900123.0",
    "\u202a+44 7700 900123\u202c", "＋４４７７００９００１２３", "٠٧٧٠٠٩٠٠١٢٣", "tel:+447700900123",
    "whatsapp:+447700900123",
    "+44\u00a07700\u2011900123", " 07700.900.123 ",
])  # fmt: skip
def test_a_number_is_read_however_it_was_kept(cell: str) -> None:
    assert number_of(cell, "GB").value == PHONE


@pytest.mark.parametrize(("cell", "word"), [
    ("", "no number"), ("n/a", "no phone number"), ("4.477E+11", "shortened"), ("4,477E+11", "shortened"),
    ("07700900123 / 07700900124", "several"), ("07700900123;07700900124", "several"), ("12", "no phone number"),
    ("9" * 101, "too long"), ("07700 900123 or 07700 900124", "several"), ("-", "no phone number"),
    ("12345", "not even in GB"),
])  # fmt: skip
def test_a_cell_that_is_no_number_says_why(cell: str, word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        number_of(cell, "GB")


def test_without_a_country_a_national_number_is_refused() -> None:
    assert number_of("0044 7700 900123", None).value == PHONE
    with pytest.raises(Unreadable, match="country is not known"):
        number_of("07700 900123", None)


@given(st.text(max_size=40))
def test_no_cell_breaks_the_reading_and_none_is_repeated(cell: str) -> None:
    told = ""
    try:
        number_of(cell, "GB")
    except Unreadable as error:
        told = str(error)
    assert len(cell) < 8 or cell not in told


def test_a_number_that_is_shown_is_masked() -> None:
    assert masked("+44 7700 900123") == "+·· ···· ····23"
    assert masked("n/a") == "n/a"


# -- days and words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "order", "day"), [
    ("2024-05-31", "dmy", "2024-05-31"), ("31.05.2024", "dmy", "2024-05-31"), ("5/31/24", "mdy", "2024-05-31"),
    ("31 May 2024", "dmy", "2024-05-31"), ("May 31, 2024", "dmy", "2024-05-31"), ("20240531", "dmy", "2024-05-31"),
    ("45443", "dmy", "2024-05-31"), ("2024-05-31T10:11:12Z", "dmy", "2024-05-31 10:11:12"),
    ("2024-05-31T10:11:12+02:00", "dmy", "2024-05-31 08:11:12"), ("31/05/2024 2:30 PM", "dmy", "2024-05-31 14:30:00"),
    ("1717150272", "dmy", "2024-05-31 10:11:12"), ("1717150272000", "dmy", "2024-05-31 10:11:12"),
])  # fmt: skip
def test_a_day_is_read_however_it_was_written(text: str, order: Order, day: str) -> None:
    at = datetime.fromtimestamp(moment_of(text, order, NOW) / SECOND, UTC)
    assert str(at.replace(tzinfo=None)).removesuffix(" 00:00:00") == day


@pytest.mark.parametrize("text", ["soon", "31/31/2024", "2024-02-30", "1999-12-31", "2031-01-01", "12", "5/2024",
                                  "2024-05-31 25:00", "9" * 30, "٣١"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        moment_of(text, "dmy", NOW)


def test_a_day_somebody_left_counts_to_its_end() -> None:
    assert moment_of("2024-05-31", "dmy", NOW, end=True) == moment_of("2024-05-31", "dmy", NOW) + DAY - 1


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_days(text: str) -> None:
    at = 0
    with suppress(Unreadable):
        at = moment_of(text, "dmy", NOW)
    assert at <= NOW


@pytest.mark.parametrize(("cell", "says"), [
    ("unsubscribed", "no"), ("Opted-Out", "no"), ("do not contact", "no"), ("Désabonné", "no"), ("gold", "unknown"),
    ("no", "unknown"), ("cancelled", "unknown"), ("STOP", "no"), ("please do not contact again!", "no"),
    ("opted out 3 May 2025", "no"), ("likes the stop on Mill Road", "unknown"), ("x" * 600 + " do not text", "unknown"),
])  # fmt: skip
def test_a_word_about_leaving_is_a_no_in_whatever_column_it_stands(cell: str, says: str) -> None:
    plan = Plan(name="old.csv", header=("Mobile", "Remarks"), columns={"phone": (0,)}, purposes=("offers",),
                sender="shop", region="GB")
    assert read_row(plan, 1, ("07700 900123", cell), NOW).says == says


@pytest.mark.parametrize("title", [
    "UNSUB_TIME", "Opted out of WhatsApp", "whatsapp_opt_out", "Opt-out (WA)", "Opted out date", "Consent withdrawn on",
    "Do not WhatsApp", "Werbesperre", "Left on", "GDPR erased", "Opt Out (2)", "Désinscrit le",
])  # fmt: skip
def test_a_title_about_leaving_is_known_in_any_dress(title: str) -> None:
    rows = [("+447700900123", "2025-03-01"), ("+447700900124", "")]
    assert guess(("Mobile", title), rows, "GB")["stopped"] == (1,)


@pytest.mark.parametrize(("title", "cells"), [
    ("Unsubscribe URL", ("https://a.example/1", "https://a.example/2")), ("Unsubscribed", ("https://a.example/1",)),
    ("Stop", ("https://a.example/1",)),
])  # fmt: skip
def test_a_column_of_links_is_not_about_leaving(title: str, cells: tuple[str, ...]) -> None:
    rows = [(f"+44770090012{place}", cell) for place, cell in enumerate(cells)]
    assert "stopped" not in guess(("Mobile", title), rows, "GB")


@pytest.mark.parametrize(("title", "cell"), [
    ("WhatsApp Consent", "No"), ("Subscribed to WhatsApp", "no"), ("Marketing", "No"), ("WhatsApp ok?", "N"),
    ("Newsletter", "nein"), ("Status", "no"),
])  # fmt: skip
def test_a_column_about_consent_that_is_not_read_can_still_say_no(title: str, cell: str) -> None:
    plan = Plan(name="old.csv", header=("Mobile", title), columns={"phone": (0,)}, purposes=("offers",),
                sender="shop", region="GB")
    assert read_row(plan, 1, ("07700 900123", cell), NOW).says == "no"
    assert read_row(plan, 1, ("07700 900123", "yes"), NOW).says == "unknown"  # and never yes: it has no proof


def test_a_status_with_words_of_its_own_is_read_if_somebody_says_no_in_it() -> None:
    rows = [(f"+4477009001{place:02}", word) for place, word in enumerate(("Gold", "Silver", "Gold", "no"))]
    assert guess(("Mobile", "Status"), rows, "GB")["status"] == (1,)
    assert guess(("Mobile", "Status", "Status (2)"), [(*row, "yes") for row in rows], "GB")["status"] == (1, 2)
    assert "status" not in guess(("Mobile", "State"), [("+447700900123", "CA"), ("+447700900124", "TX")], "GB")


def test_words_for_yes_and_no_are_known_in_any_dress() -> None:
    words = ("Opted-In", "YES", "Ja", "désabonné", "Opt out", "nein", "", "Pending", "CA")
    assert [status_of(word) for word in words] == ["yes"] * 3 + ["no"] * 3 + ["unknown", "unknown", None]


def test_in_a_column_about_leaving_anything_but_a_denial_is_a_no() -> None:
    assert [is_stop(word) for word in ("yes", "true", "1", "2024-05-01", "x", "asked by phone")] == [True] * 6
    assert [is_stop(word) for word in ("", "-", "no", "False", "0", "NULL", "n/a")] == [False] * 7


def test_no_word_is_both_a_yes_and_a_no() -> None:
    words = load_columns()
    assert words.yes & words.no == words.yes & words.neither == words.no & words.neither == frozenset()
    assert all(name == folded(name) for names in words.names.values() for name in names)
