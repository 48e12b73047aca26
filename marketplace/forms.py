"""What comes in from the pages of the marketplace."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError

from bots.setup_form import AMOUNTS, MOST_ALLOCATION, SetupForm, starting_values, values_of
from bots.strategies import kinds, needs
from bots.strategies.common import ConfigurationRefused
from bots.strategies.fields import plain
from marketplace import queries
from marketplace.enums import RiskLevel, StrategyType
from marketplace.exceptions import DocumentRefused, TextRefused
from marketplace.models import TemplateVersion, new_template_id
from marketplace.services.authoring import Text
from marketplace.services.documents import (
    MOST_BYTES,
    as_typed,
    parse_document,
    problems_of_document,
    read_document,
)
from marketplace.services.plain_text import (
    LONGEST_NAME,
    LONGEST_REASON,
    LONGEST_TEXT,
    plain_line,
    plain_reason,
    plain_text,
)

MOST_BOTS: Final = 1000
LAST_VERSION: Final = 1_000_000


class VersionForm(forms.Form):
    """Which version of a template is shown."""

    version = forms.IntegerField(required=False, min_value=1, max_value=LAST_VERSION)

    def number(self) -> int | None:
        """None where nothing sensible was asked for."""
        return self.cleaned_data["version"] if self.is_valid() else None


class ReasonField(forms.CharField):
    """Why, in a sentence or two that somebody else reads."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 4})
        # Whoever pastes more is told by the length, and not by the field.
        super().__init__(**{"label": "Reason", "widget": widget, "max_length": 2 * LONGEST_REASON, **options})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            return plain_reason(text) if text else ""
        except TextRefused as refused:
            raise ValidationError(str(refused)) from None


class WithdrawForm(forms.Form):
    """Why an author takes a template back."""

    reason = ReasonField(help_text="Whoever uses the template reads it.")


class ReasonsForm(forms.Form):
    """Why, for several versions at once: one reason for all, or each with its own."""

    reason = ReasonField(required=False, help_text="For each that has no reason of its own.")

    def __init__(self, data: Any = None, *, keys: Iterable[int]) -> None:
        super().__init__(data)
        self.keys = list(keys)
        for key in self.keys:
            self.fields[self.name_of(key)] = ReasonField(required=False, label="Reason for this one")

    @staticmethod
    def name_of(key: int) -> str:
        """Of the field with the reason for one version."""
        return f"reason-{key}"

    def reason_for(self, key: int) -> str:
        """Its own, or the one for all."""
        return str(self.cleaned_data.get(self.name_of(key)) or self.cleaned_data.get("reason") or "")

    def clean(self) -> dict[str, Any]:
        """None is decided about without a reason."""
        data = super().clean() or {}
        if not self.errors and not all(self.reason_for(key) for key in self.keys):
            self.add_error("reason", "Say why: the author reads it.")
        return data


class AboutFields(forms.Form):
    """What an author says of a template in words. `ticket` holds the template's future id, so that the form of a new
    one makes one draft however often it is sent.
    """

    ticket = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput())
    name = forms.CharField(
        label="Name",
        max_length=2 * LONGEST_NAME,
        help_text="What everybody calls it. Not like the name of another author's template.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label="Description",
        max_length=2 * LONGEST_TEXT,
        required=False,
        help_text="When it does well, when it does badly, and what one should know before money is put on it.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    risk_level = forms.ChoiceField(
        label="Risk",
        choices=RiskLevel.choices,
        initial=RiskLevel.MEDIUM,
        help_text="How much it may lose, compared with holding the coins. Moderators look at it.",
    )

    record_bot = forms.ChoiceField(
        label="Which of your bots runs this?",
        required=False,
        help_text="Its record is shown with the template, as seen by TradeWise since the bot was connected. Without "
        "one the template is self-reported, unless TradeWise runs it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [(bot.bot_id, str(bot)) for bot in queries.own_bots()[:MOST_BOTS]]
        field: Any = self.fields["record_bot"]
        field.choices = [("", "None"), *own]

    def give_ticket(self, tenant: str) -> None:
        """From here on the form is about one template."""
        ticket = _signer(tenant).sign(new_template_id())
        self.initial = {**self.initial, "ticket": ticket}
        if self.is_bound:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data["ticket"] = ticket  # type: ignore[index]

    def template_id(self, tenant: str) -> str:
        """Of the template that is to be; another one where the form was made by hand."""
        try:
            return _signer(tenant).unsign(self.cleaned_data["ticket"])
        except signing.BadSignature:
            return new_template_id()

    def clean_name(self) -> str:
        """In normal spelling."""
        try:
            return plain_line(self.cleaned_data["name"])
        except TextRefused as refused:
            raise ValidationError(str(refused)) from None

    def clean_description(self) -> str:
        """In normal spelling."""
        try:
            return plain_text(self.cleaned_data["description"])
        except TextRefused as refused:
            raise ValidationError(str(refused)) from None

    def text_of(self, kind: str, config: dict[str, Any]) -> Text:
        """As the services take it."""
        data = self.cleaned_data
        return Text(
            name=data["name"],
            description=data["description"],
            risk_level=RiskLevel(data["risk_level"]),
            strategy_type=StrategyType(kind),
            config=config,
            max_allocation=data.get("max_allocation"),
            record_bot=data["record_bot"],
        )


def _signer(tenant: str) -> signing.Signer:
    return signing.Signer(salt=f"marketplace.write|{tenant}")


class TemplateForm(AboutFields, SetupForm):  # type: ignore[misc] # another field called name
    """A template of a kind that an engine runs. Whoever starts a bot from it says how much it may use."""

    allocation = None  # type: ignore[assignment] # takes the field out
    max_allocation = forms.DecimalField(
        label="Largest allocation",
        help_text="The most that one subscriber may let a bot use, where more would not do. Empty: no limit.",
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_ALLOCATION,
        max_digits=15,
        decimal_places=2,
        error_messages=AMOUNTS,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    field_order = [
        *(
            "name",
            "description",
            "risk_level",
            "record_bot",
            "pairs",
            "stake_currency",
            "timeframe",
            "max_allocation",
        ),
    ]

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(kind, *args, **kwargs)
        self.fields["max_allocation"].unit = self.currency  # type: ignore[attr-defined]
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        """The largest allocation is not less than what the parameters need."""
        data = super().clean()
        most, configuration = data.get("max_allocation"), data.get("configuration")
        if most is not None and configuration is not None:
            needed = needs.needed_allocation(configuration)
            if most < needed:
                self.add_error(
                    "max_allocation",
                    f"These parameters need {needed} {configuration.stake_currency}. "
                    "Allow that much, or leave it empty.",
                )
        return data

    def text(self) -> Text:
        """As the services take it."""
        return self.text_of(self.kind, kinds.dump(self.cleaned_data["configuration"]))


class DocumentForm(AboutFields):
    """A template of a kind that no engine runs: its configuration is a document."""

    config = forms.CharField(
        label="Configuration",
        max_length=MOST_BYTES,
        help_text="JSON, without keys or passwords: everybody reads it.",
        widget=forms.Textarea(attrs={"rows": 12, "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def clean_config(self) -> dict[str, Any]:
        """The document."""
        try:
            return read_document(self.cleaned_data["config"])
        except DocumentRefused as refused:
            raise ValidationError(str(refused)) from None

    def text(self) -> Text:
        """As the services take it."""
        return self.text_of(self.kind, self.cleaned_data["config"])


class JsonForm(forms.Form):
    """A configuration as JSON, from which the form of a kind that an engine runs is filled in."""

    json = forms.CharField(
        label="Configuration as JSON",
        max_length=MOST_BYTES,
        required=False,
        help_text="What it says is filled in above, where you can look at it before you save it.",
        widget=forms.Textarea(attrs={"rows": 12, "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def clean_json(self) -> dict[str, Any]:
        """What the form of the kind holds then."""
        try:
            document = parse_document(self.cleaned_data["json"])
        except DocumentRefused as refused:
            raise ValidationError(str(refused)) from None
        wrong = list(problems_of_document(document))
        if wrong:
            raise ValidationError(wrong[:5])
        try:
            return values_of(kinds.parse({**document, "strategy": self.kind}))
        except ConfigurationRefused as refused:
            raise ValidationError(
                [f"{problem.field}: {problem.sentence}".removeprefix(": ") for problem in refused.problems]
            ) from None


def template_form(kind: str, *args: Any, **kwargs: Any) -> TemplateForm | DocumentForm:
    """The form of a kind of strategy."""
    return (TemplateForm if kind in kinds.KINDS else DocumentForm)(kind, *args, **kwargs)


def first_values(kind: str) -> dict[str, Any]:
    """What the form of a new template holds."""
    return starting_values(kind) if kind in kinds.KINDS else {"config": "{\n}"}


def values_of_version(version: TemplateVersion) -> dict[str, Any]:
    """What a form holds that is about this version."""
    shown = queries.own_bots().filter(pk=version.record_bot_id or 0).first()
    about = {
        "name": version.name,
        "description": version.description,
        "risk_level": version.risk_level,
        "record_bot": shown.bot_id if shown is not None else "",
    }
    if version.max_allocation is not None:
        about["max_allocation"] = plain(version.max_allocation)
    if version.strategy_type not in kinds.KINDS:
        return {**about, "config": as_typed(version.config_json)}
    try:
        return {**values_of(kinds.parse(version.config_json)), **about}
    except ConfigurationRefused:
        return {**first_values(str(version.strategy_type)), **about}
