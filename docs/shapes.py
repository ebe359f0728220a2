"""The shapes of a Lark grammar's rules, read from its trees before Lark compiles them.

Only there are options, repetitions and alternatives still what their author wrote. A rule of single words (`direction`,
say, or `tag`) is taken in where it is used; every other one has a shape of its own.
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
    # Lark's class is generic to type checkers alone.
    Node = Tree[object]

# The lines of a script are told apart by terminals alone; nothing in there is a word of the language.
_OF_LINES = ("script", "_line")

# Terminals that are no plain text in the grammar, and of which no message ever speaks.
_MARKS = {"_EMPTY": "{}", "_PROGRAM": "calicoctl"}
# A quoted name may stand for every name: said once in the text, it would clutter every diagram.
_QUOTED = ("QUOTED", "LISTED_QUOTED")


@dataclass(frozen=True)
class Word:
    """One word: a `keyword` as it is typed, a word that is `chosen` by the user, or another `rule`."""

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
    """A shape once or more often, with a separator between, if there is one."""

    item: Shape
    separator: Shape | None


Shape = Word | Row | Choice | Maybe | Repeated


@dataclass(frozen=True)
class Grammar:
    """The shapes of a grammar file's rules, and of those that it imports, by name."""

    rules: Mapping[str, Shape]

    def parts(self, rule: str) -> list[str]:
        """The rules that a rule's shape names, each once, in order."""
        names = {label(name): name for name in self.rules}
        return list(dict.fromkeys(names[word.text] for word in words(self.rules[rule]) if word.kind == "rule"))

    def reachable(self, starts: Sequence[str]) -> list[str]:
        """The starts, and the rules that they name, directly or not."""
        found: dict[str, None] = {}
        waiting = list(starts)
        while waiting:
            rule = waiting.pop(0)
            if rule not in found:
                found[rule] = None
                waiting += self.parts(rule)
        return list(found)


def label(rule: str) -> str:
    """What a rule is called in diagrams and headings: `rule_add` is `rule add`."""
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
    """Read files of `grammar/`; of a rule that several have, the last one counts, which may have more alternatives."""
    rules: dict[str, Shape] = {}
    for file in files:
        loaded = load_grammar(file)
        trees = {str(name): tree for name, _, tree, _ in loaded.rule_defs}
        literals = {str(name): text for name, (tree, _) in loaded.term_defs if (text := _literal(tree)) is not None}
        reader = _Reader(trees, {**literals, **_MARKS})
        rules.update((name, reader.shape(tree)) for name, tree in trees.items() if name not in _OF_LINES)
    return Grammar(rules)


class _Reader:
    """Makes shapes of trees.

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
        assert isinstance(tree, Tree), f"{tree!r} is no tree"
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
        # The same words may be told apart only by what they look like, as networks are.
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

    # By Lark's name for the tree; what is not here is in no grammar of ours, and fails.
    _SHAPES: ClassVar[Mapping[str, Callable[[_Reader, Node], Shape]]] = {
        "expansions": _choice,
        "expansion": _row,
        "maybe": _maybe,
        "expr": _expression,
        "value": _inner,
        "alias": _inner,
    }

    def _word(self, terminal: str) -> Word:
        """A terminal in words: as it is typed, or what messages call it."""
        if terminal in self._keywords:
            return Word(self._keywords[terminal], "keyword")
        described = describe((terminal,))
        if described == "nothing more":
            raise ValueError(f"there are no words for the terminal {terminal}")
        if described.startswith("`"):
            return Word(described.strip("`"), "keyword")
        return Word(described.removeprefix("a ").removeprefix("an "), "chosen")

    def _is_single(self, rule: str) -> bool:
        """Whether all that a rule can be is a single terminal."""
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
    """The text of a terminal that is one word of plain text; None for any other."""
    # The regular expression is `_END`, which only looks ahead.
    match [str(leaf) for leaf in _leaves(tree)]:
        case [text] | [text, "/(?!\\S)/"] if text.startswith('"'):
            return text.strip('"')
    return None
