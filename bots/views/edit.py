"""Changing a bot's name or address, and letting go of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.http import TraderRequest, outside_transaction
from bots.enums import HealthReason
from bots.exceptions import EngineIsOn
from bots.forms import DeleteForm, EditForm
from bots.models import Bot
from bots.services.connecting import Address, delete_bot
from bots.services.diagnosing import answers_well, diagnose
from bots.services.editing import Tested, edit_bot
from bots.services.limits import may_test
from bots.views.connect import TOO_OFTEN
from bots.views.facts import diagnosis
from bots.views.requests import engine_of, own_bot
from tradewise.exceptions import DomainError
from tradewise.web.binding import as_trader
from tradewise.web.pages import SeeOther, render_page, wants_fragment


@outside_transaction
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@login_required
@sensitive_variables("data")
def edit(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Save the changes; a new password is tested first, outside every transaction."""
    with as_trader(request):
        bot = own_bot(bot_id)
    if engine_of(bot) is not None:
        return SeeOther(reverse("bots:setup", args=[bot.bot_id]))
    if request.method == "GET":
        told = {"name": bot.name, "description": bot.description, "url": bot.api_url}
        return _page(request, bot, EditForm(initial=told))
    form = EditForm(request.POST)
    if not form.is_valid():
        return _page(request, bot, form, status=422)
    data = form.cleaned_data
    tested = None
    if "credentials" in data:
        if not may_test(request.user):
            return _page(request, bot, form, status=429, refusal=TOO_OFTEN)
        address = Address(data["url"], data["credentials"])
        tested = Tested(address, diagnose(address.url, address.credentials))
        if not answers_well(tested.probe):
            return _page(request, bot, form, status=422, diagnosis=diagnosis(tested.probe))
    return _save(request, bot, form, tested)


@require_http_methods(["GET", "POST"])
@login_required
def delete(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Ask for the bot's name, then forget it with all its history."""
    bot = own_bot(bot_id)
    form = DeleteForm(request.POST or None, bot_name=str(bot))
    engine = engine_of(bot)
    context = {"bot": bot, "form": form, "engine": engine, "is_on": engine is not None and engine.is_on}
    if request.method == "POST" and form.is_valid():
        try:
            return _delete(request, bot)
        except EngineIsOn as refusal:
            told = {**context, "refusal": refusal}
            return render_page(request, "bots/delete.html", told, fragment="form", status=409)
    status = 422 if request.method == "POST" else 200
    return render_page(request, "bots/delete.html", context, fragment="form", status=status)


def _delete(request: TraderRequest, bot: Bot) -> HttpResponse:
    name, runs_elsewhere = str(bot), engine_of(bot) is None
    delete_bot(actor=request.user, bot=bot)
    then = (
        "The bot itself goes on as it was." if runs_elsewhere else "Its engine and what it kept are put away."
    )
    messages.success(request, f"{name} is deleted here. {then}")
    home = reverse("bots:fleet")
    return HttpResponseClientRedirect(home) if wants_fragment(request) else SeeOther(home)


def _page(
    request: TraderRequest, bot: Bot, form: EditForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    told = {"bot": bot, "form": form, "needs_token": bot.health == HealthReason.NEEDS_TOKEN, **context}
    return render_page(request, "bots/edit.html", told, fragment="form", status=status)


@sensitive_variables("data")
def _save(request: TraderRequest, bot: Bot, form: EditForm, tested: Tested | None) -> HttpResponse:
    data = form.cleaned_data
    try:
        with as_trader(request):
            bot = edit_bot(
                actor=request.user,
                bot=bot,
                name=data["name"],
                description=data["description"],
                url=data["url"],
                tested=tested,
            )
    except DomainError as refusal:
        return _page(request, bot, form, status=409, refusal=refusal)
    return _saved(request, bot)


def _saved(request: TraderRequest, bot: Bot) -> HttpResponse:
    if bot.health == HealthReason.NEEDS_TOKEN:
        messages.warning(request, f"{bot} is saved. {bot.connection_error}")
    else:
        messages.success(request, f"{bot} is saved.")
    there = bot.get_absolute_url()
    return HttpResponseClientRedirect(there) if wants_fragment(request) else SeeOther(there)
