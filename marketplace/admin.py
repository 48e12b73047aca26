"""Templates on the staff site, and their moderation."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audit.staff import WatchedAdmin
from marketplace.differences import differences
from marketplace.enums import TemplateStatus
from marketplace.forms import ReasonsForm
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services import moderation, platform_bots
from marketplace.services.checks import checks_of
from marketplace.services.moderation import Seen
from tradewise.exceptions import DomainError
from tradewise.web.staff import staff_site


@admin.register(BotTemplate, site=staff_site)
class TemplateAdmin(WatchedAdmin):
    """Found by the template's public number or its author's tenant."""

    resource, resource_key, tenant_field = "template", "template_id", "creator_tenant_id"
    actions = ("run_on_the_platform", "feature", "unfeature")
    list_display = (
        *("template_id", "name", "strategy_type", "risk_level", "status", "featured_at"),
        "creator_tenant_id",
    )
    list_filter = ("status", "strategy_type", "risk_level")
    fields = (
        *("template_id", "name", "description", "strategy_type", "risk_level", "status", "version"),
        *("needed_allocation", "max_allocation", "config_json", "creator_tenant_id", "subscribers_count"),
        *("published_at", "featured_at", "created_at", "updated_at"),
    )
    search_fields = ("template_id",)
    search_help_text = "The template's number, or its author's tenant."
    exact_search = ("template_id", "creator_tenant_id")

    @admin.action(description="Run on TradeWise's own account (dry run)")
    def run_on_the_platform(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Ask the worker; what is not public is left out and named."""
        public = [template for template in queryset if template.is_public]
        for template in public:
            platform_bots.ask(actor=f"staff:{request.user.pk}", template=template)
        hidden = len(queryset) - len(public)
        if public:
            words = "1 template was" if len(public) == 1 else f"{len(public)} templates were"
            self.message_user(
                request, f"{words} handed to the worker. Their bots are in the list within seconds."
            )
        if hidden:
            self.message_user(
                request,
                f"{hidden} of those are not public, so TradeWise does not run them.",
                messages.WARNING,
            )

    @admin.action(description="Feature")
    def feature(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Recommend those that are published; the others are named and left."""
        self._each(request, queryset, moderation.feature, "featured", "featured already")

    @admin.action(description="Feature no more")
    def unfeature(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Recommend them no more."""
        self._each(request, queryset, moderation.unfeature, "featured no more", "not featured")

    def _each(
        self,
        request: HttpRequest,
        queryset: models.QuerySet[Any],
        service: Callable[..., bool],
        done: str,
        as_it_was: str,
    ) -> None:
        for template in queryset.order_by("pk")[: self.list_per_page]:
            try:
                is_done = service(actor=f"staff:{request.user.pk}", template=template)
            except DomainError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.message_user(request, f"{template}: {done if is_done else as_it_was}.")


class StandingFilter(admin.SimpleListFilter):
    """The queue, unless something else is asked for. Drafts are their authors' own affair."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What else there is; the queue is there without asking."""
        others = (TemplateStatus.PUBLISHED, TemplateStatus.REJECTED, TemplateStatus.WITHDRAWN)
        return [(str(status), str(status.label)) for status in others]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """By age, the oldest first."""
        if self.value() in dict(self.lookup_choices):
            return queryset.filter(status=self.value())
        if request.method == "POST":
            return queryset  # those that were ticked, wherever that was
        return queryset.filter(status=TemplateStatus.SUBMITTED)

    def choices(self, changelist: Any) -> Any:
        """As Django's, with the queue in the place of "All"."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "In moderation"} if number == 0 else choice


Decision = Callable[[str, Seen, str], TemplateVersion]


@admin.register(TemplateVersion, site=staff_site)
class VersionAdmin(WatchedAdmin):
    """What waits for a decision, oldest first; the answer is read by the author."""

    resource, resource_key, tenant_field = "template", "public_id", "creator_tenant_id"
    actions = ("approve", "reject", "withdraw")
    list_display = ("name", "number", "status", "submitted_at", "strategy_type", "risk_level", "found")
    list_filter = (StandingFilter, "strategy_type", "risk_level")
    list_select_related = ("template",)
    ordering = ("submitted_at", "pk")
    readonly_fields = ("checks", "changes")
    fields = (
        *("name", "number", "status", "reason", "checks", "changes", "description", "strategy_type"),
        *("risk_level", "config_json", "creator_tenant_id", "submitted_at", "decided_at", "created_at"),
    )
    search_fields = ("creator_tenant_id",)
    search_help_text = "The author's tenant."
    exact_search = ("creator_tenant_id",)

    @admin.display(description="failed checks")
    def found(self, version: TemplateVersion) -> str:
        """Titles of the checks that failed."""
        return ", ".join(check.title for check in checks_of(version) if check.is_well is False) or "none"

    @admin.display(description="checks")
    def checks(self, version: TemplateVersion) -> str:
        """One in each line."""
        return "\n".join(str(check) for check in checks_of(version))

    @admin.display(description="against the last published version")
    def changes(self, version: TemplateVersion) -> str:
        """Old → new, one field in each line: a line of an author's own must not look like another change."""
        return "\n".join(" ↵ ".join(each.splitlines()) for each in changes_of(version)) or "Nothing differs."

    @admin.action(description="Publish")
    def approve(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        """After a page with what is published: many at once."""
        return self._decide(
            request, queryset, "Publish", lambda actor, seen, _: moderation.approve(actor=actor, seen=seen)
        )

    @admin.action(description="Reject with a reason")
    def reject(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        """The author reads the reason."""
        return self._decide(
            request,
            queryset,
            "Reject",
            lambda actor, seen, reason: moderation.reject(actor=actor, seen=seen, reason=reason),
        )

    @admin.action(description="Withdraw with a reason")
    def withdraw(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        """Whoever uses the template reads the reason."""
        return self._decide(
            request,
            queryset,
            "Withdraw",
            lambda actor, seen, reason: moderation.withdraw(actor=actor, seen=seen, reason=reason),
        )

    def _decide(
        self, request: HttpRequest, queryset: models.QuerySet[Any], verb: str, decision: Decision
    ) -> HttpResponse | None:
        """First the page that shows what is decided about; its form brings back what was seen there."""
        is_decided = request.POST.get("decided") == "yes"
        tokens = [Seen.parse(token) for token in request.POST.getlist("seen")[: self.list_per_page]]
        all_seen = [seen for seen in tokens if seen is not None]
        form = _reasons(request, [seen.pk for seen in all_seen], is_decided=is_decided, verb=verb)
        if not is_decided or (form is not None and not form.is_valid()):
            return self._ask(request, queryset, verb, form)
        for seen in all_seen:
            reason = form.reason_for(seen.pk) if form is not None else ""
            try:
                version = decision(f"staff:{request.user.pk}", seen, reason)
            except DomainError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                version.refresh_from_db()
                self.message_user(request, f"{version}: {version.get_status_display().lower()}.")
        return None

    def _ask(
        self,
        request: HttpRequest,
        queryset: models.QuerySet[Any],
        verb: str,
        form: ReasonsForm | None,
    ) -> HttpResponse:
        found = list(queryset.select_related("template")[: self.list_per_page])
        self._note(found)
        if form is not None and not form.is_bound:
            form = ReasonsForm(keys=[version.pk for version in found])
        versions = [
            {
                "version": version,
                "seen": Seen.of(version),
                "checks": checks_of(version),
                "changes": changes_of(version),
                "reason": _own_reason(form, version.pk),
            }
            for version in found
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb}?",
            "versions": versions,
            "form": form,
            "verb": verb,
            "action": request.POST.get("action", ""),
        }
        return TemplateResponse(request, "admin/decide.html", context)


def changes_of(version: TemplateVersion) -> list[str]:
    """What differs from the version that is published; all of it where there is none."""
    published = TemplateVersion.across_tenants.filter(
        template_id=version.template_id, status=TemplateStatus.PUBLISHED, number__lt=version.number
    )
    return [str(each) for each in differences(published.order_by("-number").first(), version)]


def _reasons(request: HttpRequest, keys: list[int], *, is_decided: bool, verb: str) -> ReasonsForm | None:
    """None where no reason is asked for."""
    if verb == "Publish":
        return None
    return ReasonsForm(request.POST if is_decided else None, keys=keys)


def _own_reason(form: ReasonsForm | None, key: int) -> BoundField | None:
    """The field of one version, where more than one is decided about."""
    if form is None or len(form.keys) < 2 or key not in form.keys:
        return None
    return form[form.name_of(key)]
