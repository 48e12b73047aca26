"""Templates that may be subscribed to, and subscriptions in every state."""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from bots.enums import Phase
from marketplace.models import BotTemplate
from subscriptions.models import Subscription
from tests.audit.world import sql
from tests.factories.engines import DCA, engine_bot
from tradewise.tenancy.context import tenant_context

#: What a bot of `DCA` needs at the least.
NEEDED = Decimal("330.33")


def make_template(
    name: str = "Calm", config: dict[str, Any] | None = None, *, public: bool = True, **known: Any
) -> BotTemplate:
    """Committed, as moderators would. Needs a transactional test."""
    values = {
        "template_id": f"t-{uuid.uuid4().hex[:12]}",
        "name": name,
        "config_json": json.dumps(config or DCA),
        "is_public": public,
        "status": "published" if public else "draft",
        "strategy_type": "dca",
        **known,
    }
    marks = ", ".join(["%s"] * len(values))
    statement = f"INSERT INTO bot_templates ({', '.join(values)}) VALUES ({marks}) RETURNING *"
    (row,) = sql(statement, *values.values())
    columns = {field.attname for field in BotTemplate._meta.concrete_fields}
    return BotTemplate(**{name: value for name, value in row._asdict().items() if name in columns})


def publish(
    template: BotTemplate, number: int, *, config: dict[str, Any] | None = None, most: Any = None
) -> None:
    """The next version, as moderators would; other parameters than `DCA` where nothing else is said."""
    other = {**DCA, "parameters": {**DCA["parameters"], "base_order": 50 + number}}
    sql(
        "INSERT INTO template_versions (creator_tenant_id, template_id, number, status, name, config_json, risk_level, "
        "strategy_type, max_allocation) SELECT creator_tenant_id, id, %s, 'submitted', name, %s, risk_level, "
        "strategy_type, %s FROM bot_templates WHERE id = %s",
        number,
        json.dumps(config or other),
        most,
        template.pk,
    )
    sql(
        "UPDATE template_versions SET status = 'published', decided_at = now() WHERE template_id = %s AND number = %s",
        template.pk,
        number,
    )


def withdraw_templates() -> None:
    """All that are published, as a moderator would."""
    sql(
        "UPDATE template_versions SET status = 'withdrawn', reason = 'It loses.', decided_at = now() "
        "WHERE status = 'published'"
    )


def make_subscription(
    user: User,
    template: BotTemplate,
    status: str = "active",
    phase: Phase = Phase.UP,
    *,
    bot: Mapping[str, Any] | None = None,
) -> Subscription:
    """One whose bot is in that phase; `bot` says more of it."""
    known = {"name": template.name, "config_template": template.template_id, **(bot or {})}
    made = engine_bot(user.tenant_id, phase, **known)
    with tenant_context(user.tenant_id):
        return Subscription.objects.create(
            tenant_id=user.tenant_id,
            user=user,
            bot=made,
            template=template,
            version=template.version,
            allocation_amount=1000,
            status=status,
            paused_at=timezone.now() if status == "paused" else None,
            cancelled_at=timezone.now() if status == "cancelled" else None,
        )


def subscribers(template: BotTemplate) -> int:
    """What the template's row says."""
    (row,) = sql("SELECT subscribers_count AS n FROM bot_templates WHERE id = %s", template.pk)
    return int(row.n)
