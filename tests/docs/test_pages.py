"""What the pages show, list and link to is what is there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator import settings
from aggregator.model import errors
from aggregator.model.errors import CrossmarginError
from aggregator.risk.parameters import parameters
from aggregator.settings import Settings
from cli import shocks
from cli.exits import Exit
from tests.docs.generated import PAGES, ROOT, filled, leaf_commands

BINARY = {".cmrec"}
_BLOCK = re.compile(r"(?:<!-- from (?P<file>\S+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)```", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLE = ("tests/docs/liquity_v1/adapter.py", "tests/docs/liquity_v1/margin.py")


def text_files() -> list[Path]:
    """Every text file that git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.splitlines()]
    return sorted(path for path in found if path.is_file() and path.suffix not in BINARY)


def pages() -> list[Path]:
    """Every Markdown file."""
    return [path for path in text_files() if path.suffix == ".md"]


def read(name: str) -> str:
    """A file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> Iterator[tuple[str | None, str]]:
    """The file that a block of code is said to come from, and the code."""
    for match in _BLOCK.finditer(read(name)):
        if match["language"] == language:
            yield match["file"], match["code"]


def in_the_example(code: str) -> str:
    """Code of the page as it is in the tests, where the example lives."""
    return code.replace("adapters.liquity_v1", "tests.docs.liquity_v1")


def test_code_of_the_adapter_guide_is_real() -> None:
    """Every block is an excerpt of a file that is type-checked and run."""
    found = list(blocks("docs/adapters.md", "python"))
    assert len(found) > 10
    for file, code in found:
        assert file is not None, f"say where this comes from:\n{code}"
        assert in_the_example(code).strip() in read(file), f"{file} has no such lines:\n{code}"


def test_the_adapter_guide_shows_the_whole_example() -> None:
    """A reader who copies the blocks has a working adapter."""
    shown = [in_the_example(code) for _, code in blocks("docs/adapters.md", "python")]
    lines = {line.strip() for code in shown for line in code.splitlines()}
    for file in EXAMPLE:
        for line in read(file).splitlines():
            assert line.strip() in lines or not line.strip(), f"{file}: {line}"
    deployments = [code for file, code in blocks("docs/adapters.md", "toml") if file is not None]
    assert deployments == [read("tests/docs/liquity_v1/deployments.toml")]


def test_generated_parts_are_up_to_date() -> None:
    """`python -m tests.docs.generated` writes them again."""
    for name in PAGES:
        text = read(name)
        assert "<!-- generated: " in text
        assert filled(text) == text, f"{name}: run python -m tests.docs.generated"


def test_every_command_and_option_is_documented() -> None:
    """In the help, which the page is made from: no command, argument or option without a sentence."""
    commands = list(leaf_commands())
    assert len(commands) > 8
    page = read("docs/commands.md")
    for words, command in commands:
        assert command.help, words
        assert f"\n## {words}\n" in page
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{words} {parameter.name}"


def test_exit_codes_are_those_of_the_code() -> None:
    """Numbers and names, in the page and in the epilog of --help."""
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", read("docs/exit-codes.md"), re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(code.value, code.name) for code in Exit]


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    """Each class under its base, in the docstring of model/errors, and none missing."""
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([│├└─\s]*)([A-Z]\w+)(\s{2,}\S.*)?$", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        above[depth:] = [match[2]]
        if depth:
            drawn[match[2]] = above[depth - 1]
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    real = {
        kind.__name__: kind.__bases__[0].__name__
        for kind in classes
        if issubclass(kind, CrossmarginError) and kind is not CrossmarginError
    }
    assert drawn == real


def test_decisions_are_short_and_listed() -> None:
    """Under 60 lines each, numbered, named in the index."""
    folder = ROOT / "docs" / "decisions"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert records
    index = read("docs/decisions/README.md")
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers)
    for path in records:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 60, path.name
        assert lines[0].startswith(f"# {path.name[:4]} "), path.name
        assert f"]({path.name})" in index, f"{path.name} is not in the index"


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings have."""
    prose = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_internal_links_lead_somewhere(page: Path) -> None:
    """Files exist, and headings that are linked to."""
    for target in _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(file), f"{target}: no such heading"


def test_no_machine_or_registry_is_named() -> None:
    """Paths of whoever wrote it, and hosts that a lock file would record."""
    # Put together, so that this file does not name them either.
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("registry", "npmjs"), ("deb", "debian"))]
    hosts.append("python" + "hosted")
    places = [rf"(?<![\w.}}])/{name}/\w" for name in ("work", "root", "home", "tmp", "Users")]
    forbidden = re.compile("|".join([*map(re.escape, hosts), *places]))
    files = text_files()
    assert len(files) > 100
    for path in files:
        match = forbidden.search(path.read_text(encoding="utf-8"))
        assert match is None, f"{path.relative_to(ROOT)} names {match[0]!r}"


def test_the_configuration_that_is_shown_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file, with its secret from the environment; and the risk parameters."""
    monkeypatch.setenv("ETHEREUM_KEY", "12345678")
    monkeypatch.setenv("GRAPH_KEY", "87654321")
    file, own = (tomllib.loads(code) for _, code in blocks("docs/configuration.md", "toml"))
    read_back = settings.build(file, "docs/configuration.md")
    assert read_back.chains[1].endpoints[0].url.endswith("/v2/12345678")
    assert read_back.default_chains == (1, 10)
    assert "/api/87654321/" in read_back.subgraphs[0].url
    assert read_back.deployments["aave_v3"][0].name == "Aave on my fork"
    assert parameters(settings.shipped("parameters.toml"), own).assets["ETH"].scan_range == 0.25


def test_the_scenarios_that_are_shown_work(tmp_path: Path) -> None:
    """The file of docs/stress.md."""
    [(_, shown)] = blocks("docs/stress.md", "toml")
    (tmp_path / "scenarios.toml").write_text(shown, encoding="utf-8")
    [(scenario, title)] = shocks.scenarios_of(tmp_path / "scenarios.toml")
    assert scenario.moves == {"ETH": -0.25, "BTC": -0.15, "lst": -0.06}
    assert title


def test_every_setting_is_documented() -> None:
    """`shipped_deployments` is what recordings use, not a setting of a user's file."""
    named = set(re.findall(r"^\| `(\w+)` \|", read("docs/configuration.md"), re.MULTILINE))
    assert named == set(Settings.model_fields) - {"shipped_deployments"}
