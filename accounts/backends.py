"""How staff prove who they are, on the staff site alone."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User
from tradewise.web.addresses import client_address

#: Failed attempts for one address of mail, and from one IP address, in `WINDOW` seconds.
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
        counters = [f"staff-login.{email}"]
        if request is not None:
            counters.append(f"staff-login.{client_address(request)}")
        if any((cache.get(key) or 0) >= TRIES for key in counters):
            raise PermissionDenied
        user = User.across_tenants.filter(email=email, is_staff=True).first()
        if user is None:
            User().set_password(password)  # takes as long as a check
        elif user.check_password(password) and self.user_can_authenticate(user):
            return user
        for key in counters:
            cache.add(key, 0, WINDOW)
            cache.incr(key)
        return None

    def get_user(self, user_id: int) -> User | None:
        """By the number in the session."""
        user = User.across_tenants.filter(pk=user_id, is_staff=True).first()
        return user if user is not None and self.user_can_authenticate(user) else None
