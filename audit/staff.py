"""Rows of traders on the staff site: whoever looks at them leaves a trace in the trail of whose they are."""

from typing import Any

from django.http import HttpRequest

from audit import ledger
from tradewise.web.staff import ReadOnlyAdmin


class WatchedAdmin(ReadOnlyAdmin):
    """Every page of rows, and every row, is noted before it is shown. Where that fails, nothing is shown."""

    #: What the trail calls such a row, and the field by which it knows one.
    resource: str
    resource_key: str
    #: The field that says whose row it is.
    tenant_field = "tenant_id"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of the page are read here, so that they are the ones that are noted and shown."""
        page = super().get_changelist_instance(request)
        page.result_list = list(page.result_list)
        self._note(page.result_list)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """One row."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self._note([row])
        return row

    def _note(self, rows: list[Any]) -> None:
        theirs = [(getattr(row, self.tenant_field), str(getattr(row, self.resource_key))) for row in rows]
        ledger.looked([(tenant, key) for tenant, key in theirs if tenant is not None], resource=self.resource)
