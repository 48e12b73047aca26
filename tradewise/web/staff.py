"""The staff site: Django's admin with nothing in it but what we register, and all of it read-only."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.functional import cached_property

#: Rows that are counted at most; a list of more says this many.
MOST_COUNTED = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than anyone turns pages."""

    @cached_property
    def count(self) -> int:
        """At most `MOST_COUNTED`."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class OwnPasswordForm(AdminPasswordChangeForm):
    """Writes the two columns that staff may write."""

    def save(self, commit: bool = True) -> Any:
        """Store the new password of the member of staff who asks."""
        self.user.set_password(self.cleaned_data["new_password1"])
        if commit:
            self.user.save(update_fields=["password", "updated_at"])
        return self.user


class OwnPasswordView(PasswordChangeView):
    """The old password, and the new one twice."""

    form_class = OwnPasswordForm
    template_name = "admin/password_change_form.html"
    success_url = reverse_lazy("admin:password_change_done")


class StaffSite(admin.AdminSite):
    """What staff see. Libraries register on the default site, which is served nowhere."""

    site_header = site_title = "TradeWise staff"
    index_title = "Moderation and support"
    site_url = None

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The own password."""
        context = {**self.each_context(request), **(extra_context or {})}
        view = OwnPasswordView.as_view(extra_context=context)
        return view(request)


staff_site = StaffSite(name="admin")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows of all tenants to look at. The database refuses a change too."""

    #: None: no row can be ticked.
    actions: Any = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    paginator = CappedPaginator
    change_form_template = None
    change_form_object_tools_template = "admin/read_only_tools.html"
    #: Fields that a search compares with, as a whole.
    exact_search: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Across tenants: what this process's login may see."""
        rows: models.QuerySet[Any] = self.model.across_tenants.all()
        return rows.order_by(*(self.get_ordering(request) or ("-pk",)))

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Whole values only: a part of one would read the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = models.Q()
        for field in self.exact_search:
            try:
                value = self.model._meta.get_field(field).to_python(term)
            except Exception:  # noqa: BLE001, S112 - what is no UUID is in no UUID column
                continue
            wanted |= models.Q(**{field: value})
        return (queryset.filter(wanted) if wanted else queryset.none()), False

    def history_view(self, *_: Any, **__: Any) -> HttpResponse:
        """Nothing is changed here, so there is no history."""
        raise Http404

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False
