"""Plain standard technical English: words and names that the project does not use, in code, messages and documents.

A test cannot see whether a sentence is plain. It finds what has a standard word, so that it does not come back.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("calicoctl", "grammar", "tests", "benchmarks", "chaos", "fuzz", "docs")
# The page of messages is generated from the catalogue, which is examined; this file contains the words themselves.
EXCLUDED = {Path("docs/messages.md"), Path("tests/test_wording.py")}

# A word, as a regular expression, and what to write instead.
WORDS = {
    r"nobody|somebody|anybody|whoever": "the thing itself, or the passive",
    r"shall": "must, should",
    r"mend(?:s|ed|ing)?": "fix, correct",
    r"judg(?:e|es|ed|ing)|judge?ments?": "validate, check, decide",
    r"anew": "again",
    r"parted": "separated",
    r"beside": "next to, in addition to",
    r"in front of": "before",
    r"stood": "was",
    r"tells|told": "reports, prints, states",
    r"want of": "missing",
    r"on the quiet": "silently",
    r"is well": "is healthy",
    r"plain space": "space (U+0020)",
    r"ends too early": "incomplete",
    r"cannot stand": "unexpected",
    r"stands? (?:twice|for|behind|before|in)": "is, is given, means",
    r"particulars": "fields",
}
_DIALECT = re.compile("|".join(rf"(?P<w{number}>\b(?:{word})\b)" for number, word in enumerate(WORDS)), re.IGNORECASE)
_ADVICE = tuple(WORDS.values())
# Names that give no type and no role.
NAMES = {"each", "found", "told", "said", "rest", "kept", "meant", "is_meant", "is_whole"}

# What is quoted is not ours: the words of users, other programs and the specification.
_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"")


def files(*suffixes: str) -> list[Path]:
    """The project's files with these suffixes, relative to its root."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.glob("*.*"))
    relative = {path.relative_to(ROOT) for path in paths if path.suffix in suffixes}
    return sorted(path for path in relative - EXCLUDED if "golden" not in path.parts)


def comments_and_docstrings(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are written for readers of Python code, with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), node.lineno)


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a page outside its blocks of code, with their numbers."""
    is_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, line


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are prose, with their numbers."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".py":
        return comments_and_docstrings(text)
    if path.suffix == ".lark":
        return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.startswith("//"))
    return prose(text)


def names_of(text: str) -> Iterator[tuple[int, str]]:
    """The names that a module defines, local ones included, with their lines."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def test_texts_use_standard_words() -> None:
    findings = [
        f"{path}:{number}: for `{match[0]}` write: {_ADVICE[int((match.lastgroup or '')[1:])]}"
        for path in files(".py", ".md", ".lark")
        for number, line in lines_of(path)
        for match in _DIALECT.finditer(_QUOTED.sub("", line))
    ]
    assert findings == []


def test_names_state_a_type_or_a_role() -> None:
    findings = [
        f"{path}:{number}: name `{name}` after what it holds"
        for path in files(".py")
        for number, name in names_of((ROOT / path).read_text(encoding="utf-8"))
        if name in NAMES
    ]
    assert findings == []


def test_messages_use_standard_words() -> None:
    text = (ROOT / "calicoctl" / "diagnostics" / "messages.py").read_text(encoding="utf-8")
    assert [match[0] for match in _DIALECT.finditer(text)] == []


@pytest.mark.parametrize("text", ["Nobody reads it.", "it stands for a rule", "what was told", "the mended line"])
def test_the_words_are_found(text: str) -> None:
    assert _DIALECT.search(text)
