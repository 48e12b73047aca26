"""The demo bot: a real Freqtrade in dry run on the simulated exchange, with credentials that stay.

`python -m tradewise.running.demo_bot` becomes that Freqtrade.
"""

import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tradewise.embedded import ports
from tradewise.env import var_directory
from tradewise.simulation.engine import DemoBot, EngineError, prepare, variables


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo's exchange and bot listen, and what the bot wants to hear."""

    exchange_port: int
    bot_port: int
    username: str
    password: str = field(repr=False)

    @property
    def exchange_url(self) -> str:
        """Where the simulated exchange listens."""
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def url(self) -> str:
        """The address that a trader connects."""
        return f"http://127.0.0.1:{self.bot_port}"

    def answers(self) -> bool:
        """Whether the bot itself answers, to its own credentials."""
        bot = DemoBot(Path(), self.bot_port, self.username, self.password, self.exchange_url)
        try:
            answer = bot.ask("GET", "show_config", timeout=3)
        except (OSError, ValueError):
            return False
        return (
            answer.status == 200 and isinstance(answer.body, dict) and answer.body.get("bot_name") == bot.name
        )


def remembered(var: Path) -> Demo:
    """The demo of this checkout; its ports and password are chosen once and kept."""
    path = var / "demo.json"
    try:
        kept = Demo(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        kept = Demo(0, 0, "demo", f"p{secrets.token_urlsafe(18)}")
    demo = Demo(ports.choose(kept.exchange_port), ports.choose(kept.bot_port), kept.username, kept.password)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(
        json.dumps({name: getattr(demo, name) for name in Demo.__slots__}, indent=2), encoding="utf-8"
    )
    draft.replace(path)
    return demo


def become(var: Path) -> None:
    """Replace this process by Freqtrade. Raises EngineError when it is missing or its port taken."""
    demo = Demo(**json.loads((var / "demo.json").read_text(encoding="utf-8")))
    directory = (var / "demo-bot").resolve()
    command = prepare(directory, demo.bot_port, demo.exchange_url)
    environment = variables(directory, demo.username, demo.password)
    environment["TRADEWISE_RUN"] = os.environ.get("TRADEWISE_RUN", "")
    os.chdir(directory)
    os.execve(command[0], command, environment)  # noqa: S606 - the command is ours


if __name__ == "__main__":
    try:
        become(var_directory())
    except EngineError as error:
        sys.exit(str(error))
