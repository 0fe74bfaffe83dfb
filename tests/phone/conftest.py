"""The simulator's tests run on asyncio; `phone` is a fresh simulator with a receiver for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.phone.desk import Desk, desk


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def phone(anyio_backend: str) -> AsyncIterator[Desk]:
    async with desk() as made:
        yield made
