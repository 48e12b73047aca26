"""How much may be put on a template: what its author allows, and what the trader allows all subscriptions together."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from audit import ledger
from bots.enums import Mode
from bots.exceptions import SetupRefused
from bots.models import Bot, BotEngine
from bots.services.locking import take_turns
from bots.services.running import Wanted
from marketplace.models import BotTemplate, TemplateVersion
from subscriptions.enums import SubscriptionStatus
from subscriptions.models import AllocationLimit, Subscription


@transaction.atomic
@ledger.named("allocation_limit.set")
def set_limit(*, actor: User, currency: str, amount: Decimal | None) -> None:
    """From now on; what goes on already goes on. None takes the limit away."""
    take_turns(actor)
    limits = AllocationLimit.objects.filter(currency=currency)
    if amount is None:
        limits.delete()
    elif not limits.update(amount=amount):
        AllocationLimit.objects.create(tenant_id=actor.tenant_id, currency=currency, amount=amount)


def used(currency: str, *, besides: Bot | None = None) -> Decimal:
    """What all subscriptions that go on may use together: dry runs and real money alike, invented money not."""
    found = Subscription.objects.exclude(status=SubscriptionStatus.CANCELLED)
    found = found.filter(bot__stake_currency=currency).exclude(bot__engine__mode=Mode.SIMULATED)
    if besides is not None:
        found = found.exclude(bot=besides)
    total: Decimal | None = found.aggregate(total=Sum("allocation_amount"))["total"]
    return total or Decimal(0)


def refuse_too_much(
    wanted: Wanted, template: BotTemplate | TemplateVersion, *, bot: Bot | None = None
) -> None:
    """Raises SetupRefused beyond what the template takes, or what the trader allows; within the trader's turn."""
    refuse_more_than(wanted, template)
    currency = wanted.configuration.stake_currency
    limit = AllocationLimit.objects.filter(currency=currency).first()
    if limit is None or wanted.mode == Mode.SIMULATED:
        return
    others = used(currency, besides=bot)
    if others + wanted.allocation > limit.amount:
        left = max(limit.amount - others, Decimal(0))
        sentence = (
            f"You allow all your subscriptions together {limit.amount} {currency}, and the others have "
            f"{others} {currency} of that. At most {left} {currency} are left for this one."
        )
        raise SetupRefused([("allocation", sentence)])


def refuse_more_than(wanted: Wanted, template: BotTemplate | TemplateVersion) -> None:
    """Raises SetupRefused beyond what the template takes."""
    most = template.max_allocation
    if most is not None and wanted.allocation > most:
        currency = wanted.configuration.stake_currency
        raise SetupRefused([("allocation", f"{template} takes at most {most} {currency} from one trader.")])


def have_a_say(bot: Bot, engine: BotEngine, wanted: Wanted) -> None:
    """A bot that follows a template may have been given more on its own page: the same is refused there."""
    if wanted.allocation <= engine.allocation:
        return
    going_on = Subscription.objects.exclude(status=SubscriptionStatus.CANCELLED)
    subscription = going_on.filter(bot=bot).first()
    if subscription is not None:
        refuse_too_much(wanted, followed(subscription), bot=bot)


def followed(subscription: Subscription) -> TemplateVersion:
    """The version that it follows; one without a limit where that is not to be read any more."""
    number = subscription.version or 0
    versions = TemplateVersion.across_tenants.filter(template_id=subscription.template_id, number=number)
    return versions.first() or TemplateVersion()
