"""The audit trail: who did what, from where, and what it was before; and the seals over it.

The tables are partitioned by month, and their indexes are made in SQL (`audit/migrations`).
"""

from typing import ClassVar

from django.conf import settings
from django.db import models

from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class AuditLog(TenantOwned):
    """One entry. Nobody changes or deletes one; closing an account empties `user`.

    `actor` is the number of a trader, `staff:N`, `ops:NAME`, `visitor` (nobody logged in yet), or, where no
    request of ours said who it is, the login of the database. `login` is always the latter.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    actor = models.CharField(max_length=100)
    action = models.CharField(max_length=100)
    resource_type = models.CharField(max_length=50)
    resource_id = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as ordered
    old_values = models.JSONField(null=True)
    new_values = models.JSONField(null=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(null=True)  # noqa: DJ001 - as ordered
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())

    login = models.CharField(max_length=63)
    #: The transaction that wrote it, as a number that only grows.
    xact = models.BigIntegerField()

    objects = TenantManager["AuditLog"]()
    across_tenants: ClassVar[models.Manager["AuditLog"]] = models.Manager()

    class Meta:
        db_table = "audit_logs"
        verbose_name = "entry"
        verbose_name_plural = "audit trail"

    def __str__(self) -> str:
        return f"{self.action} {self.resource_type} {self.resource_id or ''}".strip()
