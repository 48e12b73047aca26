"""What differs between two versions, in the words of the form."""

from typing import Any

from marketplace.differences import differences
from marketplace.models import TemplateVersion
from tests.factories.engines import DCA


def version(name: str = "Calm", **parameters: Any) -> TemplateVersion:
    config = {**DCA, "parameters": {**DCA["parameters"], **parameters}}
    return TemplateVersion(name=name, strategy_type="dca", config_json=config)


def test_values_have_their_units_and_one_is_singular() -> None:
    old, new = (
        version(take_profit_pct=1.5, max_safety_orders=2),
        version(take_profit_pct=7.5, max_safety_orders=1),
    )
    assert [str(each) for each in differences(old, new)] == [
        "Safety orders: 2 orders → 1 order",
        "Take profit: 1.5 % → 7.5 %",
    ]


def test_what_is_no_number_is_shown_as_it_stands() -> None:
    (found,) = differences(version(), version(take_profit_pct="much"))
    assert found.new == "much"


def test_another_bot_as_evidence_is_said_and_not_which() -> None:
    old, new = version(), version()
    old.record_bot_id, new.record_bot_id = 4711, 4712
    assert [str(each) for each in differences(old, new)] == [
        "Evidence: a bot of the author → another bot of the author"
    ]
    old.record_bot_id = None
    assert [str(each) for each in differences(old, new)] == ["Evidence: — → a bot of the author"]
    assert [str(each) for each in differences(new, old)] == ["Evidence: a bot of the author → —"]


def test_nothing_differs_from_itself() -> None:
    assert differences(version(), version()) == []
