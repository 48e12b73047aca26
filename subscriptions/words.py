"""The trail's words about subscriptions."""

from collections.abc import Iterable, Mapping

from django.urls import reverse

from audit import words
from audit.words import Resource
from subscriptions.enums import SubscriptionStatus
from subscriptions.models import Subscription

ACTIONS = {
    "subscription.create": "Subscribed",
    "subscription.change": "Changed a subscription",
    "subscription.delete": "Deleted a subscription",
    "subscription.pause": "Paused the subscription",
    "subscription.resume": "Resumed the subscription",
    "subscription.allocate": "Changed the allocation",
    "subscription.move": "Moved to another version of the template",
    "subscription.cancel": "Cancelled the subscription",
    "allocation_limit.set": "Set what all subscriptions may use together",
    "allocation_limit.create": "Limited what all subscriptions may use together",
    "allocation_limit.change": "Changed what all subscriptions may use together",
    "allocation_limit.delete": "Took a limit of all subscriptions away",
    "template.count_subscribers": "Counted the template's subscribers anew",
}
FIELDS = {
    "allocation_amount": "Allocation",
    "subscription.bot_id": "Number of the bot",
    "template_id": "Number of the template",
    "subscription.paused_at": "Paused since",
    "subscription.paused_for": "Paused in all, before",
    "subscription.version": "Version of the template",
    "allocation_limit.currency": "Currency",
    "allocation_limit.amount": "All subscriptions together",
    "subscription.cancelled_at": "Cancelled",
}
VALUES = {"subscription.status": {value: str(label) for value, label in SubscriptionStatus.choices}}


def find_subscriptions(keys: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """The tenant's, by the names of their bots."""
    numbers = [int(key) for key in keys if key.isdecimal() and len(key) <= 9]
    found = Subscription.objects.select_related("bot").filter(pk__in=numbers)
    page = reverse("subscriptions:mine")
    return {str(subscription.pk): (str(subscription.bot), page) for subscription in found}


def learn() -> None:
    """Make them known."""
    words.learn(
        "Subscriptions",
        ACTIONS,
        resources={
            "subscription": Resource("subscription", find=find_subscriptions),
            "allocation_limit": Resource("limit of subscriptions", "limits of subscriptions"),
        },
        fields=FIELDS,
        values=VALUES,
    )
