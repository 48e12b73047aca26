"""The last lines of an engine's log, for whoever asked: scrubbed here, where its secrets can be opened."""

from typing import Any, Final

from django.db import connection
from django.views.decorators.debug import sensitive_variables

from bots.reconciler.machine import Machine
from bots.runtimes import Runtime, RuntimeRefused
from bots.runtimes.words import scrubbed
from bots.services.tokens import token_context
from tradewise.secrets import SecretsError, open_sealed

LINES: Final = 200
_ASKED: Final = """
SELECT b.id, b.bot_id, b.tenant_id, b.api_url, b.api_token, e.exchange_keys, e.config_json ->> 'exchange'
FROM bot_engines e JOIN bots b ON b.id = e.bot_id
WHERE e.host = %s AND e.log_asked_at > coalesce(e.log_taken_at, '-infinity') ORDER BY e.log_asked_at LIMIT 20"""
_ANSWER: Final = "UPDATE bot_engines SET log_lines = %s, log_taken_at = now() WHERE bot_id = %s"


def answer_readers(machine: Machine, runtime: Runtime) -> None:
    """Fetch what was asked for since the last tick."""
    with connection.cursor() as cursor:
        cursor.execute(_ASKED, [machine.host])
        asked: list[tuple[Any, ...]] = cursor.fetchall()
    for number, bot_id, *sealed in asked:
        try:
            lines = scrubbed(runtime.log(bot_id, LINES), _secrets(bot_id, *sealed))
        except RuntimeRefused as refusal:
            lines = [f"The log cannot be read at the moment: {refusal.sentence}"]
        with connection.cursor() as cursor:
            cursor.execute(_ANSWER, ["\n".join(lines), number])


@sensitive_variables()
def _secrets(
    bot_id: str, tenant_id: Any, url: str | None, token: str | None, keys: str | None, exchange: str
) -> list[str]:
    """What must not be in it, as far as it can be opened; patterns strike out the rest."""
    found: list[str] = []
    contexts = []
    if token and url:
        contexts.append((token, token_context(tenant_id, bot_id, url)))
    if keys:
        contexts.append((keys, f"bot_engines.exchange_keys|{tenant_id}|{bot_id}|{exchange}"))
    for value, context in contexts:
        try:
            opened = open_sealed(value, context=context).reveal()
        except SecretsError:
            continue
        found += [opened, opened.partition(":")[2]]
        if value is keys:
            found.append(opened.partition(":")[0])
    return found
