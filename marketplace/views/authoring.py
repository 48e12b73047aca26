"""What an author does: write, submit, withdraw, throw away."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import TraderRequest
from bots.strategies import kinds
from bots.views.launch import BY_VALUE
from marketplace import queries
from marketplace.enums import EDITABLE, StrategyType
from marketplace.forms import DocumentForm, JsonForm, TemplateForm, WithdrawForm, first_values, template_form
from marketplace.forms import values_of_version as values_of
from marketplace.models import BotTemplate
from marketplace.services import authoring
from marketplace.views.requests import own_template
from tradewise.exceptions import DomainError
from tradewise.web.pages import SeeOther


@require_http_methods(["GET", "POST"])
@login_required
def new(request: TraderRequest, kind: str) -> HttpResponse:
    """Write a template of this kind."""
    if kind not in StrategyType.values:
        raise Http404
    if "fill" in request.POST:
        return _fill_in(request, kind)
    form = template_form(kind, request.POST if request.method == "POST" else None, initial=first_values(kind))
    tenant = str(request.tenant_id)
    if request.method == "GET" or not form.is_valid():
        if request.method == "GET":
            form.give_ticket(tenant)
        return _form(request, form)
    try:
        template = authoring.create(
            actor=request.user, text=form.text(), template_id=form.template_id(tenant)
        )
    except DomainError as refusal:
        form.give_ticket(tenant)
        return _form(request, form, refusal=refusal)
    messages.success(request, f"{template} is kept as a draft. Nobody else sees it yet.")
    return SeeOther(template.get_absolute_url())


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: TraderRequest, template_id: str) -> HttpResponse:
    """Write on the draft, or begin the next version."""
    template = own_template(request, template_id)
    version = queries.versions_of(template).first()
    if version is None or not (template.is_public or version.status in EDITABLE):
        return _refused(request, template, f"{template} cannot be changed as it stands now.")
    kind = str(version.strategy_type)
    if "fill" in request.POST:
        return _fill_in(request, kind, template=template)
    form = template_form(kind, request.POST if request.method == "POST" else None, initial=values_of(version))
    if request.method == "GET" or not form.is_valid():
        return _form(request, form, template=template)
    try:
        written = authoring.change(actor=request.user, template=template, text=form.text())
    except DomainError as refusal:
        return _form(request, form, template=template, refusal=refusal)
    messages.success(request, f"{written} is kept as a draft. Submit it when it is as you want it.")
    return SeeOther(template.get_absolute_url())


@require_POST
@login_required
def submit(request: TraderRequest, template_id: str) -> HttpResponse:
    """Hand it to the moderators."""
    template = own_template(request, template_id)
    try:
        version = authoring.submit(actor=request.user, template=template)
    except DomainError as refusal:
        return _refused(request, template, str(refusal))
    messages.success(request, f"{version} is with the moderators. You get their answer here and by mail.")
    return SeeOther(template.get_absolute_url())


@require_http_methods(["GET", "POST"])
@login_required
def withdraw(request: TraderRequest, template_id: str) -> HttpResponse:
    """Take it out of the marketplace, with a reason."""
    template = own_template(request, template_id)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        context = {"template": template, "form": form}
        return render(request, "marketplace/withdraw.html", context, status=status)
    try:
        authoring.withdraw(actor=request.user, template=template, reason=form.cleaned_data["reason"])
    except DomainError as refusal:
        return _refused(request, template, str(refusal))
    messages.success(request, f"{template} is withdrawn. Nobody can start with it any more.")
    return SeeOther(template.get_absolute_url())


@require_http_methods(["GET", "POST"])
@login_required
def discard(request: TraderRequest, template_id: str) -> HttpResponse:
    """Throw a draft away that was never published."""
    template = own_template(request, template_id)
    if request.method == "GET":
        return render(request, "marketplace/discard.html", {"template": template})
    try:
        authoring.discard(actor=request.user, template=template)
    except DomainError as refusal:
        return _refused(request, template, str(refusal))
    messages.success(request, f"The draft {template} is deleted.")
    return SeeOther(reverse("marketplace:templates"))


def _fill_in(request: TraderRequest, kind: str, *, template: BotTemplate | None = None) -> HttpResponse:
    """Show the form with what the JSON says, and with what else was typed. Nothing is saved."""
    if kind not in kinds.KINDS:
        raise Http404
    json = JsonForm(kind, request.POST)
    values = json.cleaned_data["json"] if json.is_valid() else {}
    form = template_form(kind, initial={**request.POST.dict(), **values})
    return _form(request, form, template=template, json=json)


def _form(
    request: TraderRequest,
    form: TemplateForm | DocumentForm,
    *,
    template: BotTemplate | None = None,
    refusal: DomainError | None = None,
    json: JsonForm | None = None,
) -> HttpResponse:
    is_wrong = form.is_bound or (json is not None and not json.is_valid())
    status = 409 if refusal else 422 if is_wrong else 200
    context: dict[str, Any] = {
        "form": form,
        "kind": BY_VALUE[form.kind],
        "template": template,
        "refusal": refusal,
        "here": request.path,
        "json": (json or JsonForm(form.kind)) if form.kind in kinds.KINDS else None,
    }
    return render(request, "marketplace/write.html", context, status=status)


def _refused(request: TraderRequest, template: BotTemplate, refusal: str) -> HttpResponse:
    context = {"refusal": refusal, "back": template.get_absolute_url()}
    return render(request, "409.html", context, status=409)
