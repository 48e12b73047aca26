"""What may be asked of the list of templates: parameters of its address. Forms clean; they decide nothing."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from bots.strategies import kinds
from marketplace import facets
from marketplace.search import SORTS, Found, Place, Search

#: What a person may choose: each value, and what it is called.
Options = tuple[tuple[str, str], ...]
LONGEST_SEARCH: Final = 200
#: Of amounts where no currency was chosen.
USUAL_CURRENCY: Final = "USDT"
_PAIR: Final = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
_PARAMETER: Final = re.compile(r"([a-z_]{1,40}):(-?[0-9]{1,9}(?:\.[0-9]{1,8})?|[a-z_]{1,40})")
_NAMES: Final = frozenset(
    name
    for kind in kinds.KINDS.values()
    for name in kind.model_fields["parameters"].annotation.model_fields  # type: ignore[union-attr]
)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on: what it says, and the address without it."""

    words: str
    query: str


@dataclass(frozen=True, slots=True)
class Select:
    """A filter as the page draws it: one loop over plain values, since widgets take longer than the search."""

    name: str
    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


class Choice(forms.CharField):
    """One of a few values, or none. The page draws it from a `Select`, so it has no widget with options: copying and
    checking those for each request took a sixth of the view."""

    def __init__(self, label: str, options: Options, usual: str = "Any") -> None:
        super().__init__(label=label, required=False, strip=False)
        self.options, self.usual = options, usual

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: nothing in it changes, and copying took longer than checking."""
        return self

    def validate(self, value: str) -> None:
        """Refuses what is not offered."""
        if value and value not in dict(self.options):
            raise ValidationError(self.refusal)

    @property
    def refusal(self) -> str:
        """Of a value that is not offered."""
        return f"{self.label}: choose one of the list."


class BrowseForm(forms.Form):
    """Which templates, in which order, and which page of them."""

    q = forms.CharField(label="Search", required=False, max_length=LONGEST_SEARCH)
    sort = Choice("Sort by", tuple((value, label) for value, (label, _) in SORTS.items()), "Recommended")
    needs = Choice("Needs", tuple((str(n), f"At most {n:,}".replace(",", "\u202f")) for n in facets.AMOUNTS))
    pair = forms.CharField(label="Pair", required=False, max_length=41)
    parameter = forms.CharField(label="Parameter", required=False, max_length=70)
    after = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    before = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    PLACES = ("after", "before")
    field_order = ("q", "sort", "risk", "kind", "tier", "days", "drawdown", "return", "needs", "currency")

    def clean_sort(self) -> str:
        """Refuses the usual one, which an address does not name, and the best match where nothing was typed."""
        field: Any = self.fields["sort"]
        sort = str(self.cleaned_data["sort"])
        if sort and sort not in dict(self._options("sort", field)):
            raise ValidationError(field.refusal)
        return sort

    def clean_pair(self) -> str:
        """As exchanges write it."""
        pair = self.cleaned_data["pair"].upper().replace("-", "/").replace("_", "/")
        if pair and not _PAIR.fullmatch(pair):
            raise ValidationError("Write a pair as BTC/USDT.")
        return str(pair)

    def clean_parameter(self) -> str:
        """A name that kinds of strategies have, and a value."""
        found = _PARAMETER.fullmatch(self.cleaned_data["parameter"].strip())
        if not self.cleaned_data["parameter"].strip():
            return ""
        if found is None or found[1] not in _NAMES:
            raise ValidationError(f"Write a parameter as levels:10. There are {', '.join(sorted(_NAMES))}.")
        return found[0]

    def clean(self) -> dict[str, Any]:
        """Places that an address of ours may bear."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.PLACES:
            cursor = cleaned.get(name)
            cleaned[name] = Place.parse(cursor) if cursor else None
            if cursor and cleaned[name] is None:
                raise ValidationError("There is no such page of the list.")
        return cleaned

    def search(self) -> Search:
        """What a valid form asks for."""
        data = self.cleaned_data
        tags = [facet.tag(data[facet.name]) for facet in facets.FACETS if data[facet.name]]
        if data["pair"]:
            tags.append(f"pair:{data['pair']}")
        if data["needs"]:
            tags.append(f"needs:{data['currency'] or USUAL_CURRENCY}:{data['needs']}")
        return Search(data["q"].strip(), tags, _contained(data["parameter"]), data["sort"])

    @property
    def place(self) -> tuple[Place | None, bool]:
        """Where the page begins, and whether it is read back from there."""
        before = self.cleaned_data["before"]
        return (before, True) if before else (self.cleaned_data["after"], False)

    def filters(self) -> dict[str, str]:
        """What an address of this list bears beside the place."""
        names = [name for name in self.fields if name not in self.PLACES]
        return {name: str(self.cleaned_data[name]) for name in names if self.cleaned_data.get(name)}

    def query(self, **changes: str) -> str:
        """The part of an address behind "?", with changes: an empty one is left out."""
        return urlencode({name: value for name, value in {**self.filters(), **changes}.items() if value})

    def chips(self) -> Iterator[Chip]:
        """Each filter that is on."""
        for name, value in self.filters().items():
            if name == "sort":
                continue
            field = self.fields[name]
            shown = dict(self._options(name, field)).get(value, value) if isinstance(field, Choice) else value
            yield Chip(f"{field.label}: {shown}", self.query(**{name: ""}))

    def texts(self) -> dict[str, str]:
        """What was typed into the other fields, for fields that are drawn by hand."""
        return {name: str(self.data.get(name) or "") for name in ("q", "pair", "parameter")}

    def selects(self, found: Found | None = None) -> tuple[Select, ...]:
        """Every filter that is a choice; beside its options how many of what was found are so.

        Of a filter that is on the others are not known.
        """
        return tuple(
            self._drawn(name, field, found)
            for name, field in self.fields.items()
            if isinstance(field, Choice)
        )

    def _drawn(self, name: str, field: Choice, found: Found | None) -> Select:
        chosen, options = str(self.data.get(name) or ""), self._options(name, field)
        if found is not None and not chosen and name in _FACETS:
            options = tuple(_counted(_FACETS[name], option, found) for option in options)
        usual = "Best match" if name == "sort" and self.data.get("q") else field.usual
        return Select(name, str(field.label), chosen, (("", usual), *options))

    def _options(self, name: str, field: Choice) -> Options:
        """Those that make a difference here, in words that name the currency."""
        if name == "sort":
            usual = "relevance" if self.data.get("q") else "recommended"
            return tuple(option for option in field.options if option[0] not in ("relevance", usual))
        if name == "needs":
            currency = str(self.data.get("currency") or USUAL_CURRENCY)[:20]
            return tuple((value, f"{label} {currency}") for value, label in field.options)
        return field.options


_FACETS: Final = {facet.name: facet for facet in facets.FACETS}
# Each is a field, though one of them bears a name that Python keeps for itself.
BrowseForm.base_fields |= {name: Choice(facet.label, facet.options) for name, facet in _FACETS.items()}


def _counted(facet: facets.Facet, option: tuple[str, str], found: Found) -> tuple[str, str]:
    """An option with its number. What was not among those that were counted is not said to be none."""
    value, label = option
    number = found.counts.get(facet.tag(value), 0)
    if found.is_exact:
        return value, f"{label} ({number})"
    return value, f"{label} ({number}+)" if number else label


def _contained(parameter: str) -> str | None:
    """The document that a configuration must contain."""
    if not parameter:
        return None
    name, _, value = parameter.partition(":")
    is_number = value.lstrip("-")[:1].isdigit()
    said = format(Decimal(value), "f") if is_number else json.dumps(value)
    return f'{{"parameters": {{{json.dumps(name)}: {said}}}}}'
