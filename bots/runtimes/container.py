"""What the container of an engine is made of, in the words of Docker's Engine API 1.44."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bots.runtimes.base import Launch, RuntimeRefused

BOT, HOST = "tradewise.bot", "tradewise.host"
#: Where things are inside. Freqtrade itself is installed below the home, so nothing may hide that.
INSIDE, SOURCE, HOME, PORT = "/freqtrade/bot", "/tradewise", "/home/ftuser", 8080
MB: Final = 1024 * 1024

MACHINE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
IMAGE: Final = re.compile(r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What all containers of a machine have in common. Making one refuses what Docker would refuse later."""

    host: str
    image: str
    memory_mb: int
    cpus: float
    user: int
    strategies: Path

    def __post_init__(self) -> None:
        """Check what the machine's operator has set."""
        sentence = ""
        if not IMAGE.fullmatch(self.image):
            sentence = (
                "The image of the engines must be named by its digest, as in freqtradeorg/freqtrade@sha256:… "
                "with 64 digits; `docker pull freqtradeorg/freqtrade:2026.9` prints it as Digest."
            )
        elif not MACHINE.fullmatch(self.host):
            sentence = "The machine's name may have letters, digits, dots, hyphens and underscores only."
        elif self.memory_mb < 6 or self.cpus < 0.01:
            sentence = "Docker's limits begin at 6 MB and at 0.01 processors."
        if sentence:
            raise RuntimeRefused(sentence, final=True)

    def name(self, bot_id: str) -> str:
        """The one name for the bot's container, so that Docker itself refuses a second one."""
        return f"tradewise-{self.host}-{bot_id}"

    def body(self, order: Launch, directory: Path, words: list[str]) -> dict[str, Any]:
        """The request that creates the container, with Freqtrade's command line in `words`. It holds the secrets."""
        environment = {
            **order.secrets,
            "FREQTRADE__API_SERVER__LISTEN_IP_ADDRESS": "0.0.0.0",  # noqa: S104 - inside the container
            "FREQTRADE__API_SERVER__LISTEN_PORT": str(PORT),
            "HOME": HOME,
            "PYTHONPATH": SOURCE,
        }
        return {
            "Image": self.image,
            "Entrypoint": ["freqtrade"],
            "Cmd": words,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "User": f"{self.user}:{self.user}",
            "Labels": {BOT: order.bot_id, HOST: self.host},
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Tty": False,
            "StopSignal": "SIGTERM",
            "HostConfig": self._limits(order.port, directory),
        }

    def _limits(self, port: int, directory: Path) -> dict[str, Any]:
        tmpfs = "rw,noexec,nosuid,nodev"
        return {
            # Mounts and not Binds: for those Docker makes a missing directory, as root and without a word.
            "Mounts": [
                _mount(directory, INSIDE, read_only=False),
                _mount(self.strategies, f"{SOURCE}/bots/strategies", read_only=True),
            ],
            "ReadonlyRootfs": True,
            "Tmpfs": {
                "/tmp": f"{tmpfs},size=64m,mode=1777",  # noqa: S108 - the container's own
                f"{HOME}/.cache": f"{tmpfs},size=16m,mode=0700,uid={self.user},gid={self.user}",
            },
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "PidsLimit": 128,
            "Memory": self.memory_mb * MB,
            "MemorySwap": self.memory_mb * MB,  # both together, so there is no swap
            "NanoCpus": round(self.cpus * 1_000_000_000),
            "Init": True,
            # Freqtrade's exit codes lie, so the reconciler alone decides what is started again.
            "RestartPolicy": {"Name": "no"},
            "NetworkMode": "bridge",
            "PortBindings": {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
        }


def _mount(source: Path, target: str, *, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def command(order: Launch) -> list[str]:
    """Freqtrade's command line inside, without any secret."""
    return [
        "trade",
        *(["--dry-run"] if order.config.get("dry_run") else []),
        "--no-color",
        *("--config", f"{INSIDE}/config.json"),
        *("--userdir", f"{INSIDE}/user_data"),
        *("--strategy", str(order.config["strategy"])),
        *("--strategy-path", f"{SOURCE}/bots/strategies/engine"),
        *("--db-url", f"sqlite:///{INSIDE}/{order.database}"),
        *("--logfile", f"{INSIDE}/freqtrade.log"),
    ]
