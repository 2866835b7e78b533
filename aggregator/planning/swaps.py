"""What wallets do by themselves: assets sold for others at a market, or sent to another wallet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from aggregator.model.assets import Asset
from aggregator.model.plans import Swap, Transfer
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import SpotMarket, Swapped
from aggregator.planning.candidates import Candidate, Done, Outcome
from aggregator.risk.copies import Copy, pay


@dataclass(frozen=True, slots=True)
class SwapCandidate(Candidate):
    """Sell an asset of a wallet for another at the market that the copy's exchange stands at."""

    sold: Asset
    bought: Asset
    market: SpotMarket
    slippage: Decimal

    @property
    def touches(self) -> tuple[str, ...]:
        """None but wallets."""
        return ()

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate; the wallet is given what is sure, the quote less the slippage."""
        key = self.market.chain, self.market.assets, self.market.label
        market = copy.markets.get(key, self.market)
        sold = Amount(self.sold.id, raw)
        found = market.swap(sold)
        if not isinstance(found, Swapped):
            return found
        least = Amount(self.bought.id, int(found.received.raw * (1 - Fraction(self.slippage))))
        purse = copy.accounts[self.account_id]
        pay(copy, purse, self.sold, raw)
        pay(copy, copy.accounts[self.account_id], self.bought, -least.raw)
        copy.markets[key] = found.successor
        return Done(Swap(market, sold, least), sold, (sold,), (least,))


@dataclass(frozen=True, slots=True)
class TransferCandidate(Candidate):
    """Send an asset to another wallet of the same person; over a bridge it arrives as `arrives_as`."""

    asset: Asset
    arrives_as: Asset
    to: str
    kept: Decimal

    @property
    def touches(self) -> tuple[str, ...]:
        """None but wallets."""
        return ()

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate."""
        scale = Fraction(10) ** (self.arrives_as.decimals - self.asset.decimals)
        there = int(raw * (1 - Fraction(self.kept)) * scale)
        pay(copy, copy.accounts[self.account_id], self.asset, raw)
        pay(copy, copy.accounts[self.to], self.arrives_as, -there)
        sent, arrives = Amount(self.asset.id, raw), Amount(self.arrives_as.id, there)
        return Done(Transfer(sent, arrives, self.to), sent, (sent,), (arrives,))
