"""Forms of the account pages, where they differ from allauth's."""

import unicodedata
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts.door import belongs_to_another
from accounts.enums import CHOSEN
from accounts.models import User
from tradewise.egress import EgressError, Failure, check_url
from tradewise.egress.urls import LONGEST_URL
from tradewise.tenancy.context import current_tenant_id

LONGEST_NAME = 100
LONGEST_EMAIL = 254
#: Characters; hashing takes as long for one as for 256.
LONGEST_PASSWORD = 256
#: Unicode categories that no name needs: controls, format (bidi, zero width), surrogates, private use.
NOT_IN_NAMES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
RULES_FOR_NEW_ONES = (
    "At least 12 characters. A few unrelated words work well. "
    "Not a password that many people use, and not your name or address."
)


PRIVATE = (
    "TradeWise does not send to this address: it is private or reserved, on a port that is not for the web, or not "
    "https. Use a public https address."
)


def limit(form: forms.BaseForm) -> None:
    """Refuse what is too long: passwords before they are hashed, addresses before they are stored."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
        if isinstance(field.widget, forms.PasswordInput):
            field.validators.append(MaxLengthValidator(LONGEST_PASSWORD))
        elif isinstance(field, forms.EmailField):
            field.label = "E-mail address"
            field.validators.append(MaxLengthValidator(LONGEST_EMAIL))


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["password"].help_text = ""


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]
    """Name, e-mail address, password."""

    full_name = forms.CharField(
        label="Your name",
        max_length=LONGEST_NAME,
        required=False,
        help_text="What we call you. Nobody else sees it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("full_name", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)
        self.fields["password1"].help_text = RULES_FOR_NEW_ONES

    def clean_full_name(self) -> str:
        """In one Unicode form, without characters that are not seen."""
        name = unicodedata.normalize("NFC", self.cleaned_data["full_name"]).strip()
        if any(unicodedata.category(character) in NOT_IN_NAMES for character in name):
            raise ValidationError("Please leave out characters that cannot be seen.")
        return name

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Two people who sign up with one address at once: one account, and the other is told by mail."""
        try:
            with transaction.atomic():
                return super().try_save(request)  # type: ignore[no-any-return]
        except IntegrityError:
            self.account_already_exists = True
            return super().try_save(request)  # type: ignore[no-any-return]


class ConfirmEmailForm(allauth_forms.ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    """The code from the mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)

    def clean_code(self) -> str:
        """Who knows the code owns the address, and may learn that another account has it."""
        code: str = super().clean_code()
        if belongs_to_another(self.email, current_tenant_id()):
            raise get_adapter().validation_error("email_taken")
        return code


class NewPasswordForm(allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password after the code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)
        self.fields["password1"].help_text = RULES_FOR_NEW_ONES


class ChangePasswordForm(allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    """The current password, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].help_text = RULES_FOR_NEW_ONES


class NewEmailForm(allauth_forms.AddEmailForm):  # type: ignore[misc]
    """Another address for the account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)
        self.fields["email"].label = "New e-mail address"


class ForgottenPasswordForm(allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    """The address that gets the code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)


class ReauthenticateForm(allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self)


class ChoicesForm(forms.Form):
    """By which ways to be told of which events: a box for each."""

    by_mail = forms.MultipleChoiceField(choices=[(event, event.label) for event in CHOSEN], required=False)
    by_webhook = forms.MultipleChoiceField(choices=[(event, event.label) for event in CHOSEN], required=False)


class WebhookForm(forms.Form):
    """The address that notifications are posted to."""

    url = forms.CharField(
        label="Address",
        max_length=LONGEST_URL,
        strip=True,
        help_text=(
            "An https address that everybody can reach, without a question mark. It is shown on this page and in your "
            "activity, so put no password in it: what comes from TradeWise is known by its signature."
        ),
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    def clean_url(self) -> str:
        """One that may be dialled, as far as can be said before it is."""
        try:
            return str(check_url(self.cleaned_data["url"]))
        except EgressError as refusal:
            raise ValidationError(PRIVATE if refusal.failure is Failure.FORBIDDEN else str(refusal)) from None
