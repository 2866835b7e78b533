"""Configuration: flag over environment (`CROSSMARGIN_*`) over file (TOML) over what ships.

Secrets come by environment or as `${VAR}` in a URL of the file; they are never written back.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from aggregator.model.errors import BadConfiguration

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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

    underlying: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")
    chain: int
    feed: str
    pair: str = Field(default="", max_length=40)


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


class Settings(BaseSettings):
    """Everything that can be configured.

    `default_chains` are read where the user names none: those of the user's file, or all that ship.
    `confirm` endpoints of a chain must agree on what is read; a read of a chain may take `deadline_s`.
    `owners` are addresses that hold positions for a wallet, beside those that `find_owned` looks for.
    `parameters` names a file of risk parameters, `risk` holds some in place. `schedule_store` is the daemon's
    own file, beside the database where it is None; `metrics` is where it answers, `off` for nowhere. `cache`
    is where reading remembers what saves requests, None (`off`) for nowhere. `price_feeds` tell past prices,
    beside the feeds of tokens of class base; `history_days` are asked for, and what is kept is used until it
    is `history_max_age_days` old.
    """

    model_config = SettingsConfigDict(env_prefix="CROSSMARGIN_", extra="forbid", frozen=True)

    chains: dict[int, ChainSettings] = Field(default_factory=dict)
    deployments: dict[str, tuple[DeploymentSettings, ...]] = Field(default_factory=dict)
    tokens: tuple[TokenSettings, ...] = ()
    price_feeds: tuple[PriceFeedSettings, ...] = ()
    history_days: int = Field(default=730, ge=1, le=3_650)
    history_max_age_days: int = Field(default=7, ge=1, le=365)
    owners: tuple[OwnedSettings, ...] = ()
    find_owned: bool = True
    subgraphs: tuple[SubgraphSettings, ...] = ()
    venues: tuple[VenueSettings, ...] = ()
    default_chains: tuple[int, ...] = ()
    shipped_deployments: bool = True
    confirm: int = Field(default=1, ge=1, le=5)
    deadline_s: float = Field(default=120.0, gt=0, le=86_400, allow_inf_nan=False)
    database: Path = Path(platformdirs.user_data_dir("crossmargin")) / "crossmargin.duckdb"
    lock_timeout_s: float = Field(default=10.0, ge=0)
    cache: Path | None = Path(platformdirs.user_cache_dir("crossmargin")) / "reading.sqlite"
    parameters: Path | None = None
    risk: dict[str, Any] = Field(default_factory=dict)
    schedule: tuple[ScheduleSettings, ...] = ()
    schedule_store: Path | None = None
    metrics: str = "127.0.0.1:9464"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what the file gave."""
        return env_settings, init_settings

    @field_validator("subgraphs")
    @classmethod
    def _told_apart(cls, subgraphs: tuple[SubgraphSettings, ...]) -> tuple[SubgraphSettings, ...]:
        seen = set[tuple[int, str]]()
        for entry in subgraphs:
            if (entry.chain, entry.name) in seen:
                raise ValueError(f"chain {entry.chain} has two of the name {entry.name!r}")
            seen.add((entry.chain, entry.name))
        return subgraphs

    @field_validator("venues")
    @classmethod
    def _named_once(cls, venues: tuple[VenueSettings, ...]) -> tuple[VenueSettings, ...]:
        names = [entry.name for entry in venues]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"there are two of the name {name!r}")
        return venues

    @field_validator("cache", mode="before")
    @classmethod
    def _off(cls, given: object) -> object:
        return None if given == "off" else given

    @field_validator("database")
    @classmethod
    def _named(cls, path: Path) -> Path:
        if not path.name:  # other files are named after it
            raise ValueError("name a file")
        return path

    @field_validator("database", "parameters", "schedule_store", "cache")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        if path is None or not path.parts or not path.parts[0].startswith("~"):
            return path
        try:
            return path.expanduser()
        except RuntimeError as error:  # `~nobody`
            raise ValueError(str(error)) from error


def config_path() -> Path:
    """The configuration file: `CROSSMARGIN_CONFIG`, else in the user's configuration folder."""
    named = os.environ.get("CROSSMARGIN_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("crossmargin")) / "config.toml"


def load(path: Path | None = None) -> Settings:
    """The settings of a file over those that ship; without `path` the file may be absent.

    Raises BadConfiguration where it can't be read, isn't TOML, or holds an unknown or malformed setting.
    """
    source = path or config_path()
    given = read_toml(source) if path is not None or source.exists() else {}
    return build(given, str(source))


def build(given: dict[str, Any], where: str) -> Settings:
    """Settings from a parsed document over those that ship; `where` is named in errors."""
    base = shipped("chains.toml")["chains"]
    own = given.get("chains", {})
    return _made(
        Settings,
        {
            "shipped_deployments": True,
            "default_chains": [*(own if isinstance(own, dict) and own else base)],
            **given,
            "chains": {**base, **own} if isinstance(own, dict) else own,
            "tokens": [*shipped("tokens.toml")["tokens"], *given.get("tokens", [])],
            "price_feeds": [*given.get("price_feeds", []), *shipped("tokens.toml")["price_feeds"]],
        },
        where,
    )


def exactly(given: dict[str, Any], where: str) -> Settings:
    """Settings from a document alone, without what ships and the environment: those of a recording."""
    return _made(_Alone, {"shipped_deployments": False, **given}, where)


class _Alone(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The document and nothing else."""
        return (init_settings,)


def _made(kind: type[Settings], given: dict[str, Any], where: str) -> Settings:
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        blamed = where if issubclass(kind, _Alone) else _variable(first["loc"]) or where
        raise BadConfiguration(blamed, f"{place or 'settings'}: {first['msg']}") from error
    except SettingsError as error:
        raise BadConfiguration("environment", str(error)) from error


def _variable(place: tuple[int | str, ...]) -> str | None:
    """The environment variable that holds the setting at a place of the settings, None where none does."""
    if not place:
        return None
    prefix = Settings.model_config.get("env_prefix", "")
    named = next((name for name in os.environ if name.upper() == f"{prefix}{place[0]}".upper()), None)
    if named is None:
        return None
    try:
        found: object = json.loads(os.environ[named])
    except ValueError:  # a plain text: all of the setting
        return named
    for part in place[1:]:  # tables of the file and of the environment are merged
        if isinstance(found, dict):
            if str(part) not in found:
                return None
            found = found[str(part)]
        elif isinstance(found, list) and isinstance(part, int) and part < len(found):
            found = found[part]
    return named


def risk_parameters(settings: Settings) -> tuple[dict[str, Any], ...]:
    """The tables of risk parameters: those that ship, the user's own file, `risk`; later lines win."""
    own = {} if settings.parameters is None else read_toml(settings.parameters)
    return (shipped("parameters.toml"), own, settings.risk)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, parsed; raises BadConfiguration where it can't be read or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(str(path), f"can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(str(path), f"is not valid TOML: {error}") from error


@cache
def shipped(name: str) -> dict[str, Any]:
    """A data file of the package, parsed."""
    return tomllib.loads((files("aggregator") / "data" / name).read_text(encoding="utf-8"))
