"""The price book: one market mark per asset out of everything that protocols quote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from aggregator.model.accounts import Account
from aggregator.model.assets import USD, AssetId, TokenList, index_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.oracles import OraclePrice
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import ChainId

CLOCK_S = 900
"""A venue's clock may be so far ahead of ours."""

DISAGREEMENT = 0.01
"""Two sources further apart than this are worth a warning."""

OWN_BASE = frozenset({"base", "mid", "tail"})
"""Classes whose tokens are the underlying itself rather than something pegged to it."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Marks, spots and ages at one moment.

    `spots` in USD per unit of each underlying; `USD` is 1. `staleness_days`: how far beyond its heartbeat
    the oldest feed of an underlying itself is (not of tokens pegged to it), only where that is more than 0.
    `oracles` are all sources of held assets, by asset, the one that counts first.
    """

    marks: Mapping[AssetId, Quote]
    spots: Mapping[str, float]
    staleness_days: Mapping[str, float]
    warnings: tuple[str, ...]
    oracles: tuple[OraclePrice, ...]

    def missing(self, account: Account) -> tuple[AssetId, ...]:
        """The assets of an account that nobody prices: with any, the account must not be valued."""
        return tuple(asset for asset in assets_of(account) if asset not in self.marks)


@dataclass(frozen=True, slots=True)
class _Aged:
    quote: Quote
    age_s: int | None
    overdue_s: int
    chain: ChainId | None
    is_told: bool = False


# The contract of one address may be another one on another chain.
_Sources: TypeAlias = Mapping[tuple[ChainId | None, str], _Aged]


def price_book(readings: Iterable[Reading], *, tokens: TokenList) -> PriceBook:
    """The book of everything that these readings quote.

    Several protocols may quote one asset. A quote past its heartbeat gives way to a fresh one, and what a
    venue tells to any fresh one of a contract, because nobody else answers for it. Of the rest
    the lower median is the mark: a price that somebody really quotes, untouched by one wild source among
    three, and independent of the order of reading. Two held quotes more than 1% apart give a warning.
    Raises UnusablePrice on a quote that is not positive.
    """
    readings = tuple(readings)
    quoted: dict[AssetId, dict[tuple[ChainId | None, str], _Aged]] = defaultdict(dict)
    for reading in readings:
        source = reading.source
        now, chain = (source.timestamp, source.chain) if isinstance(source, Block) else (source.time, None)
        for quote in (*reading.quotes, *reading.told):
            if quote.price <= 0:
                raise UnusablePrice(quote.asset, quote.origin, quote.price)
            is_told = chain is None or quote in reading.told
            aged = _Aged(quote, _age_s(quote, now), _overdue_s(quote, now), chain, is_told)
            quoted[quote.asset].setdefault((chain, quote.origin), aged)
    marks = {asset: _mark(list(sources.values())) for asset, sources in sorted(quoted.items())}
    held = {asset for reading in readings for account in reading.accounts for asset in assets_of(account)}
    spots, guesses = _spots(marks, held, tokens)
    warnings = [*_disagreements(quoted, marks, held), *_late(quoted, marks, held), *guesses]
    oracles = tuple(
        row for asset in sorted(held & marks.keys()) for row in _oracles(marks[asset], quoted[asset])
    )
    return PriceBook(marks, spots, _staleness_days(quoted, tokens), tuple(warnings), oracles)


def assets_of(account: Account) -> tuple[AssetId, ...]:
    """Every asset whose price an account's value or its own test in USD depends on, each once."""
    assets: dict[AssetId, None] = {}
    for position in account.positions:
        match position:
            case Holding() | Supply() | Debt():
                assets[position.asset.id] = None
            case Perp() | Option():
                assets[position.index] = None
                assets[position.settlement.id] = None
            case _:
                assert_never(position)
    for feed in account.rule.feeds if account.rule else ():
        if feed.quote is not None:
            assets[feed.quote] = None
    return tuple(assets)


def usd(quote: Quote) -> float:
    """A mark as a float, correctly rounded."""
    return float(quote.price / 10**quote.decimals)


def _age_s(quote: Quote, now: int) -> int | None:
    """None where it is not known: the oracle doesn't say, or claims a time that has not come."""
    if quote.updated_at is None or quote.updated_at > now + CLOCK_S:
        return None
    return now - quote.updated_at


def _overdue_s(quote: Quote, now: int) -> int:
    if quote.updated_at is None or quote.heartbeat_s is None:
        return 0
    return max(0, now - quote.updated_at - quote.heartbeat_s)


def _mark(aged: Sequence[_Aged]) -> Quote:
    fresh = [a for a in aged if a.overdue_s == 0]
    fresh = [a for a in fresh if not a.is_told] or fresh or [*aged]
    fresh.sort(key=lambda a: (a.quote.usd, a.quote.origin, a.chain or 0))
    chosen = fresh[(len(fresh) - 1) // 2]
    return replace(chosen.quote, chain=chosen.chain)


def _oracles(mark: Quote, sources: _Sources) -> list[OraclePrice]:
    """All sources of one asset: the one that counts, then the others from the lowest price up."""
    counts = sources[mark.chain, mark.origin]
    others = sorted(
        (aged for aged in sources.values() if aged is not counts), key=lambda a: (a.quote.usd, a.quote.origin)
    )
    return [
        OraclePrice(
            asset=mark.asset,
            origin=aged.quote.origin,
            chain=aged.chain,
            price_usd=usd(aged.quote),
            is_mark=aged is counts,
            deviation=usd(aged.quote) / usd(mark) - 1.0,
            age_s=aged.age_s,
            heartbeat_s=aged.quote.heartbeat_s,
            overdue_s=aged.overdue_s,
        )
        for aged in (counts, *others)
    ]


def _disagreements(
    quoted: Mapping[AssetId, _Sources], marks: Mapping[AssetId, Quote], held: set[AssetId]
) -> list[str]:
    sentences = []
    for asset, mark in marks.items():
        if asset not in held:
            continue
        quotes = sorted(
            (a.quote for a in quoted[asset].values()), key=lambda quote: (quote.usd, quote.origin)
        )
        low, high = quotes[0], quotes[-1]
        gap = usd(high) / usd(low) - 1.0
        if gap > DISAGREEMENT:
            sentences.append(
                f"sources of the price of {asset} differ by {gap:.1%}: {low.origin} says {usd(low):,.6g}, "
                f"{high.origin} says {usd(high):,.6g}; {usd(mark):,.6g} is used"
            )
    return sentences


def _late(
    quoted: Mapping[AssetId, _Sources], marks: Mapping[AssetId, Quote], held: set[AssetId]
) -> list[str]:
    sentences = []
    for asset, mark in marks.items():
        aged = quoted[asset][mark.chain, mark.origin]
        if asset not in held:
            continue
        if aged.overdue_s > 0:
            hours = aged.overdue_s / 3_600
            sentences.append(f"the price of {asset} is {hours:.1f} hours past its heartbeat ({mark.origin})")
        if aged.quote.updated_at is not None and aged.age_s is None:
            claims = "claims a time after its block's, so its age is not known"
            sentences.append(f"the price of {asset} {claims} ({mark.origin})")
    return sentences


def _spots(
    marks: Mapping[AssetId, Quote], held: set[AssetId], tokens: TokenList
) -> tuple[dict[str, float], list[str]]:
    itself: dict[str, list[Quote]] = defaultdict(list)
    pegged: dict[str, list[Quote]] = defaultdict(list)
    for asset, mark in marks.items():
        known = tokens.classify(asset)
        (itself if known.risk_class in OWN_BASE else pegged)[known.underlying].append(mark)
    spots: dict[str, float] = {USD: 1.0}
    sentences = []
    for underlying in sorted(itself.keys() | pegged.keys()):
        if underlying == USD:
            continue
        index = marks.get(index_id(underlying))
        chosen = index or _mark(
            [_Aged(quote, None, 0, quote.chain) for quote in itself[underlying] or pegged[underlying]]
        )
        spots[underlying] = usd(chosen)
        if not itself[underlying] and any(quote.asset in held for quote in pegged[underlying]):
            sentences.append(
                f"nothing quotes {underlying} itself: {chosen.asset} stands for it in Greeks and "
                "liquidation prices"
            )
    return spots, sentences


def _staleness_days(quoted: Mapping[AssetId, _Sources], tokens: TokenList) -> dict[str, float]:
    oldest: dict[str, float] = {}
    for asset, aged in sorted(quoted.items()):
        known = tokens.classify(asset)
        days = max(a.overdue_s for a in aged.values()) / DAY_S
        if known.risk_class in OWN_BASE and days > oldest.get(known.underlying, 0.0):
            oldest[known.underlying] = days
    return oldest
