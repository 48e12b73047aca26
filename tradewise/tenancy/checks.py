"""Refuse to serve under a login that row-level security does not bind."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

UNSAFE_LOGIN = """
SELECT rolname,
       rolsuper,
       rolbypassrls,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                 AND pg_has_role(r.oid, c.relowner, 'USAGE'))
FROM pg_roles r WHERE rolname = current_user
"""


def unsafe_login() -> str:
    """Why the connected login must not serve, as a sentence; empty when it may."""
    with connection.cursor() as cursor:
        cursor.execute(UNSAFE_LOGIN)
        name, is_superuser, bypasses, owns = cursor.fetchone()
    reasons = [
        text
        for holds, text in (
            (is_superuser, "is a superuser"),
            (bypasses, "has BYPASSRLS"),
            (owns, "owns tables or is a member of their owner"),
        )
        if holds
    ]
    if not reasons:
        return ""
    return (
        f"The database login {name} {' and '.join(reasons)}, so it would see every tenant's rows. "
        "Point DATABASE_URL at tw_app (tw_staff for the staff site, tw_worker for the worker)."
    )


def refuse_unsafe_login() -> None:
    """Raise ImproperlyConfigured with the sentence of `unsafe_login`."""
    if sentence := unsafe_login():
        raise ImproperlyConfigured(sentence)
