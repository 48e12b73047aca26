"""TradeWise's own account: the tenant of the bots that paper-trade public templates. Nobody signs in with it."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts.models import User
from tradewise.tenancy.context import PLATFORM

EMAIL: Final = "platform@tradewise.invalid"


@dataclass(frozen=True, slots=True)
class Platform:
    """TradeWise acting on its own account, at the wish of whom the trail names as `pk` (`ops:NAME`, `staff:N`)."""

    pk: str
    tenant_id: UUID = PLATFORM

    def __str__(self) -> str:
        return "TradeWise"


#: Who may own bots: a trader, or TradeWise itself.
Owner = User | Platform


def ensure_platform_account() -> None:
    """Make the account's row where it is missing. Within the platform's context, as a login of ops."""
    User.objects.get_or_create(
        tenant_id=PLATFORM,
        defaults={"email": EMAIL, "full_name": "TradeWise", "is_active": False, "password": "!"},
    )
