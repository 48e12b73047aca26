"""A worker that is there to be killed: forks a process that reconciles for ever for each line it reads.

Run with the settings of the worker. A line is the machine as JSON, with `environment` of the played Freqtrade; with
`ticks` it reconciles so often and ends. Forked before anything is connected, so that a new one begins at once.
"""

import json
import os
import signal
import sys
from pathlib import Path

import django

django.setup()

from django.db import connections  # noqa: E402 - Django comes first

from bots.reconciler import leased, reconcile  # noqa: E402
from bots.reconciler.machine import Machine  # noqa: E402
from bots.runtimes.process import ProcessRuntime  # noqa: E402


def work(line: str) -> None:
    told = json.loads(line)
    environment, ticks = Path(told.pop("environment")), told.pop("ticks", 10**9)
    leased.LEASE_SECONDS = told.pop("lease", leased.LEASE_SECONDS)  # type: ignore[misc]
    first, last = told.pop("ports")
    machine = Machine(ports=range(first, last + 1), directory=Path(told.pop("directory")), **told)
    runtime = ProcessRuntime(machine.directory, environment=environment)
    for _ in range(ticks):
        reconcile(machine, runtime)
    connections.close_all()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            # As celery's children: who is waited for is told.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            work(line)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


main()
