"""What a simulator is made with: business numbers, templates, the people, secrets, limits. Read once, never
changed.

What can change while it runs (knobs, webhook address, new people) lives in `world.py` and is set over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]

# An inbound message opens the free-form window for this long (Meta: customer service window).
WINDOW_SECONDS = 24 * 3600
# Waits before the second, third ... attempt. Meta's run for days; a demo cannot wait that long.
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
# A webhook consumer that has not answered by then counts as down (Meta gives up after about 20 s).
WEBHOOK_TIMEOUT_SECONDS = 10.0
# An envelope that waits for company (knobs batch and shuffle) goes alone after this long.
HOLD_SECONDS = 2.0
# Meta refuses request bodies far above any message; so do we.
MAX_BODY_BYTES = 256 * 1024
# Kept per chat, per outbox and in the delivery log; older entries are forgotten, so a long demo stays small.
MAX_CHAT = 500
MAX_OUTBOX = 10_000
MAX_DELIVERIES = 5_000
# People on one screen.
MAX_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class BusinessNumber:
    """A number the business sends from. `display_phone` is shown to people, e.g. "+44 7700 900900"."""

    phone_number_id: str
    display_phone: str
    name: str

    @property
    def digits(self) -> str:
        return "".join(c for c in self.display_phone if c.isdigit())


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template. With an empty `body` any parameters are taken; otherwise {{1}} or {{name}} are
    counted.
    """

    name: str
    category: Category
    body: str = ""
    footer: str = ""
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cast:
    """One person at the start. Phone in E.164; `wa_id` only where WhatsApp spells the number differently."""

    name: str
    phone: str
    bsuid: str = ""
    wa_id: str = ""
    username: str = ""
    username_only: bool = False


DEFAULT_NUMBERS = (BusinessNumber("106540352242922", "+44 7700 900900", "Acme Garden"),)

DEFAULT_TEMPLATES = (
    Template("optin_confirm", "UTILITY", "May we message you here? You can leave at any time.",
             "Reply STOP to leave", ("Yes, please", "No, thanks")),
    Template("optin_reminder", "UTILITY", "You asked to hear from us. Still want to? If not, do nothing.",
             "Reply STOP to leave", ("Yes, please", "No, thanks")),
    Template("june_offer", "MARKETING", "Hello {{1}}, 20% off everything for the garden until Sunday.",
             "Reply STOP to leave", ("Stop promotions",)),
    Template("order_update", "UTILITY", "Your order {{1}} is on its way."),
    Template("login_code", "AUTHENTICATION", "{{1}} is your code. Do not share it."),
)

# Numbers from Ofcom's range for drama (+44 7700 900000 to 900999): they ring nowhere.
DEFAULT_CAST = (
    Cast("Amira", "+447700900101", "GB.1349120865530274101"),
    Cast("Bruno", "+447700900102", "GB.1349120865530274102"),
    Cast("Chen", "+447700900103", "GB.1349120865530274103"),
    Cast("Dana", "+447700900104", "GB.1349120865530274104", username="dana.d", username_only=True),
)


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """All a simulator needs. Secrets are the fake Meta's; `sayso_url` and `sayso_key` light up the right-hand
    pane.
    """

    token: str
    app_secret: str
    webhook_url: str = ""
    numbers: tuple[BusinessNumber, ...] = DEFAULT_NUMBERS
    waba_id: str = "102290129340398"
    sayso_url: str | None = None
    sayso_key: str | None = None
    purposes: tuple[str, ...] = ("offers",)
    # None: other ids and choices at every start, so that no consumer takes a new message for a repeated one.
    seed: int | None = None
    templates: tuple[Template, ...] = DEFAULT_TEMPLATES
    cast: tuple[Cast, ...] = DEFAULT_CAST
    suggestions: tuple[str, ...] = ("JOIN", "STOP", "START")
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    # The wish to see a message read, said by the demo; tests that count webhooks switch it off.
    read_receipts: bool = True
