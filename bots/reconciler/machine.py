"""This machine: its runtime, and the places that it offers."""

import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from bots.adapters.own import port_range
from bots.runtimes import Runtime
from bots.runtimes.process import ProcessRuntime
from tradewise.env import ROOT
from tradewise.simulation import installation
from tradewise.simulation.engine import port_is_free

_MB: Final = 1024 * 1024
_TAKEN: Final = "SELECT port FROM engine_places WHERE host = %s AND bot_id IS NOT NULL"
# Looked for first: a conflict would use up a number each time, and there are two thousand million of them.
#: Two of the same name never offer a place twice, and one that nobody has any more goes.
_OFFER: Final = """
INSERT INTO engine_places (host, port) SELECT %(host)s, p FROM unnest(%(ports)s::int[]) AS p
WHERE NOT EXISTS (SELECT FROM engine_places e WHERE e.host = %(host)s AND e.port = p)
ON CONFLICT (host, port) DO NOTHING"""
_WITHDRAW: Final = """
DELETE FROM engine_places WHERE host = %(host)s AND bot_id IS NULL AND NOT port = ANY(%(ports)s::int[])"""
_REPORT: Final = """
INSERT INTO engine_hosts (name, seen_at, runtime, places, memory_mb, simulates)
VALUES (%(host)s, now(), %(runtime)s, %(places)s, %(memory)s, %(simulates)s)
ON CONFLICT (name) DO UPDATE SET seen_at = now(), runtime = excluded.runtime, places = excluded.places,
    memory_mb = excluded.memory_mb, simulates = excluded.simulates"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the operator has set for this machine. Memory in MB."""

    host: str
    ports: range
    directory: Path
    memory: int
    engine_memory: int
    starts_at_once: int
    simulated_exchange: str

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            host=settings.BOT_HOST,
            ports=_ports(settings.BOT_PORTS),
            directory=Path(settings.BOT_DIRECTORY),
            memory=settings.BOT_MEMORY_MB or memory_of_this_machine() * 2 // 3,
            engine_memory=settings.BOT_ENGINE_MB,
            starts_at_once=settings.BOT_STARTS_AT_ONCE or os.cpu_count() or 1,
            simulated_exchange=settings.BOT_SIMULATED_EXCHANGE,
        )

    def offered(self, taken: set[int]) -> list[int]:
        """The ports of as many engines as find room in the memory: those that bots have, then free ones.

        A port on which a stranger listens is offered to nobody.
        """
        most = max(0, self.memory // self.engine_memory)
        kept = [port for port in self.ports if port in taken]
        others = (port for port in self.ports if port not in taken and port_is_free(port))
        return [*kept, *islice(others, max(0, most - len(kept)))]


def _ports(text: str) -> range:
    try:
        return port_range(text)
    except ValueError:
        raise ImproperlyConfigured(f"BOT_PORTS must be like 18100-18199, not {text!r}.") from None


def memory_of_this_machine() -> int:
    """In MB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB


def runtime_of(machine: Machine) -> Runtime:
    """The runtime that the operator chose. Raises ImproperlyConfigured."""
    if settings.BOT_RUNTIME == "process":
        return ProcessRuntime(machine.directory)
    if settings.BOT_RUNTIME == "docker":
        return _docker(machine)
    raise ImproperlyConfigured(f"BOT_RUNTIME must be process or docker, not {settings.BOT_RUNTIME!r}.")


@lru_cache(maxsize=1)
def _docker(machine: Machine) -> Runtime:
    """One for each process of the worker. Raises RuntimeRefused for settings that cannot be meant."""
    from bots.runtimes.docker import DockerRuntime

    return DockerRuntime(
        directory=machine.directory,
        image=settings.BOT_IMAGE,
        host=machine.host,
        memory_mb=machine.engine_memory * 2,
        cpus=1.0,
        base_url=settings.BOT_DOCKER_URL,
        strategies=ROOT / "bots" / "strategies",
        timeout=10.0,
    )


@lru_cache(maxsize=8)
def _is_installed(environment: Path) -> bool:
    return installation.is_installed(environment)


def can_start(runtime: Runtime) -> bool:
    """Whether the machine is ready to start engines: with `process`, once Freqtrade is installed there."""
    if not isinstance(runtime, ProcessRuntime):
        return True
    if not _is_installed(runtime.environment):
        _is_installed.cache_clear()
        return False
    return True


def report(machine: Machine, runtime: Runtime) -> None:
    """Say that this machine is there, and offer its places: none while it cannot start engines."""
    ports = machine.offered(_taken(machine.host)) if can_start(runtime) else []
    told: dict[str, Any] = {
        "host": machine.host,
        "ports": ports,
        "runtime": runtime.name,
        "places": len(ports),
        "memory": machine.memory,
        "simulates": bool(machine.simulated_exchange),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (_OFFER, _WITHDRAW, _REPORT):
            cursor.execute(statement, told)


def _taken(host: str) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [host])
        return {port for (port,) in cursor.fetchall()}
