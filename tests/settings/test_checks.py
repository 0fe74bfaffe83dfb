"""What a declaration may say of every way in: titles in other languages, entry points of each kind, the policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sayso.errors import ConfigError
from sayso.settings.config import Declared, parse
from tests.stores import declaration


def read(**edits: dict[str, Any]) -> Declared:
    """The tests' own business with sections added to."""
    whole = declaration()
    for section, items in edits.items():
        whole[section] = whole.get(section, {}) | items
    return parse(whole, Path())


def offers(**titles: str) -> dict[str, Any]:
    return {"offers": {"class": "marketing", "title": "offers and news", "titles": titles}}


def entry(**fields: Any) -> dict[str, Any]:
    return {"new": {"notice": "join", "sender": "shop"} | fields}


def test_a_purpose_has_titles_in_other_languages() -> None:
    declared = read(purposes=offers(es="ofertas", ar="العروض"))
    workspace = declared.workspace("wrk_1")
    cells = workspace.cells_of(workspace.notices["join"])
    assert [workspace.titles(cells, lang) for lang in ("es", "ar", "fr", "")] == [
        "ofertas", "العروض", "offers and news", "offers and news"]


@pytest.mark.parametrize(("titles", "said"), [
    ({"ES": "ofertas"}, "purposes.offers.titles.ES must be a language tag, write 'es'"),
    ({"es": " "}, "purposes.offers.titles.es is empty"), ({"es": "x" * 61}, "purposes.offers.titles.es has 61"),
    ({"es": "a\nb"}, "purposes.offers.titles.es must be one line"),
])  # fmt: skip
def test_a_title_that_cannot_be_shown_is_refused_by_its_place(titles: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(purposes=offers(**titles))
    assert refused.value.detail.startswith(said)


def test_titles_are_a_table_of_texts() -> None:
    with pytest.raises(ConfigError, match="a table of texts"):
        read(purposes={"offers": {"class": "marketing", "title": "x", "titles": "ofertas"}})


@pytest.mark.parametrize("fields", [
    {"kind": "page"}, {"kind": "ad"}, {"kind": "ad", "ads": ["120210000000000"]}, {"kind": "clerk"}, {"kind": "api"},
])  # fmt: skip
def test_every_kind_of_entry_point_can_be_declared(fields: dict[str, Any]) -> None:
    assert read(entry_points=entry(**fields)).entries["new"].kind == fields["kind"]


@pytest.mark.parametrize(("fields", "place"), [
    ({"kind": "clerk", "keywords": ["X"]}, "keywords"), ({"kind": "page", "ads": ["1"]}, "ads"),
    ({"kind": "ad", "ads": ["https://x"]}, "ads"), ({"kind": "ad", "phrase": "Hi"}, "phrase"),
    ({"kind": "clerk", "confirm": "desk"}, "confirm"), ({"kind": "poster"}, "kind"),
])  # fmt: skip
def test_a_field_that_does_not_fit_the_kind_is_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(entry_points=entry(**fields))
    assert refused.value.param == f"entry_points.new.{place}"


def test_a_policy_for_yeses_from_elsewhere_needs_a_known_source_and_a_reason() -> None:
    policy = read(policy={"elsewhere": {"clerk": "signed forms are kept in the shop"}, "countries": ["GB", "IE"],
                          "prompts_a_day": 50}).policy
    assert (policy.elsewhere["clerk"], policy.countries, policy.prompts_a_day) == (
        "signed forms are kept in the shop", ("GB", "IE"), 50)


@pytest.mark.parametrize(("policy", "place"), [
    ({"elsewhere": {"fax": "why not"}}, "policy.elsewhere.fax"),
    ({"elsewhere": {"clerk": " "}}, "policy.elsewhere.clerk"),
    ({"elsewhere": {"clerk": "x" * 201}}, "policy.elsewhere.clerk"), ({"countries": ["UK"]}, "policy.countries"),
    ({"countries": ["gb"]}, "policy.countries"), ({"prompts_a_day": -1}, "policy.prompts_a_day"),
    ({"prompts_a_day": 100_001}, "policy.prompts_a_day"), ({"prompts_a_day": "many"}, "policy.prompts_a_day"),
])  # fmt: skip
def test_a_policy_out_of_bounds_is_refused_by_its_place(policy: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(policy=policy)
    assert refused.value.param == place
