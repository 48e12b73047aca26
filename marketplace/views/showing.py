"""The page of one template, as everybody sees it; its author sees more."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.http import TraderRequest
from bots.setup_form import parameters_in_words
from bots.strategies import needs
from bots.views.detail import chart_library
from bots.views.launch import BY_VALUE
from marketplace import queries
from marketplace.differences import differences
from marketplace.enums import OPEN, TemplateStatus
from marketplace.exceptions import TemplateNotStartable
from marketplace.forms import VersionForm
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services.documents import as_typed
from marketplace.services.starting import configuration_of
from marketplace.views.record import shown
from marketplace.views.requests import is_written_by, readable_template
from tradewise.web import formatting


@require_GET
@login_not_required
def template(request: TraderRequest, template_id: str) -> HttpResponse:
    """What it says, what it needs, and for its author how it stands."""
    found, versions = found_template(template_id)
    is_own = is_written_by(request, found)
    number = VersionForm(request.GET).number()
    version = _shown(found, versions, number, is_own=is_own)
    if version is None:
        raise Http404
    context = {
        "template": found,
        "version": version,
        "versions": versions,
        "is_own": is_own,
        "is_current": version.number == found.version,
        "record": shown(found),
        "chart_library": chart_library(),
        **said(version),
        **(_for_the_author(found, version, versions) if is_own else {}),
    }
    return render(request, "marketplace/template.html", context)


def found_template(template_id: str) -> tuple[BotTemplate, list[TemplateVersion]]:
    """One that may be read, or one that was withdrawn and is read by who subscribed to it; newest version first."""
    try:
        found = readable_template(template_id)
    except Http404:
        gone = queries.withdrawn_template(template_id)
        if gone is None:
            raise
        return gone, queries.withdrawn_versions(gone)
    return found, list(queries.versions_of(found)[:50])


def _shown(
    template: BotTemplate, versions: list[TemplateVersion], number: int | None, *, is_own: bool
) -> TemplateVersion | None:
    """The one that was asked for; otherwise the newest for its author, and for others the one that stands."""
    if number is None:
        number = versions[0].number if is_own and versions else template.version
    return next((version for version in versions if version.number == number), None)


def said(version: TemplateVersion) -> dict[str, Any]:
    """What it says, in words."""
    kind = BY_VALUE.get(version.strategy_type or "")
    try:
        configuration = configuration_of(version)
    except TemplateNotStartable as refusal:
        return {"kind": kind, "reason": str(refusal), "document": as_typed(version.config_json)}
    needed = formatting.amount(needs.needed_allocation(configuration), configuration.stake_currency)
    return {
        "kind": kind,
        "needed": needed,
        "pairs": ", ".join(configuration.pairs),
        "timeframe": configuration.timeframe,
        "parameters": parameters_in_words(configuration),
    }


def _for_the_author(
    template: BotTemplate, version: TemplateVersion, versions: list[TemplateVersion]
) -> dict[str, Any]:
    newest = versions[0]
    published = next((each for each in versions if each.status == TemplateStatus.PUBLISHED), None)
    is_open = version.status in OPEN
    return {
        "may_edit": newest.is_editable or (template.is_public and newest.status not in OPEN),
        "may_submit": newest.status == TemplateStatus.DRAFT,
        "may_withdraw": template.is_public,
        "differences": differences(published, version) if published is not None and is_open else [],
        "published": published,
    }
