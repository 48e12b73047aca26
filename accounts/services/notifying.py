"""Noting what a trader may want to be told of, with the transaction that it is about.

The worker looks at the trader's choices afterwards. What happened is noted once, by its key, whoever sees it and
however often.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, LiteralString

from django.db import connection
from psycopg import AsyncConnection

from accounts.enums import Event
from tradewise.tenancy.context import PLATFORM

KIND: Final = "accounts.notify"
"""Of messages in the outbox: a wire format."""
LONGEST_TITLE: Final = 200

_NOTE: Final[LiteralString] = """
WITH noted AS (
    INSERT INTO notifications (tenant_id, event, subject, occurrence, name, title, text, path)
    SELECT tenant_id, event, subject, occurrence, name, title, text, path
    FROM json_to_recordset(%s::json) AS v (tenant_id uuid, event text, subject text, occurrence text, name text,
        title text, text text, path text)
    ON CONFLICT (tenant_id, event, subject, occurrence) DO NOTHING
    RETURNING id, tenant_id)
INSERT INTO outbox_messages (tenant_id, kind, payload)
SELECT tenant_id, 'accounts.notify', jsonb_build_object('tenant_id', tenant_id, 'notification', id) FROM noted"""


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened, to what of whose, in finished sentences. No secret stands in it: it leaves the house.

    `subject` is a public id, `name` what people call it, `path` where it is shown. `occurrence` tells this one from
    the next of its kind: a moment, a version.
    """

    tenant_id: uuid.UUID
    event: Event
    subject: str
    occurrence: str
    name: str
    title: str
    text: str
    path: str


def notify(*notices: Notice) -> int:
    """Note them in the current transaction; how many were new. As the site, of the bound tenant alone."""
    rows = _rows(notices)
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [json.dumps(rows)])
        return int(cursor.rowcount)


async def notify_from(own: AsyncConnection[Any], notices: Iterable[Notice]) -> None:
    """The same in the transaction of another connection of the worker's."""
    rows = _rows(notices)
    if rows:
        await own.execute(_NOTE, [json.dumps(rows)])


def _rows(notices: Iterable[Notice]) -> list[dict[str, str]]:
    """Nobody reads the mail of the platform's own account."""
    return [
        {
            **asdict(notice),
            "tenant_id": str(notice.tenant_id),
            "name": one_line(notice.name)[:LONGEST_TITLE],
            "title": one_line(notice.title)[:LONGEST_TITLE],
        }
        for notice in notices
        if notice.tenant_id != PLATFORM
    ]


def one_line(text: str) -> str:
    """Fit for the subject of a mail, whatever a name holds."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
