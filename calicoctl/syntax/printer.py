"""AST to canonical text: one function for each node.

Every AST is printed as text that parses to the same AST; a property test checks it. Names are quoted only where the
grammar requires it, that is, where the plain word would be parsed as a keyword, an option or punctuation.
"""

from __future__ import annotations

from collections.abc import Callable

from calicoctl.language.keywords import PEER_PARTS, PEERS
from calicoctl.language.names import is_new_profile
from calicoctl.language.quoting import NO_KEYWORDS, QUOTES, here_document, in_single_quotes, quoted
from calicoctl.syntax import ast

_LEADS_STATEMENT = frozenset({"show", "add", "remove"})
_CONTINUES_MATCH = frozenset({*PEERS, *PEER_PARTS})
_CONTINUES_ICMP_TYPE = frozenset({"code", *PEERS})
_CONTINUES_ICMP_CODE = frozenset(PEERS)


def word(node: ast.Word, keywords: frozenset[str] = NO_KEYWORDS) -> str:
    """A word, quoted where necessary; a `VerbatimWord` is not changed."""
    return node.text if isinstance(node, ast.VerbatimWord) else quoted(node.text, keywords)


def listed(node: ast.Word) -> str:
    """A word of a list, where it would end at a comma."""
    return node.text if isinstance(node, ast.VerbatimWord) else quoted(node.text, separator=",")


def written_profile_name(name: str, keywords: frozenset[str] = _LEADS_STATEMENT) -> str:
    """A profile's name, quoted where necessary.

    A name that is not valid for a new profile, as another tool may have given it, is always quoted: scripts accept it
    only in quotes.

    Args:
        name: The name.
        keywords: The keywords that are also possible at its place, by default those right after `profile`.
    """
    text = quoted(name, keywords)
    return text if is_new_profile(name) or text[0] in QUOTES else in_single_quotes(text)


def profile_word(node: ast.Word, keywords: frozenset[str] = _LEADS_STATEMENT) -> str:
    """A word that is a profile's name, quoted where necessary; see `written_profile_name`."""
    return node.text if isinstance(node, ast.VerbatimWord) else written_profile_name(node.text, keywords)


def rule(node: ast.RuleNode) -> str:
    """`allow tcp from tag WEB to ports 80,443`."""
    return " ".join([node.action.text, *_match(node)])


def _match(node: ast.RuleNode | ast.MatchNode) -> list[str]:
    words = []
    if node.protocol is not None:
        words.append(node.protocol.text)
    if node.icmp_type is not None:
        words += ["type", word(node.icmp_type, _CONTINUES_ICMP_TYPE)]
    if node.icmp_code is not None:
        words += ["code", word(node.icmp_code, _CONTINUES_ICMP_CODE)]
    if node.source is not None:
        words += _peer("from", node.source)
    if node.destination is not None:
        words += _peer("to", node.destination)
    return words


def _peer(preposition: str, node: ast.PeerNode) -> list[str]:
    words = [preposition]
    for part in PEER_PARTS:
        value: ast.Word | None = getattr(node, part)
        if value is not None:
            words += [part, word(value, _CONTINUES_MATCH)]
    return words


def _profile_show(node: ast.ProfileShow) -> str:
    return "show --detailed" if node.detailed else "show"


def _profile_add(node: ast.ProfileAdd) -> str:
    return f"add {word(node.profile)}"


def _profile_remove(node: ast.ProfileRemove) -> str:
    return f"remove {profile_word(node.profile, NO_KEYWORDS)}" + (" --no-check" if node.no_check else "")


def _rule_add(node: ast.RuleAdd) -> str:
    at = "" if node.at is None else f" {_at(node.at)}"
    return f"{profile_word(node.profile)} rule add {node.direction.text}{at} {rule(node.rule)}"


def _rule_remove_at(node: ast.RuleRemoveAt) -> str:
    return f"{profile_word(node.profile)} rule remove {node.direction.text} {_at(node.at)}"


def _at(position: ast.Word) -> str:
    # A position in quotes is a separate word.
    text = word(position)
    return f"--at {text}" if text.startswith(QUOTES) else f"--at={text}"


def _rule_update(node: ast.RuleUpdate) -> str:
    command = f"{profile_word(node.profile)} rule update"
    if isinstance(node.document, ast.HereDocument):
        delimiter = node.document.delimiter
        return f"{command} {here_document(delimiter)}\n{node.document.body}{delimiter}"
    if node.document is not None:
        return f"{command} < {word(node.document)}"
    return command


def _trace(node: ast.Trace) -> str:
    return " ".join([profile_word(node.profile), "trace", node.direction.text, *_match(node.match)])


def _expect_all(node: ast.ExpectAll) -> str:
    return f"--all expect {node.direction.text} {rule(node.rule)}"


def _profile_block(node: ast.ProfileBlock) -> str:
    tags = ", ".join(map(listed, node.tags))
    lines = [
        f"{profile_word(node.profile)} {{",
        f"  tags {tags}".rstrip(),
        *_rule_list("inbound", node.inbound),
        *_rule_list("outbound", node.outbound),
        "}",
    ]
    return "\n".join(lines)


def _rule_list(direction: str, rules: tuple[ast.RuleNode | ast.JsonRule, ...]) -> list[str]:
    if not rules:
        return [f"  {direction} {{}}"]
    lines = [f"json {node.text}" if isinstance(node, ast.JsonRule) else rule(node) for node in rules]
    return [f"  {direction} {{", *(f"    {line}" for line in lines), "  }"]


def _argument(node: ast.Word | ast.Keyword | ast.RuleNode) -> str:
    if isinstance(node, ast.RuleNode):
        return rule(node)
    return node.text if isinstance(node, ast.Keyword) else word(node)


def _regular(grammar_rule: str, kind: type[ast.RegularStatement]) -> Callable[..., str]:
    """The printer of a statement in `ast.REGULAR_STATEMENTS`."""
    words = grammar_rule.replace("_", " ")
    arguments = [name for name in kind.__match_args__ if name not in ("profile", "span")]

    def text(node: ast.RegularStatement) -> str:
        return " ".join([profile_word(node.profile), words, *(_argument(getattr(node, name)) for name in arguments)])

    return text


PRINTERS: dict[type, Callable[..., str]] = {
    **{kind: _regular(grammar_rule, kind) for grammar_rule, kind in ast.REGULAR_STATEMENTS.items()},
    ast.ProfileShow: _profile_show,
    ast.ProfileAdd: _profile_add,
    ast.ProfileRemove: _profile_remove,
    ast.RuleAdd: _rule_add,
    ast.RuleRemoveAt: _rule_remove_at,
    ast.RuleUpdate: _rule_update,
    ast.Trace: _trace,
    ast.ExpectAll: _expect_all,
    ast.ProfileBlock: _profile_block,
}


def statement(node: ast.StatementNode) -> str:
    """The canonical text of a statement, beginning with `profile`."""
    return f"profile {PRINTERS[type(node)](node)}"
