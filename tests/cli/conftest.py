"""What the tests of commands share: a folder to stand in, empty or set up."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.library import Sayso
from tests.cast import AMIRA
from tests.cli.shell import INIT, run, taken_up


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and we stand in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Path:
    """A folder after `sayso init`, with all that the file suggests taken up."""
    assert run(*INIT).code == 0
    path = folder / "sayso.toml"
    path.write_text(taken_up(path.read_text(encoding="utf-8"), "[purposes.orders]", "[entry_points.website]"), "utf-8")
    assert run("init").code == 0
    return folder


@pytest.fixture
def joined(project: Path) -> Path:
    """The same, and Amira said yes to offers."""
    from sayso.channels.base import InboundButton, InboundText
    from sayso.core.gate import Verdict
    from sayso.flows import inbound

    with Sayso(project / "sayso.db") as sayso:
        workspace, kit = sayso.workspace, sayso.system.kit
        connection, ref = workspace.connections["main"], workspace.senders["shop"].phone_number_id

        def deliver(item: InboundText | InboundButton) -> None:
            sayso.system.store.write(lambda tx: inbound.receive(tx, kit, workspace, connection, [item], b"{}"))

        deliver(InboundText(sender_ref=ref, key=("message", "1"), at=kit.now(), addresses=AMIRA.addresses,
                            message_id="1", text="JOIN"))
        asked: Verdict = sayso.check(AMIRA.phone, "offers")
        deliver(InboundButton(sender_ref=ref, key=("message", "2"), at=kit.now(), addresses=AMIRA.addresses,
                              message_id="2", kind="button", payload=f"sayso:yes:{asked.because}", label="Yes"))
        assert sayso.check(AMIRA.phone, "offers")
    return project
