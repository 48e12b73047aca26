"""The functions that every policy calls."""

from django.db import migrations

# nullif: after a SET LOCAL ends, the setting is '' and not NULL, and ''::uuid raises. Unset, empty: no rows.
CURRENT_TENANT = """
CREATE FUNCTION app_current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.tenant_id', true), '')::uuid
"""
SESSION_KEY = """
CREATE FUNCTION app_session_key() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.session_key', true), '')
"""


class Migration(migrations.Migration):
    """`tw_app` may not create anything; every login may ask who the tenant is."""

    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL(CURRENT_TENANT, "DROP FUNCTION app_current_tenant()"),
        migrations.RunSQL(SESSION_KEY, "DROP FUNCTION app_session_key()"),
    ]
