"""AST to canonical text: one function for each node.

Law: any AST prints to text that parses to the same AST. Names are quoted exactly where the grammar
needs it: where a plain word would be read as a keyword, an option or syntax.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from calicoctl.syntax import ast

# A word of these characters is safe unquoted on a command line, in a script and in a POSIX shell.
_PLAIN = re.compile(r"(?!--)[A-Za-z0-9_.:,/+@%-]+\Z")

_LEADS_STATEMENT = frozenset({"show", "add", "remove"})
_CONTINUES_MATCH = frozenset({"from", "to", "ports", "tag", "cidr"})
_CONTINUES_ICMP_TYPE = frozenset({"code", "from", "to"})
_CONTINUES_ICMP_CODE = frozenset({"from", "to"})
_NEVER_READ_AS_KEYWORD: frozenset[str] = frozenset()


def quoted(text: str, keywords: frozenset[str] = _NEVER_READ_AS_KEYWORD) -> str:
    """A word as it must be written where the given keywords could also stand.

    Quotes are used only when needed: single ones where possible, else double ones with JSON's escapes,
    so that any text at all can be written, on one line and without control characters.
    """
    if _PLAIN.match(text) and text not in keywords:
        return text
    if "'" not in text and (text.isprintable() or text == ""):
        return f"'{text}'"
    # Every character beyond printable ASCII becomes an escape.
    return json.dumps(text)


def profile_name(name: str) -> str:
    """A profile's name as it is written right after `profile`."""
    return quoted(name, _LEADS_STATEMENT)


def rule(node: ast.Rule) -> str:
    """`allow tcp from tag WEB to ports 80,443`."""
    words = [node.action.text]
    if node.protocol is not None:
        words.append(node.protocol.text)
    if node.icmp_type is not None:
        words += ["type", quoted(node.icmp_type.text, _CONTINUES_ICMP_TYPE)]
    if node.icmp_code is not None:
        words += ["code", quoted(node.icmp_code.text, _CONTINUES_ICMP_CODE)]
    if node.source is not None:
        words += _peer("from", node.source)
    if node.destination is not None:
        words += _peer("to", node.destination)
    return " ".join(words)


def _peer(preposition: str, node: ast.Peer) -> list[str]:
    words = [preposition]
    for keyword, word in (("ports", node.ports), ("tag", node.tag), ("cidr", node.cidr)):
        if word is not None:
            words += [keyword, quoted(word.text, _CONTINUES_MATCH)]
    return words


def _profile_show(node: ast.ProfileShow) -> str:
    return "show --detailed" if node.detailed else "show"


def _profile_add(node: ast.ProfileAdd) -> str:
    return f"add {quoted(node.profile.text)}"


def _profile_remove(node: ast.ProfileRemove) -> str:
    return f"remove {quoted(node.profile.text)}" + (" --no-check" if node.no_check else "")


def _tag_show(node: ast.TagShow) -> str:
    return f"{profile_name(node.profile.text)} tag show"


def _tag_add(node: ast.TagAdd) -> str:
    return f"{profile_name(node.profile.text)} tag add {quoted(node.tag.text)}"


def _tag_remove(node: ast.TagRemove) -> str:
    return f"{profile_name(node.profile.text)} tag remove {quoted(node.tag.text)}"


def _rule_add(node: ast.RuleAdd) -> str:
    at = "" if node.at is None else f" {_at(node.at)}"
    return f"{profile_name(node.profile.text)} rule add {node.direction.text}{at} {rule(node.rule)}"


def _rule_remove(node: ast.RuleRemove) -> str:
    return f"{profile_name(node.profile.text)} rule remove {node.direction.text} {rule(node.rule)}"


def _rule_remove_at(node: ast.RuleRemoveAt) -> str:
    return f"{profile_name(node.profile.text)} rule remove {node.direction.text} {_at(node.at)}"


def _at(position: ast.Word) -> str:
    # `--at=` takes the rest of its word as it is, so that only a word without quotes can follow it.
    return f"--at={position.text}" if _PLAIN.match(position.text) else f"--at {quoted(position.text)}"


def _rule_show(node: ast.RuleShow) -> str:
    return f"{profile_name(node.profile.text)} rule show"


def _rule_json(node: ast.RuleJson) -> str:
    return f"{profile_name(node.profile.text)} rule json"


def _rule_update(node: ast.RuleUpdate) -> str:
    command = f"{profile_name(node.profile.text)} rule update"
    if isinstance(node.document, ast.HereDocument):
        delimiter = node.document.delimiter
        return f"{command} <<'{delimiter}'\n{node.document.body}{delimiter}"
    if node.document is not None:
        return f"{command} < {quoted(node.document.text)}"
    return command


def _profile_block(node: ast.ProfileBlock) -> str:
    tags = ", ".join(quoted(tag.text) for tag in node.tags)
    lines = [
        f"{profile_name(node.profile.text)} {{",
        f"  tags {tags}".rstrip(),
        *_rule_list("inbound", node.inbound),
        *_rule_list("outbound", node.outbound),
        "}",
    ]
    return "\n".join(lines)


def _rule_list(direction: str, rules: tuple[ast.Rule | ast.JsonRule, ...]) -> list[str]:
    if not rules:
        return [f"  {direction} {{}}"]
    lines = [f"json {each.text}" if isinstance(each, ast.JsonRule) else rule(each) for each in rules]
    return [f"  {direction} {{", *(f"    {line}" for line in lines), "  }"]


PRINTERS: dict[type, Callable[..., str]] = {
    ast.ProfileShow: _profile_show,
    ast.ProfileAdd: _profile_add,
    ast.ProfileRemove: _profile_remove,
    ast.TagShow: _tag_show,
    ast.TagAdd: _tag_add,
    ast.TagRemove: _tag_remove,
    ast.RuleAdd: _rule_add,
    ast.RuleRemove: _rule_remove,
    ast.RuleRemoveAt: _rule_remove_at,
    ast.RuleShow: _rule_show,
    ast.RuleJson: _rule_json,
    ast.RuleUpdate: _rule_update,
    ast.ProfileBlock: _profile_block,
}


def statement(node: ast.Statement) -> str:
    """The canonical text of a statement, beginning with `profile`."""
    return f"profile {PRINTERS[type(node)](node)}"
