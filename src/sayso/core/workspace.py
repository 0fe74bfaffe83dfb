"""What a business declares: senders, purposes, notices, entry points, policy. Frozen values, read from sayso.toml.

Secrets are named here (a file or an environment variable), never held.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

import msgspec

from sayso.core.purposes import Cell, MessageClass
from sayso.errors import InvalidRequest, UnknownEntry, UnknownPurpose, UnknownSender

#: Crockford's base 32: no I, L, O or U, so that a code can be read aloud and typed from paper.
CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Characters of a code, the last one the check character.
CODE_LENGTH: Final = 8
#: A code in brackets, and behind it the purposes that were chosen where it was made, if not all.
_CODE: Final = re.compile(r"\[\s*([0-9A-Za-z]{8})((?:\s+[A-Za-z][A-Za-z0-9_-]{0,47}){0,16})\s*\]")
_LOOKALIKES: Final = str.maketrans("OIL", "011")


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: a file or an environment variable, never the value."""

    file: str = ""
    env: str = ""


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved template: its name and language at the provider, and the texts of its body variables."""

    name: str
    language: str
    params: tuple[str, ...] = ()


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One app subscription at a provider. `previous_secret` is honoured while an app secret is being changed.

    `waba_id` is Meta's WhatsApp Business account, whose list says what each template is filed under.

    Twilio's: the account and its auth token; `shared_key`, which, once named, is the only thing a webhook may be signed
    with (HMAC-SHA256); `api_key`, whose secret is `access_token`, to send with instead of the auth token; `public_url`,
    under which Twilio calls this Sayso and which its signatures cover.
    """

    name: str
    provider: Literal["meta", "twilio"] = "meta"
    app_secret: Secret = Secret()
    previous_secret: Secret = Secret()
    verify_token: Secret = Secret()
    access_token: Secret = Secret()
    base_url: str = "https://graph.facebook.com"
    api_version: str = "v26.0"
    waba_id: str = ""
    account_sid: str = ""
    auth_token: Secret = Secret()
    shared_key: Secret = Secret()
    api_key: str = ""
    public_url: str = ""


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A business number. `start` is the entry point that the word START begins. `channel` sms is for Twilio numbers
    that people text a keyword to; what they ask for is confirmed in WhatsApp. `purpose` is what free-form messages
    through the gateway are for when they do not say.
    """

    name: str
    connection: str
    phone_number_id: str
    phone: str
    start: str = ""
    channel: Literal["whatsapp", "sms"] = "whatsapp"
    purpose: str = ""


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of message. `title` is what people know it by, `titles` the same in other languages. `expires_days` is how
    long a yes lasts, 0 for as long as it is not withdrawn. `templates` are those whose messages are for this purpose.
    """

    name: str
    cls: MessageClass
    title: str
    expires_days: int = 0
    titles: dict[str, str] = {}
    templates: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wording, per language. Its texts never change under one version. `origin`: declared in sayso.toml, or published
    by command or API, and then kept when the file is applied again.
    """

    name: str
    version: int
    purposes: tuple[str, ...]
    senders: tuple[str, ...]
    text: dict[str, str]
    templates: dict[str, Template] = {}
    origin: Literal["file", "desk"] = "file"

    def language(self, wanted: str, fallback: str) -> str:
        """The best language this notice is written in."""
        for choice in (wanted, wanted.split("-", maxsplit=1)[0], fallback):
            if choice in self.text:
                return choice
        return next(iter(self.text))

    @property
    def covers(self) -> str:
        """The purposes and senders it names, in one line: they are as immutable as the text."""
        return f"{' '.join(sorted(self.purposes))} | {' '.join(sorted(self.senders))}"

    def hash(self, lang: str) -> str:
        """SHA-256 of the wording in this language, hex. It goes into the evidence of every yes given to it."""
        return hashlib.sha256(self.text[lang].encode()).hexdigest()


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place where people opt in.

    `phrase`: a wa.me text with a code; `keyword`: a word typed; `api`: your code; `page`: the landing page and the
    widget; `ad`: a click-to-WhatsApp ad (`ads` names the ad ids, none = any); `clerk`: somebody of yours writes down
    what was said or signed. `confirm` is the WhatsApp sender that asks, if it is not `sender` (a keyword by SMS).
    `origins` are the websites that may embed the widget (none = any).
    """

    name: str
    kind: Literal["phrase", "keyword", "api", "page", "ad", "clerk"]
    notice: str
    sender: str
    code: str = ""
    keywords: tuple[str, ...] = ()
    phrase: str = ""
    lang: str = ""
    ads: tuple[str, ...] = ()
    confirm: str = ""
    origins: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the workspace may choose. `native_scope`: does WhatsApp's own stop cover all senders or only its own.

    `elsewhere` lets a source (import, clerk, api) grant by evidence from elsewhere, without a reply: source -> the
    reason, which goes into every fact it brings. `countries` are the ISO letters of numbers that may be asked through a
    form (none = the workspace's own country); `prompts_a_day` is the budget of questions a form may cause.
    `stop_template` confirms a stop where no free-form reply is allowed, per language; in its params `{business}` and
    `{purposes}` are filled in. `ask_reason`: who left may say why, by one tap. The
    breaker trips when one sender's provider reports more stops within ten minutes than `breaker_least` and than
    `breaker_percent` of the people messaged in the last 24 hours.
    """

    prompt_valid_hours: int = 72
    reminder_hours: int = 24
    confirm_stops: bool = True
    native_scope: Literal["workspace", "sender"] = "workspace"
    elsewhere: dict[str, str] = {}
    countries: tuple[str, ...] = ()
    prompts_a_day: int = 1_000
    stop_template: dict[str, Template] = {}
    ask_reason: bool = False
    breaker_least: int = 20
    breaker_percent: int = 10


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver of yours that is told what was recorded. `secret` is a Standard Webhooks one (`whsec_...`);
    `previous_secret` signs too while it is being changed. `types` without the prefix `sayso.`, none = all. Only with
    `addresses` does it get the phone number. `allow_private` are networks it may be in although they are not public,
    `ports` further ones besides 443 and 8443.
    """

    name: str
    url: str
    secret: Secret
    previous_secret: Secret = Secret()
    types: tuple[str, ...] = ()
    addresses: bool = False
    allow_private: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One business, as declared. `id` is the workspace's, `slug` its short name, `privacy` the URL of its privacy
    policy, `words` what its people write besides what languages list, by intent.
    """

    id: str
    slug: str
    name: str
    language: str = "en"
    languages: tuple[str, ...] = ()
    country: str = ""
    connections: dict[str, Connection] = {}
    senders: dict[str, Sender] = {}
    purposes: dict[str, Purpose] = {}
    notices: dict[str, Notice] = {}
    entries: dict[str, Entry] = {}
    policy: Policy = Policy()
    privacy: str = ""
    words: dict[str, tuple[str, ...]] = {}
    webhooks: dict[str, Webhook] = {}

    def purpose(self, name: str) -> Purpose:
        """Raises UnknownPurpose."""
        try:
            return self.purposes[name]
        except KeyError:
            raise UnknownPurpose(f"'{name[:48]}' is not declared in sayso.toml.", param="purpose") from None

    def sender(self, name: str) -> Sender:
        """By name; empty is the only sender there is. Raises UnknownSender."""
        if not name and len(self.senders) == 1:
            return next(iter(self.senders.values()))
        try:
            return self.senders[name]
        except KeyError:
            hint = "Name the sender; there are several." if not name else f"'{name[:48]}' is not declared."
            raise UnknownSender(hint, param="sender") from None

    def stop_template(self, lang: str) -> Template | None:
        """The template that confirms a stop, in the best language there is one for."""
        shown = self.policy.stop_template
        best = (shown.get(choice) for choice in (lang, lang.partition("-")[0], self.language))
        return next((template for template in best if template is not None), None)

    def sender_of(self, phone_number_id: str, connection: str) -> Sender | None:
        """The sender a provider's number id belongs to, if this connection may speak for it."""
        for sender in self.senders.values():
            if sender.phone_number_id == phone_number_id and sender.connection == connection:
                return sender
        return None

    def cell(self, purpose: str, sender: str) -> Cell:
        """The cell a message of this purpose from this sender is in. Raises UnknownPurpose, UnknownSender."""
        return Cell(purpose, self.sender(sender).name, self.purpose(purpose).cls)

    def purpose_of(self, template: str) -> str:
        """The purpose a template's messages are for; empty if none is declared."""
        return next((purpose.name for purpose in self.purposes.values() if template in purpose.templates), "")

    def replies_for(self, sender: Sender) -> str:
        """What a free-form message is for that does not say: the sender's purpose, else the only one of class service;
        empty if there is none, or more than one.
        """
        service = [purpose.name for purpose in self.purposes.values() if purpose.cls == "service"]
        return sender.purpose or (service[0] if len(service) == 1 else "")

    def entry(self, name: str) -> Entry:
        """Raises UnknownEntry."""
        try:
            return self.entries[name]
        except KeyError:
            raise UnknownEntry(f"'{name[:48]}' is not declared in sayso.toml.", param="entry") from None

    def cells_of(self, notice: Notice, chosen: tuple[str, ...] = ()) -> tuple[Cell, ...]:
        """Exactly the purposes and senders the notice names; of these only the purposes `chosen`, if any were."""
        return tuple(
            Cell(purpose, sender, self.purposes[purpose].cls)
            for purpose in notice.purposes for sender in notice.senders if not chosen or purpose in chosen
        )

    def titles(self, cells: tuple[Cell, ...], lang: str = "") -> str:
        """The purposes of these cells in the words people know them by, in this language where it is declared."""
        known = [self.purposes[name] for name in dict.fromkeys(cell.purpose for cell in cells) if name in self.purposes]
        return ", ".join(purpose.titles.get(lang) or purpose.title for purpose in known)


def check_character(code: str) -> str:
    """The check character of the first seven: their values weighted by place, modulo 32.

    It catches any one mistyped character and most swapped neighbours.
    """
    total = sum((2 * place + 1) * CODE_ALPHABET.index(letter) for place, letter in enumerate(code[:CODE_LENGTH - 1]))
    return CODE_ALPHABET[total % 32]


def make_code(entropy: bytes) -> str:
    """A random code of eight characters. `entropy` is seven bytes."""
    body = "".join(CODE_ALPHABET[byte & 31] for byte in entropy[:CODE_LENGTH - 1])
    return body + check_character(body)


def read_code(text: str) -> str:
    """A code as people write it, made plain. Raises InvalidRequest if it cannot be one of ours."""
    code = text.upper().translate(_LOOKALIKES)
    if len(code) != CODE_LENGTH or set(code) - set(CODE_ALPHABET) or check_character(code) != code[-1]:
        raise InvalidRequest("An entry-point code has eight characters, the last one a check.", param="code")
    return code


def choice_in(text: str, code: str) -> tuple[str, ...]:
    """The words beside this code in its brackets: purposes ticked before the chat began, and the language they were
    read in. No purpose among them means all.
    """
    for match in _CODE.finditer(text):
        if match[2] and match[1].upper().translate(_LOOKALIKES) == code:
            return tuple(match[2].lower().split())
    return ()


def codes_in(text: str) -> list[str]:
    """Every well-formed code in brackets, anywhere in the text; people may edit around it."""
    found = []
    for match in _CODE.finditer(text):
        try:
            found.append(read_code(match[1]))
        except InvalidRequest:
            continue
    return found
