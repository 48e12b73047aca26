"""The base of every row that belongs to one tenant."""

from typing import TypeVar

from django.db import models
from django.db.models.expressions import Func

from tradewise.tenancy.context import current_tenant_id

M = TypeVar("M", bound=models.Model)


class CurrentTimestamp(Func):
    """CURRENT_TIMESTAMP, the default that the order names. Django's Now() is the statement's time."""

    template = "CURRENT_TIMESTAMP"
    output_field = models.DateTimeField()


class RandomUuid(Func):
    """gen_random_uuid(), which is in PostgreSQL's core."""

    template = "gen_random_uuid()"
    output_field = models.UUIDField()


class TenantManager(models.Manager[M]):
    """Filters in Python what PostgreSQL filters again.

    The policy is the lock, this is the bell: without a tenant it raises NoTenantError, because the
    policy alone would answer with an empty table, and that looks like a quiet day.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        """All rows of the current tenant."""
        return super().get_queryset().filter(tenant_id=current_tenant_id())


class TenantOwned(models.Model):
    """A row of one tenant. Its table needs `IsolateByTenant` in a migration; a test asks for it."""

    tenant_id = models.UUIDField(editable=False)

    class Meta:
        abstract = True
