"""What is known about bots: the bot itself, its figures, and what happened to it."""

from bots.models.bot import Bot
from bots.models.engine import BotEngine, EngineHost, EngineLimit, EnginePlace
from bots.models.figures import BotDay, BotEvent, BotFigures, BotMark, BotOutage, BotSample, BotTrade

__all__ = [
    "Bot",
    "BotDay",
    "BotEngine",
    "BotEvent",
    "BotFigures",
    "BotMark",
    "BotOutage",
    "BotSample",
    "BotTrade",
    "EngineHost",
    "EngineLimit",
    "EnginePlace",
]
