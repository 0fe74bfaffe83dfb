"""The API on both databases (`api`), and on SQLite alone (`lone_api`) for what cannot depend on the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stores import World
from tests.web.desk import Api, api_of


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with api_of(world) as opened:
        yield opened


@pytest.fixture
def lone_api(lone_world: World) -> Iterator[Api]:
    with api_of(lone_world) as opened:
        yield opened
