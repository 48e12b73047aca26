"""Public templates that TradeWise runs on its own account, as a dry run: the source of a record to be believed."""

import logging
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from accounts.platform import Platform
from audit import ledger
from bots.enums import BotType, Mode, StopWay
from bots.exceptions import CommandRefused, NoPlace, SetupRefused
from bots.models import Bot
from bots.services import running
from bots.services.locking import take_turns
from bots.strategies import kinds, needs
from bots.strategies.common import Configuration, ConfigurationRefused
from marketplace.models import BotTemplate
from tradewise.outbox import enqueue
from tradewise.tenancy.context import PLATFORM, tenant_context

logger = logging.getLogger(__name__)

KIND: Final = "marketplace.run_platform_bot"
"""Of messages in the outbox: a wire format."""
LEAST: Final = Decimal(1000)
"""What a platform bot trades with, where its parameters do not need more."""


@transaction.atomic
def run_template(*, actor: Platform, template: BotTemplate, mode: Mode = Mode.DRY_RUN) -> Bot:
    """Start the platform's bot of this template; the one that there is, where there is one.

    Within PLATFORM's context. Raises SetupRefused for a template that no engine runs, NoPlace where there is no room.
    """
    if not template.is_public:
        raise SetupRefused([("", f"{template} is not public, so TradeWise does not run it.")])
    take_turns(actor)
    bot = bot_of(template)
    if bot is not None:
        return running.start(actor=actor, bot=bot) if not bot.engine.is_on else bot
    try:
        configuration = kinds.parse(template.config_json)
    except ConfigurationRefused as refused:
        raise SetupRefused([(problem.field, problem.sentence) for problem in refused.problems]) from None
    wanted = running.Wanted(
        template.name, configuration, allocation_of(configuration), mode, template.template_id
    )
    return running.launch_bot(actor=actor, wanted=wanted, bot_type=BotType.PLATFORM)


@transaction.atomic
def stop_template(*, actor: Platform, template: BotTemplate) -> Bot | None:
    """Let the platform's bot of this template end when its open trades are closed; None where there is none."""
    bot = bot_of(template)
    if bot is None or not bot.engine.is_on:
        return None
    try:
        return running.stop(actor=actor, bot=bot, way=StopWay.EXITS)
    except CommandRefused:
        return None


def bot_of(template: BotTemplate) -> Bot | None:
    """The platform's bot of this template, with its engine. A replay, which has none, is not it."""
    bots = Bot.objects.select_related("engine").filter(engine__isnull=False)
    return bots.filter(bot_type=BotType.PLATFORM, config_template=template.template_id).first()


def allocation_of(configuration: Configuration) -> Decimal:
    """What the platform's bot of it trades with."""
    return max(LEAST, needs.needed_allocation(configuration))


def ask(*, actor: str, template: BotTemplate) -> None:
    """Ask the worker to run a template: for the staff site, whose login starts nothing. `actor` is `staff:N`."""
    with tenant_context(PLATFORM, actor=actor, action="platform_bot.ask"):
        ledger.event("platform_bot.ask", resource="template", key=template.template_id)
        enqueue(KIND, {"template_id": template.template_id, "actor": actor})


def deliver(payload: dict[str, Any]) -> None:
    """What the worker does with such a message. Without room it raises NoPlace, and the message is tried again."""
    template = BotTemplate.across_tenants.filter(template_id=payload["template_id"], is_public=True).first()
    if template is None:
        logger.warning("a template was withdrawn before it was run template=%s", payload["template_id"])
        return
    actor = Platform(str(payload["actor"]))
    try:
        with tenant_context(PLATFORM, actor=actor.pk, action="platform_bot.run"):
            run_template(actor=actor, template=template)
    except NoPlace:
        raise
    except (SetupRefused, CommandRefused) as refusal:
        logger.warning("a template is not run: %s template=%s", refusal, template.template_id)
        ledger.event_of(
            PLATFORM,
            "platform_bot.refused",
            resource="template",
            key=template.template_id,
            new={"reason": str(refusal)},
        )
