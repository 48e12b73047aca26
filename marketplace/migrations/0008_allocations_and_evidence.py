"""What a version asks for and shows: the least and the most of an allocation, and the author's bot as its evidence.

A template also says since when it is published, and whether moderators feature it.
"""

from django.db import migrations, models

from audit.operations import Retrace, Trace
from tradewise.tenancy.operations import ForeignKey, Grant, Serve, ServeAnew

BEGINS = """
CREATE OR REPLACE FUNCTION template_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    INSERT INTO public.template_versions (creator_tenant_id, template_id, number, status, name, description,
        config_json, risk_level, strategy_type, needed_allocation, max_allocation)
    VALUES (NEW.creator_tenant_id, NEW.id, NEW.version, NEW.status, NEW.name, NEW.description, NEW.config_json,
        NEW.risk_level, NEW.strategy_type, NEW.needed_allocation, NEW.max_allocation);
    RETURN NULL;
END $body$;
"""
BEGAN = """
CREATE OR REPLACE FUNCTION template_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    INSERT INTO public.template_versions (creator_tenant_id, template_id, number, status, name, description,
        config_json, risk_level, strategy_type)
    VALUES (NEW.creator_tenant_id, NEW.id, NEW.version, NEW.status, NEW.name, NEW.description, NEW.config_json,
        NEW.risk_level, NEW.strategy_type);
    RETURN NULL;
END $body$;
"""
STEPS = """
CREATE OR REPLACE FUNCTION template_version_steps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    step text := OLD.status || ' > ' || NEW.status;
    rewritten boolean := ROW(NEW.name, NEW.name_key, NEW.description, NEW.config_json, NEW.risk_level,
        NEW.strategy_type, NEW.needed_allocation, NEW.max_allocation) IS DISTINCT FROM ROW(OLD.name, OLD.name_key,
        OLD.description, OLD.config_json, OLD.risk_level, OLD.strategy_type, OLD.needed_allocation, OLD.max_allocation)
        -- A bot that is gone is no evidence any more; that happens to a version in any state.
        OR NEW.record_bot_id IS DISTINCT FROM OLD.record_bot_id AND NEW.record_bot_id IS NOT NULL;
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
    IF NEW.submitted_at IS DISTINCT FROM OLD.submitted_at
        AND (step <> 'draft > submitted' OR NEW.submitted_at IS DISTINCT FROM now())
    THEN
        RAISE EXCEPTION 'A version is submitted now, and at no other time.' USING ERRCODE = 'check_violation';
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
            needed_allocation = NEW.needed_allocation, max_allocation = NEW.max_allocation,
            published_at = coalesce(published_at, CASE WHEN becomes = 'published' THEN now() END),
            version = NEW.number, status = becomes, is_public = becomes = 'published', updated_at = now()
        WHERE id = NEW.template_id;
    END IF;
    RETURN NULL;
END $body$;
"""
STEPPED = """
CREATE OR REPLACE FUNCTION template_version_steps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
"""
# The owner reads templates of all authors for the length of this transaction.
OPENED = "ALTER TABLE bot_templates NO FORCE ROW LEVEL SECURITY; ALTER TABLE template_versions NO FORCE ROW LEVEL SECURITY"
CLOSED = "ALTER TABLE bot_templates FORCE ROW LEVEL SECURITY; ALTER TABLE template_versions FORCE ROW LEVEL SECURITY"
PUBLISHED = """UPDATE bot_templates t SET published_at = coalesce(
    (SELECT min(v.decided_at) FROM template_versions v WHERE v.template_id = t.id), t.created_at) WHERE t.is_public"""

TEMPLATE = """coalesce((SELECT t.template_id FROM public.bot_templates t WHERE t.id = {row}.template_id),
    {row}.template_id::text)"""
OF_TEMPLATE = {
    "resource": "template",
    "key": "template_id",
    "tenant": "creator_tenant_id",
    "sealed": "config_json",
    "left_out": "performance_data, subscribers_count, updated_at",
}
TEMPLATE_SAYS = (
    "id, template_id, name, description, is_public, risk_level, strategy_type, creator_tenant_id, created_at, "
    "status, version"
)
OF_VERSION = {
    "resource": "template_version",
    "key": TEMPLATE,
    "tenant": "creator_tenant_id",
    "sealed": "config_json",
    "left_out": "is_public, name_key, updated_at",
}
VERSION_SAYS = (
    "id, template_id, number, status, name, description, risk_level, strategy_type, reason, "
    "submitted_at, decided_at, creator_tenant_id, created_at"
)


def allocations(table: str) -> models.CheckConstraint:
    """Amounts, the most of them not less than the least. A closed range: NaN passes a one-sided check."""
    needed = models.Q(needed_allocation__isnull=True) | models.Q(
        needed_allocation__gt=0, needed_allocation__lte=9_999_999_999_999
    )
    most = models.Q(max_allocation__isnull=True) | models.Q(
        max_allocation__gt=0, max_allocation__lte=9_999_999_999_999
    )
    ordered = (
        models.Q(needed_allocation__isnull=True)
        | models.Q(max_allocation__isnull=True)
        | models.Q(max_allocation__gte=models.F("needed_allocation"))
    )
    return models.CheckConstraint(condition=needed & most & ordered, name=f"{table}_allocations_are_amounts")


def amount() -> "models.DecimalField[None, None]":
    return models.DecimalField(decimal_places=2, max_digits=15, null=True)


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0007_lifecycle_trace"), ("bots", "0001_bots")]

    operations = [
        *(
            migrations.AddField(model_name=model, name=name, field=amount())
            for model in ("bottemplate", "templateversion")
            for name in ("needed_allocation", "max_allocation")
        ),
        migrations.AddField("bottemplate", "published_at", models.DateTimeField(null=True)),
        migrations.AddField("bottemplate", "featured_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "templateversion",
            "record_bot",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=models.DO_NOTHING,
                related_name="+",
                to="bots.bot",
            ),
        ),
        migrations.AddConstraint("bottemplate", allocations("bot_templates")),
        migrations.AddConstraint("templateversion", allocations("template_versions")),
        ForeignKey(
            "templateversion",
            name="template_versions_record_bot",
            columns="creator_tenant_id, record_bot_id",
            references="bots (tenant_id, id)",
            on_delete="SET NULL (record_bot_id)",
        ),
        migrations.RunSQL(OPENED, CLOSED),
        migrations.RunSQL(PUBLISHED, migrations.RunSQL.noop),
        migrations.RunSQL(CLOSED, OPENED),
        migrations.RunSQL(BEGINS, BEGAN),
        migrations.RunSQL(STEPS, STEPPED),
        Grant(
            "templateversion",
            role="tw_app",
            rights="UPDATE (needed_allocation, max_allocation, record_bot_id)",
        ),
        ServeAnew(
            before=Serve("bottemplate", role="tw_staff", reads="*"),
            now=Serve("bottemplate", role="tw_staff", reads="*", updates="featured_at, updated_at"),
        ),
        Retrace(
            before=Trace("bottemplate", kept=TEMPLATE_SAYS, **OF_TEMPLATE),
            now=Trace(
                "bottemplate",
                kept=f"{TEMPLATE_SAYS}, needed_allocation, max_allocation, published_at, featured_at",
                **OF_TEMPLATE,
            ),
        ),
        Retrace(
            before=Trace("templateversion", kept=VERSION_SAYS, **OF_VERSION),
            now=Trace(
                "templateversion",
                kept=f"{VERSION_SAYS}, needed_allocation, max_allocation, record_bot_id",
                **OF_VERSION,
            ),
        ),
    ]
