"""An engine belongs to its bot's tenant; a free place is everybody's to take. The worker works across tenants."""

from django.db import migrations

from audit.operations import Retrace, Trace
from tradewise.tenancy.operations import ForeignKey, Grant, IsolateByTenant, Serve

BOT = """coalesce((SELECT b.bot_id FROM public.bots b WHERE b.tenant_id = {row}.tenant_id AND b.id = {row}.bot_id),
    {row}.bot_id::text)"""
KEPT = (
    "id, bot_id, tenant_id, bot_type, name, description, status, api_url, token_set_at, remote_name, "
    "config_template, is_public, exposed_host_port, desired_state, command, engine_version, strategy, "
    "exchange, timeframe, stake_currency, dry_run, record_since, created_at"
)
LEFT_OUT = (
    "command_asked_at, command_sent_at, last_ping, connection_error, health, health_since, "
    "failures, checks, checked_at, latency_ms, next_check_at, next_figures_at, lease_until, lease_token, "
    "engine_state, updated_at"
)
SEEN = (
    "phase, phase_since, handle, running_revision, attempts, failure, launched_at, ready_at, next_visit_at, lease_until, "
    "lease_token, memory, cpu_seconds, measured_at, log_asked_at, log_taken_at, log_lines"
)
#: What staff see: no keys, no log, no strategy of a trader's.
SHOWN = (
    "tenant_id, bot_id, mode, allocation, revision, stop_way, host, phase, phase_since, running_revision, attempts, "
    "failure, launched_at, ready_at, memory, cpu_seconds, measured_at"
)

# What the worker makes is TradeWise's own, and the address of a trader's bot is none of its business: it clears those
# of engines that ended. After the row, since a trigger before it could hide a change from the audit trail.
GUARD = """
CREATE POLICY worker_inserts ON bots AS RESTRICTIVE FOR INSERT TO tw_worker
    WITH CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'::uuid);
CREATE POLICY worker_inserts ON bot_engines AS RESTRICTIVE FOR INSERT TO tw_worker
    WITH CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'::uuid);
CREATE FUNCTION bots_refuse_worker() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'The worker does not write the address of a trader''s bot.';
END $body$;
CREATE TRIGGER worker_keeps_out AFTER UPDATE OF api_url, api_token, token_set_at, exposed_host_port ON bots
    FOR EACH ROW WHEN (session_user = 'tw_worker' AND OLD.bot_type = 'external') EXECUTE FUNCTION bots_refuse_worker()
"""
UNGUARD = """
DROP TRIGGER worker_keeps_out ON bots;
DROP FUNCTION bots_refuse_worker();
DROP POLICY worker_inserts ON bot_engines;
DROP POLICY worker_inserts ON bots
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0007_engines"), ("tradewise", "0002_outbox")]

    operations = [
        Retrace(
            before=Trace(
                "bot", resource="bot", key="bot_id", kept=KEPT, secrets="api_token", left_out=LEFT_OUT
            ),
            now=Trace(
                "bot",
                resource="bot",
                key="bot_id",
                kept=f"{KEPT}, is_simulated",
                secrets="api_token",
                left_out=LEFT_OUT,
            ),
        ),
        Grant("bot", role="tw_staff", rights="SELECT (is_simulated)"),
        # An engine that ended gives its address back. The worker makes a platform bot as whom it is bound to.
        Grant(
            "bot",
            role="tw_worker",
            rights="INSERT, UPDATE (api_url, api_token, token_set_at, exposed_host_port)",
        ),
        ForeignKey(
            "botengine",
            name="bot_engines_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        IsolateByTenant("botengine"),
        Serve("botengine", role="tw_worker", reads="*", updates=SEEN),
        Grant("botengine", role="tw_worker", rights="INSERT, UPDATE (host, stop_way)"),
        Serve("botengine", role="tw_staff", reads=SHOWN),
        migrations.RunSQL(GUARD, UNGUARD),
        Trace(
            "botengine",
            resource="bot_engine",
            key=BOT,
            kept="tenant_id, bot_id, mode, allocation, revision, keys_set_at, stop_way, host",
            secrets="exchange_keys",
            sealed="config_json",
            left_out=SEEN,
        ),
        ForeignKey(
            "engineplace",
            name="engine_places_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
            on_delete="SET NULL",
        ),
        IsolateByTenant("engineplace", grants="SELECT, UPDATE (tenant_id, bot_id)"),
        Serve(
            "engineplace",
            role="tw_app",
            reads="*",
            updates="tenant_id, bot_id",
            rows="tenant_id IS NULL",
        ),
        Serve(
            "engineplace", role="tw_owner", reads="*", updates="tenant_id, bot_id", rows="tenant_id IS NULL"
        ),
        Serve("engineplace", role="tw_worker", reads="*", inserts="*", updates="*", deletes=True),
        Grant("enginehost", role="tw_app", rights="SELECT"),
        Grant("enginehost", role="tw_staff", rights="SELECT"),
        Grant("enginehost", role="tw_worker", rights="SELECT, INSERT, UPDATE"),
        ForeignKey(
            "enginelimit",
            name="engine_limits_tenant",
            columns="tenant_id",
            references="users (tenant_id)",
        ),
        IsolateByTenant("enginelimit", grants="SELECT"),
        Serve("enginelimit", role="tw_worker", reads="*"),
        Serve("enginelimit", role="tw_staff", reads="*"),
        Trace("enginelimit", resource="engine_limit", key="tenant_id", kept="tenant_id, engines"),
    ]
