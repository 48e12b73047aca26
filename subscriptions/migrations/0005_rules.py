"""What the database sees to by itself: legal moves, one allocation, and the number of a template's subscribers."""

from django.db import migrations

# After the row, since a trigger before it could hide a change from the audit trail. It binds every login.
MOVES = """
CREATE FUNCTION subscriptions_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF ROW(OLD.tenant_id, OLD.user_id, OLD.bot_id, OLD.template_id)
            IS DISTINCT FROM ROW(NEW.tenant_id, NEW.user_id, NEW.bot_id, NEW.template_id) THEN
        RAISE check_violation USING MESSAGE = 'A subscription keeps its trader, its bot and its template.',
            CONSTRAINT = 'subscriptions_keep_their_parts';
    END IF;
    IF OLD.status = 'cancelled' AND ROW(OLD.status, OLD.allocation_amount, OLD.cancelled_at)
            IS DISTINCT FROM ROW(NEW.status, NEW.allocation_amount, NEW.cancelled_at) THEN
        RAISE check_violation USING MESSAGE = 'A cancelled subscription is over for good.',
            CONSTRAINT = 'subscriptions_cancelled_is_final';
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER legal_moves AFTER UPDATE OF tenant_id, user_id, bot_id, template_id, status, allocation_amount, cancelled_at
    ON subscriptions FOR EACH ROW EXECUTE FUNCTION subscriptions_refuse()
"""
NO_MOVES = """
DROP TRIGGER legal_moves ON subscriptions;
DROP FUNCTION subscriptions_refuse()
"""

# A trader may change what a bot may use on the bot's own page too. Runs as who does it, in the same tenant; locks
# are taken in the order engine, then subscription, as the services take them.
ALLOCATION = """
CREATE FUNCTION subscriptions_follow_engine() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    UPDATE public.subscriptions s SET allocation_amount = NEW.allocation, updated_at = CURRENT_TIMESTAMP
    WHERE s.tenant_id = NEW.tenant_id AND s.bot_id = NEW.bot_id AND s.status <> 'cancelled'
      AND s.allocation_amount IS DISTINCT FROM NEW.allocation;
    RETURN NULL;
END $body$;
CREATE TRIGGER allocation_is_the_subscriptions AFTER UPDATE OF allocation ON bot_engines
    FOR EACH ROW EXECUTE FUNCTION subscriptions_follow_engine()
"""
NO_ALLOCATION = """
DROP TRIGGER allocation_is_the_subscriptions ON bot_engines;
DROP FUNCTION subscriptions_follow_engine()
"""

# The owner is nobody's login and may read which templates are subscribed to, of all tenants, and write one column.
# A template's row is the last that a transaction locks; of several, a statement locks them in the order of their
# numbers, so nobody waits in a circle. Numbers are added to what the row holds by then, so none is lost. A number
# that was wrong before never keeps a trader from cancelling: it ends at 0, and `reconcile_counters` tells of it.
COUNT = """
GRANT SELECT (template_id, status) ON subscriptions TO tw_catalog;
CREATE POLICY catalog_reads ON subscriptions FOR SELECT TO tw_catalog USING (true);
GRANT UPDATE (subscribers_count) ON bot_templates TO tw_catalog;
CREATE POLICY catalog_counts ON bot_templates FOR UPDATE TO tw_catalog USING (true) WITH CHECK (true);
CREATE FUNCTION subscriptions_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    templates integer[];
    changes integer[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(t), array_agg(c) INTO templates, changes FROM (
            SELECT r.template_id AS t, count(*)::integer AS c FROM came r WHERE r.status <> 'cancelled' GROUP BY 1) d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(t), array_agg(c) INTO templates, changes FROM (
            SELECT r.template_id AS t, -count(*)::integer AS c FROM went r WHERE r.status <> 'cancelled' GROUP BY 1) d;
    ELSE
        SELECT array_agg(t), array_agg(c) INTO templates, changes FROM (
            SELECT r.template_id AS t, sum(r.c)::integer AS c FROM (
                SELECT n.template_id, 1 AS c FROM came n WHERE n.status <> 'cancelled'
                UNION ALL SELECT o.template_id, -1 FROM went o WHERE o.status <> 'cancelled') r
            GROUP BY 1 HAVING sum(r.c) <> 0) d;
    END IF;
    IF templates IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM public.bot_templates b WHERE b.id = ANY(templates) ORDER BY b.id FOR NO KEY UPDATE;
    UPDATE public.bot_templates b SET subscribers_count = greatest(0, b.subscribers_count + d.c)
    FROM unnest(templates, changes) AS d(t, c) WHERE b.id = d.t;
    RETURN NULL;
END $body$;
REVOKE ALL ON FUNCTION subscriptions_count() FROM PUBLIC;
CREATE TRIGGER counted_inserts AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_count();
CREATE TRIGGER counted_updates AFTER UPDATE ON subscriptions REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_count();
CREATE TRIGGER counted_deletes AFTER DELETE ON subscriptions REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_count();
GRANT CREATE ON SCHEMA public TO tw_catalog;
ALTER FUNCTION subscriptions_count() OWNER TO tw_catalog;
REVOKE CREATE ON SCHEMA public FROM tw_catalog
"""
NO_COUNT = """
DROP TRIGGER counted_inserts ON subscriptions;
DROP TRIGGER counted_updates ON subscriptions;
DROP TRIGGER counted_deletes ON subscriptions;
DROP FUNCTION subscriptions_count();
DROP POLICY catalog_counts ON bot_templates;
REVOKE UPDATE (subscribers_count) ON bot_templates FROM tw_catalog;
DROP POLICY catalog_reads ON subscriptions;
REVOKE SELECT (template_id, status) ON subscriptions FROM tw_catalog
"""

# The number has one writer. An author may write to a template that is not public yet, but not this.
ONE_WRITER = """
CREATE FUNCTION subscriptions_refuse_number() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'Subscribers are counted by the database.';
END $body$;
CREATE TRIGGER number_is_counted AFTER UPDATE OF subscribers_count ON bot_templates FOR EACH ROW
    WHEN (current_user = 'tw_app' AND OLD.subscribers_count IS DISTINCT FROM NEW.subscribers_count)
    EXECUTE FUNCTION subscriptions_refuse_number();
CREATE TRIGGER number_begins_at_nothing AFTER INSERT ON bot_templates FOR EACH ROW
    WHEN (current_user = 'tw_app' AND NEW.subscribers_count <> 0)
    EXECUTE FUNCTION subscriptions_refuse_number()
"""
MANY_WRITERS = """
DROP TRIGGER number_begins_at_nothing ON bot_templates;
DROP TRIGGER number_is_counted ON bot_templates;
DROP FUNCTION subscriptions_refuse_number()
"""

# Ops' login sees one tenant at a time; these two see the numbers of all, and nothing else. The template's row is
# locked before its subscriptions are counted: who subscribes meanwhile adds to the new number.
RECONCILE = """
CREATE FUNCTION subscriptions_drift() RETURNS TABLE (template_id text, stored integer, counted integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT b.template_id::text, b.subscribers_count, coalesce(s.n, 0)::integer
    FROM public.bot_templates b LEFT JOIN (
        SELECT r.template_id AS id, count(*) AS n FROM public.subscriptions r WHERE r.status <> 'cancelled' GROUP BY 1
    ) s ON s.id = b.id
    WHERE b.subscribers_count <> coalesce(s.n, 0) ORDER BY b.id
$body$;
CREATE FUNCTION subscriptions_recount(template text) RETURNS TABLE (stored integer, counted integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    number integer;
BEGIN
    SELECT b.id, b.subscribers_count INTO number, stored FROM public.bot_templates b
    WHERE b.template_id = template FOR NO KEY UPDATE;
    SELECT count(*) INTO counted FROM public.subscriptions r WHERE r.template_id = number AND r.status <> 'cancelled';
    UPDATE public.bot_templates b SET subscribers_count = counted WHERE b.id = number AND b.subscribers_count <> counted;
    RETURN NEXT;
END $body$;
REVOKE ALL ON FUNCTION subscriptions_drift(), subscriptions_recount(text) FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tw_catalog;
ALTER FUNCTION subscriptions_drift() OWNER TO tw_catalog;
ALTER FUNCTION subscriptions_recount(text) OWNER TO tw_catalog;
REVOKE CREATE ON SCHEMA public FROM tw_catalog;
SET LOCAL ROLE tw_catalog;
GRANT EXECUTE ON FUNCTION subscriptions_drift(), subscriptions_recount(text) TO tw_owner;
SET LOCAL ROLE tw_owner
"""
NO_RECONCILE = """
DROP FUNCTION subscriptions_recount(text);
DROP FUNCTION subscriptions_drift()
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0004_moments"), ("marketplace", "0004_platform_bots")]

    operations = [
        migrations.RunSQL(MOVES, NO_MOVES),
        migrations.RunSQL(ALLOCATION, NO_ALLOCATION),
        migrations.RunSQL(COUNT, NO_COUNT),
        migrations.RunSQL(ONE_WRITER, MANY_WRITERS),
        migrations.RunSQL(RECONCILE, NO_RECONCILE),
    ]
