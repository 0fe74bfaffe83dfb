"""What the people do with their phones: say, tap, switch offers off, block, change number, hide the number.

Each act changes the screen and, where WhatsApp tells the business, hands the courier one update. A block
tells nobody, as in life: the business finds out by 131026.
"""

from __future__ import annotations

import copy
from typing import Literal

from sayso.errors import InvalidRequest
from sayso.phone import webhooks
from sayso.phone.config import BusinessNumber
from sayso.phone.people import Message, Person
from sayso.phone.world import World

# Meta: a text body holds at most 4096 characters.
MAX_TEXT = 4096
# Meta: media messages, captions.
MAX_CAPTION = 1024
CAPTIONED = ("image", "video", "document")


def say(world: World, person: Person, number: BusinessNumber, text: str, *, reply_to: str | None = None,
        forwarded: bool = False) -> Message:
    """Type a message. Opens the 24 h window. Raises InvalidRequest when the person blocked this business."""
    if not text.strip() or len(text) > MAX_TEXT:
        raise InvalidRequest(f"A message has 1 to {MAX_TEXT} characters.", param="text")
    quoted = world.message_of(person, reply_to, "reply_to") if reply_to else None
    message = _said(world, person, number, "text", text)
    message.forwarded, message.reply_to = forwarded, reply_to or ""
    world.show(message)
    world.courier.submit(webhooks.text(person, number, message, quoted))
    return message


def edit(world: World, person: Person, number: BusinessNumber, message_id: str, text: str) -> Message:
    """Change a message that was sent before. WhatsApp tells the business the new words."""
    original = world.message_of(person, message_id, "message_id")
    if not original.mine or original.kind not in ("text", *CAPTIONED):
        raise InvalidRequest("Only a message of words, sent by this person, can be edited.", param="message_id")
    if not text.strip() or len(text) > MAX_TEXT:
        raise InvalidRequest(f"A message has 1 to {MAX_TEXT} characters.", param="text")
    message = _said(world, person, number, original.kind, f"✎ {text}")
    message.reply_to = original.id
    world.show(message)
    world.courier.submit(webhooks.edit(person, number, message, original, text))
    return message


def show(world: World, person: Person, number: BusinessNumber, kind: str, caption: str) -> Message:
    """Send a picture, a video or a file, with or without words under it."""
    if kind not in CAPTIONED or len(caption) > MAX_CAPTION:
        raise InvalidRequest(f"image, video or document, with at most {MAX_CAPTION} characters under it.", param="kind")
    message = _said(world, person, number, kind, caption)
    world.show(message)
    world.courier.submit(webhooks.media(person, number, message))
    return message


def tap(world: World, person: Person, message_id: str, button: str | int) -> Message:
    """Tap a button or list row of a message, by its position, its id (payload) or its title."""
    source = world.message_of(person, message_id, "message_id")
    choice = _choice(source, button)
    number = world.number(source.number)
    message = _said(world, person, number, "tap", choice["title"])
    message.reply_to = source.id
    source.tapped.append(choice["id"])
    world.show(source)
    world.show(message)
    world.courier.submit(webhooks.tap(person, number, message, source, choice))
    return message


def native(world: World, person: Person, number: BusinessNumber, value: Literal["stop", "resume"]) -> None:
    """Meta's own switch for offers and announcements: blocks marketing templates, and only those."""
    if value == "stop":
        person.native_stop.add(number.phone_number_id)
    else:
        person.native_stop.discard(number.phone_number_id)
    words = "stopped" if value == "stop" else "resumed"
    world.note(person, number, f"You {words} offers and announcements from this business")
    world.show_person(person)
    world.courier.submit(webhooks.preference(person, number, value, world.now()))


def block(world: World, person: Person, number: BusinessNumber, *, on: bool) -> None:
    """Block or unblock a business number. No webhook: WhatsApp keeps blocks private."""
    if on:
        person.blocked.add(number.phone_number_id)
    else:
        person.blocked.discard(number.phone_number_id)
    world.note(person, number, f"You {'blocked' if on else 'unblocked'} this business")
    world.show_person(person)


def change_number(world: World, person: Person, new_phone: str, *, share_phone: bool) -> None:
    """A new SIM: new phone, new user id (Meta gives one per number). Every business number hears of it."""
    phone = world.people.free_phone(new_phone, "new_phone")
    old = copy.copy(person)
    person.phone, person.wa_id = phone, phone[1:]
    person.bsuid = world.people.new_bsuid(phone)
    share = share_phone and not person.username_only
    for number in world.config.numbers:
        world.note(person, number, f"You changed your number to {phone}")
        id_ = world.new_wamid(old.phone if share else old.bsuid, outgoing=False)
        world.courier.submit(webhooks.changed_number(person, number, old, id_, world.now(), share=share))
    world.show_person(person)


def username_only(world: World, person: Person, *, on: bool) -> None:
    """Show businesses a username instead of the number. No webhook; later ones have no phone in them."""
    person.username_only = on
    world.show_person(person)


def window(world: World, person: Person, number: BusinessNumber, *, is_open: bool) -> None:
    """Open or close the 24 h window without a word, to test what happens when it is over."""
    if is_open:
        person.open_window(number.phone_number_id, world.now())
    else:
        person.window_until.pop(number.phone_number_id, None)
    world.show_person(person)


def _said(world: World, person: Person, number: BusinessNumber, kind: str, text: str) -> Message:
    if number.phone_number_id in person.blocked:
        raise InvalidRequest(f"{person.name} blocked this business; unblock it first.", param="person")
    person.open_window(number.phone_number_id, world.now())
    id_ = world.new_wamid(person.bsuid if person.username_only else person.phone, outgoing=False)
    return Message(id_, person.id, number.phone_number_id, True, kind, world.now(), text)


def _choice(source: Message, button: str | int) -> dict[str, str]:
    if isinstance(button, int):
        if 0 <= button < len(source.buttons):
            return source.buttons[button]
    else:
        for choice in source.buttons:
            if button in (choice["id"], choice["title"]):
                return choice
    titles = ", ".join(choice["title"] for choice in source.buttons) or "none"
    raise InvalidRequest(f"The message has no such button. It has: {titles}.", param="button")
