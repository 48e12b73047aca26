"""Posting notifications to the traders' webhooks, many at once, through the egress guard and outside transactions.

At least once: a worker that is killed after an answer and before it was written posts again, with the same id.
"""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models.functions import Now
from django.views.decorators.debug import sensitive_variables

from accounts.enums import WebhookState
from accounts.models import Notification, Webhook
from accounts.services.signatures import context_of, signature
from accounts.services.telling import WEBHOOK, choice_of, message_id, url_of
from accounts.services.webhooks import webhook
from audit import ledger
from tradewise.egress import Client, EgressError, Failure
from tradewise.outbox.messages import Leased, finish, lease_of_lane, put_back
from tradewise.secrets import SecretsError, open_sealed
from tradewise.tenancy.context import tenant_context

logger = logging.getLogger(__name__)

AT_ONCE: Final = 40
OF_EACH: Final = 5
"""At once for one trader: a receiver that hangs keeps nobody else waiting for much longer than `SECONDS`."""
SECONDS: Final = 8.0
TRIES: Final = 12
"""With the waits between, for about 50 minutes."""

REMOVED: Final = "It was not sent: the address was removed before its turn came."
SWITCHED_OFF: Final = "It was not sent: you had switched it off before its turn came."
NOT_OPENED: Final = (
    "It was not sent: the secret cannot be opened any more, because the keys of the server have changed. "
    "Make a new secret."
)
#: What a call that gave no answer means to who typed the address. What is not here speaks for itself.
_WORDS: Final[dict[Failure, str]] = {
    Failure.FORBIDDEN: (
        "TradeWise does not send to this address: it is private or reserved, or not https. Use a public https address."
    ),
    Failure.NAME_NOT_FOUND: "The name in the address was not found.",
    Failure.REFUSED: "Nothing listens at this address and port.",
    Failure.UNREACHABLE: "There is no way through the network to this address.",
    Failure.TIMED_OUT: f"No answer within {SECONDS:.0f} seconds.",
    Failure.TLS: "No encrypted connection could be made: the certificate is not valid for this address.",
    Failure.TOO_LARGE: "The answer was too long. Answer with a status and no text.",
    Failure.PROTOCOL: "The connection was closed before there was an answer that could be understood.",
}


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One request, ready to be sent."""

    message: Leased
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """How it went, in a sentence."""

    taken: bool
    sentence: str


def post_webhooks() -> int:
    """Lease what is due, post all of it at once, and say how much was taken."""
    taken = 0
    calls = [call for message in _lease() if (call := _prepared(message)) is not None]
    if not calls:
        return 0
    for call, answer in zip(calls, asyncio.run(_post_all(calls)), strict=True):
        taken += _conclude(call.message, answer)
    return taken


def _lease() -> list[Leased]:
    return lease_of_lane(WEBHOOK, limit=AT_ONCE, of_each=OF_EACH, tries=TRIES)


@sensitive_variables()
def _prepared(message: Leased) -> Call | None:
    """The request, or None where there is nothing to send any more. That the secret is used is noted before."""
    with tenant_context(message.tenant_id, action="webhook.send"):
        notification = Notification.objects.filter(
            pk=message.payload["notification"], webhook=WebhookState.WAITING
        ).first()
        hook = webhook()
        if notification is None:
            finish(message)
            return None
        refused = REMOVED if hook is None else "" if choice_of(notification).by_webhook else SWITCHED_OFF
        if hook is None or refused:
            _give_up(message, notification, refused)
            return None
        ledger.event(
            "webhook.send",
            resource="webhook",
            key=hook.pk,
            new={"notification": message_id(notification), "try": message.attempts},
        )
    try:
        return _call(message, hook, notification)
    except SecretsError:
        with tenant_context(message.tenant_id, action="webhook.send"):
            _give_up(message, notification, NOT_OPENED)
        return None


@sensitive_variables()
def _call(message: Leased, hook: Webhook, notification: Notification) -> Call:
    secret = open_sealed(hook.secret, context=context_of(hook.tenant_id)).reveal()
    body = json.dumps(document(notification)).encode()
    known, now = message_id(notification), int(time.time())
    headers = {
        "webhook-id": known,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, message_id=known, timestamp=now, body=body),
    }
    return Call(message, hook.url, headers, body)


def document(notification: Notification) -> dict[str, Any]:
    """What a receiver gets; described in `docs/notifications.md`."""
    return {
        "type": notification.event,
        "timestamp": notification.created_at.isoformat(),
        "data": {
            "id": notification.subject,
            "name": notification.name,
            "title": notification.title,
            "text": notification.text,
            "url": url_of(notification),
        },
    }


async def _post_all(calls: Sequence[Call]) -> list[Answer]:
    async with Client(limit=AT_ONCE) as client:
        return list(await asyncio.gather(*(_post(client, call) for call in calls)))


async def _post(client: Client, call: Call) -> Answer:
    try:
        response = await client.request("POST", call.url, headers=call.headers, body=call.body, total=SECONDS)
    except EgressError as error:
        return Answer(False, _WORDS.get(error.failure, str(error)))
    except OSError:
        return Answer(False, "TradeWise had no connection left. That is not your receiver's doing.")
    if 200 <= response.status < 300:
        return Answer(True, f"Answered {response.status}.")
    if 300 <= response.status < 400:
        return Answer(False, f"Answered {response.status}: it leads elsewhere, and that is not followed.")
    return Answer(False, f"Answered {response.status}.")


def _conclude(message: Leased, answer: Answer) -> bool:
    """Write how it went where the lease still holds, and forget the message or try again later."""
    with tenant_context(message.tenant_id, action="webhook.send"):
        notification = Notification.objects.filter(pk=message.payload["notification"]).first()
        if notification is None:
            finish(message)
        elif answer.taken:
            if finish(message):
                _write(notification, WebhookState.TAKEN, answer.sentence)
        elif message.is_last_try:
            logger.warning("a webhook was given up tenant=%s", message.tenant_id)
            _give_up(message, notification, f"{answer.sentence} Given up after {message.attempts} tries.")
        else:
            put_back(message, f"not taken at try {message.attempts}")
            _write(notification, WebhookState.WAITING, f"{answer.sentence} It is sent again.")
    return answer.taken


def _give_up(message: Leased, notification: Notification, sentence: str) -> None:
    if finish(message):
        _write(notification, WebhookState.GIVEN_UP, sentence)


def _write(notification: Notification, state: WebhookState, sentence: str) -> None:
    waiting = Notification.objects.filter(pk=notification.pk, webhook=WebhookState.WAITING)
    waiting.update(webhook=state, answer=sentence, answered_at=Now())
