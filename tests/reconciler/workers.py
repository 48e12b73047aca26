"""Real processes that reconcile as the worker does, beside the one of the test."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import servers
from tests.reconciler.conftest import Fleet


class Workers:
    """Starts workers, and kills them."""

    def __init__(self, forks: "subprocess.Popen[str]", fleet: Fleet) -> None:
        self.forks = forks
        self.fleet = fleet
        self.pids: list[int] = []

    def start(self, **options: Any) -> int:
        machine = self.fleet.machine
        told = {name: getattr(machine, name) for name in machine.__slots__}
        told["ports"] = [machine.ports[0], machine.ports[-1]]
        told["directory"], told["environment"] = str(machine.directory), str(self.fleet.runtime.environment)
        told |= options
        assert self.forks.stdin is not None
        assert self.forks.stdout is not None
        print(json.dumps(told), file=self.forks.stdin, flush=True)
        self.pids.append(int(self.forks.stdout.readline()))
        return self.pids[-1]

    def kill(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.wait(pid)

    def wait(self, pid: int, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while Path("/proc", str(pid)).exists():
            assert time.monotonic() < deadline, "a worker goes on"
            time.sleep(0.002)


@contextmanager
def workers_of(fleet: Fleet) -> Iterator[Workers]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker",
        "TRADEWISE_DATABASE": servers.process_database(),
        "PYTHONPATH": str(servers.ROOT),
    }
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("killed_worker.py")],
        env=environment,
        cwd=servers.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forks:
        workers = Workers(forks, fleet)
        try:
            yield workers
        finally:
            for pid in workers.pids:
                workers.kill(pid)
            assert forks.stdin is not None
            forks.stdin.close()
