"""What a trader is refused, each with a finished sentence."""

from collections.abc import Sequence

from tradewise.exceptions import DomainError


class CommandRefused(DomainError):  # noqa: N818 - a refusal is no error
    """The bot is not in a state in which this can be asked of it."""


class BotIsDown(CommandRefused):
    """No command would arrive."""


class CommandUnderWay(CommandRefused):
    """Another command is on its way to the bot."""


class PauseWouldStart(CommandRefused):
    """Freqtrade starts a stopped bot when it is asked to pause."""


class WayNotChosen(CommandRefused):
    """The bot's engine is on, and its trader was not asked what is to become of its open trades."""


class BotIsGone(DomainError):  # noqa: N818
    """The bot was deleted since it was read."""


class BotNotAnswering(DomainError):  # noqa: N818
    """The bot was asked and did not answer as a bot that works; nothing was saved."""


class TooManyBots(DomainError):  # noqa: N818
    """The tenant has as many bots as it may have."""


class BotConnectedAlready(DomainError):  # noqa: N818
    """There is a bot with this address; `bot_id` is the public id of that one."""

    def __init__(self, sentence: str, *, bot_id: str) -> None:
        super().__init__(sentence)
        self.bot_id = bot_id


class SetupRefused(DomainError):  # noqa: N818
    """A bot cannot be run like that; `problems` are (field, sentence), the field empty where it is none's."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(" ".join(sentence for _, sentence in problems))
        self.problems = tuple(problems)


class NoPlace(DomainError):  # noqa: N818
    """No machine has room for another engine, or the tenant runs as many as it may."""


class EngineIsOn(DomainError):  # noqa: N818
    """This can be done only while the bot's engine is off."""


class NotRunHere(DomainError):  # noqa: N818
    """The bot is not one that TradeWise runs."""
