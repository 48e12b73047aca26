"""Taking turns: rows that are read to be changed, in the order trader, then bot."""

from typing import Final

from django.db import connection

from accounts.models import User
from accounts.platform import Owner
from bots.exceptions import BotIsGone
from bots.models import Bot
from tradewise.tenancy.models import CurrentTimestamp


def lock(bot: Bot) -> Bot:
    """The row as it is now, ours until the transaction ends, with the database's time as `asked_now`.

    Raises BotIsGone for one that was deleted since it was read.
    """
    bots = Bot.objects.annotate(asked_now=CurrentTimestamp()).select_for_update(of=("self",))
    try:
        return bots.get(pk=bot.pk)
    except Bot.DoesNotExist:
        raise BotIsGone(f"{bot} was deleted a moment ago.") from None


_PLATFORM: Final = 3_501_746_155_921_770_113  # any number


def take_turns(actor: Owner) -> None:
    """One at a time for each tenant: what is counted and looked for afterwards stays as it is found.

    Rows that point to the trader may be written meanwhile.
    """
    if isinstance(actor, User):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        return
    # Who acts for the platform may not read users.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PLATFORM])
