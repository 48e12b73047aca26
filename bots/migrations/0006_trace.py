"""What is changed about a bot leaves its trace; what the worker sees at each check does not."""

from django.db import migrations

from audit.operations import Trace, TraceSeries
from tradewise.tenancy.operations import Serve

BOT = """coalesce((SELECT b.bot_id FROM public.bots b WHERE b.tenant_id = {row}.tenant_id AND b.id = {row}.bot_id),
    {row}.bot_id::text)"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0005_record_since"), ("audit", "0004_seals")]

    operations = [
        Serve("bot", role="tw_audit", reads="id, tenant_id, bot_id"),
        Trace(
            "bot",
            resource="bot",
            key="bot_id",
            kept="id, bot_id, tenant_id, bot_type, name, description, status, api_url, token_set_at, remote_name, "
            "config_template, is_public, exposed_host_port, desired_state, command, engine_version, strategy, "
            "exchange, timeframe, stake_currency, dry_run, record_since, created_at",
            secrets="api_token",
            left_out="command_asked_at, command_sent_at, last_ping, connection_error, health, health_since, "
            "failures, checks, checked_at, latency_ms, next_check_at, next_figures_at, lease_until, lease_token, "
            "engine_state, updated_at",
        ),
        TraceSeries("botfigures", resource="bot_figures", parent=BOT, worker_updates=True),
        TraceSeries("botday", resource="bot_day", parent=BOT, worker_updates=True),
        TraceSeries("bottrade", resource="bot_trade", parent=BOT),
        TraceSeries("botevent", resource="bot_event", parent=BOT),
        TraceSeries("botsample", resource="bot_sample", parent=BOT),
    ]
