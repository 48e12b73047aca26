"""Bots with a record in the tables, as the worker would have written it there, and a turn of the worker."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import psycopg

from marketplace.services import keeping
from tests import servers
from tests.audit.world import sql
from tests.factories.engines import DCA
from tests.logins import as_login
from tradewise.tenancy.context import PLATFORM

DAYS: Final = 40
#: Equity at the end of each day: a rise, a fall, and a rise beyond it.
WORTH: Final = [Decimal(1000) + Decimal(3 * day) - (40 if 20 <= day < 30 else 0) for day in range(DAYS)]


def platform_account() -> None:
    """The row that the migration makes, and a test before this one took away."""
    sql(
        "INSERT INTO users (email, hashed_password, tenant_id) VALUES ('platform@tradewise.invalid', '!', %s) "
        "ON CONFLICT DO NOTHING",
        PLATFORM,
    )


def begun(days: int = DAYS) -> datetime:
    """The beginning of the first of so many days, of which today is the last."""
    today = datetime.now(UTC).date()
    return datetime.combine(today - timedelta(days=days - 1), time.min, UTC)


def bot(
    tenant: Any, template_id: str | None = None, *, kind: str = "external", days: int = DAYS, **known: Any
) -> int:
    """A bot that was connected at the beginning of the first day."""
    values = {
        "bot_id": f"b-{uuid.uuid4().hex[:12]}",
        "tenant_id": tenant,
        "bot_type": kind,
        "name": "Shown",
        "api_url": f"https://{uuid.uuid4().hex}.example.com" if kind == "external" else None,
        "config_template": template_id,
        "stake_currency": "USDT",
        "exchange": "binance",
        "dry_run": True,
        "created_at": begun(days),
        **known,
    }
    marks = ", ".join(["%s"] * len(values))
    return int(
        sql(f"INSERT INTO bots ({', '.join(values)}) VALUES ({marks}) RETURNING id", *values.values())[0].id
    )


def engine(tenant: Any, number: int, config: Any = None, phase: str = "up") -> None:
    sql(
        "INSERT INTO bot_engines (tenant_id, bot_id, mode, allocation, config_json, phase) "
        "VALUES (%s, %s, 'dry_run', 1000, %s, %s)",
        tenant,
        number,
        json.dumps(config or DCA),
        phase,
    )


def seen(tenant: Any, number: int, worth: Sequence[Decimal | None] = WORTH, *, trades: int = 24) -> None:
    """Days with this equity, today's being the last, and so many trades, of which each fourth lost."""
    start = begun(len(worth))
    for index, equity in enumerate(worth):
        if equity is not None:
            sql(
                "INSERT INTO bot_days (tenant_id, bot_id, day, equity_low, equity_high, equity_close) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                *(tenant, number, (start + timedelta(days=index)).date(), equity, equity, equity),
            )
    for trade in range(trades):
        closed = start + timedelta(days=len(worth) - 1) * trade / max(trades, 1) + timedelta(minutes=1)
        profit = Decimal("-4") if trade % 4 == 3 else Decimal("2.5")
        sql(
            "INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, stake_amount, profit, "
            "profit_ratio, seen_at) VALUES (%s, %s, %s, 'BTC/USDT', %s, %s, 100, %s, %s, %s)",
            *(tenant, number, trade + 1, closed - timedelta(minutes=1), closed, profit, profit / 100, closed),
        )
    sql(
        "INSERT INTO bot_figures (tenant_id, bot_id, taken_at, equity, starting_capital, closed_trades) "
        "VALUES (%s, %s, now(), %s, 1000, %s)",
        *(tenant, number, next(equity for equity in reversed(worth) if equity is not None), trades),
    )


def shows(number: int, shown: int) -> None:
    """The author's bot, or another's, as no service would let it be."""
    force("UPDATE template_versions SET record_bot_id = %s WHERE template_id = %s", shown, number)


def force(statement: str, *values: Any) -> None:
    """As the superuser, past every trigger."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(statement, values)


def turn() -> keeping.Report:
    """One turn of the worker, in which every record is due."""
    sql("UPDATE template_records SET next_at = now()")
    with as_login("tw_worker"):
        return keeping.keep()


def data(number: int) -> Any:
    """What the template's row holds."""
    return sql("SELECT performance_data FROM bot_templates WHERE id = %s", number)[0].performance_data


def closes(market: str, pair: str, prices: Sequence[Any]) -> None:
    """Daily closes: the last is yesterday's."""
    first = datetime.now(UTC).date() - timedelta(days=len(prices))
    for index, price in enumerate(prices):
        sql(
            "INSERT INTO market_closes (market, pair, day, price) VALUES (%s, %s, %s, %s)",
            *(market, pair, first + timedelta(days=index), price),
        )
