"""What lies in orders and requests of the stand-ins, and is gone from there once cancelled."""

from __future__ import annotations

from aggregator.model.accounts import Account
from aggregator.model.assets import native_id
from aggregator.model.errors import Unsupported
from aggregator.model.positions import Supply
from aggregator.model.readings import Reading
from tests.adapters.gmx_v1.live import Site
from tests.devnet.gmx_v1 import EXECUTION_FEE_WEI


def held(account: Account) -> dict[str, int]:
    """Amounts by symbol."""
    found: dict[str, int] = {}
    for one in account.positions:
        assert isinstance(one, Supply)
        assert not one.is_collateral
        found[one.asset.symbol] = found.get(one.asset.symbol, 0) + one.raw
    return found


def named(reading: Reading, label: str) -> Account:
    [found] = [account for account in reading.accounts if account.label == f"GMX V1 {label}"]
    return found


def test_orders_hold_tokens_and_fees(site: Site) -> None:
    """An increase, a decrease and a swap; a cancelled one between them is not there."""
    user = str(site.world.spare[0])
    for amount in (1, 2, 3):
        site.gmx.order_increase(user, "WETH", "WETH", amount, size=5_000, price="1850.5")
    site.gmx.cancel_order(user, 1)
    site.gmx.order_decrease(user, "WETH", "WETH", size=700, price=2_500)
    site.gmx.order_swap(user, "USDC", "WBTC", 250)
    reading = site.read(user)
    assert not reading.failures
    account = named(reading, "orders")
    assert held(account) == {"WETH": 4 * 10**18, "USDC": 250 * 10**6, "native coin": 4 * EXECUTION_FEE_WEI}
    assert account.rule is None
    sentences = [one.removeprefix("GMX V1 orders: waits to ") for one in reading.warnings]
    assert sentences == [
        "add to a long of WETH by 5,000.00 USD below 1,850.5 USD",
        "add to a long of WETH by 5,000.00 USD below 1,850.5 USD",
        "reduce a long of WETH by 700.00 USD above 2,500 USD",
        "swap into WBTC",
    ]
    assert {quote.asset for quote in reading.quotes} >= {native_id(site.deployment.chain)}


def test_requests_hold_tokens_until_a_keeper_comes(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.request_increase(user, "WBTC", "USDC", 900, size=4_000, is_long=False)
    site.gmx.request_increase(user, "WETH", "WETH", 2, size=4_000)
    site.gmx.request_decrease(user, "WETH", size=100)
    reading = site.read(user)
    account = named(reading, "requests")
    assert held(account) == {"USDC": 900 * 10**6, "WETH": 2 * 10**18, "native coin": 3 * EXECUTION_FEE_WEI}
    assert any("waits to add to a short of WBTC by 4,000.00 USD" in one for one in reading.warnings)
    site.gmx.cancel_request(user, 2)
    assert held(named(site.read(user), "requests")) == {
        "USDC": 900 * 10**6,
        "native coin": 2 * EXECUTION_FEE_WEI,
    }


def test_a_contract_of_another_vault_fails_by_name(site: Site) -> None:
    """The position router in place of the order book answers, but for no orders."""
    user = str(site.world.spare[0])
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    addresses = dict(site.deployment.addresses)
    addresses["order_book"] = addresses["position_router"]
    reading = site.with_addresses(addresses).read(user)
    assert [one.label for one in reading.accounts] == ["GMX V1 ETH long"]
    assert [one.label for one in reading.failures] == ["GMX V1 orders"]


def test_a_token_that_the_vault_does_not_list_is_named(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.order_increase(user, "WETH", "wstETH", 1, size=5_000, price=1_850)
    [failure] = site.read(user).failures
    assert isinstance(failure.error, Unsupported)
    assert site.gmx.tokens["wstETH"].address.lower() in str(failure.error)
