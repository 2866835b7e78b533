"""Reads a wallet's margin accounts in three rounds.

1. the manager's markets, and where the resolver says that its other parts live (shared by all wallets);
2. the wallet's position in every market, as one column, and the keys of each market (shared);
3. for held markets only, unless it is asked what could be opened: the market's state, its settings, its own
   views of the account, a delayed order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.reading import read_accounts
from adapters.synthetix_perps_v2.system import check_susd, system_of
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both
from aggregator.model.accounts import ProtocolKind
from aggregator.model.errors import BadConfiguration
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address

ROLES = ("address_resolver", "futures_market_manager", "susd")


class PerpsV2Adapter:
    """All markets of V2 of each deployment; smart margin accounts of Kwenta are other owners' accounts."""

    name = "synthetix_perps_v2"
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = PerpsV2Family()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments = tuple(deployments)

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's margin accounts, one per market in which it has a margin or a position.

        A market that can't be read, or with a position and no valid price, fails alone. Raises UnusablePrice
        where sUSD has no valid rate, Unsupported where the resolver knows another manager than the
        configuration, and the error where nobody answered whether the wallet is in a market.
        """
        return (yield from read_accounts(deployment, wallet, block, openings=False))

    def read_with_openings(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The same with what could be opened in every market, in as many rounds: the third asks all markets.

        A warning names the markets of which that can't be told; suspended ones can't be opened in.
        """
        return (yield from read_accounts(deployment, wallet, block, openings=True))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are, and how many of V1, which are not read.

        Raises Unsupported where `read` does, and where the configuration's sUSD is another token.
        """
        manager = deployment.addresses["futures_market_manager"]
        system, ([legacy], _) = yield from both(
            system_of(deployment),
            both(ask([calls.NUM_MARKETS.at(manager, calls.V1)]), check_susd(deployment)),
        )
        sentences = [f"{len(system.markets)} markets at block {block.number}"]
        if legacy:
            sentences.append(f"{legacy} markets of Futures V1 are not read")
        return tuple(sentences)


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
    return PerpsV2Adapter(deployments.entries)
