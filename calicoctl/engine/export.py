"""Profiles as the blocks of a script: text that can live in version control and be run again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose, printable
from calicoctl.policy.json_text import Unreadable
from calicoctl.policy.profile import Profile
from calicoctl.policy.stored import StoredRule
from calicoctl.policy.tags import TagsDocument
from calicoctl.policy.text import syntax_of
from calicoctl.syntax import ast, printer


@dataclass(frozen=True)
class Exported:
    """A profile as text.

    Attributes:
        text: A block, or comments where the profile cannot be declared; with a line break at its end.
        warning: Why it is comments.
    """

    text: str
    warning: Diagnostic | None = None


def export_profile(profile: Profile) -> Exported:
    """A profile as the block that declares it.

    One that `run` would refuse, because the agent refuses it or reads it otherwise, cannot be declared; it
    becomes comments with its raw values.
    """
    block = _block(profile)
    if block is not None:
        return Exported(f"{printer.statement(block)}\n")
    lines = [
        f"# profile {printer.profile_name(profile.name)} cannot be declared: the agent would not enforce it as it is"
    ]
    for name, document in (("rules", profile.rules), ("tags", profile.tags)):
        if document is not None:
            text = document.source.text if isinstance(document, Unreadable) else document.text()
            lines += [f"# {name}:", *(f"#   {printable(line)}" for line in text.splitlines() or [""])]
    return Exported("\n".join(lines) + "\n", diagnose(messages.NOT_EXPORTED, None, None, profile=profile.name))


def _block(profile: Profile) -> ast.ProfileBlock | None:
    tags, rules = profile.tags, profile.rules
    if isinstance(tags, Unreadable) or isinstance(rules, Unreadable):
        return None
    if not _are_declarable(tags):
        return None
    if rules is not None and (rules.problems or any(rule.problems for rule in (*rules.inbound, *rules.outbound))):
        return None
    names = () if tags is None else tags.tags
    return ast.ProfileBlock(
        ast.Word(profile.name),
        tuple(ast.Word(name) for name in names),
        () if rules is None else _nodes(rules.inbound),
        () if rules is None else _nodes(rules.outbound),
    )


def _are_declarable(tags: TagsDocument | None) -> bool:
    """Whether a list can be declared: every tag is a name, and none stands twice."""
    return tags is None or not (tags.problems or len(set(tags.tags)) < len(tags.elements))


def _nodes(rules: Iterable[StoredRule]) -> tuple[ast.Rule | ast.JsonRule, ...]:
    return tuple(
        ast.JsonRule(json.dumps(rule.value, sort_keys=True)) if rule.rule is None else syntax_of(rule.rule)
        for rule in rules
    )
