"""From what the contracts said of an account to its positions, quotes and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.margin import DECIMALS, YEAR_SECONDS, PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import DAY_SECONDS
from adapters.synthetix_v3.replies import Held, MarketReply, System
from adapters.synthetix_v3.worked_back import price_profit, recomputed_of, rule_of
from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import ReadError
from aggregator.model.fixed_point import multiply
from aggregator.model.positions import Debt, Perp, Position, Supply
from aggregator.model.readings import AccountFailure, Block, Quote
from aggregator.model.rules import WAD
from aggregator.model.units import Address, plain, scaled

PROTOCOL = "synthetix_v3"


class Named(NamedTuple):
    """snxUSD, and the symbols of the configuration's tokens, by which synths among them are called."""

    usd: Asset
    symbols: Mapping[AssetId, str]


def account_of(
    found: Held, system: System, wallet: Address, block: Block, named: Named
) -> tuple[Account, tuple[Quote, ...]]:
    """One account and the prices of its markets and synths; raises what `rule_of` does."""
    overview = found.overview
    rule = rule_of(found, system, block, named.usd.id)
    at_risk = bool(rule.positions or rule.debt or rule.flagged)
    account = Account(
        id=account_id(system.perps, wallet, overview.account, block),
        protocol=PROTOCOL,
        kind="perp",
        chain=block.chain,
        label=label_of(overview.account),
        owner_path=(wallet,),
        positions=_positions(found, rule, system, block, named),
        rule=rule if at_risk else None,
        reported=_reported(found, system) if at_risk else None,
    )
    return account, tuple(Quote(f.asset, f.price, f.decimals, f.origin) for f in rule.feeds)


def failure_of(
    account: int, perps: Address, wallet: Address, block: Block, error: ReadError
) -> AccountFailure:
    """An account that could not be read."""
    return AccountFailure(
        id=account_id(perps, wallet, account, block),
        protocol=PROTOCOL,
        chain=block.chain,
        label=label_of(account),
        error=error,
    )


def account_id(perps: Address, wallet: Address, account: int, block: Block) -> str:
    """Unique, and stable over blocks."""
    return f"{PROTOCOL}:{block.chain}:{perps}:{wallet}:{account}"


def label_of(account: int) -> str:
    """An account as people tell it from others."""
    return f"Synthetix V3 account {account}"


def warnings_of(found: Held, block: Block) -> list[str]:
    """What the user should know of an account beyond its figures."""
    overview, label = found.overview, label_of(found.overview.account)
    warnings = []
    if overview.flagged:
        warnings.append(
            f"{label}: it is flagged, its collateral is seized, and what is left of its positions is being "
            "liquidated at any price"
        )
    if overview.debt:
        debt = plain(scaled(overview.debt, DECIMALS))
        warnings.append(f"{label}: nothing can be withdrawn until its debt of {debt} snxUSD is paid")
    warnings += [
        f"{label}: no event tells when the funding of {one.symbol} was last recomputed: at other prices its "
        "accrued funding counts as it stands, so that liquidation prices may be off"
        for one in found.markets
        if not recomputed_of(one, block.timestamp).known
    ]
    if found.overview.order.size_delta:
        warnings.append(f"{label}: {_order(found, block.timestamp)}")
    return warnings


def _order(found: Held, time: int) -> str:
    order, strategy = found.overview.order, found.strategy
    what = f"an order of {plain(scaled(order.size_delta, DECIMALS))} in market {order.market}"
    if strategy is None:
        return f"{what} is listed, of which the market does not say when it can be settled"
    begins = order.commitment_time + strategy.delay
    if time > begins + strategy.window:
        return f"{what} has expired, and stays listed until another one takes its place or it is cancelled"
    left = begins + strategy.window - time
    return f"{what} is pending: it can be settled for {left} s more, and until then margin can't be changed"


def _positions(
    found: Held, rule: SynthetixV3Rule, system: System, block: Block, named: Named
) -> tuple[Position, ...]:
    account, perps, usd = found.overview.account, system.perps, named.usd
    positions: list[Position] = []
    if found.usd_amount:
        origin = calls.COLLATERAL_AMOUNT.at(perps, account, calls.SNX_USD).origin
        positions.append(Supply(usd, found.usd_amount, is_collateral=True, origin=origin))
    for synth in found.synths:
        identity = token_id(block.chain, synth.token)
        asset = Asset(identity, named.symbols.get(identity, synth.name), DECIMALS)
        origin = calls.COLLATERAL_AMOUNT.at(perps, account, synth.identity).origin
        positions.append(Supply(asset, synth.amount, is_collateral=True, origin=origin))
    if rule.debt:
        positions.append(Debt(usd, rule.debt, "variable", calls.DEBT.at(perps, account).origin, apr=0.0))
    positions += [
        _perp(one, state, rule, system, account, usd)
        for one, state in zip(found.markets, rule.positions, strict=True)
    ]
    return tuple(positions)


def _perp(
    one: MarketReply, state: PositionState, rule: SynthetixV3Rule, system: System, account: int, usd: Asset
) -> Perp:
    position, price = one.position, one.summary.index_price
    daily_interest = multiply(state.locked(price), rule.interest_rate * DAY_SECONDS // YEAR_SECONDS)
    return Perp(
        market=state.name,
        index=state.feed.asset,
        underlying=state.feed.asset.removeprefix("index:"),
        size_raw=position.size,
        size_decimals=DECIMALS,
        entry_price_raw=state.entry_price,
        mark_price_raw=price,
        price_decimals=DECIMALS,
        pnl_raw=price_profit(one),
        funding_raw=position.accrued_funding,
        settlement=usd,
        origin=calls.OPEN_POSITION.at(system.perps, account, one.identity).origin,
        funding_24h_raw=multiply(position.size, -multiply(one.summary.funding_rate, price)),
        borrowing_raw=-position.owed_interest,
        borrowing_24h_raw=-daily_interest,
    )


def _reported(found: Held, system: System) -> Reported:
    """The perps market's own word; it answers no ratio, and no requirement without positions."""
    overview = found.overview
    return Reported(
        health=overview.available * WAD // overview.required if overview.required else None,
        liquidatable=overview.liquidatable,
        liquidation_price=None,
        origin=calls.CAN_LIQUIDATE.at(system.perps, overview.account).origin,
    )
