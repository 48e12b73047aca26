"""What every runtime does, whatever it starts engines with. Each call returns within a second or two.

A runtime keeps one directory for each bot and at most one engine in it. It decides nothing: whether an engine
that ended is started again is the reconciler's business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

#: The shape of a bot's public id: what is named otherwise is nobody's business here.
BOT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RuntimeRefused(Exception):  # noqa: N818 - a refusal, with a finished sentence for the trader
    """The engine could not be started or asked. `final` means that trying again would not help."""

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.final = final


@dataclass(frozen=True, slots=True)
class Launch:
    """An engine to start. `config` is Freqtrade's complete configuration and holds no secret.

    `config["strategy"]` is a class of ours, `port` the one on 127.0.0.1 at which its API must answer. `secrets` are
    variables of its environment alone (`FREQTRADE__…`): credentials of the API, keys of an exchange. `database` is
    the name of its file of trades: those of real money are never in one file with those of a dry run.
    """

    bot_id: str
    port: int
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    database: str = "trades.sqlite"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there of a bot's engine. `handle` names this very engine and no later one.

    `ended_with_machine`: it is gone because the machine, or all of TradeWise on it, was stopped.
    """

    alive: bool
    handle: str = ""
    ended_with_machine: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What an engine uses: memory in bytes (shared pages by their share), CPU time in seconds since it began."""

    memory: int
    cpu: float


class Runtime(Protocol):
    """Starts, sees and ends engines by the public ids of their bots."""

    @property
    def name(self) -> str:
        """`process` or `docker`."""
        ...

    def launch(self, order: Launch) -> Seen:
        """Write the configuration and start the engine, unless one is there: then that one is what is seen.

        Returns before it is ready. Raises RuntimeRefused, and then nothing runs.
        """
        ...

    def look(self, bot_id: str) -> Seen:
        """Whether the bot's engine lives. Raises RuntimeRefused where that cannot be known."""
        ...

    def end(self, bot_id: str, *, by_force: bool = False) -> None:
        """Ask the engine to end, or end it at once; returns before it has. Nothing to end is no error."""
        ...

    def usage(self, bot_id: str) -> Usage | None:
        """None where there is no engine."""
        ...

    def ended_because(self, bot_id: str) -> str:
        """Why the engine that is gone was ended, where the machine itself says so, as a sentence; otherwise empty."""
        ...

    def log(self, bot_id: str, lines: int = 200) -> list[str]:
        """The last lines of the engine's log, oldest first, as they are: nothing is scrubbed here."""
        ...

    def present(self) -> set[str]:
        """The public ids of all bots of which something is kept: an engine, or a directory."""
        ...

    def remove(self, bot_id: str) -> None:
        """Put the bot's directory aside, with its trades, where it stays for a week.

        Raises RuntimeRefused while its engine lives.
        """
        ...
