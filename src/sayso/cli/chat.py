"""What `sayso held`, `sayso breaker` and `sayso reasons` do."""

from __future__ import annotations

from dataclasses import asdict

from sayso.cli.opening import open_sayso
from sayso.cli.say import counted, note, table, tell, when
from sayso.errors import InvalidRequest
from sayso.ports import DAY
from sayso.telemetry import log


def held(database: str, workspace: str, action: str, event: str, clerk: str, *, reveal: bool, marketing: bool,
         as_json: bool) -> None:
    """List what waits, or decide about one message."""
    from sayso.flows import review

    with open_sayso(database, workspace) as sayso:
        store, kit, here = sayso.system.store, sayso.system.kit, sayso.workspace
        if action == "list":
            found = store.read(lambda tx: review.held(tx, kit, here.id, reveal=reveal))
            if reveal and found:
                log("held_revealed", count=len(found))
            if as_json:
                tell([asdict(one) for one in found], "", as_json=True)
                return
            table(("event", "said (UTC)", "sender", "why", "text"),
                  [(one.event, when(one.at), one.sender, one.why, one.text if reveal else "••• (--reveal)")
                   for one in found], empty="Nothing waits for a decision.")
            return
        if not event:
            raise InvalidRequest("Name the message: its event stands in `sayso held`.", param="event")
        if action == "release":
            person = store.write(lambda tx: review.release(tx, kit, here, event, clerk))
            tell({"event": event, "person": person.id, "state": "released"},
                 f"released: {event} was no stop; what {person.id} agreed to goes on.", as_json=as_json)
            return
        said = store.write(lambda tx: review.stop(tx, kit, here, event, clerk, marketing=marketing))
        tell({"event": said.event, "person": said.person, "state": "stopped", "confirmation": said.confirmation},
             f"stopped: {said.person}, by {said.event}; confirmation: {said.confirmation}.", as_json=as_json)


def breaker(database: str, workspace: str, action: str, sender: str, clerk: str, *, as_json: bool) -> None:
    """List what the breaker holds, or decide about a sender's stops."""
    from sayso.flows import breaker as flow

    with open_sayso(database, workspace) as sayso:
        store, kit, here = sayso.system.store, sayso.system.kit, sayso.workspace
        if action == "list":
            found = store.read(lambda tx: flow.tripped(tx, here.id))
            if as_json:
                tell([asdict(one) for one in found], "", as_json=True)
                return
            table(("sender", "stops", "first (UTC)", "last (UTC)"),
                  [(one.sender, f"{one.stops:,}", when(one.first), when(one.last)) for one in found],
                  empty="The breaker holds nothing.")
            return
        name = here.sender(sender).name
        if action == "confirm":
            done = store.write(lambda tx: flow.confirm(tx, here.id, name))
        else:
            done, more = 0, 1
            while more:
                more = store.write(lambda tx: flow.release(tx, kit, here, name, clerk))
                done += more
            note("Who is stopped by anything else stays stopped.")
    tell({"sender": name, "state": f"{action}ed".replace("releaseed", "released"), "stops": done},
         f"{action}: {counted(done, 'stop')} of {name}." if done else f"The breaker holds no stop of {name}.",
         as_json=as_json)


def reasons(database: str, workspace: str, days: int, *, as_json: bool) -> None:
    """Count the reasons."""
    from sayso.flows import reasons as flow

    with open_sayso(database, workspace) as sayso:
        since = sayso.system.kit.now() - days * DAY
        found = sayso.system.store.read(lambda tx: flow.counts(tx, sayso.workspace.id, since))
    titles = {"too_many": "too many messages", "not_relevant": "not relevant", "never_asked": "never asked for it",
              "other": "another reason"}
    if as_json:
        tell(found, "", as_json=True)
        return
    table(("reason", "people"), [(titles[name], f"{count:,}") for name, count in found.items()],
          empty="Nobody was asked.")
