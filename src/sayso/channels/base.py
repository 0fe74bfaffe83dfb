"""What every channel promises, and the frozen values that cross its boundary.

Rules of the room: values only, no client and no connection inside; nothing here knows a provider's wire
format. A channel tells what happened and decides nothing: whether a text is a stop or a tap a yes is
decided by the flows. Fields that could hold personal data stay out of `repr`, so that a traceback shows
none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeVar

from sayso.core.identity import Address

#: What a channel speaks through, such as an HTTP client; who calls a channel need not know which.
Client_contra = TypeVar("Client_contra", contravariant=True)
ButtonKind = Literal["template", "button", "list"]
#: A refusal that is the person's own: in WhatsApp's switch, to marketing, to everything.
Will = Literal["", "opted_out", "stopped_marketing", "stopped_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What every inbound item carries.

    `sender_ref` is the provider's name of the business number (Meta: `phone_number_id`), empty where the
    provider did not say. `key` is the natural dedupe key within provider and workspace; equal keys are the
    same fact, however often it is delivered. `at` is the provider's time in microseconds UTC, 0 where it is
    missing or unreadable. `addresses` are all of one person: they stood in one signed payload, so they may
    be linked. `service_ref` is a second name of the sender, for where the first is nobody's (Twilio: the
    Messaging Service the number is in); `channel` is the network it came by.
    """

    sender_ref: str
    key: tuple[str, ...] = field(repr=False)
    at: int
    addresses: tuple[Address, ...] = ()
    service_ref: str = ""
    channel: Literal["whatsapp", "sms"] = "whatsapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken(Item):
    """The person did something in the chat, which opens the service window. `referral`: the ad tapped."""

    message_id: str = field(repr=False)
    referral: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundText(Spoken):
    """Words, typed by the person.

    `forwarded` and `edited` make them weak evidence (never a yes). `caption` says they stood under a
    picture, a video or a file. `context_id` is the message they answer. `understood` is what the provider made
    of them itself, and has acted on (Twilio: `OptOutType`).
    """

    text: str = field(repr=False)
    context_id: str | None = field(default=None, repr=False)
    forwarded: bool = False
    edited: bool = False
    caption: bool = False
    understood: Literal["", "stop", "start", "help"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundButton(Spoken):
    """A tap. `payload` is echoed by the person's phone: look it up, do not believe it. It equals `label`
    where the sender set none. `context_id`, the message that showed the button, can be missing.
    """

    kind: ButtonKind
    payload: str = field(repr=False)
    label: str = field(repr=False)
    context_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundOther(Spoken):
    """The person spoke without words we read: a picture, a place, a reaction, an order, a finished form.

    `kind` is the provider's name for it. `emoji` is a reaction's.
    """

    kind: str
    emoji: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCard(Spoken):
    """The person's own number, sent because we asked for it. `addresses` is who sent the card, `card` what
    is on it.

    A card the person chose to share could be anybody's, so it is an `InboundOther`.
    """

    card: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePreference(Item):
    """The provider's own switch in the chat. `value`: `stop`, `resume`, or what came later (`signup`)."""

    value: str
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChanged(Item):
    """One person moved from the addresses `old` to `new`; both hold at least one. An address in both stayed.

    `addresses` is `old`. `message_id` is empty where the provider gave none.
    """

    old: tuple[Address, ...]
    new: tuple[Address, ...]
    message_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate(Item):
    """What became of a message of ours. `status` is the provider's word (sent, delivered, read, played,
    failed).

    `errors` are (code, title), code 0 where it was no number. `callback_data` is what `send` was given.
    `addresses` may be empty: the message id is what counts. `will` is what the failure says of the person's
    will, in the words of `ProviderError.outcome`; empty where it says nothing.
    """

    message_id: str = field(repr=False)
    status: str
    errors: tuple[tuple[int, str], ...] = ()
    callback_data: str | None = None
    will: Will = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNews(Item):
    """What the provider files a template under now. `account` is the provider's business account it belongs to."""

    account: str
    name: str
    language: str
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhandled(Item):
    """Something Sayso does not read. Kept whole, to be sealed by the caller and shown; never dropped.

    `reason` is a fixed word of ours, `field` the provider's name of the subscription, `raw` the JSON as it
    came.
    """

    raw: bytes = field(repr=False)
    reason: str
    field: str


#: How Sayso marks what it hands over, in the data a provider sends back with every status: this and a permit's id,
#: behind a value of the caller's own, if there is one.
MARK: Final = "sayso:"
SEPARATOR: Final = ";"


def permit_in(callback_data: str) -> str:
    """The permit a message went by; empty where the data names none."""
    own, found, permit = callback_data.rpartition(MARK)
    return permit if found and (not own or own.endswith(SEPARATOR)) else ""


Inbound = (
    InboundText
    | InboundButton
    | InboundOther
    | ContactCard
    | NativePreference
    | NumberChanged
    | StatusUpdate
    | TemplateNews
    | Unhandled
)


@dataclass(frozen=True, slots=True)
class OutText:
    """Free-form words, only inside the service window. `context_id` is the message being answered."""

    body: str = field(repr=False)
    context_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OutTemplate:
    """An approved template. `body_params` fill {{1}}, {{2}} ...; `buttons` are the payloads of its quick
    replies, in the order of the template's buttons.
    """

    name: str
    language: str
    body_params: tuple[str, ...] = field(default=(), repr=False)
    buttons: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OutButtons:
    """Free-form words with one to three buttons, each (id, title). An empty `footer` is left out. `plain` says in
    words what to reply, for a channel that cannot show the buttons.
    """

    body: str = field(repr=False)
    footer: str
    buttons: tuple[tuple[str, str], ...]
    plain: str = ""


@dataclass(frozen=True, slots=True)
class OutList:
    """Free-form words and a list to choose from: `button` opens it, each row is (id, title, description). `plain` says
    what to reply, for a channel that can only number them.
    """

    body: str = field(repr=False)
    button: str
    rows: tuple[tuple[str, str, str], ...]
    plain: str = ""


Outbound = OutText | OutTemplate | OutButtons | OutList


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider accepted the message, which is all its 200 says. `contacts` are the addresses it names
    for the recipient; they were in one response, so they may be linked.
    """

    message_id: str = field(repr=False)
    contacts: tuple[Address, ...]
    status: str


@dataclass(frozen=True, slots=True)
class SenderAccount:
    """One business number and the right to speak for it. `api_version` looks like `v26.0`.

    The rest is Twilio's: `account_sid`; `user`, whom the token belongs to (the account or an API key); where to
    report what became of a message; and the network this number is on.
    """

    phone_number_id: str
    token: str = field(repr=False)
    base_url: str
    api_version: str
    account_sid: str = ""
    user: str = ""
    callback_url: str = ""
    channel: Literal["whatsapp", "sms"] = "whatsapp"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver of ours answered: its status, or why there was no answer, as a code. `retry_after_s` is what it
    asked for, seconds.
    """

    status: int
    problem: str = ""
    retry_after_s: int | None = None


class Channel(Protocol[Client_contra]):
    """The three names of a channel. A module with these functions is a channel."""

    def verify(self, raw: bytes, signature_header: str | None, app_secrets: Sequence[str]) -> None:
        """Return if one of the secrets signed exactly these bytes.

        Raises BadSignature, or NotConfigured when there is no secret to check with.
        """

    def parse(self, raw: bytes) -> list[Inbound]:
        """Read one verified webhook body, in its order. What cannot be read is an `Unhandled`.

        Raises MalformedBody or BodyTooLarge for the body as a whole, nothing for an item.
        """

    def send(
        self,
        client: Client_contra,
        account: SenderAccount,
        to: Address,
        message: Outbound,
        callback_data: str | None,
        timeout_s: float,
        *,
        before_write: Callable[[], None] | None = None,
    ) -> Sent:
        """Hand one message to the provider, once. `before_write` may run more than
        once, just before the wire, and may raise to call it off.

        Raises InvalidRequest for what the provider would refuse by form, ProviderError for everything else.
        """
