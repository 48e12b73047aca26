"""Traders on the staff site."""

from django.contrib import admin

from accounts.models import SupportUser
from audit.staff import WatchedAdmin
from tradewise.web.staff import staff_site


@admin.register(SupportUser, site=staff_site)
class SupportUserAdmin(WatchedAdmin):
    """Found by the whole e-mail address or the tenant's id."""

    resource, resource_key = "user", "pk"
    list_display = ("email", "full_name", "is_active", "last_login", "created_at")
    fields = ("email", "full_name", "tenant_id", "is_active", "last_login", "created_at")
    search_fields = ("email",)
    search_help_text = "The whole e-mail address, or the tenant's id."
    exact_search = ("email", "tenant_id")
