"""Sales of collateral by the real vault, compared with what the rule said of them a second before."""

from __future__ import annotations

import pytest

from adapters.perp_curie.margin import CurieRule
from aggregator.model.assets import AssetId, token_id
from aggregator.model.rules import Amount, LiquidatableRule, Liquidated, Refused, Repayment, prices_of
from aggregator.model.units import ChainId, parse_address
from tests.adapters.perp_curie.live import Site, compare
from tests.devnet.chain import MAX_UINT256
from tests.devnet.errors import TransactionReverted


@pytest.fixture
def market(site: Site) -> Site:
    """The local chain with a second collateral, of 8 decimals, and a buyer."""
    curie, buyer = site.curie, site.curie.site.account("liquidator")
    terms = (curie.indices["vBTC"].address, 900_000, 100_000, MAX_UINT256)
    curie.collateral_manager.send("addCollateral", site.world.tokens["WBTC"].address, terms)
    site.world.tokens.mint("USDC", buyer, 10_000_000)
    site.world.tokens["USDC"].send("approve", curie.vault.address, MAX_UINT256, sender=buyer)
    return site


def token(site: Site, symbol: str) -> AssetId:
    address = parse_address(site.world.tokens[symbol].address)
    return token_id(ChainId(site.world.node.chain_id), address)


def most(site: Site, user: str, symbol: str) -> tuple[int, int]:
    """The vault's own word: how much can be repaid at once, and how much is sold for it."""
    said = site.curie.vault.call(
        "getMaxRepaidSettlementAndLiquidatableCollateral", user, site.world.tokens[symbol].address
    )
    return int(said[0]), int(said[1])


def offered(site: Site, rule: CurieRule, symbol: str, paid: int, time: int) -> Liquidated | Refused:
    offer = Repayment(Amount(rule.settlement, paid), token(site, symbol))
    return rule.liquidate(prices_of(rule), time, offer)


def assert_most(site: Site, user: str, symbol: str) -> None:
    """The rule sells so much for the vault's most, and nothing for more."""
    rule, (paid, amount) = site.rule(user), most(site, user, symbol)
    whole, more = (offered(site, rule, symbol, one, rule.time) for one in (paid, paid + 1))
    assert isinstance(whole, Liquidated)
    assert [one.raw for one in whole.seized] == [amount]
    assert more == Refused(f"V_MSAE: at most {paid} can be repaid at once")


def sold(site: Site, user: str, symbol: str, paid: int) -> Liquidated:
    """What the rule says that a sale in the next second does, checked against it once it is done."""
    curie, rule = site.curie, site.rule(user)
    said = offered(site, rule, symbol, paid, site.world.node.timestamp + 1)
    address, buyer = site.world.tokens[symbol].address, curie.site.account("liquidator")
    assert isinstance(said, Liquidated), said
    receipt = curie.vault.send("liquidateCollateral", *(user, address, paid, True), sender=buyer)
    [event] = curie.vault.events(receipt, "CollateralLiquidated")
    assert [one.raw for one in said.seized] == [event["collateral"]]
    assert [one.raw for one in said.fees] == [event["insuranceFundFeeX10_S"]]
    assert [one.raw for one in said.repaid] == [
        event["repaidSettlementWithoutInsuranceFundFeeX10_S"] + event["insuranceFundFeeX10_S"]
    ]
    debts = curie.vault.events(receipt, "BadDebtSettled")
    assert [one.raw for one in said.bad_debt] == [one["amount"] for one in debts]
    assert isinstance(said.successor, CurieRule)
    if site.read(user).accounts:
        compare(said.successor, site.rule(user))
    else:
        assert (said.successor.markets, said.successor.collaterals) == ((), ())
        assert said.successor.balance == curie.vault.call("getBalance", user)
    return said


def refused(site: Site, user: str, symbol: str, paid: int, code: str) -> None:
    """The rule and the vault refuse by the same code."""
    said = offered(site, site.rule(user), symbol, paid, site.world.node.timestamp + 1)
    assert isinstance(said, Refused)
    assert said.reason.startswith(code)
    address, buyer = site.world.tokens[symbol].address, site.curie.site.account("liquidator")
    with pytest.raises(TransactionReverted, match=code):
        site.curie.vault.send("liquidateCollateral", *(user, address, paid, True), sender=buyer)


def test_collateral_is_sold_to_the_wei_as_prices_fall(market: Site) -> None:
    """Longs on two collaterals: whose is sold, how much at once, and every figure after it."""
    site, curie = market, market.curie
    users, sales, healthy = [str(one) for one in site.world.spare[:8]], 0, 0
    for i, user in enumerate(users):
        curie.deposit(user, "USDC", 20 + 10 * i)
        curie.deposit(user, "WETH", f"{0.4 + i / 10:.1f}")
        curie.deposit(user, "WBTC", f"{0.01 + i / 1000:.3f}")
        curie.open(user, "vETH", f"{2 + i * 0.8:.2f}")
        if i % 3 == 0:
            curie.add_liquidity(user, "vBTC", quote=1_000, lower=38_000, upper=42_000)
    for drop in (0.04, 0.09, 0.12):
        site.fall(drop)
        for i, user in enumerate(users):
            rule, due = site.rule(user), curie.vault.call("isLiquidatable", user)
            assert rule.sale_is_due(prices_of(rule), rule.time) == due
            for symbol in ("WBTC", "WETH"):
                if not curie.vault.call("isLiquidatable", user):
                    refused(site, user, symbol, 1, "V_NL")
                    healthy += 1
                    continue
                paid, amount = most(site, user, symbol)
                if not amount:
                    continue
                assert_most(site, user, symbol)
                # Funding has changed the most a second later.
                sold(site, user, symbol, paid * 99 // 100 if i % 2 else paid // 3)
                sales += 1
    assert sales > 10
    assert healthy > 10


def test_a_debt_alone_has_collateral_sold_until_the_insurance_fund_pays_the_rest(market: Site) -> None:
    """No position is left: sold for the trader's own limit, then for the debt's share, with bad debt."""
    site, curie = market, market.curie
    user = str(site.world.spare[0])
    curie.deposit(user, "WETH", 1)
    curie.open(user, "vETH", 5)
    site.fall(0.08)
    curie.close(user, "vETH")
    rule = site.rule(user)
    assert isinstance(rule, LiquidatableRule)
    assert not rule.markets
    refused(site, user, "WETH", 1, "V_NL")
    curie.collateral_manager.send("setWhitelistedDebtThreshold", user, 600 * 10**6)
    rule = site.rule(user)
    assert rule.sale_is_due(prices_of(rule), rule.time)
    assert any("sold at a discount" in one for one in site.read(user).warnings)
    for small in (10**6, 10**12):
        curie.collateral_manager.send("setCollateralValueDust", small)
        assert_most(site, user, "WETH")
    sold(site, user, "WETH", 100 * 10**6)
    curie.collateral_manager.send("setWhitelistedDebtThreshold", user, 0)
    refused(site, user, "WETH", 1, "V_NL")
    # The owner stops the vault alone: clearing goes on, sales don't.
    curie.collateral_manager.send("setCollateralRatio", site.world.tokens["WETH"].address, 400_000)
    curie.vault.send("pause")
    refused(site, user, "WETH", 1, "Pausable")
    curie.vault.send("unpause")
    site.world.prices.set(ETH=400)
    site.world.node.warp(2_000)
    paid, amount = most(site, user, "WETH")
    done = sold(site, user, "WETH", paid)
    assert [one.raw for one in done.seized] == [amount]
    assert site.world.tokens.balance("WETH", curie.site.account("liquidator")) == 10**18
    assert done.bad_debt
    assert not site.read(user).accounts
