"""The trail's words about bots."""

from collections.abc import Iterable, Mapping

from audit import words
from audit.words import Resource
from bots.enums import BotStatus, BotType, Command, DesiredState
from bots.models import Bot

ACTIONS = {
    "bot.connect": "Connected the bot",
    "bot.edit": "Edited the bot",
    "bot.readdress": "Changed the bot's address or password",
    "bot.delete": "Deleted the bot",
    "bot.start": "Asked the bot to start",
    "bot.stop": "Asked the bot to stop",
    "bot.pause": "Asked the bot to pause",
    "bot.resume": "Asked the bot to go on",
    "bot.reload": "Asked the bot to read its configuration anew",
    "bot.check": "Asked for a check of the bot",
    "bot.token_used": "Used the bot's password",
    "bot.create": "Created the bot",
    "bot.change": "The bot changed",
    "bot_event.change": "Changed the bot's diary",
    "bot_event.delete": "Deleted from the bot's diary",
    "bot_figures.create": "Wrote the bot's figures",
    "bot_figures.change": "Changed the bot's figures",
    "bot_figures.delete": "Deleted the bot's figures",
    "bot_day.create": "Wrote a day's result of the bot",
    "bot_day.change": "Changed a day's result of the bot",
    "bot_day.delete": "Deleted days' results of the bot",
    "bot_trade.create": "Wrote a trade of the bot",
    "bot_trade.change": "Changed a trade of the bot",
    "bot_trade.delete": "Deleted trades of the bot",
    "bot_sample.create": "Wrote a point of the bot's curve",
    "bot_sample.change": "Changed a point of the bot's curve",
    "bot_sample.delete": "Deleted points of the bot's curve",
    "demo.create": "Made the demo account",
}
FIELDS = {
    "bot_id": "Public number",
    "bot_type": "Run by",
    "status": "Status",
    "api_url": "Address",
    "api_token": "Password",
    "token_set_at": "Password entered",
    "remote_name": "Its own name",
    "config_template": "Template of its configuration",
    "is_public": "Shown to others",
    "exposed_host_port": "Port",
    "desired_state": "Wanted",
    "command": "Command",
    "engine_version": "Freqtrade",
    "dry_run": "Mode",
    "stake_currency": "Stake currency",
    "record_since": "Record since",
}
STATUS = {value: str(label) for value, label in BotStatus.choices}
VALUES = {
    "bot.status": STATUS,
    "bot_event.status": STATUS,
    "bot.bot_type": {value: str(label) for value, label in BotType.choices},
    "bot.desired_state": {value: str(label) for value, label in DesiredState.choices},
    "bot.command": {"": "none", **{value: str(label) for value, label in Command.choices}},
    "bot.dry_run": {"true": "Dry run", "false": "Live"},
}


def find_bots(keys: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Names and pages of the tenant's bots by their public numbers."""
    bots = Bot.objects.filter(bot_id__in=list(keys)).only("bot_id", "name")
    return {bot.bot_id: (str(bot), bot.get_absolute_url()) for bot in bots}


def _of_bot(noun: str, many: str = "", *routine: str) -> Resource:
    return Resource(noun, many, find=find_bots, part_of="bot", accompanies=True, routine=routine)


RESOURCES = {
    "bot": Resource("bot", find=find_bots, key_speaks=True),
    "bot_event": _of_bot("diary entry", "diary entries", "create"),
    "bot_figures": _of_bot("figures", "figures"),
    "bot_day": _of_bot("day's result", "days' results"),
    "bot_trade": _of_bot("trade"),
    "bot_sample": _of_bot("point of the curve", "points of the curve"),
}


def learn() -> None:
    """Make them known."""
    words.learn("Bots", ACTIONS, resources=RESOURCES, fields=FIELDS, values=VALUES)
