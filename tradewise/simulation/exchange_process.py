"""The simulated exchange as a child process, for tests and whoever needs one for a while."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import dataclass, field

from tradewise.simulation.installation import ROOT


@dataclass
class ExchangeProcess:
    """`start` takes a free port the first time and the same one ever after."""

    seed: int = 42
    volatility: float = 0.0012
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the exchange listens. Raises OSError when it cannot."""
        options = {"--port": self.port, "--seed": self.seed, "--volatility": self.volatility}
        words = [str(word) for pair in options.items() for word in pair]
        self.process = subprocess.Popen(  # noqa: S603 (our own command line)
            [sys.executable, "-m", "tradewise.simulation.exchange", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise OSError(f"The exchange ended with {self.process.wait()}.")
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def ok(self) -> None:
        self.control("mode?set=ok")

    def down(self) -> None:
        """Every request is answered with 503; `stop` makes the exchange refuse connections."""
        self.control("mode?set=down")

    def slow(self, delay: float = 15.0) -> None:
        self.control(f"mode?set=slow&delay={delay}")

    def throttled(self) -> None:
        self.control("mode?set=429")

    def stats(self) -> dict[str, int]:
        return self.control("stats")

    def control(self, path: str) -> dict[str, int]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", f"/_control/{path}")
            response = connection.getresponse()
            body: dict[str, int] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(str(body))
        return body
