"""The connection that reads every tenant's trail: to verify it, and to keep its heads elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import connection as default

from tradewise.env import database_url


@contextmanager
def everything() -> Iterator[psycopg.Connection[Any]]:
    """A connection as `tw_backup`, the only login that sees every row, to read and nothing else.

    Raises CommandError with the way out where that login is not configured.
    """
    try:
        url = database_url("tw_backup")
    except ImproperlyConfigured as error:
        raise CommandError(f"The trail is read as the login of backups. {error}") from error
    name = default.settings_dict["NAME"]
    with psycopg.connect(url, dbname=name, options="-c default_transaction_read_only=on") as connection:
        yield connection
