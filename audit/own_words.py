"""The words of what audit itself and the ground below it write."""

from audit import words
from audit.words import Resource

ACTIONS = {
    "staff.look": "Looked at",
    "audit.export": "Exported this trail",
}
MAIL = {
    "message.create": "Queued a mail",
    "message.change": "Changed a mail that waits",
    "message.delete": "A mail left the queue",
}
RESOURCES = {
    "trail": Resource("entry of this trail", many="entries of this trail"),
    "message": Resource("mail", accompanies=True, routine=("create", "delete")),
}
FIELDS = {
    "id": "Number",
    "tenant_id": "Tenant",
    "user_id": "Number of the user",
    "created_at": "Created",
    "updated_at": "Updated",
    "name": "Name",
    "description": "Note",
    "kind": "Kind",
    "ip_address": "Address",
    "since": "From",
    "until": "To",
    "everything": "With what accompanies",
}


def learn() -> None:
    """Make them known."""
    words.learn("TradeWise", ACTIONS, resources=RESOURCES, fields=FIELDS)
    words.learn("Mails", MAIL)
