"""Reads a wallet's perps accounts in three rounds.

1. how many account NFTs the wallet has, and which the first ones are; what holds for all accounts (shared);
2. each account's collaterals, markets, debt, order and the perps market's word on it;
3. each position and collateral, and their markets, the latest events of the markets, keepers' costs.

A wallet with more accounts than `FIRST` takes a round more.
"""

from __future__ import annotations

from collections.abc import Collection

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.account import Named, account_of, failure_of, label_of, warnings_of
from adapters.synthetix_v3.family import SynthetixV3Family
from adapters.synthetix_v3.held import held, overview
from adapters.synthetix_v3.margin import DECIMALS
from adapters.synthetix_v3.oracles import stale
from adapters.synthetix_v3.replies import System
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    MalformedReply,
    ReadError,
    Unsupported,
)
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address

ROLES = ("perps_market", "account", "spot_market", "oracle_manager", "usd")
FIRST = 8
"""Account NFTs that are asked for at once, before it is known how many there are."""
MOST = 512
EVENT_BLOCKS = 302_400
"""How far back events are looked for where `event_blocks` of the deployment's options says nothing."""


class SynthetixV3Adapter:
    """The accounts of each deployment; an account belongs to the wallet that holds its NFT."""

    name = "synthetix_v3"
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = SynthetixV3Family()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments.entries
        self._symbols = {token.asset.id: token.asset.symbol for token in deployments.tokens}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's accounts that hold or owe anything; one that can't be read fails alone.

        Raises Unsupported where the perps market names another NFT of accounts than the configuration: the
        ids of that one are other people's accounts here.
        """
        system, accounts = yield from both(_system(deployment, block), _accounts(deployment, wallet))
        if not accounts:
            return Reading((), (), block)
        usd = Asset(token_id(block.chain, deployment.addresses["usd"]), "snxUSD", DECIMALS)
        found = yield from join(
            [_account(system, account, wallet, block, Named(usd, self._symbols)) for account in accounts],
            isolate=True,
        )
        failures = [
            failure_of(account, system.perps, wallet, block, outcome)
            for account, outcome in zip(accounts, found, strict=True)
            if isinstance(outcome, ReadError)
        ]
        there = [one for one in found if one is not None and not isinstance(one, ReadError)]
        quotes = {quote.asset: quote for _, one, _ in there for quote in one}
        if there:
            origin = f"one dollar, as {calls.AVAILABLE_MARGIN.canonical}@{system.perps} counts it"
            quotes[usd.id] = Quote(usd.id, WAD, DECIMALS, origin)
        return Reading(
            accounts=tuple(account for account, _, _ in there),
            quotes=tuple(quotes.values()),
            source=block,
            warnings=tuple(sentence for _, _, warnings in there for sentence in warnings),
            failures=tuple(failures),
        )

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are; raises Unsupported as `read` does."""
        perps = deployment.addresses["perps_market"]
        system, [markets] = yield from both(_system(deployment, block), ask([calls.MARKETS.at(perps)]))
        sentences = [f"{len(markets)} markets at block {block.number}"]
        if system.flagged:
            sentences.append(f"{len(system.flagged)} accounts are flagged for liquidation")
        return tuple(sentences)


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
        _event_blocks(entry)
    return SynthetixV3Adapter(deployments)


def _event_blocks(deployment: Deployment) -> int:
    blocks = deployment.options.get("event_blocks", EVENT_BLOCKS)
    if not isinstance(blocks, int) or isinstance(blocks, bool) or blocks <= 0:
        raise BadConfiguration(deployment.key, f"options.event_blocks is {blocks!r}, not a number of blocks")
    return blocks


def _system(deployment: Deployment, block: Block) -> Read[System]:
    perps = deployment.addresses["perps_market"]
    ([flagged], [guards]), ((reward, interest), ([node], [token])) = yield from both(
        both(ask([calls.FLAGGED.at(perps)]), ask([calls.GUARDS.at(perps)])),
        both(
            ask([calls.COLLATERAL_REWARD.at(perps), calls.INTEREST_RATE.at(perps)]),
            both(ask([calls.COST_NODE.at(perps)]), ask([calls.ACCOUNT_TOKEN.at(perps)])),
        ),
    )
    if token != deployment.addresses["account"]:
        what = f"{deployment.name} with the account NFT {deployment.addresses['account']}"
        raise Unsupported(what, f"the perps market names {token}; configure that as `account`")
    return System(
        perps=perps,
        spot=deployment.addresses["spot_market"],
        oracle=deployment.addresses["oracle_manager"],
        flagged=frozenset(flagged),
        guards=guards,
        collateral_reward=reward,
        interest_rate=interest,
        cost_node=node,
        from_block=max(deployment.first_block or 0, block.number - _event_blocks(deployment)),
    )


def _accounts(deployment: Deployment, wallet: Address) -> Read[list[int]]:
    """The ids of the wallet's accounts, in the order of its NFTs."""
    token = deployment.addresses["account"]
    [count], [column] = yield from both(
        ask([calls.BALANCE.at(token, wallet)]),
        ask([calls.TOKEN_OF_OWNER.each(token, wallet, range(FIRST))]),
    )
    origin = calls.BALANCE.at(token, wallet).origin
    if count > MOST:
        raise Unsupported(f"{count} accounts of one wallet ({origin})", f"at most {MOST} are read")
    found: list[int] = []
    for outcome in column.outcomes()[:count]:
        if isinstance(outcome, ReadError):
            # Beyond the number of NFTs a refusal is what is expected; before it an account would be missing.
            raise outcome.with_traceback(None)
        found.append(outcome)
    if count > FIRST:
        [more] = yield from ask([calls.TOKEN_OF_OWNER.each(token, wallet, range(FIRST, count))])
        found += more.values()
    if len(set(found)) != len(found) or any(not 0 < one < 2**128 for one in found):
        raise MalformedReply(origin, "account ids that are not distinct ones of 128 bits")
    return found


def _account(
    system: System, account: int, wallet: Address, block: Block, named: Named
) -> Read[tuple[Account, tuple[Quote, ...], list[str]] | None]:
    try:
        seen = yield from overview(system, account)
        if seen.empty:
            return None
        found = yield from held(system, seen)
    except CallReverted as error:
        if told := stale(error, label_of(account)):
            raise told from error
        raise
    read, quotes = account_of(found, system, wallet, block, named)
    return read, quotes, warnings_of(found, block)
