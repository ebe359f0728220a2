"""Read the shapes of a Lark grammar's rules from its trees before Lark compiles them.

Only these trees still have the options, repetitions and alternatives of the grammar's source. A rule of single words,
such as `direction` or `tag`, is inserted where it is used; every other rule has a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lark import Tree
from lark.grammar import NonTerminal, Terminal

from calicoctl.syntax.grammar import load_grammar
from calicoctl.syntax.vocabulary import describe

if TYPE_CHECKING:
    # Lark's class is generic only for type checkers.
    Node = Tree[object]

# Rules that split a script into lines; their terminals are not words of the language.
_OF_LINES = ("script", "_line")

# The words of terminals that are not plain text in the grammar and that no message names.
_MARKS = {"_EMPTY": "{}", "_PROGRAM": "calicoctl"}
# Any name may be quoted. The text of the page states this once; in the diagrams, it would be repeated for every name.
_QUOTED = ("QUOTED", "LISTED_QUOTED")


@dataclass(frozen=True)
class Word:
    """One word: a `keyword`, typed as it is; a value `chosen` by the user; or a reference to another `rule`."""

    text: str
    kind: Literal["keyword", "chosen", "rule"]


@dataclass(frozen=True)
class Row:
    """One shape after the other."""

    items: tuple[Shape, ...]


@dataclass(frozen=True)
class Choice:
    """One of several shapes."""

    items: tuple[Shape, ...]


@dataclass(frozen=True)
class Maybe:
    """A shape, or nothing."""

    item: Shape


@dataclass(frozen=True)
class Repeated:
    """A shape one or more times, with an optional separator."""

    item: Shape
    separator: Shape | None


Shape = Word | Row | Choice | Maybe | Repeated


@dataclass(frozen=True)
class Grammar:
    """The shapes of a grammar file's rules, and of those that it imports, by name."""

    rules: Mapping[str, Shape]

    def parts(self, rule: str) -> list[str]:
        """The rules that a rule's shape refers to, each once, in order."""
        names = {label(name): name for name in self.rules}
        return list(dict.fromkeys(names[word.text] for word in words(self.rules[rule]) if word.kind == "rule"))

    def reachable(self, starts: Sequence[str]) -> list[str]:
        """The starts, and the rules that they refer to, directly or indirectly."""
        rules_reached: dict[str, None] = {}
        waiting = list(starts)
        while waiting:
            rule = waiting.pop(0)
            if rule not in rules_reached:
                rules_reached[rule] = None
                waiting += self.parts(rule)
        return list(rules_reached)


def label(rule: str) -> str:
    """The name of a rule in diagrams and headings: `rule_add` is `rule add`."""
    return rule.replace("_", " ")


def words(shape: Shape) -> Iterator[Word]:
    """The words of a shape, in order."""
    match shape:
        case Word():
            yield shape
        case Row(items) | Choice(items):
            for item in items:
                yield from words(item)
        case Maybe(item):
            yield from words(item)
        case Repeated(item, separator):
            yield from words(item)
            yield from words(separator) if separator is not None else ()


def read_grammar(*files: str) -> Grammar:
    """Read files of `grammar/`. If several define a rule, the last one is used, as it may add alternatives."""
    rules: dict[str, Shape] = {}
    for file in files:
        loaded = load_grammar(file)
        trees = {str(name): tree for name, _, tree, _ in loaded.rule_defs}
        literals = {str(name): text for name, (tree, _) in loaded.term_defs if (text := _literal(tree)) is not None}
        reader = _Reader(trees, {**literals, **_MARKS})
        rules.update((name, reader.shape(tree)) for name, tree in trees.items() if name not in _OF_LINES)
    return Grammar(rules)


class _Reader:
    """Convert trees to shapes.

    Args:
        trees: The tree of each rule, by name.
        keywords: The text of each terminal that is typed as it is, by name.
    """

    def __init__(self, trees: Mapping[str, Node], keywords: Mapping[str, str]) -> None:
        self._trees = trees
        self._keywords = keywords

    def shape(self, tree: object) -> Shape:
        """The shape of a tree, or of a leaf of one."""
        if isinstance(tree, Terminal):
            return self._word(str(tree.name))
        if isinstance(tree, NonTerminal):
            name = str(tree.name)
            return self.shape(self._trees[name]) if self._is_single(name) else Word(label(name), "rule")
        assert isinstance(tree, Tree), f"{tree!r} is not a tree"
        return self._SHAPES[str(tree.data)](self, tree)

    def _inner(self, tree: Node) -> Shape:
        return self.shape(tree.children[0])

    def _maybe(self, tree: Node) -> Shape:
        return Maybe(self._inner(tree))

    def _expression(self, tree: Node) -> Shape:
        repeated = Repeated(self._inner(tree), None)
        shapes: dict[str, Shape] = {"*": Maybe(repeated), "+": repeated, "?": Maybe(repeated.item)}
        return shapes[str(tree.children[1])]

    def _choice(self, tree: Node) -> Shape:
        # Alternatives with equal shapes differ only in the pattern of a terminal, as those of networks do.
        items = tuple(dict.fromkeys(self.shape(child) for child in tree.children if not _is_quoted(child)))
        return items[0] if len(items) == 1 else Choice(items)

    def _row(self, tree: Node) -> Shape:
        """A row; in it `a ("," a)*` is one item, `a` with commas between."""
        items: list[Shape] = []
        for child in tree.children:
            item = self.shape(child)
            match item:
                case Maybe(Repeated(Row((separator, again)), None)) if items and items[-1] == again:
                    items[-1] = Repeated(again, separator)
                case _:
                    items.append(item)
        return items[0] if len(items) == 1 else Row(tuple(items))

    # By Lark's name for the tree. Other kinds of trees do not occur in our grammars, and raise KeyError.
    _SHAPES: ClassVar[Mapping[str, Callable[[_Reader, Node], Shape]]] = {
        "expansions": _choice,
        "expansion": _row,
        "maybe": _maybe,
        "expr": _expression,
        "value": _inner,
        "alias": _inner,
    }

    def _word(self, terminal: str) -> Word:
        """The word of a terminal: the keyword itself, or its name in messages."""
        if terminal in self._keywords:
            return Word(self._keywords[terminal], "keyword")
        described = describe((terminal,))
        if described == "nothing more":
            raise ValueError(f"there are no words for the terminal {terminal}")
        if described.startswith("`"):
            return Word(described.strip("`"), "keyword")
        return Word(described.removeprefix("a ").removeprefix("an "), "chosen")

    def _is_single(self, rule: str) -> bool:
        """Whether every alternative of a rule is a single terminal."""
        return all(
            len(_leaves(child)) == 1 and isinstance(_leaves(child)[0], Terminal) for child in self._trees[rule].children
        )


def _leaves(tree: object) -> list[object]:
    if isinstance(tree, Tree):
        return [leaf for child in tree.children for leaf in _leaves(child)]
    return [tree]


def _is_quoted(tree: object) -> bool:
    return [leaf.name for leaf in _leaves(tree) if isinstance(leaf, Terminal)] in ([name] for name in _QUOTED)


def _literal(tree: Node) -> str | None:
    """The text of a terminal that is one word of plain text; None for any other terminal."""
    # The regular expression is `_END`, a lookahead.
    match [str(leaf) for leaf in _leaves(tree)]:
        case [text] | [text, "/(?!\\S)/"] if text.startswith('"'):
            return text.strip('"')
    return None
