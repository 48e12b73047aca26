"""Questions about subscriptions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, QuerySet, Value, When
from django.urls import reverse

from bots.models import BotEngine
from bots.strategies import kinds
from marketplace.exceptions import TemplateNotStartable
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services.starting import configuration_of
from subscriptions.enums import SubscriptionStatus
from subscriptions.models import Subscription


class Withdrawn(NamedTuple):
    """A template that is offered no longer, and what its subscribers are told of that."""

    pk: int
    template_id: str
    name: str
    version: int
    updated_at: datetime
    reason: str

    def get_absolute_url(self) -> str:
        """Its page, which its subscribers may read."""
        return reverse("marketplace:template", args=[self.template_id])

    def __str__(self) -> str:
        return self.name


def subscriptions_with_bots() -> QuerySet[Subscription]:
    """The tenant's, with bot, engine and figures; those that go on first, the newest of each first.

    The template is fetched by itself (`templates_of`): one that is public no longer is not to be read, and a join
    would take the subscription along.
    """
    return (
        Subscription.objects.select_related("bot__engine", "bot__figures")
        .defer("bot__engine__log_lines")
        .order_by(
            Case(When(status=SubscriptionStatus.CANCELLED, then=Value(1)), default=Value(0)),
            "-created_at",
            "-pk",
        )
    )


def current_subscription(template: BotTemplate) -> Subscription | None:
    """The tenant's subscription to the template that goes on, if there is one."""
    going_on = Subscription.objects.exclude(status=SubscriptionStatus.CANCELLED)
    return going_on.select_related("bot").filter(template=template).first()


def templates_of(subscriptions: Iterable[Subscription]) -> dict[int, BotTemplate]:
    """The templates of these that the tenant may read, by their keys."""
    wanted = {subscription.template_id for subscription in subscriptions}
    return BotTemplate.across_tenants.in_bulk(wanted)


def withdrawn_of(subscriptions: Iterable[Subscription]) -> dict[int, Withdrawn]:
    """Those of these subscriptions' templates that were withdrawn, by their keys, for their subscribers alone."""
    wanted = sorted({subscription.template_id for subscription in subscriptions})
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM subscribed_and_withdrawn(%s)", [wanted])
        return {row[0]: Withdrawn(*row) for row in cursor.fetchall()}


def versions_of(subscriptions: Iterable[Subscription]) -> Mapping[tuple[int, int | None], TemplateVersion]:
    """The versions that these follow and that may be read, by template and number."""
    wanted = {(each.template_id, each.version) for each in subscriptions if each.version is not None}
    found = TemplateVersion.across_tenants.filter(
        template_id__in={template for template, _ in wanted}, number__in={number for _, number in wanted}
    )
    return {(version.template_id, version.number): version for version in found}


def is_set_up_otherwise(engine: BotEngine, version: TemplateVersion) -> bool:
    """Whether the bot's parameters were changed since: they are not what the version says."""
    try:
        return bool(engine.config_json != kinds.dump(configuration_of(version)))
    except TemplateNotStartable:
        return False
