"""Installs the peers once into the cache folder, and runs each as a process that answers rounds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.worker import Task
from tests.devnet.cache import build_once, digest
from tests.devnet.packages import executable

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent
_NPM = ("package.json", "package-lock.json", ".npmrc")


def _viem() -> Path:
    def build(work: Path) -> None:
        for name in _NPM:
            shutil.copy(_HERE / name, work / name)
        command = [executable("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=work, check=True, capture_output=True)

    return build_once(f"viem-{digest(*((_HERE / name).read_bytes() for name in _NPM))}", build)


def _multicall_py() -> Path:
    wanted = _HERE / "requirements.txt"

    def build(work: Path) -> None:
        venv.create(work / "venv", with_pip=True)
        python = work / "venv" / "bin" / "python"
        command: list[str | Path] = [python, "-m", "pip", "install", "-qq", "--no-deps", "-r", wanted]
        subprocess.run(command, check=True)

    folder = build_once(f"multicall-py-{digest(wanted.read_bytes(), sys.version)}", build)
    return folder / "venv" / "bin" / "python"


def command(peer: str) -> list[str]:
    """How a peer is started: `multicall.py`, `web3.py batch`, `web3.py aggregate3`, `viem`, `viem 100000`."""
    name, _, way = peer.partition(" ")
    if name == "viem":
        return [executable("node"), str(_HERE / "viem.mjs"), str(_viem()), way or "default"]
    if name == "multicall.py":
        return [str(_multicall_py()), "-m", "benchmarks.peers.multicall_py"]
    return [sys.executable, "-m", "benchmarks.peers.web3_py", way]


@dataclass(frozen=True)
class Round:
    """What a round took, without its process and its pipes, and the digest of what it found."""

    seconds: float
    digest: str


class Peer:
    """A peer's process, prepared for one task."""

    def __init__(self, peer: str, task: Task) -> None:
        self.name = peer
        self._process = subprocess.Popen(
            command(peer), cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._send(json.dumps(asdict(task)))

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def run(self) -> Round:
        """One round. Raises RuntimeError where the peer has failed; it has said why on standard error."""
        assert self._process.stdout is not None
        self._send("{}")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        return Round(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
