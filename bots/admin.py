"""Bots on the staff site, without their tokens."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from audit.staff import WatchedAdmin
from bots.models import Bot, BotEngine
from tradewise.web.staff import staff_site

#: What the login of the staff site may read; the database refuses the rest.
SHOWN = (
    "bot_id",
    "name",
    "tenant_id",
    "bot_type",
    "status",
    "desired_state",
    "health",
    "health_since",
    "connection_error",
    "last_ping",
    "checked_at",
    "failures",
    "latency_ms",
    "api_url",
    "remote_name",
    "engine_state",
    "engine_version",
    "strategy",
    "exchange",
    "timeframe",
    "stake_currency",
    "dry_run",
    "is_simulated",
    "record_since",
    "created_at",
    "updated_at",
)

ENGINE_SHOWN = (
    *("tenant_id", "mode", "allocation", "revision", "stop_way", "host", "phase", "phase_since"),
    *(
        "running_revision",
        "attempts",
        "failure",
        "launched_at",
        "ready_at",
        "memory",
        "cpu_seconds",
        "measured_at",
    ),
)


@admin.register(Bot, site=staff_site)
class BotAdmin(WatchedAdmin):
    """Found by the bot's public id, the tenant's id or the whole address."""

    resource, resource_key = "bot", "bot_id"
    list_display = ("bot_id", "name", "status", "health", "last_ping", "tenant_id")
    list_filter = ("status", "health")
    fields = SHOWN
    search_fields = ("bot_id",)
    search_help_text = "The bot's id, its tenant's id, or its whole address."
    exact_search = ("bot_id", "tenant_id", "api_url")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Bot]:
        """Without the columns that staff may not read."""
        return super().get_queryset(request).only(*SHOWN)


@admin.register(BotEngine, site=staff_site)
class EngineAdmin(WatchedAdmin):
    """Which engines run where, and what each uses. No parameters, no keys, no log: those are the trader's."""

    resource, resource_key = "bot", "public_id"
    list_display = ("public_id", "phase", "mode", "host", "memory_mb", "cpu_seconds", "attempts", "tenant_id")
    list_filter = ("phase", "mode", "host")
    fields = (
        *("public_id", "tenant_id", "mode", "allocation", "revision", "running_revision", "stop_way", "host"),
        *(
            "phase",
            "phase_since",
            "attempts",
            "failure",
            "launched_at",
            "ready_at",
            "memory_mb",
            "cpu_seconds",
        ),
        "measured_at",
    )
    ordering = ("-memory", "pk")
    search_fields = ("tenant_id",)
    search_help_text = "The tenant's id."
    exact_search = ("tenant_id",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[BotEngine]:
        """Without the columns that staff may not read."""
        return super().get_queryset(request).select_related("bot").only(*ENGINE_SHOWN, "bot__bot_id")

    @admin.display(description="memory, MB", ordering="memory")
    def memory_mb(self, engine: BotEngine) -> str:
        """As it was measured last."""
        return "—" if engine.memory is None else f"{engine.memory / 2**20:.0f}"
