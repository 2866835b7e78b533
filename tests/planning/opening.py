"""Made-up venues where a perp can be opened: initial and maintenance margin, fees by size and by trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from aggregator.model.accounts import Account
from aggregator.model.actions import Traded
from aggregator.model.assets import AssetId
from aggregator.model.openings import Opening
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import WAD, Amount, Refused
from aggregator.model.units import ChainId
from tests.planning.acting import BPS, MarginRule, trader
from tests.risk.builders import CHAIN


@dataclass(frozen=True, slots=True)
class OpeningRule(MarginRule):
    """A margin account that may be enlarged and opened; `maintenance` and `initial` in basis points.

    `least` is the least margin of any position, `fixed` what every trade costs.
    """

    maintenance: int = 500
    initial: int = 1_000
    least: int = 0
    fixed: int = 0

    def _traded(self, prices: Mapping[AssetId, int], size: int) -> Traded | Refused:
        [weight] = self.weights
        price, unit = prices[weight.feed.asset], 10**weight.feed.decimals
        left = weight.power + size
        fee = abs(size) * price * self.fee // BPS // unit + self.fixed
        cash = self.cash - size * price // unit - fee
        equity, notional = cash + left * price // unit, abs(left) * price // unit
        reduces = abs(left) < abs(weight.power) and left * weight.power >= 0
        if not reduces and equity < max(notional * self.initial // BPS, self.least):
            return Refused("too little margin")
        required = abs(left) * self.maintenance // BPS
        after = replace(
            self,
            weights=(replace(weight, power=left, requirement=required),),
            cash=cash,
            margin=self.margin - fee,
        )
        shown = price * 10 ** (18 - weight.feed.decimals)
        return Traded(
            size_raw=left,
            entry_price_raw=shown,
            pnl_raw=0,
            funding_raw=0,
            borrowing_raw=0,
            price_raw=shown,
            fee=Amount(self.settlement, fee),
            paid=None,
            received=None,
            margin=(self.settlement, self.margin - fee),
            successor=after,
        )


def venue(
    name: str, *, posted: float = 0.0, fee: int = 5, fixed: float = 0.0, least: float = 0.0, step: int = 1
) -> Account:
    """An account of a venue where ETH could be traded, with so much USDC posted."""
    made = trader(name, 1.0, 1.0, maintenance=0.05)
    rule = made.rule
    assert isinstance(rule, MarginRule)
    [perp] = [p for p in made.positions if isinstance(p, Perp)]
    [margin] = [p for p in made.positions if isinstance(p, Supply)]
    raw = round(posted * WAD)
    [weight] = rule.weights
    opening = OpeningRule(
        (replace(weight, power=0, requirement=0),),
        raw,
        rule.settlement,
        raw,
        fee=fee,
        least=round(least * WAD),
        fixed=round(fixed * WAD),
    )
    return replace(
        made,
        positions=(replace(margin, raw=raw),) if raw else (),
        rule=opening,
        openings=(Opening(replace(perp, size_raw=0), (), step),),
    )


def random_venue(random: Random, chain: ChainId = CHAIN) -> Account:
    """One with any fees."""
    made = venue(
        f"venue {chain}",
        posted=random.choice((0.0, 0.0, 10.0 ** random.uniform(0.0, 4.0))),
        fee=random.choice((1, 5, 30)),
        fixed=random.choice((0.0, 0.0, 3.0)),
        least=random.choice((0.0, 40.0)),
        step=random.choice((1, 10**16)),
    )
    return replace(made, chain=chain)
