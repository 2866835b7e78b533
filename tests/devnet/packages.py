"""Fetches what the kit runs and compiles from the npm registry.

The node and the compilers come through `npm ci` and `package-lock.json`. Contract packages come
through `npm pack`: only their tarball is wanted, and a plain install of several of them pulls in
whole development frameworks or hangs on another host. Their pinned versions and sha512 digests
are in `packed.json`; `only` limits what is unpacked to these folders or files of a package.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.devnet.cache import KIT, build_once, digest
from tests.devnet.errors import DevnetError, DevnetUnavailable

ANVIL_VARIABLE = "ANVIL"
_NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
_PACKED = KIT / "packed.json"
_ANVIL = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")


@dataclass(frozen=True)
class Packed:
    """One pinned contract package; `only` are path prefixes inside of it, empty for everything."""

    name: str
    version: str
    integrity: str
    only: tuple[str, ...]


def executable(name: str) -> str:
    """Path of `node` or `npm`. Raises `DevnetUnavailable` if it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise DevnetUnavailable(
            f"The local node of the tests needs Node.js 18 or newer with npm, and {name!r} was not found: "
            "install Node.js (Debian and Ubuntu: apt-get install nodejs npm) and run the command again."
        )
    return found


def _npm(arguments: list[str], folder: Path) -> str:
    # npm is a Node.js program: without `node` it fails with a message about `env`.
    executable("node")
    done = subprocess.run(
        [executable("npm"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise DevnetError(f"npm {' '.join(arguments)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def tools_key() -> str:
    """Hash of what `npm ci` installs from."""
    return digest(*((KIT / name).read_bytes() for name in _NPM_FILES))


def packages_key() -> str:
    """Hash of the pinned contract packages."""
    return digest(_PACKED.read_bytes())


def tools() -> Path:
    """Folder that holds the `node_modules` of the node and the compilers, installed if needed."""

    def build(work: Path) -> None:
        for name in _NPM_FILES:
            shutil.copy(KIT / name, work / name)
        _npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], work)

    return build_once(f"tools-{tools_key()}", build)


def packages() -> Path:
    """Folder that holds one sub-folder per contract package, fetched and checked if needed."""

    def build(work: Path) -> None:
        wanted = pinned()
        with tempfile.TemporaryDirectory() as name:
            downloads = Path(name)
            specs = [f"{package.name}@{package.version}" for package in wanted]
            _npm(["pack", "--ignore-scripts", "--json", "--pack-destination", name, *specs], downloads)
            for package in wanted:
                unpack(package, downloads / tarball_name(package), work / package.name)

    return build_once(f"packages-{packages_key()}", build)


def pinned() -> tuple[Packed, ...]:
    """The contract packages of `packed.json`."""
    listed = json.loads(_PACKED.read_text())["packages"]
    return tuple(
        Packed(entry["name"], entry["version"], entry["integrity"], tuple(entry.get("only", ())))
        for entry in listed
    )


def tarball_name(package: Packed) -> str:
    """File name that `npm pack` gives a package."""
    return f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}.tgz"


def unpack(package: Packed, tarball: Path, target: Path) -> None:
    """Check a tarball against its pinned digest, then unpack it without its top folder.

    Raises `DevnetError` if the content differs from what is pinned, or `only` matches nothing.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise DevnetError(f"{package.name}@{package.version} is not what packed.json pins: got {found}")
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        members = []
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2]
            if member.isfile() and (not package.only or member.name.startswith(package.only)):
                members.append(member)
        if not members:
            raise DevnetError(f"{package.name}@{package.version} holds none of {package.only}")
        archive.extractall(target, members=members, filter="data")


def anvil() -> str:
    """Path of the node's binary: the variable ANVIL, else the one from the npm registry.

    Raises `DevnetUnavailable` where neither can be used.
    """
    override = os.environ.get(ANVIL_VARIABLE)
    if override:
        found = shutil.which(override)
        if found is None:
            raise DevnetUnavailable(
                f"{ANVIL_VARIABLE} names {override!r}, which is no program that can be run."
            )
        return found
    binary = tools() / _ANVIL
    if not binary.is_file():
        raise DevnetUnavailable(
            "The npm registry's anvil is for Linux on x86-64 only: install Foundry's anvil and name it in "
            f"the variable {ANVIL_VARIABLE}."
        )
    binary.chmod(0o755)
    return str(binary)
