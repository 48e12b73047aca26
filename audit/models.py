"""The audit trail: who did what, from where, and what it was before."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class AuditLog(TenantOwned):
    """One entry. Nobody changes or deletes one; closing an account empties `user`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    action = models.CharField(max_length=100)
    resource_type = models.CharField(max_length=50)
    resource_id = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as ordered
    old_values = models.JSONField(null=True)
    new_values = models.JSONField(null=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(null=True)  # noqa: DJ001 - as ordered
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())

    objects = TenantManager["AuditLog"]()
    across_tenants: ClassVar[models.Manager["AuditLog"]] = models.Manager()

    class Meta:
        db_table = "audit_logs"
        indexes = [
            models.Index(fields=["tenant_id"], name="idx_audit_tenant"),
            models.Index(fields=["user"], name="idx_audit_user"),
            models.Index(fields=["action"], name="idx_audit_action"),
            models.Index(fields=["resource_type", "resource_id"], name="idx_audit_resource"),
            models.Index(fields=["created_at"], name="idx_audit_created"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.resource_type} {self.resource_id or ''}".strip()
