"""The trail's words about an account and who comes to it."""

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
}


def learn() -> None:
    """Make them known."""
    words.learn("Account", ACTIONS, resources=RESOURCES, fields=FIELDS)
