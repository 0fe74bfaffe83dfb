"""The fixed cast of the tests. Numbers are from ranges that regulators keep for fiction (Ofcom, NANPA).

Amira said yes, Bruno said stop, Chen never spoke, Dana has only a user id, and Olga works at another business and may
see none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sayso.core import identity
from sayso.core.identity import Address


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody with a phone. `phone` may be empty, `user_id` too, never both."""

    name: str
    phone: str = ""
    user_id: str = ""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All addresses, as one signed payload would hold them."""
        found = [identity.phone(self.phone)] if self.phone else []
        return (*found, identity.bsuid(self.user_id)) if self.user_id else tuple(found)

    @property
    def address(self) -> Address:
        """The address that somebody else would write to."""
        return self.addresses[0]


AMIRA = Player("Amira", "+447700900123", "GB.1349AMIRA")
BRUNO = Player("Bruno", "+447700900456", "GB.1349BRUNO")
CHEN = Player("Chen", "+15550100789")
DANA = Player("Dana", "", "US.1349DANA")
EVERYBODY = (AMIRA, BRUNO, CHEN, DANA)

#: The other business.
OLGA = "olga@other.example"
