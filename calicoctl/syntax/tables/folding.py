"""The grammar folded into regular expressions: what `calicoctl.syntax.matcher` goes by, made of the rules of Lark.

Nothing in a line is nested, so the rules can be put into one another until only terminals are left. A rule that does
nest, or is written in a way that is not understood here, is refused (`Unfoldable`), and a test folds every start.

A text that an expression takes is taken by Lark, as the same tree: the grammar has no conflicts and its terminals do
not collide (both proved by tests), so what remains is that a terminal must not stop elsewhere than it does alone.
Nearly all end where their word ends, in `(?!\\S)`; the others are made atomic.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import product
from typing import Any

from lark import Lark

from calicoctl.records import dataclass

# Words in quotes are left to Lark: they are rare, and would make the expressions twice as long.
QUOTES = frozenset({"QUOTED", "LISTED_QUOTED"})

# Stands for the name of a group.
_ATOM = "ATOM"
# A pattern without any choice, up to the end of its word.
_KEYWORD = re.compile(r"((?:[\w/-]|\\[^\w\s])+)\(\?!\\S\)")


class Unfoldable(Exception):
    """A rule of the grammar is recursive, or written in a way that has no counterpart here."""


# --- the grammar's rules as trees that only terminals are left in ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of the grammar."""

    name: str


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """A rule with its body; an inlined one (`?command`) is its body alone."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    alternatives: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """`[...]`: as many children are None as the body has when it is absent, even if it always is (`body` is None)."""

    body: Node | None
    size: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """`(...)*`."""

    body: Node


Node = Terminal | GrammarRule | Sequence | Choice | Maybe | Repeat


class Grammar:
    """The rules of a grammar, ready to be folded.

    Args:
        compiled: The grammar, just compiled: Lark does not keep the trees of the rules when it saves one.
        without: Terminals that are left to Lark, together with every alternative that needs one of them.
    """

    def __init__(self, compiled: Lark, without: Collection[str] = QUOTES) -> None:
        self._rules: dict[str, Any] = {}
        for name, parameters, tree, options in compiled.grammar.rule_defs:
            is_plain = not parameters and not options.keep_all_tokens and options.priority is None
            self._rules[str(name)] = (tree, options.expand1) if is_plain else None
        self._patterns = {str(each.name): each.pattern.to_regexp() for each in compiled.terminals}
        self._without = without
        # White space. More kinds of what is ignored, such as a line that goes on, are left to Lark.
        space = self._patterns[str(compiled.ignore_tokens[0])]
        # `[ \t]*` says the same as `(?:[ \t]+)?`, and takes a third off the time of a whole line.
        self.gap = f"{space[:-1]}*" if re.fullmatch(r"\[[^]]+\]\+", space) else f"(?:{space})?"

    def alone(self, terminal: str) -> str:
        """The regular expression of a terminal, as Lark has it."""
        return self._patterns[terminal]

    def pattern(self, terminal: str) -> str:
        """The regular expression of a terminal, so that it stops where it does alone; it may have a group `_ATOM`."""
        alone = self._patterns[terminal]
        if re.compile(alone).groups:
            raise Unfoldable(f"{terminal} has groups of its own")
        if re.search(r"\(\?!\\S\)\)*\Z", alone):
            return f"(?:{alone})"
        return rf"(?:{alone})(?!\S)" if alone.endswith(r"\S*") else f"(?=(?P<{_ATOM}>{alone}))(?P={_ATOM})"

    def keyword(self, terminal: str) -> str | None:
        """The word that a terminal is; None when it is not a single one."""
        found = _KEYWORD.fullmatch(self._patterns[terminal])
        return None if found is None else re.sub(r"\\(.)", r"\1", found[1])

    def rule(self, name: str, within: tuple[str, ...] = ()) -> GrammarRule | None:
        """A rule with everything that it is made of; None when it cannot do without a terminal that is left out.

        Raises:
            Unfoldable: It holds itself, or something that is not understood.
        """
        if name in within or self._rules.get(name) is None:
            raise Unfoldable(f"{' > '.join((*within, name))}")
        tree, _ = self._rules[name]
        body = self._node(tree, (*within, name))
        if body is not None and _may_be_empty(body):
            raise Unfoldable(f"{name} may be empty, and then has no place")
        return None if body is None else GrammarRule(name, body)

    def _node(self, tree: Any, within: tuple[str, ...]) -> Node | None:
        if tree.data == "expansions":
            alternatives = [self._node(each, within) for each in tree.children]
            found = tuple(each for each in alternatives if each is not None)
            return found[0] if len(found) == 1 else Choice(found) if found else None
        if tree.data == "expansion":
            parts = [self._node(each, within) for each in tree.children]
            sound = tuple(part for part in parts if part is not None)
            return None if len(sound) < len(parts) else sound[0] if len(sound) == 1 else Sequence(sound)
        if tree.data == "maybe":
            return Maybe(self._node(tree.children[0], within), self._size(tree.children[0]))
        if tree.data == "expr" and tree.children[1:] == ["*"]:
            # What may be absent, and is left out, is absent.
            body = self._node(tree.children[0], within)
            return Sequence(()) if body is None else Repeat(body)
        if tree.data == "value":
            return self._symbol(tree.children[0], within)
        raise Unfoldable(f"{tree.data} in {' > '.join(within)}")

    def _symbol(self, symbol: Any, within: tuple[str, ...]) -> Node | None:
        name = str(getattr(symbol, "name", ""))
        if name in self._patterns:
            return None if name in self._without else Terminal(name)
        rule = self.rule(name, within)
        if rule is None:
            return None
        alternatives = rule.body.alternatives if isinstance(rule.body, Choice) else (rule.body,)
        if self._rules[name][1] and not all(isinstance(each, GrammarRule) for each in alternatives):
            raise Unfoldable(f"`?{name}` is inlined only where it is a single rule")
        return rule.body if name.startswith("_") or self._rules[name][1] else rule

    def _size(self, tree: Any) -> int:
        """How many children something has, at most; what Lark puts in for a `[...]` that is absent."""
        if tree.data in ("value", "expr"):
            return int(tree.data == "value" and not tree.children[0].name.startswith("_"))
        sizes = [self._size(each) for each in tree.children]
        return max(sizes) if tree.data == "expansions" else sum(sizes)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Sequence):
        return all(_may_be_empty(part) for part in node.parts)
    if isinstance(node, Choice):
        return any(_may_be_empty(each) for each in node.alternatives)
    return isinstance(node, Maybe | Repeat)


def variants(node: Node) -> Iterator[Node]:
    """A node for each way through those of its choices that are between rules.

    `rule_add` becomes one for each protocol: expressions that are short, of which a text needs only one.
    """
    if isinstance(node, GrammarRule):
        yield from (GrammarRule(node.name, body) for body in variants(node.body))
    elif isinstance(node, Sequence):
        yield from (Sequence(parts) for parts in product(*(list(variants(part)) for part in node.parts)))
    elif isinstance(node, Choice) and all(isinstance(each, GrammarRule) or _splits(each) for each in node.alternatives):
        for alternative in node.alternatives:
            yield from variants(alternative)
    elif isinstance(node, Maybe) and node.body is not None and _splits(node.body):
        yield Maybe(None, node.size)
        yield from variants(node.body)
    else:
        yield node


def _splits(node: Node) -> bool:
    return len(list(variants(node))) > 1


# --- expressions ----------------------------------------------------------------------------------------------------

# What becomes of the groups of an expression; see `calicoctl.syntax.matcher`. A list, for it is kept as JSON.
Shape = list[Any]


@dataclass(frozen=True, slots=True)
class Words:
    """What is wanted of a line.

    Attributes:
        words_of: The rules whose words get a group each.
        whole: The rules that get a group themselves.
        filled: The rules of which a part that may be absent must be there.
    """

    words_of: Collection[str] = ()
    whole: Collection[str] = ()
    filled: Collection[str] = ()


class Expression:
    """Writes the regular expression of a node, with the shapes that its groups have.

    Args:
        grammar: Where the node comes from.
        wanted: What gets a group; None for all that a tree is made of.
    """

    def __init__(self, grammar: Grammar, wanted: Words | None = None) -> None:
        self._grammar = grammar
        self._wanted = wanted or Words()
        self._is_for_tree = wanted is None
        # Whether what a tree is made of gets groups, which is not so within what is repeated.
        self._is_captured = self._is_for_tree
        self._next_group = 1
        # Of each word that has a group: its rule, the group, and the rule that its rule stands in.
        self.words: list[tuple[str, int, str]] = []
        self._within = ""

    def mark(self) -> int:
        """A group for `()`, which tells that the text before it was taken."""
        return self._group()[0]

    def write(self, node: Node, shapes: list[Shape], rule: str = "") -> str:
        """The regular expression of a node.

        Args:
            node: The node.
            shapes: Gets the shapes of the children that it makes.
            rule: The rule that it belongs to.
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

    def _group(self, is_wanted: bool = True) -> tuple[int, str]:
        """The next group and what it begins with."""
        if not is_wanted:
            return 0, "(?:"
        self._next_group += 1
        return self._next_group - 1, "("

    def _terminal(self, node: Terminal, shapes: list[Shape], rule: str) -> str:
        is_kept = (self._is_captured or rule in self._wanted.words_of) and not node.name.startswith("_")
        group, begin = self._group(is_kept)
        if is_kept:
            shapes.append(["token", group, node.name])
            self.words.append((rule, group, self._within))
        pattern = self._grammar.pattern(node.name)
        if _ATOM in pattern:
            pattern = pattern.replace(_ATOM, f"atom{self._group()[0]}")
        # Behind, where no tree is wanted: what begins with a letter is passed over twice as fast where it is absent.
        gap = self._grammar.gap
        return f"{gap}{begin}{pattern})" if self._is_for_tree else f"{begin}{pattern}){gap}"

    def _rule(self, node: GrammarRule, shapes: list[Shape], rule: str) -> str:
        is_whole = node.name in self._wanted.whole
        group, begin = self._group(self._is_captured or is_whole)
        if is_whole:
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
        if rule in self._wanted.filled and len(maybes) == len(node.parts) - 1:
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
        # Not `?`, which Python's engine is slower at.
        return f"(?:{begin}{body})|)"

    def _repeat(self, node: Repeat, shapes: list[Shape], rule: str) -> str:
        """What is repeated has one group for all of it, which is gone through again for what each holds."""
        group, begin = self._group()
        inner: list[Shape] = []
        shapes.append(["repeat", group, Expression(self._grammar).write(node.body, inner, rule), inner])
        was_captured, self._is_captured = self._is_captured, False
        body = self.write(node.body, [], rule)
        self._is_captured = was_captured
        return f"{begin}(?:{body})*)"


def _first(node: Node) -> Terminal:
    """The terminal that a node begins with."""
    if isinstance(node, Terminal):
        return node
    if isinstance(node, GrammarRule):
        return _first(node.body)
    if isinstance(node, Sequence) and node.parts:
        return _first(node.parts[0])
    raise Unfoldable("a part that may be absent and begins in several ways")


def fold(grammar: Grammar, start: str) -> list[dict[str, Any]]:
    """The expressions of a start of the grammar.

    Returns:
        What can be written as JSON: for each expression its `pattern`, for a whole text; the words that the text must
        have (`all_of`), with those of which it must have one (`one_of`); and the `shape` of its tree.
    """
    found: list[dict[str, Any]] = []
    for variant in _ordered(grammar, start):
        shapes: list[Shape] = []
        pattern = Expression(grammar).write(variant, shapes) + grammar.gap
        needs = list(_needs(grammar, variant))
        found.append(
            {
                "pattern": pattern,
                "all_of": sorted({each for need in needs if len(need) == 1 for each in need}),
                "one_of": [sorted(need) for need in needs if len(need) > 1],
                "shape": shapes[0],
            }
        )
    return found


def _ordered(grammar: Grammar, start: str) -> list[Node]:
    """The variants of a start, those first that ask for most: they are the hot ones, and seldom tried in vain."""
    rule = grammar.rule(start)
    found = () if rule is None else variants(rule)
    return sorted(found, key=lambda each: len(list(_needs(grammar, each))), reverse=True)


def fold_lines(grammar: Grammar, start: str, lines: Collection[str], wanted: Words) -> dict[str, Any]:
    """The expression of one line, whole and with its line break, that is one of some kinds, or holds no statement.

    Args:
        grammar: The grammar.
        start: The start that the line belongs to.
        lines: The rules that it may be.
        wanted: What the groups are to tell.

    Returns:
        What can be written as JSON: the `pattern`, and for each kind of line (`kinds`) the group that is its last one,
        the rule that it is, and its words, each with its rule, its group, and the rule that its rule stands in. Of a
        line without a statement, the rule is empty. Where there is no such line, the pattern takes nothing, with the
        group `other`.
    """
    writer = Expression(grammar, wanted)
    behind = rf"(?:{grammar.alone('COMMENT')})?\r?"
    kinds: list[dict[str, Any]] = []
    written = []
    for variant in _ordered(grammar, start):
        line = _line(variant, lines)
        if line is not None:
            writer.words = []
            written.append(writer.write(variant, []) + rf"{behind}(?:\n|\Z)()")
            kinds.append({"group": writer.mark(), "line": line, "words": writer.words})
    written += [rf"{behind}\n()", "()"]
    kinds.append({"group": writer.mark(), "line": "", "words": []})
    return {"pattern": f"{grammar.gap}(?:{'|'.join(written)})", "kinds": kinds, "other": writer.mark()}


def _line(node: Node, lines: Collection[str]) -> str | None:
    """The first of some rules that a node is, or that it holds where it cannot be absent."""
    if isinstance(node, GrammarRule):
        return node.name if node.name in lines else _line(node.body, lines)
    if isinstance(node, Sequence):
        return next((found for found in (_line(part, lines) for part in node.parts) if found is not None), None)
    return None


def _needs(grammar: Grammar, node: Node) -> Iterator[frozenset[str]]:
    """The keywords of which a text must have one each, to be taken."""
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
        words = [list(_needs(grammar, each)) for each in node.alternatives]
        if all(len(each) == 1 for each in words):
            yield frozenset().union(*(each[0] for each in words))
