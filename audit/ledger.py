"""How an app writes to the trail: it names what is done, and says what changes no row.

Rows leave their own trace by triggers. A service names its action, so that these entries read in the
trader's words; without a name they are called after the table (`bot.change`).
"""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from django.db import connection

from tradewise.tenancy.context import acting, tenant_context

P = ParamSpec("P")
R = TypeVar("R")


class Actor(Protocol):
    """Whoever acts: a user."""

    pk: Any


Values = Mapping[str, Any]


@contextmanager
def action(name: str, *, actor: Actor | None = None) -> Iterator[None]:
    """Call what is changed in the block `name`, such as `bot.start`. Raises NoTenantError outside a context.

    `actor` is the trader who asks, where the transaction was not opened by a request of theirs.
    """
    with acting(action=name, actor=str(actor.pk) if actor is not None else ""):
        yield


def named(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A service whose changes are called `name`. Its keyword `actor` is who acts."""

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @wraps(service)
        def within(*args: P.args, **kwargs: P.kwargs) -> R:
            with action(name, actor=cast("Actor | None", kwargs.get("actor"))):
                return service(*args, **kwargs)

        return within

    return decorate


def event(
    name: str,
    *,
    resource: str,
    key: str | int | None = None,
    old: Values | None = None,
    new: Values | None = None,
) -> None:
    """Write an entry for what changes no row, in the current transaction, for the bound tenant.

    Who it was, from where and by what, the transaction knows. Values hold no secret.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_event(%s, %s, %s, %s::jsonb, %s::jsonb)",
            [name, resource, None if key is None else str(key), _json(old), _json(new)],
        )


def event_of(tenant_id: uuid.UUID, name: str, **entry: Any) -> None:
    """As `event`, in a short transaction of its own, as that tenant: for who has no request at hand."""
    with tenant_context(tenant_id):
        event(name, **entry)


def looked(rows: Iterable[tuple[Any, str]], *, resource: str) -> None:
    """Staff looked at these (tenant, key of a row): an entry in the trail of each tenant. Theirs alone may call it."""
    seen = list(rows)
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT audit_looked(%s::uuid[], %s, %s::text[])",
                [[tenant for tenant, _ in seen], resource, [key for _, key in seen]],
            )


def _json(values: Values | None) -> str | None:
    return None if values is None else json.dumps(values, default=str)
