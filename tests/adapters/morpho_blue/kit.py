"""What several tests need: the adapter over the local chain's Morpho, and strategies for rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from adapters.morpho_blue.adapter import build
from adapters.morpho_blue.liquidation import Position
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market_state import MarketState
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.assets import token_id
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.run import Job
from tests.reading_kit import read_accounts, run_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.model.accounts import Account
    from tests.devnet.morpho import MorphoBlue
    from tests.devnet.world import World

CHAIN = ChainId(31337)
START = 1_793_491_200
COLLATERAL = token_id(CHAIN, Address("0x" + "c" * 40))
LOAN = token_id(CHAIN, Address("0x" + "d" * 40))
LLTVS = [385, 625, 770, 860, 915, 945, 965, 980]


def deployment_of(morpho: MorphoBlue, **options: object) -> Deployment:
    """The local chain's Morpho as the adapter is given it; listed markets need no first block."""
    entry = morpho.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    first = None if "markets" in options else entry.first_block
    return Deployment(
        entry.adapter, CHAIN, entry.name, addresses, "local chain", first_block=first, options=options
    )


def adapter_of(*deployments: Deployment) -> Adapter:
    """The adapter over these deployments."""
    return build(Deployments(deployments, ()))


def read_morpho(world: World, wallet: str, **options: object) -> Reading:
    """What the adapter reads of a wallet now."""
    return read_accounts(world.node.url, adapter_of(deployment_of(world.morpho_blue, **options)), wallet)


def read_all(world: World, wallets: Sequence[str]) -> tuple[list[Reading], int]:
    """What it reads of many wallets at one block, and that block's time."""
    adapter = adapter_of(deployment_of(world.morpho_blue))
    [deployment] = adapter.deployments
    run, _ = run_jobs(world.node.url, [Job(adapter, deployment, parse_address(w)) for w in wallets])
    readings = []
    for outcome in run.outcomes:
        assert isinstance(outcome.result, Reading), outcome.result
        readings.append(outcome.result)
    [block] = run.blocks.values()
    return readings, block.timestamp


def by_market(morpho: MorphoBlue, reading: Reading, keys: Sequence[str]) -> Mapping[str, Account]:
    """The accounts of a reading by the name of their market."""
    names = {f"0x{morpho.market_id(key).hex()}": key for key in keys}
    return {names[account.id.split(":")[2]]: account for account in reading.accounts}


def rule_of(account: Account) -> MorphoRule:
    """The rule of an account that owes something."""
    assert isinstance(account.rule, MorphoRule)
    return account.rule


def write_oracle(world: World, key: str, price: int) -> None:
    """Put a price into an oracle's only storage slot: no block, no time passes."""
    slot, word = "0x" + "0" * 64, f"0x{price:064x}"
    world.node.rpc("anvil_setStorageAt", world.morpho_blue.oracles[key].address, slot, word)


@st.composite
def markets(draw: st.DrawFn) -> MarketState:
    """A market of 1 to 10 billion loan units with up to 1,000% interest and any share price."""
    supplied = draw(st.integers(10**6, 10**28))
    borrowed = draw(st.integers(1, 10_000)) * supplied // 10_000
    return MarketState(
        supply_assets=supplied,
        supply_shares=supplied * draw(st.integers(10**5, 10**6)),
        borrow_assets=borrowed,
        borrow_shares=borrowed * draw(st.integers(10**5, 10**6)),
        updated_at=START - draw(st.integers(0, 40 * 86_400)),
        fee=draw(st.sampled_from([0, WAD // 10, WAD // 4])),
        borrow_rate=draw(st.one_of(st.just(0), st.integers(0, 10 * WAD // 31_536_000))),
    )


@st.composite
def rules(draw: st.DrawFn) -> MorphoRule:
    """A borrower whose collateral is worth about what makes its test interesting."""
    market = draw(markets())
    shares = market.borrow_shares * draw(st.integers(0, 10_000)) // 10_000
    loan_decimals, collateral_decimals = (
        draw(st.sampled_from([2, 6, 8, 18])),
        draw(st.sampled_from([2, 6, 8, 18])),
    )
    owed = market.accrued(START).owed(shares)
    collateral = draw(st.integers(1, 10**30))
    lltv = draw(st.sampled_from(LLTVS)) * WAD // 1_000
    # A price at which the collateral is worth 0.2 to 5 times what is owed over the threshold.
    parts = draw(st.integers(200, 5_000))
    price = max(1, (owed + 1) * parts * 10**36 // 1_000 * WAD // lltv // collateral)
    return MorphoRule(
        feed=Feed(
            COLLATERAL,
            draw(st.sampled_from(Oracle)),
            price,
            36 + loan_decimals - collateral_decimals,
            "a test",
            LOAN,
        ),
        loan_decimals=loan_decimals,
        lltv=lltv,
        position=Position(shares, collateral),
        market=market,
    )
