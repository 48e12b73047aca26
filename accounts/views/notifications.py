"""What a trader is told outside the site: the choices, the webhook, and how the last ones went."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.enums import EXPLAINED
from accounts.exceptions import NoWebhook
from accounts.forms import ChoicesForm, WebhookForm
from accounts.http import TraderRequest
from accounts.models import Notification
from accounts.services import choices, webhooks
from tradewise.web.pages import SeeOther

LATEST: Final = 10


@require_http_methods(["GET", "POST"])
@login_required
def page(request: TraderRequest) -> HttpResponse:
    """What is chosen, and a form to choose otherwise."""
    if request.method == "GET":
        return _page(request)
    form = ChoicesForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, refusal="Nothing was saved: the page was old. Choose again.")
    by_webhook = form.cleaned_data["by_webhook"] if "webhook_shown" in request.POST else None
    choices.choose(actor=request.user, by_mail=form.cleaned_data["by_mail"], by_webhook=by_webhook)
    messages.success(request, "Your choices are saved. They hold from now on.")
    return SeeOther(reverse("account_notifications"))


@require_POST
@login_required
@sensitive_variables("secret")
def webhook(request: TraderRequest) -> HttpResponse:
    """Set the address. The secret is on the answer to the first one, and never again."""
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, form=form)
    secret = webhooks.set_webhook(actor=request.user, url=form.cleaned_data["url"])
    if secret:
        return _page(request, secret=secret)
    messages.success(request, "The address is saved. Its secret is the one from before.")
    return SeeOther(reverse("account_notifications"))


@require_POST
@login_required
@sensitive_variables("secret")
def secret(request: TraderRequest) -> HttpResponse:
    """Another secret, on the answer alone."""
    try:
        made = webhooks.renew_secret(actor=request.user)
    except NoWebhook as refusal:
        return _page(request, status=409, refusal=refusal)
    return _page(request, secret=made)


@require_POST
@login_required
def test(request: TraderRequest) -> HttpResponse:
    """Send a test."""
    try:
        webhooks.send_test(actor=request.user)
    except NoWebhook as refusal:
        return _page(request, status=409, refusal=refusal)
    messages.success(
        request, "A test is on its way. Load this page again in a few seconds to see the answer."
    )
    return SeeOther(reverse("account_notifications"))


@require_POST
@login_required
def remove(request: TraderRequest) -> HttpResponse:
    """Forget the address and its secret."""
    webhooks.remove_webhook(actor=request.user)
    messages.success(request, "The webhook is removed. Nothing is sent there any more.")
    return SeeOther(reverse("account_notifications"))


@sensitive_variables("context")
def _page(request: TraderRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    hook = webhooks.webhook()
    context.setdefault("form", WebhookForm(initial={"url": hook.url} if hook else None))
    known = {
        "hook": hook,
        "choices": [(choice, EXPLAINED[event]) for event, choice in choices.choices().items()],
        "latest": Notification.objects.order_by("-id")[:LATEST],
        **context,
    }
    return render(request, "account/notifications.html", known, status=status)
