"""Templates and versions in any state, as the superuser puts them there, and what the tables say of them."""

import json
import uuid
from typing import Any, Final

import psycopg
from psycopg import sql as parts

from accounts.models import User
from marketplace.enums import RiskLevel, StrategyType
from marketplace.models import BotTemplate
from marketplace.services.authoring import Text
from tests import servers
from tests.audit.world import sql
from tests.factories.engines import DCA

STATES: Final = ("draft", "submitted", "rejected", "published", "withdrawn")


def text(name: str = "Calm", **changes: Any) -> Text:
    values = {
        "description": "It waits.",
        "risk_level": RiskLevel.LOW,
        "strategy_type": StrategyType.DCA,
        "config": DCA,
        **changes,
    }
    return Text(name=name, **values)


def made(author: User | None, status: str, *, name: str = "Calm", key: str = "", config: Any = DCA) -> int:
    """A template whose one version stands so; its number."""
    (row,) = sql(
        "INSERT INTO bot_templates (template_id, name, config_json, is_public, status, strategy_type, "
        "creator_tenant_id) VALUES (%s, %s, %s, %s, 'draft', %s, %s) RETURNING id"
        if status in ("rejected", "withdrawn")
        else "INSERT INTO bot_templates (template_id, name, config_json, is_public, status, strategy_type, "
        f"creator_tenant_id) VALUES (%s, %s, %s, %s, '{status}', %s, %s) RETURNING id",
        f"t-{uuid.uuid4().hex[:12]}",
        name,
        json.dumps(config),
        status == "published",
        config.get("strategy", "dca"),
        author.tenant_id if author else None,
    )
    settle = "SET session_replication_role = replica"
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute(settle)
        admin.execute("UPDATE bot_templates SET status = %s WHERE id = %s", [status, row.id])
        admin.execute(
            "UPDATE template_versions SET status = %s, name_key = %s, reason = %s, submitted_at = now() "
            "WHERE template_id = %s",
            [status, key, "Because." if status in ("rejected", "withdrawn") else "", row.id],
        )
    return int(row.id)


def template(number: int) -> BotTemplate:
    """As the site would have read it."""
    (row,) = sql("SELECT * FROM bot_templates WHERE id = %s", number)
    known = {field.attname for field in BotTemplate._meta.concrete_fields}
    return BotTemplate(**{name: value for name, value in row._asdict().items() if name in known})


def rows(number: int) -> list[Any]:
    """All that the tables say of it."""
    found = sql("SELECT * FROM bot_templates WHERE id = %s", number)
    return found + sql("SELECT * FROM template_versions WHERE template_id = %s ORDER BY number", number)


def raw(login: str, tenant: Any, statement: str, *values: Any) -> int:
    """One statement as this login, for this tenant; how many rows it changed."""
    with psycopg.connect(servers.dsn(login, servers.process_database())) as connection:
        if tenant is not None:
            connection.execute(parts.SQL("SET LOCAL app.tenant_id = {}").format(parts.Literal(str(tenant))))
        return connection.execute(statement, values).rowcount
