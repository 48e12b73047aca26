"""Settings that are wrong, and daemons that are gone, slow, full or not Docker: a sentence, and nothing half made."""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time

import pytest

from bots.runtimes.base import Launch, RuntimeRefused, Seen
from bots.runtimes.docker import DockerRuntime
from tests.runtimes.docker_cast import (  # noqa: F401 - fixtures
    BOT,
    IMAGE,
    ORDER,
    directory_of_the_bot,
    maker_of_runtimes,
    one_runtime,
    only,
    ours,
    path_of_the_socket,
    played_engine,
    refusal,
)
from tests.runtimes.docker_engine import served

# Settings


@pytest.mark.parametrize(
    "image",
    [
        "freqtradeorg/freqtrade",
        "freqtradeorg/freqtrade:latest",
        "freqtradeorg/freqtrade:2026.9",
        "freqtradeorg/freqtrade@sha256:abc",
        "freqtradeorg/freqtrade:latest@sha256:" + "ab" * 32,
        IMAGE + "\n",
        "",
    ],
)
def test_an_image_without_a_digest_is_refused(make, image):
    with pytest.raises(RuntimeRefused, match=r"docker pull .* prints it as Digest") as caught:
        make(image=image)
    assert caught.value.final


@pytest.mark.parametrize(
    "image", ["ghcr.io/a/b_c.d@sha256:" + "0" * 64, "localhost:5000/ft@sha256:" + "f" * 64]
)
def test_an_image_of_another_registry_is_taken(make, engine, image):
    engine.images.add(image)
    make(image=image).launch(ORDER)
    assert only(engine).body["Image"] == image


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "two words"},
        {"host": ""},
        {"memory_mb": 5},
        {"cpus": 0},
        {"base_url": "tcp://u:k-pass@h:1?x"},
    ],
)
def test_settings_that_docker_would_refuse_are_refused_at_once(make, changes):
    told = refusal(make, **changes)
    assert told.final
    assert "k-pass" not in told.sentence


@pytest.mark.parametrize("bot_id", ["../other", "a/b", "", ".gone-1", "x" * 65])
def test_no_id_leads_out_of_the_directory(runtime, engine, bot_id):
    for call in (runtime.look, runtime.log, runtime.remove, runtime.usage, runtime.end):
        assert refusal(call, bot_id).final
    assert refusal(runtime.launch, Launch(bot_id, 1, {"strategy": "S"}, {})).final
    assert engine.asked == []


# Failures

ENDPOINT = "driver failed programming external connectivity on endpoint"
BUSY = "failed to bind host port for 127.0.0.1:18142:172.17.0.2:8080/tcp: address already in use"


def test_an_image_that_is_missing_is_named_with_what_fetches_it(runtime, engine):
    engine.images.clear()
    told = refusal(runtime.launch, ORDER)
    assert told.sentence.endswith(f"docker pull {IMAGE}")
    assert not told.final


def test_a_port_that_is_taken_is_named_and_nothing_stays(runtime, engine):
    engine.ports.add("18142")
    told = refusal(runtime.launch, ORDER)
    assert "18142" in told.sentence
    assert not told.final
    assert engine.containers == {}
    engine.ports.clear()
    assert runtime.launch(ORDER).alive


@pytest.mark.parametrize(
    ("operation", "status", "message", "expected"),
    [
        ("start", 500, f"{ENDPOINT} x (00): {BUSY}", "18142"),
        ("create", 500, "write /var/lib/docker/x: no space left on device", "disk"),
        ("start", 500, "mkdir /run/containerd/x: no space left on device: unknown", "disk"),
        ("create", 500, "fork/exec /proc/self/exe: cannot allocate memory", "memory"),
        ("start", 500, "OCI runtime create failed: container init was OOM-killed (out of memory)", "memory"),
        (
            "create",
            400,
            "range of CPUs is from 0.01 to 1.00, as there are only 1 CPUs available",
            "processors",
        ),
        ("create", 500, "secret words of /the/daemon", "status 500"),
        ("start", 400, "secret words of /the/daemon", "status 400"),
        ("inspect", 500, "secret words of /the/daemon", "status 500"),
        ("remove", 500, "secret words of /the/daemon", "status 500"),
    ],
)
def test_what_docker_refuses_is_told_in_words_of_ours(runtime, engine, operation, status, message, expected):
    if operation == "remove":
        ours(engine, "exited")
    engine.fail(operation, status, message)
    told = refusal(runtime.launch, ORDER)
    assert expected in told.sentence
    assert "secret words" not in told.sentence
    assert not told.final
    assert [found.status for found in engine.containers.values()] == (
        ["exited"] if operation == "remove" else []
    )
    assert runtime.launch(ORDER).alive


def test_strategies_that_docker_does_not_see_are_a_refusal(make, engine, tmp_path):
    told = refusal(make(strategies=tmp_path / "elsewhere").launch, ORDER)
    assert "one machine" in told.sentence
    assert engine.containers == {}


def test_a_docker_that_is_too_old_is_a_refusal(runtime, engine):
    engine.newest = "1.43"
    assert "too old" in refusal(runtime.look, BOT).sentence


def calls(runtime: DockerRuntime):
    return [
        lambda: runtime.launch(ORDER),
        lambda: runtime.look(BOT),
        lambda: runtime.end(BOT),
        lambda: runtime.usage(BOT),
        lambda: runtime.log(BOT),
        lambda: runtime.ended_because(BOT),
        runtime.present,
        lambda: runtime.remove(BOT),
    ]


def test_a_daemon_that_is_gone_is_a_refusal_of_every_call(make, tmp_path):
    for call in calls(make(base_url=f"unix://{tmp_path}/no.sock")):
        told = refusal(call)
        assert "does not answer" in told.sentence
        assert not told.final


def test_so_is_one_at_a_port_that_nobody_has(make):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        told = refusal(make(base_url=f"tcp://127.0.0.1:{probe.getsockname()[1]}").look, BOT)
    assert "does not answer" in told.sentence


def test_one_that_may_not_be_asked_says_what_to_do(runtime, monkeypatch):
    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("docker.transport.unixconn.UnixHTTPConnection.connect", forbidden)
    for call in calls(runtime):
        assert "group" in refusal(call).sentence


def test_a_daemon_that_is_back_is_asked_again(make, engine, tmp_path):
    path = tmp_path / "d.sock"
    runtime = make(base_url=f"unix://{path}")
    refusal(runtime.look, BOT)
    with served(engine) as first:
        path.symlink_to(first)
        assert runtime.launch(ORDER).alive
    refusal(runtime.look, BOT)
    with served(engine) as second:
        path.unlink()
        path.symlink_to(second)
        assert runtime.look(BOT).alive


@pytest.mark.parametrize("operation", ["inspect", "create", "start"])
def test_a_daemon_that_is_slow_is_waited_for_no_longer_than_the_timeout(make, engine, operation):
    engine.slow(operation, 4)
    begin = time.monotonic()
    told = refusal(make(timeout=0.3).launch, ORDER)
    assert time.monotonic() - begin < 3.5
    assert told.sentence == "Docker did not answer within 0.3 seconds."
    assert not told.final


@pytest.mark.parametrize("operation", ["create", "start"])
def test_what_a_slow_daemon_did_after_all_makes_no_second_engine(make, engine, operation):
    engine.slow(operation, 0.6)
    refusal(make(timeout=0.2).launch, ORDER)
    engine.slow(operation, 0)
    time.sleep(0.6)
    seen = make().launch(ORDER)
    assert Seen(alive=True, handle=only(engine).id) == seen


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"<html>", b'{"State": 1, "Config": null}'])
def test_something_else_in_its_place_is_a_refusal(make, engine, answer, monkeypatch):
    monkeypatch.setattr(engine, "answer", lambda *_: (200, json.loads(answer) if answer[0] != 60 else answer))
    for call in calls(make()):
        with contextlib.suppress(RuntimeRefused):
            call()  # nothing but refusals leave it
    assert "Docker" in refusal(make().look, BOT).sentence


def test_another_worker_is_waited_for_only_so_long(make, engine, own):
    own.mkdir(parents=True)
    held = os.open(own, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    told = refusal(make(timeout=0.2).launch, ORDER)
    assert "Another worker" in told.sentence
    threading.Timer(0.3, os.close, [held]).start()
    assert make().launch(ORDER).alive


@pytest.mark.parametrize("made_again", [False, True])
def test_a_directory_that_goes_before_it_is_locked_is_no_place_for_an_engine(
    runtime, own, monkeypatch, made_again
):
    lock = fcntl.flock

    def late(descriptor, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        own.rename(own.with_name(".gone-1"))
        if made_again:
            own.mkdir()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with runtime._alone(BOT) as directory, pytest.raises(BlockingIOError):
        # Whoever else tries finds it locked, and not only the one that was put aside.
        fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_proxy_of_the_workers_is_told(make, monkeypatch):
    with socket.socket() as proxy, socket.socket() as nobody:
        proxy.bind(("127.0.0.1", 0))
        nobody.bind(("127.0.0.1", 0))
        proxy.listen()
        proxy.settimeout(0.2)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        refusal(make(base_url=f"tcp://127.0.0.1:{nobody.getsockname()[1]}", timeout=0.3).look, BOT)
        with pytest.raises(TimeoutError):
            proxy.accept()


@pytest.mark.parametrize(("number", "expected"), [(28, "disk"), (13, "may not write")])
def test_a_directory_that_cannot_be_written_is_a_refusal(runtime, engine, monkeypatch, number, expected):
    def fails(*_):
        raise OSError(number, os.strerror(number), "/some/path")

    monkeypatch.setattr("tradewise.simulation.configuration.write", fails)
    told = refusal(runtime.launch, ORDER)
    assert expected in told.sentence
    assert engine.containers == {}
