"""Which version of its template a subscription follows, how long it was paused, and when its result is reckoned next."""

from datetime import timedelta
from importlib import import_module

from django.db import migrations, models

import tradewise.tenancy.models
from audit.operations import Retrace, Trace
from tradewise.tenancy.operations import ForeignKey, Serve

MOVES: str = import_module("subscriptions.migrations.0005_rules").MOVES

# The owner reads what belongs to all for the length of this transaction. Those of before follow what was published
# when they began; where nobody can say what that was, the version stays unknown.
OPENED = "; ".join(
    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"
    for table in ("subscriptions", "bot_templates", "template_versions")
)
CLOSED = OPENED.replace("NO FORCE", "FORCE")
FOLLOWED = """UPDATE subscriptions s SET version = (SELECT max(v.number) FROM template_versions v
    WHERE v.template_id = s.template_id AND v.status IN ('published', 'withdrawn')
      AND (v.decided_at <= s.created_at OR v.number = 1))"""

# After the row, since a trigger before it could hide a change from the audit trail. These bind every login.
REFUSALS = """
CREATE OR REPLACE FUNCTION subscriptions_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF ROW(OLD.tenant_id, OLD.user_id, OLD.bot_id, OLD.template_id)
            IS DISTINCT FROM ROW(NEW.tenant_id, NEW.user_id, NEW.bot_id, NEW.template_id) THEN
        RAISE check_violation USING MESSAGE = 'A subscription keeps its trader, its bot and its template.',
            CONSTRAINT = 'subscriptions_keep_their_parts';
    END IF;
    IF OLD.status = 'cancelled' AND ROW(OLD.status, OLD.allocation_amount, OLD.cancelled_at, OLD.version, OLD.paused_for)
            IS DISTINCT FROM ROW(NEW.status, NEW.allocation_amount, NEW.cancelled_at, NEW.version, NEW.paused_for) THEN
        RAISE check_violation USING MESSAGE = 'A cancelled subscription is over for good.',
            CONSTRAINT = 'subscriptions_cancelled_is_final';
    END IF;
    IF OLD.version IS DISTINCT FROM NEW.version AND NOT EXISTS (
            SELECT FROM public.bot_templates t WHERE t.id = NEW.template_id AND t.is_public
              AND t.version = NEW.version AND t.version > coalesce(OLD.version, 0)) THEN
        RAISE check_violation USING MESSAGE = 'A subscription moves to the version that is published now, and to no other.',
            CONSTRAINT = 'subscriptions_move_to_what_is_published';
    END IF;
    IF OLD.performance_data IS DISTINCT FROM NEW.performance_data AND session_user = 'tw_app' THEN
        RAISE insufficient_privilege USING MESSAGE = 'Results are reckoned by the worker.';
    END IF;
    IF OLD.status = 'cancelled' AND OLD.next_reckoning_at IS NULL
            AND ROW(OLD.performance_data, OLD.next_reckoning_at)
            IS DISTINCT FROM ROW(NEW.performance_data, NEW.next_reckoning_at) THEN
        RAISE check_violation USING MESSAGE = 'The result of a cancelled subscription is final.',
            CONSTRAINT = 'subscriptions_result_is_final';
    END IF;
    RETURN NULL;
END $body$;
DROP TRIGGER legal_moves ON subscriptions;
CREATE TRIGGER legal_moves AFTER UPDATE OF tenant_id, user_id, bot_id, template_id, status, allocation_amount,
    cancelled_at, version, paused_for, performance_data, next_reckoning_at
    ON subscriptions FOR EACH ROW EXECUTE FUNCTION subscriptions_refuse();
CREATE FUNCTION subscriptions_begin() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF session_user = 'tw_app' AND NEW.performance_data IS NOT NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'Results are reckoned by the worker.';
    END IF;
    IF session_user = 'tw_app' AND NOT EXISTS (SELECT FROM public.bot_templates t
            WHERE t.id = NEW.template_id AND t.is_public AND t.version = NEW.version) THEN
        RAISE check_violation USING MESSAGE = 'A subscription begins with the version that is published now.',
            CONSTRAINT = 'subscriptions_begin_with_what_is_published';
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER legal_beginnings AFTER INSERT ON subscriptions FOR EACH ROW EXECUTE FUNCTION subscriptions_begin()
"""
AS_BEFORE = f"""
DROP TRIGGER legal_beginnings ON subscriptions;
DROP FUNCTION subscriptions_begin();
DROP TRIGGER legal_moves ON subscriptions;
DROP FUNCTION subscriptions_refuse();
{MOVES}
"""

KNOWN = {
    "resource": "subscription",
    "key": "id",
}
KEPT = "id, tenant_id, user_id, bot_id, template_id, allocation_amount, status, created_at, paused_at, cancelled_at"
LEFT_OUT = "performance_data, updated_at"


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0005_rules"),
        ("marketplace", "0008_allocations_and_evidence"),
    ]

    operations = [
        migrations.AddField("subscription", "version", models.IntegerField(null=True)),
        migrations.AddField(
            "subscription",
            "paused_for",
            models.DurationField(default=timedelta(), db_default=timedelta()),
        ),
        migrations.AddField(
            "subscription",
            "next_reckoning_at",
            models.DateTimeField(null=True, db_default=tradewise.tenancy.models.CurrentTimestamp()),
        ),
        migrations.RunSQL([OPENED, FOLLOWED, CLOSED], migrations.RunSQL.noop),
        migrations.AddConstraint(
            "subscription",
            models.CheckConstraint(
                condition=models.Q(("paused_for__gte", timedelta())), name="subscriptions_paused_for_a_while"
            ),
        ),
        migrations.AddConstraint(
            "subscription",
            models.CheckConstraint(
                condition=models.Q(
                    ("next_reckoning_at__isnull", False), ("status", "cancelled"), _connector="OR"
                ),
                name="subscriptions_are_reckoned_while_they_go_on",
            ),
        ),
        migrations.AddIndex(
            "subscription",
            models.Index(
                fields=["next_reckoning_at"],
                condition=models.Q(("next_reckoning_at__isnull", False)),
                name="subscriptions_to_be_reckoned",
            ),
        ),
        ForeignKey(
            "subscription",
            name="subscriptions_version",
            columns="template_id, version",
            references="template_versions (template_id, number)",
        ),
        migrations.RunSQL(REFUSALS, AS_BEFORE),
        Serve("subscription", role="tw_worker", reads="*", updates="performance_data, next_reckoning_at"),
        Retrace(
            before=Trace("subscription", kept=KEPT, left_out=LEFT_OUT, **KNOWN),
            now=Trace(
                "subscription",
                kept=f"{KEPT}, version, paused_for",
                left_out=f"{LEFT_OUT}, next_reckoning_at",
                **KNOWN,
            ),
        ),
    ]
