"""The public Python interface: statements and scripts as trees, rules and their JSON, and the plan of a script.

Every name can also be imported from `calicoctl`. No function prints or writes. Errors are raised as `Refused`, with the
diagnostics that the command line would print (`calicoctl.diagnostics.render` formats them).
"""

from __future__ import annotations

from contextlib import closing

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.diagnostics.render import render
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.engine.frontend.statements import read_rule, validate
from calicoctl.engine.frontend.syntax_errors import diagnose_problem
from calicoctl.engine.profile_diff import ProfileDiff, diff_lines, profile_diffs
from calicoctl.engine.runs.run import plan_script
from calicoctl.engine.script_plan import ScriptPlan
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
    """Parse and validate one statement in the syntax of scripts, such as `profile WEB rule add inbound allow`.

    Args:
        text: The statement.
        name: The name of the text in diagnostics.

    Raises:
        Refused: It is not a valid statement.
    """
    extent = Span(Source(name, text), 0, len(text))
    try:
        node = parse(extent, "statement")
    except SyntaxProblem as problem:
        raise Refused(diagnose_problem(problem)) from None
    assert isinstance(node, ast.StatementNode)  # guaranteed by the start `statement`
    validate(node, extent)
    return node


def parse_script(text: str, name: str = "script") -> tuple[ast.StatementNode, ...]:
    """Parse and validate a script; a block is one statement.

    Args:
        text: The script. It cannot refer to other files.
        name: The name of the text in diagnostics.

    Raises:
        Refused: The script has errors; all of them are reported together.
    """
    script = read_scripts([Source(name, text)], _no_file)
    if script.has_errors:
        raise Refused([diagnostic for diagnostic in script.diagnostics if diagnostic.is_error])
    return tuple(item.node for item in read_script(Source(name, text)) if isinstance(item, StatementItem))


def print_statement(statement: ast.StatementNode) -> str:
    """The canonical text of a statement, which parses to the same statement."""
    return printer.statement(statement)


def parse_rule(text: str, name: str = "rule") -> Rule:
    """Parse and validate a rule, such as `allow tcp from tag WEB to ports 5432`.

    Raises:
        Refused: It is not a valid rule.
    """
    return read_rule(Source(name, text))


def print_rule(rule: Rule) -> str:
    """The canonical text of a rule, which parses to the same rule."""
    return rule_text(rule)


def rule_to_json(rule: Rule) -> dict[str, object]:
    """The JSON object that is stored for a rule."""
    return rule_json.to_json(rule)


def rule_from_json(value: object) -> Rule | None:
    """The rule that a JSON object describes; None when the language cannot express it."""
    return rule_json.from_json(value)


def check_rules(text: str, profile: str, name: str = "rules") -> tuple[Diagnostic, ...]:
    """Validate a rules document as `rule update` does.

    Args:
        text: JSON with the lists `inbound_rules` and `outbound_rules`.
        profile: The profile that the rules belong to.
        name: The name of the text in diagnostics.

    Returns:
        Warnings about parts that the agent ignores or interprets differently.

    Raises:
        Refused: The document has an error for which the agent would drop the profile.
    """
    _, warnings = read_update(Source(name, text), profile)
    return warnings


def plan(script: str, datastore: str, *, name: str = "script", timeout: float = 30.0) -> ScriptPlan:
    """Plan what a script would change in a datastore, without writing anything.

    Args:
        script: The script. It cannot refer to other files.
        datastore: A URL in the format of the option `--datastore`.
        name: The name of the script in diagnostics.
        timeout: The time limit for the datastore, in seconds.

    Raises:
        Refused: The script or the datastore's URL is invalid, or the script cannot be applied there.
        calicoctl.store.interface.DatastoreError: The datastore cannot be used.
    """
    checked = read_scripts([Source(name, script)], _no_file)
    if checked.has_errors:
        raise Refused([diagnostic for diagnostic in checked.diagnostics if diagnostic.is_error])
    deadline = Deadline(timeout)
    with closing(open_profiles(resolve(datastore, {}), deadline)) as store:
        planned = plan_script(checked.steps, store, deadline)
    if planned.has_errors:
        raise Refused([diagnostic for diagnostic in planned.diagnostics if diagnostic.is_error])
    return planned


def unified_diff(planned: ScriptPlan) -> str:
    """The unified diff of a plan, as `run --dry-run` prints it; empty when nothing changes."""
    return "".join(f"{line}\n" for line in diff_lines(profile_diffs(planned.state)))


def _no_file(word: ast.Word) -> Source:
    reason = "a script that is given as text cannot refer to files"
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason=reason)])
