"""One wallet's readings as one portfolio: priced, classified, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from aggregator.model.accounts import Account, Observation
from aggregator.model.assets import AssetId, TokenList
from aggregator.model.errors import NativeUnknown, ReadError, Unpriced
from aggregator.model.holders import Holder
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Holding
from aggregator.model.readings import AccountFailure, Block, Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.pricing.book import PriceBook, assets_of, price_book
from aggregator.pricing.surfaces import contradictions


def assemble(
    wallet: Address,
    readings: Sequence[Reading],
    failures: Iterable[Failure],
    *,
    blocks: Mapping[ChainId, Block],
    tokens: TokenList,
    unverified: Sequence[str] = (),
    holders: Sequence[Holder] = (),
    warnings: Sequence[str] = (),
) -> Portfolio:
    """The portfolio of everything read of a wallet.

    An account that could not be read, or with an asset that nobody prices, becomes a Failure; of the
    wallet's own coins only those without a price do, and the rest stays. An account whose rule can't say how
    healthy it is stays without its rule, and becomes a Failure too: its own health is unknown. Coverage
    counts a deployment with any failure as failed. An account that two deployments answer counts once, and
    so does a token that stands for what another account counts. `holders` are the addresses beside the
    wallet whose accounts are among the readings'.
    """
    book = price_book(readings, tokens=tokens)
    failed = list(failures)
    unread = len(failed)
    accounts: list[Account] = []
    receipts = {asset for reading in readings for asset in reading.receipts}
    seen: set[str] = set()
    twice: list[str] = []
    lost = 0
    for reading in readings:
        missed = [_unread(wallet, one) for one in reading.failures]
        for account in reading.accounts:
            if account.id in seen:
                twice.append(_twice(account))
                continue
            seen.add(account.id)
            if isinstance(reading.source, Observation):
                account = replace(account, observed=reading.source)  # noqa: PLW2901  # nothing else is of it
            kept, missing = _priced(_without(account, receipts), book)
            missed += [_unpriced(wallet, account, asset) for asset in missing]
            if kept.positions:
                asked, error = _judgeable(kept, blocks)
                accounts.append(asked)
                missed += [] if error is None else [_failed(wallet, account, error)]
        failed += missed
        lost += bool(missed)
    openable = tuple(one for reading in readings for one in reading.openable if one.id not in seen)
    openings = [one for account in (*accounts, *openable) for one in account.openings]
    # Prices that only openings have: what counts for positions is the same with them and without.
    marks = {**{quote.asset: quote for one in openings for quote in one.quotes}, **book.marks}
    expected = len(readings) + unread
    unseen = [
        f"{name}: its adapter was never seen working there; compare with the protocol's own screen"
        for name in unverified
    ]
    held = [asset for account in accounts for asset in assets_of(account)]
    held += [asset for one in openings for asset in (one.perp.index, one.perp.settlement.id)]
    classes = {asset: tokens.classify(asset) for asset in held}
    return Portfolio(
        wallet=wallet,
        accounts=tuple(accounts),
        marks=marks,
        spots=book.spots,
        classes=classes,
        blocks=blocks,
        failures=tuple(failed),
        coverage=Coverage(expected, len(readings) - lost, unread + lost, tuple(unverified)),
        warnings=tuple(
            dict.fromkeys(
                [
                    *unseen,
                    *warnings,
                    *twice,
                    *(w for r in readings for w in r.warnings),
                    *book.warnings,
                    *(w for r in readings for w in contradictions(r, book.marks)),
                ]
            )
        ),
        staleness_days=book.staleness_days,
        oracles=book.oracles,
        holders=tuple(holders),
        openable=openable,
    )


def _without(account: Account, receipts: Collection[AssetId]) -> Account:
    """An account without holdings that another account counts as the supply that they stand for."""
    kept = tuple(p for p in account.positions if not (isinstance(p, Holding) and p.asset.id in receipts))
    return account if len(kept) == len(account.positions) else replace(account, positions=kept)


def _priced(account: Account, book: PriceBook) -> tuple[Account, tuple[str, ...]]:
    missing = book.missing(account)
    if not missing:
        return account, ()
    if account.kind != "wallet":
        return replace(account, positions=()), missing
    kept = tuple(
        p for p in account.positions if not set(missing) & set(assets_of(replace(account, positions=(p,))))
    )
    return replace(account, positions=kept), missing


def _twice(account: Account) -> str:
    return (
        f"{account.label} is read by two deployments of {account.protocol} on chain {account.chain}: it "
        "counts once; remove one of them from the configuration"
    )


def _judgeable(account: Account, blocks: Mapping[ChainId, Block]) -> tuple[Account, NativeUnknown | None]:
    """The account if its rule has an answer at its own prices; else without the rule, and why."""
    block = blocks.get(account.chain)
    if account.rule is None or block is None:
        return account, None
    time = block.timestamp if account.observed is None else account.observed.time
    try:
        account.rule.health(account.prices, time)
    except Exception as error:  # noqa: BLE001  # whatever an adapter's rule does is told of its own account
        return replace(account, rule=None), NativeUnknown.raised(account.label, error)
    return account, None


def _unread(wallet: Address, account: AccountFailure) -> Failure:
    return Failure(account.protocol, account.label, account.chain, wallet, account.error)


def _unpriced(wallet: Address, account: Account, asset: str) -> Failure:
    return _failed(wallet, account, Unpriced(asset, account.id))


def _failed(wallet: Address, account: Account, error: ReadError) -> Failure:
    return Failure(account.protocol, account.label, account.chain, wallet, error)
