"""Where settings come from: the environment first, the embedded servers under `var/` second.

The same code serves both. With `DATABASE_URL` and `REDIS_URL` set, those servers are used; with
neither, `var/embedded.json`, which `make run` writes, says where the project's own ones listen.
"""

import json
import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

#: The database login of each process, and the variable that names its URL.
LOGINS = {
    "tw_app": "DATABASE_URL",
    "tw_staff": "DATABASE_URL_STAFF",
    "tw_worker": "DATABASE_URL_WORKER",
    "tw_migrator": "DATABASE_URL_MIGRATOR",
    "tw_backup": "DATABASE_URL_BACKUP",
    "tw_admin": "DATABASE_URL_ADMIN",
}


def var_directory() -> Path:
    """The directory of everything that a run leaves behind."""
    return Path(os.environ.get("TRADEWISE_VAR") or ROOT / "var")


def is_embedded() -> bool:
    """Whether the project runs its own PostgreSQL and Redis."""
    return not (os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"))


@cache
def embedded() -> dict[str, Any]:
    """What the embedded servers wrote about themselves; a sentence where they never ran."""
    path = var_directory() / "embedded.json"
    try:
        return cast("dict[str, Any]", json.loads(path.read_text()))
    except FileNotFoundError:
        raise ImproperlyConfigured(
            "There is no database yet. Run `make run` once, which starts one of its own, "
            "or set DATABASE_URL and REDIS_URL to servers that you run."
        ) from None


def database_url(login: str) -> str:
    """The URL under which `login` reaches the database.

    Raises ImproperlyConfigured with the name of the missing variable.
    """
    variable = LOGINS[login]
    if url := os.environ.get(variable):
        return url
    if not is_embedded():
        raise ImproperlyConfigured(f"Set {variable}: the URL under which {login} reaches PostgreSQL.")
    server = embedded()["postgres"]
    password = quote(server["passwords"][login], safe="")
    name = os.environ.get("TRADEWISE_DATABASE") or server["database"]
    return f"postgres://{login}:{password}@{server['host']}:{server['port']}/{name}"


def database(login: str, **options: Any) -> dict[str, Any]:
    """Django's settings for the connection of this process, made as `login`."""
    config = cast("dict[str, Any]", env.db_url_config(database_url(login)))
    config["ENGINE"] = "django.db.backends.postgresql"
    config.setdefault("OPTIONS", {}).update(
        {"application_name": login, "connect_timeout": 5, **options.pop("OPTIONS", {})}
    )
    # Server-side cursors outlive a transaction, which PgBouncer in transaction mode does not allow.
    config["DISABLE_SERVER_SIDE_CURSORS"] = True
    config.update(options)
    return config


def redis_url(*, number: int = 0) -> str:
    """The URL of Redis; `number` picks the logical database (0 broker, 1 cache)."""
    url = os.environ.get("REDIS_URL") or (embedded()["redis"]["url"] if is_embedded() else "")
    if not url:
        raise ImproperlyConfigured("Set REDIS_URL: the address of Redis.")
    head, _, last = url.rpartition("/")
    return f"{head}/{number}" if last.isdigit() else f"{url.rstrip('/')}/{number}"


def secret_key() -> str:
    """Django's SECRET_KEY; it signs sessions and links and seals nothing."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    if is_embedded():
        return str(embedded()["secret_key"])
    raise ImproperlyConfigured("Set SECRET_KEY to a long random string that only this installation knows.")


def networks(variable: str) -> list[str]:
    """The CIDRs in a variable, empty where it is unset. Raises ImproperlyConfigured for what is none."""
    cidrs = [text.strip() for text in os.environ.get(variable, "").split(",") if text.strip()]
    for cidr in cidrs:
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            raise ImproperlyConfigured(f"{variable} holds {cidr!r}, which is no network.") from None
    return cidrs


def outbox_email(directory: Path) -> dict[str, Any]:
    """How the worker sends mail: by the server that OUTBOX_EMAIL_URL names, else as files in `directory`."""
    url = os.environ.get("OUTBOX_EMAIL_URL")
    if not url:
        return {"backend": "tradewise.outbox.files.EmlBackend", "directory": directory}
    parts = cast("dict[str, Any]", env.email_url_config(url))
    options = {
        "backend": parts["EMAIL_BACKEND"],
        "host": parts.get("EMAIL_HOST"),
        "port": parts.get("EMAIL_PORT"),
        "username": parts.get("EMAIL_HOST_USER"),
        "password": parts.get("EMAIL_HOST_PASSWORD"),
        "use_tls": parts.get("EMAIL_USE_TLS"),
        "use_ssl": parts.get("EMAIL_USE_SSL"),
        "timeout": 20,
    }
    return {name: value for name, value in options.items() if value is not None}
