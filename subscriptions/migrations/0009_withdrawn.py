"""A trader's list of subscriptions says which templates were withdrawn, and why."""

from django.db import migrations

# Of all tenants' templates those that were withdrawn and that the bound tenant subscribed to; one question for a page.
WITHDRAWN = """
CREATE FUNCTION subscribed_and_withdrawn(wanted integer[]) RETURNS TABLE (id integer, template_id text, name text,
    version integer, updated_at timestamptz, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT t.id, t.template_id, t.name, t.version, t.updated_at, v.reason
    FROM public.bot_templates t JOIN public.template_versions v ON v.template_id = t.id AND v.number = t.version
    WHERE t.id = ANY(wanted) AND t.status = 'withdrawn' AND v.status = 'withdrawn' AND EXISTS (
        SELECT FROM public.subscriptions s
        WHERE s.template_id = t.id AND s.tenant_id = public.app_current_tenant())
$body$;
REVOKE ALL ON FUNCTION subscribed_and_withdrawn(integer[]) FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tw_catalog;
ALTER FUNCTION subscribed_and_withdrawn(integer[]) OWNER TO tw_catalog;
REVOKE CREATE ON SCHEMA public FROM tw_catalog;
SET LOCAL ROLE tw_catalog;
GRANT EXECUTE ON FUNCTION subscribed_and_withdrawn(integer[]) TO tw_app;
SET LOCAL ROLE tw_owner
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0008_start_told"), ("marketplace", "0011_featuring_and_discarding")]

    operations = [migrations.RunSQL(WITHDRAWN, "DROP FUNCTION subscribed_and_withdrawn(integer[])")]
