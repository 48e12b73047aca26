"""The trader site: the login that sees one tenant at a time."""

from tradewise.env import database, env
from tradewise.settings.base import *  # noqa: F403

# This process seals secrets and never opens one, even where it could read the key file.
SEAL_OPENS = False

DATABASES = {
    "default": database(
        "tw_app",
        # Connections are pooled in the web processes alone; the pool tests one before it lends it.
        CONN_HEALTH_CHECKS=True,
        OPTIONS={
            "pool": {
                "min_size": 2,
                "max_size": env.int("DATABASE_POOL_SIZE", default=20),
                "timeout": 5,
            }
        },
    )
}
