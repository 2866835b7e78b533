"""Settings: limits of endpoints, and who is blamed for a value that can't be used."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator import settings
from aggregator.model.errors import BadConfiguration

URL = "http://127.0.0.1:8545"


def chain(**endpoint: Any) -> dict[str, Any]:
    """A document with one chain of one endpoint."""
    return {"chains": {"31337": {"name": "local", "endpoints": [{"url": URL, **endpoint}]}}}


def test_an_endpoint_has_limits_of_its_own() -> None:
    """And some where none are given."""
    [plain] = settings.build(chain(), "file").chains[31337].endpoints
    assert (plain.rate_per_s, plain.concurrency, plain.state_overrides) == (None, 8, "auto")
    given = chain(rate_per_s=12.5, concurrency=2, state_overrides="never")
    [limited] = settings.build(given, "file").chains[31337].endpoints
    assert (limited.rate_per_s, limited.concurrency, limited.state_overrides) == (12.5, 2, "never")


@pytest.mark.parametrize(
    "wrong",
    [{"rate_per_s": 0}, {"rate_per_s": float("nan")}, {"concurrency": 0}, {"state_overrides": "sometimes"}],
)
def test_impossible_limits_are_refused(wrong: dict[str, Any]) -> None:
    """With their place in the file, and without the URL."""
    with pytest.raises(BadConfiguration) as caught:
        settings.build(chain(**wrong), "my.toml")
    assert str(caught.value).startswith("my.toml: chains.31337.endpoints.0.")
    assert URL not in str(caught.value)


VENUE = {"name": "desk", "url": "https://desk.example/v3/${DESK_KEY}"}


def test_venues_are_named_once_and_their_keys_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is wrong is told without the URL."""
    monkeypatch.setenv("DESK_KEY", "k3y-0123456789abcdef")
    [venue] = settings.build({"venues": [{**VENUE, "rate_per_s": 5}]}, "file").venues
    assert (venue.name, venue.rate_per_s, venue.concurrency) == ("desk", 5, 8)
    assert venue.url == "https://desk.example/v3/k3y-0123456789abcdef"
    for wrong, words in (
        ([VENUE, VENUE], "two of the name 'desk'"),
        ([{**VENUE, "name": "a b"}], "pattern"),
        ([{**VENUE, "chain": 1}], "chain"),
        ([{"name": "desk"}], "url"),
        ([{**VENUE, "concurrency": 0}], "concurrency"),
        ([{**VENUE, "url": "https://desk.example/${NOT_THERE}"}], "NOT_THERE is not set"),
    ):
        with pytest.raises(BadConfiguration, match=words) as caught:
            settings.build({"venues": wrong}, "my.toml")
        assert str(caught.value).startswith("my.toml: venues")
        assert "k3y" not in str(caught.value)


@pytest.mark.parametrize("key", ["confirm", "deadline_s"])
def test_a_wrong_value_of_the_environment_is_blamed_on_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the file, which may not even exist."""
    monkeypatch.setenv(f"CROSSMARGIN_{key.upper()}", "-1")
    with pytest.raises(BadConfiguration) as caught:
        settings.build({}, "my.toml")
    assert str(caught.value).startswith(f"CROSSMARGIN_{key.upper()}: {key}: ")
    monkeypatch.delenv(f"CROSSMARGIN_{key.upper()}")
    with pytest.raises(BadConfiguration, match=r"^my\.toml: "):
        settings.build({key: -1}, "my.toml")


def test_a_table_is_blamed_on_whoever_holds_the_wrong_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of the environment and of the file are merged."""
    monkeypatch.setenv("CROSSMARGIN_CHAINS", '{"5": {"name": 5}}')
    with pytest.raises(BadConfiguration) as caught:
        settings.build({}, "my.toml")
    assert caught.value.where == "CROSSMARGIN_CHAINS"
    monkeypatch.setenv("CROSSMARGIN_CHAINS", '{"5": {"name": "five"}}')
    with pytest.raises(BadConfiguration) as caught:
        settings.build({"chains": {"7": {"name": 7}}}, "my.toml")
    assert caught.value.where == "my.toml"
