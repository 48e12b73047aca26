"""Engines in Docker, against the daemon that `docker_engine` plays. No real daemon was ever asked."""

import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bots.runtimes.base import Launch, Runtime, Seen, Usage
from tests.runtimes.docker_cast import (  # noqa: F401 - fixtures
    BOT,
    IMAGE,
    NAME,
    ORDER,
    SECRETS,
    USER,
    directory_of_the_bot,
    maker_of_runtimes,
    one_runtime,
    only,
    ours,
    path_of_the_socket,
    played_engine,
    refusal,
)

# What is asked of Docker


def test_it_is_a_runtime(runtime):
    checked: Runtime = runtime
    assert checked.name == "docker"


def test_a_launch_makes_one_container_and_starts_it(runtime, engine):
    seen = runtime.launch(ORDER)
    made = only(engine)
    assert seen == Seen(alive=True, handle=made.id) == runtime.look(BOT)
    assert (made.name, made.status) == (NAME, "running")
    assert made.body["Labels"] == {"tradewise.bot": BOT, "tradewise.host": "alpha"}
    assert made.body["Image"] == IMAGE


def test_a_container_may_do_no_more_than_an_engine_needs(runtime, engine):
    runtime.launch(ORDER)
    body = only(engine).body
    host = body["HostConfig"]
    assert body["User"] == f"{USER}:{USER}"
    assert not body["User"].startswith("0")
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["Memory"] == host["MemorySwap"] == 512 * 1024 * 1024
    assert (host["NanoCpus"], host["PidsLimit"], host["Init"]) == (500_000_000, 128, True)
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
    assert not {"Privileged", "CapAdd", "Binds", "Devices", "PidMode", "AutoRemove"} & set(host)


def test_its_port_is_published_to_the_machine_alone(runtime, engine):
    runtime.launch(ORDER)
    body = only(engine).body
    assert body["HostConfig"]["PortBindings"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18142"}]}
    assert body["ExposedPorts"] == {"8080/tcp": {}}
    assert body["HostConfig"]["NetworkMode"] == "bridge"


def test_it_sees_its_own_directory_and_the_strategies(runtime, engine, own, tmp_path):
    runtime.launch(ORDER)
    mounts = only(engine).body["HostConfig"]["Mounts"]
    assert [(mount["Type"], mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in mounts] == [
        ("bind", str(own), "/freqtrade/bot", False),
        ("bind", str(tmp_path / "strategies"), "/tradewise/bots/strategies", True),
    ]


def test_nothing_hides_freqtrade_which_is_installed_below_the_home(runtime, engine):
    runtime.launch(ORDER)
    tmpfs = only(engine).body["HostConfig"]["Tmpfs"]
    assert set(tmpfs) == {"/tmp", "/home/ftuser/.cache"}
    assert all("size=" in options and "noexec" in options for options in tmpfs.values())


def test_the_command_names_files_inside(runtime, engine):
    runtime.launch(ORDER)
    body = only(engine).body
    assert body["Entrypoint"] == ["freqtrade"]
    assert " ".join(body["Cmd"]) == (
        "trade --dry-run --no-color --config /freqtrade/bot/config.json --userdir /freqtrade/bot/user_data "
        "--strategy GridEngine --strategy-path /tradewise/bots/strategies/engine "
        "--db-url sqlite:////freqtrade/bot/trades.sqlite --logfile /freqtrade/bot/freqtrade.log"
    )


def test_real_money_has_its_own_file_and_no_dry_run(runtime, engine):
    config = {"strategy": "GridEngine", "dry_run": False}
    runtime.launch(Launch(BOT, 18142, config, SECRETS, database="live.sqlite"))
    command = only(engine).body["Cmd"]
    assert "--dry-run" not in command
    assert "sqlite:////freqtrade/bot/live.sqlite" in command


def test_its_environment_is_what_it_needs(runtime, engine, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "the site's")
    runtime.launch(ORDER)
    assert set(only(engine).body["Env"]) == {
        "FREQTRADE__API_SERVER__LISTEN_IP_ADDRESS=0.0.0.0",
        "FREQTRADE__API_SERVER__LISTEN_PORT=8080",
        "HOME=/home/ftuser",
        "PYTHONPATH=/tradewise",
        *(f"{name}={value}" for name, value in SECRETS.items()),
    }


def test_secrets_are_in_the_environment_and_nowhere_else(runtime, engine, own, caplog):
    caplog.set_level("DEBUG")
    runtime.launch(ORDER)
    made = only(engine)
    elsewhere = json.dumps({**made.body, "Env": []}) + made.name + caplog.text + repr(runtime) + repr(ORDER)
    elsewhere += "".join(path.read_text() for path in own.rglob("*") if path.is_file())
    elsewhere += json.dumps([query for _, query in engine.asked])
    assert not [secret for secret in SECRETS.values() if secret in elsewhere]


def test_the_directory_is_the_engines_alone(runtime, own):
    runtime.launch(ORDER)
    for path, mode in [
        (own.parent, 0o700),
        (own, 0o700),
        (own / "user_data", 0o700),
        (own / "config.json", 0o600),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert {own.stat().st_uid, (own / "user_data").stat().st_uid, (own / "config.json").stat().st_uid} == {
        USER
    }
    assert json.loads((own / "config.json").read_text()) == ORDER.config


def test_a_worker_who_cannot_make_files_over_is_refused(runtime, engine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: USER + 1)
    told = refusal(runtime.launch, ORDER)
    assert told.final
    assert f"user {USER}" in told.sentence
    assert engine.containers == {}


# Adoption


@pytest.mark.parametrize("status", ["running", "paused", "restarting"])
def test_an_engine_that_lives_is_adopted(runtime, engine, own, status):
    found = ours(engine, status)
    assert runtime.launch(ORDER) == Seen(alive=True, handle=found.id)
    assert engine.count("create") == engine.count("start") == 0
    assert not (own / "config.json").exists()


@pytest.mark.parametrize("status", ["exited", "dead", "created"])
def test_one_that_does_not_is_made_anew(runtime, engine, status):
    """`created` is what a worker leaves who was killed between create and start."""
    found = ours(engine, status)
    assert runtime.look(BOT) == Seen(alive=False)
    seen = runtime.launch(ORDER)
    assert seen.alive
    assert seen.handle != found.id
    assert only(engine).id == seen.handle


def test_a_launch_is_asked_again_without_harm(runtime, engine):
    assert runtime.launch(ORDER) == runtime.launch(ORDER)
    assert engine.count("create") == engine.count("start") == 1


def test_many_launches_of_one_bot_make_one_container(make, engine):
    engine.slow("create", 0.05)
    runtimes = [make() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        seen = set(pool.map(lambda each: each.launch(ORDER), runtimes))
    assert seen == {Seen(alive=True, handle=only(engine).id)}
    assert engine.count("create") == engine.count("start") == 1


def test_a_name_that_is_taken_meanwhile_is_looked_at_again(runtime, engine):
    engine.meanwhile("create", lambda: ours(engine, "running"))
    seen = runtime.launch(ORDER)
    assert seen == Seen(alive=True, handle=only(engine).id)
    assert engine.count("start") == 0


def test_a_container_that_is_removed_before_its_start_is_made_again(runtime, engine):
    engine.meanwhile("start", engine.containers.clear)
    assert runtime.launch(ORDER).alive
    assert engine.count("create") == 2


def test_a_dead_container_that_starts_meanwhile_is_adopted(runtime, engine):
    found = ours(engine, "exited")
    engine.meanwhile("remove", lambda: setattr(found, "status", "running"))
    assert runtime.launch(ORDER) == Seen(alive=True, handle=found.id)


def test_a_container_that_is_being_removed_for_long_is_a_refusal(runtime, engine):
    ours(engine, "removing")
    assert not refusal(runtime.launch, ORDER).final
    assert runtime.look(BOT) == Seen(alive=False)


def test_a_start_of_what_runs_already_is_no_error(runtime, engine):
    engine.meanwhile("start", lambda: setattr(only(engine), "status", "running"))
    assert runtime.launch(ORDER).handle == only(engine).id


@pytest.mark.parametrize(
    "labels", [{}, {"tradewise.bot": BOT, "tradewise.host": "beta"}, {"tradewise.bot": "x"}]
)
def test_a_container_of_somebody_else_is_left_alone(runtime, engine, labels):
    engine.make(NAME, {"Labels": labels, "HostConfig": {}}, "running")
    for call in (runtime.look, runtime.end, runtime.usage, runtime.log, runtime.remove):
        assert refusal(call, BOT).final
    assert refusal(runtime.launch, ORDER).final
    assert only(engine).status == "running"
    assert not {"kill", "remove", "create"} & {name for name, _ in engine.asked}


# Ending


@pytest.mark.parametrize(("by_force", "code"), [(False, 130), (True, 137)])
@pytest.mark.parametrize("status", ["running", "paused"])
def test_an_engine_is_ended_be_it_frozen(runtime, engine, status, by_force, code):
    runtime.launch(ORDER)
    made = only(engine)
    made.status = status
    runtime.end(BOT, by_force=by_force)
    assert (made.status, made.exit_code) == ("exited", code)
    assert ("kill", {"signal": "SIGKILL" if by_force else "SIGTERM"}) in engine.asked
    assert runtime.look(BOT) == Seen(alive=False)


def test_nothing_to_end_is_no_error(runtime, engine):
    runtime.end(BOT)
    found = ours(engine, "exited")
    runtime.end(BOT, by_force=True)
    found.status = "running"
    engine.meanwhile("kill", lambda: setattr(found, "status", "exited"))
    runtime.end(BOT)
    engine.meanwhile("inspect", lambda: setattr(found, "status", "paused"))
    engine.meanwhile("unpause", lambda: setattr(found, "status", "running"))
    runtime.end(BOT)
    assert found.status == "exited"
    found.status = "running"
    engine.meanwhile("kill", engine.containers.clear)
    runtime.end(BOT)


def test_what_ran_out_of_memory_says_so(runtime, engine):
    assert runtime.ended_because(BOT) == ""
    runtime.launch(ORDER)
    made = only(engine)
    made.out_of_memory = True  # as after a child of the engine was ended
    assert runtime.ended_because(BOT) == ""
    made.status, made.exit_code = "exited", 137
    assert runtime.ended_because(BOT) == (
        "It used more memory than its limit of 512 MB and was ended by the machine."
    )
    made.out_of_memory = False
    assert runtime.ended_because(BOT) == ""


# Usage, log, what is kept

MEGABYTES = {"usage": 300_000_000, "limit": 2**29}
CPU = {"cpu_usage": {"total_usage": 2_500_000_000}}


@pytest.mark.parametrize("files", ["inactive_file", "total_inactive_file"])
def test_usage_is_what_docker_stats_shows(runtime, engine, files):
    runtime.launch(ORDER)
    memory = {**MEGABYTES, "stats": {"inactive_file": 1, files: 60_000_000}}
    only(engine).stats = {"memory_stats": memory, "cpu_stats": CPU}
    assert runtime.usage(BOT) == Usage(memory=240_000_000, cpu=2.5)
    assert ("stats", {"stream": "False", "one-shot": "True"}) in engine.asked


def test_without_an_engine_there_is_no_usage(runtime, engine):
    assert runtime.usage(BOT) is None
    found = ours(engine, "exited")
    assert runtime.usage(BOT) is None
    found.status = "running"
    engine.meanwhile("stats", lambda: setattr(found, "status", "exited"))
    assert runtime.usage(BOT) is None
    found.status = "running"
    engine.meanwhile("stats", engine.containers.clear)
    assert runtime.usage(BOT) is None


def test_the_log_is_freqtrades_own(runtime, engine, own):
    runtime.launch(ORDER)
    only(engine).output = ["on the console"]
    (own / "freqtrade.log").write_text("".join(f"line {number}\n" for number in range(300)))
    assert runtime.log(BOT, 2) == ["line 298", "line 299"]
    assert len(runtime.log(BOT)) == 200
    assert runtime.log(BOT, 0) == []
    assert engine.count("logs") == 0


def test_without_one_it_is_what_the_container_said(runtime, engine):
    assert runtime.log(BOT) == []
    runtime.launch(ORDER)
    only(engine).output = ["first", "Fatal: no such strategy", "çedilla"]
    assert runtime.log(BOT, 2) == ["Fatal: no such strategy", "çedilla"]


def test_what_a_former_engine_wrote_is_no_word_of_this_one(runtime, engine, own):
    runtime.launch(ORDER)
    (own / "freqtrade.log").write_text("ERROR of the former\n")
    only(engine).status = "exited"
    runtime.launch(ORDER)
    assert runtime.log(BOT) == []
    assert (own / "freqtrade.before.log").exists()


def test_a_link_or_a_pipe_in_the_place_of_the_log_is_not_read(runtime, own, tmp_path):
    runtime.launch(ORDER)
    (tmp_path / "shadow").write_text("of the machine\n")
    (own / "freqtrade.log").symlink_to(tmp_path / "shadow")
    assert runtime.log(BOT) == []
    (own / "freqtrade.log").unlink()
    os.mkfifo(own / "freqtrade.log")
    assert runtime.log(BOT) == []


def test_what_is_present_are_containers_of_this_machine_and_directories(runtime, engine, own):
    assert runtime.present() == set()
    ours(engine, "exited")
    engine.make("other", {"Labels": {"tradewise.bot": "theirs", "tradewise.host": "beta"}, "HostConfig": {}})
    engine.make("plain", {"HostConfig": {}})
    (own.parent / "kept").mkdir(parents=True)
    (own.parent / "a-file").touch()
    assert runtime.present() == {BOT, "kept"}


def test_removing_takes_the_container_and_puts_the_directory_aside(runtime, engine, own):
    runtime.launch(ORDER)
    (own / "trades.sqlite").touch()
    assert not refusal(runtime.remove, BOT).final
    assert own.is_dir()
    only(engine).status = "exited"
    runtime.remove(BOT)
    assert engine.containers == {}
    assert runtime.present() == set()
    (aside,) = own.parent.iterdir()
    assert (aside / "trades.sqlite").exists()
    runtime.remove(BOT)


def test_what_was_put_aside_goes_after_a_week(runtime, own):
    runtime.remove(BOT)
    (aside,) = own.parent.iterdir()
    runtime.present()
    assert aside.exists()
    os.utime(aside, (time.time() - 8 * 24 * 3600,) * 2)
    runtime.present()
    assert not aside.exists()


def test_what_starts_while_it_is_removed_stays(runtime, engine, own):
    found = ours(engine, "exited")
    engine.meanwhile("remove", lambda: setattr(found, "status", "running"))
    refusal(runtime.remove, BOT)
    assert only(engine) is found
    assert own.is_dir()
