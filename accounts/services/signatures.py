"""Signing what is posted to a webhook, by the scheme of Standard Webhooks, and the secret for it."""

import base64
import hashlib
import hmac
import secrets
import uuid
from typing import Final

from django.views.decorators.debug import sensitive_variables

from tradewise.secrets import seal

PREFIX: Final = "whsec_"
BYTES: Final = 32


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as libraries of that scheme take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode("ascii")


def context_of(tenant_id: uuid.UUID) -> str:
    """What a sealed secret is bound to."""
    return f"webhooks.secret|{tenant_id}"


@sensitive_variables()
def seal_secret(secret: str, tenant_id: uuid.UUID) -> str:
    """For the column. Raises KeyTrouble without a key."""
    return seal(secret, context=context_of(tenant_id))


@sensitive_variables()
def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")
