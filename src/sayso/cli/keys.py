"""`sayso key`: API keys made, listed, ended. A key's text is printed once; the database holds a hash of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from sayso.cli.opening import open_sayso
from sayso.cli.say import note, table, tell, when
from sayso.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from sayso.library import Sayso

COLUMNS: Final = ("id", "scopes", "mode", "label", "created_at", "revoked_at")


@contextmanager
def opened(database: str, workspace: str) -> Iterator[Sayso]:
    """The workspace the keys belong to."""
    with open_sayso(database, workspace) as sayso:
        yield sayso


def make(sayso: Sayso, scopes: str, label: str, *, test: bool, as_json: bool) -> None:
    """Make a key and print it. Raises InvalidRequest."""
    from sayso.web import auth

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    if not wanted:
        raise InvalidRequest(f"Say what the key may do: --scopes {','.join(auth.SCOPES[:-1])}.", param="scopes")
    mode: Literal["live", "test"] = "test" if test else "live"
    ws, ports = sayso.workspace.id, sayso.system.kit.ports
    key_id, text = sayso.system.store.write(lambda tx: auth.make_key(tx, ports, ws, wanted, mode=mode, label=label))
    tell({"id": key_id, "key": text, "scopes": sorted(set(wanted)), "mode": mode, "label": label}, text,
         as_json=as_json)
    note("This is shown once. Send it as: Authorization: Bearer <key>")


def show(sayso: Sayso, *, as_json: bool) -> None:
    """The keys there are."""
    ws = sayso.workspace.id
    rows = sayso.system.store.read(lambda tx: tx.rows("api_keys", ws=ws))
    if as_json:
        tell([dict(zip(COLUMNS, row, strict=True)) for row in rows], "", as_json=True)
        return
    table(("id", "scopes", "mode", "label", "made", "ended"), [[*row[:4], when(row[4]), when(row[5])] for row in rows],
          empty="There is no key. Make one: sayso key --scopes check,send --label shop")


def revoke(sayso: Sayso, key_id: str, *, as_json: bool) -> None:
    """End a key. Raises NotFound for one that is not there or ended before."""
    ws, now = sayso.workspace.id, sayso.system.kit.now()
    if not sayso.system.store.write(lambda tx: tx.run("revoke_api_key", ws=ws, key=key_id, now=now)):
        raise NotFound("There is no such key, or it was ended before. See `sayso key --list`.", param="revoke")
    tell({"id": key_id, "revoked_at": now}, f"{key_id} is ended; services notice within seconds.", as_json=as_json)
