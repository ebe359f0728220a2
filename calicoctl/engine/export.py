"""Export profiles as blocks of a script, which can be kept in version control and run again."""

from __future__ import annotations

import json
from collections.abc import Iterable

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.names import is_new_profile, is_tag
from calicoctl.policy.documents.agent_schema import Verdict
from calicoctl.policy.documents.json_text import Unreadable, path_text
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.policy.rule_text import syntax_of
from calicoctl.syntax import ast, printer

_PARTS_NAMED_MAX = 8
_NOT_ENFORCED = "the agent would not enforce it as written"


@dataclass(frozen=True)
class ExportedProfile:
    """The text of a profile.

    Attributes:
        text: A block, or comments if the profile cannot be declared; ends with a line break.
        obstacle: Why the profile cannot be declared; None if it can.
    """

    text: str
    obstacle: str | None = None


def export_profile(profile: Profile) -> ExportedProfile:
    """Export a profile as the block that declares it.

    A profile that `run` would refuse cannot be declared; it becomes comments with its raw values.
    """
    obstacle = _obstacle(profile)
    if obstacle is None:
        return ExportedProfile(f"{printer.statement(_block(profile))}\n")
    lines = [f"# profile {printer.written_profile_name(profile.name)} cannot be declared: {obstacle}"]
    for name, document in (("rules", profile.rules), ("tags", profile.tags)):
        if document is not None:
            text = document.source.text if isinstance(document, Unreadable) else document.text()
            lines += [f"# {name}:", *(f"#   {printable(line)}" for line in text.splitlines() or [""])]
    return ExportedProfile("\n".join(lines) + "\n", obstacle)


def export_losses(name: str, labels: str | None, resource: str | None) -> Diagnostic | None:
    """The note about parts of a profile that a block cannot express; None if there are none.

    Args:
        name: The name of the profile.
        labels: The text of its labels, if it is a profile of v1.
        resource: The text of its resource, if it is a profile of v3.
    """
    if resource is not None:
        # Imported here: not needed for v1.
        from calicoctl.layout.inexpressible_parts import inexpressible_parts
        from calicoctl.resources.v3_names import is_foreign_profile

        if is_foreign_profile(name):
            return None  # its block cannot be run, so nothing can be lost
        parts = [path_text(path) for path in inexpressible_parts(resource)]
    else:
        parts = [] if labels is None or _is_empty(labels) else ["labels"]
    if not parts:
        return None
    named = [f"`{part}`" for part in parts[:_PARTS_NAMED_MAX]]
    others = [f"and {len(parts) - len(named)} more"] if len(parts) > len(named) else []
    return diagnose(messages.NOT_IN_BLOCK, profile=name, parts=", ".join((*named, *others)))


def _is_empty(labels: str) -> bool:
    try:
        return json.loads(labels) in ({}, None)
    except (ValueError, RecursionError):
        return False


def _obstacle(profile: Profile) -> str | None:
    """Why `run` would refuse the block of a profile, even on an empty datastore; None if it would not."""
    tags = profile.tags if profile.tags is not None else TagsDocument.new()
    rules = profile.rules if profile.rules is not None else RulesDocument.new()
    if isinstance(tags, Unreadable) or isinstance(rules, Unreadable):
        return _NOT_ENFORCED
    stored = (*rules.inbound, *rules.outbound)
    problems = [*tags.problems, *rules.problems, *(problem for rule in stored for problem in rule.problems)]
    if any(problem.verdict is not Verdict.TOLERATED for problem in problems):
        return _NOT_ENFORCED
    if problems or not all(map(is_tag, tags.tags)):
        return "it has a tag whose name is not valid for new tags"
    if len(set(tags.tags)) < len(tags.tags):
        return "it contains a tag twice"
    return None if is_new_profile(profile.name) else "its name is not valid for new profiles"


def _block(profile: Profile) -> ast.ProfileBlock:
    """The block of a profile without an obstacle; a missing key counts as empty."""
    tags = profile.tags.tags if isinstance(profile.tags, TagsDocument) else ()
    rules = profile.rules if isinstance(profile.rules, RulesDocument) else RulesDocument.new()
    return ast.ProfileBlock(
        ast.Word(profile.name), tuple(map(ast.Word, tags)), _nodes(rules.inbound), _nodes(rules.outbound)
    )


def _nodes(rules: Iterable[StoredRule]) -> tuple[ast.RuleNode | ast.JsonRule, ...]:
    return tuple(
        # The stored text is parsed again, since `value` may contain numbers that are not plain ones.
        ast.JsonRule(json.dumps(json.loads(rule.raw), sort_keys=True)) if rule.rule is None else syntax_of(rule.rule)
        for rule in rules
    )
