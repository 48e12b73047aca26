"""What a trader may ask of a subscription. Each function is one transaction; the reconciler does what it wants.

Locks are taken in the order trader, bot, engine, subscription; the template's row, where subscribers are counted, comes
last. Whoever asks twice gets what there is, and nothing is done twice.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value
from django.db.models.functions import Greatest

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
from subscriptions.exceptions import (
    SubscriptionIsGone,
    SubscriptionIsOver,
    TemplateNotOffered,
    VersionNotOffered,
)
from subscriptions.models import Subscription
from subscriptions.queries import current_subscription
from subscriptions.services.amounts import refuse_too_much
from tradewise.tenancy.models import CurrentTimestamp

LONGEST_NAME = 100
Parts = tuple[Subscription, Bot, BotEngine]


@transaction.atomic
@ledger.named("subscription.create")
def subscribe(
    *,
    actor: User,
    template: BotTemplate,
    allocation: Decimal,
    mode: Mode = Mode.DRY_RUN,
    number: int | None = None,
) -> Subscription:
    """Make the subscription and its bot, which the reconciler starts.

    `number` is the version that the trader has looked at, where that is known. A second one to the same template is the
    first one, whatever it says otherwise. Raises TemplateNotOffered, VersionNotOffered, TemplateNotStartable,
    SetupRefused, TooManyBots or NoPlace, and then there is neither.
    """
    take_turns(actor)
    there = current_subscription(template)
    if there is not None:
        return there
    template = offered(template.pk)
    _refuse_newer(template, number)
    wanted = Wanted(
        name=template.name[:LONGEST_NAME],
        configuration=configuration_of(template),
        allocation=allocation,
        mode=mode,
        template_id=template.template_id,
    )
    running.refuse_problems(wanted)
    refuse_too_much(wanted, template)
    bot = running.launch_bot(actor=actor, wanted=wanted)
    subscription = Subscription(
        tenant_id=actor.tenant_id,
        user=actor,
        bot=bot,
        template=template,
        version=template.version,
        allocation_amount=allocation,
    )
    _begin(subscription)
    return subscription


@transaction.atomic
@ledger.named("subscription.pause")
def pause(*, actor: User, subscription: Subscription) -> Subscription:
    """Let the bot open no new trades. One that is off, or that is to stop, opens none as it is.

    Raises SubscriptionIsOver, SubscriptionIsGone, or CommandRefused where the bot cannot be asked.
    """
    subscription, bot, engine = lock_parts(actor, subscription)
    refuse_over(subscription, bot)
    if _is_to_be_asked_to_pause(bot, engine):
        lifecycle.request_pause(actor=actor, bot=bot)
    if subscription.status != SubscriptionStatus.PAUSED:
        subscription.status, subscription.paused_at = SubscriptionStatus.PAUSED, CurrentTimestamp()
        save(subscription, "status", "paused_at")
    return subscription


@transaction.atomic
@ledger.named("subscription.resume")
def resume(*, actor: User, subscription: Subscription) -> Subscription:
    """Let the bot trade again, and start it where it was stopped by hand.

    Raises SubscriptionIsOver, SubscriptionIsGone, CommandRefused, or NoPlace where there is no room for it.
    """
    subscription, bot, engine = lock_parts(actor, subscription)
    refuse_over(subscription, bot)
    if not engine.is_on or bot.desired_state == DesiredState.STOPPED:
        running.start(actor=actor, bot=bot)
    elif bot.desired_state == DesiredState.PAUSED or bot.status == BotStatus.CONNECTED:
        # Also where it is seen to run, after a pause that was lost: its engine would start again paused. And where it
        # is seen paused after a resume that was lost.
        lifecycle.request_resume(actor=actor, bot=bot)
    if subscription.status != SubscriptionStatus.ACTIVE:
        subscription.paused_for = _paused_in_all(subscription)
        subscription.status, subscription.paused_at = SubscriptionStatus.ACTIVE, None
        save(subscription, "status", "paused_at", "paused_for")
    return subscription


@transaction.atomic
@ledger.named("subscription.allocate")
def change_allocation(*, actor: User, subscription: Subscription, allocation: Decimal) -> Subscription:
    """Let the bot use another amount; an engine that is on starts again with it.

    Raises SubscriptionIsOver, SubscriptionIsGone, or SetupRefused where it is too little or too much.
    """
    subscription, bot, engine = lock_parts(actor, subscription)
    refuse_over(subscription, bot)
    wanted = replace(wanted_of(bot, engine), allocation=allocation)
    running.refuse_problems(wanted)
    if subscription.allocation_amount != allocation:
        subscription.allocation_amount = allocation
        # Before the engine: the database lets the one follow the other, under the name of that.
        save(subscription, "allocation_amount")
    running.change(actor=actor, bot=bot, wanted=wanted, note=bot.description)
    return subscription


@transaction.atomic
@ledger.named("subscription.cancel")
def cancel(*, actor: User, subscription: Subscription, way: StopWay | None) -> Subscription:
    """End it for good. `way` says what becomes of the open trades of its bot, which stays, stopped, with its record.

    Raises SubscriptionIsGone, or WayNotChosen for a bot that is on where the trader was not asked.
    """
    subscription, bot, engine = lock_parts(actor, subscription)
    if subscription.is_over:
        return subscription
    if engine.phase != Phase.OFF:
        running.stop(actor=actor, bot=bot, way=way)
    subscription.paused_for = _paused_in_all(subscription)
    subscription.status, subscription.paused_at = SubscriptionStatus.CANCELLED, None
    # The worker reckons the result once more, and then it is final.
    subscription.cancelled_at = subscription.next_reckoning_at = CurrentTimestamp()
    save(subscription, "status", "paused_at", "paused_for", "cancelled_at", "next_reckoning_at")
    return subscription


def wanted_of(bot: Bot, engine: BotEngine) -> Wanted:
    """The bot as it is set up. Raises SetupRefused where that is not valid any more."""
    try:
        configuration = kinds.parse(engine.config_json)
    except ConfigurationRefused as refused:
        raise SetupRefused([("", problem.sentence) for problem in refused.problems]) from None
    return Wanted(str(bot), configuration, engine.allocation, Mode(engine.mode))


def offered(key: int) -> BotTemplate:
    """As it is now, in this transaction. Raises TemplateNotOffered."""
    template = BotTemplate.across_tenants.filter(pk=key, is_public=True).first()
    if template is None:
        raise TemplateNotOffered("The template is not public, so nobody can subscribe to it or move with it.")
    return template


def _refuse_newer(template: BotTemplate, number: int | None) -> None:
    if number is not None and template.version != number:
        raise VersionNotOffered(
            f"Version {template.version} of {template} was published meanwhile, and you looked at version {number}. "
            "You are not subscribed. Look at what it says now, then subscribe."
        )


def _begin(subscription: Subscription) -> None:
    """The database takes none but with the version that is published at that moment."""
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
    except IntegrityError:
        _refuse_newer(offered(subscription.template_id), subscription.version)
        raise


def _is_to_be_asked_to_pause(bot: Bot, engine: BotEngine) -> bool:
    """An engine that starts comes up as it is wanted. Of one that is up counts what is seen: a pause may be lost."""
    if not engine.is_on or bot.desired_state == DesiredState.STOPPED:
        return False
    if bot.desired_state == DesiredState.PAUSED:
        return engine.phase == Phase.UP and bot.status != BotStatus.CONNECTED
    return True


def _paused_in_all(subscription: Subscription) -> Any:
    if subscription.paused_at is None:
        return subscription.paused_for
    since = CurrentTimestamp() - Value(subscription.paused_at, output_field=DateTimeField())
    # Another transaction that began later may have been faster: it is never less than nothing.
    passed = Greatest(ExpressionWrapper(since, output_field=DurationField()), Value(timedelta()))
    return Value(subscription.paused_for) + passed


def lock_parts(actor: User, subscription: Subscription) -> Parts:
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


def refuse_over(subscription: Subscription, bot: Bot) -> None:
    """Raises SubscriptionIsOver."""
    if subscription.is_over:
        raise SubscriptionIsOver(
            f"The subscription of {bot} was cancelled, which is final. Subscribe to the template anew instead."
        )


def save(subscription: Subscription, *fields: str) -> None:
    """Write them, and read back what the database filled in."""
    subscription.save(update_fields=[*fields, "updated_at"])
    subscription.refresh_from_db(fields=[*fields, "updated_at"])
