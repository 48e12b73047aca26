"""Making the demo: each template through the services that everybody's go through, each record by really replaying it.

What is there already is left as it is, so a second run completes the first one, wherever that was ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from accounts.platform import Platform
from bots.enums import Mode
from bots.replays.days import days_of
from bots.replays.engine import Replay, ReplayEngine
from bots.services import composing
from bots.services.replaying import Kept, replays
from marketplace.exceptions import NameTaken
from marketplace.models import BotTemplate
from marketplace.services import authoring, moderation
from marketplace.services.demo.entries import MARK, Entry
from marketplace.services.moderation import Seen
from marketplace.services.platform_bots import allocation_of
from marketplace.services.starting import configuration_of
from tradewise.simulation.history import FIRST_DAY, Stretch, stretch
from tradewise.tenancy.context import PLATFORM

DAYS: Final = 240
WARM_UP: Final = 30
"""Days before the first one, for averages that need a while."""
_PORT: Final = 8080  # nobody listens in a backtest


@dataclass(frozen=True, slots=True)
class Span:
    """The whole days that are replayed, and the one with which their candles begin."""

    candles: date
    first: date
    days: int

    @classmethod
    def until(cls, today: date, days: int = DAYS) -> "Span":
        """The last days before today; fewer where the simulated exchange is younger."""
        first = max(today - timedelta(days=days), FIRST_DAY + timedelta(days=WARM_UP))
        return cls(first - timedelta(days=WARM_UP), first, (today - first).days)


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is of the demo, by public numbers. `public` are the templates that are published."""

    templates: frozenset[str]
    public: frozenset[str]
    replayed: frozenset[str]

    def unwritten(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that are no template yet."""
        return [entry for entry in entries if entry.template_id not in self.templates]

    def unreplayed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Published ones without a record. One that somebody withdrew stays so."""
        return [entry for entry in entries if entry.template_id in self.public - self.replayed]


def standing() -> Standing:
    """Within PLATFORM's context."""
    found = dict(demo_templates().values_list("template_id", "is_public"))
    bots = replays().filter(bot_id__startswith=MARK).values_list("bot_id", flat=True)
    return Standing(frozenset(found), frozenset(key for key in found if found[key]), frozenset(bots))


def demo_templates() -> QuerySet[BotTemplate]:
    """Those of the platform's account that bear the mark; what others wrote never does."""
    return BotTemplate.across_tenants.filter(creator_tenant_id=PLATFORM, template_id__startswith=MARK)


@transaction.atomic
def publish(*, actor: Platform, entry: Entry) -> BotTemplate:
    """Write, submit and approve each version. Raises a DomainError where any of it is refused, and then nothing is."""
    _refuse_taken_name(entry)
    first, *later = entry.texts
    template = authoring.create(actor=actor, text=first, template_id=entry.template_id)
    _approve(actor, template)
    for text in later:
        authoring.change(actor=actor, template=template, text=text)
        _approve(actor, template)
    template.refresh_from_db()
    return template


def _refuse_taken_name(entry: Entry) -> None:
    """Raises NameTaken. Ops read public templates and not the versions, by which the site finds look-alikes."""
    others = BotTemplate.across_tenants.filter(is_public=True, name__iexact=entry.name)
    if others.exclude(creator_tenant_id=PLATFORM).exists():
        raise NameTaken(f"A trader has a public template called “{entry.name}”, which keeps its name.")


def _approve(actor: Platform, template: BotTemplate) -> None:
    version = authoring.submit(actor=actor, template=template)
    version.refresh_from_db()
    moderation.approve(actor=actor.pk, seen=Seen.of(version))


class Replayer:
    """Replays templates one after the other, and makes each pair's prices once."""

    def __init__(self, engine: ReplayEngine, span: Span) -> None:
        self.engine, self.span = engine, span
        self._prices: dict[str, Stretch] = {}

    def ask(self, template: BotTemplate) -> None:
        """Let Freqtrade begin with it. Raises ReplayFailed."""
        configuration = configuration_of(template)
        for pair in configuration.pairs:
            if pair not in self._prices:
                self._prices[pair] = stretch(pair, self.span.candles, self.span.days + WARM_UP)
                self.engine.provide(pair, self._prices[pair])
        setup = composing.Setup(
            bot_id=template.template_id,
            configuration=configuration,
            allocation=allocation_of(configuration),
            mode=Mode.SIMULATED,
            port=_PORT,
            simulated_exchange=self.engine.exchange_url,
        )
        self.engine.ask(composing.compose(setup), self.span.first, self.span.days)

    def answer(self, template: BotTemplate) -> Kept:
        """What became of the one that was asked for first. Raises ReplayFailed."""
        replay = self.engine.answer()
        configuration = configuration_of(template)
        closes = {pair: self._prices[pair].closes(self.span.first) for pair in configuration.pairs}
        return Kept(
            bot_id=template.template_id,
            name=template.name,
            description=self._description(template, replay),
            template_id=template.template_id,
            configuration=configuration,
            replay=replay,
            days=days_of(replay, closes, self.span.first, self.span.days),
        )

    def _description(self, template: BotTemplate, replay: Replay) -> str:
        last = self.span.first + timedelta(days=self.span.days - 1)
        return (
            f"Replay of version {template.version} by Freqtrade's backtesting, {self.span.first} to {last}, "
            f"on invented prices, with {replay.starting} {template.config_json['stake_currency']}. "
            "At its end everything was sold."
        )
