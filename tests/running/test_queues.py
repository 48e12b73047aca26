"""What may take its time has a queue of its own, and each worker takes from one queue alone."""

import os
import subprocess
import sys

from django.conf import settings

from tradewise.celery import app
from tradewise.env import ROOT

ASKED = """
import django
django.setup()
from tradewise.celery import app
for queue in app.amqp.queues.values():
    print(queue.name, queue.exchange.name, queue.routing_key)
"""


def queues_of(tasks: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker",
        "WORKER_TASKS": tasks,
    }
    return subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, cwd=ROOT, capture_output=True, text=True
    )


def test_slow_tasks_are_tasks_that_beat_asks_for() -> None:
    app.loader.import_default_modules()
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert set(settings.SLOW_TASKS) <= asked <= set(app.tasks)


def test_a_task_goes_where_a_worker_of_its_kind_takes_it() -> None:
    of_kind = {kind: queues_of(kind).stdout.split() for kind in ("quick", "slow")}
    for entry in app.conf.beat_schedule.values():
        kind = "slow" if entry["task"] in settings.SLOW_TASKS else "quick"
        queue = app.amqp.router.route({}, entry["task"])["queue"]
        assert of_kind[kind] == [queue.name, queue.exchange.name, queue.routing_key]


def test_a_worker_of_no_kind_refuses_to_start() -> None:
    refused = queues_of("both")
    assert refused.returncode != 0
    assert "WORKER_TASKS is quick or slow, and not 'both'." in refused.stderr
