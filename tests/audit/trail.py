"""Entries of every kind, written past all triggers, as only a superuser can."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg

from tests import servers

COLUMNS = (
    *("tenant_id", "actor", "action", "resource_type", "resource_id", "old_values", "new_values"),
    *("ip_address", "user_agent", "created_at"),
)


def write(tenant_id: uuid.UUID, *entries: dict[str, Any]) -> None:
    """Each entry names what it is about; the rest of it is as of a trader who started a bot."""
    usual = {
        "actor": "7",
        "action": "bot.start",
        "resource_type": "bot",
        "created_at": datetime.now().astimezone(),
    }
    with _superuser() as connection, connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(COLUMNS))
        cursor.executemany(
            f"INSERT INTO audit_logs ({', '.join(COLUMNS)}) VALUES ({places})",
            [
                [_stored({**usual, "tenant_id": tenant_id, **entry}.get(name)) for name in COLUMNS]
                for entry in entries
            ],
        )


def write_many(tenant_ids: Iterable[uuid.UUID], count: int, *, begin: datetime) -> None:
    """`count` entries, a minute apart, of these tenants in turn; one of a thousand deletes a bot of its own."""
    tenants = list(tenant_ids)
    with _superuser() as connection:
        connection.execute(
            """INSERT INTO audit_logs (tenant_id, actor, action, resource_type, resource_id, ip_address, created_at)
            SELECT (%(tenants)s::uuid[])[1 + n %% %(of)s], '7',
                CASE WHEN n %% 1000 < %(of)s THEN 'bot.delete' ELSE 'bot.start' END,
                CASE WHEN n %% 5 = 1 THEN 'bot_event' ELSE 'bot' END,
                CASE WHEN n %% 1000 < %(of)s THEN 'rare-' ELSE 'bot-' END || n %% 20,
                ('10.0.0.' || n %% 200)::inet, %(begin)s + n * interval '1 minute'
            FROM generate_series(0, %(count)s - 1) n""",
            {"tenants": tenants, "of": len(tenants), "count": count, "begin": begin},
        )
        connection.execute("ANALYZE audit_logs")


def _superuser() -> psycopg.Connection[Any]:
    return psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True)


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value
