"""An engine as it was when this tick leased it, and how it is leased: by the database's clock alone."""

import json
import uuid
from decimal import Decimal
from typing import Any, Final, LiteralString, NamedTuple

from django.db import connection

from bots.enums import DesiredState, Phase

LEASE_SECONDS: Final = 60
"""Longer than a tick may take for what it leased."""

CLAIM: Final[LiteralString] = """
WITH due AS (
    SELECT e.bot_id FROM bot_engines e
    WHERE e.next_visit_at <= now() AND (e.lease_until IS NULL OR e.lease_until <= now())
      AND e.phase NOT IN ('off', 'failed') AND e.host = %(host)s
    ORDER BY e.next_visit_at LIMIT %(most)s
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE bot_engines e
SET lease_token = %(token)s, lease_until = now() + %(lease)s * interval '1 s'
FROM due JOIN bots b ON b.id = due.bot_id LEFT JOIN bot_figures f ON f.bot_id = due.bot_id
WHERE e.bot_id = due.bot_id
RETURNING b.id, b.tenant_id, b.bot_id, e.phase, extract(epoch FROM now() - e.phase_since)::float8, b.desired_state,
    e.stop_way, e.revision, e.running_revision, e.attempts, e.failure, e.mode, e.allocation, e.config_json::text,
    e.exchange_keys, e.handle, extract(epoch FROM now() - e.ready_at)::float8, b.status, b.health, b.failures,
    extract(epoch FROM now() - b.health_since)::float8, b.api_url, b.api_token, b.exposed_host_port, b.command,
    b.engine_state, coalesce(extract(epoch FROM now() - e.measured_at)::float8, 1e9),
    coalesce(extract(epoch FROM now() - greatest(f.taken_at, f.rejected_at))::float8, 1e9)"""
# The fence before an engine begins; an engine that is found later is known by it to be of this revision.
_ABOUT_TO: Final[LiteralString] = """
UPDATE bot_engines SET running_revision = revision
WHERE bot_id = %s AND lease_token = %s AND lease_until > now() AND revision = %s"""
# The fence before anything else is done to an engine. It waits for a service that is about to take the lease away.
_HELD: Final[LiteralString] = """
SELECT FROM bot_engines WHERE bot_id = %s AND lease_token = %s AND lease_until > now() FOR NO KEY UPDATE"""
_STARTING: Final[LiteralString] = "SELECT count(*) FROM bot_engines WHERE host = %s AND phase = 'launched'"


class Leased(NamedTuple):
    """The columns that a visit needs, in the order of `CLAIM`. Ages are in seconds."""

    id: int
    tenant_id: uuid.UUID
    bot_id: str
    phase: str
    in_phase: float
    desired: str | None
    stop_way: str
    revision: int
    running_revision: int
    attempts: int
    failure: str
    mode: str
    allocation: Decimal
    config: dict[str, Any]
    keys: str | None
    handle: str
    ready_for: float | None
    status: str
    health: str
    failures: int
    in_health: float | None
    api_url: str | None
    api_token: str | None
    port: int | None
    command: str
    engine_state: str
    measured_ago: float
    read_ago: float = 1e9
    """Since the sweep read its figures last, or found that they are no use."""

    @property
    def is_wanted(self) -> bool:
        """Whether there should be an engine."""
        return self.desired in (DesiredState.RUNNING, DesiredState.PAUSED)


def claim(host: str, token: uuid.UUID, most: int) -> list[Leased]:
    """Lease at most `most` engines of this machine that are due."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"host": host, "token": token, "most": most, "lease": LEASE_SECONDS})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    # Those that wait for a turn come last: they may start when others have become ready.
    engines = (Leased._make(row) for row in rows)
    read = (engine._replace(config=json.loads(str(engine.config))) for engine in engines)
    return sorted(read, key=lambda engine: engine.phase == Phase.QUEUED)


def starting(host: str) -> int:
    """How many engines of this machine are on their way up."""
    with connection.cursor() as cursor:
        cursor.execute(_STARTING, [host])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def about_to_launch(engine: Leased, token: uuid.UUID) -> bool:
    """Note with which revision an engine is being started; False where this lease holds no more."""
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT_TO, [engine.id, token, engine.revision])
        return bool(cursor.rowcount == 1)


def is_held(engine: Leased, token: uuid.UUID) -> bool:
    """Whether what was decided is still to be done: False where its trader asked for something else since."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [engine.id, token])
        return bool(cursor.rowcount == 1)
