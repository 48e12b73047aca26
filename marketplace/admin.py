"""Templates on the staff site."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from audit.staff import WatchedAdmin
from marketplace.models import BotTemplate
from marketplace.services import platform_bots
from tradewise.web.staff import staff_site


@admin.register(BotTemplate, site=staff_site)
class TemplateAdmin(WatchedAdmin):
    """Found by the template's public number or its author's tenant."""

    resource, resource_key, tenant_field = "template", "template_id", "creator_tenant_id"
    actions = ("run_on_the_platform",)
    list_display = ("template_id", "name", "strategy_type", "risk_level", "is_public", "creator_tenant_id")
    list_filter = ("is_public", "strategy_type", "risk_level")
    fields = (
        *("template_id", "name", "description", "strategy_type", "risk_level", "is_public", "config_json"),
        *("creator_tenant_id", "subscribers_count", "created_at", "updated_at"),
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
