"""Commands that stay: serve, worker, phone. Each prints one line when it is ready and ends on Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sayso import telemetry
from sayso.cli.opening import open_existing, published_here, settings_of
from sayso.cli.say import note, tell
from sayso.errors import ConfigError

if TYPE_CHECKING:
    from sayso.core.workspace import Connection
    from sayso.phone.config import BusinessNumber, PhoneConfig, Template
    from sayso.settings import Declared, Settings
    from sayso.web.serve import Serving

#: What the fake Meta takes where sayso.toml names no secret, or one that is not there.
PLAY_TOKEN: Final = "token"  # noqa: S105  a made-up secret of a simulator
PLAY_SECRET: Final = "secret"  # noqa: S105  see above
#: A service on every address of this machine is reached on the machine's own.
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound here


def serve(database: str, host: str, port: int | None, worker: bool | None, *, as_json: bool) -> None:
    """Run the service until it is told to stop, on what was applied before, whatever sayso.toml says by now."""
    from sayso.cli.doctor import warnings
    from sayso.web.serve import serve as run

    settings = settings_of(database)
    telemetry.configure(settings.log_level)
    system = open_existing(settings)
    if not system.directory.all():
        note("No workspace is set up yet, so webhooks and keys are refused. Run `sayso init`.")
    for warning in warnings(settings, system):
        note(f"warning: {warning}")

    def ready(serving: Serving) -> None:
        tell({"url": serving.url}, f"Sayso listens on {serving.url}   (Ctrl-C to stop)", as_json=as_json)

    run(system, host or settings.host, settings.port if port is None else port,
        settings.worker if worker is None else worker, ready, metrics=settings.metrics,
        public_url=settings.public_url, proxies=settings.proxies)


def work(database: str, *, as_json: bool) -> None:
    """Run a worker until Ctrl-C or SIGTERM; the work at hand is finished first."""
    settings = settings_of(database)
    telemetry.configure(settings.log_level)
    system = open_existing(settings)
    worker = system.worker()
    worker.start()
    try:
        wait_for_the_end(lambda: tell({"state": "running"}, "The worker runs.   (Ctrl-C to stop)", as_json=as_json))
    finally:
        worker.stop()
        system.close()


def wait_for_the_end(ready: Callable[[], None] = lambda: None) -> None:
    """Return on Ctrl-C or SIGTERM. The handlers only set a flag: nothing is interrupted halfway. `ready` is called once
    they are in place.
    """
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        while not told.wait(timeout=0.5):
            continue
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- the phone ---------------------------------------------------------------------------------------------------------


def phone(host: str, port: int, webhook: str, service: str, seed: int | None, *, as_json: bool) -> None:
    """Run the simulator for the numbers of this folder's sayso.toml, or with numbers of its own."""
    from sayso.phone.app import start

    config, hint = phone_config(webhook, service, seed)
    with start(config, host, port) as running:
        def ready() -> None:
            tell({"url": running.url, "webhook": config.webhook_url, "sayso": config.sayso_url},
                 f"Phones: {running.url}   (Ctrl-C to leave)\nWebhooks go to: {config.webhook_url or 'nowhere yet'}\n"
                 f"What Sayso did: {_shown(config)}", as_json=as_json)
            note(hint.format(url=running.url))

        wait_for_the_end(ready)


def _shown(config: PhoneConfig) -> str:
    if config.sayso_key and config.sayso_url:
        return f"asked of {config.sayso_url}"
    return "not shown: SAYSO_PHONE_KEY is set, and this folder has no sayso.toml; add --sayso URL" if config.sayso_key \
        else "not shown: set SAYSO_PHONE_KEY to an API key with the scopes check,read"


def phone_config(webhook: str, service: str, seed: int | None) -> tuple[PhoneConfig, str]:
    """What the simulator is made with, and a hint with {url} in it. A phone without a Sayso needs no sayso.toml; a
    wrong one is told as everywhere.
    """
    from sayso.phone.config import PhoneConfig
    from sayso.settings import read_config

    settings = settings_of()
    given: dict[str, Any] = {
        "seed": seed, "webhook_url": webhook, "sayso_url": service or None, "sayso_key": settings.phone_key or None,
        "token": settings.phone_token or PLAY_TOKEN, "app_secret": settings.phone_app_secret or PLAY_SECRET,
    }
    path = settings.configs[0]
    declared = read_config(path, known=published_here(settings)) if path.exists() else None
    metas = [declared.connections[sender.connection] for sender in declared.senders.values()
             if declared.connections[sender.connection].provider == "meta"] if declared else []
    if declared is None or not metas:
        return PhoneConfig(**given), "Point your client's base URL to {url}."
    connection = metas[0]
    return PhoneConfig(**given | _of(declared, connection, settings, webhook, service)), (
        f'Sayso reaches it with base_url = "{{url}}" under [connections.{connection.name}] in sayso.toml.')


def _of(declared: Declared, connection: Connection, settings: Settings, webhook: str,
        service: str) -> dict[str, Any]:
    """Numbers, templates, purposes and secrets of the business, so that its own configuration works unchanged."""
    from sayso.flows.setup import hook_of
    from sayso.settings import resolve

    numbers = _numbers(declared, connection)
    if not numbers:
        raise ConfigError(f"Connection '{connection.name}' has no sender.")
    found: dict[str, Any] = {"numbers": numbers, "templates": _templates(declared),
                             "purposes": tuple(declared.purposes)}
    here = _service_of(settings)
    found["webhook_url"] = webhook or f"{here}/hooks/meta/{hook_of(declared.slug, connection.name)}"
    if settings.phone_key:
        found["sayso_url"] = service or here
    for field, secret, mine in (("token", connection.access_token, settings.phone_token),
                                ("app_secret", connection.app_secret, settings.phone_app_secret)):
        value = None if mine else resolve(secret, os.environ)
        if value:
            found[field] = value
    return found


def _service_of(settings: Settings) -> str:
    """Where this folder's service is reached from this machine."""
    host = ANYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port or 8080}"


def _numbers(declared: Declared, connection: Connection) -> tuple[BusinessNumber, ...]:
    from sayso.phone.config import BusinessNumber

    return tuple(BusinessNumber(sender.phone_number_id, sender.phone, declared.name)
                 for sender in declared.senders.values() if sender.connection == connection.name)


def _templates(declared: Declared) -> tuple[Template, ...]:
    """The simulator's own templates, and those the notices name, with the wording as their text."""
    from sayso.phone.config import DEFAULT_TEMPLATES, Template

    mine = {template.name: template for template in DEFAULT_TEMPLATES}
    for notice in declared.notices.values():
        for lang, template in notice.templates.items():
            body = "" if template.params else notice.text[lang]
            mine[template.name] = Template(template.name, "UTILITY", body, "", ("Yes", "No"))
    return tuple(mine.values())


