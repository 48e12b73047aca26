"""Bots and their figures belong to their tenant; the worker leases and writes across tenants."""

from django.db import migrations

from tradewise.tenancy.operations import IsolateByTenant, Serve

HEALTH = (
    "status, desired_state, command, command_asked_at, command_sent_at, last_ping, connection_error, health, "
    "health_since, failures, checks, checked_at, latency_ms, next_check_at, next_figures_at, lease_until, "
    "lease_token, engine_state, engine_version, strategy, exchange, timeframe, stake_currency, dry_run, updated_at"
)
# Everything but the sealed token and its date.
SHOWN = (
    "id, tenant_id, bot_id, bot_type, name, description, status, api_url, remote_name, config_template, "
    "is_public, exposed_host_port, desired_state, command, command_asked_at, command_sent_at, last_ping, "
    "connection_error, health, health_since, failures, checks, checked_at, latency_ms, next_check_at, "
    "next_figures_at, engine_state, engine_version, strategy, exchange, timeframe, stake_currency, dry_run, "
    "created_at, updated_at"
)

READ_ONLY = "SELECT"


class Migration(migrations.Migration):
    dependencies = [("bots", "0003_samples")]

    operations = [
        IsolateByTenant("bot"),
        Serve("bot", role="tw_worker", reads="*", updates=HEALTH),
        Serve("bot", role="tw_staff", reads=SHOWN),
        # The site reads figures and never writes one; the row of a new bot is made by the worker.
        IsolateByTenant("botfigures", grants=READ_ONLY),
        Serve("botfigures", role="tw_worker", reads="*", inserts="*", updates="*"),
        Serve("botfigures", role="tw_staff", reads="*"),
        IsolateByTenant("botday", grants=READ_ONLY),
        Serve("botday", role="tw_worker", reads="*", inserts="*", updates="*"),
        IsolateByTenant("bottrade", grants=READ_ONLY),
        Serve("bottrade", role="tw_worker", reads="*", inserts="*"),
        # The site writes what a trader did, the worker what it saw; nobody changes an event.
        IsolateByTenant("botevent", grants="SELECT, INSERT"),
        Serve("botevent", role="tw_worker", reads="*", inserts="*"),
        Serve("botevent", role="tw_staff", reads="*"),
        IsolateByTenant("botsample", grants=READ_ONLY),
        Serve("botsample", role="tw_worker", reads="*", inserts="*"),
    ]
