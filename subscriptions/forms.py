"""What comes in from the pages of subscriptions. Forms clean; they decide nothing."""

from decimal import Decimal
from typing import Any, Final

from django import forms

from bots.setup_form import AMOUNTS, MOST_ALLOCATION, LaunchForm, SetupForm

LAST_PAGE: Final = 10_000
LAST_VERSION: Final = 1_000_000


class AllocationForm(forms.Form):
    """What a bot may use."""

    allocation = SetupForm.base_fields["allocation"]

    def __init__(self, *args: Any, currency: str, least: str, most: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["allocation"]
        field.unit = currency  # type: ignore[attr-defined]
        bounds = f"At least {least}, at most {most}." if most else f"At least {least}."
        field.help_text = f"{bounds} {field.help_text}"

    def take(self, problems: tuple[tuple[str, str], ...]) -> None:
        """Show each problem of a set-up at its field, or above all of them."""
        for field, sentence in problems:
            self.add_error(field if field in self.fields else None, sentence)


class SubscribeForm(AllocationForm):
    """What a bot may use, and with what money."""

    mode = forms.ChoiceField(
        label="Mode",
        choices=LaunchForm.MODES,
        widget=forms.RadioSelect,
        help_text="No bot starts with real money. A dry run can go live later, from its own page.",
    )

    #: Which version the page showed: no other is started.
    version = forms.IntegerField(
        required=False, min_value=1, max_value=LAST_VERSION, widget=forms.HiddenInput()
    )

    def __init__(self, *args: Any, can_simulate: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_simulate:
            self.fields["mode"].choices = LaunchForm.MODES[:1]  # type: ignore[attr-defined]


class MoveForm(forms.Form):
    """Which version the trader has looked at and wants."""

    version = forms.IntegerField(min_value=1, max_value=LAST_VERSION, widget=forms.HiddenInput())


class LimitForm(forms.Form):
    """What all subscriptions may use together, in one currency."""

    currency = forms.RegexField(
        "^[A-Z0-9]{2,10}$",
        label="Currency",
        error_messages={"invalid": "Such as USDT."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    amount = forms.DecimalField(
        label="All subscriptions together",
        help_text="Dry runs and real money alike; invented money does not count. Empty: no limit of your own.",
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_ALLOCATION,
        max_digits=15,
        decimal_places=2,
        error_messages=AMOUNTS,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class ListForm(forms.Form):
    """Which page of the list, and what the browser has seen of it."""

    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE)
    seen = forms.CharField(required=False, max_length=64)

    def number(self) -> int:
        """The first one where nothing sensible was asked for."""
        return self._known("page") or 1

    def seen_version(self) -> str:
        """Empty where the browser has seen none."""
        return self._known("seen") or ""

    def _known(self, name: str) -> Any:
        self.full_clean()
        return self.cleaned_data.get(name)
