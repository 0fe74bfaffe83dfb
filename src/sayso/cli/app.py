"""The list of commands: for each its arguments, its help and the function that carries it out, loaded when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sayso.cli import chat_commands, entry_commands, list_commands, notice_commands, webhook_commands
from sayso.cli.options import Address, Database, Host, Json, Port, Purpose, Sender, Workspace
from sayso.cli.say import EXIT_CODES, Commands, version

app = typer.Typer(
    name="sayso", cls=Commands, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES,
    help="The consent layer for WhatsApp: records every yes with proof, honours every no at once.",
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sayso {version()}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                               help="Print the version.")] = False,
) -> None:
    """What stands before the command."""


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story and leave: exit 0 if every step held.")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port of the page; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Try it all on this machine, with phones on screen.

    No account, no question, no network. Ctrl-C leaves nothing behind.
    """
    from sayso.cli import demo as module

    module.demo(once=once, port=port, browser=browser)


@app.command()
def init(
    name: Annotated[str, typer.Option(help="Your business, as people know it.")] = "",
    slug: Annotated[str, typer.Option(help="Its short name in URLs.")] = "",
    phone: Annotated[str, typer.Option(help="The number you send from, +447700900100.")] = "",
    phone_number_id: Annotated[str, typer.Option(help="Meta's id of that number.")] = "",
    country: Annotated[str, typer.Option(help="Two letters, for numbers written without a country code.")] = "",
    language: Annotated[str, typer.Option(help="Of Sayso's replies while a person's is not known.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the suggestions for what is not named, "
                                                          "and a second workspace for meant.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say whether sayso.toml is right and what would be new; "
                                                        "change nothing.")] = False,
    database: Database = "", as_json: Json = False,
) -> None:
    """Write sayso.toml, make keys and database, apply.

    Run it again after an edit of sayso.toml: it checks the file, applies it and says what is new.
    """
    from sayso.cli import project

    given = {"name": name, "slug": slug, "phone": phone, "phone_number_id": phone_number_id, "country": country,
             "language": language}
    if check:
        project.check(database, as_json=as_json)
    else:
        project.init(given, database, yes=yes, as_json=as_json)


@app.command()
def key(
    scopes: Annotated[str, typer.Option(help="What it may do: check, send, consent, read, admin; with commas "
                                             "between.")] = "",
    label: Annotated[str, typer.Option(help="Who has it, for the list.")] = "",
    test: Annotated[bool, typer.Option("--test", help="Make a test key.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="Show the keys there are, without their secrets.")] = False,
    revoke: Annotated[str, typer.Option(metavar="ID", help="End a key.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Make an API key and print it, once."""
    from sayso.cli import keys

    with keys.opened(database, workspace) as sayso:
        if show_list:
            keys.show(sayso, as_json=as_json)
        elif revoke:
            keys.revoke(sayso, revoke, as_json=as_json)
        else:
            keys.make(sayso, scopes, label, test=test, as_json=as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Instead of SAYSO_HOST.")] = "",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Instead of SAYSO_PORT.")] = None,
    worker: Annotated[bool | None, typer.Option("--worker/--no-worker", help="Instead of SAYSO_WORKER.")] = None,
    database: Database = "", as_json: Json = False,
) -> None:
    """Run the service: webhooks, API and worker."""
    from sayso.cli import serving

    serving.serve(database, host, port, worker, as_json=as_json)


@app.command()
def worker(database: Database = "", as_json: Json = False) -> None:
    """Run a worker apart from the service.

    It sends what is owed and keeps the ledger: any number of times on PostgreSQL, once on SQLite.
    """
    from sayso.cli import serving

    serving.work(database, as_json=as_json)


@app.command()
def phone(
    host: Host = "127.0.0.1", port: Port = 8378,
    webhook: Annotated[str, typer.Option(metavar="URL", help="Where webhooks are posted. Default: the service of this "
                                                             "folder's sayso.toml.")] = "",
    service: Annotated[str, typer.Option("--sayso", metavar="URL", help="Show what this Sayso did with it; its API key "
                                         "comes in SAYSO_PHONE_KEY. Default: as --webhook.")] = "",
    seed: Annotated[int | None, typer.Option(help="The same seed, the same ids and random choices; for tests, since a "
                                             "service that saw an id before takes it for a repetition.")] = None,
    as_json: Json = False,
) -> None:
    """Run a fake WhatsApp with phones on a page.

    For trying things, and for your own tests, which drive it over HTTP.
    """
    from sayso.cli import serving

    serving.phone(host, port, webhook, service, seed, as_json=as_json)


@app.command()
def check(
    address: Address, purpose: Purpose, sender: Sender = "",
    free_form: Annotated[bool, typer.Option("--free-form", help="A message that is no template.")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """May this person be sent this? Exit 0, 10 or 11.

    Exit 0 allow, 10 deny, 11 wait; the answer names the reason and the event it rests on.
    """
    from sayso.cli import asking

    asking.check(database, workspace, address, purpose, sender, free_form=free_form, as_json=as_json)


@app.command()
def optin(
    address: Address,
    entry: Annotated[str, typer.Option(help="The entry point that asks.")],
    evidence: Annotated[list[str] | None, typer.Option(metavar="NAME=TEXT", help="Where the person asked for it: page, "
                                                       "ip, user_agent, form, clerk, note. May be repeated.")] = None,
    language: Annotated[str, typer.Option(help="The language to ask in.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Begin a double opt-in; it never grants.

    The person is asked by the worker, and their own answer is what counts.
    """
    from sayso.cli import asking

    asking.opt_in(database, workspace, address, entry, evidence or [], language, as_json=as_json)


@app.command()
def optout(
    address: Address,
    purpose: Annotated[str, typer.Option(help="One purpose; * is everything, whatever is invented later.")] = "*",
    sender: Annotated[str, typer.Option(help="One of your numbers; * is all.")] = "*",
    message_class: Annotated[str, typer.Option("--class", help="One message class; * is all.")] = "*",
    evidence: Annotated[list[str] | None, typer.Option(metavar="NAME=TEXT", help="How you heard of it, as in "
                                                                                 "optin.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Record a no, and wait until nothing can follow."""
    from sayso.cli import asking

    asking.opt_out(database, workspace, address, purpose, sender, message_class, evidence or [], as_json=as_json)


@app.command(name="import")
def import_(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="CSV, XLSX, JSON Lines or Parquet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the columns are right.")] = False,
    columns: Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="What a column holds: "
                       "phone, date, source, wording, status, stopped, language.")] = None,
    status: Annotated[list[str] | None, typer.Option("--status", metavar="WORD=yes|no|unknown",
                                                     help="What a word in a status column means.")] = None,
    purposes: Annotated[str, typer.Option(help="What these people agreed to, with commas between.")] = "",
    sender: Sender = "",
    source: Annotated[str, typer.Option("--proof-source", help="Where they agreed, for rows that do not say.")] = "",
    date: Annotated[str, typer.Option("--proof-date", help="When, for rows that do not say: 2024-05-01.")] = "",
    wording: Annotated[Path | None, typer.Option("--wording-file", help="The words they agreed to.")] = None,
    document: Annotated[Path | None, typer.Option("--document", help="A scan or another document that shows "
                                                                     "it.")] = None,
    date_order: Annotated[str, typer.Option("--date-order", help="dmy or mdy, for days such as 3/4/2024.")] = "",
    stops: Annotated[str, typer.Option("--stops", help="What a no in the file covers: everything (as STOP does) or "
                                                       "purposes.")] = "",
    stop_list: Annotated[bool, typer.Option("--stop-list", help="Take the noes and nothing else: every row, or where "
                                            "columns say who left, those.")] = False,
    file_format: Annotated[str, typer.Option("--format", help="csv, jsonl, xlsx or parquet, if the name does not "
                                                              "say.")] = "",
    encoding: Annotated[str, typer.Option("--encoding", help="Of a text file, if it is not found out.")] = "",
    sheet: Annotated[str, typer.Option("--sheet", help="Of a workbook, instead of the first.")] = "",
    refused: Annotated[Path | None, typer.Option("--refused", metavar="FILE", help="Write the refused rows to a CSV "
                                                 "that can be mended and imported.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Import a file a second time.")] = False,
    undo: Annotated[str, typer.Option("--undo", metavar="ID", help="Take an import back as a whole.")] = "",
    show_one: Annotated[str, typer.Option("--show", metavar="ID", help="Show one import.")] = "",
    show_list: Annotated[bool, typer.Option("--list", help="Show the imports there are.")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Take in a list of people, with its proof.

    Look first with --dry-run. What was killed goes on when the same command is given again.
    """
    from sayso.cli import import_options, importing

    given = import_options.Given(tuple(columns or ()), tuple(status or ()), purposes, sender, source, date, wording,
                                 document, date_order, stops, file_format, encoding, sheet, stop_list)
    importing.dispatch(database, workspace, file, given, undo=undo, show_one=show_one, show_list=show_list,
                       dry_run=dry_run, yes=yes, again=again, refused=refused, as_json=as_json)


@app.command()
def erase(
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; it cannot be undone.")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Destroy what is known of a person, keep the no.

    The no is kept as a keyed hash, so that it holds; the yes is gone. It cannot be undone.
    """
    from sayso.cli import asking

    asking.erase(database, workspace, address, sure=yes, as_json=as_json)


@app.command()
def link(address: Address, database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Print the private address of somebody's preference page.

    For a message to them: it is new each time, shows the record for 30 days and stops for ever.
    """
    from sayso.cli import asking

    asking.link(database, workspace, address, as_json=as_json)


@app.command()
def data(
    address: Address,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file that only you can read.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Everything recorded of a person, as JSON, for them.

    Numbers and words are unmasked. That it was handed out is recorded.
    """
    from sayso.cli import showing

    showing.data(database, workspace, address, output, as_json=as_json)


@app.command()
def show(
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="A person, - for standard input.")] = "",
    texts: Annotated[bool, typer.Option("--texts", help="The evidence too: what was said, from which page.")] = False,
    outbox: Annotated[bool, typer.Option("--outbox", help="What Sayso owes and has sent.")] = False,
    unhandled: Annotated[bool, typer.Option("--unhandled", help="What came in and could not be used.")] = False,
    entries: Annotated[bool, typer.Option("--entries", help="Entry points with their codes and chat links.")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Show a person, the outbox or the entry points.

    A person: where they stand, and how it came to that.
    """
    from sayso.cli import showing

    showing.show(database, workspace, address, texts=texts, outbox=outbox, unhandled=unhandled, entries=entries,
                 as_json=as_json)


@app.command()
def intent(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="A message, as a person would send it.")] = "",
    lang: Annotated[str, typer.Option("--lang", help="The person's language if it is known, such as es or "
                                                     "pt-BR.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON. Without TEXT, read JSON Lines with text and "
                                          "lang from standard input and answer each with a line.")] = False,
) -> None:
    """What Sayso reads in a message: stop, help, nothing.

    Prints label, grade, language and why. It needs no database and no sayso.toml, and keeps nothing.
    """
    from sayso.cli import intents

    intents.intent(text, lang, as_json=as_json)


@app.command()
def verify(database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Recompute the ledger and what the gate reads.

    Exit 0 if all fits; 20 if something does not, and then it names what.
    """
    from sayso.cli import showing

    showing.verify(database, workspace, as_json=as_json)


@app.command()
def receipt(
    address: Address,
    purpose: Annotated[str, typer.Option(help="The newest yes that covers this purpose.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of standard output.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Print the proof of a person's newest yes.

    It is JSON that a stranger can check without Sayso.
    """
    from sayso.cli import showing

    showing.receipt(database, workspace, address, purpose, output, as_json=as_json)


@app.command()
def simulate(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to play.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    trace: Annotated[bool, typer.Option("--trace", help="Play this one seed and print all that happened.")] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 is one for each core.")] = 1,
    hours: Annotated[float, typer.Option(min=0, help="Play for this long instead of a number.")] = 0.0,
    save: Annotated[str, typer.Option(metavar="FILE", help="Keep how far it came, and go on from there next "
                                                           "time.")] = "",
    as_json: Json = False,
) -> None:
    """Play the promises against faults that a seed draws.

    The real flows and gate, with crashes, pauses, late and repeated webhooks, wrong clocks, full disks. Nothing of
    yours is touched. Exit 1 if a promise broke; the seed it names plays it again.
    """
    from sayso.cli import simulating

    simulating.simulate(seeds, seed, jobs, hours, save, trace=trace, as_json=as_json)


@app.command()
def doctor(database: Database = "", as_json: Json = False) -> None:
    """Say what is wrong, and what mends it.

    Looks at configuration, keys, secrets, database, ledger and queues. Exit 1 if something fails.
    """
    from sayso.cli import doctor as module

    module.doctor(database, as_json=as_json)


entry_commands.add_to(app)
notice_commands.add_to(app)
list_commands.add_to(app)
chat_commands.add_to(app)
webhook_commands.add_to(app)
