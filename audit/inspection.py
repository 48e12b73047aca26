"""What PostgreSQL's own catalogue says about the trail: whether every change would still leave its trace."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg

#: Tables with a tenant's data whose rows leave no entries, and why.
NOT_TRACED: Final = {
    "audit_logs": "the trail itself",
    "audit_seals": "the seals over it",
    "engine_places": "which place a bot has stands in its own row, as its port",
    "django_session": "a key in somebody's hand; log-ins and log-outs are events",
}
TRIGGERS: Final = frozenset({"audit_inserted", "audit_changed", "audit_deleted"})
GUARDED: Final = ("audit_logs", "audit_seals", "audit_rounds", "audit_archives")

# A trigger that runs a function of anybody else is none of ours, whatever its name.
_TRACES = """
SELECT c.relname, array(SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND p.proowner = to_regrole('tw_audit'))::text[]
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (c.relname IN ('bot_templates', 'template_versions') OR EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
ORDER BY 1
"""
# A column that a trigger of another kind changes before is not seen by ours, and one that it does not list neither.
_UNSEEN = r"""
SELECT c.relname, t.tgname, t.tgtype & 19 = 19,
    t.tgname = 'audit_changed' AND array(SELECT unnest(t.tgattr::int2[]) ORDER BY 1) <> array(
        SELECT a.attnum FROM regexp_matches(p.prosrc, '(?:kept|secrets|sealed): ([^;
]*)', 'g') m,
            LATERAL regexp_split_to_table(m[1], ', ') n JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = n
        ORDER BY a.attnum)::int2[] AND p.prosrc !~ '-- series'
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND c.relname = ANY(%s)
"""
_GUARDS = """
SELECT c.relname, array(SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND p.proowner = to_regrole('tw_audit'))::text[]
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND coalesce(i.inhparent, c.oid) = ANY(SELECT to_regclass(n) FROM unnest(%s::text[]) n)
ORDER BY 1
"""


def problems(connection: psycopg.Connection[Any]) -> list[str]:
    """Every way in which a change could leave no trace, in sentences; none is good."""
    return [*_untraced(connection), *_unseen(connection), *_unguarded(connection)]


def _untraced(connection: psycopg.Connection[Any]) -> Iterator[str]:
    for table, there in connection.execute(_TRACES):
        if table not in NOT_TRACED and (missing := TRIGGERS - set(there)):
            yield f"Changes of {table} leave no trace: its trigger {', '.join(sorted(missing))} is missing or disabled."


def _unseen(connection: psycopg.Connection[Any]) -> Iterator[str]:
    traced = [table for table, _ in connection.execute(_TRACES) if table not in NOT_TRACED]
    for table, trigger, is_before, lists_others in connection.execute(_UNSEEN, [traced]):
        if is_before:
            yield f"Changes of {table} could leave no trace: its trigger {trigger} runs before they are written."
        if lists_others:
            yield f"Changes of {table} could leave no trace: its trigger {trigger} lists other columns."


def _unguarded(connection: psycopg.Connection[Any]) -> Iterator[str]:
    for table, there in connection.execute(_GUARDS, [list(GUARDED)]):
        if missing := {"audit_only_added_to", "audit_not_emptied"} - set(there):
            names = ", ".join(sorted(missing))
            yield f"Entries of {table} could be changed: its trigger {names} is missing or disabled."
