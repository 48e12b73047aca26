"""The simulated exchange on a socket, with the faults that a real one has.

Control, answered to loopback only and never counted:

    /_control/mode                          the present fault
    /_control/mode?set=ok|down|slow|429     a new one; `delay` is the seconds that `slow` waits (15)
    /_control/stats                         how often each path was asked since the start
"""

from __future__ import annotations

import ipaddress
import json
import threading
import time
import traceback
from collections import Counter
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tradewise.simulation.answers import ApiError, Json, Signature
from tradewise.simulation.dialect import Dialect


class Mode(StrEnum):
    OK = "ok"
    DOWN = "down"
    SLOW = "slow"
    THROTTLED = "429"


class Exchange(ThreadingHTTPServer):
    """One listening exchange. `mode` and `delay` may be changed from any thread while it serves."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], dialect: Dialect) -> None:
        self.dialect = dialect
        self.mode = Mode.OK
        self.delay = 15.0
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def count(self, path: str) -> None:
        with self._lock:
            # A bound, so that a scanner cannot fill the memory with invented paths.
            self._asked[path if path in self._asked or len(self._asked) < 100 else "others"] += 1

    def stats(self) -> dict[str, int]:
        with self._lock:
            return dict(self._asked)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up while it is answered is its own affair."""


class Handler(BaseHTTPRequestHandler):
    server: Exchange
    server_version = "SimulatedExchange"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60  # seconds that an idle connection is kept

    def do_GET(self) -> None:
        try:
            status, body = 200, self._answer()
        except ApiError as error:
            status, body = error.status, error.body()
        except Exception:  # noqa: BLE001 (whatever is wrong here, the client is told, and so are we)
            traceback.print_exc()
            status, body = 500, ApiError(500, -1000, "An unknown error occurred.").body()
        self._send(status, body)

    def _answer(self) -> Json:
        try:
            url = urlsplit(self.path)
            pairs = parse_qsl(url.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise ApiError(400, -1100, "Illegal characters found in a parameter.") from None
        parameters = dict(pairs)
        if len(parameters) < len(pairs):
            raise ApiError(400, -1101, "Duplicate values for a parameter detected.")
        if url.path.startswith("/_control/"):
            return self._control(url.path, parameters)
        self.server.count(url.path)
        self._fail_as_told()
        signature = Signature(url.query, self.headers.get("X-MBX-APIKEY"))
        return self.server.dialect.answer(url.path, parameters, signature)

    def _fail_as_told(self) -> None:
        match self.server.mode:
            case Mode.DOWN:
                raise ApiError(
                    503, -1001, "Internal error; unable to process your request. Please try again."
                )
            case Mode.THROTTLED:
                raise ApiError(429, -1003, "Too many requests; current limit of IP is 1 request per minute.")
            case Mode.SLOW:
                time.sleep(self.server.delay)
            case Mode.OK:
                pass

    def _control(self, path: str, parameters: dict[str, str]) -> Json:
        if not ipaddress.ip_address(self.client_address[0]).is_loopback:
            raise ApiError(404, -1000, "This endpoint does not exist on the simulated exchange.")
        if path == "/_control/stats":
            return dict(self.server.stats())
        if path != "/_control/mode":
            raise ApiError(404, -1000, "There is /_control/mode and /_control/stats.")
        try:
            delay = float(parameters.get("delay", self.server.delay))
            mode = Mode(parameters.get("set", self.server.mode))
        except ValueError:
            raise ApiError(400, -1130, "Use set=ok, down, slow or 429, and a delay in seconds.") from None
        if not 0 <= delay <= 60:
            raise ApiError(400, -1130, "A delay is between 0 and 60 seconds.")
        # Only what was asked for: a mere look must not put back a fault that was ended meanwhile.
        if "delay" in parameters:
            self.server.delay = delay
        if "set" in parameters:
            self.server.mode = mode
        return {"mode": mode.value, "delay": delay}

    def _send(self, status: int, answer: Json) -> None:
        body = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
        """Silence: a bot asks several times a second, and /_control/stats counts."""
