"""The words of lint are whole and right; a wrong file is refused by name and key."""

from __future__ import annotations

import pytest

from sayso.core.findings import PHRASED, SIGNS
from sayso.errors import ConfigError
from sayso.rules.reader import load_replies
from sayso.rules.vocabulary import parse_starter, parse_tongue, vocabulary

SPOKEN = sorted(load_replies())
GOOD = """
lang = "xx"
negators = ["not"]
[says]
often = ["a month"]
free = ["free"]
voluntary = ["choice"]
advertising = ["offers"]
marketing = ["offers"]
utility = ["order*"]
service = ["help"]
[deceptive]
""" + "\n".join(f'{code} = ["one|two … three"]' for code in PHRASED)


def test_lint_speaks_twelve_of_the_languages_that_sayso_speaks() -> None:
    tongues = vocabulary().tongues
    assert {lang for lang, tongue in tongues.items() if tongue.says} <= set(SPOKEN)
    assert sum(bool(tongue.says) for tongue in tongues.values()) == 12


@pytest.mark.parametrize("lang", SPOKEN)
def test_the_stop_word_lint_suggests_is_the_one_sayso_itself_uses(lang: str) -> None:
    from sayso.core.intents import fold

    assert " ".join(vocabulary().tongue(lang).stops[0]) == fold(load_replies()[lang].stop_word)


def test_a_language_is_found_by_its_tag_and_an_unknown_one_has_stop_alone() -> None:
    known = vocabulary()
    assert (known.tongue("es-MX").lang, known.tongue("pt").lang, known.tongue("pl").lang) == ("es", "pt-BR", "pl")
    assert known.tongue("pl").stops
    assert not known.tongue("pl").says
    assert known.tongue("tlh").stops == (("stop",),)


def test_a_right_file_is_read() -> None:
    tongue, phrases = parse_tongue("lint/xx.toml", GOOD, {"xx": (("halt",),)})
    assert tongue.stops == (("halt",),)
    assert set(tongue.says) < set(SIGNS)
    assert [name for name, _ in phrases] == [f"xx {code}" for code in PHRASED]


@pytest.mark.parametrize(("old", "new", "key"), [
    ('lang = "xx"', 'lang = "yy"', "lang"), ("[says]", "[say]", "say"), ('free = ["free"]', "", "says.free"),
    ('free = ["free"]', 'free = "free"', "says.free"), ('free = ["free"]', 'free = ["…"]', "says.free"),
    ('free = ["free"]', 'free = ["free"]\nfreee = ["x"]', "says.freee"), ('["not"]', '["not at"]', "negators"),
    ('shaming = ["one|two … three"]', "", "deceptive.shaming"), ("[says]", "[says", "lint/xx.toml"),
])  # fmt: skip
def test_a_wrong_file_is_refused_with_its_name_and_key(old: str, new: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=r"lint/xx\.toml") as refusal:
        parse_tongue("lint/xx.toml", GOOD.replace(old, new), {})
    assert str(refusal.value.param).endswith(key)


def test_a_starter_without_its_place_for_the_name_is_refused() -> None:
    whole = 'lang = "xx"\noffers = "{business}"\norders = "{business}"\nsupport = "{business}"\nprivacy = "{url}"'
    assert parse_starter("notices/xx.toml", whole).text("offers", "Acme") == "Acme"
    for old, new in (('offers = "{business}"', 'offers = "we"'), ("{url}", "here"), ('lang = "xx"', 'lang = "x"')):
        with pytest.raises(ConfigError, match=r"notices/xx\.toml"):
            parse_starter("notices/xx.toml", whole.replace(old, new, 1))
