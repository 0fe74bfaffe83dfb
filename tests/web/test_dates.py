"""Days as people of a language write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sayso.ports import SECOND
from sayso.web.dates import MONTHS, all_written, day, iso_day
from sayso.web.preference_view import all_words

FIRST_OF_MARCH = int(datetime(2027, 3, 1, 23, 59, 59, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(("lang", "written"), [
    ("en", "1 March 2027"), ("de", "1. März 2027"), ("es", "1 de marzo de 2027"), ("pt-BR", "1 de março de 2027"),
    ("ru", "1 марта 2027 г."), ("tr", "1 Mart 2027"), ("hi", "1 मार्च 2027"), ("ar", "1 مارس 2027"),
    ("fr", "1 mars 2027"), ("id", "1 Maret 2027"), ("it", "1 marzo 2027"), ("nl", "1 maart 2027")])
def test_a_day_in_every_language_of_the_page(lang: str, written: str) -> None:
    assert day(FIRST_OF_MARCH, lang) == f"\u2068{written}\u2069"


def test_every_language_of_the_page_has_twelve_months_of_its_own() -> None:
    assert set(all_written()) == set(all_words())
    for written in all_written().values():
        assert len(set(written.months)) == MONTHS
        assert {"{day}", "{month}", "{year}"} <= set(written.form.replace(".", "").split())


def test_a_language_nobody_wrote_down_gets_what_every_country_reads_alike() -> None:
    assert day(FIRST_OF_MARCH, "xx") == iso_day(FIRST_OF_MARCH) == "2027-03-01"
