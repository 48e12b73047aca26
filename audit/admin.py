"""The trail of all tenants on the staff site: to read, and reading it leaves a trace."""

from django.contrib import admin
from django.http import HttpRequest

from audit.models import AuditLog
from audit.staff import WatchedAdmin
from tradewise.web.staff import staff_site

SHOWN = (
    "id",
    "created_at",
    "tenant_id",
    "actor",
    "login",
    "action",
    "resource_type",
    "resource_id",
    "old_values",
    "new_values",
    "ip_address",
    "user_agent",
    "xact",
)


@admin.register(AuditLog, site=staff_site)
class AuditLogAdmin(WatchedAdmin):
    """Found by the tenant's id, the thing's id or the action, each as a whole."""

    resource, resource_key = "trail", "id"
    list_display = (
        "created_at",
        "tenant_id",
        "actor",
        "action",
        "resource_type",
        "resource_id",
        "ip_address",
    )
    fields = SHOWN
    search_fields = ("tenant_id",)
    search_help_text = "A tenant's id, the id of a bot or another thing, or an action such as bot.start."
    exact_search = ("tenant_id", "resource_id", "action")
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By an index: all of them by number, those that were searched for by time."""
        return ("-created_at", "-id") if request.GET.get("q") else ("-id",)
