"""A real, unmodified Freqtrade that trades on the simulated exchange: start it, wait for it, stop it."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewise.simulation import configuration
from tradewise.simulation.installation import ENVIRONMENT, executable, install

__all__ = ["Answer", "DemoBot", "EngineError", "install", "launch", "port_is_free"]

# Freqtrade needs two to four seconds to leave in good order.
PATIENCE = 15.0


class EngineError(Exception):
    """The bot did not come up; the sentence carries its own last error when it left one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot's REST API said. `body` is parsed JSON, or text where it is not JSON."""

    status: int
    content_type: str
    body: Any


def port_is_free(port: int) -> bool:
    """Freqtrade hangs for ever on a taken port, so it must be known before."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def launch(
    directory: Path,
    port: int,
    username: str,
    password: str,
    exchange_url: str,
    *,
    name: str = "TradeWise demo",
    changes: Mapping[str, Any] | None = None,
    environment: Path = ENVIRONMENT,
) -> subprocess.Popen[bytes]:
    """Write the configuration and start Freqtrade; it is ready only when `DemoBot.wait_ready` says so.

    `changes` replace top-level keys of the configuration. Credentials must be ASCII; they are passed in the
    environment and never written. Raises EngineError when Freqtrade is missing or the port is taken.
    """
    directory = directory.resolve()
    command = prepare(directory, port, exchange_url, name=name, changes=changes, environment=environment)
    # --logfile takes the log, in turns of 10 MB; this file shows why a start failed before there was a log.
    with (directory / "console.log").open("wb") as console:
        return subprocess.Popen(  # noqa: S603 (our own command line)
            command,
            env=variables(directory, username, password),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal reaches whoever started the bot, and only that one ends it.
            start_new_session=True,
        )


def prepare(
    directory: Path,
    port: int,
    exchange_url: str,
    *,
    name: str = "TradeWise demo",
    changes: Mapping[str, Any] | None = None,
    environment: Path = ENVIRONMENT,
) -> list[str]:
    """Write the configuration, and return the command line that runs the bot from an absolute directory.

    Raises EngineError when Freqtrade is missing or the port is taken.
    """
    program = executable(environment)
    if not program.is_file():
        raise EngineError("Freqtrade is not installed: run python -m tradewise.simulation.installation")
    if not port_is_free(port):
        raise EngineError(f"Port {port} is taken.")
    for folder in (directory, directory / "user_data"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = directory / "config.json"
    configuration.write(config, configuration.compose(name, port, exchange_url, changes or {}))
    return [
        *(str(program), "trade", "--dry-run", "--no-color"),
        *("--config", str(config)),
        *("--userdir", str(directory / "user_data")),
        *("--strategy", configuration.STRATEGY),
        *("--strategy-path", str(configuration.STRATEGIES)),
        *("--db-url", f"sqlite:///{directory / 'trades.sqlite'}"),
        *("--logfile", str(directory / "freqtrade.log")),
    ]


def variables(directory: Path, username: str, password: str) -> dict[str, str]:
    """Freqtrade's whole environment: nothing of ours leaks into it.

    It guesses types, and a secret of digits would become a number: ours begin with a letter.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FREQTRADE__API_SERVER__USERNAME": username,
        "FREQTRADE__API_SERVER__PASSWORD": password,
        "FREQTRADE__API_SERVER__JWT_SECRET_KEY": f"k{secrets.token_hex(32)}",
        "FREQTRADE__API_SERVER__WS_TOKEN": f"w{secrets.token_hex(16)}",
    }


@dataclass
class DemoBot:
    """One Freqtrade with its own directory, port and credentials. Trades survive a restart."""

    directory: Path
    port: int
    username: str
    password: str = field(repr=False)
    exchange_url: str
    name: str = "TradeWise demo"
    changes: Mapping[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        if self.is_running:
            raise EngineError("The bot is running already.")
        self.process = launch(
            self.directory,
            self.port,
            self.username,
            self.password,
            self.exchange_url,
            name=self.name,
            changes=self.changes,
        )

    def wait_ready(self, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the bot answers to its name and its credentials, and return its show_config.

        A port that answers proves nothing: it may belong to somebody else. Raises EngineError, and then
        the process is gone.
        """
        deadline = time.monotonic() + timeout
        while self.is_running and time.monotonic() < deadline:
            try:
                answer = self.ask("GET", "show_config")
            except OSError:
                answer = None
            if answer and answer.status == 200 and answer.body.get("bot_name") == self.name:
                return dict(answer.body)
            time.sleep(0.2)
        fate = "was not ready in time" if self.is_running else "ended by itself"
        self.stop()
        raise EngineError(f"The bot {fate}: {self.last_error()}")

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        password: str | None = None,
        timeout: float = 20.0,
    ) -> Answer:
        """One call of the REST API below /api/v1/. Raises OSError when nobody answers."""
        pair = f"{self.username}:{self.password if password is None else password}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1/{path}", content, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        content_type = response.headers.get_content_type()
        return Answer(
            response.status, content_type, json.loads(text) if content_type == "application/json" else text
        )

    def stop(self, patience: float = PATIENCE) -> int | None:
        """End the bot, by force after `patience` seconds; open trades stay in its database.

        Returns the exit code, which says little: Freqtrade leaves with 130 when it is asked to.
        """
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self) -> None:
        """As a crash or a power cut would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def last_error(self) -> str:
        """The last line of the log that Freqtrade itself calls an error, or its last word."""
        lines: list[str] = []
        for log in ("freqtrade.log", "console.log"):
            file = self.directory / log
            if file.is_file():
                lines = [line for line in file.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                break
        errors = [line for line in lines if " - ERROR - " in line]
        return (errors or lines or ["it left no log"])[-1][-300:]
