"""Which feeds tell past prices: the user's, those that ship, those of tokens, in that order."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator import settings
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address, ChainId
from aggregator.reading.registry import price_feeds

OWN = Address("0x" + "ab" * 20)


def built(*feeds: dict[str, Any]) -> settings.Settings:
    """The settings that ship, and feeds of the user's."""
    return settings.build({"price_feeds": list(feeds)}, "mine.toml")


def test_every_named_asset_has_a_feed() -> None:
    """Each feed once, of named chains, by its pair; a wrapped coin with a quote of its own is no BTC."""
    found = price_feeds(built())
    assert {source.underlying for source in found} >= {"BTC", "ETH", "SOL", "BNB", "XRP"}
    assert len({(source.chain, source.feed) for source in found}) == len(found)
    for source in found:
        assert source.pair == f"{source.underlying} / USD"
        assert source.name.startswith("Chainlink on ")
        assert not source.name.endswith(str(source.chain))
    assert next(source.chain for source in found if source.underlying == "ETH") == ChainId(1)
    assert len([source for source in found if source.underlying == "BTC"]) == 1


def test_the_users_own_come_first() -> None:
    """Also on a chain that is not configured, and under another pair."""
    mine = {"underlying": "ETH", "chain": 777, "feed": OWN, "pair": "WETH / USD"}
    first = price_feeds(built(mine))[0]
    assert (first.underlying, first.chain, first.feed) == ("ETH", 777, OWN)
    assert (first.pair, first.name) == ("WETH / USD", "Chainlink on chain 777")


@pytest.mark.parametrize(
    "wrong",
    [
        {"feed": "0x12"},
        {"underlying": "E\x1b[31m"},
        {"underlying": ""},
        {"chain": "one"},
        {"pair": "x" * 41},
        {"more": 1},
    ],
)
def test_a_malformed_feed_is_refused(wrong: dict[str, Any]) -> None:
    """With the place of the error."""
    with pytest.raises(BadConfiguration, match="price"):
        price_feeds(built({"underlying": "ETH", "chain": 1, "feed": OWN} | wrong))
