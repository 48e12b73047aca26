"""What a trader reads about a bot: what happened, what it means, what to do next.

All sentences about Freqtrade are here. They name the address, which the trader typed, and quote nothing
that a bot or proxy sent.
"""

from functools import cached_property
from typing import Final

from yarl import URL

from bots.enums import Command, EngineState, HealthReason
from tradewise.egress import EgressError, Failure

OLDEST_VERSION: Final = "2024.10"

_TRANSPORT: Final = {
    Failure.NAME_NOT_FOUND: "The name {host} is not known. Check how it is spelt, and that it is public: "
    "a name from your home network or from Docker means nothing here.",
    Failure.REFUSED: "Nothing listens at {place}. Check that Freqtrade runs and that "
    "api_server.listen_port is {port}.",
    Failure.UNREACHABLE: "There is no way to {place}. Check the address, the firewall, and that the machine "
    "is on.",
    Failure.TIMED_OUT: "{place} did not answer in time. Check that the machine is on, that its firewall lets "
    "port {port} through, and that it is not overloaded.",
    Failure.TOO_LARGE: "{place} sent a larger answer than Freqtrade does. Check that the address is the "
    "bot's.",
    Failure.PROTOCOL: "What answers at {place} does not speak HTTP, or broke off. Check the port, and "
    "whether the address begins with https:// or http:// as it should.",
}
# Here the door itself knows more than we do: which rule, which part of the certificate.
_NEXT_STEP: Final = {
    Failure.MALFORMED: "Correct the address of the bot.",
    Failure.FORBIDDEN: "Use an address that this server may call.",
    Failure.TLS: "Renew or correct the certificate of {host}, or the address.",
}

_ANSWER: Final = {
    HealthReason.AUTH: "The bot at {place} refuses this user name and password. Enter those in its "
    "configuration: api_server.username and api_server.password.",
    HealthReason.REDIRECT: "{place} sends callers on to another address, which TradeWise does not follow. "
    "Enter the final address of the bot.",
    HealthReason.NOT_FREQTRADE: "Something answers at {place}, but it is not a Freqtrade. Check the port, "
    "and the path if a proxy is in front.",
    HealthReason.NO_TRADER: "Freqtrade answers at {place}, but it runs no trader. Start it with "
    "“freqtrade trade”, not with “freqtrade webserver”.",
    HealthReason.TOO_OLD: f"The Freqtrade at {{place}} is older than {OLDEST_VERSION}, the oldest that "
    "TradeWise knows. Update it.",
    HealthReason.PROXY: "A proxy answers at {place}, but Freqtrade behind it does not. Check that Freqtrade "
    "runs and that the proxy knows its address.",
    HealthReason.PROTOCOL: "The bot at {place} gave an answer that TradeWise does not understand. Look in "
    "the bot's log, and check that it is an unchanged Freqtrade.",
    HealthReason.NEEDS_TOKEN: "TradeWise has no user name and password for the bot at {place}. Enter them; "
    "they are in its configuration under api_server.",
    HealthReason.STOPPED: "The trader of the bot at {place} is stopped: open trades are not watched, and no "
    "stop loss is kept. Start it to go on.",
    HealthReason.PAUSED: "The bot is paused: it opens no new trades and goes on to manage those it has. "
    "Start it to let it trade again.",
    HealthReason.OK: "The bot runs.",
    HealthReason.HUNG: "The bot at {place} answers, but its trading loop has stood still for {minutes} "
    "minutes or more: open trades are not watched. Look in its log and restart it.",
    HealthReason.EXCHANGE_UNREACHABLE: "The bot runs, but gets no prices from its exchange. Check the "
    "exchange's status and the bot's network.",
}

SETTLING: Final = "The bot is reading its configuration anew. It will be back in a few seconds."
INTERNAL_ERROR: Final = (
    "The bot at {place} failed with an error of its own (HTTP 500). Look in the bot's log for the cause."
)
SLOW_DOWN: Final = (
    "{place} asks for fewer calls (HTTP 429). Raise the limit of the proxy in front of the bot."
)
GUARDED: Final = (
    "A proxy at {place} refuses the call before it reaches the bot. Let calls to /api/v1 through it; the "
    "bot has its own password."
)
SPEAKS_HTTPS: Final = "{place} speaks https, not http. Write the address with https://."
NO_COMMAND: Final = (
    "The bot at {place} does not know the command “{command}”. Update Freqtrade; every version since "
    f"{OLDEST_VERSION} has start, stop and reload, and newer ones have pause."
)
COMMAND_REFUSED: Final = (
    "The bot at {place} refuses the command “{command}” in its present state. Look at its state and log, "
    "then try again."
)
COMMAND_UNSURE: Final = (
    "No answer came to the command “{command}”, so the bot at {place} may or may not have acted. The next "
    "check will tell."
)
QUESTION_REFUSED: Final = (
    "The bot at {place} cannot answer this now. If it goes on, look in its log; a restart may help."
)

_STATE_REASONS: Final = {
    EngineState.RUNNING: HealthReason.OK,
    EngineState.PAUSED: HealthReason.PAUSED,
    EngineState.STOPPED: HealthReason.STOPPED,
}
_COMMAND_NAMES: Final = {
    Command.START: "start",
    Command.STOP: "stop",
    Command.PAUSE: "pause",
    Command.RELOAD: "reload configuration",
}


class Words:
    """The sentences about the bot at one address."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _parts(self) -> dict[str, str]:
        # Not before it is needed: most checks have nothing to say about the address.
        try:
            parsed = URL(self._url)
            host, port = parsed.host or "", parsed.port
        except ValueError:
            host, port = "", None
        shown = f"[{host}]" if ":" in host else host
        return {
            "host": host or "this address",
            "place": f"{shown}:{port}" if host and port else host or "this address",
            "port": str(port or "the one in the address"),
        }

    def no_answer(self, error: EgressError) -> str:
        template = _TRANSPORT.get(error.failure)
        if template is not None:
            return self.say(template)
        return f"{error} {self.say(_NEXT_STEP[error.failure])}"

    def about(self, reason: HealthReason, *, minutes: int = 0) -> str:
        template = _ANSWER[reason]
        return template.format(**self._parts, minutes=minutes) if "{" in template else template

    def state(self, state: EngineState) -> str:
        reason = _STATE_REASONS.get(state)
        return SETTLING if reason is None else self.about(reason)

    def say(self, template: str, *, command: Command | None = None) -> str:
        if "{" not in template:
            return template
        name = "" if command is None else _COMMAND_NAMES[command]
        return template.format(**self._parts, command=name)
