"""What PostgreSQL's own catalogue says about isolation. Each function returns sentences; none is good."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from tradewise.tenancy.roles import LOGINS

#: Tables without a tenant's data that a site's login may touch all the same, and why.
SHARED_TABLES = {
    "django_migrations": "names of migrations",
    "django_content_type": "names of models",
    "auth_permission": "names of permissions",
    "django_admin_log": "what staff did; the staff site's alone",
    "engine_hosts": "machines that bear engines",
}
#: Tables that hold a tenant's data under another name than tenant_id, and the column that says whose.
OTHER_COLUMNS = {
    "bot_templates": "creator_tenant_id",
    "template_versions": "creator_tenant_id",
    "django_session": "session_key",
}
#: Views of their owner's sight, and the login each is for.
DEFINER_VIEWS = {"support_users": "tw_staff"}
#: What a policy for the trader site may compare with.
NARROW = ("app_current_tenant()", "app_session_key()", "is_public", "(tenant_id IS NULL)")
SERVING = ("tw_app", "tw_staff", "tw_worker")
COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


def problems() -> list[str]:
    """Every way in which the connected database falls short of isolating its tenants, in sentences."""
    found: list[str] = []
    for look in (_logins, _tables, _policies, _open_tables, _views, _functions):
        found += look()
    return found


def _rows(sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def tenant_tables() -> dict[str, bool]:
    """The tables that hold a tenant's data, and whether each is a partition."""
    rows = _rows(
        """SELECT c.relname, c.relispartition FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
             AND (c.relname = ANY(%s) OR EXISTS (
                    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
                      AND NOT a.attisdropped))
           ORDER BY 1""",
        [list(OTHER_COLUMNS)],
    )
    return dict(rows)


def _logins() -> Iterator[str]:
    rows = _rows(
        """SELECT r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
                  array(SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                        WHERE m.member = r.oid)::text[],
                  EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid
                            AND c.relnamespace = 'public'::regnamespace)
           FROM pg_roles r WHERE r.rolname = ANY(%s)""",
        [list(LOGINS)],
    )
    for missing in sorted(set(LOGINS) - {row[0] for row in rows}):
        yield f"The login {missing} does not exist."
    for name, is_super, bypasses, creates, groups, owns in rows:
        if is_super:
            yield f"The login {name} is a superuser."
        if creates:
            yield f"The login {name} may make roles."
        if bypasses and name != "tw_backup":
            yield f"The login {name} has BYPASSRLS; only tw_backup may."
        if owns:
            yield f"The login {name} owns tables."
        if groups and name in SERVING:
            yield f"The login {name} is a member of {', '.join(groups)}; it must be a member of nothing."


def _tables() -> Iterator[str]:
    tables = tenant_tables()
    flags = dict(
        _rows(
            """SELECT relname, ARRAY[relrowsecurity, relforcerowsecurity] FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)""",
            [list(tables)],
        )
    )
    for name, is_partition in tables.items():
        enabled, forced = flags[name]
        if not enabled:
            yield f"Row-level security is not enabled on {name}."
        if not forced:
            yield f"Row-level security is not forced on {name}: its owner sees every row."
        if is_partition:
            yield from _direct_grants(name)


def _direct_grants(partition: str) -> Iterator[str]:
    for login in SERVING:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            ((may,),) = _rows("SELECT has_table_privilege(%s, %s, %s)", [login, partition, right])
            if may:
                yield f"{login} may {right} the partition {partition} past its parent's policies."


def _policies() -> Iterator[str]:
    parents = [name for name, is_partition in tenant_tables().items() if not is_partition]
    rows = _rows(
        """SELECT c.relname, p.polname, p.polcmd::text, p.polpermissive,
                  array(SELECT coalesce(r.rolname, 'public') FROM unnest(p.polroles) o
                        LEFT JOIN pg_roles r ON r.oid = o)::text[],
                  coalesce(pg_get_expr(p.polqual, p.polrelid), '')
                    || ' ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
           FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
           WHERE c.relnamespace = 'public'::regnamespace""",
    )
    for table in parents:
        own = [row for row in rows if row[0] == table]
        commands = {row[2] for row in own if "tw_app" in row[4]}
        for letter, word in COMMANDS.items():
            ((may,),) = (
                _rows("SELECT has_any_column_privilege('tw_app', %s, %s)", [table, word])
                if (letter != "d")
                else _rows("SELECT has_table_privilege('tw_app', %s, 'DELETE')", [table])
            )
            if may and letter not in commands:
                yield f"{table} has no policy for {word}, which tw_app may do."
        if not own:
            yield f"{table} has no policy."
    for table, name, command, permissive, roles, expression in rows:
        if command == "*":
            yield f"The policy {name} on {table} is FOR ALL; write one for each command."
        if "public" in roles:
            yield f"The policy {name} on {table} is for everyone; name its roles."
        if permissive and "tw_app" in roles and not any(word in expression for word in NARROW):
            yield f"The policy {name} on {table} lets tw_app past without a tenant: {expression.strip()}"


def _open_tables() -> Iterator[str]:
    rows = _rows(
        """SELECT c.relname FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm')
             AND NOT c.relrowsecurity
             AND (has_any_column_privilege('tw_app', c.oid, 'SELECT, INSERT, UPDATE')
                  OR has_table_privilege('tw_app', c.oid, 'DELETE, TRUNCATE'))"""
    )
    for (name,) in rows:
        if name not in SHARED_TABLES:
            yield f"tw_app may touch {name}, which is neither isolated nor known to hold no tenant's data."
    for (name,) in _rows(
        """SELECT c.relname FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
             AND has_table_privilege('tw_app', c.oid, 'TRUNCATE, REFERENCES, TRIGGER')"""
    ):
        yield f"tw_app may TRUNCATE, reference or put a trigger on {name}."


def _views() -> Iterator[str]:
    rows = _rows(
        """SELECT c.relname, c.relkind::text,
                  coalesce(array_to_string(c.reloptions, ',') LIKE '%%security_invoker=true%%', false),
                  array(SELECT l FROM unnest(%s::text[]) l
                        WHERE has_any_column_privilege(l, c.oid, 'SELECT, INSERT, UPDATE'))::text[]
           FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')""",
        [list(SERVING)],
    )
    for name, kind, invoker, readers in rows:
        if kind == "m" and readers:
            yield f"{', '.join(readers)} may read the materialized view {name}, which has no policies."
        elif kind == "v" and not invoker and set(readers) - {DEFINER_VIEWS.get(name, "")}:
            yield f"The view {name} runs as its owner and is open to {', '.join(readers)}."


def _functions() -> Iterator[str]:
    rows = _rows(
        """SELECT p.proname, r.rolname, r.rolsuper, r.rolcanlogin,
                  coalesce(array_to_string(p.proconfig, ',') LIKE 'search_path=%%', false),
                  EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                          WHERE a.grantee = 0)
           FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
           WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"""
    )
    for name, owner, is_super, logs_in, fixed_path, everyone in rows:
        if is_super or logs_in:
            yield f"The function {name} runs as {owner}, which is a superuser or a login."
        if not fixed_path:
            yield f"The function {name} runs as its owner with the caller's search_path."
        if everyone:
            yield f"The function {name} runs as its owner and everyone may call it."
