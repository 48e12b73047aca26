"""The diary of a bot, as far as its trader writes it; the sweep writes what it saw."""

from bots.models import Bot, BotEvent


def record(bot: Bot, kind: str, sentence: str) -> BotEvent:
    """Note in the same transaction what was done to the bot. `kind` is connected, command or changed."""
    return BotEvent.objects.create(
        tenant_id=bot.tenant_id,
        bot=bot,
        kind=kind,
        status=bot.status,
        health=bot.health,
        sentence=sentence,
    )
