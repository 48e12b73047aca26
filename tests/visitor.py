"""A visitor without JavaScript: keeps cookies, reads pages, fills in their forms, presses their buttons."""

import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin

Attributes = dict[str, str]
SILENT = {"script", "style", "title", "svg"}


@dataclass
class Form:
    """Where it goes, how, and what it holds before anyone fills it in."""

    attributes: Attributes
    fields: dict[str, str] = field(default_factory=dict)


def is_sent(attributes: Attributes) -> bool:
    """Whether a field goes with its form as it is."""
    is_ticked = attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes
    return bool(attributes.get("name")) and is_ticked


class Page(HTMLParser):
    """A page as it is read: words, forms, buttons, and the words inside elements with an id or a class."""

    def __init__(self, url: str, status: int, html: str) -> None:
        super().__init__()
        self.url, self.status, self.html = url, status, html
        self.forms: list[Form] = []
        self.buttons: list[tuple[Attributes, Form | None, list[str]]] = []
        self.parts: list[tuple[str, Attributes, list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self._form: Form | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        words: list[str] = []
        if tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag == "button":
            self.buttons.append((attributes, self._form, words))
        elif tag == "input" and self._form and is_sent(attributes):
            self._form.fields[attributes["name"]] = attributes.get("value", "")
        self.parts.append((tag, attributes, words))
        if tag not in {"input", "meta", "link", "br", "hr", "img"}:
            self._open.append((tag, words))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if any(tag in SILENT for tag, _ in self._open):
            return
        for _, words in self._open:
            words.append(data)

    def words(self, *, id: str = "", kind: str = "") -> str:  # noqa: A002 - HTML's own word
        """What stands in the element with this id, or in the first of this class; all of it for neither."""
        for tag, attributes, words in self.parts:
            classes = attributes.get("class", "").split()
            if (id and attributes.get("id") == id) or (kind and kind in classes):
                return " ".join("".join(words).split())
            if tag == "body" and not id and not kind:
                return " ".join("".join(words).split())
        return ""

    def tile(self, label: str) -> str:
        """The figure under this label."""
        labels = [" ".join("".join(w).split()) for _, a, w in self.parts if a.get("class") == "tile__label"]
        values = [" ".join("".join(w).split()) for _, a, w in self.parts if a.get("class") == "tile__value"]
        return dict(zip(labels, values, strict=True))[label]


class Visitor:
    """One browser window; `page` is what it shows."""

    page: Page

    def __init__(self, site: str) -> None:
        self.site = site
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def open(self, path: str, data: dict[str, str] | None = None) -> Page:
        """Follow a link, or post a form; redirects are followed, and errors are pages too."""
        url = urljoin(self.page.url if hasattr(self, "page") else self.site, path)
        body = None if data is None else urlencode(data).encode()
        try:
            answer = self._opener.open(url, body, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.page = Page(answer.url, answer.status, answer.read().decode())
        assert self.page.status < 500, self.page.words()
        return self.page

    def press(self, label: str, **filled: str) -> Page:
        """Fill in the form of the button that is labelled so (up to a comma), and press it."""
        for attributes, form, words in self.page.buttons:
            if "".join(words).strip().split(",")[0] != label:
                continue
            if "form" in attributes:
                form = next(f for f in self.page.forms if f.attributes.get("id") == attributes["form"])
            assert form is not None
            unknown = filled.keys() - form.fields.keys()
            assert not unknown, f"The form has no {unknown}."
            own = {attributes["name"]: attributes.get("value", "")} if attributes.get("name") else {}
            target = attributes.get("formaction") or form.attributes.get("action") or self.page.url
            return self.open(target, {**form.fields, **filled, **own})
        raise AssertionError(f"No button {label!r} on {self.page.url}: {self.page.words()}")
