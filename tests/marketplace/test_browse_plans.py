"""What browsing reads, as the site's login, among sixty thousand templates: which indexes, and how much of them."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest

from tests import servers

SORTS: Final = ("recommended", "newest", "return", "drawdown", "days", "subscribers")
#: Pages of 8 kB that the first thousand of an order and one page of it take, and a new session's look at the catalogue.
FEW_PAGES: Final = 400
#: What any question may read: 20,000 narrow entries or 2,000 rows for the look, 5,000 rows of candidates, and once
#: through the index of the order, where what is common lies at its other end.
MOST_PAGES: Final = 9_000

FILL: Final = """
INSERT INTO bot_templates (template_id, name, config_json, is_public, status, risk_level, strategy_type,
    needed_allocation, performance_data, published_at, subscribers_count)
SELECT 't-' || n,
    (ARRAY['Calm', 'Night', 'River'])[1 + n % 3] || ' ' || CASE WHEN n % 6007 = 0 THEN 'heron' ELSE 'wave' END,
    jsonb_build_object('strategy', 'grid', 'stake_currency', 'USDT', 'timeframe', (ARRAY['5m', '1h'])[1 + n % 2],
        'pairs', jsonb_build_array(CASE WHEN n % 5003 = 0 THEN 'RARE/USDT' ELSE 'BTC/USDT' END),
        'parameters', jsonb_build_object('levels', CASE WHEN n % 7001 = 0 THEN 49 ELSE n % 40 END)),
    n % 10 <> 7, CASE WHEN n % 10 <> 7 THEN 'published' ELSE 'draft' END,
    (ARRAY['low', 'medium', 'high'])[1 + n % 3], CASE WHEN n % 3001 = 0 THEN 'arbitrage' ELSE 'grid' END, 100 + n % 900,
    -- The newest have the shortest records, and no arbitrage is run here.
    CASE WHEN n % 2 = 0 AND n % 3001 <> 0 THEN jsonb_build_object('tier', 'run_by_tradewise', 'mode', 'dry_run',
        'version', 1, 'is_enough', true, 'days_observed', n / 120, 'return', (n % 700 / 1000.0)::text,
        'drawdown', (n % 600 / 1000.0)::text) END,
    now() - n * interval '1 min', n % 500
FROM generate_series(1, 60000) n
"""


@pytest.fixture(scope="module")
def catalogue(django_db_setup: None) -> Iterator[str]:
    """A database of its own, with many templates."""
    name = f"{servers.process_database()}_browse"
    servers.build_database(name)
    with psycopg.connect(servers.admin_dsn(name), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(FILL)
        # Commits of this server reach the disk later; until then no row counts as seen by all.
        admin.execute("CHECKPOINT")
        admin.execute("VACUUM ANALYZE bot_templates")
    yield name
    servers.drop_database(name)


@pytest.fixture
def site(catalogue: str) -> Iterator[psycopg.Connection]:
    """The site's login, with no tenant bound."""
    with psycopg.connect(servers.dsn("tw_app", catalogue)) as connection:
        yield connection


BROWSE: Final = "browse_templates(%s, %s::text[], %s::jsonb, %s, %s, %s::float8, %s::integer, %s, 21)"


def asked(**said: Any) -> list[Any]:
    known = {
        "typed": "",
        "tags": [],
        "parameters": None,
        "sort": "recommended",
        "place": (None, None, None),
        **said,
    }
    return [
        known["typed"],
        known["tags"],
        known["parameters"],
        known["sort"],
        *known["place"],
        known.get("back", False),
    ]


def read(site: psycopg.Connection, **said: Any) -> tuple[set[str], int, Any]:
    """The indexes of templates that were read, the pages that were, and the answer. Never the whole table."""
    answer = site.execute(f"SELECT ids, total FROM {BROWSE}", asked(**said)).fetchone()
    used = site.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'bot_templates'::regclass "
        "AND pg_stat_get_xact_numscans(indexrelid) > 0"
    ).fetchall()
    whole = site.execute("SELECT pg_stat_get_xact_numscans('bot_templates'::regclass)").fetchone()
    assert whole == (0,), "no sequential scan"
    plan: Any = site.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM {BROWSE}", asked(**said)
    ).fetchone()
    node = plan[0][0]["Plan"]
    return {name for (name,) in used}, node["Shared Hit Blocks"] + node["Shared Read Blocks"], answer


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_read_from_its_own_index(site: psycopg.Connection, sort: str) -> None:
    used, pages, (ids, total) = read(site, sort=sort)
    assert used == {f"idx_templates_{sort}"}
    assert pages < FEW_PAGES
    assert (len(ids), total) == (21, 1001)


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_far_down_costs_as_much_as_the_first(site: psycopg.Connection, sort: str) -> None:
    deep: Any = site.execute(
        f"SELECT rank_{sort}, id FROM bot_templates WHERE is_public ORDER BY 1 DESC, 2 DESC OFFSET 40000 LIMIT 1"
    ).fetchone()
    site.rollback()
    for back in (False, True):
        used, pages, (ids, _) = read(site, sort=sort, place=(sort, *deep), back=back)
        site.rollback()
        assert used == {f"idx_templates_{sort}"}
        assert pages < FEW_PAGES
        assert len(ids) == 21


FILTERS: Final[dict[str, tuple[dict[str, Any], set[str]]]] = {
    "a common option": ({"tags": ["risk:low"]}, set()),
    "common options": ({"tags": ["risk:low", "kind:grid"]}, set()),
    "a rare option": ({"tags": ["kind:arbitrage"]}, {"idx_templates_tags"}),
    "a rare pair": ({"tags": ["pair:RARE/USDT"]}, {"idx_templates_tags"}),
    "a common pair": ({"tags": ["pair:BTC/USDT"]}, set()),
    "an amount": ({"tags": ["needs:USDT:100"]}, {"idx_templates_tags"}),
    "a record": ({"tags": ["days:365", "drawdown:5", "return:50"]}, {"idx_templates_tags"}),
    "a parameter": ({"parameters": '{"parameters": {"levels": 49}}'}, {"idx_templates_config"}),
    "a parameter that is less rare": (
        {"parameters": '{"parameters": {"levels": 3}}'},
        {"idx_templates_config"},
    ),
    "a rare word": ({"typed": "heron"}, {"idx_templates_search"}),
    "the beginning of one": ({"typed": "her"}, {"idx_templates_search"}),
    "a common word": ({"typed": "wave", "sort": "relevance"}, set()),
    "a word and a pair": ({"typed": "heron", "tags": ["pair:BTC/USDT"]}, {"idx_templates_search"}),
    "no such word": ({"typed": "nothinglikeit"}, {"idx_templates_search"}),
    "what never meets": ({"tags": ["kind:arbitrage", "tier:run_by_tradewise"]}, {"idx_templates_tags"}),
    "what is at the other end": ({"tags": ["days:365"], "sort": "newest"}, {"idx_templates_tags"}),
}


@pytest.mark.parametrize("case", FILTERS)
def test_every_filter_is_read_from_an_index_and_no_further_than_it_may(
    site: psycopg.Connection, case: str
) -> None:
    said, indexes = FILTERS[case]
    used, pages, (ids, total) = read(site, **said)
    # First a look at the top of the order; then, if that was not enough, the index of the filter.
    order = f"idx_templates_{'recommended' if said.get('sort') in (None, 'relevance') else said['sort']}"
    assert used == {order, *indexes}
    assert pages < MOST_PAGES
    if case in ("what never meets", "no such word"):
        assert (ids, total) == (None, 0)
    else:
        assert ids


def test_a_filter_by_hand_would_read_the_whole_table(site: psycopg.Connection) -> None:
    """Why there is a function: the same question under the policies."""
    statement = "SELECT id FROM bot_templates WHERE is_public AND tags @> ARRAY['pair:RARE/USDT'] LIMIT 21"
    plan: Any = site.execute(f"EXPLAIN (FORMAT JSON) {statement}").fetchone()
    assert "idx_templates_tags" not in str(plan)
