"""What is known about bots: the bot itself, its figures, and what happened to it."""

from bots.models.bot import Bot
from bots.models.figures import BotDay, BotEvent, BotFigures, BotSample, BotTrade

__all__ = ["Bot", "BotDay", "BotEvent", "BotFigures", "BotSample", "BotTrade"]
