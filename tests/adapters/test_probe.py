import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest

from bots.adapters import AdapterError, Credentials, LoopSample, adapter_for
from bots.enums import Command, EngineState, HealthReason
from tests.adapters import answers as said
from tradewise.egress import AllowList, Client

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def probe(bot, config, **options):
    bot.answers["show_config"] = config
    return bot.talk(lambda adapter: adapter.probe(), **options)


def thorough(bot, *, last=None, recheck_seconds=0.01):
    return bot.talk(
        lambda adapter: adapter.probe(thorough=True, last=last),
        clock=lambda: NOW,
        recheck_seconds=recheck_seconds,
    )


def health(at: datetime):
    return {"last_process": at.isoformat(), "last_process_ts": int(at.timestamp())}


def test_a_running_bot_is_known_after_one_question(bot) -> None:
    seen = probe(bot, said.SHOW_CONFIG)
    assert bot.asked == ["GET /api/v1/show_config"]
    assert (seen.reason, seen.state) == (HealthReason.OK, EngineState.RUNNING)
    assert (seen.version, seen.strategy, seen.exchange) == ("2026.9", "TWDemo", "binance")
    assert (seen.stake_currency, seen.bot_name, seen.timeframe) == ("USDT", "b1", "1m")
    assert seen.dry_run is True
    assert 0 <= seen.latency_ms < 8000


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("paused", HealthReason.PAUSED),
        ("stopped", HealthReason.STOPPED),
        ("reload_config", HealthReason.OK),
        ("", HealthReason.NO_TRADER),
        ("dancing", HealthReason.PROTOCOL),
        (7, HealthReason.PROTOCOL),
        ([], HealthReason.PROTOCOL),
    ],
)
def test_the_state_is_the_bots_own_word(bot, state, reason) -> None:
    assert probe(bot, said.SHOW_CONFIG | {"state": state}).reason == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, said.UNAUTHORIZED), HealthReason.AUTH),
        ((401, "<html>Log in</html>"), HealthReason.AUTH),
        ((403, "<html>Forbidden</html>"), HealthReason.PROXY),
        ((404, said.NOT_FOUND), HealthReason.NOT_FREQTRADE),
        ((404, "<html>Not here</html>"), HealthReason.NOT_FREQTRADE),
        ("<html>Welcome to nginx!</html>", HealthReason.NOT_FREQTRADE),
        ({"status": "ok"}, HealthReason.NOT_FREQTRADE),
        ([], HealthReason.NOT_FREQTRADE),
        (b"null", HealthReason.NOT_FREQTRADE),
        (b'{"version": "2026.9", "sta', HealthReason.PROTOCOL),
        (b"[" * 3000 + b"]" * 3000, HealthReason.PROTOCOL),
        (b'{"a": ' + b"9" * 5000 + b"}", HealthReason.NOT_FREQTRADE),
        (b"{" + b" " * 70000 + b"}", HealthReason.PROTOCOL),
        (b"\xff\xfe", HealthReason.NOT_FREQTRADE),
        ((302, "moved"), HealthReason.REDIRECT),
        ((308, "moved"), HealthReason.REDIRECT),
        ((502, said.PROXY_PAGE), HealthReason.PROXY),
        ((503, said.PROXY_PAGE), HealthReason.PROXY),
        ((504, said.PROXY_PAGE), HealthReason.PROXY),
        ((521, said.PROXY_PAGE), HealthReason.PROXY),
        ((503, said.NO_TRADER), HealthReason.NO_TRADER),
        ((502, said.NO_TRADER_2024), HealthReason.NO_TRADER),
        ((502, said.NOT_RUNNING), HealthReason.PROTOCOL),
        ((500, b"Internal Server Error"), HealthReason.PROTOCOL),
        ((429, b"{}"), HealthReason.PROTOCOL),
        ((400, "The plain HTTP request was sent to HTTPS port"), HealthReason.TLS),
        (said.SHOW_CONFIG | {"runmode": "webserver", "state": ""}, HealthReason.NO_TRADER),
        (said.SHOW_CONFIG | {"api_version": 2.39}, HealthReason.TOO_OLD),
        (said.SHOW_CONFIG | {"api_version": None}, HealthReason.TOO_OLD),
    ],
)
def test_every_other_answer_is_diagnosed_in_a_finished_sentence(bot, answer, reason) -> None:
    seen = probe(bot, answer)
    assert seen.reason == reason
    assert seen.state is None
    assert seen.sentence.endswith(".")
    assert "{" not in seen.sentence
    assert f"127.0.0.1:{bot.port}" in seen.sentence


def test_version_2_40_is_new_enough_though_it_is_written_as_a_fraction(bot) -> None:
    assert probe(bot, said.SHOW_CONFIG | {"api_version": 2.4}).reason == HealthReason.OK


def test_a_wrong_password_is_tried_once(bot) -> None:
    probe(bot, (401, said.UNAUTHORIZED))
    assert len(bot.asked) == 1


def test_without_a_password_nobody_is_called(bot) -> None:
    assert probe(bot, said.SHOW_CONFIG, token=None).reason == HealthReason.NEEDS_TOKEN
    assert bot.asked == []


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/"])
def test_an_address_as_people_paste_it_reaches_the_bot(bot, path: str) -> None:
    assert probe(bot, said.SHOW_CONFIG, path=path).reason == HealthReason.OK


def test_a_bot_behind_a_path_of_a_proxy_is_reached(bot) -> None:
    assert probe(bot, said.SHOW_CONFIG, path="/bots/one").reason == HealthReason.OK
    assert bot.asked == ["GET /bots/one/api/v1/show_config"]


def test_a_port_where_nothing_listens_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    async def look():
        async with Client(allow=AllowList.parse(f"127.0.0.1/32:{port}")) as client:
            url = f"http://127.0.0.1:{port}"
            return await adapter_for("freqtrade", client, url, Credentials.parse("a:b")).probe()

    seen = asyncio.run(look())
    assert seen.reason == HealthReason.REFUSED
    assert seen.sentence == (
        f"Nothing listens at 127.0.0.1:{port}. Check that Freqtrade runs and that "
        f"api_server.listen_port is {port}."
    )


def test_an_address_that_is_not_allowed_is_not_dialled() -> None:
    async def look(url: str):
        async with Client(allow=AllowList()) as client:
            return await adapter_for("freqtrade", client, url, Credentials.parse("a:b")).probe()

    assert asyncio.run(look("http://127.0.0.1:18080")).reason == HealthReason.FORBIDDEN
    assert asyncio.run(look("ftp://example.org")).reason == HealthReason.MALFORMED


def test_an_unknown_engine_is_refused() -> None:
    async def make():
        async with Client(allow=AllowList()) as client:
            return adapter_for("abacus", client, "https://bot.example", None)

    with pytest.raises(ValueError, match="abacus"):
        asyncio.run(make())


def test_a_loop_that_turns_is_well(bot) -> None:
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": health(NOW - timedelta(seconds=4))}
    seen = thorough(bot)
    assert seen.reason == HealthReason.OK
    assert seen.last_process_at == NOW - timedelta(seconds=4)
    assert len(bot.asked) == 2


def test_a_loop_that_stands_still_hangs(bot) -> None:
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": health(NOW - timedelta(hours=1))}
    seen = thorough(bot)
    assert seen.reason == HealthReason.HUNG
    assert seen.state == EngineState.RUNNING
    assert "3 minutes" in seen.sentence


def test_a_bot_whose_clock_is_slow_does_not_hang(bot) -> None:
    beats = iter(health(NOW - timedelta(hours=1) + timedelta(seconds=5 * n)) for n in range(9))
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": lambda _request: next(beats)}
    assert thorough(bot).reason == HealthReason.OK


def test_with_an_earlier_sample_one_look_is_enough(bot) -> None:
    at = NOW - timedelta(hours=1)
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": health(at)}
    moved = LoopSample(at - timedelta(minutes=1), NOW - timedelta(minutes=1))
    assert thorough(bot, last=moved, recheck_seconds=60).reason == HealthReason.OK
    stood = LoopSample(at, NOW - timedelta(minutes=1))
    assert thorough(bot, last=stood, recheck_seconds=60).reason == HealthReason.HUNG


def test_a_hanging_bot_whose_clock_is_fast_is_found_out(bot) -> None:
    ahead = NOW + timedelta(hours=1)
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": health(ahead)}
    assert thorough(bot, last=LoopSample(ahead, NOW - timedelta(minutes=1))).reason == HealthReason.OK
    assert thorough(bot, last=LoopSample(ahead, NOW - timedelta(minutes=4))).reason == HealthReason.HUNG


def test_a_stopped_bot_has_no_loop_to_look_at(bot) -> None:
    bot.answers["show_config"] = said.SHOW_CONFIG | {"state": "stopped"}
    assert thorough(bot).reason == HealthReason.STOPPED
    assert len(bot.asked) == 1


@pytest.mark.parametrize(
    "answer", [{"last_process_ts": None}, {}, (502, said.NOT_RUNNING), {"last_process_ts": "x"}]
)
def test_a_bot_that_does_not_tell_about_its_loop_is_not_accused(bot, answer) -> None:
    bot.answers |= {"show_config": said.SHOW_CONFIG, "health": answer}
    seen = thorough(bot)
    assert (seen.reason, seen.last_process_at) == (HealthReason.OK, None)


def test_a_command_goes_to_its_path_once(bot) -> None:
    paths = {
        "start": "already running",
        "stop": "stopping trader ...",
        "pause": "paused",
        "reload_config": "x",
    }
    bot.answers |= {path: {"status": status} for path, status in paths.items()}

    async def all_of_them(adapter):
        for command in (Command.START, Command.STOP, Command.PAUSE, Command.RELOAD):
            await adapter.command(command)

    bot.talk(all_of_them)
    assert bot.asked == [f"POST /api/v1/{path}" for path in paths]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, said.UNAUTHORIZED), HealthReason.AUTH),
        ((404, said.NOT_FOUND), HealthReason.TOO_OLD),
        ((405, {"detail": "Method Not Allowed"}), HealthReason.TOO_OLD),
        ((404, "<html></html>"), HealthReason.NOT_FREQTRADE),
        ((502, said.NOT_RUNNING), HealthReason.PROTOCOL),
        ((502, said.NO_TRADER_2024), HealthReason.NO_TRADER),
        ((503, said.NO_TRADER), HealthReason.NO_TRADER),
        ((502, said.PROXY_PAGE), HealthReason.PROXY),
        ({"what": "ever"}, HealthReason.PROTOCOL),
        ("<html>hello</html>", HealthReason.PROTOCOL),
    ],
)
def test_a_refused_command_says_why_and_is_not_repeated(bot, answer, reason) -> None:
    bot.answers["pause"] = answer
    with pytest.raises(AdapterError) as refusal:
        bot.talk(lambda adapter: adapter.command(Command.PAUSE))
    assert refusal.value.reason == reason
    assert str(refusal.value).endswith(".")
    assert len(bot.asked) == 1
