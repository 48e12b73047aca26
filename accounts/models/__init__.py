"""Who has an account, and what they are told outside the site."""

from accounts.models.notifications import Notification, NotificationChoice, Webhook
from accounts.models.users import SupportUser, User, UserManager

__all__ = ["Notification", "NotificationChoice", "SupportUser", "User", "UserManager", "Webhook"]
