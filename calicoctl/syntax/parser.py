"""Text to AST: through the matcher, or where that does not take a text, through Lark."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.language.quoting import here_document_delimiter, unquoted
from calicoctl.records import dataclass, replace
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import match
from calicoctl.syntax.position_option import Moved, position_last
from calicoctl.syntax.tree import Child, Token, Tree

# The characters of one statement or line; nobody writes so many. To part a line into words can take 170 bytes of
# memory for each of its characters, as Python's regular expressions do.
LENGTH_MAX = 1_000_000


# What the words of some grammar rules are; those of the others are names.
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

# The parts of a match, as `ast.RuleNode` and `ast.MatchNode` have them.
_Match = tuple[ast.Keyword | None, ast.Word | None, ast.Word | None, ast.PeerNode | None, ast.PeerNode | None]


class SyntaxProblem(Exception):
    """A text is not in the language.

    Attributes:
        span: The first word that cannot stand where it stands; empty at the end of the text.
        expected: The names of the terminals that could stand there; `$END` is the end of the text.
        start: What the text was parsed as: a start of the grammar.
        extent: The text that was parsed.
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


def parse_statement(source: Source) -> ast.StatementNode:
    """Parse one statement, such as `profile WEB rule show`.

    Raises:
        SyntaxProblem: The text is not a statement.
    """
    statement = parse(_whole(source), "statement")
    assert isinstance(statement, ast.StatementNode)
    return statement


def parse_rule(source: Source) -> ast.RuleNode:
    """Parse one rule, such as `allow tcp to ports 80,443`.

    Raises:
        SyntaxProblem: The text is not a rule.
    """
    rule = parse(_whole(source), "rule")
    assert isinstance(rule, ast.RuleNode)
    return rule


def parse(extent: Span, start: str) -> Line:
    """Parse a part of a source.

    Args:
        extent: The part.
        start: The start of the grammar that it shall be parsed as; any but `script`.

    Raises:
        SyntaxProblem: It is not in the language, or longer than `LENGTH_MAX`.
    """
    if extent.end - extent.start > LENGTH_MAX:
        raise SyntaxProblem(replace(extent, end=extent.start), frozenset(), start, extent)
    # The text alone, and not a slice of its source: Lark counts lines from the source's beginning on.
    text = extent.text
    tree = match(text, start)
    if tree is None and "--at" in text and start in ("statement", "script_line"):
        moved = position_last(text)
        if moved is not None and (found := match(moved.text, start)) is not None:
            return _Builder(extent, moved).line(found)
    return _Builder(extent).line(tree or _lark_tree(extent, start))


def _lark_tree(extent: Span, start: str) -> Tree:
    # Imported here: a command that is well-formed does not pay for Lark.
    from calicoctl.syntax.lark_tree import Stop, lark_tree

    found = lark_tree(extent.text, start)
    if isinstance(found, Stop):
        raise _problem(extent, start, found.position, found.expected)
    return found


def _whole(source: Source) -> Span:
    return Span(source, 0, len(source.text))


def _word(typed: str, where: Span, kind: ast.WordKind = ast.WordKind.NAME) -> ast.Word:
    text = unquoted(typed)
    assert text is not None  # the grammar takes no other
    return ast.Word(text, where, kind)


def _problem(extent: Span, start: str, position: int | None, expected: frozenset[str]) -> SyntaxProblem:
    text = extent.text
    if position is None:
        end = extent.start + len(text.rstrip())
        return SyntaxProblem(Span(extent.source, end, end), expected, start, extent)
    # Lark may stop inside a word, or right behind one that it took for whole: users see whole words.
    while position > 0 and not text[position - 1].isspace() and not text[position].isspace():
        position -= 1
    end = position + 1
    while end < len(text) and not text[end].isspace():
        end += 1
    word = Span(extent.source, extent.start + position, extent.start + end)
    return SyntaxProblem(word, expected, start, extent)


class _Builder:
    """Makes nodes of trees; a method is named like the grammar rule whose tree it takes.

    The statements in `ast.REGULAR_STATEMENTS` need no method.

    The children of a tree are those that the grammar rule names, in its order: keywords whose names
    begin with `_` are left out, and what is optional and absent is None.
    """

    def __init__(self, extent: Span, moved: Moved | None = None) -> None:
        self._source = extent.source
        self._shift = extent.start
        self._moved = moved

    def line(self, tree: Tree) -> Line:
        """The node of a tree whose root is a start of the grammar."""
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
        """A field of a regular statement; the grammar rule that made the tree says which kind of node it is."""
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
        before, between, name, behind = children
        no_check, repeated = self._flag([before, between, behind])
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
        where = Span(self._source, self._end(direction), span.end) if match is None else self._span_of(match)
        return ast.Trace(self._word(profile), self._keyword(direction), ast.MatchNode(*self._match(match), where), span)

    def expect_all(self, children: Sequence[Child], span: Span) -> ast.ExpectAll:
        direction, rule = children
        assert isinstance(rule, Tree)
        return ast.ExpectAll(self._keyword(direction), self._rule_of(rule), span)

    # --- what stands in scripts only ---

    def rule_update_from(self, children: Sequence[Child], span: Span) -> ast.RuleUpdate:
        update, origin = children
        assert isinstance(update, Tree) and isinstance(origin, Token)
        where = self._span(origin)
        if origin.name == "FROM_FILE":
            word = origin.text.removeprefix("<").strip(" \t")
            document: ast.Word | ast.HereDocument = _word(word, Span(where.source, where.end - len(word), where.end))
        else:
            # The body of a here-document is no part of the line: whoever read the lines puts it in.
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
            # One peer alone may be either: its tree says which.
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

    # --- tokens ---

    @staticmethod
    def _token(node: Child) -> Token:
        """The one token that a tree such as `name: NAME_WORD | QUOTED` holds."""
        assert isinstance(node, Tree)
        (token,) = node.children
        assert isinstance(token, Token)
        return token

    def _word(self, node: Child, kind: ast.WordKind | None = None) -> ast.Word:
        token = self._token(node)
        assert isinstance(node, Tree)
        prefix = len("--at=") if token.name == "AT_POSITION" else 0
        where = Span(self._source, self._place(token.start + prefix), self._place(token.end))
        return _word(token.text[prefix:], where, kind or _KINDS.get(node.name, ast.WordKind.NAME))

    def _keyword(self, node: Child) -> ast.Keyword:
        token = node if isinstance(node, Token) else self._token(node)
        return ast.Keyword(token.text, self._span(token))

    def _flag(self, tokens: Sequence[Child]) -> tuple[bool, Span | None]:
        """Whether an option was given, and where it was given once more."""
        given = [token for token in tokens if isinstance(token, Token)]
        return bool(given), self._span(given[1]) if len(given) > 1 else None

    def _end(self, node: Child) -> int:
        assert isinstance(node, Tree)
        return self._place(node.end)

    def _span_of(self, node: Child) -> Span:
        assert node is not None
        return self._span(node)

    def _span(self, node: Tree | Token) -> Span:
        start, end = self._place(node.start), self._place(node.end)
        if self._moved is not None and node.start < self._moved.length < node.end:
            end = self._shift + self._moved.length  # all of it, the option where it stood included
        return Span(self._source, start, end)

    def _place(self, place: int) -> int:
        """Where in the source a place of the parsed text is."""
        return self._shift + (place if self._moved is None else self._moved.original(place))
