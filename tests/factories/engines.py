"""Machines, places and engines, as the worker reports them and as the site sets them up."""

from decimal import Decimal
from typing import Any, Final

import psycopg
from django.utils import timezone

from bots.enums import BotStatus, BotType, DesiredState, HealthReason, Mode, Phase
from bots.models import Bot, BotEngine, EngineHost, EnginePlace
from bots.strategies import kinds
from tests import servers
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

HOST: Final = "test-machine"
DCA: Final[dict[str, Any]] = {
    "strategy": "dca",
    "exchange": "binance",
    "stake_currency": "USDT",
    "pairs": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "5m",
    "parameters": {"base_order": 50, "safety_order": 50, "max_safety_orders": 2},
}


def machine(places: int = 3, *, simulates: bool = True, name: str = HOST, first: int = 18100) -> None:
    """A machine that has just reported, with so many free places. Needs a transactional test."""
    with as_login("tw_worker"):
        EngineHost.across_tenants.update_or_create(
            name=name,
            defaults={
                "seen_at": timezone.now(),
                "runtime": "process",
                "places": places,
                "memory_mb": 330 * places,
                "simulates": simulates,
            },
        )
        EnginePlace.across_tenants.bulk_create(
            EnginePlace(host=name, port=first + number) for number in range(places)
        )


def limit(tenant_id: Any, engines: int) -> None:
    """How many engines the tenant may run; ops say so."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as ops:
        ops.execute(
            "INSERT INTO engine_limits (tenant_id, engines) VALUES (%s, %s) "
            "ON CONFLICT (tenant_id) DO UPDATE SET engines = excluded.engines",
            [tenant_id, engines],
        )


_STATUS: Final = {
    Phase.OFF: (BotStatus.INACTIVE, HealthReason.STOPPED, DesiredState.STOPPED),
    Phase.UP: (BotStatus.RUNNING, HealthReason.OK, DesiredState.RUNNING),
    Phase.CLOSING: (BotStatus.STOPPING, HealthReason.OK, DesiredState.STOPPED),
    Phase.ENDING: (BotStatus.STOPPING, HealthReason.OK, DesiredState.STOPPED),
    Phase.FAILED: (BotStatus.ERROR, HealthReason.ENGINE_FAILED, DesiredState.RUNNING),
}


def engine_bot(
    tenant_id: Any,
    phase: Phase = Phase.OFF,
    *,
    mode: Mode = Mode.DRY_RUN,
    config: dict[str, Any] | None = None,
    allocation: int = 1000,
    engine: dict[str, Any] | None = None,
    **known: Any,
) -> Bot:
    """A bot that TradeWise runs, as the database holds it in this phase; `engine` are further columns of it."""
    configuration = kinds.parse(config or DCA)
    status, health, desired = _STATUS.get(
        phase, (BotStatus.STARTING, HealthReason.UNKNOWN, DesiredState.RUNNING)
    )
    bot = BotFactory(
        **{
            "tenant_id": tenant_id,
            "bot_type": BotType.SHARED,
            "api_url": None,
            "status": status,
            "health": health,
            "desired_state": desired,
            "dry_run": mode != Mode.LIVE,
            "is_simulated": mode == Mode.SIMULATED,
            "strategy": kinds.engine_class(configuration),
            "exchange": configuration.exchange,
            "timeframe": configuration.timeframe,
            "stake_currency": configuration.stake_currency,
            **known,
        }
    )
    with tenant_context(tenant_id):
        BotEngine.objects.create(
            tenant_id=tenant_id,
            bot=bot,
            mode=mode,
            phase=phase,
            allocation=Decimal(allocation),
            config_json=kinds.dump(configuration),
            # An engine that has begun is of the revision that is there.
            **{
                "host": HOST,
                "running_revision": 0 if phase in (Phase.OFF, Phase.QUEUED) else 1,
                **(engine or {}),
            },
        )
    return bot
