"""Engines in containers, by the Docker daemon of this machine. `docs/docker.md` says what that takes and gives.

The rules are those of the Engine API 1.44, which Docker Engine 25 and newer speak; no daemon is asked which it has.
"""

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from docker.api.client import APIClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from bots.runtimes.base import BOT_ID, Launch, RuntimeRefused, Seen, Usage
from bots.runtimes.container import BOT, HOST, MB, Blueprint, command
from tradewise.simulation import configuration

T = TypeVar("T")

API: Final = "1.44"
#: As in `process`: what a directory of a bot that is gone is renamed to, which is no id, and for how long it is kept.
ASIDE, ASIDE_SECONDS = ".gone-", 7 * 24 * 3600
LOG_BYTES: Final = 256 * 1024
#: How often a launch looks again at containers that come and go meanwhile.
ATTEMPTS: Final = 5


FULL: Final = "The disk of the machine is full."
MEMORYLESS: Final = "The machine has no memory left for this engine."
#: What Docker says, and what a person is told. Docker's own words hold paths and are never passed on.
SAID: Final = (
    ("no space left on device", FULL),
    ("cannot allocate memory", MEMORYLESS),
    ("out of memory", MEMORYLESS),
    ("range of cpus", "The machine has fewer processors than one engine is to have."),
    (
        "bind source path does not exist",
        "Docker does not see the worker's files; both must be on one machine.",
    ),
    (
        "maximum supported api version",
        f"Docker on this machine is too old: it must speak version {API} of its API.",
    ),
)


class _Gone(Exception):  # noqa: N818 - an answer rather than an error
    """There is no such container."""


class _Conflict(Exception):  # noqa: N818
    """The container is not in the state that was asked for: somebody else was at it."""


@dataclass(frozen=True, slots=True)
class _Container:
    id: str
    bot_id: str
    host: str
    status: str
    memory: int
    out_of_memory: bool

    @property
    def alive(self) -> bool:
        """A frozen engine is alive. One that was made and never started is not."""
        return self.status in ("running", "paused", "restarting")


class DockerRuntime:
    """One container for each engine, limited to `memory_mb` and `cpus`; it is made anew for each launch.

    `directory` is where the bots' directories are, `strategies` the repository's `bots/strategies`. `image` names the
    image by its digest, `base_url` the daemon. `user` is the image's own; the worker must be that user, or root.
    Each process makes its own: connections do not survive a fork.
    """

    name = "docker"

    def __init__(
        self,
        *,
        directory: Path,
        image: str,
        host: str,
        memory_mb: int,
        cpus: float,
        base_url: str,
        strategies: Path,
        timeout: float,
        user: int = 1000,
    ) -> None:
        self._blueprint = Blueprint(host, image, memory_mb, cpus, user, strategies.resolve())
        self._directories, self._timeout = directory.resolve(), timeout
        self._client = _client(base_url, timeout)

    def launch(self, order: Launch) -> Seen:
        """Start the engine in a new container, unless one lives. Where Docker does not answer in time, it may still
        have started it: the next look sees it.
        """
        with self._alone(order.bot_id) as directory:
            for _ in range(ATTEMPTS):
                found = self._find(order.bot_id)
                if found and found.alive:
                    return Seen(alive=True, handle=found.id)
                try:
                    if found:
                        self._ask(partial(self._client.remove_container, found.id, v=True))
                    return self._begin(order, directory)
                except (_Gone, _Conflict):
                    time.sleep(0.1)
        raise RuntimeRefused("Docker is still busy with the former container of this bot.")

    def look(self, bot_id: str) -> Seen:
        """Whether the bot's container runs, be it frozen."""
        found = self._find(bot_id)
        return Seen(alive=True, handle=found.id) if found and found.alive else Seen(alive=False)

    def end(self, bot_id: str, *, by_force: bool = False) -> None:
        """Send the signal; the container stays, with how it ended."""
        found = self._find(bot_id)
        if not found or not found.alive:
            return
        if found.status == "paused":
            # What is frozen receives no signal, and depending on the kernel not even the last one.
            with suppress(RuntimeRefused, _Gone, _Conflict):
                self._ask(partial(self._client.unpause, found.id))
        with suppress(_Gone, _Conflict):
            self._ask(partial(self._client.kill, found.id, "SIGKILL" if by_force else "SIGTERM"))

    def usage(self, bot_id: str) -> Usage | None:
        """As `docker stats` counts: without the files that the kernel would give up for the asking."""
        found = self._find(bot_id)
        if not found or not found.alive:
            return None
        try:
            return self._ask(partial(self._measure, found.id))
        except _Gone:
            return None

    def _measure(self, container: str) -> Usage | None:
        # Without one_shot the daemon waits for a second value to compare with, which takes two seconds.
        seen = self._client.stats(container, stream=False, one_shot=True)
        memory = seen["memory_stats"]
        if "usage" not in memory:
            return None  # it ended meanwhile
        # The first is how cgroup v1 calls it, the second v2.
        details = memory.get("stats") or {}
        files = details.get("total_inactive_file", details.get("inactive_file", 0))
        nanoseconds = seen["cpu_stats"]["cpu_usage"]["total_usage"]
        return Usage(memory=max(memory["usage"] - files, 0), cpu=nanoseconds / 1_000_000_000)

    def log(self, bot_id: str, lines: int = 200) -> list[str]:
        """Freqtrade's log since the launch; what the container said where Freqtrade did not come that far."""
        if lines < 1:
            return []
        text = _tail(self._directory(bot_id) / "freqtrade.log")
        if not text and (found := self._find(bot_id)):
            with suppress(_Gone):
                text = self._ask(partial(self._client.logs, found.id, tail=lines))
        return text.decode("utf-8", "replace").splitlines()[-lines:]

    def ended_because(self, bot_id: str) -> str:
        """A finished sentence where the machine knows why the engine ended and its log cannot; else empty."""
        found = self._find(bot_id)
        if not found or found.alive or not found.out_of_memory:
            return ""
        limit = found.memory // MB
        return f"It used more memory than its limit of {limit} MB and was ended by the machine."

    def present(self) -> set[str]:
        """Bots with a container of this machine's label, and with a directory. What was put aside for long goes."""
        kept = self._ask(self._labelled)
        with suppress(FileNotFoundError):
            for entry in list(self._directories.iterdir()):
                _clear_away(entry)
                if entry.is_dir() and not entry.is_symlink():
                    kept.add(entry.name)
        return {bot_id for bot_id in kept if BOT_ID.fullmatch(bot_id)}

    def _labelled(self) -> set[str]:
        ours = {"label": f"{HOST}={self._blueprint.host}"}
        found = [item["Labels"] or {} for item in self._client.containers(all=True, filters=ours)]
        return {labels[BOT] for labels in found if BOT in labels}

    def remove(self, bot_id: str) -> None:
        """Remove the container, and put the directory aside for a week: trades are not lost by one wrong click."""
        still = RuntimeRefused("The engine of this bot still runs, so nothing of it was removed.")
        with self._alone(bot_id) as directory:
            found = self._find(bot_id)
            if found and found.alive:
                raise still
            if found:
                try:
                    self._ask(partial(self._client.remove_container, found.id, v=True))
                except _Conflict:
                    raise still from None
                except _Gone:
                    pass
            _on_disk(partial(_put_aside, directory))

    def _begin(self, order: Launch, directory: Path) -> Seen:
        _on_disk(partial(self._prepare, order, directory))
        made = self._ask(partial(self._create, order, directory, command(order)))
        try:
            self._ask(partial(self._client.start, made), port=order.port)
        except (RuntimeRefused, _Gone, _Conflict):
            # By its id, so that nobody else's container is hit; nothing half made stays.
            with suppress(RuntimeRefused, _Gone, _Conflict):
                self._ask(partial(self._client.remove_container, made, v=True, force=True))
            raise
        return Seen(alive=True, handle=made)

    def _prepare(self, order: Launch, directory: Path) -> None:
        """Write what the engine reads. An old log is put aside, so that the log is always this engine's."""
        user = self._blueprint.user
        if os.geteuid() not in (0, user):
            sentence = f"Engines in Docker run as user {user}: the worker must run as that user, or as root."
            raise RuntimeRefused(sentence, final=True)
        config, data, log = directory / "config.json", directory / "user_data", directory / "freqtrade.log"
        with suppress(FileNotFoundError):
            log.replace(directory / "freqtrade.before.log")
        data.mkdir(mode=0o700, exist_ok=True)
        configuration.write(config, order.config)
        if os.geteuid() == 0:
            for path in (directory, data, config):
                os.chown(path, user, user, follow_symlinks=False)

    def _create(self, order: Launch, directory: Path, words: list[str]) -> str:
        """The id of the new container. Secrets are read in this frame alone, which no refusal's traceback holds."""
        body = self._blueprint.body(order, directory, words)
        name = self._blueprint.name(order.bot_id)
        return str(self._client.create_container_from_config(body, name)["Id"])

    def _directory(self, bot_id: str) -> Path:
        if not BOT_ID.fullmatch(bot_id):
            raise RuntimeRefused("That is no id of a bot.", final=True)
        return self._directories / bot_id

    def _find(self, bot_id: str) -> _Container | None:
        """The bot's container. One of that name which is not ours is never adopted, ended or removed."""
        self._directory(bot_id)
        try:
            found = self._ask(partial(self._inspect, self._blueprint.name(bot_id)))
        except _Gone:
            return None
        if (found.bot_id, found.host) != (bot_id, self._blueprint.host):
            sentence = "Docker has a container by the name of this bot's, which TradeWise did not make."
            raise RuntimeRefused(sentence, final=True)
        return found

    def _inspect(self, name: str) -> _Container:
        seen = self._client.inspect_container(name)
        labels, state = seen["Config"]["Labels"] or {}, seen["State"]
        return _Container(
            id=str(seen["Id"]),
            bot_id=labels.get(BOT, ""),
            host=labels.get(HOST, ""),
            status=state["Status"],
            memory=seen["HostConfig"]["Memory"],
            out_of_memory=state["OOMKilled"],
        )

    @contextmanager
    def _alone(self, bot_id: str) -> Iterator[Path]:
        """Hold the bot's directory, which is made where it is missing: one launch or removal of a bot at a time.

        The lock is the kernel's and ends with the worker. Without it one worker would take the container that another
        has made and not yet started for a leftover.
        """
        directory, deadline = self._directory(bot_id), time.monotonic() + self._timeout
        while (held := _on_disk(partial(_hold, directory))) is None:
            if time.monotonic() > deadline:
                raise RuntimeRefused("Another worker is busy with the engine of this bot.")
            time.sleep(0.05)
        try:
            yield directory
        finally:
            os.close(held)

    def _ask(self, call: Callable[[], T], port: int = 0) -> T:
        """Docker's answer, or a refusal. That keeps nothing of the error, which holds the request with its secrets."""
        try:
            return call()
        except (DockerException, OSError, KeyError, TypeError, ValueError) as error:
            trouble = self._trouble(error, port)
        raise trouble

    def _trouble(self, error: Exception, port: int) -> Exception:
        if isinstance(error, ImageNotFound):
            return RuntimeRefused(
                f"The image of the engines is not on this machine: docker pull {self._blueprint.image}"
            )
        if isinstance(error, NotFound):
            return _Gone()
        if isinstance(error, APIError):
            return _Conflict() if error.status_code == 409 else RuntimeRefused(_said(error, port))
        # The SDK lets errors of requests through. That can dial anywhere, so nothing but the door imports it.
        if "Timeout" in (kind.__name__ for kind in type(error).__mro__):
            return RuntimeRefused(f"Docker did not answer within {self._timeout:g} seconds.")
        if isinstance(error, KeyError | TypeError | ValueError):
            return RuntimeRefused("What answers in Docker's place does not speak as Docker does.")
        if "permission denied" in str(error).lower():
            return RuntimeRefused(
                "The worker may not use Docker's socket: its user must be in the socket's group."
            )
        return RuntimeRefused("Docker does not answer on this machine: its daemon seems not to run.")


def _client(base_url: str, timeout: float) -> Any:
    try:
        client = APIClient(base_url=base_url, version=API, timeout=timeout)
    except DockerException:
        client = None  # its message repeats the address, which may hold a password
    if client is None:
        raise RuntimeRefused("The address of Docker cannot be read.", final=True)
    client.trust_env = False  # no proxy of the worker's stands between it and its own machine
    return client


def _said(error: Any, port: int) -> str:
    words = str(error.explanation).lower()
    if port and ("port is already allocated" in words or "address already in use" in words):
        return f"Port {port} of the machine is taken by something else."
    for part, sentence in SAID:
        if part in words:
            return sentence
    return f"Docker refused with status {error.status_code}; its own log says why."


def _hold(directory: Path) -> int | None:
    """A descriptor that locks the directory, or None while it is another's."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have removed the directory, and then this one is no longer in its place.
        if os.path.samestat(os.fstat(descriptor), os.stat(directory)):  # noqa: PTH116 - beside fstat
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _put_aside(directory: Path) -> None:
    aside = directory.with_name(f"{ASIDE}{time.time_ns()}-{directory.name}")
    directory.rename(aside)
    os.utime(aside)


def _clear_away(entry: Path) -> None:
    with suppress(OSError):
        if entry.name.startswith(ASIDE) and time.time() - entry.stat().st_mtime > ASIDE_SECONDS:
            shutil.rmtree(entry)


def _tail(path: Path) -> bytes:
    """The end of a file that the engine may write: a link or a pipe in its place is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return b""
        file.seek(max(found.st_size - LOG_BYTES, 0))
        return file.read()


def _on_disk(call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    raise RuntimeRefused(FULL if full else "The worker may not write the directory of this bot.")
