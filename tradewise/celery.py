"""The Celery app and beat's schedule, in code and reviewed: nobody schedules a task at run time."""

import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradewise.settings.worker")

app = Celery("tradewise")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Seconds between two ticks. The database is the queue: a tick that is missed or doubled costs nothing.
TICK = 2.0
#: Seconds between two rounds of seals over the audit trail.
SEAL = 5.0
#: Seconds between two looks for subscriptions that have started.
STARTS = 5.0
#: Seconds between two looks for subscriptions whose result is due.
RESULTS = 30.0
#: Seconds between two turns of templates' records, each of some templates.
RECORDS = 10.0

app.conf.beat_schedule = {
    "sweep": {"task": "bots.sweep", "schedule": TICK, "options": {"expires": TICK}},
    "reconcile": {"task": "bots.reconcile", "schedule": TICK, "options": {"expires": TICK}},
    "deliver": {"task": "tradewise.deliver_outbox", "schedule": TICK, "options": {"expires": TICK}},
    "webhooks": {"task": "accounts.post_webhooks", "schedule": TICK, "options": {"expires": TICK}},
    "started": {"task": "subscriptions.tell_started", "schedule": STARTS, "options": {"expires": STARTS}},
    "results": {"task": "subscriptions.reckon", "schedule": RESULTS, "options": {"expires": RESULTS}},
    "seal": {"task": "audit.seal", "schedule": SEAL, "options": {"expires": SEAL}},
    "records": {"task": "marketplace.keep_records", "schedule": RECORDS, "options": {"expires": RECORDS}},
    "prices": {"task": "marketplace.keep_prices", "schedule": 60.0, "options": {"expires": 60}},
    "audit-partitions": {"task": "audit.keep_partitions", "schedule": 3600.0, "options": {"expires": 600}},
    "sessions": {"task": "accounts.forget_sessions", "schedule": 3600.0, "options": {"expires": 600}},
    "notifications": {
        "task": "accounts.forget_notifications",
        "schedule": 3600.0,
        "options": {"expires": 600},
    },
    "partitions": {"task": "bots.keep_partitions", "schedule": 3600.0, "options": {"expires": 600}},
}


@worker_init.connect
def refuse_unsafe_worker(**_: object) -> None:
    """End at once under a login that row-level security does not bind."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connection

    from tradewise.tenancy.checks import refuse_unsafe_login

    try:
        refuse_unsafe_login()
    except ImproperlyConfigured as error:
        # Celery swallows what a signal's receiver raises, but for this.
        raise SystemExit(str(error)) from None
    finally:
        connection.close()
