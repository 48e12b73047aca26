"""Rules of the house that no linter knows. Exceptions are named, with the reason, and each is still needed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS: Final = ("accounts", "audit", "bots", "marketplace", "subscriptions", "tradewise")

#: Where strings are declared to be HTML: each escapes what came from outside, and tests say so.
WRITES_HTML: Final = {
    "bots/views/fleet.py",
    "bots/views/rows.py",
    "tradewise/web/drawing.py",
    "tradewise/web/formatting.py",
}
#: What is spoken to a person before anything is installed.
SPEAKS: Final = {"tradewise/running/environment.py", "tradewise/simulation/installation.py"}
#: `parsing` reads what bots send and `documents` what authors write, with limits; the others what we wrote ourselves,
#: and ops hand over again.
READS_JSON: Final = {
    "audit/archiving.py",
    "audit/verification.py",
    "bots/adapters/parsing.py",
    "bots/management/commands/create_demo.py",
    "bots/reconciler/leased.py",
    "bots/replays/engine.py",
    "bots/replays/runner.py",
    "bots/runtimes/process.py",
    "bots/views/rows.py",
    "marketplace/services/documents.py",
}
#: A moment, a ratio, coordinates of drawings, and what Freqtrade reads: nothing that is added up or shown as an amount.
ROUGH: Final = {
    "bots/adapters/parsing.py",
    "bots/health/figures.py",
    "bots/strategies/fields.py",
    "bots/views/equity.py",
    "bots/views/rows.py",
    "marketplace/views/record.py",
    "tradewise/web/drawing.py",
    "tradewise/web/formatting.py",
}
#: One dictionary, and one decision that is read in one go.
LONG: Final = {"tradewise/simulation/configuration.py compose", "bots/health/verdict.py judge"}


def sources() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
    }


SOURCES: Final = sources()
TEMPLATES: Final = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "templates").rglob("*.html"))
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call and the last part of what is called: `a.b.c()` is c."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


def callers(*names: str, under: tuple[str, ...] = APPS) -> set[str]:
    return {
        path
        for path, tree in SOURCES.items()
        if path.startswith(under) and any(name in names for name, _ in calls(tree))
    }


def names_in(tree: ast.AST) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def test_a_file_fits_in_the_head():
    paths = [ROOT / name for name in (*SOURCES, *TEMPLATES)] + sorted((ROOT / "static/js").glob("*.js"))
    assert [path.name for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_a_function_is_at_most_40_lines_and_a_view_25():
    too_long = set()
    for path, tree in SOURCES.items():
        for function in functions(tree):
            is_view = "/views/" in path and [arg.arg for arg in function.args.args[:1]] == ["request"]
            if length(function) > (25 if is_view else 40):
                too_long.add(f"{path} {function.name}")
    assert too_long <= LONG


def test_only_the_named_modules_declare_strings_to_be_html():
    assert callers("SafeString", "mark_safe", "SafeText", "format_html") == WRITES_HTML


def test_nothing_is_exempt_from_the_csrf_check():
    assert [path for path, tree in SOURCES.items() if "csrf_exempt" in names_in(tree)] == []


def test_no_query_goes_around_the_managers():
    assert callers("raw", "extra", "RawSQL") == set()


def test_no_setting_of_a_connection_outlives_its_transaction():
    outliving = re.compile(r"(?:^|;)\s*SET\s+(?!LOCAL\b|NULL\b|DEFAULT\b)")
    found = {
        path
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and outliving.search(node.value)
    }
    assert found == set()
    assert callers("set_config") == set()


def test_what_is_locked_to_be_taken_is_looked_for_once():
    """In front of the statement: as a part of an UPDATE some plans ask for it again and again, and take more."""
    claims = [
        (path, node.value)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "SKIP LOCKED" in node.value
    ]
    assert len(claims) == 8
    in_front = re.compile(
        r"\s*WITH \w+ AS \(\s*SELECT (?:(?!\bUPDATE \w+ \w+\s+SET).)*SKIP LOCKED\)", re.DOTALL
    )
    assert [path for path, text in claims if not in_front.match(text)] == []


def test_only_what_runs_before_the_installation_prints():
    assert callers("print") == SPEAKS


def test_what_others_send_is_read_as_json_in_one_module():
    apps = tuple(app for app in APPS if app != "tradewise")
    assert callers("loads", "JSONDecoder", under=apps) == READS_JSON
    assert [path for path, tree in SOURCES.items() if "/views/" in path and "body" in names_in(tree)] == []


def test_nothing_is_sent_to_celery_by_hand():
    assert callers("delay", "apply_async", "send_task") == set()


def test_every_moment_has_a_zone():
    naive = [
        path
        for path, tree in SOURCES.items()
        for name, call in calls(tree)
        if name in ("utcnow", "utcfromtimestamp")
        or (name == "now" and not call.args and "datetime" in ast.unparse(call.func))
    ]
    assert naive == []


def test_money_is_never_a_float():
    assert callers("float", under=("bots", "marketplace", "subscriptions", "tradewise/web")) <= ROUGH


def test_every_command_has_a_test():
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    commands = [Path(path).stem for path in SOURCES if "/management/commands/" in path]
    assert [name for name in commands if name != "__init__" and f'"{name}"' not in tests] == []


INLINE: Final = re.compile(
    r"""<script(?![^>]*\ssrc=)|<style\b|\sstyle=|\son[a-z]+\s*=|hx-on|javascript:|hx-vals=["']js:""",
    re.IGNORECASE,
)
UNESCAPED: Final = re.compile(r"\|\s*safe(seq)?\b|autoescape\s+off")
POSTS: Final = re.compile(r"""<form[^>]*method=["']post["'][^>]*>.*?</form>""", re.IGNORECASE | re.DOTALL)


def test_no_template_holds_script_or_style():
    assert [name for name, text in TEMPLATES.items() if INLINE.search(text)] == []


def test_no_template_leaves_anything_unescaped():
    assert [name for name, text in TEMPLATES.items() if UNESCAPED.search(text)] == []


def test_every_form_that_posts_bears_its_token():
    bare = [
        name for name, text in TEMPLATES.items() for form in POSTS.findall(text) if "csrf_token" not in form
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (INLINE, "<script>x()</script>"),
        (INLINE, '<p style="color: red">'),
        (INLINE, '<button onclick="x()">'),
        (INLINE, '<a href="javascript:x()">'),
        (INLINE, '<div hx-on:click="x()">'),
        (UNESCAPED, "{{ name|safe }}"),
        (UNESCAPED, "{% autoescape off %}"),
        (POSTS, '<form class="x" method="post">{{ form }}</form>'),
    ],
)
def test_each_breach_is_recognised(rule, text):
    assert rule.search(text)
