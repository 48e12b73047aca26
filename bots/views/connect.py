"""Getting a bot in: a test that says what is wrong, before anything is saved."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.http import TraderRequest, outside_transaction
from bots.exceptions import BotConnectedAlready
from bots.forms import ConnectForm
from bots.models import Bot
from bots.services.connecting import Address, connect_bot, refuse_twice
from bots.services.diagnosing import answers_well, diagnose
from bots.services.limits import may_test
from bots.views.facts import diagnosis
from tradewise.exceptions import DomainError
from tradewise.web.binding import as_trader
from tradewise.web.pages import SeeOther, render_page, wants_fragment

TOO_OFTEN = (
    "You have tested many addresses in a short time. Wait a minute, then try again; nothing was changed."
)


@outside_transaction
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@login_required
def connect(request: TraderRequest) -> HttpResponse:
    """Test an address, or test it and save the bot. The bot is asked outside every transaction."""
    if request.method == "GET":
        return _page(request, ConnectForm())
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    address = Address(form.cleaned_data["url"], form.cleaned_data["credentials"])
    try:
        with as_trader(request):
            refuse_twice(address.url)
        if not may_test(request.user):
            return _page(request, form, status=429, refusal=TOO_OFTEN)
        probe = diagnose(address.url, address.credentials)
        if request.POST.get("intent") == "test" or not answers_well(probe):
            status = 200 if answers_well(probe) else 422
            return _page(request, form, status=status, diagnosis=diagnosis(probe))
        with as_trader(request):
            bot = connect_bot(
                actor=request.user, name=form.cleaned_data["name"], address=address, probe=probe
            )
    except DomainError as refusal:
        return _page(request, form, status=409, refusal=refusal)
    return _to_bot(request, bot)


def _page(request: TraderRequest, form: ConnectForm, *, status: int = 200, **context: Any) -> HttpResponse:
    refusal = context.get("refusal")
    if isinstance(refusal, BotConnectedAlready):
        context["other"] = Bot(bot_id=refusal.bot_id).get_absolute_url()
    return render_page(
        request, "bots/connect.html", {"form": form, **context}, fragment="form", status=status
    )


def _to_bot(request: TraderRequest, bot: Bot) -> HttpResponse:
    messages.success(request, f"{bot} is connected. Its first figures come within a minute.")
    if wants_fragment(request):
        return HttpResponseClientRedirect(bot.get_absolute_url())
    return SeeOther(bot.get_absolute_url())
