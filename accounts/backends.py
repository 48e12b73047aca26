"""How staff prove who they are, on the staff site alone."""

from contextlib import suppress
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User
from tradewise.web.addresses import client_address

#: Failed attempts from one IP address in `WINDOW` seconds. Counted by name, anybody could lock staff out.
TRIES = 10
WINDOW = 300


class StaffBackend(ModelBackend):
    """By e-mail and password. The database shows this login rows of staff and of nobody else."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The member of staff, or None. Raises PermissionDenied after too many failures."""
        if not username or not password or len(password) > 1024:
            return None
        email = username.strip().lower()
        counter = f"staff-login.{client_address(request) if request is not None else ''}"
        if (cache.get(counter) or 0) >= TRIES:
            raise PermissionDenied
        user = User.across_tenants.filter(email=email, is_staff=True).first()
        if user is None:
            User().set_password(password)  # takes as long as a check
        elif user.check_password(password) and self.user_can_authenticate(user):
            return user
        cache.add(counter, 0, WINDOW)
        with suppress(ValueError):  # it expired a moment ago
            cache.incr(counter)
        return None

    def get_user(self, user_id: int) -> User | None:
        """By the number in the session."""
        user = User.across_tenants.filter(pk=user_id, is_staff=True).first()
        return user if user is not None and self.user_can_authenticate(user) else None
