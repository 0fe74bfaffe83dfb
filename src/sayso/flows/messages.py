"""What Sayso itself says: the outbox row and the event it answers, turned into a message. No text here was supplied
by a stranger: wording comes from the workspace's notices and from the reply files in `rules/replies`.
"""

from __future__ import annotations

from typing import Final

from sayso.channels.base import Outbound, OutButtons, OutTemplate, OutText
from sayso.core.events import Event
from sayso.core.purposes import ANY
from sayso.core.workspace import Sender, Workspace
from sayso.flows.confirm import KEEP_ID, NO_ID, STOP_ID, YES_ID
from sayso.flows.kit import Kit

#: Longest body of a message with buttons (Meta: interactive messages).
MAX_BODY: Final = 1024


def replaced(workspace: Workspace, kind: str, event: Event) -> bool:
    """True if the wording a request was to show is no longer the notice's: asking with another would prove nothing."""
    if kind not in ("prompt", "reminder"):
        return False
    notice, lang = workspace.notices.get(str(event.facts["notice"])), str(event.facts["lang"])
    return notice is None or lang not in notice.text or notice.hash(lang) != event.facts["notice_hash"]


def render(kit: Kit, workspace: Workspace, kind: str, event: Event, lang: str, *, window: bool) -> Outbound | None:
    """The message of this kind that answers this event; None if it cannot be said outside the service window."""
    if kind in ("prompt", "reminder"):
        return _question(kit, workspace, kind, event, window=window)
    if not window:
        return None
    replies = kit.replies(lang or workspace.language)
    if kind == "clarify":
        buttons = ((STOP_ID + event.id, replies.clarify_stop_button), (KEEP_ID + event.id, replies.clarify_keep_button))
        return OutButtons(replies.clarify.format(business=workspace.name), "", buttons, replies.clarify_plain)
    return OutText(_text(kit, workspace, kind, event, lang))


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


def _text(kit: Kit, workspace: Workspace, kind: str, event: Event, lang: str) -> str:
    replies = kit.replies(lang or workspace.language)
    titles = workspace.titles(event.cells, lang or workspace.language)
    if kind == "stop_confirmation":
        everything = any(cell.purpose == ANY for cell in event.cells)
        text = replies.stopped_all if everything or not titles else replies.stopped_some
    else:
        text = str(getattr(replies, kind))
    return text.format(business=workspace.name, purposes=titles)
