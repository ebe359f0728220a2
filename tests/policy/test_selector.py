"""Selectors: those that the agent can read, and those that it cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest

from calicoctl.policy.documents.selector import SELECTOR_LENGTH_MAX, selector_fault

GOOD = [
    "",
    "  ",
    "all()",
    "! all()",
    'role == "web"',
    "role == 'web'",
    'role=="web"',
    "role != ''",
    'a.b/c-d_e == "x y"',
    "a == 'say \"hi\"'",
    'a == "it\'s"',
    'a == "back\\slash"',
    'env in {"test"}',
    "env in{'test', \"staging\"}",
    'env not in { "test" }',
    "has(role)",
    "has( role )",
    "!!has(role)",
    'has(a) && has(b) || c == "d" && !(has(e) || has(f))',
    "((has(a)))",
    # Words of the syntax are labels where only a label is allowed.
    'in in {"in"}',
    'not not in {"a"}',
    'has == "a"',
    'all == "a"',
    'hash == "a"',
    'inner in {"a"}',
    "has(in)",
    'a == "\u00e9"',
]

# selector | a part of the reason
BAD = [
    ("role", "incomplete"),
    ("&&", "character 1"),
    ('role = "web"', "character 6"),
    ("role == web", "a string in quotes"),
    ('role == "web', "character 9"),
    ('role == "web" extra', "`extra`"),
    ("role in {}", "a string in quotes"),
    ('role in {"a",}', "a string in quotes"),
    ('role in "a"', "`{`"),
    ('role inx {"a"}', "`inx`"),
    ('role notin {"a"}', "`notin`"),
    ("has (role)", "character 5"),
    ("has()", "a label"),
    ("all( )", "character 4"),
    ("has(role", "`)`"),
    ('(a == "b"', "`)`"),
    ('a == "b")', "the end"),
    ("a == 'b\" ", "character 6"),
    ('a == "say \\"hi\\""', "character 13"),
    ("a ==\t'b'", "character 5"),
    ("has(a) & has(b)", "character 8"),
    ("has(a) and has(b)", "`and`"),
    ('\u00e9 == "x"', "character 1"),
    ('"a" == "b"', '`"a"`'),
    ("!" * 5000, str(SELECTOR_LENGTH_MAX)),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_selector_that_the_agent_can_read(text: str) -> None:
    assert selector_fault(text) is None


@pytest.mark.parametrize(("text", "reason"), BAD)
def test_a_selector_that_the_agent_cannot_read(text: str, reason: str) -> None:
    assert reason in (selector_fault(text) or "")


def test_deep_nesting_is_allowed() -> None:
    assert selector_fault("(" * 1000 + "all()" + ")" * 1000) is None
    assert selector_fault("!" * 4000 + "all()") is None


def test_lark_is_imported_only_for_a_selector() -> None:
    code = (
        "import sys, calicoctl.policy.documents.rule_update, calicoctl.policy.documents.tags_document\n"
        "from calicoctl.policy.documents.agent_schema import agent_problems\n"
        "agent_problems({'action': 'allow', 'src_selector': ''})\n"
        "print('lark' in sys.modules)\n"
        "agent_problems({'action': 'allow', 'src_selector': 'has(a)'})\n"
        "print('lark' in sys.modules)\n"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout == "False\nTrue\n"
