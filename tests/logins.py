"""Another process's login, for the tests of what that process does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from tests import servers
from tradewise.env import database


@contextmanager
def as_login(login: str, name: str | None = None) -> Iterator[None]:
    """Make `login` the default connection's, in the database `name` or this process's own.

    Needs a transactional test: what another connection has not committed is not seen here.
    """
    connection = connections["default"]
    before = dict(connection.settings_dict)
    connection.close()
    config = database(login)
    connection.settings_dict.update({key: config[key] for key in ("USER", "PASSWORD", "HOST", "PORT")})
    connection.settings_dict["OPTIONS"] = config["OPTIONS"]
    connection.settings_dict["NAME"] = name or servers.process_database()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)
