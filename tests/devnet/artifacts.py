"""Compiled contracts: compiled by the kit from a recipe, or shipped inside of a package.

A recipe is a JSON file in `recipes/`: `compiler` (the name in `package.json`), `evmVersion`,
`optimizerRuns`, `viaIR` (optional), `remappings` (import prefix to package path) and `sources`
(package paths, or `devnet/...` for the kit's own files in `contracts/`).
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from tests.devnet.abi import Abi
from tests.devnet.cache import KIT, build_once, digest
from tests.devnet.errors import DevnetError
from tests.devnet.packages import executable, packages, packages_key, tools, tools_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eth_typing import ABIElement

_COMPILER = KIT / "compile.mjs"
_RECIPES = KIT / "recipes"
_OWN = KIT / "contracts"


@dataclass(frozen=True, eq=False)
class Artifact:
    """One compiled contract.

    `bytecode` is the creation code in hex without 0x, with placeholders where libraries go;
    `links` maps a library's name to the byte offsets of its address. An interface has no code.
    """

    name: str
    abi: tuple[ABIElement, ...]
    bytecode: str
    links: Mapping[str, tuple[int, ...]]

    @cached_property
    def interface(self) -> Abi:
        """The ABI, indexed once for all the contracts that have it."""
        return Abi(self.abi)

    def linked(self, libraries: Mapping[str, str]) -> str:
        """Creation code in hex with 0x, libraries filled in. Raises `DevnetError` if one is missing."""
        if not self.bytecode:
            raise DevnetError(f"{self.name} has no code: it is an interface or abstract")
        code = self.bytecode
        for library, offsets in self.links.items():
            if library not in libraries:
                raise DevnetError(f"{self.name} needs the library {library}")
            address = libraries[library].removeprefix("0x").lower()
            for offset in offsets:
                code = code[: 2 * offset] + address + code[2 * offset + 40 :]
        return "0x" + code


@dataclass(frozen=True)
class Bundle:
    """The contracts of one recipe or one package, by name."""

    name: str
    contracts: Mapping[str, Artifact]

    def __getitem__(self, name: str) -> Artifact:
        if name not in self.contracts:
            raise DevnetError(f"{self.name} has no contract {name}")
        return self.contracts[name]

    def errors(self) -> Abi:
        """The custom errors that any of these contracts declares."""
        return Abi([item for one in self.contracts.values() for item in one.abi if item["type"] == "error"])


def recipe_names() -> list[str]:
    """Names of all recipes, sorted."""
    return sorted(path.stem for path in _RECIPES.glob("*.json"))


@cache
def recipe_key(name: str) -> str:
    """Hash of everything that a recipe's result depends on, as it is when a process first asks."""
    recipe = (_RECIPES / f"{name}.json").read_bytes()
    # Own files may import each other, so a recipe that uses one depends on all of them.
    uses_own = any(source.startswith("devnet/") for source in json.loads(recipe)["sources"])
    own = [path.read_bytes() for path in sorted(_OWN.glob("**/*.sol"))] if uses_own else []
    return digest(tools_key(), packages_key(), _COMPILER.read_bytes(), recipe, *own)


def _compile(name: str) -> Path:
    def build(work: Path) -> None:
        recipe = _RECIPES / f"{name}.json"
        command: list[str | Path] = [
            executable("node"),
            _COMPILER,
            recipe,
            tools(),
            packages(),
            _OWN,
            work / "artifacts.json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            raise DevnetError(f"recipe {name} does not compile:\n{done.stderr.strip()[-4000:]}")

    return build_once(f"artifacts-{name}-{recipe_key(name)}", build) / "artifacts.json"


@cache
def compiled(name: str) -> Bundle:
    """Contracts of the recipe `name`, compiled on first use and cached on disk."""
    raw = json.loads(_compile(name).read_bytes())
    return Bundle(name, {contract: _artifact(contract, entry) for contract, entry in raw.items()})


@cache
def shipped(package: str, folder: str) -> Bundle:
    """Contracts whose artifacts a package ships in `folder`, in the layout of Hardhat."""
    found: dict[str, Artifact] = {}
    for path in sorted((packages() / package / folder).glob("**/*.json")):
        if path.name.endswith(".dbg.json"):
            continue
        entry = json.loads(path.read_bytes())
        if "abi" in entry and "bytecode" in entry:
            found.setdefault(path.stem, _artifact(path.stem, entry))
    if not found:
        raise DevnetError(f"{package} ships no artifacts in {folder}")
    return Bundle(package, found)


def _artifact(name: str, entry: Mapping[str, object]) -> Artifact:
    abi, bytecode, references = entry["abi"], entry["bytecode"], entry.get("linkReferences", {})
    if not (isinstance(abi, list) and isinstance(bytecode, str) and isinstance(references, dict)):
        raise DevnetError(f"{name} is not an artifact of a contract")
    links = {
        library: tuple(int(place["start"]) for place in places)
        for libraries in references.values()
        for library, places in libraries.items()
    }
    return Artifact(name, tuple(abi), bytecode.removeprefix("0x"), links)
