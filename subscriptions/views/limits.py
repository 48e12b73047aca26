"""What a trader allows all subscriptions together."""

from decimal import Decimal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.http import TraderRequest
from subscriptions.forms import LimitForm
from subscriptions.models import AllocationLimit
from subscriptions.services import amounts
from tradewise.web import formatting
from tradewise.web.pages import SeeOther


@require_http_methods(["GET", "POST"])
@login_required
def limit(request: TraderRequest) -> HttpResponse:
    """Show what is allowed and used, and allow another amount of one currency."""
    limits = list(AllocationLimit.objects.order_by("currency"))
    first = {"currency": limits[0].currency, "amount": limits[0].amount} if limits else {"currency": "USDT"}
    form = LimitForm(request.POST if request.method == "POST" else None, initial=first)
    if form.is_bound and form.is_valid():
        currency, amount = form.cleaned_data["currency"], form.cleaned_data["amount"]
        amounts.set_limit(actor=request.user, currency=currency, amount=amount)
        messages.success(request, _told(currency, amount))
        return SeeOther(reverse("subscriptions:mine"))
    rows = [(each, amounts.used(each.currency)) for each in limits[:20]]
    context = {"form": form, "rows": rows}
    return render(request, "subscriptions/limit.html", context, status=422 if form.is_bound else 200)


def _told(currency: str, amount: Decimal | None) -> str:
    if amount is None:
        return f"Your subscriptions have no limit of your own in {currency}."
    said = f"Your subscriptions may use {formatting.amount(amount, currency)} together."
    used = amounts.used(currency)
    if used > amount:
        return f"{said} They use {formatting.amount(used, currency)} now and go on; none is given more."
    return said
