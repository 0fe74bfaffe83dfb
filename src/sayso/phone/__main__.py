"""`python -m sayso.phone`: the simulator on its own, with or without a Sayso. Secrets come by environment."""

from __future__ import annotations

import argparse
import os

from sayso.phone.app import PhoneConfig, serve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sayso.phone", description="A fake WhatsApp with phones on screen.",
        epilog="Secrets: SAYSO_PHONE_TOKEN (default: token), SAYSO_PHONE_APP_SECRET (default: secret), "
               "SAYSO_PHONE_KEY (an API key of Sayso).")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8378)
    parser.add_argument("--webhook", default="", metavar="URL", help="where webhooks are posted")
    parser.add_argument("--sayso", default=None, metavar="URL", help="show what this Sayso did with it")
    parser.add_argument("--seed", type=int, default=None, help="the same seed, the same ids and choices")
    given = parser.parse_args()
    config = PhoneConfig(
        token=os.environ.get("SAYSO_PHONE_TOKEN", "token"),
        app_secret=os.environ.get("SAYSO_PHONE_APP_SECRET", "secret"),
        webhook_url=given.webhook, sayso_url=given.sayso, sayso_key=os.environ.get("SAYSO_PHONE_KEY"),
        seed=given.seed)
    if config.sayso_key and not config.sayso_url:
        print("SAYSO_PHONE_KEY is set and no Sayso is named, so no decision is shown: add --sayso URL.", flush=True)
    print(f"Phones: http://{given.host}:{given.port}   (Ctrl-C to leave)", flush=True)
    serve(config, given.host, given.port)


if __name__ == "__main__":
    main()
