"""What a trader may ask of a subscription. Each function is one transaction; the reconciler does what it wants.

Locks are taken in the order trader, bot, engine, subscription; the template's row, where subscribers are counted, comes
last. Whoever asks twice gets what there is, and nothing is done twice.
"""

from dataclasses import replace
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from audit import ledger
from bots.enums import BotStatus, DesiredState, Mode, Phase, StopWay
from bots.exceptions import BotIsGone, SetupRefused
from bots.models import Bot, BotEngine
from bots.services import lifecycle, running
from bots.services.locking import take_turns
from bots.services.running import Wanted
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from marketplace.models import BotTemplate
from marketplace.services.starting import configuration_of
from subscriptions.enums import SubscriptionStatus
from subscriptions.exceptions import SubscriptionIsGone, SubscriptionIsOver, TemplateNotOffered
from subscriptions.models import Subscription
from subscriptions.queries import current_subscription
from tradewise.tenancy.models import CurrentTimestamp

LONGEST_NAME = 100
Parts = tuple[Subscription, Bot, BotEngine]


@transaction.atomic
@ledger.named("subscription.create")
def subscribe(
    *, actor: User, template: BotTemplate, allocation: Decimal, mode: Mode = Mode.DRY_RUN
) -> Subscription:
    """Make the subscription and its bot, which the reconciler starts.

    A second one to the same template is the first one, whatever it says otherwise. Raises TemplateNotOffered,
    TemplateNotStartable, SetupRefused, TooManyBots or NoPlace, and then there is neither.
    """
    take_turns(actor)
    there = current_subscription(template)
    if there is not None:
        return there
    template = _offered(template)
    wanted = Wanted(
        name=template.name[:LONGEST_NAME],
        configuration=configuration_of(template),
        allocation=allocation,
        mode=mode,
        template_id=template.template_id,
    )
    bot = running.launch_bot(actor=actor, wanted=wanted)
    subscription = Subscription(
        tenant_id=actor.tenant_id, user=actor, bot=bot, template=template, allocation_amount=allocation
    )
    subscription.save(force_insert=True)
    return subscription


@transaction.atomic
@ledger.named("subscription.pause")
def pause(*, actor: User, subscription: Subscription) -> Subscription:
    """Let the bot open no new trades. One that is off, or that is to stop, opens none as it is.

    Raises SubscriptionIsOver, SubscriptionIsGone, or CommandRefused where the bot cannot be asked.
    """
    subscription, bot, engine = _lock(actor, subscription)
    _refuse_over(subscription, bot)
    if engine.is_on and bot.desired_state == DesiredState.RUNNING:
        lifecycle.request_pause(actor=actor, bot=bot)
    if subscription.status != SubscriptionStatus.PAUSED:
        subscription.status, subscription.paused_at = SubscriptionStatus.PAUSED, CurrentTimestamp()
        _save(subscription, "status", "paused_at")
    return subscription


@transaction.atomic
@ledger.named("subscription.resume")
def resume(*, actor: User, subscription: Subscription) -> Subscription:
    """Let the bot trade again, and start it where it was stopped by hand.

    Raises SubscriptionIsOver, SubscriptionIsGone, CommandRefused, or NoPlace where there is no room for it.
    """
    subscription, bot, engine = _lock(actor, subscription)
    _refuse_over(subscription, bot)
    if not engine.is_on or bot.desired_state == DesiredState.STOPPED:
        running.start(actor=actor, bot=bot)
    elif bot.desired_state == DesiredState.PAUSED and bot.status != BotStatus.RUNNING:
        lifecycle.request_resume(actor=actor, bot=bot)
    if subscription.status != SubscriptionStatus.ACTIVE:
        subscription.status, subscription.paused_at = SubscriptionStatus.ACTIVE, None
        _save(subscription, "status", "paused_at")
    return subscription


@transaction.atomic
@ledger.named("subscription.allocate")
def change_allocation(*, actor: User, subscription: Subscription, allocation: Decimal) -> Subscription:
    """Let the bot use another amount; an engine that is on starts again with it.

    Raises SubscriptionIsOver, SubscriptionIsGone, or SetupRefused where it is too little.
    """
    subscription, bot, engine = _lock(actor, subscription)
    _refuse_over(subscription, bot)
    wanted = replace(wanted_of(bot, engine), allocation=allocation)
    running.refuse_problems(wanted)
    if subscription.allocation_amount != allocation:
        subscription.allocation_amount = allocation
        # Before the engine: the database lets the one follow the other, under the name of that.
        _save(subscription, "allocation_amount")
    running.change(actor=actor, bot=bot, wanted=wanted, note=bot.description)
    return subscription


@transaction.atomic
@ledger.named("subscription.cancel")
def cancel(*, actor: User, subscription: Subscription, way: StopWay) -> Subscription:
    """End it for good. `way` says what becomes of the open trades of its bot, which stays, stopped, with its record.

    Raises SubscriptionIsGone.
    """
    subscription, bot, engine = _lock(actor, subscription)
    if subscription.is_over:
        return subscription
    if engine.phase != Phase.OFF:
        running.stop(actor=actor, bot=bot, way=way)
    subscription.status, subscription.paused_at = SubscriptionStatus.CANCELLED, None
    subscription.cancelled_at = CurrentTimestamp()
    _save(subscription, "status", "paused_at", "cancelled_at")
    return subscription


def wanted_of(bot: Bot, engine: BotEngine) -> Wanted:
    """The bot as it is set up. Raises SetupRefused where that is not valid any more."""
    try:
        configuration = kinds.parse(engine.config_json)
    except ConfigurationRefused as refused:
        raise SetupRefused([("", problem.sentence) for problem in refused.problems]) from None
    return Wanted(str(bot), configuration, engine.allocation, Mode(engine.mode))


def _offered(template: BotTemplate) -> BotTemplate:
    """As it is now, in this transaction."""
    offered = BotTemplate.across_tenants.filter(pk=template.pk, is_public=True).first()
    if offered is None:
        raise TemplateNotOffered(f"{template} is not public, so nobody can subscribe to it.")
    return offered


def _lock(actor: User, subscription: Subscription) -> Parts:
    """All three rows as they are now. A subscription goes with its bot."""
    take_turns(actor)
    gone = SubscriptionIsGone("This subscription was deleted a moment ago, together with its bot.")
    bot = Bot.objects.filter(pk=subscription.bot_id).first()
    if bot is None:
        raise gone
    try:
        bot, engine = running.lock_engine(bot)
        locked = Subscription.objects.select_for_update(of=("self",)).get(pk=subscription.pk)
    except (BotIsGone, Subscription.DoesNotExist):
        raise gone from None
    return locked, bot, engine


def _refuse_over(subscription: Subscription, bot: Bot) -> None:
    if subscription.is_over:
        raise SubscriptionIsOver(
            f"The subscription of {bot} was cancelled, which is final. Subscribe to the template anew instead."
        )


def _save(subscription: Subscription, *fields: str) -> None:
    """Write them, and read back what the database filled in."""
    subscription.save(update_fields=[*fields, "updated_at"])
    subscription.refresh_from_db(fields=[*fields, "updated_at"])
