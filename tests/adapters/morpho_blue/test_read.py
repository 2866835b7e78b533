"""The read fed by hand: requests, malformed replies, what can't be, entries that are refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.morpho_blue import calls
from adapters.morpho_blue.adapter import build
from adapters.morpho_blue.discovery import Discovered, MarketId, discover
from adapters.morpho_blue.margin import MorphoRule
from aggregator.contract import Call, Deployment, Deployments, Function, Log
from aggregator.model.assets import Asset, Classification, ListedToken, token_id
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    CallReverted,
    MalformedReply,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import Address, ChainId, keccak
from tests.adapters.by_hand import Driven, Replies, Reply, drive_by_hand

MORPHO, ORACLE, IRM = (Address("0x" + digit * 40) for digit in "123")
WETH, USDC, WALLET, NOBODY = (Address("0x" + digit * 40) for digit in "abc0")
LINK, STEADY = (Address("0x" + digit * 40) for digit in "45")
BLOCK = Block(ChainId(1), 17, "0x" + "1" * 64, "0x" + "0" * 64, 1_793_491_200)
PARAMS = (USDC, WETH, ORACLE, IRM, 86 * WAD // 100)


def id_of(params: tuple[Any, ...]) -> bytes:
    """The hash of a market's parameters."""
    *addresses, lltv = params
    words = [bytes.fromhex(address[2:]).rjust(32, b"\0") for address in addresses]
    return keccak(b"".join(words) + lltv.to_bytes(32))


def entry(*markets: bytes, **options: object) -> Deployment:
    """A deployment with these markets listed."""
    listed = {"markets": [f"0x{market.hex()}" for market in markets], **options}
    return Deployment("morpho_blue", ChainId(1), "Morpho", {"morpho": MORPHO}, "a test", options=listed)


@dataclass
class Contract:
    """One market of WETH against USDC at 2,000, in which the wallet owes 12,000 USDC against 10 WETH."""

    params: tuple[Any, ...] = PARAMS
    totals: tuple[int, ...] = (10**13, 10**19, 10**12, 10**18, BLOCK.timestamp, 0)
    position: tuple[int, int, int] = (0, 12_000 * 10**12, 10 * WAD)
    price: int = 2_000 * 10**24
    decimals: int = 18
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    @property
    def id(self) -> bytes:
        """The market's."""
        return id_of(self.params)

    def replies(self) -> Replies:
        """What it answers to whatever is asked."""
        return {
            calls.FEE_RECIPIENT.at(MORPHO): (NOBODY,),
            calls.PARAMS.at(MORPHO, self.id): self.params,
            calls.MARKET.at(MORPHO, self.id): self.totals,
            calls.POSITION.at(MORPHO, self.id, WALLET): self.position,
            calls.PRICE.at(ORACLE): (self.price,),
            calls.BORROW_RATE.at(IRM, self.params, self.totals): (0,),
            calls.DECIMALS.at(WETH): (self.decimals,),
            calls.DECIMALS.at(USDC): (6,),
            calls.SYMBOL.at(WETH): ("WETH",),
            calls.SYMBOL.at(USDC): ("USDC",),
            **{calls.BALANCE.at(token, MORPHO): (10**30,) for token in self.params[:2]},
            **self.more,
        }


def read(
    contract: Contract, at: Deployment | None = None, tokens: tuple[ListedToken, ...] = ()
) -> Driven[Reading]:
    """The reading of the wallet, its market listed."""
    deployment = at or entry(contract.id)
    adapter = build(Deployments((deployment,), tokens))
    return drive_by_hand(adapter.read(deployment, WALLET, BLOCK), contract.replies())


def refused(contract: Contract) -> ReadError:
    """Why the only market of the wallet could not be read."""
    found = read(contract).result
    [failure] = found.failures
    assert found.accounts == ()
    assert failure.id == f"morpho_blue:1:0x{contract.id.hex()}:{WALLET}"
    assert failure.label == f"Morpho market 0x{contract.id.hex()}"
    return failure.error


def test_a_loan_takes_two_rounds_after_discovery() -> None:
    """17,200 may be owed, 12,000 are; positions, feed and origins are what was answered."""
    driven = read(Contract())
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.id == f"morpho_blue:1:0x{Contract().id.hex()}:{WALLET}"
    assert account.owner_path == (WALLET,)
    rule = account.rule
    assert isinstance(rule, MorphoRule)
    health = rule.health(prices_of(rule), BLOCK.timestamp)
    assert (health.power, health.requirement) == (17_200 * 10**6, 12_000 * 10**6)
    assert health.health == 17_200 * WAD // 12_000
    assert account.reported is None
    assert ORACLE in rule.feed.origin
    supply, debt = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    assert (supply.raw, supply.is_collateral, debt.raw) == (10 * WAD, True, 12_000 * 10**6)
    assert rule.feed.origin == f"price()@{ORACLE}"


def test_listed_tokens_are_not_asked_for() -> None:
    """Symbol and decimals come from the configuration."""
    tokens = tuple(
        ListedToken(
            ChainId(1), address, Asset(token_id(ChainId(1), address), name, n), Classification(name, "tail")
        )
        for address, name, n in ((WETH, "Ether", 18), (USDC, "Dollar", 6))
    )
    driven = read(Contract(), tokens=tokens)
    [account] = driven.result.accounts
    assert account.label == "Morpho Ether/Dollar 86%"
    names = {calls.SYMBOL.selector, calls.DECIMALS.selector}
    assert not {data[:4] for asked in driven.rounds for _, data in asked} & names


def test_logs_are_one_request_for_both_events() -> None:
    """Each market once, in the order of the chain; a log of another layout is refused."""
    deployment = Deployment("morpho_blue", ChainId(1), "Morpho", {"morpho": MORPHO}, "a test", first_block=5)
    reading = discover(deployment, WALLET)
    [request] = next(reading)
    wallet = bytes.fromhex(WALLET[2:]).rjust(32, b"\0")
    events = (calls.SUPPLY.topic, calls.SUPPLY_COLLATERAL.topic)
    assert (request.addresses, request.from_block, request.to_block) == ((MORPHO,), 5, None)  # type: ignore[attr-defined]
    assert request.topics == (events, None, None, (wallet,))  # type: ignore[attr-defined]

    def log(event: int, market: int, index: int, words: int) -> Log:
        topics = (events[event], bytes([market] * 32), bytes(32), wallet)
        return Log(MORPHO, topics, bytes(32 * words), 6, "0x" + "0" * 64, "0x" + "0" * 64, index)

    with pytest.raises(StopIteration) as end:
        reading.send([(log(1, 7, 0, 1), log(0, 8, 1, 2), log(0, 7, 2, 2))])
    assert end.value.value == Discovered((MarketId(bytes([7] * 32)), MarketId(bytes([8] * 32))))

    again = discover(deployment, WALLET)
    next(again)
    with pytest.raises(MalformedReply, match="log 0"):
        again.send([(log(1, 7, 0, 2),)])
    unavailable = discover(deployment, WALLET)
    next(unavailable)
    with pytest.raises(ProviderUnavailable):
        unavailable.send([ProviderUnavailable("endpoint", "no logs")])


MARKET_STATE = Contract().totals


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        ({"totals": (*MARKET_STATE[:4], 0, 0)}, Unsupported, "no such market"),
        ({"totals": (*MARKET_STATE[:4], BLOCK.timestamp + 1, 0)}, MalformedReply, "no state"),
        ({"totals": (*MARKET_STATE[:5], WAD + 1)}, MalformedReply, "no state"),
        ({"position": (10**19 + 1, 0, 0)}, AdapterFault, "more shares"),
        ({"position": (0, 10**18 + 1, WAD)}, AdapterFault, "more shares"),
        ({"price": 0}, UnusablePrice, "WETH in USDC"),
        ({"price": 2**255}, UnusablePrice, ORACLE),
        ({"decimals": 43}, Unsupported, "-1 decimals"),
        ({"params": (*PARAMS[:4], WAD + 1)}, MalformedReply, "no state"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], error: type[ReadError], why: str) -> None:
    """Never a number made of it."""
    with pytest.raises(error, match=why):
        raise refused(Contract(**change))


def test_parameters_of_another_market_are_refused() -> None:
    """The id is their hash: a price of another oracle would be another account's health."""
    contract = Contract()
    contract.more = {calls.PARAMS.at(MORPHO, contract.id): (*PARAMS[:4], WAD // 2)}
    with pytest.raises(MalformedReply, match="no parameters"):
        raise refused(contract)


@pytest.mark.parametrize(
    "call",
    [
        calls.PARAMS.at(MORPHO, Contract().id),
        calls.MARKET.at(MORPHO, Contract().id),
        calls.POSITION.at(MORPHO, Contract().id, WALLET),
        calls.PRICE.at(ORACLE),
        calls.BORROW_RATE.at(IRM, PARAMS, MARKET_STATE),
        calls.DECIMALS.at(WETH),
    ],
    ids=lambda call: call.function.canonical.partition("(")[0],
)
def test_a_failed_call_fails_the_account(call: Call[Any]) -> None:
    """No figure of a loan has a fallback."""
    error = CallReverted("a call", "no")
    assert refused(Contract(more={call: error})) is error


@pytest.mark.parametrize(
    "call", [calls.PARAMS.at(MORPHO, Contract().id), calls.POSITION.at(MORPHO, Contract().id, WALLET)]
)
def test_a_call_that_nobody_answered_fails_the_read(call: Call[Any]) -> None:
    """Nothing follows from it for a market."""
    with pytest.raises(ProviderUnavailable, match="gone"):
        read(Contract(more={call: ProviderUnavailable("endpoint", "gone")}))


@pytest.mark.parametrize(
    "call",
    [
        calls.PARAMS.at(MORPHO, Contract().id),
        calls.MARKET.at(MORPHO, Contract().id),
        calls.POSITION.at(MORPHO, Contract().id, WALLET),
        calls.PRICE.at(ORACLE),
        calls.BORROW_RATE.at(IRM, PARAMS, MARKET_STATE),
        calls.DECIMALS.at(WETH),
    ],
    ids=lambda call: call.function.canonical.partition("(")[0],
)
def test_other_markets_stand_where_one_fails(call: Call[Any]) -> None:
    """What a stranger made of one market does not hide the debt in another; nor is it left out."""
    sound = Contract(params=(USDC, LINK, STEADY, NOBODY, PARAMS[4]))
    sound.more = {calls.PRICE.at(STEADY): (2_000 * 10**24,), calls.DECIMALS.at(LINK): (18,)}
    sound.more |= {calls.SYMBOL.at(LINK): ("LINK",)}
    broken = Contract(more={**sound.replies(), call: CallReverted("a call", "no")})
    for markets in [(broken.id, sound.id), (sound.id, broken.id)]:
        found = read(broken, entry(*markets)).result
        assert [account.label for account in found.accounts] == ["Morpho LINK/USDC 86%"]
        assert found.accounts == read(sound).result.accounts
        assert [failure.label for failure in found.failures] == [f"Morpho market 0x{broken.id.hex()}"]


def test_what_concerns_all_markets_fails_the_read() -> None:
    """Who gets the fees."""
    error = ProviderUnavailable("endpoint", "gone")
    with pytest.raises(ProviderUnavailable):
        read(Contract(more={calls.FEE_RECIPIENT.at(MORPHO): error}))


def test_interest_beyond_what_the_contract_can_store_is_refused() -> None:
    """The contract would revert on it, whoever answered so."""
    totals = (*MARKET_STATE[:4], BLOCK.timestamp - 86_400, 0)
    rate: dict[Call[Any], Reply] = {calls.BORROW_RATE.at(IRM, PARAMS, totals): (2**200,)}
    with pytest.raises(MalformedReply, match="borrowRateView"):
        raise refused(Contract(totals=totals, more=rate))


def test_words_outside_their_type_are_refused() -> None:
    """A total that is no uint128."""
    contract = Contract()
    words: Function[Any] = Function(f"market(bytes32)({','.join(['uint256'] * 6)})")
    contract.more = {words.at(MORPHO, contract.id): (2**128, *MARKET_STATE[1:])}
    with pytest.raises(MalformedReply, match="market"):
        raise refused(contract)


@pytest.mark.parametrize("position", [(0, 1, 0), (0, 0, 1), (0, 1, 1)])
def test_collateral_or_debt_in_an_idle_market_is_refused(position: tuple[int, int, int]) -> None:
    """There is no token that it could be."""
    contract = Contract(params=(USDC, NOBODY, NOBODY, NOBODY, 0), position=position)
    contract.more = {calls.PRICE.at(NOBODY): (1,)}
    with pytest.raises(MalformedReply, match="without"):
        raise refused(contract)


def test_market_without_interest_model_bears_none() -> None:
    """The address zero is never asked."""
    contract = Contract(params=(*PARAMS[:3], NOBODY, PARAMS[4]))
    contract.totals = (*MARKET_STATE[:4], BLOCK.timestamp - 31_536_000, 0)
    driven = read(contract)
    [account] = driven.result.accounts
    debt = account.positions[1]
    assert isinstance(debt, Debt)
    assert (debt.raw, debt.apr) == (12_000 * 10**6, 0.0)
    assert NOBODY not in {target for asked in driven.rounds for target, _ in asked}


def test_symbol_that_is_no_text_leaves_the_address() -> None:
    """Some old tokens answer bytes32; a transport failure is no such answer."""
    contract = Contract(more={calls.SYMBOL.at(WETH): MalformedReply("symbol()", "bytes32")})
    assert read(contract).result.accounts[0].label == f"Morpho {WETH}/USDC 86%"
    with pytest.raises(ProviderUnavailable):
        raise refused(Contract(more={calls.SYMBOL.at(WETH): ProviderUnavailable("endpoint", "gone")}))


def test_empty_position_is_no_account() -> None:
    """Nothing more is asked about its market."""
    driven = read(Contract(position=(0, 0, 0)))
    assert driven.result.accounts == ()
    assert len(driven.rounds) == 2


BARE = Deployment("morpho_blue", ChainId(1), "Morpho", {"morpho": MORPHO}, "a test")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (replace(BARE, addresses={}), "addresses.morpho"),
        (BARE, "first_block"),
        (replace(BARE, first_block=1, options={"discovery": "guess"}), "guess"),
        (replace(BARE, options={"discovery": "graphql", "markets": []}), "remove them"),
        (replace(BARE, options={"discovery": "graphql", "subgraph": ""}), "name of a subgraph"),
        (replace(BARE, options={"discovery": "graphql", "subgraph": 7}), "name of a subgraph"),
        (replace(BARE, first_block=1, options={"subgraph": "mine"}), "'graphql'"),
        (replace(BARE, options={"discovery": "listed"}), "give them"),
        (replace(BARE, first_block=1, options={"discovery": "logs", "markets": []}), "remove them"),
        (replace(BARE, options={"markets": "0x" + "1" * 64}), "list"),
        (replace(BARE, options={"markets": ["0x12"]}), "0x12"),
        (replace(BARE, options={"markets": [7]}), "7"),
        (replace(BARE, options={"markets": ["0x" + "g" * 64]}), "gg"),
        (replace(BARE, first_block=1, options={"oracle": {"0x" + "1" * 64: "guess"}}), "guess"),
        (replace(BARE, first_block=1, options={"oracle": "rate"}), "table"),
        (replace(BARE, first_block=1, options={"oracle": {WETH: "rate"}}), "no market id"),
    ],
)
def test_bad_entry_is_refused_at_once(bad: Deployment, why: str) -> None:
    """The message names what is missing or misspelt."""
    with pytest.raises(BadConfiguration, match=why):
        build(Deployments((bad,), ()))
