"""What a page costs: the fleet through the whole site, against a minimal Django page of the same rows.

One process calls the WSGI handlers themselves: sockets and the web server are not measured, everything from
the first middleware to the last byte of the body is. The pages take turns, and medians are compared.
"""

import cProfile
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg

from benchmarks import scratch
from benchmarks.report import record

ROUNDS = 200
WARM_UP = 20
LEAST = 0.8

Handler = Callable[[dict[str, Any], Callable[..., Any]], Any]


class Page:
    """One address of one handler, as one browser asks for it."""

    def __init__(self, handler: Handler, address: str, cookie: str = "", **headers: str) -> None:
        self.handler = handler
        self.cookie = cookie
        path, _, query = address.partition("?")
        self.environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
            "HTTP_COOKIE": cookie,
            "wsgi.url_scheme": "http",
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            **headers,
        }

    def get(self, expected: str = "200") -> bytes:
        """The body. Raises AssertionError for any other status than the expected one."""
        import io

        statuses: list[str] = []
        environ = {**self.environ, "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr}
        response = self.handler(environ, lambda status, headers, *_: statuses.append(status))
        try:
            body = b"".join(response)
        finally:
            response.close()
        assert statuses[0].startswith(expected), (statuses, body[:500])
        return body

    def seconds(self) -> float:
        """How long the page takes."""
        begin = time.perf_counter()
        self.get()
        return time.perf_counter() - begin

    def queries(self) -> int:
        """How many statements the page sends. Binding the tenant rides along with BEGIN and is none."""
        from django.db import connection

        sent: list[str] = []

        def count(execute: Callable[..., Any], text: str, *rest: Any) -> Any:
            sent.append(text)
            return execute(text, *rest)

        with connection.execute_wrapper(count):
            self.get()
        return len(sent)


def main() -> None:
    """Measure and record."""
    site, plain, database = handlers()
    with psycopg.connect(scratch.dsn("tw_admin", database), autocommit=True) as admin:
        counts = []
        for tenant, bots in (
            (scratch.small_tenant(), scratch.SMALL),
            (scratch.large_tenant(), scratch.LARGE),
        ):
            fleet = Page(site, "/", session_cookie(tenant))
            compare(bots, tenant, fleet, plain, admin)
            counts.append(fleet.queries())
            record(f"pages.fleet_{bots}.queries", counts[-1], "queries")
            record_poll(bots, site, fleet)
        record(
            "pages.fleet.more_queries_for_500_bots",
            counts[1] - counts[0],
            "queries",
            "= 0",
            counts[0] == counts[1],
        )
    empty = Page(site, "/", session_cookie(scratch.empty_tenant()))
    record("pages.empty_fleet.ms", median_ms([empty.seconds() for _ in range(ROUNDS)]), "ms")
    record("pages.empty_fleet.queries", empty.queries(), "queries")


def handlers() -> tuple[Handler, Handler, str]:
    """The trader site, the minimal one, and the name of the database that both read."""
    scratch.start()
    database = scratch.filled_database()
    os.environ["TRADEWISE_DATABASE"] = database
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.trader"
    from django.conf import settings

    from tradewise import env

    settings.DATABASES["plain"] = env.database("tw_backup", CONN_MAX_AGE=None)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("collectstatic", "--noinput", verbosity=0)
    from benchmarks.minimal import PlainHandler
    from tradewise.wsgi import application

    return application, PlainHandler(), database


def session_cookie(tenant: str) -> str:
    """The cookie of a browser in which the trader has logged in."""
    from django.conf import settings
    from django.test import Client

    from accounts.models import User
    from tradewise.tenancy.context import tenant_context

    client = Client()
    with tenant_context(tenant):
        client.force_login(User.objects.get())
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def compare(bots: int, tenant: str, fleet: Page, plain: Handler, admin: psycopg.Connection) -> None:
    """The fleet page in three states of its rows, by turns with the minimal pages of as many rows."""
    from bots.views import rows
    from bots.views.fleet import PAGE

    shown = min(bots, PAGE)
    usual = Page(plain, f"/usual/{tenant}/{shown}/")
    barest = Page(plain, f"/barest/{tenant}/{shown}/")
    for page in (usual, barest, fleet):
        assert page.get().count(b'<tr id="bot-') == shown
    steps: list[tuple[str, Callable[[], object], Page]] = [
        ("usual", lambda: None, usual),
        ("barest", lambda: None, barest),
        ("fleet.unchanged", lambda: None, fleet),
        ("fleet.checked", lambda: check_all(tenant, admin), fleet),
        ("fleet.cold", rows.forget, fleet),
    ]
    times: dict[str, list[float]] = {name: [] for name, *_ in steps}
    for _ in range(WARM_UP + ROUNDS):
        for name, prepare, page in steps:
            prepare()
            times[name].append(page.seconds())
    medians = {name: median_ms(values[WARM_UP:]) for name, values in times.items()}
    for name in ("usual", "barest"):
        record(f"pages.minimal_{name}_{shown}_rows.per_second", 1000 / medians[name], "requests/s")
    for state in ("unchanged", "checked", "cold"):
        mine = medians[f"fleet.{state}"]
        ratio = medians["usual"] / mine
        record(f"pages.fleet_{bots}.{state}.per_second", 1000 / mine, "requests/s")
        record(f"pages.fleet_{bots}.{state}.ratio", ratio, "x", f">= {LEAST}", ratio >= LEAST)
        record(f"pages.fleet_{bots}.{state}.ratio_to_barest", medians["barest"] / mine, "x")


def record_poll(bots: int, site: Handler, fleet: Page) -> None:
    """The question that an open page asks every five seconds, when nothing has changed."""
    version = fleet.get().partition(b"seen=")[2].partition(b'"')[0].decode()
    poll = Page(site, f"/?seen={version}", fleet.cookie, HTTP_HX_REQUEST="true")
    poll.get("204")
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        poll.get("204")
        times.append(time.perf_counter() - begin)
    record(f"pages.fleet_{bots}.poll_ms", median_ms(times), "ms")


def check_all(tenant: str, admin: psycopg.Connection) -> None:
    """What a sweep writes when every bot has answered: between two views of a page, usually all of them."""
    admin.execute(
        """UPDATE bots SET last_ping = now(), checked_at = now(), checks = checks + 1, updated_at = now()
           WHERE tenant_id = %s AND status <> 'error'""",
        [tenant],
    )


def median_ms(times: list[float]) -> float:
    """In milliseconds."""
    return statistics.median(times) * 1000


def profile() -> None:
    """Print where the time of the fleet page goes: `python -m benchmarks.pages profile`."""
    site, _, database = handlers()
    tenant = scratch.large_tenant()
    fleet = Page(site, "/", session_cookie(tenant))
    fleet.get()
    profiler = cProfile.Profile()
    with psycopg.connect(scratch.dsn("tw_admin", database), autocommit=True) as admin:
        for _ in range(ROUNDS):
            check_all(tenant, admin)
            profiler.runcall(fleet.get)
    for order in ("cumulative", "tottime"):
        pstats.Stats(profiler).sort_stats(order).print_stats(60)


if __name__ == "__main__":
    profile() if sys.argv[1:] == ["profile"] else main()
