"""The words that the database, the pages and receivers of webhooks share about notifications."""

from typing import Final

from django.db import models


class Event(models.TextChoices):
    """What a trader may be told of. The values are a wire format: receivers compare them."""

    BOT_DOWN = "bot.down", "A bot is down"
    BOT_STOPPED = "bot.stopped", "A bot stopped by itself"
    BOT_UP = "bot.up", "A bot that was down works again"
    SUBSCRIPTION_STARTED = "subscription.started", "A subscription has started"
    NEW_VERSION = "template.new_version", "A template that you follow has a new version"
    DECISION = "template.decision", "The moderators have decided about your template"
    TEST = "test", "A test"


class WebhookState(models.TextChoices):
    """How a notification stands with the trader's webhook; empty where it does not go there."""

    NONE = "", "Not sent"
    WAITING = "waiting", "Waits"
    TAKEN = "taken", "Taken"
    GIVEN_UP = "given_up", "Given up"


#: What is chosen per event and channel. A test is asked for each time.
CHOSEN: Final = tuple(event for event in Event if event is not Event.TEST)
#: Told by mail where nobody chose otherwise: what costs money, or was waited for.
MAILED: Final = frozenset({Event.BOT_DOWN, Event.BOT_STOPPED, Event.DECISION})
EXPLAINED: Final[dict[Event, str]] = {
    Event.BOT_DOWN: "It failed three checks in a row, or refuses its password. Once for each outage.",
    Event.BOT_STOPPED: "Its engine ended and nobody asked for that, or it was given up after it failed too often.",
    Event.BOT_UP: "It answers again after an outage that you could have been told of.",
    Event.SUBSCRIPTION_STARTED: "Its bot is up for the first time.",
    Event.NEW_VERSION: "Your subscription goes on with the version that you chose.",
    Event.DECISION: "It is published, sent back with a reason, or withdrawn.",
}
