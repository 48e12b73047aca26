"""A bot's user name and password, sealed for one bot of one tenant at one origin."""

import uuid

from django.views.decorators.debug import sensitive_variables

from tradewise.egress import origin
from tradewise.secrets import seal


def token_context(tenant_id: uuid.UUID, bot_id: str, url: str) -> str:
    """What a sealed token is bound to: moved to another row, or to another address, it does not open."""
    return f"bots.api_token|{tenant_id}|{bot_id}|{origin(url)}"


@sensitive_variables()
def seal_token(*, tenant_id: uuid.UUID, bot_id: str, url: str, token: str) -> str:
    """Seal `username:password`. Raises ValueError for one over 319 bytes, KeyTrouble without a key."""
    return seal(token, context=token_context(tenant_id, bot_id, url))
