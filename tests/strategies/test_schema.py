"""The JSON Schema says what the models do, as far as a schema can."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bots.strategies.common import ConfigurationRefused
from bots.strategies.kinds import KINDS, dump, parse, schema
from tests.strategies import examples
from tests.strategies.examples import example

VALIDATORS = {kind: Draft202012Validator(schema(kind)) for kind in KINDS}
#: What a schema cannot say: decimal places, and what one field demands of another.
BEYOND = ("decimal place", "Must be ", "Every pair must end", "on both sides", "would lie", "a hundred times")

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 60),
    st.integers(),
    st.floats(-5, 120, allow_nan=False).map(lambda value: round(value, 3)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "dip", "interval", "1m", "2m", "binance", "USDT", "EUR", "usdt", "BTC/USDT"]),
    st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/EUR", "btc/usdt", 1]), max_size=22),
    st.dictionaries(st.sampled_from(["fast", "x"]), st.integers(), max_size=2),
)
PLACES = ("exchange", "stake_currency", "pairs", "timeframe", "parameters", "unknown")


@st.composite
def configurations(draw, kind):
    """A good one, in which up to three things are changed or left out; most changes are within bounds."""
    config = example(kind)
    properties = schema(kind)["$defs"][f"{kind.capitalize()}Parameters"]["properties"]
    for name in draw(st.lists(st.sampled_from([*properties, *PLACES]), max_size=3, unique=True)):
        inside = config.get("parameters") if name in properties else config
        if not isinstance(inside, dict) or draw(st.integers(0, 9)) == 0:
            config.pop(name, None)
        elif name in properties and "minimum" in properties[name]:
            bounds = st.integers(
                int(properties[name]["minimum"]) - 1, min(int(properties[name]["maximum"]) + 1, 200)
            )
            inside[name] = draw(bounds | ANYTHING)
        else:
            inside[name] = draw(ANYTHING)
    return config


@pytest.mark.parametrize("kind", list(KINDS))
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_schema_and_model_agree(kind, data):
    config = data.draw(configurations(kind))
    fits = VALIDATORS[kind].is_valid(config)
    try:
        written = dump(parse(config))
    except ConfigurationRefused as refused:
        sentences = [problem.sentence for problem in refused.problems]
        assert not fits or all(any(mark in sentence for mark in BEYOND) for sentence in sentences), sentences
    else:
        assert fits
        assert VALIDATORS[kind].is_valid(written)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_schema_is_one_and_closed(kind):
    Draft202012Validator.check_schema(schema(kind))
    assert schema(kind)["additionalProperties"] is False
    assert schema(kind)["properties"]["strategy"]["const"] == kind
    assert VALIDATORS[kind].is_valid(example(kind))


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_setting_is_explained(kind):
    described = schema(kind)
    parameters = described["$defs"][f"{kind.capitalize()}Parameters"]["properties"]
    for settings_ in (described["properties"], parameters):
        for name, setting in settings_.items():
            assert setting["title"], name
            assert setting["description"].endswith("."), name
    for name, setting in parameters.items():
        if setting.get("type") in ("number", "integer"):
            assert setting["minimum"] < setting["maximum"], name
            assert "unit" in setting or name == "rsi_max"


def test_money_is_a_number_in_the_schema():
    base_order = schema("dca")["$defs"]["DcaParameters"]["properties"]["base_order"]
    assert base_order["type"] == "number"
    assert (base_order["minimum"], base_order["maximum"], base_order["default"]) == (0.01, 1_000_000, 50)


@pytest.mark.parametrize("kind", examples.KINDS)
def test_the_defaults_are_within_the_schema(kind):
    assert VALIDATORS[kind].is_valid(dump(parse(example(kind))))
