"""Variables of scripts: their values, and what words become when the variables named in them are expanded.

Expanding is done to the words of a tree, never to text that is still to be parsed: whatever a value holds, it is a
word, or the words of a list, and no value can make another statement of the one that names it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Edit, diagnose
from calicoctl.language import limits
from calicoctl.language.names import VARIABLE, is_variable
from calicoctl.language.quoting import is_literal, unquoted
from calicoctl.language.words import counted
from calicoctl.nearest import nearest
from calicoctl.policy.findings import Finding, Findings
from calicoctl.records import dataclass, field, fields, is_dataclass, replace
from calicoctl.source import Definition, ExpandedSpan, Source, Span
from calicoctl.syntax import ast

Node = TypeVar("Node")

# What a `$` can begin: a reference, or something that was meant to be one. Any other `$` is a character.
_DOLLAR = re.compile(rf"\$\{{(?P<name>{VARIABLE})\}}|\$\{{[^}}]*\}}?|\$(?P<bare>{VARIABLE})|\$\(")
_REFERENCE = re.compile(rf"\$\{{({VARIABLE})\}}")
_UNCLOSED = re.compile(rf"\$\{{({VARIABLE})")
# How much a name must resemble another one, and one that begins with another letter: few misspell the first, and
# `DB_PORT` is as much like `WEB_PORTS` as `TAGZ` like `TAGS`.
_ALIKE, _VERY_MUCH_ALIKE = 0.7, 0.85

_DEFAULT = re.compile(rf"\$\{{({VARIABLE}):?[-=?+]")


def referenced_names(text: str) -> frozenset[str]:
    """The variables whose values a text asks for, or would if it did not stand in single quotes."""
    return frozenset(_REFERENCE.findall(text))


def is_reference(text: str) -> bool:
    """Whether a text is `${NAME}` and nothing else."""
    return _REFERENCE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with its value.

    Attributes:
        node: The line that defines it, as it was parsed.
        extent: That line.
        words: Its value: one word, or several for a list.
        depth: How many definitions its value is made through, its own included.
    """

    node: ast.Define
    extent: Span
    words: tuple[ast.Word, ...]
    depth: int = 1

    @property
    def name(self) -> str:
        """What it is called."""
        return self.node.name.text


@dataclass
class Expansion:
    """Collects what was found while a tree was expanded.

    Attributes:
        findings: What is wrong.
        failed: The words that could not be expanded; what else is said of them only follows from that.
        depth: The most definitions that a value that was put in is made through.
    """

    findings: Findings = field(default_factory=Findings)
    failed: list[Span] = field(default_factory=list)
    depth: int = 0

    def refuse(self, word: ast.Word) -> None:
        """Note that a word could not be expanded."""
        self.failed.append(word.span.plain)

    def is_about_failed(self, span: Span | None) -> bool:
        """Whether a span lies in a word that could not be expanded."""
        return span is not None and any(
            span.source is word.source and word.start <= span.start <= span.end <= word.end for word in self.failed
        )


class Variables:
    """The variables of a run, as far as it has been read: each line sees those that were defined before it."""

    def __init__(self) -> None:
        self._defined: dict[str, Variable] = {}
        self._overrides: dict[str, Variable] = {}
        self._asked: set[str] = set()
        # Names in lines that were wrong: that they are not defined is no second mistake.
        self._doubtful: set[str] = set()
        # Whether a file that could have defined any name is missing.
        self.is_incomplete = False
        # The words that long lists have become so far.
        self._list_words = 0
        self._definition_lines: tuple[Source | None, dict[str, list[int]]] = (None, {})

    # --- defining -------------------------------------------------------------------------------

    def define(self, node: ast.Define, extent: Span, findings: Findings) -> None:
        """Give a variable its value.

        Args:
            node: The definition.
            extent: The line that it stands in.
            findings: Where complaints go; with an error among them, the variable has no value.
        """
        variable = self.evaluate(node, extent, findings)
        if variable is not None:
            self._defined[variable.name] = variable
        elif node.name.text not in self._defined:
            self._doubtful.add(node.name.text)

    def override(self, node: ast.Define, extent: Span, findings: Findings) -> None:
        """Give a variable the value that it keeps, whatever a script says."""
        first = self._overrides.get(node.name.text)
        if first is not None:
            findings.add(messages.REPEATED_VARIABLE, _first_definition(node, first), name=node.name.text)
            return
        variable = self.evaluate(node, extent, findings)
        if variable is not None:
            self._overrides[variable.name] = variable
        else:
            self._doubtful.add(node.name.text)

    def evaluate(self, node: ast.Define, extent: Span, findings: Findings) -> Variable | None:
        """The variable that a definition would make; None after it was noted what is wrong with it."""
        name = node.name.text
        if not is_variable(name):
            plain = name.strip("${}%@:")
            mend = plain if is_variable(plain) else None
            findings.add(messages.BAD_VARIABLE_NAME, node.name.span, mend, name=name, maximum=limits.VARIABLE_LENGTH)
            return None
        value = _whole_value(node)
        if value.text[:1] + value.text[-1:] in ("{}", "[]", "()"):
            findings.add(messages.VALUE_IN_BRACKETS, value, value.text[1:-1].strip() or None)
            return None
        expansion = Expansion(findings)
        words = self._list(node.value, expansion)
        if not self._afford(len(words), node.name, expansion):
            return None
        first = self._defined.get(name)
        if first is not None and not _is_same(node, first):
            findings.add(messages.REPEATED_VARIABLE, _first_definition(node, first), name=name)
            return None
        depth = expansion.depth + 1
        if depth > limits.VALUE_DEPTH:
            what = f"the value of `{name}` is made through {depth} definitions"
            findings.add(messages.EXPANSION_TOO_LARGE, node.name.span, what=what, maximum=limits.VALUE_DEPTH)
            return None
        return None if expansion.failed else Variable(node, extent, words, depth)

    def note_possible_definitions(self, names: Iterable[str]) -> None:
        """Note names that a wrong line may have meant to define."""
        self._doubtful |= set(names) - set(self._defined)

    def unused_overrides(self) -> Iterator[Diagnostic]:
        """The complaints about values given on the command line that no script has a use for."""
        known = self._asked | set(self._defined) | self._doubtful
        for name, variable in self._overrides.items():
            if name not in known and not self.is_incomplete:
                near = _near(name, known)
                hint = None if near is None else f"`{near}` is one that they do"
                yield diagnose(messages.UNUSED_OVERRIDE, variable.node.name.span, hint, name=name)

    def at(self, span: Span) -> Variable | None:
        """The variable in whose definition a span lies."""
        for variable in (*self._overrides.values(), *self._defined.values()):
            extent = variable.extent
            if span.source is extent.source and extent.start <= span.start <= span.end <= extent.end:
                return variable
        return None

    def with_definitions(self, lines: Mapping[str, ast.Define], named: Iterable[str]) -> Variables | None:
        """The variables that a text depends on, as they would be if some were defined otherwise.

        Args:
            lines: The new definitions, by name.
            named: The variables that the text names.

        Returns:
            None when a new definition is not sound.
        """
        needed: set[str] = set()
        waiting = [*lines, *named]
        while waiting:
            name = waiting.pop()
            variable = self._get(name)
            if name not in needed and variable is not None:
                needed.add(name)
                waiting += referenced_names(variable.extent.text)
        result = Variables()
        for name, variable in ((name, self._get(name)) for name in (*self._overrides, *self._defined)):
            if name in needed and variable is not None:
                findings = Findings()
                needed.discard(name)
                result.define(lines.get(name, variable.node), variable.extent, findings)
                if findings.has_errors:
                    return None
        return result

    def _get(self, name: str) -> Variable | None:
        return self._overrides.get(name) or self._defined.get(name)

    # --- expanding ------------------------------------------------------------------------------

    def expand(self, node: Node, expansion: Expansion) -> Node:
        """A tree with the values of variables in its words; JSON, keywords and here-documents stay as they are."""
        if isinstance(node, ast.Word):
            word: Any = self._word(node, expansion, is_list=node.kind is ast.WordKind.PORTS)
            return word  # type: ignore[no-any-return]  # a word of a word
        if not is_dataclass(node) or isinstance(node, ast.Keyword | ast.HereDocument | ast.JsonRule | Span):
            return node
        changes = {}
        for each in fields(node):
            before = getattr(node, each.name)
            after = self._part(before, expansion)
            if after is not before:
                changes[each.name] = after
        return replace(node, **changes) if changes else node  # type: ignore[type-var]  # a dataclass, as asked above

    def _part(self, part: object, expansion: Expansion) -> object:
        if not isinstance(part, tuple):
            return self.expand(part, expansion)
        if part and isinstance(part[0], ast.Word) and part[0].kind is ast.WordKind.LISTED:
            return self._list(part, expansion)
        return tuple(self.expand(each, expansion) for each in part)

    def _list(self, words: Sequence[ast.Word], expansion: Expansion) -> tuple[ast.Word, ...]:
        """The words of a list, in which a variable that is a list stands for all of its words."""
        result: list[ast.Word] = []
        for word in words:
            whole = _REFERENCE.fullmatch(word.span.text)
            variable = None if whole is None else self._named(whole[1], word, expansion)
            if whole is None or word.span.text != word.text:
                result.append(self._word(word, expansion))
            elif variable is not None and self._afford(len(variable.words), word, expansion):
                name = variable.name
                result += [_put_together([_referred(0, word.span.plain, name, item)]) for item in variable.words]
        size = sum(len(word.text) + 1 for word in result)
        if words and size > limits.VALUE_LENGTH:
            self._complain_of_size(words[0], size, expansion)
            return tuple(words)
        return tuple(result)

    def _word(self, word: ast.Word, expansion: Expansion, *, is_list: bool = False) -> ast.Word:
        """A word with the values in it; a value that is a list fits only where `is_list`, between commas."""
        typed = word.span.text
        # In single quotes everything is a character, as in a shell.
        if "$" not in typed or is_literal(typed):
            return word
        inner = range(1, len(typed) - 1) if typed[0] == '"' else range(len(typed))
        pieces: list[ast.Piece] = []
        is_sound, size, at = True, 0, inner.start
        for found in _DOLLAR.finditer(typed, inner.start, inner.stop):
            size = _add_typed(pieces, word, at, found.start(), size)
            at = found.end()
            if found["name"] is None:
                self._complain_of_reference(word, found, expansion)
                is_sound = False
                continue
            variable = self._named(found["name"], word, expansion, found.span())
            if variable is None or not self._fits(variable, word, found, expansion, is_list=is_list):
                is_sound = False
                continue
            if not self._afford(len(variable.words), word, expansion):
                return word
            where = _within(word, *found.span())
            size = _add_value(pieces, where, variable, size)
            if size > limits.VALUE_LENGTH:
                self._complain_of_size(word, size, expansion)
                return word
        if not is_sound:
            expansion.refuse(word)
            return word
        _add_typed(pieces, word, at, inner.stop, size)
        return _put_together(pieces, word.span) if any(piece.name for piece in pieces) else word

    def _afford(self, count: int, word: ast.Word, expansion: Expansion) -> bool:
        """Count the words of a list that is put in, if it is long; whether there are not too many yet.

        That there are is said once: whatever follows is wrong for the same reason.
        """
        if count <= limits.LONG_LIST:
            return True
        before = self._list_words
        self._list_words += count
        if self._list_words <= limits.LONG_LIST_WORDS:
            return True
        expansion.refuse(word)
        if before <= limits.LONG_LIST_WORDS:
            kind, most = messages.TOO_MANY_WORDS_OF_LISTS, limits.LONG_LIST_WORDS
            expansion.findings.add(kind, word.span, long=limits.LONG_LIST, maximum=most)
        return False

    def _line_of_definition(self, name: str, behind: Span) -> int | None:
        """The line that defines a variable in the rest of a script; None when none seems to."""
        source = behind.source
        if self._definition_lines[0] is not source:
            places: dict[str, list[int]] = {}
            for found in _DEFINITION.finditer(source.text):
                places.setdefault(found[1], []).append(found.start())
            self._definition_lines = (source, places)
        places = self._definition_lines[1]
        defined = places.get(name, ())
        later = bisect_left(defined, behind.end)
        return source.line_number(defined[later]) if later < len(defined) else None

    def _named(
        self, name: str, word: ast.Word, expansion: Expansion, where: tuple[int, int] | None = None
    ) -> Variable | None:
        """The variable of a name, noted as asked for; None after it was noted that there is none."""
        variable = self._get(name)
        self._asked.add(name)
        if variable is not None:
            expansion.depth = max(expansion.depth, variable.depth)
            return variable
        expansion.refuse(word)
        span = _within(word, *(where or (0, len(word.span.text))))
        below = self._line_of_definition(name, span)
        near = None if below else _near(name, {*self._defined, *self._overrides})
        if name in self._doubtful or (self.is_incomplete and not (below or near)):
            return None
        hint = f"it is defined in line {below}, after its use" if below else None
        hint = f"`${{{near}}}` is defined" if near else hint
        complaint = diagnose(messages.UNDEFINED_VARIABLE, span, hint, name=name)
        mend = None if near is None else Edit(span, f"${{{near}}}")
        expansion.findings.entries.append(Finding(complaint, mend))
        return None

    def _fits(
        self, variable: Variable, word: ast.Word, found: re.Match[str], expansion: Expansion, *, is_list: bool
    ) -> bool:
        """Whether a list stands where one may: in a list of ports, for whole items of it."""
        if len(variable.words) == 1:
            return True
        before, behind = word.span.text[: found.start()], word.span.text[found.end() :]
        if is_list and before[-1:] in ("", ",", '"') and behind[:1] in ("", ",", '"'):
            return True
        span = _within(word, *found.span())
        definition = Definition(variable.name, _whole_value(variable.node))
        where = ExpandedSpan(span.source, span.start, span.end, (definition,))
        count = counted(len(variable.words), "word")
        expansion.findings.add(messages.LIST_FOR_WORD, where, name=variable.name, count=count)
        return False

    def _complain_of_reference(self, word: ast.Word, found: re.Match[str], expansion: Expansion) -> None:
        span, text = _within(word, *found.span()), found[0]
        unclosed = _UNCLOSED.fullmatch(text)
        name = found["bare"] or (None if unclosed is None else unclosed[1])
        default = _DEFAULT.match(text)
        if default is not None:
            hint = f"`define {default[1]} = ...` gives a value, and `--define {default[1]}=...` another for one run"
            expansion.findings.add_diagnostics([diagnose(messages.BAD_REFERENCE, span, hint, text=text)])
            return
        mend = None if name is None else f"${{{name}}}"
        expansion.findings.add(messages.BAD_REFERENCE, span, mend, text=text)

    def _complain_of_size(self, word: ast.Word, size: int, expansion: Expansion) -> None:
        expansion.refuse(word)
        what = f"with the values of its variables this has {size} characters or more"
        expansion.findings.add(messages.EXPANSION_TOO_LARGE, word.span, what=what, maximum=limits.VALUE_LENGTH)


def _within(word: ast.Word, start: int, end: int) -> Span:
    """Some characters of a word as it was typed, its quotes included."""
    span = word.span
    return Span(span.source, span.start + start, span.start + end)


def _add_typed(pieces: list[ast.Piece], word: ast.Word, start: int, end: int, size: int) -> int:
    """Add characters that were typed as they are, and return the length that the text has then."""
    if start == end:
        return size
    span = _within(word, start, end)
    # No escape of a string in double quotes has a `$` in it, so that none is cut in two. Of a word that was not
    # parsed yet, quotes may be around a part only; then it is what it looks like, and refused by the parser.
    is_quoted = word.span.text[:1] == '"' and unquoted(word.span.text) is not None
    inner = unquoted(f'"{span.text}"') if is_quoted else None
    text = span.text if inner is None else inner
    pieces.append(ast.Piece(size, size + len(text), span, text))
    return size + len(text)


def _add_value(pieces: list[ast.Piece], where: Span, variable: Variable, size: int) -> int:
    """Add the words of a value, with commas between them, and return the length that the text has then."""
    for index, word in enumerate(variable.words):
        if index > 0:
            pieces.append(ast.Piece(size, size + 1, where, ",", variable.name))
            size += 1
        pieces.append(_referred(size, where, variable.name, word))
        size += len(word.text)
    return size


def _referred(start: int, where: Span, name: str, word: ast.Word) -> ast.Piece:
    return ast.Piece(start, start + len(word.text), where, word.text, name, word)


def _put_together(pieces: Sequence[ast.Piece], span: Span | None = None) -> ast.ExpandedWord:
    """The word that pieces make.

    Args:
        pieces: At least one.
        span: The word as it was typed; None when it is a reference and no more.
    """
    where = pieces[0].typed if span is None else span
    via: dict[Definition, None] = {}
    for piece in pieces:
        if piece.word is not None and piece.name is not None:
            via[Definition(piece.name, piece.word.span.plain)] = None
            if len(pieces) == 1:
                via.update(dict.fromkeys(piece.word.span.via))
    text = "".join(piece.text for piece in pieces)
    span = ExpandedSpan(where.source, where.start, where.end, tuple(via))
    return ast.ExpandedWord(text, span, pieces=tuple(pieces))


def _whole_value(node: ast.Define) -> Span:
    """All words of a value, and what stands between them."""
    return Span(node.span.source, node.value[0].span.start, node.value[-1].span.end)


def _first_definition(node: ast.Define, first: Variable) -> Span:
    """The name in a second definition, with the place of the first."""
    span = node.name.span
    definition = Definition(first.name, first.node.name.span, is_first=True)
    return ExpandedSpan(span.source, span.start, span.end, (definition,))


def _is_same(node: ast.Define, first: Variable) -> bool:
    """Whether a definition is the first one, in a file that is included once more."""
    here, there = node.span, first.node.span
    return bool(here.source.path) and (here.source.path, here.start, here.text) == (
        there.source.path,
        there.start,
        there.text,
    )


# A line that seems to define a variable.
_DEFINITION = re.compile(rf"^[ \t]*define[ \t]+({VARIABLE})[ \t]*=", re.MULTILINE)


def _near(name: str, known: Collection[str]) -> str | None:
    """The one of some names that a name was probably meant to be."""
    alike = [each for each in sorted(known) if each[:1].lower() == name[:1].lower()]
    return nearest(name, alike, _ALIKE) or nearest(name, sorted(known), _VERY_MUCH_ALIKE)
