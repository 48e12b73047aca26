"""What a view of the trader site gets."""

from accounts.models import User
from tradewise.web.http import TenantRequest, outside_transaction

__all__ = ["TraderRequest", "outside_transaction"]


class TraderRequest(TenantRequest):
    """A request of a trader who is logged in. For annotations; nothing makes one."""

    user: User
