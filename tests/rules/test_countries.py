"""What is known of countries: each line with its citation, each file unreviewed, the particular before the general."""

from __future__ import annotations

import pytest

from sayso.core.findings import CHECKS
from sayso.errors import ConfigError
from sayso.rules.countries import (
    IN_TEXT,
    Country,
    countries,
    elements,
    kept_months,
    parse_country,
    rules_for,
    spoken,
    youngest,
)

ALL = sorted(countries().values(), key=lambda country: country.id)
GOOD = """
id = "xx"
name = "Nowhere"
iso = ["XX"]
status = "unreviewed"
as_of = "2026-11-22"
[reach]
whatsapp = "likely"
cite = "Act s. 1"
confidence = "H"
source = "K"
[[notice]]
say = "who"
where = "text"
words = "who asks"
cite = "Act s. 2"
confidence = "H"
source = "S"
"""


def of(code: str) -> list[str]:
    return [country.id for country in rules_for([code])]


def test_there_are_rules_of_fifty_countries_and_parts_of_countries() -> None:
    assert len(ALL) == 50
    assert {"eu", "de", "gb", "us", "us-ca", "ca", "ca-qc", "br", "in", "jp", "za", "il"} <= set(countries())


@pytest.mark.parametrize("country", ALL, ids=lambda country: country.id)
def test_every_line_has_its_citation_and_nobody_claims_a_lawyer_read_it(country: Country) -> None:
    assert country.status == "unreviewed"
    lines = [country.reach, *country.notice, *(line for line in (country.language, country.age, country.proof) if line)]
    assert all(line.cite.strip() for line in lines)
    assert all(said.words.strip() for said in country.notice)
    assert country.age is None or 0 < country.age.years <= 21
    assert country.proof is None or 0 <= country.proof.months <= 120


def test_what_stands_in_a_text_is_something_lint_looks_for() -> None:
    for country in ALL:
        assert {said.say for said in country.notice if said.where == "text"} <= IN_TEXT
    assert IN_TEXT - {"advertising", "automated", "contact"} <= set(CHECKS)


def test_the_particular_goes_before_the_general() -> None:
    assert of("DE") == ["de", "eu"]
    assert of("GR") == ["eu"]
    assert of("US-CA") == ["us-ca", "us"]
    assert of("CA-QC") == ["ca-qc", "ca"]
    assert of("GB") == ["gb"]
    assert of("PR") == ["us"]
    assert of("AQ") == []
    assert [country.id for country in rules_for(["DE", "FR", "DE"])] == ["de", "eu", "fr"]


def test_age_and_proof_follow_the_country() -> None:
    ages = {"DE": 16, "AT": 14, "GR": 15, "GB": 13, "IN": 18, "AQ": 0}
    assert {code: youngest(rules_for([code]), code) for code in ages} == ages
    assert kept_months(rules_for(["DE"])) == 60
    assert kept_months(rules_for(["AQ"])) == 0


def test_only_what_is_certain_and_reaches_whatsapp_is_insisted_on() -> None:
    firm = {(element.country, element.key) for element in elements(ALL) if element.firm}
    assert ("Germany", "channel") in firm
    assert ("Canada", "contact") in firm
    assert not {name for name, _ in firm} & {"United States (federal)", "India", "Japan", "Türkiye"}
    assert {said.country for said in spoken(ALL) if said.firm} >= {"Malaysia", "Hong Kong"}


def test_a_right_file_is_read() -> None:
    country = parse_country("countries/xx.toml", GOOD)
    assert (country.name, country.notice[0].say, country.language) == ("Nowhere", "who", None)


@pytest.mark.parametrize(("old", "new", "what"), [
    ('id = "xx"', 'id = "yy"', "id"), ('iso = ["XX"]', 'iso = ["xx"]', "iso"), ('iso = ["XX"]', "iso = []", "iso"),
    ('status = "unreviewed"', 'status = "fine"', "status"), ('say = "who"', 'say = "nose"', "nose"),
    ('cite = "Act s. 2"\n', "", "cite"), ('source = "S"', 'source = "X"', "source"), ("[reach]", "[reach", "TOML"),
    ('name = "Nowhere"', 'name = "Nowhere"\nking = "x"', "king"), ('where = "text"', 'where = "air"', "where"),
])  # fmt: skip
def test_a_wrong_file_is_refused_with_its_name_and_key(old: str, new: str, what: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=r"countries/xx\.toml") as refusal:
        parse_country("countries/xx.toml", GOOD.replace(old, new, 1))
    assert what in str(refusal.value)
