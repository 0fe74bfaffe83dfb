"""What Sayso itself says: the outbox row and the event it answers, turned into a message. No text here was supplied
by a stranger: wording comes from the workspace's notices and from the reply files in `rules/replies`.
"""

from __future__ import annotations

from typing import Final

from sayso.channels.base import Outbound, OutButtons, OutList, OutTemplate, OutText
from sayso.core.events import Event
from sayso.core.purposes import EVERYTHING
from sayso.core.workspace import Sender, Workspace
from sayso.flows import links, standing_words
from sayso.flows.confirm import KEEP_ID, NO_ID, OFFERS_ID, REASON_ID, RESUME_ID, STOP_ID, YES_ID
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.rules.reader import Replies

#: Longest body of a message with buttons (Meta: interactive messages).
MAX_BODY: Final = 1024


def replaced(workspace: Workspace, kind: str, event: Event) -> bool:
    """True if the wording a request was to show is no longer the notice's: asking with another would prove nothing."""
    if kind not in ("prompt", "reminder"):
        return False
    notice, lang = workspace.notices.get(str(event.facts["notice"])), str(event.facts["lang"])
    return notice is None or lang not in notice.text or notice.hash(lang) != event.facts["notice_hash"]


def render(kit: Kit, workspace: Workspace, sender: Sender, kind: str, event: Event, person: Person, *,
           window: bool) -> Outbound | None:
    """The message of this kind that answers this event; None if it cannot be said outside the service window."""
    if kind in ("prompt", "reminder"):
        return _question(kit, workspace, kind, event, window=window)
    if kind == "stop_confirmation":
        return _stopped(kit, workspace, sender, event, person, window=window)
    if not window:
        return None
    lang = person.lang or workspace.language
    replies = kit.replies(lang)
    if kind == "clarify":
        return _clarify(workspace, event, person, replies, kit.now())
    if kind == "topics":
        rows = standing_words.topics(kit, workspace, sender, person)
        body = replies.topics.format(business=workspace.name)
        return OutList(body, replies.topics_button, rows, replies.topics_plain) if rows else \
            OutText(replies.status_nothing)
    if kind == "pause":
        until = max(mark.until for mark in person.standing.pauses)
        text = replies.pause.format(date=standing_words.day(until))
        return OutButtons(text, "", ((RESUME_ID + event.id, replies.pause_button),), text) \
            if shows_buttons(workspace, sender.name) else OutText(text)
    return OutText(_text(kit, workspace, kind, event, person))


def _question(kit: Kit, workspace: Workspace, kind: str, event: Event, *, window: bool) -> Outbound | None:
    """The wording of the notice and two buttons: free-form inside the window, the approved template outside it, and
    inside it too where the provider has no other buttons.
    """
    notice, lang = workspace.notices[str(event.facts["notice"])], str(event.facts["lang"])
    replies = kit.replies(lang)
    yes, no = YES_ID + event.id, NO_ID + event.id
    template, whole = notice.templates.get(lang), len({cell.purpose for cell in event.cells}) == len(notice.purposes)
    if template and not (window and (shows_buttons(workspace, str(event.facts["sender"])) or not whole)):
        return OutTemplate(template.name, template.language, template.params, (yes, no))
    if not window:
        return None
    body = notice.text[lang]
    if not whole:  # fewer than the wording names were ticked
        ticked = f"{body}\n\n✓ {workspace.titles(event.cells, lang)}"
        body = ticked if len(ticked) <= MAX_BODY else body
    if kind == "reminder":
        longer = f"{replies.reminder_lead}\n\n{body}"
        body = longer if len(longer) <= MAX_BODY else body
    buttons = ((yes, replies.yes_button), (no, replies.no_button))
    return OutButtons(body, replies.prompt_footer, buttons, replies.prompt_plain)


def shows_buttons(workspace: Workspace, sender: str) -> bool:
    """Twilio shows buttons from Content templates only (Content API, quick replies); other questions say what to
    reply.
    """
    known = workspace.senders.get(sender)
    return known is None or workspace.connections[known.connection].provider != "twilio"


def shown_as(workspace: Workspace, sender: Sender, message: Outbound) -> str:
    """How a question met the eye, for its evidence: `template`, `buttons` or `words`."""
    if isinstance(message, OutTemplate):
        return "template"
    return "buttons" if shows_buttons(workspace, sender.name) else "words"


def _clarify(workspace: Workspace, event: Event, person: Person, replies: Replies, now: int) -> OutButtons:
    """One question; with a middle way where there is more than marketing to keep."""
    buttons = [(STOP_ID + event.id, replies.clarify_stop_button), (KEEP_ID + event.id, replies.clarify_keep_button)]
    classes = {workspace.purposes[name].cls for name in standing_words.granted(workspace, person, now)}
    if classes - {"marketing"}:
        buttons.insert(1, (OFFERS_ID + event.id, replies.clarify_offers_button))
    return OutButtons(replies.clarify.format(business=workspace.name), "", tuple(buttons), replies.clarify_plain)


def _stopped(kit: Kit, workspace: Workspace, sender: Sender, event: Event, person: Person, *,
             window: bool) -> Outbound | None:
    """What stopped, what did not, how to return. Outside the window the template of the policy, if there is one."""
    lang = person.lang or workspace.language
    replies, gone = kit.replies(lang), standing_words.stopped_by(workspace, event.cells)
    titles = standing_words.titles(workspace, gone, lang)
    if not window:
        template = workspace.stop_template(lang)
        named = {"{business}": workspace.name, "{purposes}": titles}
        return OutTemplate(template.name, template.language, tuple(_filled(text, named) for text in template.params)) \
            if template else None
    whole = EVERYTHING in event.cells or not titles
    kept = standing_words.granted(workspace, person, kit.now())
    text = replies.stopped_all if whole else replies.stopped_some if kept else replies.stopped_only
    said = text.format(business=workspace.name, purposes=titles)
    if kept:
        said = f"{said} {replies.still_get.format(purposes=standing_words.titles(workspace, kept, lang))}"
    if not (whole and workspace.policy.ask_reason and shows_buttons(workspace, sender.name)):
        return OutText(said)
    buttons = (("too_many", replies.reason_often), ("not_relevant", replies.reason_relevant),
               ("never_asked", replies.reason_never))
    return OutButtons(f"{said}\n\n{replies.reason_ask}", "",
                      tuple((f"{REASON_ID}{reason}:{event.id}", title) for reason, title in buttons))


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace(name, value)
    return text


def _text(kit: Kit, workspace: Workspace, kind: str, event: Event, person: Person) -> str:
    lang = person.lang or workspace.language
    replies = kit.replies(lang)
    text = str(getattr(replies, kind)).format(business=workspace.name, purposes=workspace.titles(event.cells, lang))
    if kind == "help":
        return f"{text}\n\n{replies.commands}"
    if kind not in ("status", "data"):
        return text
    told = [text, "\n".join(standing_words.lines(kit, workspace, person, replies, lang))]
    if kind == "status":
        return "\n\n".join([*told, replies.commands])
    address = links.link(kit, workspace, person.id, "data")
    told.append(f"{replies.data_link}\n{address}" if address else replies.data_ask.format(business=workspace.name))
    return "\n\n".join(told)
