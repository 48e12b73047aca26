"""What browsing costs among a million templates: as `tw_app`, against plain statements as a login without policies.

Ours is the whole answer of the list: page, number, the counts of all options, and the rows read under the policies. The
same function with the rights of a login without policies shows what these cost. Plain is what one would write by hand
for that login: the page in its order and the number of matches up to a thousand, without options. All take turns.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from benchmarks import catalog_ground, pages, scratch
from benchmarks.report import record

ROUNDS = 60
WARM_UP = 2
#: Plain statements take seconds where the planner guesses wrong: then fewer rounds, after so many seconds.
PATIENCE = 6
LEAST_ROUNDS = 3
MOST = 2
MOST_PAGE = 1.3
COLUMNS: Final = "id, template_id, name, description, config_json, performance_data, subscribers_count"
SAME: Final = "browse_same"


@dataclass(frozen=True, slots=True)
class Case:
    """A question: what the list asks for, and the condition that says the same in plain SQL."""

    name: str
    condition: str = "true"
    values: Sequence[Any] = ()
    tags: Sequence[str] = ()
    typed: str = ""
    parameters: str | None = None
    sort: str = "recommended"
    #: Begins after so many rows.
    deep: int = 0

    @property
    def order(self) -> str:
        """By what the plain statement sorts."""
        if self.sort == "relevance":
            return "ts_rank(search, template_query(%s)) DESC, id DESC"
        return f"rank_{self.sort} DESC, id DESC"


def tagged(*tags: str, sort: str = "recommended") -> Case:
    """Filters that are tags."""
    name = " + ".join(tags) + ("" if sort == "recommended" else f", {sort}")
    return Case(name, "tags @> %s::text[]", [list(tags)], tags=tags, sort=sort)


def worded(typed: str, *tags: str, sort: str = "relevance") -> Case:
    """A search."""
    condition, values = "search @@ template_query(%s)", [typed, *([list(tags)] if tags else [])]
    condition += " AND tags @> %s::text[]" if tags else ""
    name = f'"{typed}"' + "".join(f" + {tag}" for tag in tags) + ("" if sort == "relevance" else f", {sort}")
    return Case(name, condition, values, typed=typed, tags=tags, sort=sort)


def parameter(document: str, *tags: str) -> Case:
    """A part of the configuration."""
    condition, values = "config_json @> %s::jsonb", [document, *([list(tags)] if tags else [])]
    condition += " AND tags @> %s::text[]" if tags else ""
    name = "parameter " + document.partition("{")[2].replace('"', "").strip("{}").replace("parameters: {", "")
    return Case(
        name + "".join(f" + {tag}" for tag in tags), condition, values, parameters=document, tags=tags
    )


SORTS: Final = ("recommended", "newest", "return", "drawdown", "days", "subscribers")
CASES: Final = (
    *(Case(f"all, {sort}", sort=sort) for sort in SORTS),
    *(Case(f"all, {sort}, page after 20,000", sort=sort, deep=20_000) for sort in SORTS),
    tagged("risk:low"),
    tagged("kind:arbitrage"),
    tagged("tier:observed"),
    tagged("tier:none"),
    tagged("days:365"),
    tagged("drawdown:5"),
    tagged("return:50"),
    tagged("timeframe:1d"),
    tagged("pair:BTC/USDT"),
    tagged("pair:C39/EUR"),
    tagged("currency:EUR"),
    tagged("needs:USDT:50"),
    tagged("needs:USDT:1000"),
    tagged("risk:low", "kind:grid", "tier:observed", "days:90"),
    tagged("drawdown:5", "return:50", "days:180", sort="return"),
    tagged("pair:BTC/USDT", "risk:high", sort="newest"),
    tagged("days:365", sort="newest"),
    tagged("tier:none", sort="return"),
    tagged("kind:arbitrage", "tier:run_by_tradewise"),
    parameter('{"parameters": {"levels": 17}}'),
    parameter('{"parameters": {"levels": 17}}', "risk:low", "currency:EUR"),
    worded("falcon lantern"),
    worded("falcon lant"),
    worded("golden"),
    worded("golden", sort="newest"),
    worded("777777"),
    worded("falcon lantern", "risk:low"),
    worded("nothinglikeit"),
)


def main() -> None:
    """Measure and record."""
    scratch.start()
    database = catalog_ground.filled_database()
    os.environ["TRADEWISE_DATABASE"] = database
    make_same(database)
    with (
        connect("tw_app", database) as site,
        connect("tw_backup", database) as free,
        connect("tw_backup", database) as other,
    ):
        ratios = [compare(case, site, free, other) for case in CASES]
    record("catalog.worst_ratio", max(ratios), "x", f"<= {MOST}", max(ratios) <= MOST)
    compare_pages(database)
    record_writes(database)


def connect(login: str, database: str) -> psycopg.Connection:
    """As Django connects: parameters are put into the text by the client."""
    return psycopg.connect(scratch.dsn(login, database), autocommit=True, cursor_factory=psycopg.ClientCursor)


def make_same(database: str) -> None:
    """The function once more, with the rights of whoever calls it."""
    with psycopg.connect(scratch.dsn("tw_admin", database), autocommit=True) as admin:
        row: Any = admin.execute("SELECT pg_get_functiondef('browse_templates'::regproc)").fetchone()
        admin.execute(row[0].replace("browse_templates", SAME).replace("SECURITY DEFINER", ""))
        admin.execute(f"GRANT EXECUTE ON FUNCTION {SAME} TO tw_backup")
        admin.execute("GRANT EXECUTE ON FUNCTION template_candidates TO tw_backup")


def compare(
    case: Case, site: psycopg.Connection, free: psycopg.Connection, other: psycopg.Connection
) -> float:
    """The three by turns; the ratio of ours to the plain statements."""
    place = _place(case, free)
    ways: dict[str, Callable[[], list[int]]] = {
        "ours": lambda: browse(site, "browse_templates", case, place),
        "same": lambda: browse(free, SAME, case, place),
        "plain": lambda: plainly(other, case, place),
    }
    answers = {name: way() for name, way in ways.items()}
    assert answers["ours"] == answers["same"], case.name
    # What matches best is only looked for where at most 5,000 match; plain SQL ranks a hundred thousand.
    if not (case.sort == "relevance" and len(answers["plain"]) > 20):
        assert answers["ours"] == answers["plain"], case.name
    times: dict[str, list[float]] = {name: [] for name in ways}
    end = time.monotonic() + PATIENCE
    for number in range(WARM_UP + ROUNDS):
        if number >= WARM_UP + LEAST_ROUNDS and time.monotonic() > end:
            break
        # Plain last: it reads the table, and whatever comes after it finds the caches full of that.
        for name in (("ours", "same"), ("same", "ours"))[number % 2] + ("plain",):
            ways[name]() if name != "plain" else None
            begin = time.perf_counter()
            ways[name]()
            times[name].append(time.perf_counter() - begin)
    ours, same, plain = (statistics.median(times[name][WARM_UP:]) for name in ("ours", "same", "plain"))
    record(f"catalog.{case.name}.ms", ours * 1000, "ms")
    record(f"catalog.{case.name}.without_policy_ms", same * 1000, "ms")
    record(f"catalog.{case.name}.ratio", ours / same, "x", f"<= {MOST}", ours / same <= MOST)
    record(f"catalog.{case.name}.plain_ms", plain * 1000, "ms")
    record(f"catalog.{case.name}.ratio_to_plain", ours / plain, "x")
    return ours / same


def browse(
    connection: psycopg.Connection, function: str, case: Case, place: tuple[float, int] | None
) -> list[int]:
    """The whole answer, and the rows of the page."""
    where = (case.sort, *place) if place else (None, None, None)
    row: Any = connection.execute(
        f"SELECT * FROM {function}(%s, %s::text[], %s::jsonb, %s, %s, %s::float8, %s::integer, false, 21)",
        [case.typed, list(case.tags), case.parameters, case.sort, *where],
    ).fetchone()
    numbers = list(row[2] or [])
    connection.execute(f"SELECT {COLUMNS} FROM bot_templates WHERE id = ANY(%s)", [numbers]).fetchall()
    return numbers


def plainly(connection: psycopg.Connection, case: Case, place: tuple[float, int] | None) -> list[int]:
    """The page's rows and the number of matches up to a thousand, as one would write them."""
    ranked = [case.typed] if case.sort == "relevance" else []
    after = f" AND (rank_{case.sort}, id) < (%s, %s)" if place else ""
    where = f"FROM bot_templates WHERE is_public AND {case.condition}"
    rows = connection.execute(
        f"SELECT {COLUMNS} {where}{after} ORDER BY {case.order} LIMIT 21",
        [*case.values, *(place or ()), *ranked],
    ).fetchall()
    connection.execute(f"SELECT count(*) FROM (SELECT {where} LIMIT 1001) c", case.values).fetchone()
    return [row[0] for row in rows]


def _place(case: Case, free: psycopg.Connection) -> tuple[float, int] | None:
    if not case.deep:
        return None
    row: Any = free.execute(
        f"SELECT rank_{case.sort}, id FROM bot_templates WHERE is_public ORDER BY {case.order} OFFSET %s LIMIT 1",
        [case.deep],
    ).fetchone()
    return row[0], row[1]


# ——— the page ———

ADDRESSES: Final = {
    "first page": "/templates/",
    "a filter": "/templates/?risk=low&kind=grid",
    "filters that few meet": "/templates/?drawdown=5&return=50&days=180&sort=return",
    "a search": "/templates/?q=falcon+lantern",
}


def compare_pages(database: str) -> None:
    """The page as a visitor gets it, against its own statements and a page of the site with nothing on it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.trader"
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.ROOT_URLCONF = "benchmarks.catalog_urls"
    django.setup()
    call_command("collectstatic", "--noinput", verbosity=0)
    from tradewise.wsgi import application

    empty = pages.Page(application, "/empty/")
    for name, address in ADDRESSES.items():
        page = pages.Page(application, address)
        statements: list[float] = []
        times: dict[str, list[float]] = {"page": [], "empty": [], "sql": []}
        for _ in range(pages.WARM_UP + 100):
            times["empty"].append(empty.seconds())
            times["page"].append(page.seconds())
            statements.clear()
            _timed(page, statements)
            times["sql"].append(sum(statements))
        found, nothing, own = (
            pages.median_ms(times[part][pages.WARM_UP :]) for part in ("page", "empty", "sql")
        )
        ratio = found / (nothing + own)
        record(f"catalog.page.{name}.ms", found, "ms")
        record(f"catalog.page.{name}.own_sql_ms", own, "ms")
        record(f"catalog.page.{name}.empty_ms", nothing, "ms")
        record(f"catalog.page.{name}.ratio", ratio, "x", f"<= {MOST_PAGE}", ratio <= MOST_PAGE)


def _timed(page: pages.Page, statements: list[float]) -> None:
    from django.db import connection

    def clock(execute: Callable[..., Any], *rest: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(*rest)
        finally:
            statements.append(time.perf_counter() - begin)

    with connection.execute_wrapper(clock):
        page.get()


# ——— writing ———


def record_writes(database: str) -> None:
    """What the columns and indexes of browsing add when a record is written anew, as it is about daily."""
    ours = ", ".join(
        ["idx_templates_tags", "idx_templates_search", *(f"idx_templates_{sort}" for sort in SORTS)]
    )
    statement = """UPDATE bot_templates SET performance_data = jsonb_set(performance_data, '{return}', '"0.0123"')
        WHERE id IN (SELECT id FROM bot_templates WHERE performance_data IS NOT NULL AND id % 211 = %s)"""
    with psycopg.connect(scratch.dsn("tw_admin", database), cursor_factory=psycopg.ClientCursor) as admin:
        for name, change in (("with", ""), ("without", f"DROP INDEX {ours}")):
            if change:
                admin.execute(change)
            begin = time.perf_counter()
            count = admin.execute(statement.replace("% 211", "%% 211"), [7 if change else 3]).rowcount
            record(
                f"catalog.write.{name}_the_indexes_us",
                (time.perf_counter() - begin) / count * 1e6,
                "us a row",
            )
            admin.rollback()


if __name__ == "__main__":
    main()
