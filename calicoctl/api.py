"""What programs may build on: statements and scripts as trees, rules and their JSON, and what a script would change.

All of it can be imported from `calicoctl` itself. Nothing here prints or writes; what is wrong is raised as `Refused`,
with the diagnostics that the command line would print (`calicoctl.diagnostics.render` draws them).
"""

from __future__ import annotations

from contextlib import closing

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose, render
from calicoctl.engine.diff import ProfileDiff, profile_diffs, unified
from calicoctl.engine.evaluate import ScriptPlan
from calicoctl.engine.frontend.mistakes import explain
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.engine.frontend.statements import read_rule, validate
from calicoctl.engine.runs.run import plan_script
from calicoctl.layout.opening import open_profiles
from calicoctl.policy.documents import rule_json
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.rule import Rule
from calicoctl.policy.rule_text import rule_text
from calicoctl.source import Source, Span
from calicoctl.store.deadline import Deadline
from calicoctl.store.settings import resolve
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem, parse
from calicoctl.syntax.scripts.reader import StatementItem, read_script

__all__ = [
    "Diagnostic",
    "ProfileDiff",
    "Refused",
    "Rule",
    "check_rules",
    "parse_rule",
    "parse_script",
    "parse_statement",
    "plan",
    "print_rule",
    "print_statement",
    "render",
    "rule_from_json",
    "rule_to_json",
    "unified_diff",
]


def parse_statement(text: str, name: str = "statement") -> ast.StatementNode:
    """Parse and validate one statement, as it stands in a script: `profile WEB rule add inbound allow`.

    Args:
        text: The statement.
        name: How diagnostics call the text.

    Raises:
        Refused: It is no sound statement.
    """
    extent = Span(Source(name, text), 0, len(text))
    try:
        node = parse(extent, "statement")
    except SyntaxProblem as problem:
        raise Refused(explain(problem)) from None
    assert isinstance(node, ast.StatementNode)  # the start says so
    validate(node, extent)
    return node


def parse_script(text: str, name: str = "script") -> tuple[ast.StatementNode, ...]:
    """Parse and validate a script; blocks are statements, too.

    Args:
        text: The script. It can include no other file, and name none.
        name: How diagnostics call the text.

    Raises:
        Refused: What is wrong with it, all of it at once.
    """
    script = read_scripts([Source(name, text)], _no_file)
    if script.has_errors:
        raise Refused([each for each in script.diagnostics if each.is_error])
    return tuple(item.node for item in read_script(Source(name, text)) if isinstance(item, StatementItem))


def print_statement(statement: ast.StatementNode) -> str:
    """A statement as canonical text; what parses to it again."""
    return printer.statement(statement)


def parse_rule(text: str, name: str = "rule") -> Rule:
    """Parse and validate a rule: `allow tcp from tag WEB to ports 5432`.

    Raises:
        Refused: It is no sound rule.
    """
    return read_rule(Source(name, text))


def print_rule(rule: Rule) -> str:
    """A rule as canonical text; what parses to it again."""
    return rule_text(rule)


def rule_to_json(rule: Rule) -> dict[str, object]:
    """A rule as the JSON object that is stored for it."""
    return rule_json.to_json(rule)


def rule_from_json(value: object) -> Rule | None:
    """The rule that a JSON object stands for; None when the language cannot say it."""
    return rule_json.from_json(value)


def check_rules(text: str, profile: str, name: str = "rules") -> tuple[Diagnostic, ...]:
    """Judge a rules document, as `rule update` reads it.

    Args:
        text: JSON with the lists `inbound_rules` and `outbound_rules`.
        profile: The profile that it is for.
        name: How diagnostics call the text.

    Returns:
        Warnings about what the agent takes for something else, or ignores.

    Raises:
        Refused: What the agent would drop the profile for.
    """
    _, warnings = read_update(Source(name, text), profile)
    return warnings


def plan(script: str, datastore: str, *, name: str = "script", timeout: float = 30.0) -> ScriptPlan:
    """What a script would change in a datastore; nothing is written.

    Args:
        script: The script. It can include no other file, and name none.
        datastore: A URL, as `--datastore` takes it.
        name: How diagnostics call the script.
        timeout: How many seconds the datastore may take.

    Raises:
        Refused: The script or the datastore's URL is wrong, or the script cannot be done there.
        calicoctl.store.interface.DatastoreError: The datastore cannot be used.
    """
    read = read_scripts([Source(name, script)], _no_file)
    if read.has_errors:
        raise Refused([each for each in read.diagnostics if each.is_error])
    deadline = Deadline(timeout)
    with closing(open_profiles(resolve(datastore, {}), deadline)) as store:
        planned = plan_script(read.steps, store, deadline)
    if planned.has_errors:
        raise Refused([each for each in planned.diagnostics if each.is_error])
    return planned


def unified_diff(planned: ScriptPlan) -> str:
    """A plan as the unified diff that `run --dry-run` prints; empty when nothing changes."""
    return "".join(f"{line}\n" for line in unified(profile_diffs(planned.state)))


def _no_file(word: ast.Word) -> Source:
    reason = "a text that is given alone names no files"
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason=reason)])
