"""What the tests of the Docker runtime share: the played daemon, a runtime, an order, and what a refusal may say."""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bots.runtimes.base import Launch, RuntimeRefused
from bots.runtimes.docker import DockerRuntime
from tests.runtimes.docker_engine import Container, DockerEngine, served

IMAGE = "freqtradeorg/freqtrade@sha256:" + "ab" * 32
#: As which user engines run here: root makes files over to another one, everybody else stays who they are.
USER = os.geteuid() or 1000
SECRETS = {
    "FREQTRADE__API_SERVER__PASSWORD": "k-password-of-the-api",
    "FREQTRADE__EXCHANGE__KEY": "k-key-of-the-exchange",
    "FREQTRADE__EXCHANGE__SECRET": "k-secret-of-the-exchange",
}
BOT = "-aBc_123"
ORDER = Launch(BOT, 18142, {"strategy": "GridEngine", "dry_run": True, "bot_name": BOT}, SECRETS)
NAME = f"tradewise-alpha-{BOT}"


@pytest.fixture(name="engine")
def played_engine() -> Iterator[DockerEngine]:
    played = DockerEngine(images={IMAGE})
    yield played
    assert played.violations == []


@pytest.fixture(name="socket_path")
def path_of_the_socket(engine: DockerEngine) -> Iterator[Path]:
    with served(engine) as path:
        yield path


@pytest.fixture(name="make")
def maker_of_runtimes(socket_path: Path, tmp_path: Path) -> Callable[..., DockerRuntime]:
    """A runtime; values that a test does not name are good ones."""
    strategies = tmp_path / "strategies"
    strategies.mkdir()

    def make_runtime(**changes) -> DockerRuntime:
        values = {
            "directory": tmp_path / "bots",
            "image": IMAGE,
            "host": "alpha",
            "memory_mb": 512,
            "cpus": 0.5,
            "base_url": f"unix://{socket_path}",
            "strategies": strategies,
            "timeout": 5.0,
            "user": USER,
        }
        return DockerRuntime(**{**values, **changes})

    return make_runtime


@pytest.fixture(name="runtime")
def one_runtime(make: Callable[..., DockerRuntime]) -> DockerRuntime:
    return make()


@pytest.fixture(name="own")
def directory_of_the_bot(tmp_path: Path) -> Path:
    return tmp_path / "bots" / BOT


def only(engine: DockerEngine) -> Container:
    (found,) = engine.containers.values()
    return found


def ours(engine: DockerEngine, status: str) -> Container:
    """A container as this machine's runtime makes it."""
    labels = {"tradewise.bot": BOT, "tradewise.host": "alpha"}
    return engine.make(NAME, {"Image": IMAGE, "Labels": labels, "HostConfig": {"Memory": 2**29}}, status)


def refusal(call, *args, **kwargs) -> RuntimeRefused:
    with pytest.raises(RuntimeRefused) as caught:
        call(*args, **kwargs)
    told = caught.value
    assert re.fullmatch(r"[A-Z].*[.0-9a-f]", told.sentence)
    # What is said to people holds no secret and no path, and neither does what a tracker of errors would read.
    assert repr(told.__context__) in ("None", "_Conflict()")
    assert told.__cause__ is None
    frames = "".join(traceback.TracebackException.from_exception(told, capture_locals=True).format())
    assert not [secret for secret in SECRETS.values() if secret in frames]
    assert not re.search(r"(?<!docker pull freqtradeorg)/(?:\w+/)*\w+", told.sentence)
    return told
