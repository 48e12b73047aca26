"""The form of a bot that TradeWise runs, made from the pydantic model of its kind of strategy.

Labels, explanations, units, bounds and choices are the model's, and so is every refusal: a field hands on what was
typed, and the model says whether it will do. A field is called by its path in the configuration.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.core import signing

from bots.enums import Mode
from bots.forms import PrintableCharField
from bots.models.bot import new_bot_id
from bots.services.markets import Asked
from bots.services.running import Wanted
from bots.strategies import kinds, needs
from bots.strategies.common import Configuration, ConfigurationRefused
from bots.strategies.fields import plain

MOST_ALLOCATION: Final = Decimal("9999999999999")
OF_STAKE: Final = "stake currency"
DEFAULTS: Final = {"pairs": "BTC/USDT", "stake_currency": "USDT", "timeframe": "5m"}
_TOP: Final = ("exchange", "stake_currency", "pairs", "timeframe")
_TEXT: Final = {"autocomplete": "off", "autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
AMOUNTS: Final = {
    "required": "Enter an amount.",
    "invalid": "Enter an amount, such as 500 or 99.50.",
    "min_value": "More than nothing.",
    "max_value": "That is more than TradeWise can count.",
    "max_digits": "That is more than TradeWise can count.",
    "max_whole_digits": "That is more than TradeWise can count.",
    "max_decimal_places": "At most 2 decimal places.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a configuration, as its model describes it. `path` is "parameters.lower" or "pairs"."""

    path: str
    title: str
    help: str
    unit: str
    choices: tuple[str, ...]
    default: Any
    lowest: Any
    highest: Any

    def bounds(self) -> str:
        """What is allowed, where a trader could not guess it."""
        if self.lowest is None or self.unit == OF_STAKE:
            return ""
        return f"From {_plain(self.lowest)} to {_plain(self.highest)}."

    def in_words(self, value: Any, currency: str) -> str:
        """The value with its unit."""
        if self.choices:
            return str(value).capitalize()
        if self.unit == OF_STAKE:
            return f"{plain(Decimal(value))} {currency}"
        shown = plain(Decimal(value))
        unit = self.unit.removesuffix("s") if shown == "1" else self.unit
        return f"{shown} {unit}".strip()


def _plain(value: Any) -> str:
    return f"{Decimal(str(value)):,f}"


def settings_of(kind: str) -> tuple[Setting, ...]:
    """All of a kind: where and what to trade, then its parameters."""
    model = kinds.KINDS[kind]
    top = model.model_json_schema()["properties"]
    parameters: Any = model.model_fields["parameters"].annotation
    found = [_setting(name, top[name]) for name in _TOP]
    properties = parameters.model_json_schema()["properties"]
    return (*found, *(_setting(f"parameters.{name}", spec) for name, spec in properties.items()))


def _setting(path: str, spec: Mapping[str, Any]) -> Setting:
    choices = spec.get("enum") or ([spec["const"]] if "const" in spec else [])
    return Setting(
        path=path,
        title=spec.get("title", path),
        help=spec.get("description", ""),
        unit=spec.get("unit", ""),
        choices=tuple(str(choice) for choice in choices),
        default=spec.get("default"),
        lowest=spec.get("minimum"),
        highest=spec.get("maximum"),
    )


def parameters_in_words(configuration: Configuration) -> list[tuple[str, str]]:
    """Titles and values with their units."""
    values: Any = getattr(configuration, "parameters")  # noqa: B009 - each kind has its own
    return [
        (
            setting.title,
            setting.in_words(
                getattr(values, setting.path.removeprefix("parameters.")), configuration.stake_currency
            ),
        )
        for setting in settings_of(configuration.strategy)
        if setting.path.startswith("parameters.")
    ]


class AsTyped(forms.Field):
    """Hands on what was typed, as a number where it is one: the model decides."""

    def __init__(self, *, is_number: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.is_number = is_number

    def clean(self, value: Any) -> Any:
        text = str(value if value is not None else "").strip()[:2000]
        if not self.is_number:
            return text
        try:
            return Decimal(text) if len(text) <= 40 else text
        except InvalidOperation:
            return text


class SetupForm(forms.Form):
    """What all forms about an engine ask. `cleaned_data["configuration"]` is there where the model takes it."""

    name = PrintableCharField(
        label="Name",
        max_length=100,
        help_text="What you call it here.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    allocation = forms.DecimalField(
        label="Allocation",
        help_text="What the bot may use at first. Later its gains come on top, and its losses off.",
        min_value=Decimal("0.01"),
        max_value=MOST_ALLOCATION,
        max_digits=15,
        decimal_places=2,
        error_messages=AMOUNTS,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, kind: str, *args: Any, fixed: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """`fixed` are values of the configuration that this form does not ask for."""
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fixed = dict(fixed or {})
        self.settings = settings_of(kind)
        self.currency = self.fixed.get("stake_currency") or self._currency()
        for setting in self.settings:
            if setting.path in self.fixed:
                continue
            if len(setting.choices) == 1:
                self.fixed[setting.path] = setting.choices[0]
                continue
            self.fields[setting.path] = self._field(setting)
        if "allocation" in self.fields:
            self.fields["allocation"].unit = self.currency  # type: ignore[attr-defined]
        self.order_fields(
            ["name", "description", "pairs", "stake_currency", "timeframe", "allocation", "mode"]
        )

    def parameters(self) -> list[forms.BoundField]:
        """Its parameters."""
        return [self[name] for name in self.fields if name.startswith("parameters.")]

    def others(self) -> list[forms.BoundField]:
        """Everything else that is seen."""
        return [
            self[name]
            for name in self.fields
            if not name.startswith("parameters.") and not self[name].is_hidden
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        values = {
            setting.path: self.fixed.get(setting.path, data.get(setting.path)) for setting in self.settings
        }
        document: dict[str, Any] = {"strategy": self.kind, "parameters": {}}
        for path, value in values.items():
            if path.startswith("parameters."):
                document["parameters"][path.removeprefix("parameters.")] = value
            else:
                document[path] = value
        document["pairs"] = [pair for pair in re.split(r"[\s,;]+", str(values["pairs"]).upper()) if pair][
            :100
        ]
        document["stake_currency"] = str(values["stake_currency"]).upper()
        try:
            configuration = kinds.parse(document)
        except ConfigurationRefused as refused:
            self.take((problem.field, problem.sentence) for problem in refused.problems)
            return data
        self._say_what_is_needed(configuration)
        data["configuration"] = configuration
        return data

    def take(self, problems: Iterable[tuple[str, str]]) -> None:
        """Show each problem at its field."""
        for field, sentence in problems:
            self.add_error(field if field in self.fields else None, sentence)

    def focus_on_error(self) -> None:
        """Let the page begin where something is to be mended."""
        for name in self.fields:
            if name in self.errors:
                self.fields[name].widget.attrs["autofocus"] = True
                return

    def wanted(self, mode: Mode, asked: Asked, **known: str) -> Wanted:
        """As the services take it."""
        data = self.cleaned_data
        return Wanted(
            name=data["name"],
            configuration=data["configuration"],
            allocation=data["allocation"],
            mode=mode,
            smallest_order=asked.smallest_order,
            **known,
        )

    def _say_what_is_needed(self, configuration: Configuration) -> None:
        if "allocation" in self.errors and not self.data.get("allocation"):
            del self.errors["allocation"]
            needed = needs.needed_allocation(configuration)
            sentence = (
                f"Enter an amount. These parameters need at least {needed} {configuration.stake_currency}."
            )
            self.add_error("allocation", sentence)

    def _currency(self) -> str:
        text = str(self.data.get("stake_currency") or self.initial.get("stake_currency") or "")
        currency = text.strip().upper()
        return currency if re.fullmatch("[A-Z0-9]{2,10}", currency) else OF_STAKE

    def _field(self, setting: Setting) -> AsTyped:
        widget: forms.Widget
        is_number = setting.lowest is not None
        if setting.choices:
            widget = forms.Select(
                choices=[(choice, self._word(setting, choice)) for choice in setting.choices]
            )
        else:
            attrs = {**_TEXT, **({"inputmode": "decimal"} if is_number else {})}
            widget = forms.TextInput(attrs=attrs)
        help_text = " ".join(filter(None, (setting.help, setting.bounds())))
        if setting.path == "pairs" and self.kind != "grid":
            help_text = f"{help_text} Separate several by commas."
        field = AsTyped(
            is_number=is_number,
            label=setting.title,
            help_text=help_text,
            initial=_typed(setting.default),
            widget=widget,
        )
        # "How many orders" needs no "orders" beside its name.
        unit = "" if setting.unit in setting.help else setting.unit
        field.unit = self.currency if setting.unit == OF_STAKE else unit  # type: ignore[attr-defined]
        return field

    @staticmethod
    def _word(setting: Setting, choice: str) -> str:
        return choice.capitalize() if setting.path.startswith("parameters.") else choice


class LaunchForm(SetupForm):
    """A bot to start. `ticket` holds the bot's future id, so that the form makes one bot however often it is sent."""

    MODES: Final = [
        (
            Mode.DRY_RUN.value,
            "Dry run: real prices of the exchange, and money that is only counted. Nothing is bought.",
        ),
        (
            Mode.SIMULATED.value,
            "Simulated: invented prices on an exchange inside TradeWise. For trying out; it proves nothing.",
        ),
    ]

    mode = forms.ChoiceField(
        label="Mode",
        choices=MODES,
        widget=forms.RadioSelect,
        help_text="No bot starts with real money. A dry run can go live later, from its own page.",
    )
    ticket = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput())

    def __init__(self, kind: str, *args: Any, tenant: str, can_simulate: bool, **kwargs: Any) -> None:
        super().__init__(kind, *args, **kwargs)
        self._signer = signing.Signer(salt=f"bots.launch|{tenant}")
        if not can_simulate:
            self.fields["mode"].choices = self.MODES[:1]  # type: ignore[attr-defined]

    def clean_ticket(self) -> str:
        """The id of the bot that is to be."""
        try:
            return self._signer.unsign(self.cleaned_data["ticket"])
        except signing.BadSignature:
            # A form that was made by hand, or before the key of the site changed: the next one is good.
            return new_bot_id()

    def renew_ticket(self) -> None:
        """From here on the form is about another bot."""
        ticket = self._signer.sign(new_bot_id())
        self.initial = {**self.initial, "ticket": ticket}
        if self.is_bound:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data["ticket"] = ticket  # type: ignore[index]


class ChangeForm(SetupForm):
    """A bot that is set up already. Its currency stays: everything that was recorded is counted in it."""

    description = forms.CharField(
        label="Note", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


def starting_values(kind: str) -> dict[str, Any]:
    """What a new form holds: what the model says by default, and an example where it says nothing."""
    values: dict[str, Any] = {**DEFAULTS, "mode": Mode.DRY_RUN}
    try:
        configuration = kinds.parse(
            {
                "strategy": kind,
                "exchange": "binance",
                "stake_currency": DEFAULTS["stake_currency"],
                "pairs": [DEFAULTS["pairs"]],
                "timeframe": DEFAULTS["timeframe"],
                "parameters": {},
            }
        )
    except ConfigurationRefused:
        return values
    return {**values, "allocation": plain(needs.needed_allocation(configuration))}


def values_of(configuration: Configuration) -> dict[str, Any]:
    """What a form holds that is about this configuration."""
    document = configuration.model_dump(mode="python")
    values: dict[str, Any] = {name: document[name] for name in ("stake_currency", "timeframe", "exchange")}
    values["pairs"] = ", ".join(document["pairs"])
    return values | {f"parameters.{name}": _typed(value) for name, value in document["parameters"].items()}


def _typed(value: Any) -> Any:
    """As somebody would have typed it."""
    if isinstance(value, Decimal):
        return plain(value)
    return "" if value is None else str(value)
