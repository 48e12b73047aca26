"""Plays a Docker daemon for tests, and is strict where a real one is lenient: `docker_rules` are its rules.

What a request violates is kept, and tests assert that there is nothing. Status codes and the form of errors are those
of the Engine API 1.44, the words of errors moby's. It is no daemon: that containers start, that limits hold and that
ports answer is not shown by any test on it.
"""

import json
import re
import secrets
import socket
import socketserver
import struct
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.runtimes.docker_rules import API, ROUTES, Route, truth, wrong_in_content, wrong_in_query

ALIVE = ("running", "paused", "restarting")


@dataclass
class Container:
    """A played container, and the request that made it."""

    id: str
    name: str
    body: dict[str, Any]
    status: str = "created"
    exit_code: int = 0
    out_of_memory: bool = False
    output: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def ports(self) -> set[str]:
        """What it takes on the machine while it runs."""
        bindings = self.body["HostConfig"].get("PortBindings", {}).values()
        return {binding["HostPort"] for found in bindings for binding in found}

    def signal(self, name: str) -> None:
        """Ends at once, unless it is frozen: then the signal waits. That is how cgroup v1 treats SIGKILL, too."""
        if self.status == "paused":
            self.pending.append(name)
        else:
            self.status, self.exit_code = "exited", 137 if name in ("SIGKILL", "9") else 130


class Refused(Exception):  # noqa: N818
    """An answer of the API that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class DockerEngine:
    """Containers by id, what was asked, what of it was wrong, and failures to be played."""

    def __init__(self, images: set[str]) -> None:
        self.images, self.ports = images, set[str]()
        self.containers: dict[str, Container] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.violations: list[str] = []
        self.newest = API
        self._failures: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._meanwhile: defaultdict[str, list[Callable[[], Any]]] = defaultdict(list)
        self._delays: dict[str, float] = {}
        self._lock = threading.RLock()

    def fail(self, operation: str, status: int, message: str) -> None:
        """Answer the next such request so, and do nothing."""
        self._failures[operation].append((status, message))

    def slow(self, operation: str, seconds: float) -> None:
        """Do what such requests ask, and answer late."""
        self._delays[operation] = seconds

    def meanwhile(self, operation: str, happens: Callable[[], Any]) -> None:
        """Something that happens just before the next such request is read."""
        self._meanwhile[operation].append(happens)

    def make(self, name: str, body: dict[str, Any], status: str = "created") -> Container:
        """A container that somebody else has made."""
        made = Container(secrets.token_hex(32), name, body, status)
        self.containers[made.id] = made
        return made

    def count(self, operation: str) -> int:
        """How often it was asked."""
        return sum(1 for name, _ in self.asked if name == operation)

    def answer(self, method: str, target: str, kind: str, content: bytes) -> tuple[int, Any]:
        """Status and body; the body of a log is bytes."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        found = re.fullmatch(r"/v(\d+\.\d+)(/.*)", parts.path)
        if not found:
            return self._violated(f"{method} {parts.path} names no version of the API")
        asked, path = found.groups()
        if float(asked) > float(self.newest):
            message = f"client version {asked} is too new. Maximum supported API version is {self.newest}"
            return 400, {"message": message}
        if asked != API:
            return self._violated(f"the rules here are of version {API}, and {asked} was asked for")
        for route in ROUTES:
            if route.method == method and (match := re.fullmatch(route.path, path)):
                return self._routed(route, unquote("".join(match.groups())), query, kind, content)
        return self._violated(f"{method} {path} is no such path")

    def _violated(self, sentence: str) -> tuple[int, Any]:
        self.violations.append(sentence)
        return 404, {"message": "page not found"}

    def _routed(
        self, route: Route, container: str, query: dict[str, str], kind: str, content: bytes
    ) -> tuple[int, Any]:
        self.violations += [*wrong_in_query(route, query), *wrong_in_content(route, kind, content)]
        for happens in self._meanwhile.pop(route.operation, []):
            happens()
        with self._lock:
            self.asked.append((route.operation, query))
            try:
                answer = self._perform(route.operation, container, query, content)
                # 304: it is already so
                status, body = (304, None) if answer == 304 else (route.status, answer)
            except Refused as refused:
                status, body = refused.status, {"message": refused.message}
        time.sleep(self._delays.get(route.operation, 0))
        return status, body

    def _perform(self, operation: str, container: str, query: dict[str, str], content: bytes) -> Any:
        if self._failures[operation]:
            raise Refused(*self._failures[operation].pop(0))
        if operation == "list":
            return self._list(json.loads(query.get("filters", "{}")), truth(query.get("all")))
        if operation == "create":
            return self._create(query.get("name", secrets.token_hex(4)), json.loads(content))
        return getattr(self, f"_{operation}")(self._container(container), query)

    def _container(self, name: str) -> Container:
        for found in self.containers.values():
            if name in (found.name, found.id) or (len(name) >= 12 and found.id.startswith(name)):
                return found
        raise Refused(404, f"No such container: {name}")

    def _list(self, filters: dict[str, list[str]], everything: bool) -> list[dict[str, Any]]:
        """Filters by label alone, of which all must fit."""
        return [
            {"Id": found.id, "Names": [f"/{found.name}"], "State": found.status, "Labels": labels}
            for found in self.containers.values()
            if (everything or found.status in ALIVE)
            and (labels := found.body.get("Labels", {})) is not None
            and all(
                labels.get(part.partition("=")[0]) == part.partition("=")[2]
                for part in filters.get("label", [])
            )
        ]

    def _create(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        for found in self.containers.values():
            if found.name == name:
                message = (
                    f'Conflict. The container name "/{name}" is already in use by container "{found.id}".'
                )
                raise Refused(409, message)
        if body.get("Image") not in self.images:
            raise Refused(404, f"No such image: {body.get('Image')}")
        for mount in body.get("HostConfig", {}).get("Mounts", []):
            if mount["Type"] == "bind" and not Path(mount["Source"]).exists():
                message = f'invalid mount config for type "bind": bind source path does not exist: {mount["Source"]}'
                raise Refused(400, message)
        return {"Id": self.make(name, body).id, "Warnings": []}

    def _inspect(self, found: Container, _: dict[str, str]) -> dict[str, Any]:
        running = found.status in ALIVE
        state = {
            "Status": found.status,
            "Running": running,
            "Paused": found.status == "paused",
            "Restarting": found.status == "restarting",
            "OOMKilled": found.out_of_memory,
            "Dead": found.status == "dead",
            "ExitCode": found.exit_code,
            "Error": "",
        }
        config = {key: value for key, value in found.body.items() if key != "HostConfig"}
        host = {"Memory": 0, **found.body.get("HostConfig", {})}
        return {
            "Id": found.id,
            "Name": f"/{found.name}",
            "State": state,
            "Config": config,
            "HostConfig": host,
        }

    def _start(self, found: Container, _: dict[str, str]) -> int | None:
        if found.status in ("running", "restarting"):
            return 304
        if found.status == "paused":
            raise Refused(409, "cannot start a paused container, try unpause instead")
        busy = {
            port for other in self.containers.values() if other.status == "running" for port in other.ports
        }
        for port in found.ports & (self.ports | busy):
            cause = f"Bind for 127.0.0.1:{port} failed: port is already allocated"
            endpoint = f"{found.name} ({secrets.token_hex(32)})"
            raise Refused(
                500, f"driver failed programming external connectivity on endpoint {endpoint}: {cause}"
            )
        found.status = "running"
        return None

    def _kill(self, found: Container, query: dict[str, str]) -> None:
        if found.status not in ALIVE:
            raise Refused(409, f"Container {found.id} is not running")
        found.signal(query.get("signal", "SIGKILL"))

    def _unpause(self, found: Container, _: dict[str, str]) -> None:
        if found.status != "paused":
            raise Refused(500, f"Container {found.id} is not paused")
        found.status = "running"
        for name in found.pending:
            found.signal(name)

    def _remove(self, found: Container, query: dict[str, str]) -> None:
        if found.status == "removing":
            raise Refused(409, f"removal of container {found.id} is already in progress")
        if found.status in ALIVE and not truth(query.get("force")):
            message = "container is running: stop the container before removing or force remove"
            raise Refused(409, f'cannot remove container "/{found.name}": {message}')
        del self.containers[found.id]

    def _stats(self, found: Container, _: dict[str, str]) -> dict[str, Any]:
        nothing = {"memory_stats": {}, "cpu_stats": {"cpu_usage": {"total_usage": 0}}}
        return found.stats if found.status in ("running", "paused") else nothing

    def _logs(self, found: Container, query: dict[str, str]) -> bytes:
        tail = query.get("tail", "all")
        lines = found.output if tail == "all" else found.output[-int(tail) :]
        frames = [f"{line}\n".encode() for line in lines]
        return b"".join(struct.pack(">BxxxL", 1, len(frame)) + frame for frame in frames)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            kind = self.headers.get("Content-Type") or ""
            status, body = self.server.engine.answer(self.command, self.path, kind, content)
        except Exception as error:
            self.server.engine.violations.append(f"{self.command} {self.path}: {error!r}")
            raise
        raw = isinstance(body, bytes)
        sent = body if raw else json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header(
            "Content-Type", "application/vnd.docker.multiplexed-stream" if raw else "application/json"
        )
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Silent."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    engine: DockerEngine

    def __init__(self, path: str) -> None:
        super().__init__(path, _Handler)
        self.connections: list[Any] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, which its client may keep."""
        self.connections.append(request)
        super().process_request(request, client_address)

    def end_connections(self) -> None:
        """As when a daemon ends."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        """A client that waited no longer; what else went wrong is a violation."""


@contextmanager
def served(engine: DockerEngine) -> Iterator[Path]:
    """The path of its socket while it answers there."""
    # Not below tmp_path: the name of a socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="tw-docker-") as directory:
        path = Path(directory) / "docker.sock"
        server = _Server(str(path))
        server.engine = engine
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            server.server_close()
            server.end_connections()
            thread.join()
