"""docs/strategies.md is what the models say."""

from bots.strategies.kinds import KINDS, NOT_RUNNABLE
from tests.strategies.tables import PAGE, names, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_models():
    assert names(TEXT) == ["configuration", *KINDS]
    assert page(TEXT) == TEXT, "python -m tests.strategies.tables writes them anew"


def test_what_does_not_run_is_said_with_the_reason():
    for reason in NOT_RUNNABLE.values():
        assert reason in TEXT
