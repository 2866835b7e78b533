"""The unit of systemd and the container file: what they name exists, and neither works as root."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import PurePosixPath

from aggregator.settings import Settings
from tests.cli.runner import crossmargin
from tests.docs.generated import ROOT

FOLDER = ROOT / "docs" / "deploy"
PREFIX = "CROSSMARGIN_"


def unit() -> dict[str, list[str]]:
    """Every value of each key of the unit."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (FOLDER / "crossmargin.service").read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


def container() -> str:
    """The container file without comments, each instruction on one line."""
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return lines.replace("\\\n", " ")


def settings_of(given: list[str]) -> dict[str, str]:
    """The settings among environment variables."""
    pairs = dict(text.split("=", 1) for text in given)
    return {name.removeprefix(PREFIX).lower(): v for name, v in pairs.items() if name.startswith(PREFIX)}


def test_the_unit_starts_a_command_that_there_is() -> None:
    """With options that it has, as a user of its own, who may write where it is told to write."""
    service = unit()
    [start] = service["ExecStart"]
    program, *arguments = start.split()
    assert PurePosixPath(program).name == "crossmargin"
    assert arguments[:2] == ["schedule", "run"]
    assert "--config" in crossmargin(*arguments[:2], "--help").out
    assert service["User"] == ["crossmargin"]
    written = settings_of(service["Environment"])
    assert written.keys() <= Settings.model_fields.keys()
    assert written["database"].startswith(f"/var/lib/{service['StateDirectory'][0]}/")
    assert written["cache"].startswith(f"/var/cache/{service['CacheDirectory'][0]}/")
    assert service["ProtectSystem"] == ["strict"]
    assert int(service["TimeoutStopSec"][0]) >= 120, "a slot that is being taken has its deadline"


def test_the_image_holds_the_package_and_nothing_of_the_folder_of_work() -> None:
    """What is copied exists, is named, and is all that the wheel is made of."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", container(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert copied == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", *packages}
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_writes_only_where_its_user_may() -> None:
    """The volume; the default command is the daemon."""
    found = container()
    stage = found[found.rindex("FROM") :].splitlines()
    [environment] = [line.removeprefix("ENV ") for line in stage if line.startswith("ENV ")]
    written = settings_of(environment.split())
    assert written.pop("config") == "/etc/crossmargin/config.toml"
    assert written.keys() <= Settings.model_fields.keys()
    assert all(path.startswith("/data/") for path in written.values())
    assert {"USER crossmargin", "VOLUME /data", 'CMD ["schedule", "run"]'} <= set(stage)
