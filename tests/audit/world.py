"""What leaves a trace: the entries since a moment, and a request that can be recognised in them."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.test import Client

from accounts.models import User
from tests import servers
from tradewise.tenancy.context import tenant_context

ADDRESS: Final = "203.0.113.9"
AGENT: Final = "Coverage/1.0"


def sql(statement: str, *values: Any) -> list[Any]:
    """As the superuser, who sees every trail."""
    cursor = servers.superuser().execute(statement, values)
    # Rows without a column are rows too: an assertion that there is none has to see them.
    return [] if cursor.rownumber is None else cursor.fetchall()


def last_entry() -> int:
    """The number of the newest entry."""
    return int(sql("SELECT coalesce(max(id), 0) AS last FROM audit_logs")[0].last)


def entries_since(number: int) -> list[Any]:
    """What was written after it, oldest first."""
    return sql("SELECT *, host(ip_address) AS address FROM audit_logs WHERE id > %s ORDER BY id", number)


def everything() -> dict[str, list[str]]:
    """All rows of all tables but for the trail itself and sessions."""
    tables = sql(
        """SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
             AND NOT relispartition AND relname NOT LIKE 'audit\\_%%' AND relname <> 'django_session' ORDER BY 1"""
    )
    return {name: [text for (text,) in sql(f"SELECT t::text FROM {name} t ORDER BY 1")] for (name,) in tables}


def browser(user: User | None = None) -> Client:
    """One that can be recognised in the trail."""
    client = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=AGENT)
    if user is not None:
        with tenant_context(user.tenant_id):
            client.force_login(user)
    return client


def code() -> str:
    """The code in the newest mail that waits to be sent."""
    (row,) = sql(
        r"SELECT substring(payload ->> 'body' FROM '(?n)^ {4}(\S+)$') AS code FROM outbox_messages"
        " ORDER BY id DESC LIMIT 1"
    )
    assert row.code
    return str(row.code)


@dataclass
class Step:
    """What a request is expected to leave: an entry of `action` by `actor`, with values where a row changed."""

    action: str
    actor: str
    has_values: bool = True
    seen: list[str] = field(default_factory=list)

    def is_left(self, since: int) -> bool:
        """Whether there is such an entry among those since."""
        found = entries_since(since)
        self.seen = [f"{entry.action} by {entry.actor} from {entry.address}" for entry in found]
        return any(
            entry.action == self.action
            and entry.actor == self.actor
            and entry.address == ADDRESS
            and entry.user_agent == AGENT
            and (not self.has_values or entry.old_values is not None or entry.new_values is not None)
            for entry in found
        )
