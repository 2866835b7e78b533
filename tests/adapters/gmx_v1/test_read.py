"""Reads of unusual wallets, vaults and replies; rounds; deployments of one's own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapters.gmx_v1 import calls
from adapters.gmx_v1.adapter import build
from adapters.gmx_v1.vault import FIRST, MOST
from adapters.gmx_v1.waiting import MOST_ORDERS
from aggregator.contract import Call, Calls, Column, Deployments, Function
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    MalformedReply,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Perp
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from tests.adapters.gmx_v1.live import Site, rule_of
from tests.reading_kit import pin, run_read

Answer = Callable[[Call[Any] | Calls, Any], Any]


def altered(read: Generator[Any, Any, Any], answer: Answer, rounds: list[int]) -> Generator[Any, Any, Any]:
    """The read itself, its rounds counted, each reply passed through `answer`."""
    answers = None
    while True:
        try:
            asked = read.send(answers)
        except StopIteration as done:
            return done.value
        rounds.append(len(asked))
        got = yield asked
        answers = [answer(request, reply) for request, reply in zip(asked, got, strict=True)]


def read_with(site: Site, answer: Answer, user: str | None = None) -> tuple[Reading, int]:
    """A reading of the hedged wallet, or of another, with some replies changed; and its rounds."""
    node, rounds = site.world.node, list[int]()
    wallet = parse_address(user or site.world.wallets["hedged"])
    read = site.adapter.read(site.deployment, wallet, pin(node.url, node.chain_id))
    return run_read(node.url, node.chain_id, altered(read, answer, rounds)), len(rounds)


def instead(function: Function[Any], said: Any) -> Answer:
    """Every reply of one function is another; of a column, every word of every row."""

    def answer(request: Call[Any] | Calls, reply: Any) -> Any:
        if request.function != function:
            return reply
        if not isinstance(reply, Column) or isinstance(said, ReadError):
            return said
        return replace(reply, raw=said.to_bytes(32, "big") * (len(reply.raw) // 32), failures={})

    return answer


def unchanged(request: Call[Any] | Calls, reply: Any) -> Any:  # noqa: ARG001
    return reply


def test_three_rounds_for_positions_and_two_for_none(site: Site) -> None:
    hedged, rounds = read_with(site, unchanged)
    assert rounds == 3
    assert [one.label for one in hedged.accounts] == [
        "GMX V1 ETH long",
        "GMX V1 BTC short on USDC",
        "GMX V1 GLP",
    ]
    assert all(one.id.startswith(f"gmx_v1:{site.deployment.chain}:0x") for one in hedged.accounts)
    empty, rounds = read_with(site, unchanged, site.world.wallets["empty"])
    assert rounds == 2
    assert (empty.accounts, empty.failures, empty.warnings) == ((), (), ())


def test_all_orders_requests_and_positions_take_three_rounds(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.order_increase(user, "WETH", "WETH", 1, size=5_000, price=1_850)
    site.gmx.request_increase(user, "WETH", "WETH", 2, size=4_000)
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    reading, rounds = read_with(site, unchanged, user)
    assert rounds == 3
    assert len(reading.accounts) == 3


def test_a_vault_of_many_tokens_takes_a_round_more(site: Site) -> None:
    """Beyond the tokens that are asked for at once, and up to the most that are read."""
    vault, feed = site.gmx.vault, site.gmx.feeds["WETH"].address
    for i in range(FIRST):
        token = "0x" + f"{i + 1:040x}"
        site.gmx.price_feed.send("setTokenConfig", token, feed, 8, False)  # noqa: FBT003
        vault.send("setTokenConfig", token, 18, 0, 0, 0, False, True)  # noqa: FBT003
    reading, rounds = read_with(site, unchanged)
    assert rounds == 4
    assert len(reading.accounts) == 3
    with pytest.raises(MalformedReply, match=r"allWhitelistedTokensLength.*not between"):
        read_with(site, instead(calls.TOKENS_LENGTH, MOST + 1))


def test_an_unlisted_index_is_its_own_underlying(site: Site) -> None:
    """Its symbol, which may be anybody's, is what it is called in a short's collateral, and nothing more."""
    bare = replace(site, adapter=build(Deployments((site.deployment,), ())))
    accounts = bare.read(site.world.wallets["hedged"]).accounts
    weth = site.gmx.tokens["WETH"].address.lower()
    [perp] = [one for one in accounts[0].positions if isinstance(one, Perp)]
    assert perp.index == perp.underlying == f"eip155:{site.deployment.chain}/erc20:{weth}"
    assert accounts[1].label.endswith("short on USDC")


def test_a_wide_spread_is_told(site: Site) -> None:
    """Half a percent to either side, the most that the feed allows by itself."""
    for token in ("WETH", "WBTC"):
        site.gmx.price_feed.send("setSpreadBasisPoints", site.gmx.tokens[token].address, 50)
    reading = site.read(site.world.wallets["hedged"])
    told = [one for one in reading.warnings if "apart" in one]
    assert len(told) == 2
    assert "1.0% apart" in told[0]


def test_probe_tells_tokens_leverage_and_the_pool(site: Site) -> None:
    node = site.world.node
    read = site.adapter.probe(site.deployment, pin(node.url, node.chain_id))
    tokens, pool = run_read(node.url, node.chain_id, read)
    assert tokens.startswith("4 tokens at block ")
    assert tokens.endswith("leverage up to 100")
    assert pool.startswith("a pool of 7,")


@pytest.mark.parametrize("role", ["vault", "reader", "glp_manager", "order_book", "fee_glp"])
def test_a_missing_address_is_named(site: Site, role: str) -> None:
    addresses = {name: one for name, one in site.deployment.addresses.items() if name != role}
    with pytest.raises(BadConfiguration, match=r"addresses"):
        build(Deployments((replace(site.deployment, addresses=addresses),), ()))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (calls.MAX_LEVERAGE, 0),
        (calls.MAX_LEVERAGE, 10_000),
        (calls.MARGIN_FEE, 10_001),
        (calls.LIQUIDATION_FEE, 10**40),
        (calls.FUNDING_INTERVAL, 0),
        (calls.FUNDING_FACTOR, 2**255),
        (calls.TOKENS_LENGTH, 2**255),
        (calls.TOKEN, 0),
        (calls.TOKEN_DECIMALS, 255),
    ],
)
def test_settings_that_no_vault_has_fail_the_read(site: Site, function: Function[Any], said: int) -> None:
    with pytest.raises(MalformedReply):
        read_with(site, instead(function, said))


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.FEED_PRICE, 0, UnusablePrice),
        (calls.CUMULATIVE_RATE, 0, MalformedReply),
        (calls.READER_POSITIONS, (), MalformedReply),
        (calls.READER_POSITIONS, (1,) * 9, MalformedReply),
        (calls.READER_POSITIONS, (0,) * 18, MalformedReply),
        (calls.VALIDATE, (3, 0), MalformedReply),
        (calls.VALIDATE, CallReverted("validateLiquidation", "no"), CallReverted),
        (calls.IS_WHITELISTED, 0, Unsupported),
    ],
)
def test_hostile_replies_of_positions_fail_these_by_name(
    site: Site, function: Function[Any], said: Any, error: type[ReadError]
) -> None:
    """GLP, which needs none of them but the list, stands or fails for itself."""
    reading, _ = read_with(site, instead(function, said))
    failed = [one for one in reading.failures if one.label != "GMX V1 GLP"]
    assert len(failed) == 2
    assert all(isinstance(one.error, error) for one in failed), failed
    assert not [one for one in reading.accounts if one.rule is not None]


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.AUM, 10**30, ReadError),
        (calls.SUPPLY, 0, MalformedReply),
        (calls.SUPPLY, 1, MalformedReply),
        (calls.SHORT_AVERAGE, 0, MalformedReply),
        (calls.MIN_PRICE, 0, UnusablePrice),
        (calls.RESERVED_AMOUNT, 10**40, MalformedReply),
        (calls.GLP, "0x" + "1" * 40, Unsupported),
    ],
)
def test_hostile_replies_of_the_pool_fail_it_by_name(
    site: Site, function: Function[Any], said: Any, error: type[ReadError]
) -> None:
    reading, _ = read_with(site, instead(function, said))
    [failure] = [one for one in reading.failures if one.label == "GMX V1 GLP"]
    assert isinstance(failure.error, error)
    assert not [one for one in reading.accounts if one.label == "GMX V1 GLP"]


@pytest.mark.parametrize("words", [{0: 0}, {2: 0}])
def test_half_a_position_fails_alone(site: Site, words: dict[int, int]) -> None:
    """Without a size or an average price it is none, but not nothing either."""

    def answer(request: Call[Any] | Calls, reply: Any) -> Any:
        if request.function != calls.POSITION:
            return reply
        raw = np.frombuffer(bytearray(reply.raw), dtype=np.uint8).reshape(-1, 8, 32).copy()
        for word, said in words.items():
            raw[:, word] = np.frombuffer(said.to_bytes(32, "big"), dtype=np.uint8)
        return replace(reply, raw=raw.tobytes())

    reading, _ = read_with(site, answer)
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]
    assert len(reading.failures) == 2
    assert all("a position of" in str(one.error) for one in reading.failures)


def test_more_orders_than_are_read_fail_by_name(site: Site) -> None:
    for function in (calls.INCREASE_ORDERS, calls.DECREASE_REQUESTS):
        reading, _ = read_with(site, instead(function, MOST_ORDERS + 1))
        [failure] = reading.failures
        assert f"at most {MOST_ORDERS}" in str(failure.error)
        assert len(reading.accounts) == 3


def test_a_request_of_somebody_else_is_refused(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.request_decrease(user, "WETH", size=100)
    reading, _ = read_with(site, instead(calls.DECREASE_REQUEST, 1), user)
    [failure] = reading.failures
    assert isinstance(failure.error, MalformedReply)
    assert "not of" in str(failure.error)


def test_nobody_answering_is_no_missing_price(site: Site) -> None:
    """A price that an endpoint failed to bring fails the read; a contract's refusal fails what needs it."""
    lost = ProviderUnavailable("an endpoint", "gone")
    with pytest.raises(ProviderUnavailable):
        read_with(site, instead(calls.FEED_PRICE, lost))
    reading, _ = read_with(site, instead(calls.FEED_PRICE, CallReverted("getPrice", "no")))
    assert len(reading.failures) == 2
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]


def test_a_reported_health_is_the_rules(site: Site) -> None:
    for account in site.read(site.world.wallets["hedged"]).accounts[:2]:
        assert account.reported is not None
        now = site.world.node.timestamp
        rule = rule_of(account)
        assert rule.health({rule.feed.asset: rule.feed.price}, now).health == account.reported.health


def test_absurd_sizes_are_no_amounts(site: Site) -> None:
    """A position of some 2**239 at the price of 1e-30 has more tokens than an integer holds."""

    def answer(request: Call[Any] | Calls, reply: Any) -> Any:
        if request.function == calls.POSITION and isinstance(reply, Column):
            raw = np.frombuffer(bytearray(reply.raw), dtype=np.uint8).reshape(-1, 8, 32).copy()
            held = raw[:, 0].any(axis=1)
            raw[held, 0, 2], raw[held, 2] = 0x7F, 0
            raw[held, 2, 31] = 1
            return replace(reply, raw=raw.tobytes())
        if request.function == calls.READER_POSITIONS:
            first = reply[0] + (0x7F << 232)
            return (first, reply[1], 1, *reply[3:])
        return reply

    reading, _ = read_with(site, answer)
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]
    assert all("digits" in str(one.error) for one in reading.failures), reading.failures
    assert len(reading.failures) == 2
