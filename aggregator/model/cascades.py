"""A cascade: liquidations that follow from a shock and from one another, each with its price and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Amount, Repayment
from aggregator.model.units import Address

Bearer: TypeAlias = str
"""`insurance_fund`, `pool`, `suppliers`, `auto_deleveraging`, `socialised_loss` or `liquidator`."""


@dataclass(frozen=True, slots=True)
class CascadeStep:
    """One liquidation: in round `round` (from 1) of account `account_id`, at the prices of its oracle.

    `prices_usd` are market prices of the underlyings at which it happens, before its own sales. `health` is
    the rule's own N/Q that failed. Amounts are exact. `penalty_usd` is what the account loses beyond the
    debt that is paid: bonus, fees, and what its venue closes at beside the mark. `bad_debt_usd` is what
    others bear, `borne` by whom in USD. `liquidated_usd` is the market value of what was seized or closed.
    `sold_usd` is what is sold of each underlying (bought < 0). Of a table's borrowers one step holds all
    `accounts` of a label in a round: it has no amounts, and no health. `judged_at` is what the account's
    oracle answered, in its feeds' decimals, `offered` what a liquidator of a loan offers.
    """

    round: int
    account_id: str
    label: str
    prices_usd: Mapping[str, float]
    health: float | None
    repaid: tuple[Amount, ...]
    seized: tuple[Amount, ...]
    fees: tuple[Amount, ...]
    returned: tuple[Amount, ...]
    bad_debt: tuple[Amount, ...]
    closed: tuple[tuple[str, int], ...]
    penalty_usd: float
    bad_debt_usd: float
    borne: tuple[tuple[Bearer, float], ...]
    sold_usd: Mapping[str, float]
    toxic: bool
    liquidated_usd: float
    accounts: int = 1
    judged_at: Mapping[AssetId, int] = field(default_factory=dict)
    offered: Repayment | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An account that fails its test and is not liquidated, and what its protocol says."""

    account_id: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: the move of one underlying at which an account of the wallet is liquidated.

    `price_usd` and `distance` (-0.2: 20% down) are those of the underlying; costs are of the whole cascade
    that begins there, to this wallet.
    """

    account_id: str
    label: str
    underlying: str
    price_usd: float
    distance: float
    liquidated_usd: float
    cost_usd: float
    follows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a shock leads to, round by round, until nothing is liquidatable.

    `value_before_usd` and `value_after_usd` are the loaded accounts' values at the shocked prices and at the
    end, which is asserted: before = after + penalties + fees + impact + path - bad debt + own share.
    `penalties_usd` are bonuses and what venues close at beside the mark, `fees_usd` what protocols, keepers
    and funds take, `impact_usd` what positions lost by the prices that sales moved, `path_usd` by a path's
    own moves after its first. `own_share_usd` is the wallet's part of the bad debt, of its supplies.
    `own_cost_usd` is what the wallet's accounts lost of all that: penalties, fees, impact and own share.
    `final_prices_usd` are the market's at the end. `converged` is False where the cap on rounds was met.
    """

    scenario: str
    wallet: Address | None
    start_prices_usd: Mapping[str, float]
    steps: tuple[CascadeStep, ...]
    refusals: tuple[Refusal, ...]
    toxic: tuple[str, ...]
    final_prices_usd: Mapping[str, float]
    value_before_usd: float
    value_after_usd: float
    penalties_usd: float
    fees_usd: float
    impact_usd: float
    bad_debt_usd: float
    own_share_usd: float
    rounds: int
    converged: bool
    told: tuple[str, ...]
    liquidated_usd: float
    path_usd: float
    own_cost_usd: float


@dataclass(frozen=True, slots=True)
class Cascaded:
    """A cascade with the wallet's portfolio right after the shock and at the end, at the market's prices.

    Each account that is left has the rule that its last liquidation left, judged at its oracle's prices, so
    that the full model assesses it as any other.
    """

    cascade: Cascade
    shocked: Portfolio
    final: Portfolio


@dataclass(frozen=True, slots=True)
class MarketRisk:
    """Of many scenarios: liquidations and bad debt in USD, mean, 95% quantile and expected shortfall.

    `told` are sentences on what the cascades could not do or did not know, with how many said so.
    """

    paths: int
    liquidated_mean_usd: float
    liquidated_95_usd: float
    liquidated_es_usd: float
    bad_debt_mean_usd: float
    bad_debt_95_usd: float
    bad_debt_es_usd: float
    told: tuple[str, ...] = ()
