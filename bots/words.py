"""The trail's words about bots."""

from collections.abc import Iterable, Mapping

from audit import words
from audit.words import Resource
from bots.enums import BotStatus, BotType, Command, DesiredState, Mode, StopWay
from bots.models import Bot

ACTIONS = {
    "bot.connect": "Connected the bot",
    "bot.edit": "Edited the bot",
    "bot.readdress": "Changed the bot's address or password",
    "bot.launch": "Made the bot and started it",
    "bot.replay": "Kept the replay of a template",
    "bot.set_up": "Changed the bot's parameters",
    "bot.go_live": "Set the bot to trade real money",
    "bot.leave_live": "Set the bot back to a dry run",
    "bot.read_log": "Asked for the log of the bot's engine",
    "bot.keys_used": "Used the exchange's keys of the bot",
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
    "bot_mark.create": "Wrote a mark of the bot's curve",
    "bot_mark.change": "Changed a mark of the bot's curve",
    "bot_mark.delete": "Deleted marks of the bot's curve",
    "bot_sample.create": "Wrote a point of the bot's curve",
    "bot_sample.change": "Changed a point of the bot's curve",
    "bot_sample.delete": "Deleted points of the bot's curve",
    "bot_engine.create": "Set up the bot's engine",
    "bot_engine.change": "The bot's engine changed",
    "bot_engine.delete": "Deleted the bot's engine",
    "engine_limit.create": "Set how many engines the account may run",
    "engine_limit.change": "Changed how many engines the account may run",
    "engine_limit.delete": "Removed the account's own number of engines",
    "bot_outage.create": "Wrote that the bot is down",
    "bot_outage.change": "Changed since when the bot is down",
    "bot_outage.delete": "Forgot that the bot was down",
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
    "is_simulated": "On the simulated exchange",
    "mode": "Mode",
    "allocation": "Allocation",
    "config_json": "Configuration",
    "revision": "Revision",
    "stop_way": "Way to stop",
    "host": "Machine",
    "exchange_keys": "Keys of the exchange",
    "keys_set_at": "Keys entered",
    "engines": "Engines at the same time",
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
    "bot_engine.mode": {value: str(label) for value, label in Mode.choices},
    "bot_engine.stop_way": {"": "none", **{value: str(label) for value, label in StopWay.choices}},
}


def find_bots(keys: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Names and pages of the tenant's bots by their public numbers."""
    bots = Bot.objects.filter(bot_id__in=list(keys)).only("bot_id", "name")
    return {bot.bot_id: (str(bot), bot.get_absolute_url()) for bot in bots}


def _of_bot(noun: str, many: str = "", *routine: str) -> Resource:
    return Resource(noun, many, find=find_bots, part_of="bot", accompanies=True, routine=routine)


RESOURCES = {
    "bot": Resource("bot", find=find_bots, key_speaks=True),
    # It does not merely accompany: of a bot that goes live its engine alone changes.
    "bot_engine": Resource("engine", find=find_bots, part_of="bot"),
    "engine_limit": Resource("limit of engines"),
    "bot_event": _of_bot("diary entry", "diary entries", "create"),
    "bot_figures": _of_bot("figures", "figures"),
    "bot_day": _of_bot("day's result", "days' results"),
    "bot_trade": _of_bot("trade"),
    "bot_mark": _of_bot("mark of the curve", "marks of the curve"),
    "bot_sample": _of_bot("point of the curve", "points of the curve"),
    "bot_outage": _of_bot("outage", "outages", "create", "delete"),
}


def learn() -> None:
    """Make them known."""
    words.learn("Bots", ACTIONS, resources=RESOURCES, fields=FIELDS, values=VALUES)
