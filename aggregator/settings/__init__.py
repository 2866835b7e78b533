"""Configuration: flag over environment (`CROSSMARGIN_*`) over file (TOML) over what ships.

Secrets come by environment or as `${VAR}` in a URL of the file; they are never written back.
"""

from aggregator.settings.configuration import Settings
from aggregator.settings.entries import (
    MULTICALL3,
    ChainSettings,
    DeploymentSettings,
    EndpointSettings,
    OwnedSettings,
    PlanSettings,
    PriceApiSettings,
    PriceFeedSettings,
    ScheduleSettings,
    SubgraphSettings,
    TokenSettings,
    VenueSettings,
)
from aggregator.settings.loading import build, config_path, exactly, load, read_toml, risk_parameters, shipped

__all__ = [
    "MULTICALL3",
    "ChainSettings",
    "DeploymentSettings",
    "EndpointSettings",
    "OwnedSettings",
    "PlanSettings",
    "PriceApiSettings",
    "PriceFeedSettings",
    "ScheduleSettings",
    "Settings",
    "SubgraphSettings",
    "TokenSettings",
    "VenueSettings",
    "build",
    "config_path",
    "exactly",
    "load",
    "read_toml",
    "risk_parameters",
    "shipped",
]
