"""Fold the rules of the grammar into regular expressions, which `calicoctl.syntax.matcher` uses.

A line has no nesting, so the rules can be substituted into one another until only terminals are left. A rule that is
recursive, or uses a construct without a counterpart here, raises `Unfoldable`; a test folds every start rule.

Lark accepts every text that an expression matches, with the same tree: tests prove that the grammar has no conflicts
and that its terminals do not collide. It remains to ensure that a terminal within an expression matches the same text
as alone. Most terminals end at the end of a word, in `(?!\\S)`; the others are made atomic.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import product
from typing import Any

from lark import Lark

from calicoctl.fast_dataclasses import dataclass

# Words in quotes are left to Lark: they are rare, and would make the expressions twice as long.
QUOTED_TERMINALS = frozenset({"QUOTED", "LISTED_QUOTED"})

# A placeholder for the name of a group.
_ATOM = "ATOM"
# A pattern that matches a single word.
_KEYWORD = re.compile(r"((?:[\w/-]|\\[^\w\s])+)\(\?!\\S\)")


class Unfoldable(Exception):
    """A rule of the grammar is recursive, or uses a construct that is not supported here."""


# --- rules as trees of terminals --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of the grammar."""

    name: str


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """A rule with its body. An inlined rule (`?command`) is represented by its body alone."""

    name: str
    body: GrammarNode


@dataclass(frozen=True, slots=True)
class Sequence:
    """Nodes in sequence."""

    parts: tuple[GrammarNode, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several alternatives."""

    alternatives: tuple[GrammarNode, ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """`[...]`, an optional part.

    Attributes:
        body: The part; None where it is always absent.
        size: The number of children of the body, which are None when it is absent.
    """

    body: GrammarNode | None
    size: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """`(...)*`."""

    body: GrammarNode


GrammarNode = Terminal | GrammarRule | Sequence | Choice | Maybe | Repeat


class Grammar:
    """The rules of a grammar in the form for folding.

    Args:
        compiled: The compiled grammar. A loaded parser does not work, since Lark does not save the trees of the rules.
        without: Terminals that are left to Lark, together with every alternative that needs one of them.
    """

    def __init__(self, compiled: Lark, without: Collection[str] = QUOTED_TERMINALS) -> None:
        self._rules: dict[str, Any] = {}
        for name, parameters, tree, options in compiled.grammar.rule_defs:
            is_plain = not parameters and not options.keep_all_tokens and options.priority is None
            self._rules[str(name)] = (tree, options.expand1) if is_plain else None
        self._patterns = {str(terminal.name): terminal.pattern.to_regexp() for terminal in compiled.terminals}
        self._without = without
        # White space. Other ignored text, such as a line continuation, is left to Lark.
        space = self._patterns[str(compiled.ignore_tokens[0])]
        # `[ \t]*` is equivalent to `(?:[ \t]+)?`, and reduces the time for a whole line by a third.
        self.gap = f"{space[:-1]}*" if re.fullmatch(r"\[[^]]+\]\+", space) else f"(?:{space})?"

    def alone(self, terminal: str) -> str:
        """The regular expression of a terminal, as in Lark."""
        return self._patterns[terminal]

    def pattern(self, terminal: str) -> str:
        """The regular expression of a terminal that matches the same text as alone; it may have a group `_ATOM`.

        Raises:
            Unfoldable: The terminal contains groups.
        """
        alone = self._patterns[terminal]
        if re.compile(alone).groups:
            raise Unfoldable(f"{terminal} contains groups")
        if re.search(r"\(\?!\\S\)\)*\Z", alone):
            return f"(?:{alone})"
        return rf"(?:{alone})(?!\S)" if alone.endswith(r"\S*") else f"(?=(?P<{_ATOM}>{alone}))(?P={_ATOM})"

    def keyword(self, terminal: str) -> str | None:
        """The word of a terminal that is a single keyword; None for other terminals."""
        word = _KEYWORD.fullmatch(self._patterns[terminal])
        return None if word is None else re.sub(r"\\(.)", r"\1", word[1])

    def rule(self, name: str, within: tuple[str, ...] = ()) -> GrammarRule | None:
        """A rule with all its parts; None when it needs a terminal that is left to Lark.

        Args:
            name: The rule.
            within: The rules that it is a part of, the outermost first.

        Raises:
            Unfoldable: The rule is recursive, or contains an unsupported construct.
        """
        if name in within or self._rules.get(name) is None:
            raise Unfoldable(f"{' > '.join((*within, name))}")
        tree, _ = self._rules[name]
        body = self._node(tree, (*within, name))
        if body is not None and _may_be_empty(body):
            raise Unfoldable(f"{name} may be empty, and then has no position")
        return None if body is None else GrammarRule(name, body)

    def _node(self, tree: Any, within: tuple[str, ...]) -> GrammarNode | None:
        if tree.data == "expansions":
            return self._choice(tree, within)
        if tree.data == "expansion":
            return self._sequence(tree, within)
        if tree.data == "maybe":
            return Maybe(self._node(tree.children[0], within), self._size(tree.children[0]))
        if tree.data == "expr" and tree.children[1:] == ["*"]:
            # A repetition of what is left to Lark matches only its empty case.
            body = self._node(tree.children[0], within)
            return Sequence(()) if body is None else Repeat(body)
        if tree.data == "value":
            return self._symbol(tree.children[0], within)
        raise Unfoldable(f"{tree.data} in {' > '.join(within)}")

    def _choice(self, tree: Any, within: tuple[str, ...]) -> GrammarNode | None:
        """The alternatives that do not need a terminal that is left to Lark; None when all do."""
        nodes = [self._node(alternative, within) for alternative in tree.children]
        alternatives = tuple(node for node in nodes if node is not None)
        if len(alternatives) == 1:
            return alternatives[0]
        return Choice(alternatives) if alternatives else None

    def _sequence(self, tree: Any, within: tuple[str, ...]) -> GrammarNode | None:
        """All parts; None when one of them needs a terminal that is left to Lark."""
        nodes = [self._node(part, within) for part in tree.children]
        parts = tuple(node for node in nodes if node is not None)
        if len(parts) < len(nodes):
            return None
        return parts[0] if len(parts) == 1 else Sequence(parts)

    def _symbol(self, symbol: Any, within: tuple[str, ...]) -> GrammarNode | None:
        name = str(getattr(symbol, "name", ""))
        if name in self._patterns:
            return None if name in self._without else Terminal(name)
        rule = self.rule(name, within)
        if rule is None:
            return None
        alternatives = rule.body.alternatives if isinstance(rule.body, Choice) else (rule.body,)
        if self._rules[name][1] and not all(isinstance(node, GrammarRule) for node in alternatives):
            raise Unfoldable(f"`?{name}` is inlined only where it is a single rule")
        return rule.body if name.startswith("_") or self._rules[name][1] else rule

    def _size(self, tree: Any) -> int:
        """The maximum number of children, which is how many times Lark inserts None for an absent `[...]`."""
        if tree.data in ("value", "expr"):
            return int(tree.data == "value" and not tree.children[0].name.startswith("_"))
        sizes = [self._size(part) for part in tree.children]
        return max(sizes) if tree.data == "expansions" else sum(sizes)


def _may_be_empty(node: GrammarNode) -> bool:
    if isinstance(node, Sequence):
        return all(_may_be_empty(part) for part in node.parts)
    if isinstance(node, Choice):
        return any(_may_be_empty(alternative) for alternative in node.alternatives)
    return isinstance(node, Maybe | Repeat)


def variants(node: GrammarNode) -> Iterator[GrammarNode]:
    """A node for each combination of its choices between rules.

    `rule_add` becomes one node for each protocol. Their expressions are short, and a text needs only one of them.
    """
    if isinstance(node, GrammarRule):
        yield from (GrammarRule(node.name, body) for body in variants(node.body))
    elif isinstance(node, Sequence):
        yield from (Sequence(parts) for parts in product(*(list(variants(part)) for part in node.parts)))
    elif isinstance(node, Choice) and all(isinstance(part, GrammarRule) or _splits(part) for part in node.alternatives):
        for alternative in node.alternatives:
            yield from variants(alternative)
    elif isinstance(node, Maybe) and node.body is not None and _splits(node.body):
        yield Maybe(None, node.size)
        yield from variants(node.body)
    else:
        yield node


def _splits(node: GrammarNode) -> bool:
    return len(list(variants(node))) > 1


# --- expressions ----------------------------------------------------------------------------------------------------

# The part of a tree that the groups of an expression make; see `calicoctl.syntax.matcher`. A list, for JSON.
Shape = list[Any]


@dataclass(frozen=True, slots=True)
class Captures:
    """The parts of a line that get groups.

    Attributes:
        words_of: The rules whose words get a group each.
        whole: The rules that get one group as a whole.
        nonempty: The rules of which at least one optional part must be present.
    """

    words_of: Collection[str] = ()
    whole: Collection[str] = ()
    nonempty: Collection[str] = ()


class Expression:
    """Writes the regular expression of a node, and the shapes of its groups.

    Args:
        grammar: The grammar of the node.
        captures: What gets a group; None for every part of a tree.
    """

    def __init__(self, grammar: Grammar, captures: Captures | None = None) -> None:
        self._grammar = grammar
        self._captures = captures or Captures()
        self._is_for_tree = captures is None
        # Whether the parts of a tree get groups, which they do not within a repetition.
        self._is_captured = self._is_for_tree
        self._next_group = 1
        # For each word with a group: its rule, the group, and the rule that contains its rule.
        self.words: list[tuple[str, int, str]] = []
        self._within = ""

    def mark(self) -> int:
        """The number of an empty group `()`, which shows that the text before it matched."""
        return self._group()[0]

    def write(self, node: GrammarNode, shapes: list[Shape], rule: str = "") -> str:
        """The regular expression of a node.

        Args:
            node: The node.
            shapes: The list to which the shapes of its children are added.
            rule: The rule that the node belongs to.
        """
        if isinstance(node, Terminal):
            return self._terminal(node, shapes, rule)
        if isinstance(node, GrammarRule):
            return self._rule(node, shapes, rule)
        if isinstance(node, Sequence):
            return self._sequence(node, shapes, rule)
        if isinstance(node, Choice):
            return self._choice(node, shapes, rule)
        return self._maybe(node, shapes, rule) if isinstance(node, Maybe) else self._repeat(node, shapes, rule)

    def _group(self, is_captured: bool = True) -> tuple[int, str]:
        """The number of the next group and its opening parenthesis; 0 for a group that is not captured."""
        if not is_captured:
            return 0, "(?:"
        self._next_group += 1
        return self._next_group - 1, "("

    def _terminal(self, node: Terminal, shapes: list[Shape], rule: str) -> str:
        is_captured = (self._is_captured or rule in self._captures.words_of) and not node.name.startswith("_")
        group, begin = self._group(is_captured)
        if is_captured:
            shapes.append(["token", group, node.name])
            self.words.append((rule, group, self._within))
        pattern = self._grammar.pattern(node.name)
        if _ATOM in pattern:
            pattern = pattern.replace(_ATOM, f"atom{self._group()[0]}")
        # Where no tree is made, white space comes after the terminal: then an absent part begins with a letter, and is
        # skipped twice as fast.
        gap = self._grammar.gap
        return f"{gap}{begin}{pattern})" if self._is_for_tree else f"{begin}{pattern}){gap}"

    def _rule(self, node: GrammarRule, shapes: list[Shape], rule: str) -> str:
        is_captured_whole = node.name in self._captures.whole
        group, begin = self._group(self._is_captured or is_captured_whole)
        if is_captured_whole:
            self.words.append((node.name, group, rule))
        inner: list[Shape] = []
        within, self._within = self._within, rule
        body = self.write(node.body, inner, node.name)
        self._within = within
        shapes.append(["rule", group, node.name, inner])
        return f"{begin}{body})"

    def _sequence(self, node: Sequence, shapes: list[Shape], rule: str) -> str:
        written = [self.write(part, shapes, rule) for part in node.parts]
        maybes = [part.body for part in node.parts[1:] if isinstance(part, Maybe) and part.body is not None]
        if rule in self._captures.nonempty and len(maybes) == len(node.parts) - 1:
            written.insert(1, f"(?={'|'.join(self._grammar.pattern(_first(body).name) for body in maybes)})")
        return "".join(written)

    def _choice(self, node: Choice, shapes: list[Shape], rule: str) -> str:
        written = []
        choices = []
        for alternative in node.alternatives:
            group, begin = self._group(self._is_captured)
            inner: list[Shape] = []
            written.append(f"{begin}{self.write(alternative, inner, rule)})")
            choices.append([group, inner])
        shapes.append(["choice", choices])
        return f"(?:{'|'.join(written)})"

    def _maybe(self, node: Maybe, shapes: list[Shape], rule: str) -> str:
        if node.body is None:
            shapes.append(["maybe", 0, [], node.size])
            return ""
        group, begin = self._group(self._is_captured)
        inner: list[Shape] = []
        body = self.write(node.body, inner, rule)
        shapes.append(["maybe", group, inner, node.size])
        # Python's engine is slower with `?`.
        return f"(?:{begin}{body})|)"

    def _repeat(self, node: Repeat, shapes: list[Shape], rule: str) -> str:
        """A repetition has one group as a whole; the matcher searches it again for the groups of each item."""
        group, begin = self._group()
        inner: list[Shape] = []
        shapes.append(["repeat", group, Expression(self._grammar).write(node.body, inner, rule), inner])
        was_captured, self._is_captured = self._is_captured, False
        body = self.write(node.body, [], rule)
        self._is_captured = was_captured
        return f"{begin}(?:{body})*)"


def _first(node: GrammarNode) -> Terminal:
    """The terminal that a node begins with."""
    if isinstance(node, Terminal):
        return node
    if isinstance(node, GrammarRule):
        return _first(node.body)
    if isinstance(node, Sequence) and node.parts:
        return _first(node.parts[0])
    raise Unfoldable("an optional part that can begin with several terminals")


def fold(grammar: Grammar, start: str) -> list[dict[str, Any]]:
    """The expressions of a start of the grammar.

    Returns:
        A value for JSON: for each expression its `pattern`, which matches a whole text; the words that the text must
        contain (`all_of`), and the sets of words of which it must contain one each (`one_of`); the `shape` of the tree.
    """
    expressions: list[dict[str, Any]] = []
    for variant in _ordered(grammar, start):
        shapes: list[Shape] = []
        pattern = Expression(grammar).write(variant, shapes) + grammar.gap
        needs = list(_needs(grammar, variant))
        expressions.append(
            {
                "pattern": pattern,
                "all_of": sorted({word for need in needs if len(need) == 1 for word in need}),
                "one_of": [sorted(need) for need in needs if len(need) > 1],
                "shape": shapes[0],
            }
        )
    return expressions


def _ordered(grammar: Grammar, start: str) -> list[GrammarNode]:
    """The variants of a start rule, those with the most keywords first: they are frequent, and rarely tried wrongly."""
    rule = grammar.rule(start)
    nodes = () if rule is None else variants(rule)
    return sorted(nodes, key=lambda node: len(list(_needs(grammar, node))), reverse=True)


def fold_lines(grammar: Grammar, start: str, lines: Collection[str], captures: Captures) -> dict[str, Any]:
    """The expression for a line with its line break, which is of certain kinds or has no statement.

    Args:
        grammar: The grammar.
        start: The start rule of the line.
        lines: The rules of the kinds of line.
        captures: The parts that get groups.

    Returns:
        A value for JSON: the `pattern`, and for each kind of line (`kinds`) the number of its last group, its rule, and
        its words, each with its rule, its group, and the rule that contains its rule. The rule is empty for a line
        without a statement. For any other line, the pattern matches the empty text, with the group `other`.
    """
    writer = Expression(grammar, captures)
    line_end = rf"(?:{grammar.alone('COMMENT')})?\r?"
    kinds: list[dict[str, Any]] = []
    written = []
    for variant in _ordered(grammar, start):
        line = _line(variant, lines)
        if line is not None:
            writer.words = []
            written.append(writer.write(variant, []) + rf"{line_end}(?:\n|\Z)()")
            kinds.append({"group": writer.mark(), "line": line, "words": writer.words})
    written += [rf"{line_end}\n()", "()"]
    kinds.append({"group": writer.mark(), "line": "", "words": []})
    return {"pattern": f"{grammar.gap}(?:{'|'.join(written)})", "kinds": kinds, "other": writer.mark()}


def _line(node: GrammarNode, lines: Collection[str]) -> str | None:
    """The first of some rules that a node is or always contains; None if there is none."""
    if isinstance(node, GrammarRule):
        return node.name if node.name in lines else _line(node.body, lines)
    if isinstance(node, Sequence):
        return next(filter(None, (_line(part, lines) for part in node.parts)), None)
    return None


def _needs(grammar: Grammar, node: GrammarNode) -> Iterator[frozenset[str]]:
    """Sets of keywords, of each of which a matching text contains at least one."""
    if isinstance(node, Terminal):
        word = grammar.keyword(node.name)
        if word is not None:
            yield frozenset({word})
    elif isinstance(node, GrammarRule):
        yield from _needs(grammar, node.body)
    elif isinstance(node, Sequence):
        for part in node.parts:
            yield from _needs(grammar, part)
    elif isinstance(node, Choice):
        needs = [list(_needs(grammar, alternative)) for alternative in node.alternatives]
        if all(len(sets) == 1 for sets in needs):
            yield frozenset().union(*(sets[0] for sets in needs))
