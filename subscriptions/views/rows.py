"""A subscription as the list shows it: what its bot does, and what it has earned so far."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeGuard

from bots.enums import BotStatus, DesiredState
from bots.models import Bot, BotEngine, BotFigures
from bots.queries import COMMAND_SECONDS, WORKING
from bots.views.engine import mode_of_engine, version_of_engine
from bots.views.requests import engine_of
from bots.views.rows import status_words
from marketplace.models import BotTemplate
from subscriptions.comparing import Compared, compare
from subscriptions.enums import SubscriptionStatus
from subscriptions.models import Subscription
from subscriptions.queries import Withdrawn, templates_of, withdrawn_of

UNDER_WAY: Final = timedelta(seconds=COMMAND_SECONDS)
GOES_ON: Final = "Your bot goes on as it is set up."
NOT_PAUSED: Final = (
    "Its bot still opens new trades, although it is to be paused. Pause it again, or resume it."
)
NOT_RESUMED: Final = "Its bot still opens no new trades, although it is to run. Resume it."
NOT_PUBLIC: Final = f"The template is no longer offered. {GOES_ON}"


@dataclass(frozen=True, slots=True)
class Row:
    """One subscription. What is not known yet is None."""

    subscription: Subscription
    bot: Bot
    template: BotTemplate | Withdrawn | None
    status: str
    status_label: str
    mode: str
    profit: Decimal | None
    since: datetime | None
    """Of when on the profit tells. None for all that the bot did in its mode: back in one, it counts on from before."""
    notes: tuple[str, ...]
    is_bad: bool
    compared: Compared
    newer: int | None
    """The number of a newer version, where there is one to move to."""
    astray: str
    """What to say where its bot does not do what it is to do, and nothing is on its way to it; else empty."""

    @property
    def title(self) -> str:
        """The template's name; the bot's where the template is not to be seen any more."""
        return str(self.template or self.bot)

    @property
    def may_pause(self) -> bool:
        """Whether pausing is offered: also once more, where a pause was lost."""
        if self.subscription.is_over:
            return False
        return self.subscription.status == SubscriptionStatus.ACTIVE or self.astray == NOT_PAUSED

    @property
    def may_resume(self) -> bool:
        """Whether resuming is offered: to a paused one, to one whose bot was stopped or paused by hand, and once more
        where a resume was lost.
        """
        if self.subscription.is_over:
            return False
        is_paused = self.subscription.status == SubscriptionStatus.PAUSED
        return is_paused or bool(self.astray) or self.bot.desired_state != DesiredState.RUNNING


def rows_of(subscriptions: Sequence[Subscription], now: datetime) -> list[Row]:
    """In the same order."""
    templates = templates_of(subscriptions)
    gone = withdrawn_of(each for each in subscriptions if each.template_id not in templates)
    return [
        _row(
            subscription,
            templates.get(subscription.template_id) or gone.get(subscription.template_id),
            now,
        )
        for subscription in subscriptions
    ]


def version_of(subscriptions: Sequence[Subscription]) -> str:
    """Changes with whatever the list shows of them."""
    parts = [
        f"{template.pk}-{template.updated_at.timestamp():.6f}"
        for template in templates_of(subscriptions).values()
    ]
    for subscription in subscriptions:
        bot, figures = subscription.bot, figures_of(subscription.bot)
        taken = figures.taken_at.timestamp() if figures and figures.taken_at else 0
        stamps = f"{subscription.updated_at.timestamp():.6f}-{bot.updated_at.timestamp():.6f}-{taken:.6f}"
        reckoned = (subscription.performance_data or {}).get("until")
        parts.append(f"{subscription.pk}-{bot.checks}-{stamps}{version_of_engine(engine_of(bot))}-{reckoned}")
    return hashlib.blake2b("|".join(parts).encode(), digest_size=12).hexdigest()


def figures_of(bot: Bot) -> BotFigures | None:
    """The latest figures, or None before the first reading."""
    try:
        return bot.figures
    except BotFigures.DoesNotExist:
        return None


def _row(
    subscription: Subscription,
    template: BotTemplate | Withdrawn | None,
    now: datetime,
) -> Row:
    bot, figures = subscription.bot, figures_of(subscription.bot)
    engine = engine_of(bot)
    asked = bot.command_asked_at
    is_under_way = bool(bot.command and asked is not None and now - asked < UNDER_WAY)
    astray = "" if is_under_way else _astray(bot, engine)
    status, label = status_words(bot.status, bot.health, bot.command, is_under_way=is_under_way)
    return Row(
        subscription=subscription,
        bot=bot,
        template=template,
        status=status,
        status_label=label,
        mode=mode_of_engine(bot, engine),
        profit=figures.profit_all if figures else None,
        since=bot.created_at if bot.record_since is None else None,
        notes=tuple(_notes(subscription, bot, template, engine, astray)),
        is_bad=bot.status == BotStatus.ERROR or bot.health not in WORKING,
        compared=compare(subscription, now),
        newer=_newer(subscription, template),
        astray=astray,
    )


def _astray(bot: Bot, engine: BotEngine | None) -> str:
    if engine is None or not engine.is_on:
        return ""
    lost: dict[tuple[str | None, str], str] = {
        (DesiredState.PAUSED, BotStatus.RUNNING): NOT_PAUSED,
        (DesiredState.RUNNING, BotStatus.CONNECTED): NOT_RESUMED,
    }
    return lost.get((bot.desired_state, bot.status), "")


def _is_offered(template: BotTemplate | Withdrawn | None) -> TypeGuard[BotTemplate]:
    return isinstance(template, BotTemplate) and template.is_public


def _newer(subscription: Subscription, template: BotTemplate | Withdrawn | None) -> int | None:
    if not _is_offered(template) or subscription.is_over:
        return None
    return template.version if template.version > (subscription.version or 0) else None


def _notes(
    subscription: Subscription,
    bot: Bot,
    template: BotTemplate | Withdrawn | None,
    engine: BotEngine | None,
    astray: str,
) -> Iterable[str]:
    """What a trader would not expect, in sentences."""
    if bot.connection_error:
        yield bot.connection_error
    if isinstance(template, Withdrawn):
        yield f"The template was withdrawn: {template.reason}"
    if subscription.is_over:
        if engine is not None and engine.is_on:
            yield "Its bot is being stopped."
        return
    if not _is_offered(template):
        yield GOES_ON if isinstance(template, Withdrawn) else NOT_PUBLIC
    if astray:
        yield astray
    elif subscription.status == SubscriptionStatus.PAUSED:
        if bot.desired_state == DesiredState.RUNNING and engine is not None and engine.is_on:
            yield "Its bot was started again on its own page, so it trades."
    elif bot.desired_state == DesiredState.STOPPED:
        yield "Its bot was stopped on its own page. Resume to start it again."
    elif bot.desired_state == DesiredState.PAUSED:
        yield "Its bot was paused on its own page. Resume to let it open new trades again."
