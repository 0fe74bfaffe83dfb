"""The knobs: everything that can be made to go wrong, set over HTTP while the simulator runs.

All off, the simulator delivers each webhook once, in order, at once. With a given seed the same knobs give the
same run.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from sayso.errors import InvalidRequest
from sayso.phone.errors import CATALOGUE

Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class Knobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Webhooks first, then the Graph API. A count of 0 means off."""

    # Each envelope is delivered this many times.
    duplicate: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    # Each update leaves this many seconds late.
    late: Seconds = 0
    # This many updates are held and leave in a random order.
    shuffle: Count = 0
    # The chance that an update is never delivered; and how many of the next ones are not, for certain.
    lose: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0
    lose_next: Count = 0
    # This many updates share one POST.
    batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1

    # Meta's stop is answered in the HTTP response instead of a failed status.
    sync_131050: bool = False
    # A closed 24 h window shows up as a failed status instead of in the HTTP response.
    async_131047: bool = False
    # The business number is a test number: whoever is not on screen is refused with 131030.
    test_number: bool = False
    # Messages to one person per 6 seconds before 131056 (Meta: one in 6 s after a short burst).
    pair_limit: Count = 0
    # Error codes for the next sends, in order: in the HTTP answer, or as a failed status.
    fail_next: Annotated[tuple[int, ...], msgspec.Meta(max_length=1000)] = ()
    fail_status_next: Annotated[tuple[int, ...], msgspec.Meta(max_length=1000)] = ()
    # Seconds before the Graph API answers a send.
    answer_after: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0

    def turned(self, given: dict[str, object]) -> Knobs:
        """These knobs with the given ones set. Raises msgspec.ValidationError or InvalidRequest, naming the
        knob.
        """
        merged = msgspec.structs.asdict(self) | given
        knobs = msgspec.convert(merged, Knobs)
        for name in ("fail_next", "fail_status_next"):
            for code in getattr(knobs, name):
                if code not in CATALOGUE:
                    raise InvalidRequest(f"{code} is none of the error codes known here.", param=name)
        return knobs
