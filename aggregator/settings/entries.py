"""The tables of the configuration, one model per kind of entry.

Secrets come by environment or as `${VAR}` in a URL of the file; they are never written back.
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_PLACEHOLDER = re.compile(r"\{(from_s|from_ms|to_s|to_ms|days)\}")
_UNDERLYING = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reached(_Strict):
    rate_per_s: float | None = Field(default=None, gt=0, le=100_000, allow_inf_nan=False)
    concurrency: int = Field(default=8, ge=1, le=256)
    url: str

    @field_validator("url")
    @classmethod
    def _expand(cls, url: str) -> str:
        missing = [name for name in _VARIABLE.findall(url) if name not in os.environ]
        if missing:
            raise ValueError(f"the environment variable {missing[0]} is not set")
        return _VARIABLE.sub(lambda match: os.environ[match.group(1)], url)


class EndpointSettings(_Reached):
    """A JSON-RPC endpoint; `name` is shown instead of the URL, which may hold `${VAR}`.

    `rate_per_s` requests are started per second at most (none given: as many as there are), `concurrency` are
    under way at once. With `state_overrides = "never"` the reader contract is not tried.
    """

    name: str = ""
    state_overrides: Literal["auto", "never"] = "auto"


class SubgraphSettings(_Reached):
    """A subgraph of a chain; its limits are as an endpoint's, and `url` may hold `${VAR}`.

    `adapter` and `deployment` (its only one where none is named) say what `crosscheck` compares it with.
    Recordings have no `url`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    chain: int
    url: str = ""
    kind: str = Field(alias="schema", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    adapter: str = ""
    deployment: str = ""
    max_lag_blocks: int = Field(default=50, ge=0)


class VenueSettings(_Reached):
    """A venue that is asked over HTTP, as deployments name it; its limits and `url` are as an endpoint's."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


class ChainSettings(_Strict):
    """A chain: its name, its endpoints in order of preference, and where its Multicall3 is if elsewhere.

    `ens_registry` is where names are resolved, empty where the chain has none.
    """

    name: str
    endpoints: tuple[EndpointSettings, ...] = ()
    multicall3: str = MULTICALL3
    ens_registry: str = ""
    origin: str = "mainnet"


class DeploymentSettings(_Strict):
    """A protocol market on a chain: addresses by role, and where they were found."""

    chain: int
    name: str
    source: str = "own configuration"
    first_block: int | None = None
    verified: bool = False
    addresses: dict[str, str] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)


class OwnedSettings(_Strict):
    """An address that holds positions for a wallet: on every chain where `chain` is None.

    `count` None: where contracts say that the wallet controls it alone, or say nothing.
    """

    wallet: str
    address: str
    chain: int | None = None
    label: str = Field(default="", max_length=64)
    count: bool | None = None


class TokenSettings(_Strict):
    """A token: where it lives (no address: the native coin), what moves it, and its risk class."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    chain: int
    address: str = ""
    symbol: str
    decimals: int = Field(ge=0, le=255)
    underlying: str
    risk_class: str = Field(alias="class")
    feed: str = ""
    heartbeat_s: int | None = None


class PriceFeedSettings(_Strict):
    """A Chainlink-style feed that tells an underlying's past prices in USD.

    `pair` is what the feed calls itself, `UNDERLYING / USD` where it is empty.
    """

    underlying: str = Field(pattern=_UNDERLYING)
    chain: int
    feed: str
    pair: str = Field(default="", max_length=40)


class PlanSettings(_Strict):
    """What a plan's steps cost beside what venues take.

    `gas_usd` is what one step's gas costs in USD by chain, `gas_elsewhere_usd` on others. `slippage` is how
    much less than quoted a swap may bring, `bridge` what a bridge keeps, and `swap` what a swap costs where
    no market was read; all three are shares. `flash_executor` is the contract of yours that runs flash
    bundles, by chain.
    """

    flash_executor: dict[int, str] = Field(default_factory=dict)
    gas_usd: dict[int, float] = Field(default_factory=dict)
    gas_elsewhere_usd: float = Field(default=1.0, ge=0, le=10_000, allow_inf_nan=False)
    slippage: Decimal = Field(default=Decimal("0.001"), ge=0, le=Decimal("0.5"))
    bridge: Decimal = Field(default=Decimal("0.001"), ge=0, le=Decimal("0.5"))
    swap: Decimal = Field(default=Decimal("0.003"), ge=0, le=Decimal("0.5"))


class PriceApiSettings(_Strict):
    """An API that tells an underlying's past prices, below the URL of a venue, and how its replies are read.

    `query` values may hold `{from_s}`, `{from_ms}`, `{to_s}`, `{to_ms}` and `{days}`. `rows` is the path to
    the list in a reply, empty where the reply is one; `time` and `price` are places in a row: an index or a
    name. `time_of` says whether the time is that of the price or that at which a day begins. Prices are in
    `quote`, which counts as USD. One that is older than `max_age_s` at the end of a day is no price of it.
    `reach_days` is how far back the API tells, `prefer` puts it before feeds.
    """

    underlying: str = Field(pattern=_UNDERLYING)
    chain: int
    venue: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    path: str = Field(max_length=200, pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$")
    query: dict[str, str | int] = Field(default_factory=dict, max_length=20)
    rows: str = Field(default="", max_length=200)
    time: int | str
    time_unit: Literal["s", "ms"]
    time_of: Literal["price", "open"]
    price: int | str
    quote: str = Field(default="USD", pattern=r"^[A-Z0-9]{1,16}$")
    max_age_s: int = Field(default=7_200, ge=0, le=43_200)
    reach_days: int | None = Field(default=None, ge=1)
    days_per_request: int = Field(default=365, ge=1, le=3_650)
    prefer: bool = False

    @field_validator("time", "price")
    @classmethod
    def _is_place(cls, place: int | str) -> int | str:
        if place == "" or (isinstance(place, int) and place < 0):
            raise ValueError("is the name of a field, or its index from 0 on")
        return place

    @field_validator("query")
    @classmethod
    def _is_filled(cls, query: dict[str, str | int]) -> dict[str, str | int]:
        """What is asked is kept with recordings, and tells sources apart: a key has no place in it."""
        for name, value in query.items():
            if _VARIABLE.search(f"{name} {value}"):
                raise ValueError(
                    f"{name}: a key belongs into the venue's `url`, which is never kept or shown"
                )
            if left := re.search(r"[{}]", _PLACEHOLDER.sub("", str(value))):
                known = "{from_s}, {from_ms}, {to_s}, {to_ms}, {days}"
                raise ValueError(f"{name}: {left.group()!r} is no part of a placeholder; known are {known}")
        return query


class ScheduleSettings(_Strict):
    """A job of the daemon: a group of wallets, and when (`cron`, in UTC, or `every`) it is taken.

    `block` bounds at which block: none newer than the slot, nor newer than this tag allows. An empty
    `patience` depends on it.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    group: str
    cron: str = ""
    every: str = ""
    chains: tuple[str, ...] = ()
    block: Literal["latest", "safe", "finalized"] = "latest"
    catch_up: int = Field(default=96, ge=1, le=10_000)
    patience: str = ""

    @field_validator("chains", mode="before")
    @classmethod
    def _named(cls, chains: object) -> object:
        """A chain may be given by its id."""
        if not isinstance(chains, list | tuple):
            return chains
        return [str(chain) if type(chain) is int else chain for chain in chains]
