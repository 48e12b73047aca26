"""Everything that comes in from a page, parameters of addresses too. Forms clean; they decide nothing."""

import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from bots.adapters import Credentials, CredentialsError
from bots.enums import Command, StopWay
from bots.services.addresses import normal_url
from tradewise.egress import EgressError

LONGEST_URL: Final = 512
MOST_AT_ONCE: Final = 50
LAST_PAGE: Final = 10_000

_NO_HELP = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}


class PrintableCharField(forms.CharField):
    """One line of text that can be shown as it is."""

    def validate(self, value: str) -> None:
        super().validate(value)
        # U+FFFD is what is left of bytes that were no text.
        if value and (not value.isprintable() or "\ufffd" in value):
            raise ValidationError("Leave out line breaks and characters that do not print.")


class BotUrlField(forms.CharField):
    """The address of a bot, in its normal spelling, if bots may be there at all."""

    def __init__(self, **options: Any) -> None:
        attrs = {
            "inputmode": "url",
            "placeholder": "https://bot.example.com",
            "autocomplete": "off",
            **_NO_HELP,
        }
        widget = forms.TextInput(attrs=attrs)
        super().__init__(**{"max_length": LONGEST_URL, "label": "Address", "widget": widget, **options})

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return normal_url(text) if text else ""
        except EgressError as error:
            raise ValidationError(str(error), code=error.failure.value) from None


class CredentialsForm(forms.Form):
    """A user name and a password. The password is never written into a page."""

    username = forms.CharField(
        label="User name",
        max_length=100,
        help_text="As in the bot's configuration: api_server.username.",
        widget=forms.TextInput(attrs={"autocomplete": "off", **_NO_HELP}),
    )
    password = forms.CharField(
        label="Password",
        max_length=150,
        strip=False,
        help_text="api_server.password. It is sealed when you connect; nobody can read it here again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "hx-preserve": "true"}),
    )

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        username, password = data.get("username"), data.get("password")
        if not username or not password:
            return data
        if ":" in username:
            self.add_error("username", "A user name holds no colon.")
            return data
        try:
            data["credentials"] = Credentials.parse(f"{username}:{password}")
        except CredentialsError as error:
            self.add_error("password", str(error))
        return data


class ConnectForm(CredentialsForm):
    """A bot to connect."""

    url = BotUrlField(help_text="Where your browser finds FreqUI, or the API of the bot.")
    name = PrintableCharField(
        label="Name",
        max_length=100,
        required=False,
        help_text="What you call it here. Left empty, it is the bot's own name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ["url", "username", "password", "name"]


class EditForm(CredentialsForm):
    """A bot that is connected. Without a password the old one stays, as long as the origin does."""

    name = PrintableCharField(
        label="Name", max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    description = forms.CharField(
        label="Note", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    url = BotUrlField()
    field_order = ["name", "description", "url", "username", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("username", "password"):
            self.fields[name].required = False
        self.fields["username"].help_text = "Only to replace those that are kept."
        self.fields["password"].help_text = "Kept sealed and never shown. Leave both empty to keep them."

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if bool(data.get("username")) != bool(data.get("password")) and not self.errors:
            missing = "password" if data.get("username") else "username"
            self.add_error(missing, "Enter both the user name and the password, or neither.")
        return data


class FleetFilter(forms.Form):
    """Which bots of the fleet, and which page of them."""

    STATUSES = [
        ("", "Any status"),
        ("problem", "Needs attention"),
        ("running", "Running"),
        ("connected", "Paused"),
        ("inactive", "Stopped"),
    ]
    MODES = [("", "Any mode"), ("live", "Live"), ("dry", "Dry run"), ("simulated", "Simulated")]

    q = PrintableCharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "Name, strategy, exchange", "data-search": ""}
        ),
    )
    status = forms.ChoiceField(label="Status", required=False, choices=STATUSES)
    mode = forms.ChoiceField(label="Mode", required=False, choices=MODES)
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput())
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1


class LookForm(forms.Form):
    """Which part of a bot's record: the range of the curve, and the trades before one."""

    RANGES = [("1d", "Day"), ("7d", "Week"), ("30d", "Month"), ("all", "All")]

    range = forms.ChoiceField(required=False, choices=RANGES)
    before = forms.RegexField(r"^[0-9]{1,18}-[0-9]{1,18}$", required=False, max_length=40)
    seen = forms.CharField(required=False, max_length=64)

    def clean_range(self) -> str:
        return self.cleaned_data["range"] or "7d"


class EquityForm(forms.Form):
    """How far back a curve reaches."""

    RANGES = [("day", "Day"), ("week", "Week"), ("month", "Month"), ("all", "All")]

    range = forms.ChoiceField(required=False, choices=RANGES)

    def clean_range(self) -> str:
        return self.cleaned_data["range"] or "week"


class SelectedForm(forms.Form):
    """Bots of the fleet that were ticked, and what to do with them all."""

    COMMANDS = [
        *((c.value, c.label) for c in (Command.START, Command.STOP, Command.PAUSE)),
        ("check", "Check now"),
    ]

    command = forms.ChoiceField(choices=COMMANDS)
    confirmed = forms.BooleanField(required=False)
    way = forms.ChoiceField(choices=StopWay.choices, required=False)
    bot = forms.MultipleChoiceField(error_messages={"required": "Tick the bots first."})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whose bots these are is asked of the database, where another's are not to be found.
        self.fields["bot"].valid_value = lambda value: 0 < len(value) <= 64  # type: ignore[attr-defined]

    def clean_bot(self) -> list[str]:
        chosen: list[str] = list(dict.fromkeys(self.cleaned_data["bot"]))
        if len(chosen) > MOST_AT_ONCE:
            raise ValidationError(f"At most {MOST_AT_ONCE} bots at once.")
        return chosen


class StopForm(forms.Form):
    """What becomes of the open trades of an engine that is stopped."""

    #: Sent by pages that showed no choice, since the engine was off.
    IS_OFF: Final = "off"

    way = forms.ChoiceField(
        label="What becomes of its open trades",
        choices=[*StopWay.choices, (IS_OFF, "It is off")],
        error_messages={"required": "Choose what becomes of the open trades."},
    )

    def chosen(self) -> StopWay | None:
        """None where the trader was not asked: that will do for an engine that is still off, and for no other."""
        way = self.cleaned_data["way"]
        return None if way == self.IS_OFF else StopWay(way)


class NamedForm(forms.Form):
    """The word that says the trader means it."""

    name = forms.CharField(
        label="Name of the bot",
        max_length=255,
        help_text="Type it to confirm.",
        widget=forms.TextInput(attrs={"autocomplete": "off", **_NO_HELP}),
    )

    def __init__(self, *args: Any, bot_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bot_name = bot_name

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.strip() != self.bot_name.strip():
            raise ValidationError("This is not the name of the bot.")
        return name


class DeleteForm(NamedForm):
    """A bot that is to be forgotten."""


class LiveForm(NamedForm):
    """A bot that is to trade real money, with the exchange's keys. Neither is ever written into a page."""

    key = forms.CharField(
        label="API key",
        max_length=128,
        help_text="It may read and trade spot. A key that may withdraw is refused.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", **_NO_HELP}),
    )
    secret = forms.CharField(
        label="Secret key",
        max_length=128,
        help_text="Sealed as soon as the exchange has confirmed it. Nobody can read it here again, not you either.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", **_NO_HELP}),
    )
    field_order = ["key", "secret", "name"]

    @sensitive_variables()
    def clean_key(self) -> str:
        return self._as_it_is_handed_out("key")

    @sensitive_variables()
    def clean_secret(self) -> str:
        return self._as_it_is_handed_out("secret")

    @sensitive_variables()
    def _as_it_is_handed_out(self, name: str) -> str:
        """Letters and digits: a colon separates the two where they are kept. Freqtrade would read a number as one."""
        text: str = self.cleaned_data[name]
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
            raise ValidationError("It holds letters and digits only. Copy it from the exchange once more.")
        if re.fullmatch(r"[0-9_]+|[0-9]+[eE][-]?[0-9]+|[iI][nN][fF].*|[nN][aA][nN]", text):
            raise ValidationError(
                "It looks like a number, which the engine cannot take. Make another key there."
            )
        return text
