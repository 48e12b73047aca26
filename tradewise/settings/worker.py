"""Worker and beat: the login that leases bots across tenants, and the only one that opens secrets."""

from tradewise.env import database
from tradewise.settings.base import *  # noqa: F403

# Celery closes connections around every task; a pool of connections would only add to that.
DATABASES = {"default": database("tw_worker", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)}
