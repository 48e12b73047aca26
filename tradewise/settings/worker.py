"""Worker and beat: the login that leases bots across tenants, and the only one that opens secrets."""

from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue

from tradewise.env import database, env
from tradewise.settings.base import *  # noqa: F403

#: Which tasks a worker takes: "quick" ones, or "slow" ones. Each needs one worker at least.
WORKER_TASKS = env.str("WORKER_TASKS", default="quick")
if WORKER_TASKS not in ("quick", "slow"):
    raise ImproperlyConfigured(f"WORKER_TASKS is quick or slow, and not {WORKER_TASKS!r}.")
_queue = SLOW_QUEUE if WORKER_TASKS == "slow" else CELERY_TASK_DEFAULT_QUEUE  # noqa: F405
# As Celery makes those of a route by itself: otherwise this one would be bound to what goes to the other.
CELERY_TASK_QUEUES = [Queue(_queue, Exchange(_queue), routing_key=_queue)]

# Celery closes connections around every task; a pool of connections would only add to that.
DATABASES = {"default": database("tw_worker", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)}
