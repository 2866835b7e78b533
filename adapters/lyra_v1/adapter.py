"""Lyra V1 (Avalon and Newport): options that are settled in cash, shorts with partial collateral.

A short takes three rounds: the wallet's positions and the market's parameters; the series, their settlement
and the spot price; the protocol's own minimum collateral. Without shorts it is two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.lyra_v1.calls import LIVE_BOARDS, MARKET_ADDRESSES, OWNER_POSITIONS
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.generations import read_closing_sources, read_market, read_spot
from adapters.lyra_v1.held import Holding
from adapters.lyra_v1.holdings import LONGS, all_longs, read_series, read_short, terms_for
from adapters.lyra_v1.market import AVALON, NEWPORT, Market, Untold, unless_refused, version_of
from adapters.lyra_v1.pool_shares import read_stake, with_stake
from adapters.lyra_v1.portfolio import Wallet
from aggregator.contract import Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.errors import BadConfiguration, ReadError, Unsupported
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.units import Address, scaled

ROLES = (
    "option_market",
    "option_token",
    "greek_cache",
    "synthetix_adapter",
    "quote_asset",
    "base_asset",
    "viewer",
)
NEWPORT_ROLES = tuple("exchange_adapter" if role == "synthetix_adapter" else role for role in ROLES)


class LyraAdapter:
    """Reads the option positions of a wallet in each configured market."""

    name = "lyra_v1"
    kind: ProtocolKind = "option"

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments: Collection[Deployment] = tuple(deployments)
        self.family: RuleFamily | None = LyraFamily()

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """Every short as its own account, all longs as one, what is in the pool as one; see README.

        A short that can't be read fails alone, and so do all longs where one of them can't, and what is in
        the pool. What nobody answered for fails the read.
        """
        (positions, market), stake = yield from both(
            self._positions(deployment, wallet, block), unless_refused(read_stake(deployment, wallet, block))
        )
        return with_stake(positions, deployment, wallet, market, stake, block)

    def _positions(
        self, deployment: Deployment, wallet: Address, block: Block
    ) -> Read[tuple[Reading, Market]]:
        ([held], market), sources = yield from both(
            both(
                ask([OWNER_POSITIONS.at(deployment.addresses["option_token"], wallet)]),
                read_market(deployment),
            ),
            unless_refused(read_closing_sources(deployment)),
        )
        if not held:
            return (yield from _nothing_held(deployment, market, block)), market
        (found, spot), terms = yield from both(
            both(read_series(deployment, held, block), read_spot(deployment, market)),
            terms_for(deployment, market, sources, held),
        )
        owner = Wallet(deployment, wallet, market, spot.feed, block.timestamp)
        pairs = list(zip(held, found, strict=True))
        longs = [one for position, one in pairs if position.option_type in LONGS]
        shorts = [(position, one) for position, one in pairs if position.option_type not in LONGS]
        outcomes = yield from join(
            [
                *(read_short(owner, one, spot, terms) for _, one in shorts),
                *([all_longs(owner, longs)] if longs else []),
            ],
            isolate=True,
        )
        accounts, failures, unknown = list[Account](), list[AccountFailure](), list[str]()
        for outcome, position in zip(outcomes, [*(p for p, _ in shorts), None], strict=False):
            if isinstance(outcome, ReadError):
                failures.append(owner.failure(position, outcome))
            else:
                accounts.append(outcome.account)
                unknown.extend([outcome.warning] if outcome.warning else [])
        holdings = [one for one in found if isinstance(one, Holding)]
        warnings = [sentence for one in holdings if (sentence := owner.warning(one))]
        warnings.extend(dict.fromkeys(unknown))
        if market.is_paused:
            warnings.append(f"{deployment.name} is paused: nothing can be traded or liquidated there.")
        reading = Reading(tuple(accounts), spot.quotes, block, tuple(warnings), failures=tuple(failures))
        return reading, market

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """The market's state; raises Unsupported where the addresses are not of one market."""
        at = deployment.addresses
        ([listed], [boards]), market = yield from both(
            both(
                ask([MARKET_ADDRESSES.at(at["viewer"], at["option_market"])]),
                ask([LIVE_BOARDS.at(at["option_market"])]),
            ),
            read_market(deployment),
        )
        for role in ("option_market", "option_token", "greek_cache", "quote_asset", "base_asset"):
            if getattr(listed, role) != at[role]:
                raise Unsupported(
                    f"{role} {at[role]} in {deployment.name}",
                    f"its viewer says {getattr(listed, role)}; correct the address",
                )
        spot = yield from read_spot(deployment, market)
        price = scaled(spot.feed.price, spot.feed.decimals).normalize()
        state = "paused" if market.is_paused else "open"
        return (
            f"{market.underlying} options against {market.quote.symbol}, {state}",
            f"{len(boards)} live expiries, spot {price:f}",
        )


def _nothing_held(deployment: Deployment, market: Market, block: Block) -> Read[Reading]:
    spot = yield from unless_refused(read_spot(deployment, market))
    if isinstance(spot, Untold):
        # Nothing of this wallet depends on the price here.
        return Reading((), (), block, (f"{deployment.name} gives no prices: {spot.error}",))
    return Reading((), spot.quotes, block)


def build(deployments: Deployments) -> LyraAdapter:
    """The adapter; raises BadConfiguration where a deployment lacks an address or is of no known version."""
    for entry in deployments.entries:
        version = version_of(entry)
        if version not in (AVALON, NEWPORT):
            why = f"options.version {version!r} is neither {AVALON!r} nor {NEWPORT!r}"
            raise BadConfiguration(entry.key, why)
        roles = ROLES if version == AVALON else NEWPORT_ROLES
        if missing := [role for role in roles if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
        underlying = entry.options.get("underlying")
        if version == NEWPORT and not (isinstance(underlying, str) and underlying):
            raise BadConfiguration(entry.key, "options.underlying should be a name, such as ETH")
    return LyraAdapter(deployments.entries)
