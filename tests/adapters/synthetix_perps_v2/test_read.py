"""The read, fed by hand: rounds, positions, and the protocol's own word."""

from __future__ import annotations

import pytest

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from adapters.synthetix_perps_v2.names import name_key
from adapters.synthetix_perps_v2.terms import Terms
from aggregator.model.assets import index_id, token_id
from aggregator.model.errors import NotRecorded, TransportError
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.synthetix_perps_v2.replies import (
    ADAPTER,
    BLOCK,
    CHAIN,
    DEPLOYMENT,
    ETH_MARKET,
    EXCHANGER,
    MANAGER,
    RESOLVER,
    SETTINGS,
    SOL_MARKET,
    STATUS,
    SUSD,
    WALLET,
    only,
    read,
    system,
    with_short,
)
from tests.adapters.synthetix_perps_v2.scripted import Key, play, reverted
from tests.adapters.synthetix_perps_v2.strategies import ETH, NOW


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


def test_terms_of_trades_are_read() -> None:
    """As the settings and the exchanger answer; an order that waits is known by its size."""
    rule = only(read(with_short())).rule
    assert isinstance(rule, TradablePerpsV2Rule)
    assert rule.terms == Terms(
        market=ETH_MARKET,
        market_size=20 * WAD,
        max_market_size=1000 * WAD,
        taker_fee=WAD // 1000,
        maker_fee=WAD // 2000,
        max_leverage=50 * WAD,
        min_initial_margin=40 * WAD,
        dynamic_fee=WAD // 10_000,
        volatile=False,
        pending=False,
    )
    # No deposit is taken where the settings ask for none.
    order = (1, 5 * WAD, 10**30, 0, 0, 0, 0, NOW - 10, 0)
    waiting = only(read(with_short() | {("delayedOrders", ETH_MARKET): order})).rule
    assert isinstance(waiting, TradablePerpsV2Rule)
    assert waiting.pending


@pytest.mark.parametrize(
    "key",
    [("dynamicFeeRateForExchange", EXCHANGER), ("maxLeverage", SETTINGS), ("marketSize", ETH_MARKET)],
)
def test_terms_that_the_contracts_do_not_tell_cost_no_account(key: Key) -> None:
    """The account stands, with a warning that names what failed; nobody's silence is no answer."""
    refused = read(with_short() | {key: reverted(key[0], parse_address(key[1]))})
    account = only(refused)
    assert isinstance(account.rule, ClosablePerpsV2Rule)
    assert not isinstance(account.rule, TradablePerpsV2Rule)
    [warning] = refused.warnings
    assert warning.startswith("sETHPERP: what withdrawing and trading take there is not known")
    assert key[0] in warning
    # A recording from before they were asked for is no one's fault.
    older = read(with_short() | {key: NotRecorded(key[0])})
    assert older.warnings == ()
    assert only(older).rule == account.rule
    [failed] = read(with_short() | {key: TransportError("a", "nobody")}).failures
    assert isinstance(failed.error, TransportError)


def test_older_recordings_know_no_exchanger() -> None:
    """The question in the first round is missing, too."""
    table = with_short()
    table["getAddress", RESOLVER] |= {name_key("Exchanger"): NotRecorded("getAddress")}
    rule = only(read(table)).rule
    assert isinstance(rule, ClosablePerpsV2Rule)
    assert not isinstance(rule, TradablePerpsV2Rule)
