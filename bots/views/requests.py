"""What the views of bots start from: a bot of one's own, and the way back."""

from django.http import Http404, HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from bots.models import Bot, BotEngine


def own_bot(bot_id: str) -> Bot:
    """The tenant's bot with this public id. Another's is as little there as one that never was."""
    try:
        bots = Bot.objects.with_figures().select_related("figures", "engine").defer("engine__log_lines")
        return bots.get(bot_id=bot_id)
    except Bot.DoesNotExist:
        raise Http404 from None


def engine_of(bot: Bot) -> BotEngine | None:
    """The engine of a bot that TradeWise runs."""
    try:
        return bot.engine
    except BotEngine.DoesNotExist:
        return None


def own_engine(bot_id: str) -> tuple[Bot, BotEngine]:
    """A bot that TradeWise runs, with its engine; 404 for every other."""
    bot = own_bot(bot_id)
    engine = engine_of(bot)
    if engine is None:
        raise Http404
    return bot, engine


def way_back(request: HttpRequest, otherwise: str) -> str:
    """Where the form that was posted stands: its field `next`, if that is a page of ours."""
    there = request.POST.get("next", "")
    ours = there.startswith("/") and url_has_allowed_host_and_scheme(there, allowed_hosts=None)
    return there if ours and len(there) < 1000 else otherwise
