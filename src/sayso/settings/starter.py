"""The sayso.toml that `sayso init` writes for a newcomer: complete, valid, and explained line by line.

The wording of the notice is the part that people read and that a regulator may read; it says who writes,
what, how often, that it is voluntary and free, and how to leave (design section 3, step 1).
"""

from __future__ import annotations

import json
from string import Template
from typing import Final

_TEXT: Final = Template('''\
# What your business declares to Sayso. After an edit, run `sayso init` again: it checks the file and
# applies it. Secrets never stand here, so this file can go into version control.

[workspace]
slug = $slug  # your short name in URLs: /hooks/meta/$plain_slug-main
name = $name  # as people know you
language = $language  # of Sayso's own replies while a person's language is not known
$country_line  # for phone numbers written without a country code

# --- WhatsApp -------------------------------------------------------------------------------------

# Your app at Meta. Each secret is read from a file (its path seen from this file), or from an environment
# variable if you write { env = "META_APP_SECRET" } instead.
[connections.main]
provider = "meta"
app_secret = { file = "secrets/meta_app_secret" }      # App settings > Basic
verify_token = { file = "secrets/meta_verify_token" }  # any long random text; Meta asks for it
access_token = { file = "secrets/meta_access_token" }  # a system user's

# A number you send from.
[senders.shop]
connection = "main"
phone_number_id = $phone_number_id  # WhatsApp > API setup; this is not the phone number
phone = $phone
start = "join"  # the entry point that begins when somebody sends START

# --- what people can agree to ---------------------------------------------------------------------

# One purpose for each kind of message, so that people can say yes to one and no to another. The class is one
# of Meta's (marketing, utility, authentication, service) or sharing, for passing data on.
[purposes.offers]
class = "marketing"
title = "offers and news"
expires_days = 0  # how many days a yes lasts; 0 = until it is withdrawn

# A further one is in use once a notice below asks for it:
# [purposes.orders]
# class = "utility"
# title = "news about your orders"

# Answers need no yes while somebody writes with you, so no notice asks for these.
[purposes.support]
class = "service"
title = "answers to your questions"

# --- the words you ask with -----------------------------------------------------------------------

# Say who writes, what, how often, that it is voluntary and free, and how to leave. Keep the promise about how
# often. Sayso adds the buttons. Once applied, a wording cannot change: raise `version` and write the new one.
[notices.join]
version = 1
purposes = ["offers"]
senders = ["shop"]

[notices.join.text]
en = """
$wording"""
# For another language add a line such as: es = "..."

# WhatsApp lets you write first only with a template that Meta approved. You need one if people leave their
# number on a website or in a shop. Make it with the text above and two quick-reply buttons (first yes, then
# no), and when it is approved take the # away, here and from [entry_points.website] below:
# [notices.join.templates.en]
# name = "sayso_optin"  # its name at Meta
# language = "en"       # its language at Meta, such as en or en_US
# params = []           # texts for {{1}}, {{2}} ..., if it has any

# --- where people opt in --------------------------------------------------------------------------

# Somebody sends the word JOIN to your number.
[entry_points.join]
kind = "keyword"
keywords = ["JOIN"]
notice = "join"
sender = "shop"

# A QR code or link that opens WhatsApp with this text and the code, which belongs to this place for ever.
[entry_points.poster]
kind = "phrase"
phrase = $phrase
code = "$code"
notice = "join"
sender = "shop"

# Your website, or whoever takes down numbers for you, asks through Sayso's API. It needs the template above.
# [entry_points.website]
# kind = "api"
# notice = "join"
# sender = "shop"

# --- what you may choose --------------------------------------------------------------------------

[policy]
prompt_valid_hours = 72     # how long a question stays open
reminder_hours = 24         # when the one reminder goes out
confirm_stops = true        # answer STOP with one last message that says what was stopped
native_scope = "workspace"  # a stop in WhatsApp's own menu holds for all your numbers; "sender": for that one
''')

_WORDING: Final = (
    "{name} would like to send you offers and news here on WhatsApp, at most four messages a month.\n\n"
    "It is your choice: you can buy from us and get help without saying yes. It costs you nothing. You can "
    "leave at any time by sending STOP, and we will stop at once.\n\n"
    "May we write to you?"
)


def starter(
    name: str, slug: str, phone: str, phone_number_id: str, country: str, language: str, code: str
) -> str:
    """The text of a first sayso.toml with one sender. Arguments are written as `read_config` takes them;
    `country` may be empty, `code` is a fresh entry-point code.
    """
    return _TEXT.substitute(
        slug=_quoted(slug),
        plain_slug=slug,
        name=_quoted(name),
        language=_quoted(language),
        country_line=f"country = {_quoted(country)}" if country else '# country = "GB"',
        phone=_quoted(phone),
        phone_number_id=_quoted(phone_number_id),
        phrase=_quoted(f"Hi {name}, sign me up for offers"),
        code=code,
        wording="\n".join(_quoted(line)[1:-1] for line in _WORDING.format(name=name).split("\n")),
    )


def _quoted(text: str) -> str:
    """A TOML basic string. JSON escapes the same characters the same way, but not DEL (TOML 1.0, String)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
