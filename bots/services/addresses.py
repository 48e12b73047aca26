"""The one spelling of a bot's address, so that one bot is not connected twice."""

from tradewise.egress import check_url


def normal_url(url: str) -> str:
    """`https://host/path` without a default port, a final slash or `/api/v1`. Raises EgressError."""
    parsed = check_url(url.strip())
    if parsed.is_default_port():
        parsed = parsed.with_port(None)
    return str(parsed).rstrip("/").removesuffix("/api/v1").rstrip("/")
