"""What comes in from the pages of the marketplace."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from bots.setup_form import SetupForm, starting_values, values_of
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from marketplace.enums import RiskLevel, StrategyType
from marketplace.exceptions import DocumentRefused, TextRefused
from marketplace.models import TemplateVersion
from marketplace.services.authoring import Text
from marketplace.services.documents import MOST_BYTES, as_typed, read_document
from marketplace.services.plain_text import (
    LONGEST_NAME,
    LONGEST_REASON,
    LONGEST_TEXT,
    plain_line,
    plain_reason,
    plain_text,
)

LAST_PAGE: Final = 10_000
LAST_VERSION: Final = 1_000_000


class TemplatesForm(forms.Form):
    """Which page of the list."""

    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE)

    def number(self) -> int:
        """The first one where nothing sensible was asked for."""
        return (self.cleaned_data["page"] or 1) if self.is_valid() else 1


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


class AboutFields(forms.Form):
    """What an author says of a template in words."""

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
        )


class TemplateForm(AboutFields, SetupForm):  # type: ignore[misc] # another field called name
    """A template of a kind that an engine runs. Whoever starts a bot from it says how much it may use."""

    allocation = None  # type: ignore[assignment] # takes the field out
    field_order = ["name", "description", "risk_level", "pairs", "stake_currency", "timeframe"]

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(kind, *args, **kwargs)
        self.order_fields(self.field_order)

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


def template_form(kind: str, *args: Any, **kwargs: Any) -> TemplateForm | DocumentForm:
    """The form of a kind of strategy."""
    return (TemplateForm if kind in kinds.KINDS else DocumentForm)(kind, *args, **kwargs)


def first_values(kind: str) -> dict[str, Any]:
    """What the form of a new template holds."""
    return starting_values(kind) if kind in kinds.KINDS else {"config": "{\n}"}


def values_of_version(version: TemplateVersion) -> dict[str, Any]:
    """What a form holds that is about this version."""
    about = {"name": version.name, "description": version.description, "risk_level": version.risk_level}
    if version.strategy_type not in kinds.KINDS:
        return {**about, "config": as_typed(version.config_json)}
    try:
        return {**values_of(kinds.parse(version.config_json)), **about}
    except ConfigurationRefused:
        return {**first_values(str(version.strategy_type)), **about}
