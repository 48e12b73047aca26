"""The Celery app and beat's schedule, in code and reviewed: nobody schedules a task at run time."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradewise.settings.worker")

app = Celery("tradewise")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Seconds between two ticks. The database is the queue: a tick that is missed or doubled costs nothing.
TICK = 2.0

app.conf.beat_schedule = {
    "sweep": {"task": "bots.sweep", "schedule": TICK, "options": {"expires": TICK}},
    "deliver": {"task": "tradewise.deliver_outbox", "schedule": TICK, "options": {"expires": TICK}},
    "sessions": {"task": "accounts.forget_sessions", "schedule": 3600.0, "options": {"expires": 600}},
    "partitions": {"task": "bots.keep_partitions", "schedule": 3600.0, "options": {"expires": 600}},
}
