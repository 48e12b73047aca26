"""Bots."""

import factory

from bots.enums import BotType
from bots.models import Bot
from tests.factories.tenancy import TenantOwnedFactory


class BotFactory(TenantOwnedFactory):
    """A trader's own bot, connected and not checked yet."""

    class Meta:
        model = Bot

    bot_type = BotType.EXTERNAL
    name = factory.Sequence(lambda n: f"Bot {n}")
    api_url = factory.Sequence(lambda n: f"https://bot{n}.example.com")
