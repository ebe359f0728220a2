"""Variables of scripts: their values, and their expansion in words.

Variables are expanded in the words of a syntax tree, and never in text that is still to be parsed. So a value is always
a word, or the words of a list, and cannot change the structure of the statement that refers to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Edit, diagnose
from calicoctl.fast_dataclasses import dataclass, field, fields, is_dataclass, replace
from calicoctl.language import limits
from calicoctl.language.keywords import counted
from calicoctl.language.names import VARIABLE_PATTERN, is_variable
from calicoctl.language.quoting import is_literal, unquoted
from calicoctl.nearest import nearest
from calicoctl.policy.validation_findings import Finding, Findings
from calicoctl.source import Definition, ExpandedSpan, Source, Span
from calicoctl.syntax import ast

Node = TypeVar("Node")

# A reference, or a text that looks like an incorrect reference. Any other `$` is a plain character.
_DOLLAR = re.compile(rf"\$\{{(?P<name>{VARIABLE_PATTERN})\}}|\$\{{[^}}]*\}}?|\$(?P<bare>{VARIABLE_PATTERN})|\$\(")
_REFERENCE = re.compile(rf"\$\{{({VARIABLE_PATTERN})\}}")
_UNCLOSED = re.compile(rf"\$\{{({VARIABLE_PATTERN})")
# A reference with a default value, as in a shell.
_DEFAULT = re.compile(rf"\$\{{({VARIABLE_PATTERN}):?[-=?+]")
# The least similarity of a name that is suggested: for a name with the same first letter, and for any other. The first
# letter is rarely misspelled, and `DB_PORT` is as similar to `WEB_PORTS` as `TAGZ` is to `TAGS`.
_SIMILAR, _VERY_SIMILAR = 0.7, 0.85


def referenced_names(text: str) -> frozenset[str]:
    """The names of the variables that a text refers to, single quotes being ignored."""
    return frozenset(_REFERENCE.findall(text))


def is_reference(text: str) -> bool:
    """Whether a text is exactly `${NAME}`."""
    return _REFERENCE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with its value.

    Attributes:
        node: The definition, as it was parsed.
        extent: The line of the definition.
        words: The value: one word, or several for a list.
        depth: The length of the longest chain of definitions that the value depends on, this definition included.
    """

    node: ast.Define
    extent: Span
    words: tuple[ast.Word, ...]
    depth: int = 1

    @property
    def name(self) -> str:
        """The name of the variable."""
        return self.node.name.text


@dataclass
class Expansion:
    """Collects the results of expanding a tree.

    Attributes:
        findings: The errors.
        failed: The words that could not be expanded; other errors about these words are only consequences.
        depth: The greatest depth of the variables that were expanded.
    """

    findings: Findings = field(default_factory=Findings)
    failed: list[Span] = field(default_factory=list)
    depth: int = 0

    def add_failed(self, word: ast.Word) -> None:
        """Add a word that could not be expanded."""
        self.failed.append(word.span.plain)

    def is_about_failed(self, span: Span | None) -> bool:
        """Whether a span is inside a word that could not be expanded."""
        return span is not None and any(
            span.source is word.source and word.start <= span.start <= span.end <= word.end for word in self.failed
        )


class Variables:
    """The variables that have been defined so far: each line of a script can use those that are defined before it."""

    def __init__(self) -> None:
        self._defined: dict[str, Variable] = {}
        self._overrides: dict[str, Variable] = {}
        self._referenced: set[str] = set()
        # Names that an invalid line may define; a reference to one of them is not reported as undefined.
        self._possibly_defined: set[str] = set()
        # Whether a file is missing that could have defined any name.
        self.is_incomplete = False
        # The number of words that have been inserted for long lists.
        self._list_words = 0
        # A source, and the offsets of the lines in it that seem to define a variable, by its name.
        self._definition_lines: tuple[Source | None, dict[str, list[int]]] = (None, {})

    # --- defining -------------------------------------------------------------------------------

    def define(self, node: ast.Define, extent: Span, findings: Findings) -> None:
        """Define a variable.

        Args:
            node: The definition.
            extent: The line of the definition.
            findings: Receives errors; after an error, the variable has no value.
        """
        variable = self.evaluate(node, extent, findings)
        if variable is not None:
            self._defined[variable.name] = variable
        elif node.name.text not in self._defined:
            self._possibly_defined.add(node.name.text)

    def override(self, node: ast.Define, extent: Span, findings: Findings) -> None:
        """Define a variable with a value that takes precedence over the definitions of scripts."""
        first = self._overrides.get(node.name.text)
        if first is not None:
            findings.add(messages.REPEATED_VARIABLE, _first_definition(node, first), name=node.name.text)
            return
        variable = self.evaluate(node, extent, findings)
        if variable is not None:
            self._overrides[variable.name] = variable
        else:
            self._possibly_defined.add(node.name.text)

    def evaluate(self, node: ast.Define, extent: Span, findings: Findings) -> Variable | None:
        """The variable of a definition; None after adding an error."""
        name = node.name.text
        if not is_variable(name):
            plain = name.strip("${}%@:")
            edit = plain if is_variable(plain) else None
            findings.add(messages.BAD_VARIABLE_NAME, node.name.span, edit, name=name, maximum=limits.VARIABLE_LENGTH)
            return None
        value = _value_span(node)
        if value.text[:1] + value.text[-1:] in ("{}", "[]", "()"):
            findings.add(messages.VALUE_IN_BRACKETS, value, value.text[1:-1].strip() or None)
            return None
        expansion = Expansion(findings)
        words = self._expand_list(node.value, expansion)
        if not self._count_list_words(len(words), node.name, expansion):
            return None
        first = self._defined.get(name)
        if first is not None and not _is_same_definition(node, first):
            findings.add(messages.REPEATED_VARIABLE, _first_definition(node, first), name=name)
            return None
        depth = expansion.depth + 1
        if depth > limits.VALUE_DEPTH:
            what = f"the value of `{name}` depends on a chain of {depth} definitions"
            findings.add(messages.EXPANSION_TOO_LARGE, node.name.span, what=what, maximum=limits.VALUE_DEPTH)
            return None
        return None if expansion.failed else Variable(node, extent, words, depth)

    def note_possible_definitions(self, names: Iterable[str]) -> None:
        """Add names that an invalid line may define."""
        self._possibly_defined |= set(names) - set(self._defined)

    def unused_overrides(self) -> Iterator[Diagnostic]:
        """The errors about values of the command line that no script uses."""
        known = self._referenced | set(self._defined) | self._possibly_defined
        for name, variable in self._overrides.items():
            if name not in known and not self.is_incomplete:
                near = _nearest_name(name, known)
                hint = None if near is None else f"did you mean `{near}`?"
                yield diagnose(messages.UNUSED_OVERRIDE, variable.node.name.span, hint, name=name)

    def at(self, span: Span) -> Variable | None:
        """The variable whose definition contains a span; None if there is none."""
        for variable in (*self._overrides.values(), *self._defined.values()):
            extent = variable.extent
            if span.source is extent.source and extent.start <= span.start <= span.end <= extent.end:
                return variable
        return None

    def with_definitions(self, definitions: Mapping[str, ast.Define], names: Iterable[str]) -> Variables | None:
        """The variables that a text depends on, with some definitions replaced.

        Args:
            definitions: The new definitions, by name.
            names: The variables that the text refers to.

        Returns:
            None if a definition has errors then.
        """
        needed: set[str] = set()
        pending = [*definitions, *names]
        while pending:
            name = pending.pop()
            variable = self._get(name)
            if name not in needed and variable is not None:
                needed.add(name)
                pending += referenced_names(variable.extent.text)
        result = Variables()
        for name in (*self._overrides, *self._defined):
            variable = self._get(name)
            if name in needed and variable is not None:
                needed.discard(name)
                findings = Findings()
                result.define(definitions.get(name, variable.node), variable.extent, findings)
                if findings.has_errors:
                    return None
        return result

    def _get(self, name: str) -> Variable | None:
        return self._overrides.get(name) or self._defined.get(name)

    # --- expanding ------------------------------------------------------------------------------

    def expand(self, node: Node, expansion: Expansion) -> Node:
        """A tree with the variables in its words expanded, except in JSON, keywords and here-documents."""
        if isinstance(node, ast.Word):
            word = self._expand_word(node, expansion, is_list=node.kind is ast.WordKind.PORTS)
            return cast("Node", word)
        if not is_dataclass(node) or isinstance(node, ast.Keyword | ast.HereDocument | ast.JsonRule | Span):
            return node
        changes = {}
        for node_field in fields(node):
            before = getattr(node, node_field.name)
            after = self._expand_part(before, expansion)
            if after is not before:
                changes[node_field.name] = after
        return replace(node, **changes) if changes else node  # type: ignore[type-var]  # a dataclass, as checked above

    def _expand_part(self, part: object, expansion: Expansion) -> object:
        if not isinstance(part, tuple):
            return self.expand(part, expansion)
        if part and isinstance(part[0], ast.Word) and part[0].kind is ast.WordKind.LISTED:
            return self._expand_list(part, expansion)
        return tuple(self.expand(item, expansion) for item in part)

    def _expand_list(self, words: Sequence[ast.Word], expansion: Expansion) -> tuple[ast.Word, ...]:
        """The expanded words of a list; a variable that is a list is replaced by all of its words."""
        result: list[ast.Word] = []
        for word in words:
            reference = _REFERENCE.fullmatch(word.span.text)
            variable = None if reference is None else self._look_up(reference[1], word, expansion)
            if reference is None or word.span.text != word.text:
                result.append(self._expand_word(word, expansion))
            elif variable is not None and self._count_list_words(len(variable.words), word, expansion):
                name = variable.name
                result += [_joined_word([_value_piece(0, word.span.plain, name, item)]) for item in variable.words]
        size = sum(len(word.text) + 1 for word in result)
        if words and size > limits.VALUE_LENGTH:
            self._add_size_error(words[0], size, expansion)
            return tuple(words)
        return tuple(result)

    def _expand_word(self, word: ast.Word, expansion: Expansion, *, is_list: bool = False) -> ast.Word:
        """The expanded word; `is_list`: it is a list of ports, in which the value of a variable may be a list, too."""
        typed = word.span.text
        # In single quotes, as in a shell, `$` is a plain character.
        if "$" not in typed or is_literal(typed):
            return word
        inner = range(1, len(typed) - 1) if typed[0] == '"' else range(len(typed))
        pieces: list[ast.Piece] = []
        is_valid, size, position = True, 0, inner.start
        for reference in _DOLLAR.finditer(typed, inner.start, inner.stop):
            size = _add_typed(pieces, word, position, reference.start(), size)
            position = reference.end()
            variable = self._referenced_variable(word, reference, expansion, is_list=is_list)
            if variable is None:
                is_valid = False
                continue
            if not self._count_list_words(len(variable.words), word, expansion):
                return word
            size = _add_value(pieces, _part_span(word, *reference.span()), variable, size)
            if size > limits.VALUE_LENGTH:
                self._add_size_error(word, size, expansion)
                return word
        if not is_valid:
            expansion.add_failed(word)
            return word
        _add_typed(pieces, word, position, inner.stop, size)
        return _joined_word(pieces, word.span) if any(piece.name for piece in pieces) else word

    def _referenced_variable(
        self, word: ast.Word, reference: re.Match[str], expansion: Expansion, *, is_list: bool
    ) -> Variable | None:
        """The variable of a reference; None after adding an error."""
        if reference["name"] is None:
            self._add_reference_error(word, reference, expansion)
            return None
        variable = self._look_up(reference["name"], word, expansion, reference.span())
        if variable is None or not self._check_list(variable, word, reference, expansion, is_list=is_list):
            return None
        return variable

    def _count_list_words(self, count: int, word: ast.Word, expansion: Expansion) -> bool:
        """Add the number of words of a list to the total for long lists; return whether the total is in its limit.

        Only the first list that exceeds the limit is reported, as all later errors have the same cause.
        """
        if count <= limits.LONG_LIST:
            return True
        before = self._list_words
        self._list_words += count
        if self._list_words <= limits.LONG_LIST_WORDS:
            return True
        expansion.add_failed(word)
        if before <= limits.LONG_LIST_WORDS:
            kind, maximum = messages.TOO_MANY_WORDS_OF_LISTS, limits.LONG_LIST_WORDS
            expansion.findings.add(kind, word.span, long=limits.LONG_LIST, maximum=maximum)
        return False

    def _later_definition(self, name: str, after: Span) -> int | None:
        """The number of the first line after a span that seems to define a variable; None if there is none."""
        source = after.source
        if self._definition_lines[0] is not source:
            offsets: dict[str, list[int]] = {}
            for definition in _DEFINITION.finditer(source.text):
                offsets.setdefault(definition[1], []).append(definition.start())
            self._definition_lines = (source, offsets)
        starts = self._definition_lines[1].get(name, ())
        index = bisect_left(starts, after.end)
        return source.line_number(starts[index]) if index < len(starts) else None

    def _look_up(
        self, name: str, word: ast.Word, expansion: Expansion, where: tuple[int, int] | None = None
    ) -> Variable | None:
        """The variable with a name, which is marked as referenced; None after adding an error.

        Args:
            name: The name.
            word: The word with the reference.
            expansion: Receives the error.
            where: The start and end of the reference in the typed word; None if it is the whole word.
        """
        variable = self._get(name)
        self._referenced.add(name)
        if variable is not None:
            expansion.depth = max(expansion.depth, variable.depth)
            return variable
        expansion.add_failed(word)
        span = _part_span(word, *(where or (0, len(word.span.text))))
        later_line = self._later_definition(name, span)
        near = None if later_line else _nearest_name(name, {*self._defined, *self._overrides})
        if name in self._possibly_defined or (self.is_incomplete and not (later_line or near)):
            return None
        hint = f"it is defined in line {later_line}, after its use" if later_line else None
        hint = f"`${{{near}}}` is defined" if near else hint
        error = diagnose(messages.UNDEFINED_VARIABLE, span, hint, name=name)
        edit = None if near is None else Edit(span, f"${{{near}}}")
        expansion.findings.entries.append(Finding(error, edit))
        return None

    def _check_list(
        self, variable: Variable, word: ast.Word, reference: re.Match[str], expansion: Expansion, *, is_list: bool
    ) -> bool:
        """Check that a variable whose value is a list replaces whole items of a list of ports."""
        if len(variable.words) == 1:
            return True
        before, after = word.span.text[: reference.start()], word.span.text[reference.end() :]
        if is_list and before[-1:] in ("", ",", '"') and after[:1] in ("", ",", '"'):
            return True
        span = _part_span(word, *reference.span())
        definition = Definition(variable.name, _value_span(variable.node))
        where = ExpandedSpan(span.source, span.start, span.end, (definition,))
        count = counted(len(variable.words), "word")
        expansion.findings.add(messages.LIST_FOR_WORD, where, name=variable.name, count=count)
        return False

    def _add_reference_error(self, word: ast.Word, reference: re.Match[str], expansion: Expansion) -> None:
        span, text = _part_span(word, *reference.span()), reference[0]
        unclosed = _UNCLOSED.fullmatch(text)
        name = reference["bare"] or (None if unclosed is None else unclosed[1])
        default = _DEFAULT.match(text)
        if default is not None:
            hint = f"set a value with `define {default[1]} = ...`, and override it with `--define {default[1]}=...`"
            expansion.findings.add_diagnostics([diagnose(messages.BAD_REFERENCE, span, hint, text=text)])
            return
        edit = None if name is None else f"${{{name}}}"
        expansion.findings.add(messages.BAD_REFERENCE, span, edit, text=text)

    def _add_size_error(self, word: ast.Word, size: int, expansion: Expansion) -> None:
        expansion.add_failed(word)
        what = f"the expanded text has {size} characters or more"
        expansion.findings.add(messages.EXPANSION_TOO_LARGE, word.span, what=what, maximum=limits.VALUE_LENGTH)


def _part_span(word: ast.Word, start: int, end: int) -> Span:
    """The span of a part of a word as it was typed, counted with its quotes."""
    span = word.span
    return Span(span.source, span.start + start, span.start + end)


def _add_typed(pieces: list[ast.Piece], word: ast.Word, start: int, end: int, size: int) -> int:
    """Add a piece of typed characters without variables, and return the new length of the text."""
    if start == end:
        return size
    span = _part_span(word, start, end)
    # No escape in double quotes contains a `$`, so no escape is cut in two. A word that has not been parsed yet may
    # have quotes around a part only; it is not unquoted here, and the parser rejects it later.
    is_quoted = word.span.text[:1] == '"' and unquoted(word.span.text) is not None
    inner = unquoted(f'"{span.text}"') if is_quoted else None
    text = span.text if inner is None else inner
    pieces.append(ast.Piece(size, size + len(text), span, text))
    return size + len(text)


def _add_value(pieces: list[ast.Piece], where: Span, variable: Variable, size: int) -> int:
    """Add the words of a value, with commas between them, and return the new length of the text."""
    for index, word in enumerate(variable.words):
        if index > 0:
            pieces.append(ast.Piece(size, size + 1, where, ",", variable.name))
            size += 1
        pieces.append(_value_piece(size, where, variable.name, word))
        size += len(word.text)
    return size


def _value_piece(start: int, where: Span, name: str, word: ast.Word) -> ast.Piece:
    return ast.Piece(start, start + len(word.text), where, word.text, name, word)


def _joined_word(pieces: Sequence[ast.Piece], span: Span | None = None) -> ast.ExpandedWord:
    """The word that consists of some pieces.

    Args:
        pieces: At least one piece.
        span: The word as it was typed; None if it is exactly the reference of the first piece.
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


def _value_span(node: ast.Define) -> Span:
    """The span of a value, from its first word to its last."""
    return Span(node.span.source, node.value[0].span.start, node.value[-1].span.end)


def _first_definition(node: ast.Define, first: Variable) -> Span:
    """The span of the name in a second definition, with a reference to the first definition."""
    span = node.name.span
    definition = Definition(first.name, first.node.name.span, is_first=True)
    return ExpandedSpan(span.source, span.start, span.end, (definition,))


def _is_same_definition(node: ast.Define, first: Variable) -> bool:
    """Whether a definition is the first one again, in a file that is included twice."""
    span, first_span = node.span, first.node.span
    is_same_file = bool(span.source.path) and span.source.path == first_span.source.path
    return is_same_file and (span.start, span.text) == (first_span.start, first_span.text)


# A line that seems to define a variable.
_DEFINITION = re.compile(rf"^[ \t]*define[ \t]+({VARIABLE_PATTERN})[ \t]*=", re.MULTILINE)


def _nearest_name(name: str, known_names: Collection[str]) -> str | None:
    """The known name that is most similar to a misspelled one; None if none is similar."""
    candidates = sorted(known_names)
    same_initial = [candidate for candidate in candidates if candidate[:1].lower() == name[:1].lower()]
    return nearest(name, same_initial, _SIMILAR) or nearest(name, candidates, _VERY_SIMILAR)
