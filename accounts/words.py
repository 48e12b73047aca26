"""The trail's words about an account and who comes to it."""

from accounts.enums import Event
from audit import words
from audit.words import Resource

ACTIONS = {
    "account.sign_up": "Signed up",
    "account.confirm_email": "Confirmed the e-mail address",
    "account.login": "Logged in",
    "account.login_failed": "Failed to log in",
    "account.logout": "Logged out",
    "account.password_change": "Changed the password",
    "account.password_reset": "Set a new password by a code from a mail",
    "account.password_reset_asked": "Asked for a code to set a new password",
    "account.email_change": "Changed the e-mail address",
    "account.email_change_asked": "Asked to change the e-mail address",
    "account.reauthenticate": "Entered the password again",
    "account.code_asked": "Asked for a code by mail",
    "account.code_refused": "Entered a wrong code",
    "user.create": "Created the account",
    "user.change": "Changed the account",
    "user.delete": "Deleted the account",
    "email.create": "Added an e-mail address",
    "email.change": "Changed an e-mail address",
    "email.delete": "Removed an e-mail address",
    "email_confirmation.change": "Changed a confirmation of an e-mail address",
    "notifications.choose": "Chose what to be told of",
    "notification.create": "Noted something to tell",
    "notification.change": "Changed what was to be told",
    "notification.delete": "Forgot what was told",
    "notification.tell": "Told what had happened",
    "webhook.set": "Set the webhook's address",
    "webhook.renew": "Made a new secret for the webhook",
    "webhook.remove": "Removed the webhook",
    "webhook.test": "Sent a test to the webhook",
    "webhook.send": "Used the webhook's secret to send a notification",
    "webhook.create": "Set up a webhook",
    "webhook.change": "Changed the webhook",
    "webhook.delete": "Removed the webhook",
}
FIELDS = {
    "email": "E-mail address",
    "full_name": "Name",
    "hashed_password": "Password",
    "is_active": "May log in",
    "is_staff": "Is staff of TradeWise",
    "verified": "Confirmed",
    "primary": "The one in use",
    "email_address_id": "Number of the e-mail address",
    "key": "Code",
    "by_mail": "By mail",
    "by_webhook": "By webhook",
    "webhook.url": "Address",
    "webhook.secret": "Secret",
    "webhook.renewed_at": "Secret made",
    "event": "What happened",
    "occurrence": "Which time",
    "told_at": "Told",
    "mailed": "Told by mail",
    "webhook": "Webhook",
    "answered_at": "Answered",
}
VALUES = {
    f"{resource}.event": {value: str(label) for value, label in Event.choices}
    for resource in ("notification", "notification_choice")
}


RESOURCES = {
    "user": Resource("account", named_by=""),
    "email": Resource("e-mail address", "e-mail addresses", named_by="email", key_speaks=True),
    "email_confirmation": Resource(
        "confirmation of an e-mail address",
        "confirmations of e-mail addresses",
        accompanies=True,
        routine=("create", "delete"),
    ),
    "login": Resource("login"),
    "session": Resource("session"),
    "notification": Resource(
        "notification", named_by="title", accompanies=True, routine=("create", "delete")
    ),
    "notification_choice": Resource("choice of notifications", "choices of notifications", named_by="event"),
    "webhook": Resource("webhook", named_by="url"),
}


def learn() -> None:
    """Make them known."""
    words.learn("Account", ACTIONS, resources=RESOURCES, fields=FIELDS, values=VALUES)
