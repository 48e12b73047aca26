"""Moving to a newer version of a template: never without consent, and never to another than the one consented to."""

from django.db import IntegrityError, transaction

from accounts.models import User
from audit import ledger
from bots.enums import Mode
from bots.models import Bot, BotEngine
from bots.services import running
from bots.services.running import Wanted
from marketplace.models import BotTemplate
from marketplace.services.starting import configuration_of
from subscriptions.exceptions import CannotMove, VersionNotOffered
from subscriptions.models import Subscription
from subscriptions.services.amounts import refuse_more_than
from subscriptions.services.following import lock_parts, offered, refuse_over, save


@transaction.atomic
@ledger.named("subscription.move")
def move(*, actor: User, subscription: Subscription, number: int) -> Subscription:
    """Follow version `number`, which the trader has looked at; an engine that is on starts again with it.

    Asked twice it moves once. Raises SubscriptionIsOver, SubscriptionIsGone, TemplateNotOffered, VersionNotOffered,
    TemplateNotStartable, CannotMove, or SetupRefused where the allocation is too small or too large for it.
    """
    subscription, bot, engine = lock_parts(actor, subscription)
    refuse_over(subscription, bot)
    if subscription.version == number:
        return subscription
    template = offered(subscription.template_id)
    _refuse_another(template, number)
    wanted = wanted_by(template, bot, engine)
    running.refuse_problems(wanted)
    refuse_more_than(wanted, template)
    subscription.version = number
    try:
        with transaction.atomic():
            save(subscription, "version")
    except IntegrityError:  # published or withdrawn between the look and the write
        _refuse_another(offered(subscription.template_id), number)
        raise
    running.change(actor=actor, bot=bot, wanted=wanted, note=bot.description)
    return subscription


def wanted_by(template: BotTemplate, bot: Bot, engine: BotEngine) -> Wanted:
    """The bot as the version that is published wants it. Raises TemplateNotStartable or CannotMove."""
    configuration = configuration_of(template)
    now = engine.config_json
    if configuration.stake_currency != now["stake_currency"] or configuration.exchange != now["exchange"]:
        raise CannotMove(
            f"Version {template.version} trades {configuration.stake_currency} on {configuration.exchange}, and your "
            f"bot {now['stake_currency']} on {now['exchange']}. Cancel this subscription and subscribe anew."
        )
    if configuration.strategy != now["strategy"]:
        raise CannotMove(
            f"Version {template.version} is of another kind than your bot. Cancel this subscription and subscribe anew."
        )
    return Wanted(str(bot), configuration, engine.allocation, Mode(engine.mode))


def _refuse_another(template: BotTemplate, number: int) -> None:
    if template.version != number:
        raise VersionNotOffered(
            f"Version {number} is not the one that is published: that is version {template.version} now. Nothing was "
            "changed. Look at what is new in it."
        )
