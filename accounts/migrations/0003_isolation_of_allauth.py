"""E-mail addresses and sessions belong to their tenant too, and one function finds a tenant by address.

The tables are other people's, so their columns and keys are added in SQL.
"""

from django.db import migrations

from tradewise.tenancy.operations import ForeignKey, IsolateByTenant

# Owned by a role that nobody logs in as, and that may read these three columns of `users` and nothing else.
# The owner of a function in `public` must be allowed to create there while it takes the function over.
DOOR = """
GRANT SELECT (email, tenant_id, is_staff) ON users TO tw_door;
CREATE POLICY door_reads ON users FOR SELECT TO tw_door USING (true);
CREATE FUNCTION tenant_of_email(wanted text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT tenant_id FROM public.users WHERE email = wanted AND NOT is_staff);
REVOKE ALL ON FUNCTION tenant_of_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_of_email(text) TO tw_app;
GRANT CREATE ON SCHEMA public TO tw_door;
ALTER FUNCTION tenant_of_email(text) OWNER TO tw_door;
REVOKE CREATE ON SCHEMA public FROM tw_door;
"""
NO_DOOR = """
DROP FUNCTION tenant_of_email(text);
DROP POLICY door_reads ON users;
REVOKE SELECT (email, tenant_id, is_staff) ON users FROM tw_door;
"""

COLUMNS = """
ALTER TABLE account_emailaddress ADD COLUMN tenant_id uuid NOT NULL DEFAULT app_current_tenant();
ALTER TABLE account_emailaddress ADD CONSTRAINT account_emailaddress_tenant_and_id UNIQUE (tenant_id, id);
ALTER TABLE account_emailaddress ADD CONSTRAINT account_emailaddress_is_lower_case CHECK (email = lower(email));
ALTER TABLE account_emailconfirmation ADD COLUMN tenant_id uuid NOT NULL DEFAULT app_current_tenant();
"""
NO_COLUMNS = """
ALTER TABLE account_emailconfirmation DROP COLUMN tenant_id;
ALTER TABLE account_emailaddress DROP CONSTRAINT account_emailaddress_is_lower_case;
ALTER TABLE account_emailaddress DROP CONSTRAINT account_emailaddress_tenant_and_id;
ALTER TABLE account_emailaddress DROP COLUMN tenant_id;
"""

# A session is whose key one holds. The worker forgets those that are over, and can read of a session only when it ends.
SESSIONS = """
CREATE POLICY holder_reads ON django_session FOR SELECT TO tw_app, tw_staff
    USING (session_key = app_session_key());
CREATE POLICY holder_inserts ON django_session FOR INSERT TO tw_app, tw_staff
    WITH CHECK (session_key = app_session_key());
CREATE POLICY holder_updates ON django_session FOR UPDATE TO tw_app, tw_staff
    USING (session_key = app_session_key()) WITH CHECK (session_key = app_session_key());
CREATE POLICY holder_deletes ON django_session FOR DELETE TO tw_app, tw_staff
    USING (session_key = app_session_key());
CREATE POLICY expired_reads ON django_session FOR SELECT TO tw_worker USING (expire_date < now());
CREATE POLICY expired_deletes ON django_session FOR DELETE TO tw_worker USING (expire_date < now());
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO tw_app, tw_staff;
GRANT SELECT (expire_date), DELETE ON django_session TO tw_worker;
ALTER TABLE django_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE django_session FORCE ROW LEVEL SECURITY;
"""
NO_SESSIONS = """
ALTER TABLE django_session NO FORCE ROW LEVEL SECURITY;
ALTER TABLE django_session DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON django_session FROM tw_app, tw_staff, tw_worker;
DROP POLICY expired_deletes ON django_session;
DROP POLICY expired_reads ON django_session;
DROP POLICY holder_deletes ON django_session;
DROP POLICY holder_updates ON django_session;
DROP POLICY holder_inserts ON django_session;
DROP POLICY holder_reads ON django_session;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_isolation"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(DOOR, NO_DOOR),
        migrations.RunSQL(COLUMNS, NO_COLUMNS),
        ForeignKey(
            "account.emailaddress",
            name="account_emailaddress_user",
            columns="tenant_id, user_id",
            references="users (tenant_id, id)",
        ),
        ForeignKey(
            "account.emailconfirmation",
            name="account_emailconfirmation_address",
            columns="tenant_id, email_address_id",
            references="account_emailaddress (tenant_id, id)",
        ),
        IsolateByTenant("account.emailaddress"),
        # Codes are used and not links, so nothing is ever stored here; Django looks when it deletes an address.
        IsolateByTenant("account.emailconfirmation", grants="SELECT, DELETE"),
        migrations.RunSQL(SESSIONS, NO_SESSIONS),
    ]
