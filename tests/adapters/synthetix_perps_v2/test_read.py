"""The read, fed by hand: rounds, positions, the protocol's own word, and replies that must not pass."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import adapters.synthetix_perps_v2
from adapters.synthetix_perps_v2.adapter import ROLES, build
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from adapters.synthetix_perps_v2.names import key_text, name_key, underlying_of
from aggregator.contract import Deployment, Deployments
from aggregator.model.accounts import Account
from aggregator.model.assets import index_id, token_id
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import Address, parse_address
from tests.adapters.synthetix_perps_v2.replies import (
    ADAPTER,
    BLOCK,
    CHAIN,
    DEPLOYMENT,
    ETH_MARKET,
    MANAGER,
    RATES,
    RESOLVER,
    SETTINGS,
    SOL_MARKET,
    STATUS,
    SUSD,
    WALLET,
    system,
    with_short,
)
from tests.adapters.synthetix_perps_v2.scripted import Key, play, reverted
from tests.adapters.synthetix_perps_v2.strategies import ETH, NOW


def read(table: dict[Key, Any]) -> Reading:
    """What the adapter makes of these replies."""
    return play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), table)[0]


def only(reading: Reading) -> Account:
    """The one account of a reading."""
    [account] = reading.accounts
    return account


def test_nothing_held_takes_two_rounds() -> None:
    """No market is asked for details, and nothing is quoted."""
    reading, rounds = play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), system())
    assert (reading, rounds) == (Reading((), (), BLOCK), 2)


def test_no_markets_at_all_takes_one_round() -> None:
    """As on a chain where the manager was just deployed."""
    table = system() | {("allMarkets", MANAGER): (32, 0)}
    reading, rounds = play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), table)
    assert (reading, rounds) == (Reading((), (), BLOCK), 1)


def test_position_takes_three_rounds_and_keeps_where_it_comes_from() -> None:
    """A margin as Supply, a short as Perp, with their calls as origin."""
    reading, rounds = play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), with_short())
    account = only(reading)
    supply, perp = account.positions
    assert rounds == 3
    assert account.id == f"synthetix_perps_v2:10:{ETH_MARKET}:{WALLET}"
    assert (account.kind, account.label, account.owner_path) == ("perp", "Synthetix sETHPERP", (WALLET,))
    assert isinstance(supply, Supply)
    assert (supply.asset.id, supply.raw, supply.is_collateral) == (token_id(CHAIN, SUSD), 5000 * WAD, True)
    assert isinstance(perp, Perp)
    assert (perp.size_raw, perp.entry_price_raw, perp.mark_price_raw) == (-10 * WAD, 2010 * WAD, 2000 * WAD)
    assert (perp.index, perp.underlying, perp.pnl_raw, perp.funding_raw) == (ETH, "ETH", 100 * WAD, 0)
    assert perp.origin == supply.origin == f"positions(address)@{ETH_MARKET}"
    assert [(quote.asset, quote.price) for quote in reading.quotes] == [
        (token_id(CHAIN, SUSD), WAD),
        (ETH, 2000 * WAD),
    ]
    assert reading.warnings == ()


def refused(table: dict[Key, Any], label: str = "sETHPERP") -> ReadError:
    """Why the only account could not be read."""
    reading = read(table)
    [failure] = reading.failures
    assert reading.accounts == ()
    assert failure.label == f"Synthetix {label}"
    return failure.error


def test_rule_and_the_markets_views_agree() -> None:
    """N is 5100 - 0.2, Q is 221: the views say the same."""
    account = only(read(with_short()))
    assert isinstance(account.rule, PerpsV2Rule)
    assert account.reported is not None
    found = account.rule.health(prices_of(account.rule), NOW)
    assert (found.power, found.requirement) == (5100 * WAD - WAD // 5, 221 * WAD)
    assert account.reported.health == found.health
    assert account.reported.liquidation_price == 2487 * WAD + 88 * WAD // 100
    assert account.reported.liquidatable is found.liquidatable is False


def test_views_that_contradict_the_rule_are_reported_as_they_are() -> None:
    """The reported health follows the market's margin and liquidation price, not our requirement."""
    table = with_short() | {("liquidationPrice", ETH_MARKET): (2400 * WAD, 0)}
    account = only(read(table))
    assert account.reported is not None
    # 5100 - 0.2 of 5100 - 4000 - 0.2
    assert account.reported.health == (5100 * WAD - WAD // 5) * WAD // (1100 * WAD - WAD // 5)


def test_liquidation_price_cut_off_at_zero_is_none() -> None:
    """An unleveraged long has none; its requirement is the rule's."""
    table = with_short() | {
        ("positions", ETH_MARKET): (3, 2, 50_000 * WAD, 2000 * WAD, 10 * WAD),
        ("profitLoss", ETH_MARKET): (0, 0),
        ("remainingMargin", ETH_MARKET): (50_000 * WAD, 0),
        ("liquidationPrice", ETH_MARKET): (0, 0),
    }
    account = only(read(table))
    assert account.reported is not None
    assert account.reported.liquidation_price is None
    assert account.reported.health == (50_000 * WAD - WAD // 5) * WAD // (221 * WAD)


def test_margin_below_zero_is_not_cut_off() -> None:
    """The view answers 0; what is missing is still missing."""
    table = with_short() | {
        ("positions", ETH_MARKET): (3, 2, 5000 * WAD, 1400 * WAD, -10 * WAD),
        ("profitLoss", ETH_MARKET): (-6000 * WAD, 0),
        ("remainingMargin", ETH_MARKET): (0, 0),
        # (-1000 - 221.2) / 10, which is below the price
        ("liquidationPrice", ETH_MARKET): (1877 * WAD + 88 * WAD // 100, 0),
        ("canLiquidate", ETH_MARKET): (1,),
    }
    account = only(read(table))
    assert isinstance(account.rule, PerpsV2Rule)
    assert account.reported is not None
    found = account.rule.health(prices_of(account.rule), NOW)
    assert found.power == -1000 * WAD - WAD // 5
    assert account.reported.health == found.health
    assert account.reported.liquidatable is found.liquidatable is True


def test_margin_without_a_position_has_nothing_to_be_liquidated() -> None:
    """No rule and no price are needed, so an invalid price does no harm."""
    table = system() | {("positions", SOL_MARKET): (0, 0, 77 * WAD, 0, 0)}
    reading = read(table)
    account = only(reading)
    assert [type(position) for position in account.positions] == [Supply]
    assert (account.rule, account.reported, account.label) == (None, None, "Synthetix sSOLPERP")
    assert [quote.asset for quote in reading.quotes] == [token_id(CHAIN, SUSD)]


def test_two_markets_are_two_accounts() -> None:
    """Margins are isolated; an asset that is no synth is its own underlying."""
    reading = read(with_short(SOL_MARKET) | {k: v for k, v in with_short().items() if k[1] == ETH_MARKET})
    assert [account.label for account in reading.accounts] == ["Synthetix sETHPERP", "Synthetix sSOLPERP"]
    assert {quote.asset for quote in reading.quotes} == {token_id(CHAIN, SUSD), ETH, index_id("SOL")}


def test_deposits_of_a_delayed_order_are_kept() -> None:
    """They left the margin: both count as a Supply that is no collateral, and the user is told."""
    order = (0, -WAD - WAD // 2, 0, 9, 4 * WAD, 2 * WAD, NOW + 60, NOW, b"\0" * 32)
    reading = read(with_short() | {("delayedOrders", ETH_MARKET): order})
    locked = only(reading).positions[-1]
    assert isinstance(locked, Supply)
    assert (locked.raw, locked.is_collateral) == (6 * WAD, False)
    assert locked.origin == f"delayedOrders(address)@{ETH_MARKET}"
    [warning] = reading.warnings
    assert "sETHPERP: a delayed order of -1.5 is pending" in warning
    assert "6 sUSD" in warning


def test_flagged_position_can_be_liquidated_at_any_price() -> None:
    """Although canLiquidate says no at the present one."""
    reading = read(with_short() | {("isFlagged", ETH_MARKET): (1,)})
    account = only(reading)
    assert account.rule is not None
    assert account.reported is not None
    assert account.rule.health(prices_of(account.rule), NOW).liquidatable
    assert account.reported.liquidatable
    assert reading.warnings == ("sETHPERP: the position is flagged and can be liquidated at any price",)


def test_suspended_market_is_read_with_a_warning() -> None:
    """The figures stand, but nothing there can be changed or liquidated."""
    suspended = reverted("requireFuturesMarketActive", STATUS)
    reading = read(with_short() | {("requireFuturesMarketActive", STATUS): suspended})
    assert only(reading).rule is not None
    [warning] = reading.warnings
    assert "has suspended this market (paused)" in warning


def test_unknown_suspension_fails_the_account() -> None:
    """A status that can't be read is not taken for none."""
    error = NoContract("status")
    assert refused(with_short() | {("requireFuturesMarketActive", STATUS): error}) is error


@pytest.mark.parametrize("answer", [(0, 0), (0, 1), (2000 * WAD, 1)])
def test_unusable_price_fails_the_account(answer: tuple[int, int]) -> None:
    """Zero, or marked invalid by the market: never a number, and no quote either."""
    table = with_short() | {("assetPrice", ETH_MARKET): answer}
    assert isinstance(refused(table), UnusablePrice)
    assert [quote.asset for quote in read(table).quotes] == [token_id(CHAIN, SUSD)]


@pytest.mark.parametrize("answer", [(0, 0), (WAD, 1)])
def test_unusable_rate_of_susd_fails_the_read(answer: tuple[int, int]) -> None:
    """The margin could not be valued."""
    with pytest.raises(UnusablePrice):
        read(with_short() | {("rateAndInvalid", RATES): answer})


@pytest.mark.parametrize("index", [0, 5])
def test_funding_entry_that_can_not_be_fails_the_account(index: int) -> None:
    """Entries 1 to 4 are there."""
    position = (3, index, 5000 * WAD, 2010 * WAD, -10 * WAD)
    with pytest.raises(MalformedReply, match="funding entry"):
        raise refused(with_short() | {("positions", ETH_MARKET): position})


@pytest.mark.parametrize(
    ("function", "target", "reply", "said"),
    [
        ("skewScale", SETTINGS, (0,), "a skew scale of zero"),
        ("fundingLastRecomputed", ETH_MARKET, (NOW + 1,), "after the block's time"),
    ],
)
def test_state_that_can_not_be_fails_the_account(
    function: str, target: Address, reply: tuple[int], said: str
) -> None:
    """By name, before anything is divided by it."""
    with pytest.raises(MalformedReply, match=said):
        raise refused(with_short() | {(function, target): reply})


@pytest.mark.parametrize("markets", [(ETH_MARKET, SOL_MARKET, ETH_MARKET), tuple(range(10, 1_011))])
def test_list_of_markets_that_can_not_be_fails_the_read(markets: tuple[Any, ...]) -> None:
    """A market that comes twice would count twice; and nobody lists a thousand."""
    with pytest.raises(MalformedReply, match="differ"):
        read(with_short() | {("allMarkets", MANAGER): (32, len(markets), *markets)})


def test_the_rule_knows_what_a_close_out_needs() -> None:
    """Limits, whether anybody is endorsed, suspension and deposits, from their own calls."""
    order = (0, -WAD, 0, 9, 4 * WAD, 2 * WAD, NOW + 60, NOW, b"\0" * 32)
    rule = only(
        read(
            with_short()
            | {
                ("delayedOrders", ETH_MARKET): order,
                ("allEndorsedAddresses", MANAGER): (32, 1, WALLET),
                ("requireFuturesMarketActive", STATUS): reverted("requireFuturesMarketActive", STATUS),
            }
        )
    ).rule
    assert isinstance(rule, ClosablePerpsV2Rule)
    assert rule.closing == Closing(
        market="sETHPERP",
        settlement=token_id(CHAIN, SUSD),
        max_delta=WAD // 1000,
        max_skew=WAD // 500,
        endorsed=True,
        suspension="paused",
        commit_deposit=4 * WAD,
        keeper_deposit=2 * WAD,
    )
    assert rule.close_out(prices_of(rule), NOW) == Refused("paused")


def test_replaced_manager_fails_the_read() -> None:
    """An abandoned manager lists markets in which nobody trades any more."""
    table = system()
    table["getAddress", RESOLVER][name_key("FuturesMarketManager")] = (SETTINGS,)
    with pytest.raises(Unsupported, match=SETTINGS):
        read(table)


@pytest.mark.parametrize("function", ["positions", "marketKey", "baseAsset", "fundingSequenceLength"])
def test_market_that_can_not_be_asked_fails_alone(function: str) -> None:
    """It may hold a position: it is named, and the other stands."""
    error = reverted(function, SOL_MARKET)
    assert refused(system() | {(function, SOL_MARKET): error}, f"market {SOL_MARKET}") is error
    reading = read(with_short() | {(function, SOL_MARKET): error})
    assert [account.label for account in reading.accounts] == ["Synthetix sETHPERP"]
    assert [failure.error for failure in reading.failures] == [error]
    assert reading.failures[0].id == f"synthetix_perps_v2:{CHAIN}:{SOL_MARKET}:{WALLET}"


def test_markets_none_of_which_can_be_asked_fail_the_read() -> None:
    """That is no account's fault."""
    failing = {("positions", at): reverted("positions", at) for at in (ETH_MARKET, SOL_MARKET)}
    with pytest.raises(CallReverted, match="paused"):
        read(system() | failing)


@pytest.mark.parametrize(
    "key", sorted(key for key in with_short().keys() - system().keys() if key[0] != "fundingSequence")
)
def test_missing_detail_of_a_position_fails_the_account(key: Key) -> None:
    """Every single one: nothing is left out or replaced."""
    error = reverted(key[0], ETH_MARKET)
    assert refused(with_short() | {key: error}) is error


def test_probe_counts_markets() -> None:
    """And tells of those of V1, which are not read."""
    plain, _ = play(ADAPTER.probe(DEPLOYMENT, BLOCK), system())
    legacy, _ = play(ADAPTER.probe(DEPLOYMENT, BLOCK), system() | {("numMarkets", MANAGER): (3,)})
    assert plain == ("2 markets at block 7",)
    assert legacy == (*plain, "3 markets of Futures V1 are not read")


@pytest.mark.parametrize("role", ROLES)
def test_deployment_without_an_address_is_refused(role: str) -> None:
    """The message names what is missing."""
    addresses = {name: at for name, at in DEPLOYMENT.addresses.items() if name != role}
    entry = Deployment("synthetix_perps_v2", CHAIN, "test", addresses, "a test")
    with pytest.raises(BadConfiguration, match=role):
        build(Deployments((entry,), ()))


def test_shipped_deployments_are_complete() -> None:
    """Every entry has a source and well-formed addresses for all roles."""
    file = Path(adapters.synthetix_perps_v2.__file__).with_name("deployments.toml")
    entries = tomllib.loads(file.read_text())["deployment"]
    assert entries
    for entry in entries:
        assert entry["source"]
        assert {role for role in entry["addresses"] if parse_address(entry["addresses"][role])} == set(ROLES)


@pytest.mark.parametrize(
    ("asset", "underlying"),
    [("sETH", "ETH"), ("sBTC", "BTC"), ("SOL", "SOL"), ("STETH", "STETH"), ("ETHBTC", "ETHBTC"), ("s", "s")],
)
def test_underlying_of_an_asset(asset: str, underlying: str) -> None:
    """Only a synth's lower-case s is dropped."""
    assert underlying_of(asset) == underlying


def test_key_that_is_no_text_is_shown_in_hex() -> None:
    """Names come from the chain and are not to be trusted."""
    assert key_text(name_key("sETHPERP")) == "sETHPERP"
    assert key_text(b"\x1b[31m".ljust(32, b"\0")).startswith("0x1b5b")
    assert key_text(b"\xff" * 32) == "0x" + "ff" * 32
