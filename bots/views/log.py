"""The last lines of an engine's log."""

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.http import TraderRequest
from bots.models import Bot, BotEngine
from bots.services import running
from bots.views.requests import own_engine
from tradewise.web.pages import SeeOther, render_page, wants_fragment

PATIENCE: Final = timedelta(seconds=30)
"""For so long the page asks by itself whether the lines have come."""


@require_http_methods(["GET", "POST"])
@login_required
def log(request: TraderRequest, bot_id: str) -> HttpResponse:
    """What was fetched last; a POST has it fetched anew."""
    bot, engine = own_engine(bot_id)
    if request.method == "POST":
        engine = running.ask_for_log(actor=request.user, bot=bot)
        if not wants_fragment(request):
            return SeeOther(reverse("bots:log", args=[bot.bot_id]))
    context = log_context(bot, engine)
    if request.method == "GET" and wants_fragment(request) and context["is_coming"]:
        return HttpResponse(status=204)
    if wants_fragment(request):
        return render(request, "bots/log.html#log", context)
    return render_page(request, "bots/log.html", context, fragment="log")


def log_context(bot: Bot, engine: BotEngine) -> dict[str, Any]:
    """The lines, and whether newer ones are on their way."""
    asked, taken = engine.log_asked_at, engine.log_taken_at
    is_asked = asked is not None and (taken is None or taken < asked)
    is_late = asked is not None and is_asked and timezone.now() - asked > PATIENCE
    return {
        "bot": bot,
        "engine": engine,
        "lines": engine.log_lines,
        "is_coming": is_asked and not is_late,
        "is_late": is_late,
    }
