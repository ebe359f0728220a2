"""Scripts, from their text to validated statements, with every error of every file in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from calicoctl import messages
from calicoctl.diagnostics import Correction, Diagnostic, Fix, Refused, diagnose
from calicoctl.engine.frontend.includes import Inclusions, OpenFile
from calicoctl.engine.frontend.statements import define, validate
from calicoctl.language import limits
from calicoctl.language.names import VARIABLE
from calicoctl.language.words import Direction
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.sound_lines import skip_sound_lines
from calicoctl.policy.variables import Expansion, Variables, is_reference
from calicoctl.records import dataclass, field, replace
from calicoctl.source import DEFINE_OPTION, Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem, parse
from calicoctl.syntax.repair.other_forms import detect_other_format
from calicoctl.syntax.scripts.reader import Directive, Item, ListItem, SkippedLines, StatementItem, skip_no_lines

# To find the line of each takes a look through the whole text; nobody reads so many.
_SORTED_MAX = 500

# Of so many lines alone the nearest statement is searched for, which takes longer than all else.
_SEARCHES_MAX = 100

# The words of a line that is wrong and was perhaps meant to define something.
_DEFINED = re.compile(rf"[%@!]?(?:\w+\s+)?[${{%]*({VARIABLE})")
_NEVER_DEFINES = ("profile", "calicoctl", "./calicoctl", "$ ")


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """A statement of a script.

    Attributes:
        statement: What shall be done.
        extent: The line that says so.
        places: Of a block: where its rules are written, by their list.
    """

    statement: valid.Statement
    extent: Span
    places: tuple[tuple[Direction, tuple[Span, ...]], ...] = ()

    def rule_spans(self, direction: Direction) -> tuple[Span, ...]:
        """Where the rules of a block's list are written, in order."""
        return next((spans for each, spans in self.places if each is direction), ())


def _step(statement: valid.Statement, extent: Span, node: ast.StatementNode) -> ScriptStep:
    if not isinstance(node, ast.ProfileBlock):
        return ScriptStep(statement, extent)
    lists = ((Direction.INBOUND, node.inbound), (Direction.OUTBOUND, node.outbound))
    places = tuple((direction, tuple(rule.span for rule in rules)) for direction, rules in lists)
    return ScriptStep(statement, extent, places)


@dataclass(frozen=True, slots=True)
class _Unread:
    """Statements that are known to be sound, and become steps when they are wanted.

    Attributes:
        item: What they are.
        variables: What their words may name; a value that was given once is never another.
    """

    item: SkippedLines | StatementItem
    variables: Variables

    @property
    def count(self) -> int:
        """How many steps they become."""
        return self.item.count if isinstance(self.item, SkippedLines) else 1

    def steps(self) -> Iterator[ScriptStep]:
        """The steps."""
        # Imported here: to check a script, no step is made.
        from calicoctl.policy.sound_statements import SoundStatement, skip_sound_rules, sound_statements

        item = self.item
        if isinstance(item, StatementItem):
            yield self._step(item)
            return
        for sound in sound_statements(item.extent):
            if isinstance(sound, SoundStatement):
                yield ScriptStep(sound.statement, sound.extent)
            else:
                block = SkippedLines(sound, item.start, count=1)
                yield from map(self._step, block.statements(skip_sound_rules))

    def _step(self, item: StatementItem) -> ScriptStep:
        statement = validate(item.node, item.extent, self.variables).statement
        step = _step(statement, item.extent, item.node)
        return step if item.lists is None else _with_passed_lines(step, item.lists)


def _with_passed_lines(step: ScriptStep, lists: Mapping[str, Sequence[ListItem]]) -> ScriptStep:
    """The step of a block, with the rules of those lines of its lists that were passed over."""
    from calicoctl.policy.sound_statements import sound_rules

    block = step.statement
    assert isinstance(block, valid.DeclareProfile)
    rules: dict[Direction, tuple[StoredRule, ...]] = {}
    places: dict[Direction, tuple[Span, ...]] = {}
    for direction, read in ((Direction.INBOUND, block.inbound), (Direction.OUTBOUND, block.outbound)):
        others = zip(read, step.rule_spans(direction), strict=True)
        listed: list[tuple[StoredRule, Span]] = []
        for item in lists.get(direction.value, ()):
            listed += sound_rules(item.extent) if isinstance(item, SkippedLines) else (next(others),)
        rules[direction] = tuple(rule for rule, _ in listed)
        places[direction] = tuple(span for _, span in listed)
    statement = replace(block, inbound=rules[Direction.INBOUND], outbound=rules[Direction.OUTBOUND])
    return ScriptStep(statement, step.extent, tuple(places.items()))


@dataclass(frozen=True)
class Script:
    """What was read of one or more files.

    Attributes:
        parts: The statements, in order: steps, and such as are not made into steps yet.
        diagnostics: The errors and warnings, in order.
    """

    parts: tuple[ScriptStep | _Unread, ...] = field(repr=False)
    diagnostics: tuple[Diagnostic, ...]

    @property
    def count(self) -> int:
        """How many statements there are. To know that, none must be made."""
        return sum(part.count if isinstance(part, _Unread) else 1 for part in self.parts)

    @cached_property
    def steps(self) -> tuple[ScriptStep, ...]:
        """The statements, in order."""
        found: list[ScriptStep] = []
        with collector_paused():
            for part in self.parts:
                found += part.steps() if isinstance(part, _Unread) else (part,)
        return tuple(found)

    @property
    def has_errors(self) -> bool:
        """Whether anything in it keeps it from being run."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def _ignore(_done: int, _total: int) -> None:
    """Nobody wants to know how far the reading is."""


def _include_nothing(word: ast.Word) -> Source:
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there are no files here")])


@collector_paused()
def read_scripts(
    sources: Iterable[Source],
    open_file: OpenFile,
    report: Callable[[int, int], None] = _ignore,
    open_script: OpenFile = _include_nothing,
    overrides: Sequence[Source] = (),
    *,
    every_line: bool = False,
) -> Script:
    """Parse and validate files as one unit, in order; no datastore is touched.

    Args:
        sources: The files.
        open_file: Opens a file that a statement of a script names.
        report: Told how many of how many characters of a file are read.
        open_script: Opens a script that another one includes; the source says from where.
        overrides: Definitions that hold whatever the scripts say, each as `--define NAME=VALUE`.
        every_line: Whether lines that are known to be sound are parsed nevertheless. It tells the same, which is what
            properties test.
    """
    parts: list[ScriptStep | _Unread] = []
    variables = Variables()
    diagnostics: list[Diagnostic] = [each for source in overrides for each in _override(source, variables)]
    inclusions = Inclusions(open_script, variables, skip_no_lines if every_line else skip_sound_lines)
    told: set[object] = set()
    errors = 0
    seen: list[Source] = []
    for source in sources:
        seen.append(source)
        for item in _items(source, inclusions, variables):
            found: Sequence[Diagnostic] = ()
            if isinstance(item, SkippedLines):
                parts.append(_Unread(item, variables))
            elif isinstance(item, Diagnostic):
                found = (item,)
            elif isinstance(item, SyntaxProblem):
                found = _explained(item, variables, is_searched=errors < _SEARCHES_MAX)
                variables.note_possible_definitions(_perhaps_defined(item.extent))
                # What would be included could have defined any name.
                variables.is_incomplete |= any(_is_inclusion(each.fix, item) for each in found)
            elif isinstance(item, Directive):
                assert isinstance(item.node, ast.Define)  # an inclusion has become what it includes
                found = define(item.node, item.extent, variables)
            else:
                step, found = _read_step(item, open_file, variables)
                if step is not None and item.is_valid:
                    parts.append(step if item.lists is None else _Unread(item, variables))
            if isinstance(item, StatementItem | SkippedLines) and item.extent.source is source:
                report(item.extent.end, len(source.text))
            found = _told_once(found, told) if found else found
            diagnostics += found
            errors += sum(diagnostic.is_error for diagnostic in found)
            stop = _stop(found, errors)
            if stop is not None:
                return Script(tuple(parts), (*stop, *_in_order(diagnostics, seen)))
    diagnostics += variables.unused_overrides()
    return Script(tuple(parts), _in_order(diagnostics, seen))


def _explained(problem: SyntaxProblem, variables: Variables, *, is_searched: bool) -> list[Diagnostic]:
    # Imported here: a script without mistakes does not pay for the search of what was meant.
    from calicoctl.engine.frontend.mistakes import explain

    return explain(problem, variables, is_searched=is_searched)


def _is_inclusion(fix: Fix | None, problem: SyntaxProblem) -> bool:
    """Whether a line that did not parse was meant to include a file."""
    from calicoctl.engine.frontend.corrections import parse_line

    if not isinstance(fix, Correction):
        return False
    return isinstance(parse_line(fix.text, problem.extent.source, problem.start), ast.Include)


def _stop(found: Sequence[Diagnostic], errors: int) -> tuple[Diagnostic, ...] | None:
    """What to say where reading stops; None where it goes on."""
    if errors > limits.ERRORS_MAX:
        # First, as it must be among those that are told.
        return (diagnose(messages.TOO_MANY_ERRORS, maximum=limits.ERRORS_MAX),)
    # Whatever lists are put in behind it are too many as well.
    is_exhausted = any(diagnostic.kind is messages.TOO_MANY_WORDS_OF_LISTS for diagnostic in found)
    return () if is_exhausted else None


def _items(source: Source, inclusions: Inclusions, variables: Variables) -> Iterator[Item]:
    """What a file says; of one that is of another kind, only that."""
    form = detect_other_format(source)
    if form is None:
        yield from inclusions.items(source)
    else:
        variables.is_incomplete = True  # nobody knows what it was meant to define
        yield form


def _override(source: Source, variables: Variables) -> list[Diagnostic]:
    """Take a definition of the command line."""
    extent = Span(source, len("--"), len(source.text))
    try:
        node = parse(extent, "script_line")
    except SyntaxProblem as problem:
        variables.note_possible_definitions(_perhaps_defined(extent))
        # What is behind a line break is no part of any value, and not to be made one.
        return _explained(problem, variables, is_searched="\n" not in source.text)
    assert isinstance(node, ast.Define)  # the text begins with the word
    return define(node, extent, variables, is_override=True)


def _perhaps_defined(extent: Span) -> Sequence[str]:
    """The names that a wrong line was perhaps meant to define."""
    if extent.text.startswith(_NEVER_DEFINES):
        return ()
    return _DEFINED.findall(extent.text, 0, 4 * limits.VARIABLE_LENGTH)[:1]


# A byte that is not UTF-8.
_BYTE = re.compile("[\udc80-\udcff]")

# What can be wrong with a value wherever it is put to use.
_OF_ONE_VALUE = frozenset(
    {
        messages.BAD_PORT,
        messages.PORT_OUT_OF_RANGE,
        messages.PORT_ZERO,
        messages.PORTS_REVERSED,
        messages.EMPTY_PORT,
        messages.PORT_LEADING_ZERO,
        messages.BAD_NETWORK,
        messages.PREFIX_OUT_OF_RANGE,
        messages.HOST_BITS,
        messages.BAD_NUMBER,
        messages.NUMBER_OUT_OF_RANGE,
        messages.ICMP_TYPE_255,
        messages.BAD_NAME,
        messages.NAME_TOO_LONG,
    }
)


def _told_once(found: Sequence[Diagnostic], told: set[object]) -> Sequence[Diagnostic]:
    """What is wrong, without what was told before: of a definition where its value was first put to use.

    Of a file that is no UTF-8, that is told once.
    """
    kept = []
    for each in map(_of_encoding, found):
        mistake = _told_elsewhere(each)
        if mistake is not None:
            if mistake in told:
                continue
            told.add(mistake)
        kept.append(each)
    return kept


def _told_elsewhere(found: Diagnostic) -> object | None:
    """What is the same wherever it is found, and worth telling once; None for what belongs to its place."""
    span = found.span
    if span is not None and span.via and found.kind in _OF_ONE_VALUE and is_reference(span.text):
        return found.kind, found.fields, span.via
    if span is not None and found.kind is messages.NOT_UTF8:
        return found.kind, span.source.name
    return None


def _of_encoding(found: Diagnostic) -> Diagnostic:
    """What is wrong, or that the file is in another encoding: a byte that is no UTF-8 is rarely alone."""
    if found.span is None or not found.is_error or found.kind is messages.OTHER_FORM:
        return found
    if not _BYTE.search(found.span.text):
        return found
    return diagnose(messages.NOT_UTF8, found.span, "`iconv -f ISO-8859-1 -t UTF-8` makes UTF-8 of Latin-1")


def _in_order(diagnostics: list[Diagnostic], sources: Sequence[Source]) -> tuple[Diagnostic, ...]:
    """The diagnostics in the order of the text; what is wrong with a block as a whole is found at its end."""
    if len(diagnostics) > _SORTED_MAX:
        return tuple(diagnostics)
    files = [source.name for source in sources]

    def place(diagnostic: Diagnostic) -> tuple[int, ...]:
        """The file, and in it the line and the column; of an included file those of where it is included before."""
        span = diagnostic.span
        if span is None:
            return (len(files),)
        *inclusions, outermost = [span, *span.source.inclusions]
        if outermost.source.name not in files:
            return (-1,) if outermost.source.name == DEFINE_OPTION else (len(files),)
        within = [number for each in reversed(inclusions) for number in (each.line, each.column)]
        return files.index(outermost.source.name), outermost.line, outermost.column, *within

    return tuple(sorted(diagnostics, key=place))


def _read_step(
    item: StatementItem, open_file: OpenFile, variables: Variables
) -> tuple[ScriptStep | None, tuple[Diagnostic, ...]]:
    try:
        reading = validate(item.node, item.extent, variables)
        statement, warnings = reading.statement, reading.warnings
        if isinstance(item.node, ast.RuleUpdate) and isinstance(statement, valid.UpdateRules):
            document, more = read_update(_document(item.node, open_file, variables), statement.profile)
            statement, warnings = replace(statement, document=document), (*warnings, *more)
    except Refused as refused:
        return None, refused.diagnostics
    return _step(statement, item.extent, item.node), warnings


def _document(node: ast.RuleUpdate, open_file: OpenFile, variables: Variables) -> Source:
    """The JSON of a `rule update`: the here-document, or the file that is named."""
    if isinstance(node.document, ast.HereDocument):
        return node.document.span.source
    if node.document is not None:
        # It has been expanded once, so that nothing is found wrong here.
        return open_file(variables.expand(node.document, Expansion()))
    hint = f"{node.span.text} < FILE, or {node.span.text} <<EOF with the JSON below it and EOF at its end"
    raise Refused([diagnose(messages.UPDATE_WITHOUT_JSON, node.span, hint)])
