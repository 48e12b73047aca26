"""Which step of a version follows which, who takes it, and what its template says then: held to by the database.

The rules are in AFTER triggers: one that ran before could change what the audit trail does not see.
"""

from django.db import migrations

from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve, ServeAnew, Withhold

# What is inserted as a template is its first version. With the rights of whoever inserts.
BEGUN = """
CREATE FUNCTION template_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    INSERT INTO public.template_versions (creator_tenant_id, template_id, number, status, name, description,
        config_json, risk_level, strategy_type)
    VALUES (NEW.creator_tenant_id, NEW.id, NEW.version, NEW.status, NEW.name, NEW.description, NEW.config_json,
        NEW.risk_level, NEW.strategy_type);
    RETURN NULL;
END $body$;
CREATE TRIGGER template_begins AFTER INSERT ON bot_templates FOR EACH ROW EXECUTE FUNCTION template_begins();

CREATE FUNCTION template_follows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF pg_trigger_depth() = 1 AND (OLD.is_public OR NEW.status <> OLD.status) AND
        ROW(NEW.name, NEW.description, NEW.config_json, NEW.risk_level, NEW.strategy_type, NEW.status, NEW.version)
        IS DISTINCT FROM
        ROW(OLD.name, OLD.description, OLD.config_json, OLD.risk_level, OLD.strategy_type, OLD.status, OLD.version)
    THEN
        RAISE EXCEPTION 'What a template says is changed by a new version of it.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER template_follows
    AFTER UPDATE OF name, description, config_json, risk_level, strategy_type, status, version ON bot_templates
    FOR EACH ROW EXECUTE FUNCTION template_follows();
"""
NOT_BEGUN = """
DROP TRIGGER template_begins ON bot_templates;
DROP TRIGGER template_follows ON bot_templates;
DROP FUNCTION template_begins();
DROP FUNCTION template_follows();
"""

# Both run as the tables' owner, who is under the policies of the bound tenant: nobody writes the templates otherwise.
STEPS = """
CREATE FUNCTION template_version_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF session_user IN ('tw_app', 'tw_staff', 'tw_worker') AND (
        NEW.status <> 'draft' OR NEW.reason <> '' OR NEW.submitted_at IS NOT NULL OR NEW.decided_at IS NOT NULL
        OR NEW.number <> (SELECT count(*) FROM public.template_versions v WHERE v.template_id = NEW.template_id)
        OR NEW.number > 1 AND NOT EXISTS (
            SELECT FROM public.bot_templates t WHERE t.id = NEW.template_id AND t.status = 'published'))
    THEN
        RAISE EXCEPTION 'A version begins as a draft: the first one, or the next one of a published template.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $body$;
REVOKE ALL ON FUNCTION template_version_begins() FROM PUBLIC;
CREATE TRIGGER template_version_begins AFTER INSERT ON template_versions
    FOR EACH ROW EXECUTE FUNCTION template_version_begins();

CREATE FUNCTION template_version_steps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    step text := OLD.status || ' > ' || NEW.status;
    rewritten boolean := ROW(NEW.name, NEW.name_key, NEW.description, NEW.config_json, NEW.risk_level,
        NEW.strategy_type) IS DISTINCT FROM ROW(OLD.name, OLD.name_key, OLD.description, OLD.config_json,
        OLD.risk_level, OLD.strategy_type);
    template public.bot_templates;
    becomes text;
BEGIN
    IF ROW(NEW.id, NEW.template_id, NEW.number, NEW.created_at)
        IS DISTINCT FROM ROW(OLD.id, OLD.template_id, OLD.number, OLD.created_at)
        OR NEW.creator_tenant_id <> OLD.creator_tenant_id
        OR NEW.creator_tenant_id IS NOT NULL AND OLD.creator_tenant_id IS NULL
    THEN
        RAISE EXCEPTION 'A version stays the one that it is.' USING ERRCODE = 'check_violation';
    END IF;
    IF rewritten AND step NOT IN ('draft > draft', 'rejected > draft') THEN
        RAISE EXCEPTION 'Only a draft is written on.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = OLD.status THEN
        IF ROW(NEW.reason, NEW.submitted_at, NEW.decided_at)
            IS DISTINCT FROM ROW(OLD.reason, OLD.submitted_at, OLD.decided_at)
        THEN
            RAISE EXCEPTION 'A decision is changed by none but the next one.' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT rewritten THEN
            RETURN NULL;
        END IF;
    ELSIF NOT (
        session_user <> 'tw_staff' AND step IN ('draft > submitted', 'rejected > draft', 'published > withdrawn')
        OR session_user <> 'tw_app'
            AND step IN ('submitted > published', 'submitted > rejected', 'published > withdrawn'))
    THEN
        RAISE EXCEPTION '% may not take a version from % to %.', session_user, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;

    SELECT * INTO template FROM public.bot_templates t WHERE t.id = NEW.template_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'A version is changed for its author: bind the tenant.' USING ERRCODE = 'check_violation';
    END IF;
    IF template.status = 'withdrawn' AND NEW.status IN ('submitted', 'published') THEN
        RAISE EXCEPTION 'The template was withdrawn.' USING ERRCODE = 'check_violation';
    END IF;
    becomes := CASE
        WHEN NEW.status = 'published' THEN 'published'
        WHEN NEW.status = 'withdrawn' THEN CASE WHEN NEW.number = template.version THEN 'withdrawn' END
        WHEN template.status NOT IN ('published', 'withdrawn') THEN NEW.status END;
    IF becomes IS NOT NULL THEN
        UPDATE public.bot_templates SET name = NEW.name, description = NEW.description,
            config_json = NEW.config_json, risk_level = NEW.risk_level, strategy_type = NEW.strategy_type,
            version = NEW.number, status = becomes, is_public = becomes = 'published', updated_at = now()
        WHERE id = NEW.template_id;
    END IF;
    RETURN NULL;
END $body$;
REVOKE ALL ON FUNCTION template_version_steps() FROM PUBLIC;
CREATE TRIGGER template_version_steps AFTER UPDATE ON template_versions
    FOR EACH ROW EXECUTE FUNCTION template_version_steps();
"""
NO_STEPS = """
DROP TRIGGER template_version_begins ON template_versions;
DROP TRIGGER template_version_steps ON template_versions;
DROP FUNCTION template_version_begins();
DROP FUNCTION template_version_steps();
"""

# The worker writes to an author, and learns the address of the tenant that it is bound to, and no other.
ADDRESS = """
CREATE FUNCTION address_of_tenant() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN (SELECT email FROM public.users WHERE tenant_id = public.app_current_tenant() AND is_active AND NOT is_staff);
REVOKE ALL ON FUNCTION address_of_tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION address_of_tenant() TO tw_worker;
"""

# A template whose author has closed the account can still be withdrawn.
ORPHANS = """
CREATE POLICY orphans_read ON bot_templates FOR SELECT TO tw_owner USING (creator_tenant_id IS NULL);
CREATE POLICY orphans_updated ON bot_templates FOR UPDATE TO tw_owner
    USING (creator_tenant_id IS NULL) WITH CHECK (creator_tenant_id IS NULL);
"""
NO_ORPHANS = """
DROP POLICY orphans_read ON bot_templates;
DROP POLICY orphans_updated ON bot_templates;
"""

TEMPLATE = Serve("bottemplate", role="tw_staff", reads="*", updates="is_public, updated_at")


def asking(kinds: str) -> Serve:
    """What the staff site may ask the worker for."""
    rows = f"tenant_id = '00000000-0000-0000-0000-000000000000'::uuid AND kind {kinds}"
    return Serve("tradewise.outboxmessage", role="tw_staff", inserts="tenant_id, kind, payload", rows=rows)


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0005_lifecycle")]

    operations = [
        # Closing an account leaves its public templates without an author, and their versions with them.
        ForeignKey(
            "templateversion",
            name="template_versions_template",
            columns="creator_tenant_id, template_id",
            references="bot_templates (creator_tenant_id, id)",
            on_delete="CASCADE ON UPDATE CASCADE",
        ),
        migrations.RunSQL(BEGUN, NOT_BEGUN),
        migrations.RunSQL(STEPS, NO_STEPS),
        IsolateByTenant(
            "templateversion",
            column="creator_tenant_id",
            grants="SELECT, INSERT, UPDATE (name, name_key, description, config_json, risk_level, strategy_type, "
            "status, reason, submitted_at, updated_at)",
        ),
        Serve("templateversion", role="tw_app", reads="*", rows="is_public"),
        Serve("templateversion", role="tw_worker", reads="*", rows="is_public"),
        # Moderators decide; what a trader wrote they cannot touch.
        Serve(
            "templateversion", role="tw_staff", reads="*", updates="status, reason, decided_at, updated_at"
        ),
        # The template itself is written by its versions alone.
        Withhold("bottemplate", role="tw_app", rights="UPDATE, DELETE"),
        ServeAnew(before=TEMPLATE, now=Serve("bottemplate", role="tw_staff", reads="*")),
        ServeAnew(
            before=asking("= 'marketplace.run_platform_bot'"),
            now=asking("IN ('marketplace.run_platform_bot', 'marketplace.tell_author')"),
        ),
        migrations.RunSQL(ORPHANS, NO_ORPHANS),
        migrations.RunSQL(ADDRESS, "DROP FUNCTION address_of_tenant()"),
    ]
