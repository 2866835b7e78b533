"""Fetching, checking and caching what the kit runs on."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import threading
from pathlib import Path

import pytest

from tests.devnet import __main__ as command
from tests.devnet.artifacts import Artifact, compiled
from tests.devnet.cache import CACHE_VARIABLE, KIT, build_once, cache_root, prune
from tests.devnet.errors import DevnetError, DevnetUnavailable
from tests.devnet.packages import ANVIL_VARIABLE, Packed, anvil, executable, packages, pinned, unpack


def tarball(folder: Path, files: dict[str, bytes]) -> tuple[Path, str]:
    """A package's tarball and its integrity as npm writes it."""
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    return path, f"sha512-{digest}"


def test_a_package_is_unpacked_without_its_top_folder_and_only_in_part(tmp_path: Path) -> None:
    path, integrity = tarball(tmp_path, {"src/A.sol": b"A", "docs/B.md": b"B"})
    unpack(Packed("p", "1.0.0", integrity, ("src/",)), path, tmp_path / "out")
    found = [one.relative_to(tmp_path / "out").as_posix() for one in (tmp_path / "out").rglob("*.*")]
    assert found == ["src/A.sol"]


def test_a_package_with_other_content_than_pinned_is_refused(tmp_path: Path) -> None:
    path, _ = tarball(tmp_path, {"src/A.sol": b"A"})
    with pytest.raises(DevnetError, match=r"p@1\.0\.0 is not what packed\.json pins"):
        unpack(Packed("p", "1.0.0", "sha512-other", ()), path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_without_the_wanted_folder_is_refused(tmp_path: Path) -> None:
    path, integrity = tarball(tmp_path, {"src/A.sol": b"A"})
    with pytest.raises(DevnetError, match="holds none of"):
        unpack(Packed("p", "1.0.0", integrity, ("gone/",)), path, tmp_path / "out")


def test_every_pinned_package_is_in_the_cache() -> None:
    for package in pinned():
        assert any((packages() / package.name).iterdir()), package.name


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((KIT / "package-lock.json").read_text())["packages"]
    assert not [name for name, entry in locked.items() if "resolved" in entry]
    assert all("integrity" in entry for name, entry in locked.items() if name)


def test_without_node_js_the_install_says_in_one_sentence_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(ANVIL_VARIABLE, raising=False)
    assert command.main(["install"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Node.js 18 or newer" in said
    assert "install Node.js" in said
    assert not [one for one in (tmp_path / "cache").iterdir() if one.is_dir()], "nothing half-built is left"


def test_a_missing_npm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevnetUnavailable, match="'npm' was not found"):
        executable("npm")


def test_anvil_can_be_named_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "anvil"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv(ANVIL_VARIABLE, str(own))
    assert anvil() == str(own)
    monkeypatch.setenv(ANVIL_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(DevnetUnavailable, match="gone"):
        anvil()


def test_racing_builders_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    built: list[str] = []
    entered = threading.Event()

    def build(work: Path) -> None:
        built.append(work.name)
        entered.wait(0.2)
        (work / "file").write_text("whole")

    threads = [threading.Thread(target=build_once, args=("entry", build)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert (tmp_path / "entry" / "file").read_text() == "whole"


def test_a_failed_build_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    def fail(work: Path) -> None:
        (work / "half").write_text("")
        raise DevnetError("no")

    with pytest.raises(DevnetError, match="no"):
        build_once("entry", fail)
    assert not [one for one in cache_root().iterdir() if one.is_dir()]
    assert build_once("entry", Path.touch).is_dir()


def test_pruning_keeps_the_newest_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for age, name in enumerate(("world-new", "world-old", "world-oldest", "tools-old")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    prune("world-", keep=1)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["tools-old", "world-new"]


def test_linking_puts_addresses_in_place_and_names_a_missing_library() -> None:
    artifact = Artifact("A", (), "6001" + "_" * 40 + "6002", {"Lib": (2,)})
    assert artifact.linked({"Lib": "0x" + "Ab" * 20}) == "0x6001" + "ab" * 20 + "6002"
    with pytest.raises(DevnetError, match="A needs the library Lib"):
        artifact.linked({})


def test_an_interface_cannot_be_deployed() -> None:
    with pytest.raises(DevnetError, match="IPool has no code"):
        compiled("aave_v3_6")["IPool"].linked({})
