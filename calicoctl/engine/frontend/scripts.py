"""Read scripts: from the text of files to validated statements, with the errors of all files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Correction, Diagnostic, Fix, Refused, diagnose
from calicoctl.engine.frontend.collected_diagnostics import CollectedDiagnostics
from calicoctl.engine.frontend.includes import Inclusions, OpenFile
from calicoctl.engine.frontend.statements import validate
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.language import limits
from calicoctl.language.keywords import Direction
from calicoctl.language.names import VARIABLE_PATTERN
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.sound_lines import skip_sound_lines
from calicoctl.policy.validation_findings import Findings
from calicoctl.policy.variables import Expansion, Variables
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem, parse
from calicoctl.syntax.repair.other_formats import detect_other_format
from calicoctl.syntax.scripts.reader import Directive, ListItem, ScriptItem, SkippedLines, StatementItem, skip_no_lines

# Repairs are searched for the first errors only: the search takes longer than everything else.
_SEARCHES_MAX = 100

# Matches a line with a mistake that may be a definition; the group is the name that it may define.
_DEFINED = re.compile(rf"[%@!]?(?:\w+\s+)?[${{%]*({VARIABLE_PATTERN})")
_NEVER_DEFINES = ("profile", "calicoctl", "./calicoctl", "$ ")


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """A statement of a script.

    Attributes:
        statement: The validated statement.
        extent: Its line; of a block, the first line.
        places: Of a block, the spans of its rules by direction.
    """

    statement: valid.Statement
    extent: Span
    places: tuple[tuple[Direction, tuple[Span, ...]], ...] = ()

    def rule_spans(self, direction: Direction) -> tuple[Span, ...]:
        """The spans of a block's rules of one direction, in order."""
        return next((spans for listed, spans in self.places if listed is direction), ())


def _step(statement: valid.Statement, extent: Span, node: ast.StatementNode) -> ScriptStep:
    """The step of a validated statement; `node` has the spans of a block's rules."""
    if not isinstance(node, ast.ProfileBlock):
        return ScriptStep(statement, extent)
    lists = ((Direction.INBOUND, node.inbound), (Direction.OUTBOUND, node.outbound))
    places = tuple((direction, tuple(rule.span for rule in rules)) for direction, rules in lists)
    return ScriptStep(statement, extent, places)


@dataclass(frozen=True, slots=True)
class _DeferredSteps:
    """Statements that are known to be valid; their steps are made on demand.

    Attributes:
        item: The statements.
        variables: The variables of the run. A variable that has a value never gets another one.
    """

    item: SkippedLines | StatementItem
    variables: Variables

    @property
    def count(self) -> int:
        """The number of steps."""
        return self.item.count if isinstance(self.item, SkippedLines) else 1

    def steps(self) -> Iterator[ScriptStep]:
        """Make the steps."""
        # Imported here: `run --check` makes no steps.
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
        return step if item.lists is None else _with_skipped_lines(step, item.lists)


def _with_skipped_lines(step: ScriptStep, lists: Mapping[str, Sequence[ListItem]]) -> ScriptStep:
    """The step of a block, completed with the rules of the list lines that were skipped."""
    from calicoctl.policy.sound_statements import sound_rules

    block = step.statement
    assert isinstance(block, valid.DeclareProfile)
    rules: dict[Direction, tuple[StoredRule, ...]] = {}
    places: dict[Direction, tuple[Span, ...]] = {}
    for direction in Direction:
        parsed_with_spans = zip(block.rules(direction), step.rule_spans(direction), strict=True)
        listed: list[tuple[StoredRule, Span]] = []
        for item in lists.get(direction.value, ()):
            listed += sound_rules(item.extent) if isinstance(item, SkippedLines) else (next(parsed_with_spans),)
        rules[direction] = tuple(rule for rule, _ in listed)
        places[direction] = tuple(span for _, span in listed)
    statement = replace(block, inbound=rules[Direction.INBOUND], outbound=rules[Direction.OUTBOUND])
    return ScriptStep(statement, step.extent, tuple(places.items()))


@dataclass(frozen=True)
class Script:
    """One or more files, read as one script.

    Attributes:
        parts: The statements in order, some of them deferred.
        diagnostics: The errors and warnings in order.
    """

    parts: tuple[ScriptStep | _DeferredSteps, ...] = field(repr=False)
    diagnostics: tuple[Diagnostic, ...]

    @property
    def count(self) -> int:
        """The number of statements; deferred ones are counted without making them."""
        return sum(part.count if isinstance(part, _DeferredSteps) else 1 for part in self.parts)

    @cached_property
    def steps(self) -> tuple[ScriptStep, ...]:
        """The statements in order."""
        steps: list[ScriptStep] = []
        with collector_paused():
            for part in self.parts:
                steps += part.steps() if isinstance(part, _DeferredSteps) else (part,)
        return tuple(steps)

    @property
    def has_errors(self) -> bool:
        """Whether the script has errors and therefore cannot be run."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def _include_nothing(word: ast.Word) -> Source:
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there are no files here")])


@collector_paused()
def read_scripts(
    sources: Iterable[Source],
    open_file: OpenFile,
    report: Progress = no_progress,
    open_script: OpenFile = _include_nothing,
    overrides: Sequence[Source] = (),
    *,
    every_line: bool = False,
) -> Script:
    """Parse and validate files as one script, in order. The datastore is not accessed.

    Args:
        sources: The files.
        open_file: Opens a file that a statement names.
        report: Called with the number of characters of a file that have been read, and with the length of the file.
        open_script: Opens an included script.
        overrides: Definitions that replace those of the scripts, each as `--define NAME=VALUE`.
        every_line: Whether to parse also the lines that are known to be valid. The result is the same; the property
            tests compare the two.
    """
    variables = Variables()
    inclusions = Inclusions(open_script, variables, skip_no_lines if every_line else skip_sound_lines)
    reader = _Reader(open_file, variables)
    for override in overrides:
        reader.diagnostics.entries += _override(override, variables)
    files: list[Source] = []
    for source in sources:
        files.append(source)
        for item in _items(source, inclusions, variables):
            reader.add(item)
            if isinstance(item, StatementItem | SkippedLines) and item.extent.source is source:
                report(item.extent.end, len(source.text))
            if reader.is_stopped:
                return reader.script(files)
    reader.diagnostics.entries += variables.unused_overrides()
    return reader.script(files)


class _Reader:
    """Collects the statements and the diagnostics of a script.

    Args:
        open_file: Opens a file that a statement names.
        variables: The variables of the run.
    """

    def __init__(self, open_file: OpenFile, variables: Variables) -> None:
        self.diagnostics = CollectedDiagnostics()
        # Whether no more items should be read.
        self.is_stopped = False
        self._parts: list[ScriptStep | _DeferredSteps] = []
        self._open_file = open_file
        self._variables = variables

    def add(self, item: ScriptItem) -> None:
        """Read an item: a statement, a definition or a mistake."""
        diagnostics = self._read(item)
        if not diagnostics:
            return
        added = self.diagnostics.add(diagnostics)
        # When the words of lists are exhausted, every later list would be reported as well.
        is_exhausted = any(diagnostic.kind is messages.TOO_MANY_WORDS_OF_LISTS for diagnostic in added)
        self.is_stopped = is_exhausted or self.diagnostics.has_too_many_errors

    def script(self, files: Sequence[Source]) -> Script:
        """The script that was read from some files."""
        return Script(tuple(self._parts), self.diagnostics.in_order(files))

    def _read(self, item: ScriptItem) -> Sequence[Diagnostic]:
        """Add the statements of an item; returns its diagnostics."""
        if isinstance(item, SkippedLines):
            self._parts.append(_DeferredSteps(item, self._variables))
            return ()
        if isinstance(item, Diagnostic):
            return (item,)
        if isinstance(item, SyntaxProblem):
            return self._read_problem(item)
        if isinstance(item, Directive):
            assert isinstance(item.node, ast.Define)  # `Inclusions` replaces an `include` by the items of its file
            return define(item.node, item.extent, self._variables)
        step, diagnostics = _read_step(item, self._open_file, self._variables)
        if step is not None and item.is_valid:
            self._parts.append(step if item.lists is None else _DeferredSteps(item, self._variables))
        return diagnostics

    def _read_problem(self, problem: SyntaxProblem) -> Sequence[Diagnostic]:
        diagnostics = _explain(problem, self._variables, is_searched=self.diagnostics.error_count < _SEARCHES_MAX)
        self._variables.note_possible_definitions(_possibly_defined(problem.extent))
        # A file that is not included because of the mistake could have defined any name.
        self._variables.is_incomplete |= any(_is_inclusion(diagnostic.fix, problem) for diagnostic in diagnostics)
        return diagnostics


def _explain(problem: SyntaxProblem, variables: Variables, *, is_searched: bool) -> list[Diagnostic]:
    # Imported here: a script without mistakes does not load the repair search.
    from calicoctl.engine.frontend.syntax_errors import diagnose_problem

    return diagnose_problem(problem, variables, is_searched=is_searched)


def _is_inclusion(fix: Fix | None, problem: SyntaxProblem) -> bool:
    """Whether the corrected text of a line that did not parse includes a file."""
    from calicoctl.engine.frontend.corrections import parse_line

    if not isinstance(fix, Correction):
        return False
    return isinstance(parse_line(fix.text, problem.extent.source, problem.start), ast.Include)


def _items(source: Source, inclusions: Inclusions, variables: Variables) -> Iterator[ScriptItem]:
    """The items of a file; only the diagnostic if the file has the format of another tool."""
    other_format = detect_other_format(source)
    if other_format is None:
        yield from inclusions.items(source)
    else:
        variables.is_incomplete = True  # the definitions that the file should have are unknown
        yield other_format


def define(node: ast.Define, extent: Span, variables: Variables, *, is_override: bool = False) -> list[Diagnostic]:
    """Give a variable its value.

    Args:
        node: The definition.
        extent: The text that it was parsed from.
        variables: The variables to define it in; its value may refer to them.
        is_override: Whether it replaces the definitions in scripts.

    Returns:
        The diagnostics about it; after an error, the variable has no value.
    """
    findings = Findings()
    (variables.override if is_override else variables.define)(node, extent, findings)
    if not findings.entries:
        return []
    # Imported here: only mistakes need corrections.
    from calicoctl.engine.frontend.corrections import diagnostics_of

    return diagnostics_of(findings.entries, [(extent, "script_line")], variables)


def _override(source: Source, variables: Variables) -> list[Diagnostic]:
    """Read a definition of the command line; returns its diagnostics."""
    extent = Span(source, len("--"), len(source.text))
    try:
        node = parse(extent, "script_line")
    except SyntaxProblem as problem:
        variables.note_possible_definitions(_possibly_defined(extent))
        # A repair would join the lines, but no value contains a line break.
        return _explain(problem, variables, is_searched="\n" not in source.text)
    assert isinstance(node, ast.Define)  # the text begins with `define`
    return define(node, extent, variables, is_override=True)


def _possibly_defined(extent: Span) -> Sequence[str]:
    """The name that a line with a mistake may have been meant to define, if any."""
    if extent.text.startswith(_NEVER_DEFINES):
        return ()
    return _DEFINED.findall(extent.text, 0, 4 * limits.VARIABLE_LENGTH)[:1]


def _read_step(
    item: StatementItem, open_file: OpenFile, variables: Variables
) -> tuple[ScriptStep | None, tuple[Diagnostic, ...]]:
    """The step of a statement and the warnings about it; None and the diagnostics if the statement is not valid."""
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
    """The JSON of a `rule update`: its here-document or its file."""
    if isinstance(node.document, ast.HereDocument):
        return node.document.span.source
    if node.document is not None:
        # Validation has expanded it before, without errors.
        return open_file(variables.expand(node.document, Expansion()))
    hint = f"{node.span.text} < FILE, or {node.span.text} <<EOF with the JSON below it and EOF at its end"
    raise Refused([diagnose(messages.UPDATE_WITHOUT_JSON, node.span, hint)])
