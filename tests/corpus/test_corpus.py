r"""The cases of the language: one line a case, in the files `*.t` of this folder.

Every field but the last ends at a `;`:

    input;ok;canonical                  valid, without warnings
    input;warn;canonical;codes          valid, with warnings
    input;fail;codes;column             refused, without a correction
    input;fail;codes;column;hint        refused, with the correction
    input;fail;codes;column;~           refused, with advice in words, since no statement expresses the input

`input` is a statement, or a rule if its first word is `allow` or `deny`. A rule is read as the rule of
`profile P rule add inbound ...`; this prefix is then removed from its columns and hints.

`canonical` is the canonical text of the input: the tree as the printer writes it, its rule replaced by the
validated one (networks masked and with their length, ports as they are stored, empty peers left out) and its
position by the number. A canonical text is read again, and must be its own canonical text.

`codes` are those of all errors and warnings, in their order and separated by commas; `column` is the 1-based
column, in characters of the input, of the first of them.

`hint` is the correction as it is printed. Every hint without a placeholder `<...>` is read again, and must be
valid.

`\;`, `\\`, `\t`, `\uXXXX` and `\UXXXXXXXX` are escapes for a character in any field. Empty lines and lines that
begin with `#` are skipped; a case with an empty input begins with `;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Correction, Diagnostic, Refused
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.engine.frontend.statements import ValidatedStatement, read_statement
from calicoctl.language.protocols import OTHER_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS
from calicoctl.policy import canonical_words
from calicoctl.policy import statement as valid
from calicoctl.policy.rule_text import syntax_of
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem
from tests.script.test_corpus import OF_SCRIPTS, open_file, open_script
from tests.support.parsing import parse_rule_node, parse_statement_node

RULE_PREFIX = "profile P rule add inbound "
FOLDER = Path(__file__).parent

# Errors in the arguments of a command line, reported before there is a text; see `test_command_line_diagnostics`.
OF_ARGUMENTS = {"E0113", "E0114", "E0115"}
# Errors in very long texts (`test_hostile_scripts` and `test_budgets` in tests/cli/hostile_input/).
OF_SIZE = {"E0135", "E0136", "E0154", "E0155"}
# Errors in scripts that include others (tests/cli/running/test_run_includes.py).
OF_INCLUDES = {"E0149", "E0150", "E0151", "E0153"}


@dataclass(frozen=True)
class Case:
    """One line of a corpus file, or a case of a protocol."""

    where: str
    text: str
    verdict: str
    fields: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """The words that make a statement of the input."""
        return RULE_PREFIX if re.match(r"[ \t]*(?:allow|deny)(?!\S)", self.text) else ""

    @property
    def hint(self) -> str | None:
        """The statement that is expected as a hint, without the prefix; None for advice, and without a hint."""
        has_statement = self.verdict == "fail" and len(self.fields) == 3 and "<" not in self.fields[2]
        return self.fields[2] if has_statement and self.fields[2] != "~" else None


_ESCAPE = re.compile(r"\\(?:(;)|(\\)|(t)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")


def _unescape(field: str) -> str:
    def character(match: re.Match[str]) -> str:
        semicolon, backslash, tab, short, long = match.groups()
        return semicolon or backslash or (tab and "\t") or chr(int(short or long, 16))

    assert "\\" not in _ESCAPE.sub("", field), f"an unknown escape in {field!r}"
    return _ESCAPE.sub(character, field)


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a corpus file, in order."""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line and not line.startswith("#"):
            text, verdict, *fields = (_unescape(field) for field in re.findall(r"((?:\\.|[^;\\])*)(?:;|\Z)", line)[:-1])
            yield Case(f"{path.name}:{number}", text, verdict, tuple(fields))


def cases_of_protocols() -> Iterator[Case]:
    """The cases that every protocol has."""
    statement = "profile WEB rule add inbound"
    for name in PROTOCOLS:
        yield Case(f"{name}:alone", f"allow {name}", "ok", (f"allow {name}",))
        yield Case(f"{name}:upper case", f"allow {name.upper()}", "fail", ("E0103", "7", f"allow {name}"))
        yield Case(f"{name}:proto", f"allow proto {name}", "fail", ("E0162", "7", f"allow {name}"))
        iptables = f"{statement} -p {name} -j ACCEPT"
        yield Case(f"{name}:iptables", iptables, "fail", ("E0165", "30", f"{statement} allow {name}"))
    for name in PORT_PROTOCOLS:
        match = f"allow {name} from ports 1024:65535 tag A to ports 80,443 cidr 10.0.0.0/8"
        yield Case(f"{name}:ports", match, "ok", (match,))
        rule, after = f"allow {name} to ports 80", str(8 + len(name))
        yield Case(f"{name}:port first", f"allow 80/{name}", "fail", ("E0166", "7", rule))
        yield Case(f"{name}:port last", f"allow {name}/80", "fail", ("E0166", "7", rule))
        yield Case(f"{name}:without to", f"allow {name} ports 80", "fail", ("E0105", after, rule))
        yield Case(f"{name}:type", f"allow {name} type 8", "fail", ("E0101", after))
    for name in OTHER_PROTOCOLS:
        yield Case(f"{name}:alone", f"allow {name}", "fail", ("E0161", "7", "~"))
        yield Case(f"{name}:ports", f"allow {name} to ports 80", "fail", ("E0161", "7", "~"))
        yield Case(f"{name}:iptables", f"{statement} -p {name} -j ACCEPT", "fail", ("E0165", "30"))


CASES = [
    *(case for path in sorted(FOLDER.glob("*.t")) for case in read_cases(path)),
    *cases_of_protocols(),
]


def canonical(text: str, reading: ValidatedStatement) -> str:
    """The canonical text of a valid statement."""
    node = parse_statement_node(Source("corpus", text))
    statement = reading.statement
    if isinstance(node, ast.RuleAdd | ast.RuleRemove | ast.Expect | ast.ExpectAll):
        assert isinstance(statement, valid.AddRule | valid.RemoveRule | valid.ExpectVerdict | valid.ExpectVerdictOfAll)
        node = replace(node, rule=syntax_of(statement.rule))
    if isinstance(node, ast.Trace):
        # As the formatter spells it; a match alone has no other canonical text.
        node = canonical_words.canonical(node)
    if isinstance(node, ast.RuleAdd | ast.RuleRemoveAt) and node.at is not None:
        assert isinstance(statement, valid.AddRule | valid.RemoveRuleAt)
        node = replace(node, at=ast.Word(str(statement.position)))
    return printer.statement(node)


def codes(diagnostics: tuple[Diagnostic, ...]) -> str:
    return ",".join(diagnostic.code for diagnostic in diagnostics)


def _is_statement(hint: str) -> bool:
    """Whether a hint is a statement, perhaps with a placeholder `<...>`, and not advice."""
    return re.match(r"(?:(?:\./)?calicoctl )?profile |define |include ", hint) is not None


def answer(case: Case) -> tuple[str, ...]:
    """The verdict and the fields after it, as they should be in the case's line."""
    text = case.prefix + case.text
    try:
        reading = read_statement(Source("corpus", text))
    except Refused as refused:
        (*_, hint) = (None, *(diagnostic.hint for diagnostic in refused.diagnostics if diagnostic.hint is not None))
        span = refused.diagnostics[0].span
        assert span is not None
        column = str(span.column - len(case.prefix))
        hints = () if hint is None else (hint.removeprefix(case.prefix) if _is_statement(hint) else "~",)
        return "fail", codes(refused.diagnostics), column, *hints
    shown = canonical(text, reading).removeprefix(case.prefix)
    return ("warn", shown, codes(reading.warnings)) if reading.warnings else ("ok", shown)


@pytest.mark.parametrize("case", CASES, ids=[case.where for case in CASES])
def test_case(case: Case) -> None:
    assert answer(case) == (case.verdict, *case.fields)
    if case.verdict != "fail":
        verdict, shown, *warned = answer(replace(case, text=case.fields[0]))
        # W0206 remains: the canonical text of a network that matches no packet matches none either.
        assert (shown, warned in ([], ["W0206"]), verdict == "warn") == (case.fields[0], True, warned != [])
    elif case.hint is not None:
        assert answer(replace(case, text=case.hint))[0] in ("ok", "warn")


@pytest.mark.parametrize("case", [case for case in CASES if case.verdict == "fail"], ids=lambda case: case.where)
def test_the_edits_of_a_correction_lead_to_its_text(case: Case) -> None:
    text = case.prefix + case.text
    with pytest.raises(Refused) as caught:
        read_statement(Source("corpus", text))
    for fix in (diagnostic.fix for diagnostic in caught.value.diagnostics):
        if isinstance(fix, Correction):
            edited = text
            for edit in sorted(fix.edits, key=lambda edit: -edit.span.start):
                edited = edited[: edit.span.start] + edit.text + edited[edit.span.end :]
            wanted = read_statement(Source("corpus", fix.text)).statement
            assert repr(read_statement(Source("corpus", edited)).statement) == repr(wanted)


@pytest.mark.parametrize("case", [case for case in CASES if case.prefix], ids=lambda case: case.where)
def test_a_rule_is_a_rule_on_its_own(case: Case) -> None:
    try:
        statement = parse_statement_node(Source("corpus", case.prefix + case.text))
    except SyntaxProblem:
        statement = None
    if isinstance(statement, ast.RuleAdd) and statement.at is None:
        assert parse_rule_node(Source("corpus", case.text)) == statement.rule
    else:
        with pytest.raises(SyntaxProblem):
            parse_rule_node(Source("corpus", case.text))


# A peer without `from` or `to` is corrected by the direction of the rule, which a block has in another line.
_BY_DIRECTION = {"allow 10.0.0.0/8", "allow tcp 10.0.0.0/8", "allow tag A", "allow cidr 10.0.0.0/8"}


def _diagnostics_of(text: str, line: int, prefix: str) -> list[tuple[str, int, int, str]]:
    """The diagnostics of a script: code, line and column counted from `line` and after `prefix`, and hint."""
    script = read_scripts([Source("script", text)], open_file, open_script=open_script)
    return [
        (
            diagnostic.code,
            diagnostic.span.line - line,
            diagnostic.span.column - len(prefix),
            (diagnostic.hint or "").removeprefix(prefix),
        )
        for diagnostic in script.diagnostics
        if diagnostic.span is not None
    ]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.prefix and case.verdict == "fail" and case.text not in _BY_DIRECTION],
    ids=lambda case: case.where,
)
def test_a_rule_has_the_same_diagnostics_in_a_block_and_in_a_statement(case: Case) -> None:
    in_block = f"profile P {{\ntags\ninbound {{\n{case.text}\n}}\noutbound {{}}\n}}\n"
    assert _diagnostics_of(in_block, 4, "") == _diagnostics_of(f"{case.prefix}{case.text}\n", 1, case.prefix)


def test_no_case_is_given_twice() -> None:
    texts = [case.text for case in CASES]
    repeated = sorted({text for text in texts if texts.count(text) > 1})
    assert repeated == [], "delete all but one of the cases with these inputs in tests/corpus/*.t"


def test_every_error_and_warning_of_the_language_has_a_case() -> None:
    tested = {code for case in CASES for field in case.fields[:2] for code in field.split(",")}
    of_the_language = {code for code in messages.kinds() if code.startswith(("E01", "E02", "W02"))}
    missing = of_the_language - OF_ARGUMENTS - OF_SCRIPTS - OF_INCLUDES - OF_SIZE - tested
    assert missing == set(), f"add a case for each of these codes to a file tests/corpus/*.t: {sorted(missing)}"
