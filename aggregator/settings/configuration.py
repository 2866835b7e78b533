"""Everything that can be configured, as one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from aggregator.settings.entries import (
    ChainSettings,
    DeploymentSettings,
    OwnedSettings,
    PlanSettings,
    PriceApiSettings,
    PriceFeedSettings,
    ScheduleSettings,
    SubgraphSettings,
    TokenSettings,
    VenueSettings,
)


class Settings(BaseSettings):
    """Everything that can be configured.

    `default_chains` are read where the user names none: those of the user's file, or all that ship.
    `confirm` endpoints of a chain must agree on what is read; a read of a chain may take `deadline_s`.
    `owners` are addresses that hold positions for a wallet, beside those that `find_owned` looks for.
    `parameters` names a file of risk parameters, `risk` holds some in place. `schedule_store` is the daemon's
    own file, beside the database where it is None; `metrics` is where it answers, `off` for nowhere. `cache`
    is where reading remembers what saves requests, None (`off`) for nowhere. `price_feeds` tell past prices,
    beside the feeds of tokens of class base, and `price_apis` where there is no feed; `history_days` are
    asked for, and what is kept is used until it is `history_max_age_days` old.
    """

    model_config = SettingsConfigDict(env_prefix="CROSSMARGIN_", extra="forbid", frozen=True)

    chains: dict[int, ChainSettings] = Field(default_factory=dict)
    deployments: dict[str, tuple[DeploymentSettings, ...]] = Field(default_factory=dict)
    tokens: tuple[TokenSettings, ...] = ()
    price_feeds: tuple[PriceFeedSettings, ...] = ()
    price_apis: tuple[PriceApiSettings, ...] = ()
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
    plan: PlanSettings = Field(default_factory=PlanSettings)
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
