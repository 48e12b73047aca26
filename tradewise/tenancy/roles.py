"""The database roles: one login per process, and the owners that nobody logs in as.

Runs as a superuser, before the first migration, on every kind of server. It may be run again at any
time: it mends what has drifted and never removes anything.
"""

from collections.abc import Mapping

import psycopg
from psycopg import sql

OWNER, CATALOG, DOOR, AUDIT = "tw_owner", "tw_catalog", "tw_door", "tw_audit"

#: What each login is, beside what tables grant it. None is a superuser, none may grant anything on.
LOGINS = {
    "tw_app": "NOINHERIT NOBYPASSRLS",
    "tw_staff": "NOINHERIT NOBYPASSRLS",
    "tw_worker": "NOINHERIT NOBYPASSRLS",
    "tw_migrator": "INHERIT NOBYPASSRLS",
    "tw_backup": "INHERIT BYPASSRLS",
}
_PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
_LOCK = 8_233_719_220_114_541  # any number; two that run this at once take turns


def create_logins(admin_dsn: str, passwords: Mapping[str, str], database: str) -> None:
    """Create roles, logins and the database as far as they are not there.

    `admin_dsn` is a superuser's connection to any database but `database`. A login that is not in
    `passwords` keeps the password that it has. Raises psycopg.Error.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        for role in (OWNER, CATALOG, DOOR, AUDIT):
            _ensure_role(connection, role, f"NOLOGIN NOINHERIT NOBYPASSRLS {_PLAIN}")
        for login, attributes in LOGINS.items():
            _ensure_role(connection, login, f"LOGIN {attributes} {_PLAIN}")
            if login in passwords:
                _set_password(connection, login, passwords[login])
        _grant_memberships(connection)
        create_database(connection, database)


def create_database(connection: psycopg.Connection, database: str) -> None:
    """Create a database of ours, owned by `tw_owner`, that only our logins may enter."""
    name, owner = sql.Identifier(database), sql.Identifier(OWNER)
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    if not found:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(name, owner)
        )
    # Without this every login of the cluster could enter, and fill the disk with temporary tables.
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for login in LOGINS:
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(login)))


def _ensure_role(connection: psycopg.Connection, role: str, attributes: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if found else "CREATE")
    connection.execute(sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(role), sql.SQL(attributes)))


def _set_password(connection: psycopg.Connection, login: str, password: str) -> None:
    """The server sees a SCRAM verifier, never the password: it may log statements."""
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(verifier.decode()))
    )


def _grant_memberships(connection: psycopg.Connection) -> None:
    # Everything that a migration makes belongs to the owner, whoever the migrator is.
    connection.execute(f"GRANT {OWNER} TO tw_migrator WITH INHERIT TRUE, SET TRUE, ADMIN FALSE")
    connection.execute(f"ALTER ROLE tw_migrator SET role = '{OWNER}'")
    # The owner may hand a function over to them, and inherits nothing that policies give them.
    for role in (CATALOG, DOOR, AUDIT):
        connection.execute(f"GRANT {role} TO {OWNER} WITH INHERIT FALSE, SET TRUE, ADMIN FALSE")
    connection.execute("GRANT pg_read_all_data TO tw_backup")
