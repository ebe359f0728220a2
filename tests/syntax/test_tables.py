"""Tables derived from the grammar: built with the package, never outdated, and never read from a user's folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from calicoctl.syntax.grammar import STARTS, compile_grammar
from calicoctl.syntax.loaded_grammar import load_parser
from calicoctl.syntax.tables.build import is_current
from docs.grammar_shapes import read_grammar, words

ROOT = Path(__file__).resolve().parents[2]

# Runs the program on its arguments, then reports whether Lark was imported.
PROGRAM = """
import sys
from calicoctl.cli.main import main
status = main()
print("lark" in sys.modules, file=sys.stderr)
sys.exit(status)
"""
TIMEOUT = 60.0  # seconds


@pytest.fixture(scope="module")
def keywords_after_rule() -> list[str]:
    """The keywords after `profile <PROFILE> rule`, read from the source of the grammar and not from its tables."""
    statements = [[word.text for word in words(shape)] for shape in read_grammar("profile.lark").rules.values()]
    keywords = [statement[2] for statement in statements if statement[1:2] == ["rule"]]
    assert "json" in keywords
    return sorted(set(keywords))


class Installation:
    """A copy of the package as it is installed, in a separate folder, with an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.package = folder / "site" / "calicoctl"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "calicoctl", self.package, ignore=ignored)
        shutil.copytree(ROOT / "grammar", self.package / "grammar", ignore=ignored)
        self.tables = self.package / "syntax" / "tables"

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        system = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONPATH": str(self.package.parent)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command,
            cwd=self.home,
            env=system | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

    def keywords(self, **variables: str) -> tuple[list[str], bool]:
        """The keywords that completion offers after `rule`, sorted, and whether Lark was imported for them."""
        words, has_lark = self.program("__complete", "profile", "WEB", "rule", "", **variables)
        return sorted(words), has_lark

    def program(self, *words: str, **variables: str) -> tuple[list[str], bool]:
        """The words that the program prints, and whether it imported Lark."""
        result = self.python("-c", PROGRAM, *words, **variables)
        return result.stdout.split(), result.stderr.endswith("True\n")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def rename_json_keyword(text: str, installation: Installation) -> None:
    """Replace the keyword `json` of the grammar by another text."""
    grammar = installation.package / "grammar" / "profile.lark"
    changed = grammar.read_text(encoding="utf-8").replace('_JSON: "json"', f'_JSON: "{text}"')
    grammar.write_text(changed, encoding="utf-8")


def test_the_tables_of_the_checkout_are_built_and_current() -> None:
    assert is_current(), "run `python -m calicoctl.syntax.tables.build`"


@pytest.mark.parametrize("file", STARTS)
def test_a_built_parser_is_the_compiled_one(file: str) -> None:
    built, compiled = load_parser(STARTS[file][0]), compile_grammar(file)
    assert built is not compiled
    assert {str(terminal.name): terminal.pattern.to_regexp() for terminal in built.terminals} == {
        str(terminal.name): terminal.pattern.to_regexp() for terminal in compiled.terminals
    }
    assert [*map(str, built.rules)] == [*map(str, compiled.rules)]
    assert built.options.start == compiled.options.start


def test_a_parser_for_another_release_of_lark_is_compiled_instead(installation: Installation) -> None:
    table = installation.tables / "profile.lark.parser.json"
    header, _, payload = table.read_text(encoding="utf-8").partition("\n")
    assert '"lark": "' in payload
    table.write_text(header + "\n" + payload.replace('"lark": "', '"lark": "0.'), encoding="utf-8")
    imports = "from calicoctl.syntax import grammar, loaded_grammar"
    code = f"{imports}; loaded_grammar.load_parser(); print(grammar.compile_grammar.cache_info())"
    assert "currsize=1" in installation.python("-c", code).stdout


def test_an_installation_needs_neither_lark_nor_a_cache(
    installation: Installation, keywords_after_rule: list[str]
) -> None:
    assert installation.keywords() == (keywords_after_rule, False)
    assert installation.program("profile", "WEB", "tag", "sho")[1] is True
    assert list(installation.home.rglob("*")) == []


def test_an_old_table_is_not_used_after_a_change_of_the_grammar(
    installation: Installation, keywords_after_rule: list[str]
) -> None:
    rename_json_keyword("text", installation)
    expected = sorted(word.replace("json", "text") for word in keywords_after_rule)
    assert installation.keywords() == (expected, True)
    assert installation.python("-m", "calicoctl.syntax.tables.build").returncode == 0
    assert installation.keywords() == (expected, False)


@pytest.mark.parametrize("module", ["grammar.py", "tables/automaton.py", "tables/derivation.py"])
def test_a_change_of_the_code_that_derives_tables_makes_them_outdated(
    installation: Installation, module: str, keywords_after_rule: list[str]
) -> None:
    with (installation.package / "syntax" / module).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert installation.keywords() == (keywords_after_rule, True)


def test_missing_tables_are_derived_and_not_written(installation: Installation, keywords_after_rule: list[str]) -> None:
    for table in installation.tables.glob("*.json"):
        table.unlink()
    assert installation.keywords() == (keywords_after_rule, True)
    assert list(installation.tables.glob("*.json")) == []


def test_the_cache_folder_of_the_user_is_not_read(
    installation: Installation, tmp_path: Path, keywords_after_rule: list[str]
) -> None:
    cache = tmp_path / "cache" / "calicoctl"
    cache.mkdir(parents=True)
    for table in installation.tables.glob("*.json"):
        os.mkfifo(cache / table.name)  # to open one would wait for a writer
    assert installation.keywords(XDG_CACHE_HOME=str(cache.parent)) == (keywords_after_rule, False)
