"""A user is a tenant: `users.tenant_id` is what every other table's rows belong to."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from tradewise.tenancy.models import CurrentTimestamp, RandomUuid, TenantManager


class UserManager(TenantManager["User"], BaseUserManager["User"]):
    """Users of the current tenant, of whom there is one."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user. The tenant's context must be the new user's own."""
        user: User = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """By e-mail, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """Someone who signs in by e-mail: a trader, or staff (who sign in on the staff site alone)."""

    password = models.CharField(max_length=255, db_column="hashed_password")
    email = models.CharField(max_length=255)
    full_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - as ordered
    is_active = models.BooleanField(default=True, db_default=True)
    is_staff = models.BooleanField(default=False, db_default=False)
    tenant_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUuid(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(auto_now=True, db_default=CurrentTimestamp())

    objects = UserManager()
    across_tenants: ClassVar[models.Manager["User"]] = models.Manager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "users"
        constraints = [
            models.UniqueConstraint(fields=["email"], name="idx_users_email"),
            models.UniqueConstraint(fields=["tenant_id"], name="idx_users_tenant_id"),
            models.UniqueConstraint(fields=["tenant_id", "id"], name="users_tenant_and_id"),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")) & ~models.Q(email=""),
                name="users_email_is_lower_case",
            ),
        ]
        indexes = [
            models.Index(fields=["is_active"], name="idx_users_active", condition=models.Q(is_active=True))
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Staff may do in the admin what the admin offers; the database login limits it further."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """As `has_perm`."""
        return self.is_active and self.is_staff

    def get_full_name(self) -> str:
        """The name people see; the e-mail where none was given."""
        return str(self)

    def get_short_name(self) -> str:
        """The first name, or the e-mail."""
        return (self.full_name or self.email).split(" ", 1)[0]


class SupportUser(models.Model):
    """A trader as staff see one: a view without the password's hash, readable by `tw_staff` alone."""

    email = models.CharField(max_length=255)
    full_name = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as ordered
    tenant_id = models.UUIDField()
    is_active = models.BooleanField()
    created_at = models.DateTimeField()
    last_login = models.DateTimeField(null=True)

    across_tenants: ClassVar[models.Manager["SupportUser"]] = models.Manager()

    class Meta:
        managed = False
        db_table = "support_users"
        verbose_name = "trader"

    def __str__(self) -> str:
        return self.email
