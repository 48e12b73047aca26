"""What may be asked of the trail: parameters of its address. Forms clean; they decide nothing."""

import re
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from audit import words
from audit.queries import Place, Search

FIRST_YEAR: Final = 2020


class OpenChoiceField(forms.ChoiceField):
    """A choice of those that are offered, or of another that is written like them."""

    def __init__(self, *, pattern: str, **options: Any) -> None:
        super().__init__(**{"required": False, **options})
        self.pattern = re.compile(pattern)

    def valid_value(self, value: str) -> bool:
        """Whether it looks like one; whether there is such a thing the trail itself says."""
        return self.pattern.fullmatch(value) is not None and value.isprintable()

    def offer(self, value: str, label: str) -> None:
        """Let the field show a value that it does not offer by itself."""
        if value and not super().valid_value(value):
            offered: list[Any] = list(self.choices)  # type: ignore[arg-type]
            self.choices = [*offered, (value, label)]


class DayField(forms.DateField):
    """A day, as UTC has it."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        messages = {"invalid": "Enter a day as 2026-11-23."}
        super().__init__(
            required=False,
            widget=widget,
            input_formats=["%Y-%m-%d"],
            error_messages=messages,
            **options,
        )

    def clean(self, value: Any) -> date | None:
        """The day; refused where it is nonsense that a calendar knows all the same."""
        day: date | None = super().clean(value)
        if day is not None and not FIRST_YEAR <= day.year < 9999:
            raise ValidationError(f"Enter a day from {FIRST_YEAR} on.")
        return day


class ActivityFilter(forms.Form):
    """Which entries, and which page of them."""

    action = OpenChoiceField(
        label="What was done",
        pattern=r"[a-z_]{1,50}\.[a-z_]{1,49}",
        error_messages={"invalid_choice": "Choose one of the actions."},
    )
    resource = OpenChoiceField(
        label="With what",
        pattern=r"[a-z_]{1,50}(?::.{1,255})?",
        error_messages={"invalid_choice": "Choose one of the kinds of things."},
    )
    since = DayField(label="From (UTC)")
    until = DayField(label="To (UTC)")
    address = forms.GenericIPAddressField(
        label="Address",
        required=False,
        unpack_ipv4=True,
        error_messages={"invalid": "Enter an IP address as 203.0.113.7 or 2001:db8::7."},
        widget=forms.TextInput(
            attrs={"placeholder": "203.0.113.7", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    everything = forms.BooleanField(label="Also what came along", required=False)
    before = forms.RegexField(
        r"^[0-9]{1,18}-[0-9]{1,19}$",
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": "There is no such place in your activity."},
    )

    #: What a page's address bears beside the place.
    FILTERS = ("action", "resource", "since", "until", "address", "everything")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choice("action").choices = [("", "Anything"), *_actions()]
        self._choice("resource").choices = [("", "Anything"), *_kinds()]

    def _choice(self, name: str) -> OpenChoiceField:
        field = self.fields[name]
        assert isinstance(field, OpenChoiceField)
        return field

    def clean(self) -> dict[str, Any]:
        """The days have to be in order."""
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", "The last day lies before the first.")
        return data

    @property
    def thing(self) -> tuple[str, str]:
        """The kind and the key that are looked for; empty for any."""
        kind, _, key = self.cleaned_data["resource"].partition(":")
        return kind, key

    @property
    def search(self) -> Search:
        """What the trail is asked for. A day lasts until its last microsecond."""
        wanted = self.cleaned_data
        kind, key = self.thing
        return Search(
            action=wanted["action"],
            kind=kind,
            key=key,
            address=wanted["address"],
            since=wanted["since"] and datetime.combine(wanted["since"], time.min, UTC),
            until=wanted["until"] and datetime.combine(wanted["until"], time.max, UTC),
            everything=wanted["everything"],
        )

    @property
    def place(self) -> Place | None:
        """Where the page begins."""
        return Place.parse(self.cleaned_data["before"])

    @property
    def filters(self) -> dict[str, str]:
        """What is filtered by, as an address bears it."""
        wanted = self.cleaned_data
        return {
            name: "on" if wanted[name] is True else str(wanted[name]) for name in self.FILTERS if wanted[name]
        }

    def show_as_chosen(self, thing: str) -> None:
        """Let the lists show what was chosen by an address alone; `thing` is what the one thing is called."""
        for name, label in (("action", words.describe(self.cleaned_data["action"])), ("resource", thing)):
            self._choice(name).offer(self.cleaned_data[name], label)


def _actions() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (heading, [(action, words.describe(action)) for action in actions])
        for heading, actions in words.HEADINGS.items()
    ]


def _kinds() -> list[tuple[str, str]]:
    """The kinds that are things of their own, and then those that come along."""
    own = [(kind, known) for kind, known in words.RESOURCES.items() if not known.accompanies]
    along = [(kind, known) for kind, known in words.RESOURCES.items() if known.accompanies]
    return [(kind, (known.many or f"{known.noun}s").capitalize()) for kind, known in (*own, *along)]
