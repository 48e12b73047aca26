"""A worker that is there to be killed: forks a process that sweeps for ever for each line it reads.

Run with the settings of the worker. Forked before anything is connected, so that a new one sweeps at once.
"""

import os
import signal
import sys

import django

django.setup()

from bots.health.sweep import Plan, sweep  # noqa: E402 - Django comes first


def sweep_for_ever(lease: int) -> None:
    plan = Plan(interval=1, lease=lease, claim_for=lease / 2, timeout=lease * 2, concurrency=40)
    while True:
        sweep(plan)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            sweep_for_ever(int(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


main()
