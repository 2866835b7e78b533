"""Settings from files: the user's own over those that ship; the environment wins over both."""

from __future__ import annotations

import json
import os
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from aggregator.model.errors import BadConfiguration
from aggregator.settings.configuration import Settings


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
