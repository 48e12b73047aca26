"""Writing messages, and leasing them for delivery."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tradewise.tenancy.context import current_tenant_id

#: Seconds for which a leased message is its worker's alone; longer than any delivery may take.
LEASE = 120
#: Deliveries that are tried before a message is given up: with the waits between, for about 20 minutes.
TRIES = 8

STORE = "INSERT INTO outbox_messages (tenant_id, kind, payload) VALUES (%s, %s, %s::jsonb)"
TAKE = """
UPDATE outbox_messages SET attempts = attempts + 1, lease_token = %(token)s,
       lease_until = now() + make_interval(secs => %(lease)s)
WHERE id IN (SELECT id FROM outbox_messages
             WHERE next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
             ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, kind, payload, attempts
"""
DONE = "DELETE FROM outbox_messages WHERE id = %s AND lease_token = %s"
AGAIN = """
UPDATE outbox_messages SET lease_until = NULL, lease_token = NULL, last_error = %s,
       next_attempt_at = now() + make_interval(secs => %s)
WHERE id = %s AND lease_token = %s
"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A message that this worker may deliver until its lease ends."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    token: uuid.UUID

    @property
    def is_last_try(self) -> bool:
        """Whether the message is given up if this delivery fails."""
        return self.attempts >= TRIES

    @property
    def wait(self) -> int:
        """Seconds until the next try: 5, 10, 20 … at most 600."""
        return int(min(600, 5 * 2 ** (self.attempts - 1)))


def enqueue(kind: str, payload: Mapping[str, Any]) -> None:
    """Store a message in the current transaction, for its tenant. Raises NoTenantError outside one.

    The worker delivers it once the transaction has committed: at least once, and once per lease.
    """
    with connection.cursor() as cursor:
        cursor.execute(STORE, [current_tenant_id(), kind, json.dumps(payload)])


def lease(limit: int = 20) -> list[Leased]:
    """Take up to `limit` messages that are due and that no other worker holds."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"token": token, "lease": LEASE, "limit": limit})
        rows = cursor.fetchall()
    return [
        Leased(number, kind, payload if isinstance(payload, dict) else json.loads(payload), attempts, token)
        for number, kind, payload, attempts in rows
    ]


def finish(message: Leased) -> None:
    """Forget a message: delivered, or given up."""
    with connection.cursor() as cursor:
        cursor.execute(DONE, [message.id, message.token])


def put_back(message: Leased, error: str) -> None:
    """Try again later; `error` says why, without the message's content."""
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, [error[:500], message.wait, message.id, message.token])
