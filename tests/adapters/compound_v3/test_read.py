"""The read, fed by hand: its rounds, and what it makes of odd replies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.compound_v3 import calls
from adapters.compound_v3.adapter import build
from adapters.compound_v3.interest import INDEX_SCALE
from adapters.compound_v3.margin import CometRule
from adapters.compound_v3.market import PAUSES
from aggregator.contract import Call, Deployment, Deployments, Function
from aggregator.model.assets import token_id
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD, Oracle
from aggregator.model.units import Address
from tests.adapters.by_hand import Driven, Reply, drive_by_hand
from tests.adapters.compound_v3.kit import CHAIN, START, listed


def _address(digit: str) -> Address:
    return Address("0x" + digit * 40)


COMET, WALLET = _address("1"), _address("4")
USDC, WETH, WBTC = (_address(d) for d in "abc")
FEEDS = {USDC: _address("7"), WETH: _address("8"), WBTC: _address("9")}
BLOCK = Block(CHAIN, 1, "0x" + "1" * 64, "0x" + "2" * 64, START)
USED = 85 * WAD // 100
RATE = WAD // 31_536_000 // 20
REVERTED = CallReverted("getPrice(address)@0x…", "0x…")


@dataclass
class Comet:
    """A comet with 10 WETH of the wallet at 2000 and 12,000 USDC of debt, and how it may be odd."""

    scale: int = 10**6
    count: int = 2
    totals: tuple[int, ...] = (INDEX_SCALE, INDEX_SCALE, 0, 0, 10**12, 10**12, START, 0)
    user: tuple[int, ...] = (-12_000 * 10**6, 0, 0, 0b01, 0)
    supplied: int = 0
    owed: int = 12_000 * 10**6
    liquidatable: Reply = (False,)
    held: dict[Address, int] = field(default_factory=lambda: {WETH: 10 * WAD, WBTC: 0})
    price: dict[Address, Reply] = field(
        default_factory=lambda: {USDC: (10**8,), WETH: (2_000 * 10**8,), WBTC: (40_000 * 10**8,)}
    )
    paused: tuple[Function[bool], ...] = ()
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    def replies(self) -> dict[Call[Any], Reply]:
        """What this comet answers."""
        said: dict[Call[Any], Reply] = {
            calls.BASE_TOKEN.at(COMET): (USDC,),
            calls.BASE_FEED.at(COMET): (FEEDS[USDC],),
            calls.BASE_SCALE.at(COMET): (self.scale,),
            calls.ASSET_COUNT.at(COMET): (self.count,),
            calls.UTILIZATION.at(COMET): (USED,),
            calls.TOTALS.at(COMET): self.totals,
            calls.SUPPLY_RATE.at(COMET, USED): (RATE,),
            calls.BORROW_RATE.at(COMET, USED): (2 * RATE,),
            calls.USER_BASIC.at(COMET, WALLET): self.user,
            calls.SUPPLIED.at(COMET, WALLET): (self.supplied,),
            calls.OWED.at(COMET, WALLET): (self.owed,),
            calls.LIQUIDATABLE.at(COMET, WALLET): self.liquidatable,
            **{function.at(COMET): (function in self.paused,) for function in PAUSES},
            **{calls.SYMBOL.at(a): (s,) for a, s in ((USDC, "USDC"), (WETH, "WETH"), (WBTC, "WBTC"))},
            **{calls.PRICE.at(COMET, FEEDS[asset]): price for asset, price in self.price.items()},
        }
        for i, (asset, scale, factor) in enumerate(((WETH, WAD, 90), (WBTC, 10**8, 77))):
            factors = (factor * WAD // 100 - 1, factor * WAD // 100, 95 * WAD // 100)
            said |= {
                calls.ASSET_INFO.at(COMET, i): (i, asset, FEEDS[asset], scale, *factors, 10**30),
                calls.USER_COLLATERAL.at(COMET, WALLET, asset): (self.held[asset], 0),
                calls.COLLATERAL.at(COMET, WALLET, asset): (self.held[asset],),
            }
        return said | self.more


ENTRY = Deployment("compound_v3", CHAIN, "Comet", {"comet": COMET}, "a test", options={"quote": "usd"})
LISTED = (listed(WETH, "WETH listed", 18, "ETH"),)


def read(comet: Comet, entry: Deployment = ENTRY) -> Driven[Reading]:
    """What the adapter reads of the wallet."""
    adapter = build(Deployments((entry,), LISTED))
    return drive_by_hand(adapter.read(entry, WALLET, BLOCK), comet.replies())


def rule_of(comet: Comet, entry: Deployment = ENTRY) -> CometRule:
    """The rule that comes of it."""
    [account] = read(comet, entry).result.accounts
    assert isinstance(account.rule, CometRule)
    return account.rule


def test_three_rounds_and_the_whole_account() -> None:
    """Ids, positions, origins, rates, quotes, receipts and the comet's own word."""
    driven = read(Comet())
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.id == f"compound_v3:{CHAIN}:{COMET}:{WALLET}"
    assert (account.kind, account.label, account.owner_path) == ("lending", "Comet", (WALLET,))
    debt, supply = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    assert (supply.raw, supply.is_collateral, supply.asset.symbol) == (10 * WAD, True, "WETH listed")
    assert (debt.raw, debt.rate_mode, debt.asset.symbol, debt.asset.decimals) == (
        12_000 * 10**6,
        "variable",
        "USDC",
        6,
    )
    assert supply.origin == f"userCollateral(address,address)@{COMET}"
    assert debt.origin == f"borrowBalanceOf(address)@{COMET}"
    assert supply.apr == 0.0
    assert debt.apr == pytest.approx(0.1, rel=1e-9)
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (1_500_000_000_000_000_000, False)
    assert account.reported.origin == f"isLiquidatable(address)@{COMET}"
    assert [(q.asset, q.price, q.decimals) for q in driven.result.quotes] == [
        (debt.asset.id, 10**8, 8),
        (supply.asset.id, 2_000 * 10**8, 8),
        (token_id(CHAIN, WBTC), 40_000 * 10**8, 8),
    ]
    assert driven.result.receipts == (token_id(CHAIN, COMET),)
    assert driven.result.warnings == ()
    assert account.rule is not None
    assert [(feed.oracle, feed.quote) for feed in account.rule.feeds] == [(Oracle.MARKET, None)] * 2


def test_only_calls_that_name_the_wallet_differ_between_wallets() -> None:
    """The second round is the same for all of them."""
    wallet = bytes.fromhex(WALLET[2:])
    named = [sum(wallet in data for _, data in one) for one in read(Comet()).rounds]
    assert named == [4, 0, 4]


def test_wallet_without_a_position_has_no_account_but_quotes_and_a_receipt() -> None:
    """The comet's prices are worth having all the same; no balance is asked for."""
    driven = read(Comet(user=(0, 5, 7, 0, 0), owed=0))
    assert driven.result.accounts == ()
    assert len(driven.result.quotes) == 3
    assert driven.result.receipts == (token_id(CHAIN, COMET),)
    assert all(not data.startswith(calls.USER_COLLATERAL.selector) for _, data in driven.rounds[2])


def test_supply_of_base_alone_has_no_rule() -> None:
    """Nothing can take it."""
    [account] = read(Comet(user=(5 * 10**6, 0, 0, 0, 0), supplied=5 * 10**6, owed=0)).result.accounts
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert (supply.raw, supply.is_collateral) == (5 * 10**6, False)
    assert supply.apr == pytest.approx(0.05, rel=1e-9)
    assert supply.origin == f"balanceOf(address)@{COMET}"
    assert (account.rule, account.reported) == (None, None)


def test_supply_of_base_beside_collateral_requires_nothing() -> None:
    """Both are positions; the test has nothing to say."""
    [account] = read(Comet(user=(5 * 10**6, 0, 0, 1, 0), supplied=5 * 10**6, owed=0)).result.accounts
    assert [p.raw for p in account.positions if isinstance(p, Supply)] == [5 * 10**6, 10 * WAD]
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (None, False)


def test_flags_of_the_seventeenth_collateral_are_in_the_reserved_bits() -> None:
    """A comet with up to 24; this one lists two, so that the flag of another is an error."""
    with pytest.raises(AdapterFault, match="lists 2 collaterals"):
        read(Comet(user=(-12_000 * 10**6, 0, 0, 1, 1)))


@pytest.mark.parametrize("flags", [0b10, 0b11, 0b100])
def test_flags_that_are_not_those_of_the_balances_are_an_error(flags: int) -> None:
    """The comet only counts what is flagged."""
    with pytest.raises(AdapterFault, match="flags"):
        read(Comet(user=(-12_000 * 10**6, 0, 0, flags, 0)))


@pytest.mark.parametrize(
    "comet",
    [
        Comet(owed=12_000 * 10**6 + 1),
        Comet(supplied=1),
        Comet(more={calls.COLLATERAL.at(COMET, WALLET, WETH): (10 * WAD - 1,)}),
        Comet(liquidatable=(True,)),
        Comet(owed=12_000 * 10**6 - 1, user=(-12_000 * 10**6, 0, 0, 1, 0)),
    ],
    ids=["owed", "supplied", "collateral", "liquidatable", "less owed"],
)
def test_what_the_comet_itself_says_otherwise_is_an_error(comet: Comet) -> None:
    """By one unit."""
    with pytest.raises(AdapterFault):
        read(comet)


def test_interest_counts_to_the_block_and_the_flag_to_the_last_accrual() -> None:
    """Ten days at 10%: the account fails now, the comet's view does not say so yet, a warning does."""
    day = 86_400
    owed = 18_000 * 10**6
    grown = owed * (INDEX_SCALE + INDEX_SCALE * (2 * RATE * 10 * day) // WAD) // INDEX_SCALE
    comet = Comet(
        totals=(INDEX_SCALE, INDEX_SCALE, 0, 0, 10**12, 10**12, START - 10 * day, 0),
        user=(-owed, 0, 0, 1, 0),
        owed=grown,
    )
    reading = read(comet).result
    [account] = reading.accounts
    assert account.rule is not None
    assert account.reported is not None
    assert account.reported.health is not None
    assert account.reported.health < WAD
    assert account.reported.liquidatable is False
    [warning] = reading.warnings
    assert "as last accrued" in warning
    with pytest.raises(AdapterFault, match="liquidatable"):
        read(replace(comet, liquidatable=(True,)))


def test_reverting_price_is_explained_by_its_feed() -> None:
    """One more round finds the feed's own answer, with its sign."""
    comet = Comet(liquidatable=REVERTED)
    comet.price[WETH] = REVERTED
    call = calls.LATEST_ROUND.at(FEEDS[WETH])
    comet.more = {call: (1, -5, 0, 0, 1)}
    with pytest.raises(UnusablePrice, match="WETH listed") as caught:
        read(comet)
    assert (caught.value.price, caught.value.origin) == (-5, f"latestRoundData()@{FEEDS[WETH]}")
    for why in ((1, 10**8, 0, 0, 1), CallReverted("latestRoundData()", "broken")):
        comet.more[call] = why
        with pytest.raises(CallReverted) as other:
            read(comet)
        assert other.value is REVERTED


def test_base_without_a_price_is_explained_too() -> None:
    """It is owed."""
    comet = Comet(liquidatable=REVERTED, more={calls.LATEST_ROUND.at(FEEDS[USDC]): (1, 0, 0, 0, 1)})
    comet.price[USDC] = REVERTED
    with pytest.raises(UnusablePrice, match="USDC"):
        read(comet)


def test_price_of_zero_is_unusable() -> None:
    """A comet reverts; whoever answers zero is no better."""
    comet = Comet()
    comet.price[WETH] = (0,)
    with pytest.raises(UnusablePrice):
        read(comet)


def test_bad_price_of_what_is_not_held_only_lacks_its_quote() -> None:
    """It does not touch health."""
    comet = Comet()
    comet.price[WBTC] = REVERTED
    reading = read(comet).result
    assert [quote.price for quote in reading.quotes] == [10**8, 2_000 * 10**8]
    assert len(reading.accounts) == 1


def test_flag_that_reverts_although_all_prices_are_there_is_an_error() -> None:
    """Without the comet's own word nothing checks ours."""
    refused = CallReverted("isLiquidatable(address)@0x…", "why")
    with pytest.raises(CallReverted, match="why"):
        read(Comet(liquidatable=refused))


MARKET: tuple[Function[Any], ...] = (
    calls.BASE_TOKEN,
    calls.BASE_FEED,
    calls.BASE_SCALE,
    calls.ASSET_COUNT,
    calls.UTILIZATION,
    calls.TOTALS,
    *PAUSES,
)
OF_WALLET: tuple[Function[Any], ...] = (calls.USER_BASIC, calls.SUPPLIED, calls.OWED, calls.LIQUIDATABLE)


@pytest.mark.parametrize(
    "call",
    [
        *(function.at(COMET) for function in MARKET),
        *(function.at(COMET, WALLET) for function in OF_WALLET),
        *(function.at(COMET, USED) for function in (calls.SUPPLY_RATE, calls.BORROW_RATE)),
        calls.USER_COLLATERAL.at(COMET, WALLET, WBTC),
        calls.COLLATERAL.at(COMET, WALLET, WBTC),
        calls.ASSET_INFO.at(COMET, 1),
    ],
    ids=lambda call: call.function.canonical,
)
def test_any_missing_figure_is_an_error(call: Call[Any]) -> None:
    """No figure is taken for zero."""
    with pytest.raises(NoContract):
        read(Comet(more={call: NoContract(call.origin)}))


def _info(i: int, asset: Address, scale: int) -> dict[Call[Any], Reply]:
    return {calls.ASSET_INFO.at(COMET, i): (i, asset, FEEDS[WETH], scale, 0, WAD // 2, WAD, 0)}


@pytest.mark.parametrize(
    "comet",
    [
        Comet(scale=3),
        Comet(scale=0),
        Comet(scale=10**30),
        Comet(totals=(INDEX_SCALE - 1, INDEX_SCALE, 0, 0, 0, 0, START, 0)),
        Comet(totals=(INDEX_SCALE, 0, 0, 0, 0, 0, START, 0)),
        Comet(totals=(INDEX_SCALE, INDEX_SCALE, 0, 0, 0, 0, START + 1, 0)),
        Comet(more=_info(0, WETH, 7)),
        Comet(more=_info(1, WETH, WAD)),
        Comet(more=_info(1, USDC, WAD)),
        Comet(more={calls.ASSET_INFO.at(COMET, 1): (0, WBTC, FEEDS[WBTC], 10**8, 0, 1, 1, 0)}),
        Comet(more={Function[Any]("isAbsorbPaused()(uint256)").at(COMET): (2,)}),
        Comet(
            more={
                Function[Any]("userBasic(address)(int256,uint64,uint64,uint16,uint8)").at(COMET, WALLET): (
                    -(2**103) - 1,
                    0,
                    0,
                    1,
                    0,
                )
            }
        ),
    ],
    ids=[
        *("scale", "no scale", "large scale", "supply index", "borrow index", "future", "unit", "twice"),
        *("base as collateral", "offset", "boolean", "principal"),
    ],
)
def test_replies_that_no_comet_gives_are_malformed(comet: Comet) -> None:
    """By name, and never a number."""
    with pytest.raises(MalformedReply):
        read(comet)


@pytest.mark.parametrize(
    ("comet", "why"),
    [
        (Comet(totals=(0, 0, 0, 0, 0, 0, 0, 0), user=(0, 0, 0, 0, 0), owed=0), "never initialised"),
        (Comet(count=25), "25 collaterals"),
    ],
)
def test_comets_that_are_not_known_are_refused(comet: Comet, why: str) -> None:
    """With advice."""
    with pytest.raises(Unsupported, match=why):
        read(comet)


def test_symbol_that_is_no_text_leaves_the_address() -> None:
    """Some old tokens answer bytes32."""
    comet = Comet(more={calls.SYMBOL.at(USDC): MalformedReply("symbol()", "bytes32")})
    [account] = read(comet).result.accounts
    debt = account.positions[0]
    assert isinstance(debt, Debt)
    assert debt.asset.symbol == USDC


def test_collateral_that_counts_nothing_is_none() -> None:
    """A comet that gives up an asset sets its factors to zero; it is still seized."""
    comet = Comet(liquidatable=(True,))
    comet.more = {calls.ASSET_INFO.at(COMET, 0): (0, WETH, FEEDS[WETH], WAD, 0, 0, 0, 0)}
    [account] = read(comet).result.accounts
    supply = account.positions[1]
    assert isinstance(supply, Supply)
    assert not supply.is_collateral
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (0, True)


def test_paused_actions_give_a_warning() -> None:
    """To whoever has an account; the rule knows of a paused absorption."""
    comet = Comet(paused=(calls.SUPPLY_PAUSED, calls.ABSORB_PAUSED))
    [warning] = read(comet).result.warnings
    assert warning == (
        "paused on Comet: supply, repayment and new collateral; absorption of failing accounts"
    )
    assert rule_of(comet).absorb_paused
    assert not rule_of(Comet()).absorb_paused
    assert read(replace(comet, user=(0, 0, 0, 0, 0), owed=0)).result.warnings == ()


def _in_base(base_price: int) -> tuple[Comet, Deployment]:
    comet = Comet(user=(-12 * 10**6, 0, 0, 1, 0), owed=12 * 10**6)
    comet.price = {USDC: (base_price,), WETH: (2 * 10**8,), WBTC: (20 * 10**8,)}
    return comet, replace(ENTRY, options={"quote": "base"})


@pytest.mark.parametrize(("base_price", "warned"), [(10**8, 0), (99_950_000, 0), (98_000_000, 1)])
def test_feeds_in_the_base_name_it_and_give_no_quotes(base_price: int, warned: int) -> None:
    """Exactly one, or near it where the base wraps what the feeds count in; too far gives a warning."""
    comet, entry = _in_base(base_price)
    reading = read(comet, entry).result
    assert reading.quotes == ()
    assert [("0.9800" in warning) for warning in reading.warnings] == [True] * warned
    [account] = reading.accounts
    assert account.rule is not None
    assert [feed.quote for feed in account.rule.feeds] == [token_id(CHAIN, USDC)] * 2


def test_option_that_the_base_contradicts_is_refused() -> None:
    """An ether at one dollar, and a base at two of itself."""
    comet, entry = _in_base(2_000 * 10**8)
    with pytest.raises(Unsupported, match="correct options"):
        read(replace(comet, user=(0, 0, 0, 0, 0), owed=0), entry)
    ether = build(Deployments((ENTRY,), (listed(USDC, "WETH", 6, "ETH"),)))
    for comet, says in ((Comet(), "correct options"), (_in_base(10**8 + 1)[0], None)):
        reading = ether.read(ENTRY, WALLET, BLOCK)
        if says is None:
            assert drive_by_hand(reading, comet.replies()).result.quotes
        else:
            with pytest.raises(Unsupported, match=says):
                drive_by_hand(reading, comet.replies())


def test_oracle_kinds_come_from_the_entry() -> None:
    """By asset, in any spelling of its address."""
    kinds = {WETH.upper().replace("0X", "0x"): "rate", USDC: "fixed"}
    rule = rule_of(Comet(), replace(ENTRY, options={"quote": "usd", "oracle": kinds}))
    assert [feed.oracle for feed in rule.feeds] == [Oracle.FIXED, Oracle.RATE]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (replace(ENTRY, addresses={}), "addresses.comet"),
        (replace(ENTRY, options={}), "options.quote"),
        (replace(ENTRY, options={"quote": "eur"}), "eur"),
        (replace(ENTRY, options={"quote": ["usd"]}), "options.quote"),
        (replace(ENTRY, options={"quote": "usd", "oracle": {WETH: "guess"}}), "guess"),
        (replace(ENTRY, options={"quote": "usd", "oracle": "rate"}), "table"),
    ],
)
def test_bad_entry_is_refused_at_once(entry: Deployment, why: str) -> None:
    """The message names what is missing or misspelt."""
    with pytest.raises(BadConfiguration, match=why):
        build(Deployments((entry,), ()))


def test_probe_tells_base_prices_and_pauses() -> None:
    """What doctor shows."""
    comet = Comet(paused=(calls.BUY_PAUSED,))
    comet.price[WBTC] = REVERTED
    adapter = build(Deployments((ENTRY,), ()))
    assert drive_by_hand(adapter.probe(ENTRY, BLOCK), comet.replies()).result == (
        f"the base is USDC ({USDC}), prices are in USD",
        "2 collaterals",
        "no usable price: WBTC",
        "paused: sale of absorbed collateral",
    )
    other, entry = _in_base(10**8)
    sentences = drive_by_hand(build(Deployments((entry,), ())).probe(entry, BLOCK), other.replies()).result
    assert sentences[0] == f"the base is USDC ({USDC}), prices are in USDC"


@pytest.mark.parametrize("comet", [Comet(count=25), _in_base(3)[0], Comet(scale=5)])
def test_probe_refuses_what_cannot_be_read(comet: Comet) -> None:
    """Another layout, another currency."""
    entry = replace(ENTRY, options={"quote": "base"})
    with pytest.raises(ReadError):
        drive_by_hand(build(Deployments((entry,), ())).probe(entry, BLOCK), comet.replies())


def test_comet_without_collateral_is_read() -> None:
    """One that only lends."""
    comet = Comet(count=0, user=(5 * 10**6, 0, 0, 0, 0), supplied=5 * 10**6, owed=0)
    reading = read(comet).result
    assert [quote.price for quote in reading.quotes] == [10**8]
    assert len(reading.accounts) == 1
