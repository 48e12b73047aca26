"""The trail's words about subscriptions."""

from audit import words
from audit.words import Resource
from subscriptions.enums import SubscriptionStatus

ACTIONS = {
    "subscription.create": "Subscribed",
    "subscription.change": "Changed a subscription",
    "subscription.delete": "Deleted a subscription",
}
FIELDS = {
    "allocation_amount": "Allocation",
    "subscription.bot_id": "Number of the bot",
    "template_id": "Number of the template",
}
VALUES = {"subscription.status": {value: str(label) for value, label in SubscriptionStatus.choices}}


def learn() -> None:
    """Make them known."""
    words.learn(
        "Subscriptions",
        ACTIONS,
        resources={"subscription": Resource("subscription")},
        fields=FIELDS,
        values=VALUES,
    )
