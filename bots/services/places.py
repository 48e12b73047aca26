"""Room for an engine: taken in the trader's own transaction, given back by the reconciler when the engine has ended."""

import uuid
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Count, Value
from django.views.decorators.debug import sensitive_variables

from bots.exceptions import NoPlace
from bots.models import Bot, BotEngine, EngineHost, EngineLimit, EnginePlace
from bots.services.tokens import seal_token
from tradewise.tenancy.context import PLATFORM
from tradewise.tenancy.models import CurrentTimestamp

SEEN_WITHIN: Final = timedelta(seconds=60)
"""A machine that has not reported for so long bears no new engine."""


def limit_of(tenant_id: uuid.UUID) -> int:
    """How many engines the tenant may run."""
    own = EngineLimit.objects.filter(tenant_id=tenant_id).first()
    return own.engines if own is not None else settings.BOT_ENGINES_PER_TENANT


def fresh_hosts() -> dict[str, EngineHost]:
    """The machines that bear engines, by their names."""
    since = CurrentTimestamp() - Value(SEEN_WITHIN)
    return {host.name: host for host in EngineHost.across_tenants.filter(seen_at__gt=since, places__gt=0)}


def can_simulate() -> bool:
    """Whether some machine offers the simulated exchange."""
    return any(host.simulates for host in fresh_hosts().values())


def take_place(bot: Bot, engine: BotEngine) -> None:
    """Reserve a port on a machine for the bot; saving is the caller's. Raises NoPlace, and then nothing is reserved.

    The caller has the trader's turn (`take_turns`), so that the limit holds for two clicks at once.
    """
    own = EnginePlace.across_tenants.filter(bot=bot).first()
    if own is None:
        _refuse_too_many(bot)
        own = _free_place(engine)
        own.tenant_id, own.bot = bot.tenant_id, bot
        own.save(update_fields=["tenant_id", "bot"])
    engine.host = own.host
    bot.exposed_host_port = own.port
    bot.api_url = f"http://127.0.0.1:{own.port}"


@sensitive_variables()
def new_credentials(bot: Bot, password: str) -> None:
    """Seal the engine's own user name and password for its new address; nobody will ever read them."""
    assert bot.api_url
    token = f"tradewise:{password}"
    bot.api_token = seal_token(tenant_id=bot.tenant_id, bot_id=bot.bot_id, url=bot.api_url, token=token)
    bot.token_set_at = CurrentTimestamp()


def _refuse_too_many(bot: Bot) -> None:
    if bot.tenant_id == PLATFORM:
        return
    most = limit_of(bot.tenant_id)
    taken = EnginePlace.across_tenants.filter(tenant_id=bot.tenant_id).count()
    if taken >= most:
        raise NoPlace(
            f"{taken} of your bots run on TradeWise's machines, and your account may run {most} at the same time. "
            "Stop one that you need less, then start this one."
        )


def _free_place(engine: BotEngine) -> EnginePlace:
    """On the machine with the bot's directory; a bot that has none yet, where the most room is."""
    hosts = fresh_hosts()
    if engine.mode == "simulated":
        hosts = {name: host for name, host in hosts.items() if host.simulates}
    if engine.host:
        hosts = {name: host for name, host in hosts.items() if name == engine.host}
    if not hosts:
        raise NoPlace(
            "No machine of TradeWise that could run this bot has reported within the last minute, so it was not "
            "started. Try again in a minute."
        )
    free = EnginePlace.across_tenants.filter(bot__isnull=True, tenant_id__isnull=True, host__in=hosts)
    rooms = dict(free.values_list("host").annotate(Count("pk")).order_by())
    for host in sorted(rooms, key=lambda name: (-rooms[name], name)):
        places = free.filter(host=host).select_for_update(skip_locked=True, of=("self",))
        place = places.order_by("port").first()
        if place is not None:
            return place
    most = sum(host.places for host in hosts.values())
    raise NoPlace(
        f"All {most} places for bots on TradeWise's machines are taken at the moment, so this one was not started and "
        "nothing was reserved. Try again later."
    )
