"""Records: whose turn it is, daily closes of markets, and three narrow ways past a tenant's border.

Each of the three is a function of `tw_catalog`, which nobody logs in as, for one login alone: the worker learns the
subscribers' results without who they are, a trader reads a withdrawn template that they subscribed to, and staff read
of a bot that an author shows with a version what a moderator has to know.
"""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import tradewise.tenancy.models
from tradewise.tenancy.operations import ForeignKey, Grant, Serve

# What belongs to the author's tenant otherwise is the worker's to write of public templates alone: a record of a
# withdrawn one stays as it was.
FROZEN = """CREATE POLICY records_of_public ON bot_templates AS RESTRICTIVE FOR UPDATE TO tw_worker
    USING (is_public) WITH CHECK (is_public)"""

# A number for each subscriber, by which nobody is known. The author's own are left out, those who left are not;
# what came of invented prices is no result.
RESULTS = """
GRANT SELECT (tenant_id, user_id, performance_data) ON subscriptions TO tw_catalog;
CREATE FUNCTION subscribers_results(template integer) RETURNS TABLE (subscriber bigint, result text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT dense_rank() OVER (ORDER BY s.user_id), s.performance_data ->> 'return'
    FROM public.subscriptions s JOIN public.bot_templates t ON t.id = s.template_id
    WHERE t.id = template AND t.is_public AND s.tenant_id IS DISTINCT FROM t.creator_tenant_id
      AND s.performance_data ->> 'return' IS NOT NULL
      AND s.performance_data ->> 'mode' IN ('dry_run', 'live')
$body$;
"""
NO_RESULTS = """
DROP FUNCTION subscribers_results(integer);
REVOKE SELECT (tenant_id, user_id, performance_data) ON subscriptions FROM tw_catalog;
"""

# A subscription in any state is the key. Nothing of the author's is in it but what was published.
WITHDRAWN = """
GRANT SELECT (template_id, number, status, name, description, config_json, risk_level, strategy_type,
    needed_allocation, max_allocation, reason, decided_at, created_at) ON template_versions TO tw_catalog;
CREATE POLICY catalog_reads_withdrawn ON template_versions FOR SELECT TO tw_catalog USING (status = 'withdrawn');
CREATE FUNCTION withdrawn_template(wanted text) RETURNS TABLE (id integer, template_id text, name text, version integer,
    performance_data jsonb, subscribers_count integer, published_at timestamptz, created_at timestamptz,
    updated_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT t.id, t.template_id, t.name, t.version, t.performance_data, t.subscribers_count, t.published_at,
        t.created_at, t.updated_at
    FROM public.bot_templates t
    WHERE t.template_id = wanted AND t.status = 'withdrawn' AND EXISTS (
        SELECT FROM public.subscriptions s
        WHERE s.template_id = t.id AND s.tenant_id = public.app_current_tenant())
$body$;
CREATE FUNCTION withdrawn_versions(wanted text) RETURNS TABLE (number integer, status text, name text, description text,
    config_json jsonb, risk_level text, strategy_type text, needed_allocation numeric, max_allocation numeric,
    reason text, decided_at timestamptz, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT v.number, v.status, v.name, v.description, v.config_json, v.risk_level, v.strategy_type,
        v.needed_allocation, v.max_allocation, v.reason, v.decided_at, v.created_at
    FROM public.withdrawn_template(wanted) t JOIN public.template_versions v ON v.template_id = t.id
    WHERE v.status = 'withdrawn' ORDER BY v.number DESC
$body$;
"""
NO_WITHDRAWN = """
DROP FUNCTION withdrawn_versions(text);
DROP FUNCTION withdrawn_template(text);
DROP POLICY catalog_reads_withdrawn ON template_versions;
REVOKE SELECT (template_id, number, status, name, description, config_json, risk_level, strategy_type,
    needed_allocation, max_allocation, reason, decided_at, created_at) ON template_versions FROM tw_catalog;
"""

# Counts and comparisons, and no trade, day or configuration of the bot. Only of a bot that its author shows.
EVIDENCE = """
GRANT SELECT (id, creator_tenant_id, record_bot_id) ON template_versions TO tw_catalog;
CREATE POLICY catalog_reads_shown ON template_versions FOR SELECT TO tw_catalog USING (record_bot_id IS NOT NULL);
GRANT SELECT (id, tenant_id, name, bot_type, exchange, strategy, stake_currency, dry_run, is_simulated, record_since,
    created_at) ON bots TO tw_catalog;
CREATE POLICY catalog_reads_bots ON bots FOR SELECT TO tw_catalog USING (true);
GRANT SELECT (tenant_id, bot_id, config_json) ON bot_engines TO tw_catalog;
CREATE POLICY catalog_reads_engines ON bot_engines FOR SELECT TO tw_catalog USING (true);
GRANT SELECT (tenant_id, bot_id, day, equity_close) ON bot_days TO tw_catalog;
CREATE POLICY catalog_reads_days ON bot_days FOR SELECT TO tw_catalog USING (true);
GRANT SELECT (tenant_id, bot_id, pair, closed_at, seen_at) ON bot_trades TO tw_catalog;
CREATE POLICY catalog_reads_trades ON bot_trades FOR SELECT TO tw_catalog USING (true);
CREATE FUNCTION evidence_of_version(version integer) RETURNS TABLE (name text, bot_type text, exchange text,
    strategy text, stake_currency text, dry_run boolean, is_simulated boolean, since timestamptz, days bigint,
    trades bigint, pairs text[], is_set_up_so boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT b.name, b.bot_type, b.exchange, b.strategy, b.stake_currency, b.dry_run, b.is_simulated, w.since,
        (SELECT count(*) FROM public.bot_days d WHERE d.tenant_id = b.tenant_id AND d.bot_id = b.id
            AND d.day >= (w.since AT TIME ZONE 'UTC')::date AND d.equity_close IS NOT NULL),
        coalesce(r.trades, 0), coalesce(r.pairs, '{}'),
        (SELECT e.config_json = v.config_json FROM public.bot_engines e
            WHERE e.tenant_id = b.tenant_id AND e.bot_id = b.id)
    FROM public.template_versions v
    JOIN public.bots b ON b.tenant_id = v.creator_tenant_id AND b.id = v.record_bot_id
    CROSS JOIN LATERAL (SELECT greatest(b.created_at, b.record_since) AS since) w
    CROSS JOIN LATERAL (
        SELECT count(*) AS trades, (array_agg(DISTINCT t.pair::text))[1:50] AS pairs FROM public.bot_trades t
        WHERE t.tenant_id = b.tenant_id AND t.bot_id = b.id AND t.closed_at >= w.since AND t.seen_at >= w.since) r
    WHERE v.id = version AND v.status <> 'draft'
$body$;
"""
NO_EVIDENCE = """
DROP FUNCTION evidence_of_version(integer);
DROP POLICY catalog_reads_trades ON bot_trades;
DROP POLICY catalog_reads_days ON bot_days;
DROP POLICY catalog_reads_engines ON bot_engines;
DROP POLICY catalog_reads_bots ON bots;
REVOKE SELECT (tenant_id, bot_id, pair, closed_at, seen_at) ON bot_trades FROM tw_catalog;
REVOKE SELECT (tenant_id, bot_id, day, equity_close) ON bot_days FROM tw_catalog;
REVOKE SELECT (tenant_id, bot_id, config_json) ON bot_engines FROM tw_catalog;
REVOKE SELECT (id, tenant_id, name, bot_type, exchange, strategy, stake_currency, dry_run, is_simulated, record_since,
    created_at) ON bots FROM tw_catalog;
DROP POLICY catalog_reads_shown ON template_versions;
REVOKE SELECT (id, creator_tenant_id, record_bot_id) ON template_versions FROM tw_catalog;
"""


def handed_over(signature: str, login: str) -> migrations.RunSQL:
    """The function becomes that of `tw_catalog`, and `login` alone may call it."""
    return migrations.RunSQL(
        f"""REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
        GRANT CREATE ON SCHEMA public TO tw_catalog;
        ALTER FUNCTION {signature} OWNER TO tw_catalog;
        REVOKE CREATE ON SCHEMA public FROM tw_catalog;
        SET LOCAL ROLE tw_catalog;
        GRANT EXECUTE ON FUNCTION {signature} TO {login};
        SET LOCAL ROLE tw_owner""",
        migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0009_browsing"),
        ("bots", "0010_marks"),
        ("subscriptions", "0005_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="MarketClose",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("market", models.CharField(max_length=50)),
                ("pair", models.CharField(max_length=50)),
                ("day", models.DateField()),
                ("price", models.DecimalField(decimal_places=12, max_digits=30)),
            ],
            options={
                "db_table": "market_closes",
                "constraints": [
                    models.UniqueConstraint(fields=("market", "pair", "day"), name="market_closes_once"),
                    models.CheckConstraint(
                        condition=models.Q(("price__gt", 0), ("price__lt", 10**16)),
                        name="market_closes_are_prices",
                    ),
                ],
            },
            managers=[("across_tenants", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            name="MarketPair",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("market", models.CharField(max_length=50)),
                ("pair", models.CharField(max_length=50)),
                ("since", models.DateField()),
                ("next_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("lease_token", models.UUIDField(null=True)),
                ("failure", models.CharField(db_default="", default="", max_length=255)),
            ],
            options={
                "db_table": "market_pairs",
                "indexes": [models.Index(fields=["next_at"], name="market_pairs_due")],
                "constraints": [models.UniqueConstraint(fields=("market", "pair"), name="market_pairs_once")],
            },
            managers=[("across_tenants", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            name="TemplateRecord",
            fields=[
                (
                    "template",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="marketplace.bottemplate",
                    ),
                ),
                ("next_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("lease_token", models.UUIDField(null=True)),
                ("news", models.CharField(db_default="", default="", max_length=255)),
                ("computed_at", models.DateTimeField(null=True)),
                ("failure", models.CharField(db_default="", default="", max_length=255)),
                ("subscribers", models.JSONField(null=True)),
                ("subscribers_on", models.DateField(null=True)),
            ],
            options={
                "db_table": "template_records",
                "indexes": [models.Index(fields=["next_at"], name="template_records_due")],
            },
            managers=[("across_tenants", django.db.models.manager.Manager())],
        ),
        ForeignKey(
            "templaterecord",
            name="template_records_template",
            columns="template_id",
            references="bot_templates (id)",
        ),
        *(
            Grant(table, role="tw_worker", rights="SELECT, INSERT, UPDATE")
            for table in ("templaterecord", "marketpair")
        ),
        Grant("marketclose", role="tw_worker", rights="SELECT, INSERT"),
        Serve("bottemplate", role="tw_worker", updates="performance_data, updated_at", rows="is_public"),
        migrations.RunSQL(FROZEN, "DROP POLICY records_of_public ON bot_templates"),
        migrations.RunSQL(RESULTS, NO_RESULTS),
        handed_over("subscribers_results(integer)", "tw_worker"),
        migrations.RunSQL(WITHDRAWN, NO_WITHDRAWN),
        handed_over("withdrawn_template(text)", "tw_app"),
        handed_over("withdrawn_versions(text)", "tw_app"),
        migrations.RunSQL(EVIDENCE, NO_EVIDENCE),
        handed_over("evidence_of_version(integer)", "tw_staff"),
    ]
