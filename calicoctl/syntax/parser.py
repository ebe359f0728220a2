"""Text to AST, by the matcher, or by Lark for a text that the matcher does not accept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.quoting import here_document_delimiter, unquoted
from calicoctl.source import Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import match
from calicoctl.syntax.position_option import MovedOption, move_position_last
from calicoctl.syntax.tree import Child, Token, Tree

# The maximum length of one statement or line, in characters. It limits memory: splitting a line into words by a regular
# expression can take 170 bytes for each character.
LENGTH_MAX = 1_000_000

# The kinds of words by their grammar rules; those of all other rules are names.
_KINDS = {
    "profile_name": ast.WordKind.PROFILE,
    "listed_tag": ast.WordKind.LISTED,
    "ports": ast.WordKind.PORTS,
    "cidr": ast.WordKind.NETWORK,
    "bare_cidr": ast.WordKind.NETWORK,
    "icmp_type": ast.WordKind.ICMP_TYPE,
    "icmp_code": ast.WordKind.ICMP_CODE,
    "at": ast.WordKind.POSITION,
}

# The parts of a match in the order of `ast.RuleNode` and `ast.MatchNode`.
_Match = tuple[ast.Keyword | None, ast.Word | None, ast.Word | None, ast.PeerNode | None, ast.PeerNode | None]


class SyntaxProblem(Exception):
    """A text is not in the language.

    Attributes:
        span: The first unexpected word; empty at the end of the text.
        expected: The names of the terminals that are valid there; `$END` is the end of the text.
        start: The start rule with which the text was parsed.
        extent: The parsed text.
    """

    def __init__(self, span: Span, expected: frozenset[str], start: str, extent: Span) -> None:
        super().__init__(f"unexpected `{span.text}`")
        self.span = span
        self.expected = expected
        self.start = start
        self.extent = extent


@dataclass(frozen=True, slots=True)
class BlockBegin:
    """`profile WEB {`."""

    profile: ast.Word


@dataclass(frozen=True, slots=True)
class TagsLine:
    """`tags WEB, WEB_APP` in a block."""

    tags: tuple[ast.Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ListBegin:
    """`inbound {` in a block, or `inbound {}`."""

    direction: ast.Keyword
    is_empty: bool


@dataclass(frozen=True, slots=True)
class BlockEnd:
    """`}`."""


Line = (
    ast.StatementNode
    | ast.Define
    | ast.Include
    | BlockBegin
    | TagsLine
    | ListBegin
    | BlockEnd
    | ast.RuleNode
    | ast.JsonRule
)


def parse(extent: Span, start: str) -> Line:
    """Parse a part of a source.

    Args:
        extent: The part.
        start: The start rule of the grammar; any except `script`.

    Raises:
        SyntaxProblem: It is not in the language, or longer than `LENGTH_MAX`.
    """
    if extent.end - extent.start > LENGTH_MAX:
        raise SyntaxProblem(replace(extent, end=extent.start), frozenset(), start, extent)
    # Lark gets this text and not a slice of the source, in which it would count lines from the beginning.
    text = extent.text
    tree = match(text, start)
    if tree is None and "--at" in text and start in ("statement", "script_line"):
        moved = move_position_last(text)
        if moved is not None and (moved_tree := match(moved.text, start)) is not None:
            return _Builder(extent, moved).line(moved_tree)
    return _Builder(extent).line(tree or _lark_tree(extent, start))


def _lark_tree(extent: Span, start: str) -> Tree:
    # Imported here, since valid commands do not need Lark.
    from calicoctl.syntax.lark_tree import Stop, lark_tree

    result = lark_tree(extent.text, start)
    if isinstance(result, Stop):
        raise _problem(extent, start, result.position, result.expected)
    return result


def _word(typed: str, where: Span, kind: ast.WordKind = ast.WordKind.NAME) -> ast.Word:
    text = unquoted(typed)
    assert text is not None  # the grammar accepts only valid quotes
    return ast.Word(text, where, kind)


def _problem(extent: Span, start: str, position: int | None, expected: frozenset[str]) -> SyntaxProblem:
    text = extent.text
    if position is None:
        end = extent.start + len(text.rstrip())
        return SyntaxProblem(Span(extent.source, end, end), expected, start, extent)
    # Lark may stop inside a word, or right after a part of it that it accepted; the span is the whole word.
    while position > 0 and not text[position - 1].isspace() and not text[position].isspace():
        position -= 1
    end = position + 1
    while end < len(text) and not text[end].isspace():
        end += 1
    word = Span(extent.source, extent.start + position, extent.start + end)
    return SyntaxProblem(word, expected, start, extent)


class _Builder:
    """Makes AST nodes from trees. Each method has the name of the grammar rule that it converts.

    The statements in `ast.REGULAR_STATEMENTS` need no method. The children of a tree are described in
    `calicoctl.syntax.tree.Tree`.
    """

    def __init__(self, extent: Span, moved: MovedOption | None = None) -> None:
        self._source = extent.source
        self._shift = extent.start
        self._moved = moved

    def line(self, tree: Tree) -> Line:
        """The node of a tree whose root is a start rule of the grammar."""
        if tree.name == "rule":
            return self._rule_of(tree)
        (child,) = tree.children
        assert isinstance(child, Tree)
        regular: Callable[..., ast.StatementNode] | None = ast.REGULAR_STATEMENTS.get(child.name)
        if regular is not None:
            return regular(*map(self._argument, child.children), self._span(tree))
        node: Line = getattr(self, child.name)(child.children, self._span(tree))
        return node

    # --- statements ---

    def _argument(self, node: Child) -> ast.Word | ast.Keyword | ast.RuleNode:
        """A field of a regular statement, whose type depends on the grammar rule of the tree."""
        assert isinstance(node, Tree)
        if node.name == "rule":
            return self._rule_of(node)
        return self._keyword(node) if node.name == "direction" else self._word(node)

    def profile_show(self, children: Sequence[Child], span: Span) -> ast.ProfileShow:
        detailed, repeated = self._flag(children)
        return ast.ProfileShow(detailed, repeated, span)

    def profile_add(self, children: Sequence[Child], span: Span) -> ast.ProfileAdd:
        return ast.ProfileAdd(self._word(children[0], ast.WordKind.PROFILE), span)

    def profile_remove(self, children: Sequence[Child], span: Span) -> ast.ProfileRemove:
        before_verb, before_name, name, after_name = children
        no_check, repeated = self._flag([before_verb, before_name, after_name])
        return ast.ProfileRemove(self._word(name, ast.WordKind.PROFILE), no_check, repeated, span)

    def rule_add(self, children: Sequence[Child], span: Span) -> ast.RuleAdd:
        profile, at_verb, direction, at_direction, action, at_action, match, at_end = children
        positions = [self._word(at) for at in (at_verb, at_direction, at_action, at_end) if at is not None]
        rule_end = match if match is not None else action
        rule = self._rule(action, match, Span(self._source, self._span(self._token(action)).start, self._end(rule_end)))
        return ast.RuleAdd(
            self._word(profile),
            self._keyword(direction),
            rule,
            positions[0] if positions else None,
            positions[1].span if len(positions) > 1 else None,
            span,
        )

    def rule_remove_at(self, children: Sequence[Child], span: Span) -> ast.RuleRemoveAt:
        profile, first, second = children
        assert isinstance(first, Tree)
        direction, at = (second, first) if first.name == "at" else (first, second)
        return ast.RuleRemoveAt(self._word(profile), self._keyword(direction), self._word(at), span)

    def rule_update(self, children: Sequence[Child], span: Span) -> ast.RuleUpdate:
        return ast.RuleUpdate(self._word(children[0]), span=span)

    def trace(self, children: Sequence[Child], span: Span) -> ast.Trace:
        profile, direction, match = children
        extent = Span(self._source, self._end(direction), span.end) if match is None else self._span(match)
        return ast.Trace(
            self._word(profile), self._keyword(direction), ast.MatchNode(*self._match(match), extent), span
        )

    def expect_all(self, children: Sequence[Child], span: Span) -> ast.ExpectAll:
        direction, rule = children
        assert isinstance(rule, Tree)
        return ast.ExpectAll(self._keyword(direction), self._rule_of(rule), span)

    # --- lines of scripts ---

    def rule_update_from(self, children: Sequence[Child], span: Span) -> ast.RuleUpdate:
        update, origin = children
        assert isinstance(update, Tree) and isinstance(origin, Token)
        where = self._span(origin)
        if origin.name == "FROM_FILE":
            word = origin.text.removeprefix("<").strip(" \t")
            document: ast.Word | ast.HereDocument = _word(word, Span(where.source, where.end - len(word), where.end))
        else:
            # The body of a here-document is not part of the line; `scripts/reader.py` inserts it.
            document = ast.HereDocument(here_document_delimiter(origin.text), "", where)
        return ast.RuleUpdate(self._word(update.children[0]), document, span)

    def define(self, children: Sequence[Child], span: Span) -> ast.Define:
        name, *value = children
        assert isinstance(name, Token)
        return ast.Define(ast.Word(name.text, self._span(name)), tuple(self._word(item) for item in value), span)

    def include(self, children: Sequence[Child], span: Span) -> ast.Include:
        return ast.Include(self._word(children[0]), span)

    def block_begin(self, children: Sequence[Child], _: Span) -> BlockBegin:
        return BlockBegin(self._word(children[0]))

    def block_end(self, _children: Sequence[Child], _: Span) -> BlockEnd:
        return BlockEnd()

    def tags_line(self, children: Sequence[Child], span: Span) -> TagsLine:
        return TagsLine(tuple(self._word(tag) for tag in children if tag is not None), span)

    def list_begin(self, children: Sequence[Child], span: Span) -> ListBegin:
        return ListBegin(self._keyword(children[0]), is_empty=span.text.endswith("}"))

    def json_rule(self, children: Sequence[Child], _: Span) -> ast.JsonRule:
        (token,) = children
        assert isinstance(token, Token)
        return ast.JsonRule(token.text.rstrip(), self._span(token))

    # --- rules ---

    def rule(self, children: Sequence[Child], span: Span) -> ast.RuleNode:
        action, match = children
        return self._rule(action, match, span)

    def _rule_of(self, tree: Tree) -> ast.RuleNode:
        return self.rule(tree.children, self._span(tree))

    def _rule(self, action: Child, match: Child, span: Span) -> ast.RuleNode:
        return ast.RuleNode(self._keyword(action), *self._match(match), span)

    def _match(self, match: Child) -> _Match:
        if match is None:
            return None, None, None, None, None
        assert isinstance(match, Tree)
        (kind,) = match.children
        assert isinstance(kind, Tree)
        if kind.name == "any_match":
            # A single peer may be the source or the destination, according to its grammar rule.
            peers = {peer.name: self._peer(peer) for peer in kind.children if isinstance(peer, Tree)}
            return None, None, None, peers.get("source"), peers.get("destination")
        protocol, *icmp, source, destination = kind.children
        icmp_type, icmp_code = self._icmp(icmp)
        return self._keyword(protocol), icmp_type, icmp_code, self._peer(source), self._peer(destination)

    def _icmp(self, children: Sequence[Child]) -> tuple[ast.Word | None, ast.Word | None]:
        if not children or children[0] is None:
            return None, None
        assert isinstance(children[0], Tree)
        icmp_type, icmp_code = children[0].children
        return self._word(icmp_type), None if icmp_code is None else self._word(icmp_code)

    def _peer(self, tree: Child) -> ast.PeerNode | None:
        if tree is None:
            return None
        assert isinstance(tree, Tree)
        words = {part.name: self._word(part) for part in tree.children if isinstance(part, Tree)}
        cidr = words.get("cidr", words.get("bare_cidr"))
        return ast.PeerNode(words.get("ports"), words.get("tag"), cidr, self._span(tree))

    # --- words and places ---

    @staticmethod
    def _token(node: Child) -> Token:
        """The single token of a tree such as `name: NAME_WORD | QUOTED`."""
        assert isinstance(node, Tree)
        (token,) = node.children
        assert isinstance(token, Token)
        return token

    def _word(self, node: Child, kind: ast.WordKind | None = None) -> ast.Word:
        token = self._token(node)
        assert isinstance(node, Tree)
        prefix = len("--at=") if token.name == "AT_POSITION" else 0
        where = Span(self._source, self._offset(token.start + prefix), self._offset(token.end))
        return _word(token.text[prefix:], where, kind or _KINDS.get(node.name, ast.WordKind.NAME))

    def _keyword(self, node: Child) -> ast.Keyword:
        token = node if isinstance(node, Token) else self._token(node)
        return ast.Keyword(token.text, self._span(token))

    def _flag(self, tokens: Sequence[Child]) -> tuple[bool, Span | None]:
        """Whether an option was given, and the span of its second occurrence."""
        given = [token for token in tokens if isinstance(token, Token)]
        return bool(given), self._span(given[1]) if len(given) > 1 else None

    def _end(self, node: Child) -> int:
        assert isinstance(node, Tree)
        return self._offset(node.end)

    def _span(self, node: Tree | Token) -> Span:
        start, end = self._offset(node.start), self._offset(node.end)
        if self._moved is not None and node.start < self._moved.length < node.end:
            end = self._shift + self._moved.length  # up to the end of the original text
        return Span(self._source, start, end)

    def _offset(self, offset: int) -> int:
        """The offset in the source for an offset in the parsed text."""
        return self._shift + (offset if self._moved is None else self._moved.original(offset))
