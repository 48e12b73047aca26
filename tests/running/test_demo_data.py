"""`make run` offers demo data once, and never waits for the answer."""

import os
import pty
import sys
import time
from pathlib import Path

import pytest

from tradewise.env import ROOT
from tradewise.running import demo_data
from tradewise.running.demo_bot import Demo
from tradewise.running.demo_data import DemoData
from tradewise.running.services import Plan

ASKS = """
import pathlib, sys, time
from tradewise.running import demo_data
from tradewise.running.demo_bot import Demo
from tradewise.running.services import Plan
demo_data.is_embedded = lambda: True
demo_data._PATIENCE = float(sys.argv[2])
asked = demo_data.DemoData(Plan(pathlib.Path(sys.argv[1]), 1, 2, Demo(3, 4, "demo", "x"), "mark"))
began = time.monotonic()
asked.offer()
while asked.deadline is not None:
    asked._take_answer()
    assert time.monotonic() - began < 20
    time.sleep(0.05)
"""


def plan(var: Path) -> Plan:
    return Plan(var, 1, 2, Demo(3, 4, "demo", "x"), "mark")


def known(var: Path) -> str:
    return (var / "demo-data").read_text().strip()


def at_a_terminal(var: Path, answer: bytes, patience: str = "15") -> str:
    """What somebody reads who is asked there, and types this."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", ASKS, str(var), patience])
    said, typed = b"", False
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            said += os.read(terminal, 1000)
        except OSError:  # it has ended
            break
        if b"[y/N]" in said and not typed:
            os.write(terminal, answer)
            typed = True
    assert os.waitpid(child, 0)[1] == 0, said.decode()
    os.close(terminal)
    return said.decode()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"y\n", "wanted"),
        (b"YES\n", "wanted"),
        (b"\n", "declined"),
        (b"n\n", "declined"),
        (b"\x04", "declined"),
    ],
)
def test_an_answer_is_taken_and_kept(tmp_path, answer, word):
    said = at_a_terminal(tmp_path, answer)
    assert said.count("[y/N]") == 1
    assert known(tmp_path) == word
    assert ("seed_demo --apply" in said) == (word == "declined")


def test_silence_is_a_no_after_a_while(tmp_path):
    assert "No answer, so no demo data." in at_a_terminal(tmp_path, b"", patience="0.5")
    assert known(tmp_path) == "declined"


def test_without_a_terminal_one_line_says_how_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo_data, "is_embedded", lambda: True)
    for _ in range(2):
        asked = DemoData(plan(tmp_path))
        asked.offer()
        asked.look()
        assert (asked.deadline, asked.job) == (None, None)
    assert capsys.readouterr().out.count("manage.py seed_demo --apply") == 1


def test_a_server_of_ones_own_is_offered_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo_data, "is_embedded", lambda: False)
    DemoData(plan(tmp_path)).offer()
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "demo-data").exists()


def test_an_answer_beforehand_asks_nobody_and_goes_on_until_it_is_done(tmp_path, capsys):
    DemoData(plan(tmp_path), demo_data.NO).offer()
    assert known(tmp_path) == "declined"
    DemoData(plan(tmp_path), demo_data.YES).offer()
    assert known(tmp_path) == "wanted"
    # Ended half-way: the next start goes on, whatever it is told.
    asked = DemoData(plan(tmp_path))
    asked.offer()
    assert asked._is_wanted()
    (tmp_path / "demo-data").write_text("done\n")
    DemoData(plan(tmp_path), demo_data.YES).offer()
    assert known(tmp_path) == "done"
    assert capsys.readouterr().out == ""
