"""What a trader asks for, and a while in which nothing more should happen."""

import time
from decimal import Decimal

from bots.services import running
from bots.strategies import kinds
from tests.reconciler.conftest import QUICK
from tradewise.tenancy.context import tenant_context


def change(played, bot, **parameters):
    config = QUICK["dca"] | {"parameters": QUICK["dca"]["parameters"] | parameters}
    wanted = running.Wanted("Quick", kinds.parse(config), Decimal(1000))
    with tenant_context(played.trader.tenant_id, actor=str(played.trader.pk)):
        running.change(actor=played.trader, bot=bot, wanted=wanted, note="")


def desire(played, bot, state):
    played.sql("UPDATE bots SET desired_state = %s WHERE id = %s", state, bot.pk)


def settle(played, seconds=0.6):
    """Ticks for a while, so that what must not happen has its chance."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        played.hurry()
        played.tick()
