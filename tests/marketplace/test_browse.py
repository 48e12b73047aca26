"""The list of templates: whatever is asked for, it shows what a plain filter over all rows would, of public ones."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace import facets
from marketplace.search import SORTS, Place, Search, find
from tests import servers
from tests.audit.world import sql
from tests.factories.engines import DCA

pytestmark = pytest.mark.django_db(transaction=True)

FIGURES: Final = {
    "tier": "run_by_tradewise",
    "mode": "dry_run",
    "is_replay": False,
    "version": 1,
    "since": "2026-05-03",
    "until": "2026-08-31T10:00:00+00:00",
    "ended": False,
    "currency": "USDT",
    **dict.fromkeys(("deleted_trades", "gaps"), 0),
    **dict.fromkeys(("win_rate", "profit_factor", "hold_return", "best_day", "worst_day", "average_trade")),
    "caveats": [],
    "months": [["2026-05", "0.0512"]],
    "hold": None,
    "subscribers": None,
    "days": 120,
    "days_observed": 120,
    "trades": 50,
    "is_enough": True,
    "sentence": "Enough.",
    "return": "0.0512",
    "drawdown": "0.1",
    "curve": "1 1.01 - 1.05",
}
#: What no record should be, and a writer might write all the same.
MALFORMED: Final[list[Any]] = [
    None,
    [],
    "text",
    3,
    {},
    {"tier": "observed"},
    {**FIGURES, "tier": 3},
    {**FIGURES, "return": {"a": 1}, "drawdown": [], "days_observed": "many", "mode": None},
    {**FIGURES, "return": "NaN", "drawdown": "1e400", "days_observed": 10**30},
    {**FIGURES, "return": "9" * 400, "version": "1; DROP", "is_enough": "true"},
]


def write(rows: list[dict[str, Any]]) -> None:
    """Templates as the superuser puts them there, without triggers."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.cursor().executemany(
            """INSERT INTO bot_templates (template_id, name, description, config_json, is_public, status, version,
                 risk_level, strategy_type, needed_allocation, performance_data, featured_at, published_at,
                 subscribers_count)
               VALUES (replace(%(name)s, ' ', '-'), %(name)s, %(description)s, %(config)s, %(status)s = 'published',
                 %(status)s, 1, %(risk)s, %(kind)s, %(needed)s, %(record)s,
                 CASE WHEN %(featured)s AND %(status)s = 'published' THEN now() END,
                 now() - %(age)s * interval '1 h', %(subscribers)s)""",
            [
                {**row, "config": json.dumps(row["config"]), "record": json.dumps(row["record"])}
                for row in rows
            ],
        )


def some(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Templates of every kind and state, with records good and bad; the same ones each time."""
    chances = random.Random(seed)
    pick = chances.choice
    rows = []
    for number in range(count):
        currency = pick(["USDT", "USDT", "EUR"])
        record: Any = None
        if chances.random() < 0.7:
            days = chances.randint(0, 500)
            record = {
                **FIGURES,
                "tier": pick(["run_by_tradewise", "observed"]),
                "mode": pick(["dry_run", "live", "simulated"]),
                "version": pick([1, 1, 1, 2]),
                "ended": chances.random() < 0.1,
                "days_observed": days,
                "is_enough": days >= 30 and chances.random() < 0.8,
                "return": pick([None, f"{chances.randint(-500, 2000) / 1000}"]),
                "drawdown": pick([None, f"{chances.randint(0, 700) / 1000}"]),
            }
        elif chances.random() < 0.3:
            record = pick(MALFORMED)
        rows.append(
            {
                "name": f"{pick(['Calm', 'Running', 'Night'])} {pick(['river', 'grids', 'wave'])} {number}",
                "description": pick(
                    [None, "It buys when BTC/USDT falls.", "For strategies that trade volatility."]
                ),
                "status": pick(["published"] * 8 + ["draft", "submitted", "rejected", "withdrawn"]),
                "risk": pick(["low", "medium", "high"]),
                "kind": pick(["dca", "grid", "momentum", "arbitrage", None]),
                "needed": pick([None, Decimal(chances.randint(20, 60_000))]),
                "featured": chances.random() < 0.05,
                "age": chances.randint(0, 50),
                "subscribers": pick([0, 0, 1, 7]),
                "record": record,
                "config": {
                    **DCA,
                    "stake_currency": currency,
                    "timeframe": pick(["5m", "1h", "1d"]),
                    "pairs": [f"{base}/{currency}" for base in chances.sample(["BTC", "ETH", "SOL"], 2)],
                    "parameters": {"max_safety_orders": chances.randint(0, 3), "base_order": 50},
                },
            }
        )
    return rows


# ——— what a plain reading of each row says ———


def tier(row: dict[str, Any]) -> str:
    record = row["record"]
    if not isinstance(record, dict) or record.get("tier") not in ("run_by_tradewise", "observed"):
        return "none"
    if record.get("mode") not in ("dry_run", "live") or record.get("is_replay") is True:
        return "simulated"
    return str(record["tier"])


def figure(row: dict[str, Any], name: str) -> Decimal | None:
    if tier(row) == "none" or (name != "days_observed" and row["record"].get("is_enough") is not True):
        return None
    value = row["record"].get(name)
    try:
        found = Decimal(value if isinstance(value, str) else str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() and abs(found) < 1_000_000 else None


def is_like(row: dict[str, Any], tag: str) -> bool:
    """Whether the row has what the filter asks for."""
    name, _, value = tag.partition(":")
    match name:
        case "risk" | "kind":
            return bool(row[name] == value)
        case "tier":
            return tier(row) == value
        case "timeframe":
            return bool(row["config"]["timeframe"] == value)
        case "currency":
            return bool(row["config"]["stake_currency"] == value)
        case "pair":
            return value in row["config"]["pairs"]
        case "needs":
            currency, _, most = value.partition(":")
            enough = row["needed"] is not None and row["needed"] <= int(most)
            return enough and row["config"]["stake_currency"] == currency
    found = figure(row, {"days": "days_observed"}.get(name, name))
    if found is None:
        return False
    return (
        found >= int(value)
        if name == "days"
        else (found <= Decimal(value) / 100 if name == "drawdown" else found >= Decimal(value) / 100)
    )


def expected(
    rows: list[dict[str, Any]], tags: list[str], parameter: tuple[str, int] | None = None
) -> set[str]:
    return {
        row["name"]
        for row in rows
        if row["status"] == "published"
        and all(is_like(row, tag) for tag in tags)
        and (parameter is None or row["config"]["parameters"][parameter[0]] == parameter[1])
    }


def names(numbers: Any) -> list[str]:
    found = {
        row.id: row.name
        for row in sql("SELECT id, name FROM bot_templates WHERE id = ANY(%s)", list(numbers))
    }
    return [found[number] for number in numbers]


def everything(search: Search, most: int = 7) -> list[int]:
    """All pages, one after the other; and back again, which must be the same."""
    numbers: list[int] = []
    found = find(search, most=most)
    pages = [found]
    numbers += found.numbers
    while found.next:
        found = find(search, found.next, most=most)
        assert found.previous is not None
        pages.append(found)
        numbers += found.numbers
    for earlier in reversed(pages[:-1]):
        assert found.previous is not None
        found = find(search, found.previous, backwards=True, most=most)
        assert list(found.numbers) == list(earlier.numbers)
    assert found.previous is None
    return numbers


@pytest.fixture
def rows(db: None) -> list[dict[str, Any]]:
    made = some(150)
    write(made)
    return made


ALL_TAGS: Final = [*facets.TAGS, "pair:BTC/USDT", "pair:DOGE/USDT", "needs:USDT:500", "needs:EUR:50000"]


def test_every_filter_finds_what_a_plain_reading_finds(rows: list[dict[str, Any]]) -> None:
    empty = []
    for tag in ALL_TAGS:
        found = find(Search(tags=[tag]), most=100)
        assert set(names(found.numbers)) == expected(rows, [tag]), tag
        assert found.total == len(found.numbers)
        empty += [] if found.numbers else [tag]
    assert len(empty) < len(ALL_TAGS) / 3, empty


def test_filters_meet(rows: list[dict[str, Any]]) -> None:
    chances = random.Random(3)
    hits = 0
    for _ in range(150):
        tags = chances.sample(ALL_TAGS, chances.randint(2, 4))
        wanted = expected(rows, tags)
        hits += bool(wanted)
        assert set(names(find(Search(tags=tags), most=100).numbers)) == wanted, tags
    assert hits > 20
    for value in (0, 2, 9):
        asked = Search(tags=["risk:low"], parameters=json.dumps({"parameters": {"max_safety_orders": value}}))
        assert set(names(find(asked, most=100).numbers)) == expected(
            rows, ["risk:low"], ("max_safety_orders", value)
        )


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "relevance"])
def test_pages_to_the_end_and_back_are_the_whole_list(rows: list[dict[str, Any]], sort: str) -> None:
    for tags in ([], ["risk:medium"], ["pair:BTC/USDT"], ["tier:none"], ["tier:simulated"]):
        numbers = everything(Search(tags=tags, sort=sort))
        assert len(numbers) == len(set(numbers))
        assert set(names(numbers)) == expected(rows, tags)
        column = {"days": "rank_days"}.get(sort, f"rank_{sort}")
        ordered = sql(
            f"SELECT id FROM bot_templates WHERE id = ANY(%s) ORDER BY {column} DESC, id DESC", numbers
        )
        assert numbers == [row.id for row in ordered]


def test_figures_come_in_their_order_and_invented_ones_after_real_ones(rows: list[dict[str, Any]]) -> None:
    by_name = {row["name"]: row for row in rows}
    for sort, direction in (("return", -1), ("drawdown", 1)):
        listed = [by_name[name] for name in names(everything(Search(sort=sort)))]
        groups: list[list[Any]] = [[], [], [], []]
        last = 3
        for row in listed:
            group = 0 if figure(row, sort) is None else judged(row)
            assert group <= last, "a lower class never comes before a higher one"
            last = group
            groups[group].append(figure(row, sort))
        assert all(groups)
        for values in groups[1:]:
            assert values == sorted(values, key=lambda value: value * direction)


def test_both_ways_to_an_answer_give_the_same_list(rows: list[dict[str, Any]]) -> None:
    """Taken for a table of ten million rows, what is found near the top at all is taken for common."""
    chances = random.Random(11)
    asked = [
        Search(typed=typed, tags=chances.sample(ALL_TAGS, number), parameters=parameters, sort=sort)
        for sort in SORTS
        if sort != "relevance"
        for typed in ("", "wave or riv")
        for parameters in (None, '{"parameters": {"max_safety_orders": 2}}')
        for number in (0, 1, 1, 2)
    ]
    few = [everything(search) for search in asked]
    assert sum(map(bool, few)) > 40
    with taken_for_large():
        assert [everything(search) for search in asked] == few
        found = find(Search(tags=["pair:BTC/USDT"]), most=5)
        assert not found.is_exact
        assert found.total == len(expected(rows, ["pair:BTC/USDT"]))
        assert find(Search(typed="wave")).sorted_by == "recommended"


@contextmanager
def taken_for_large() -> Iterator[None]:
    """What PostgreSQL believes of the table, until the next test."""
    believed = "UPDATE pg_class SET reltuples = %s WHERE oid = 'bot_templates'::regclass"
    sql(believed, 1e7)
    try:
        yield
    finally:
        sql(believed, -1)


def judged(row: dict[str, Any]) -> int:
    record = row["record"]
    if tier(row) == "simulated":
        return 1
    return 3 if record["is_enough"] is True and record["version"] == 1 and record["ended"] is not True else 2


def test_counts_are_those_of_the_filters_that_are_on(rows: list[dict[str, Any]]) -> None:
    found = find(Search(tags=["risk:low"]), most=1)
    for tag in facets.TAGS:
        assert found.counts[tag] == len(expected(rows, ["risk:low", tag])), tag


def test_the_database_counts_by_the_same_list() -> None:
    (row,) = sql("SELECT template_facets() AS tags")
    assert tuple(row.tags) == facets.TAGS
    assert len(find(Search()).counts) == len(facets.TAGS)
    (row,) = sql("SELECT template_mask(template_facets()) AS mask")
    assert row.mask == 2 ** len(facets.TAGS) - 1


WORDS: Final = {
    "river": lambda row: "river" in row["name"],
    "RIVER calm": lambda row: "river" in row["name"] and "Calm" in row["name"],
    "runs": lambda row: "Running" in row["name"],
    "runni": lambda row: "Running" in row["name"],
    "grid": lambda row: "grids" in row["name"] or row["kind"] == "grid",
    "wav": lambda row: "wave" in row["name"],
    "wave or river": lambda row: "wave" in row["name"] or "river" in row["name"],
    "wave or riv": lambda row: "wave" in row["name"] or "river" in row["name"],
    "wave -night": lambda row: "wave" in row["name"] and "Night" not in row["name"],
    '"calm wave"': lambda row: "Calm wave" in row["name"],
    '"wave calm"': lambda row: False,
    "SOL/EUR": lambda row: "SOL/EUR" in row["config"]["pairs"],
    "volatil": lambda row: "volatility" in (row["description"] or ""),
    "strategy": lambda row: "strategies" in (row["description"] or ""),
    "nothinglikeit": lambda row: False,
}


@pytest.mark.parametrize("typed", WORDS)
def test_a_search_finds_words_stems_beginnings_and_leaves_out(rows: list[dict[str, Any]], typed: str) -> None:
    found = find(Search(typed=typed), most=100)
    assert found.is_understood
    assert found.sorted_by == "relevance"
    wanted = {row["name"] for row in rows if row["status"] == "published" and WORDS[typed](row)}
    assert set(names(found.numbers)) == wanted
    assert set(names(everything(Search(typed=typed)))) == wanted


def test_a_word_in_the_name_counts_more_than_one_in_the_description(db: None) -> None:
    rows = some(3)
    for row, name, text in zip(
        rows, ["Plain", "Harbour", "Other"], ["By the harbour.", "Plain.", "x"], strict=True
    ):
        row |= {"name": name, "description": text, "status": "published"}
    write(rows)
    assert names(find(Search(typed="harbour")).numbers) == ["Harbour", "Plain"]


@pytest.mark.parametrize("typed", ["!!!", "-grid", "the", "-a -b", "' \" & | ! ( ) : * \\", "x or -y"])
def test_what_names_no_word_is_told_and_looks_at_nothing(rows: list[dict[str, Any]], typed: str) -> None:
    found = find(Search(typed=typed))
    assert not found.is_understood or "the" in typed
    assert not found.numbers


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_an_error(db: None, typed: str) -> None:
    assert find(Search(typed=typed)).numbers == []


@pytest.mark.parametrize("record", MALFORMED)
def test_a_malformed_record_is_written_and_has_no_figures(db: None, record: Any) -> None:
    (row,) = some(1)
    write([{**row, "status": "published", "record": record}])
    assert find(Search()).total == 1
    for tag in ("drawdown:50", "return:0"):
        assert find(Search(tags=[tag])).total == 0


@pytest.mark.parametrize(
    "config",
    [{}, [], "x", 7, {"pairs": "BTC"}, {"pairs": [None, 3, {}, "x" * 9000, "btc/usdt"]}, {"timeframe": []}],
)
def test_a_malformed_configuration_is_written(db: None, config: Any) -> None:
    (row,) = some(1)
    write([{**row, "status": "published", "config": config, "description": "word " * 50_000}])
    assert find(Search()).total == 1


# ——— public ones alone ———


def test_what_is_not_public_is_never_found(rows: list[dict[str, Any]]) -> None:
    hidden = {row["name"] for row in rows if row["status"] != "published"}
    assert len(hidden) > 20
    for tags in [[], *([tag] for tag in ALL_TAGS)]:
        for sort in SORTS:
            assert not hidden & set(names(find(Search(tags=tags, sort=sort), most=100).numbers))
    for name in hidden:
        assert name not in names(find(Search(typed=name), most=100).numbers)


def test_without_a_tenant_the_login_of_the_site_reads_public_rows_alone(rows: list[dict[str, Any]]) -> None:
    with psycopg.connect(servers.dsn("tw_app", servers.process_database())) as site:
        found = site.execute("SELECT name, is_public FROM bot_templates").fetchall()
        assert {name for name, _ in found} == expected(rows, [])
        for table in ("users", "bots", "subscriptions", "bot_figures"):
            assert site.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.execute("SELECT * FROM template_candidates(NULL, '{}', NULL, 'newest')")


@pytest.mark.parametrize("login", ["tw_worker", "tw_staff", "tw_migrator"])
def test_nobody_else_may_browse(db: None, login: str) -> None:
    ask = "SELECT * FROM browse_templates('', '{}', NULL, 'newest', NULL, NULL, NULL, false, 5)"
    with (
        psycopg.connect(servers.dsn(login, servers.process_database())) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(ask)


@pytest.mark.parametrize("sort", ["x", "id; DROP TABLE users", 'recommended" --', None])
def test_an_unknown_sort_is_the_usual_one(rows: list[dict[str, Any]], sort: str | None) -> None:
    with psycopg.connect(servers.dsn("tw_app", servers.process_database())) as site:
        answer = site.execute(
            "SELECT sorted_by, ids FROM browse_templates('', '{}', NULL, %s, NULL, NULL, NULL, false, 5)",
            [sort],
        ).fetchone()
    assert answer is not None
    assert answer[0] == "recommended"
    assert len(answer[1]) == 5


# ——— places ———


def test_a_page_goes_on_where_it_was_though_rows_are_added(rows: list[dict[str, Any]]) -> None:
    search = Search(sort="newest")
    first = find(search, most=5)
    second = find(search, first.next, most=5)
    newer = [
        {**row, "name": f"New {row['name']}", "status": "published", "age": -1} for row in some(12, seed=9)
    ]
    write(newer)
    assert list(find(search, first.next, most=5).numbers) == list(second.numbers)
    assert second.previous is not None
    back = find(search, second.previous, backwards=True, most=5)
    assert list(back.numbers) == list(first.numbers)
    assert back.previous is not None


@given(
    st.sampled_from(list(SORTS)), st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 2**31 - 1)
)
def test_a_place_survives_its_address(sort: str, key: float, number: int) -> None:
    place = Place(sort, key, number)
    assert Place.parse(place.cursor) == place


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "A" * 18,
        "A" * 100,
        Place("newest", float("nan"), 3).cursor,
        Place("newest", 1.0, -3).cursor,
    ],
)
def test_no_other_text_is_a_place(cursor: str) -> None:
    assert Place.parse(cursor) is None


def test_a_place_of_another_order_begins_at_the_top(rows: list[dict[str, Any]]) -> None:
    search = Search(sort="newest")
    for tags in ([], ["risk:low"]):
        asked = Search(tags=tags, sort="newest")
        assert list(find(asked, Place("return", 3.0, 9), most=5).numbers) == list(find(asked, most=5).numbers)
    assert list(find(search, Place("newest", 1e300, 1), most=5).numbers) == list(find(search, most=5).numbers)
