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

#: Kinds that `lease` leaves to a lane of their own; whoever delivers them says so when the app is ready.
APART: set[str] = set()

STORE = "INSERT INTO outbox_messages (tenant_id, kind, payload) VALUES (%s, %s, %s::jsonb)"
# Kinds in `apart` have a lane of their own: what is slow there keeps nothing else waiting.
# What is due stands in front (WITH): as a part of the UPDATE some plans ask for it again and again, and take more.
TAKE = """
WITH due AS (
    SELECT id FROM outbox_messages
    WHERE next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND kind <> ALL(%(apart)s::text[])
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE outbox_messages m SET attempts = attempts + 1, lease_token = %(token)s,
       lease_until = now() + make_interval(secs => %(lease)s)
FROM due WHERE m.id = due.id
RETURNING m.id, kind, payload, attempts, tenant_id
"""
# At most so many of one tenant: who has many that nobody takes does not hold up the others. And one lot at a time, so
# that a lane that waits for slow answers keeps one process of the worker busy and not all.
TAKE_OF_LANE = """
WITH due AS (
    SELECT id FROM outbox_messages
    WHERE next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
      AND NOT EXISTS (SELECT FROM outbox_messages WHERE kind = %(kind)s AND lease_until >= now())
      AND id IN (SELECT id FROM (
          SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY next_attempt_at, id) AS place
          FROM outbox_messages WHERE kind = %(kind)s AND next_attempt_at <= now()
            AND (lease_until IS NULL OR lease_until < now())) placed WHERE placed.place <= %(of_each)s)
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE outbox_messages m SET attempts = attempts + 1, lease_token = %(token)s,
       lease_until = now() + make_interval(secs => %(lease)s)
FROM due WHERE m.id = due.id
RETURNING m.id, kind, payload, attempts, tenant_id
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
    tenant_id: uuid.UUID
    token: uuid.UUID
    tries: int = TRIES

    @property
    def is_last_try(self) -> bool:
        """Whether the message is given up if this delivery fails."""
        return self.attempts >= self.tries

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
    """Take up to `limit` messages that are due and that no other worker holds, of no kind that has its own lane."""
    return _take(TAKE, {"limit": limit, "apart": sorted(APART)}, TRIES)


def lease_of_lane(kind: str, *, limit: int, of_each: int, tries: int) -> list[Leased]:
    """The same of one kind, at most `of_each` of a tenant; each is given up after so many `tries`."""
    return _take(TAKE_OF_LANE, {"limit": limit, "kind": kind, "of_each": of_each}, tries)


def _take(statement: str, values: dict[str, Any], tries: int) -> list[Leased]:
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(statement, {"token": token, "lease": LEASE, **values})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [
        Leased(
            number,
            kind,
            payload if isinstance(payload, dict) else json.loads(payload),
            attempts,
            tenant_id,
            token,
            tries,
        )
        for number, kind, payload, attempts, tenant_id in rows
    ]


def finish(message: Leased) -> bool:
    """Forget a message: delivered, or given up. False where its lease was another's by then."""
    with connection.cursor() as cursor:
        cursor.execute(DONE, [message.id, message.token])
        return bool(cursor.rowcount)


def put_back(message: Leased, error: str) -> None:
    """Try again later; `error` says why, without the message's content."""
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, [error[:500], message.wait, message.id, message.token])
