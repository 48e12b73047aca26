"""What subscribers are told: that a subscription has started, and that its template has a new version.

The worker notes it for each of them. Nobody learns who the others are.
"""

from typing import Any, Final

from django.db import connection, transaction
from django.urls import reverse

from accounts.enums import Event
from accounts.services.notifying import Notice, notify
from marketplace.enums import TemplateStatus
from marketplace.models import TemplateVersion
from marketplace.services.telling import NEW_VERSION
from tradewise.outbox import enqueue
from tradewise.tenancy.context import PLATFORM, tenant_context

BATCH: Final = 500

# Locks a subscription and nothing after it, and never waits for one that a trader's request holds.
_STARTED: Final = """
WITH n AS (
    SELECT s.id, b.bot_id, b.name, t.name AS template
    FROM subscriptions s JOIN bots b ON b.id = s.bot_id JOIN bot_engines e ON e.bot_id = b.id
    LEFT JOIN bot_templates t ON t.id = s.template_id
    WHERE NOT s.start_told AND s.status <> 'cancelled' AND e.phase = 'up'
    ORDER BY s.id LIMIT %s FOR NO KEY UPDATE OF s SKIP LOCKED)
UPDATE subscriptions s SET start_told = true
FROM n WHERE s.id = n.id AND NOT s.start_told
RETURNING s.id, s.tenant_id, n.bot_id, coalesce(n.name, n.bot_id), n.template"""
_FOLLOWERS: Final = """
SELECT s.id, s.tenant_id FROM subscriptions s
WHERE s.template_id = %s AND s.status <> 'cancelled' AND coalesce(s.version, 0) < %s AND s.id > %s
ORDER BY s.id LIMIT %s"""


@transaction.atomic
def tell_started() -> int:
    """Tell of subscriptions whose bot is up for the first time; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(_STARTED, [BATCH])
        rows = cursor.fetchall()
    return notify(
        *(
            Notice(
                tenant_id=tenant_id,
                event=Event.SUBSCRIPTION_STARTED,
                subject=bot_id,
                occurrence=str(number),
                name=name,
                title=f"Your subscription {name} has started",
                text=f"Your subscription to {_quoted(template)} has started: its bot {name} is up.",
                path=reverse("bots:detail", args=[bot_id]),
            )
            for number, tenant_id, bot_id, name, template in rows
        )
    )


def tell_new_version(payload: dict[str, Any]) -> None:
    """What the worker does with a message about a new version: a batch of followers, and a message for the next one.

    Done again it tells nobody twice. A version that was withdrawn meanwhile is not told of.
    """
    with tenant_context(PLATFORM, action="template.tell_followers"):
        version = (
            TemplateVersion.across_tenants.select_related("template")
            .filter(
                template__template_id=payload["template_id"],
                number=payload["number"],
                status=TemplateStatus.PUBLISHED,
            )
            .first()
        )
        if version is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(_FOLLOWERS, [version.template_id, version.number, payload["after"], BATCH])
            followers = cursor.fetchall()
        notify(*(_new_version(version, tenant_id) for _, tenant_id in followers))
        if len(followers) == BATCH:
            enqueue(NEW_VERSION, {**payload, "after": followers[-1][0]})


def _new_version(version: TemplateVersion, tenant_id: Any) -> Notice:
    return Notice(
        tenant_id=tenant_id,
        event=Event.NEW_VERSION,
        subject=version.public_id,
        occurrence=str(version.number),
        name=version.name,
        title=f"Version {version.number} of “{version.name}” is out",
        text=(
            f"“{version.name}”, which you follow, has a new version: {version.number}. Your subscription goes on as it "
            "is, and nothing changes unless you choose so."
        ),
        path=version.template.get_absolute_url(),
    )


def _quoted(template: str | None) -> str:
    """A template that was withdrawn is nobody's to read any more."""
    return f"“{template}”" if template else "a template"
