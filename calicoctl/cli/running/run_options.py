"""What is asked of `run`: its options and files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calicoctl.cli.arguments import read_arguments
from calicoctl.cli.inputs.script_arguments import overrides_of
from calicoctl.diagnostics import Diagnostic, Severity
from calicoctl.records import dataclass, replace
from calicoctl.source import Source


@dataclass(frozen=True)
class RunRequest:
    """What is asked of `run`.

    Attributes:
        files: The scripts; `-` is standard input.
        check: Parse and validate only.
        dry_run: Evaluate and show, but write nothing.
        detailed_exitcode: With `dry_run`: a status of its own when changes are pending.
        as_json: Print one JSON document instead of text.
        verbose: Tell what each statement did.
        strict: Treat warnings as errors.
        resume: Finish an interrupted run.
        rollback: Undo an interrupted run.
        overrides: The values given to variables, each as the definition that it is.
        intended: With `dry_run`: the rules that say what shall become of traffic, and nothing else.
        lint: Look for rules that do nothing in what the script leaves.
    """

    files: tuple[str, ...]
    check: bool
    dry_run: bool
    detailed_exitcode: bool
    as_json: bool
    verbose: bool
    strict: bool
    resume: bool
    rollback: bool
    overrides: tuple[Source, ...]
    intended: tuple[str, ...]
    lint: bool

    def graded(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Diagnostics as they are to be taken: with `--strict`, warnings as errors."""
        if not self.strict:
            return tuple(diagnostics)
        return tuple(
            replace(each, kind=replace(each.kind, severity=Severity.ERROR))
            if each.kind.severity is Severity.WARNING
            else each
            for each in diagnostics
        )


def read_request(words: Sequence[str]) -> RunRequest:
    """Read the words of the command, `run` the first of them.

    Raises:
        Refused: They are no options of `run`, or do not go together.
    """
    found = read_arguments(words)
    options = RunRequest(
        tuple(found.operands) or ("-",),
        "--check" in found.flags,
        "--dry-run" in found.flags,
        "--detailed-exitcode" in found.flags,
        found.as_json,
        "-v" in found.flags,
        "--strict" in found.flags,
        "--resume" in found.flags,
        "--rollback" in found.flags,
        overrides_of(found),
        tuple(found.values.get("--intend", [])),
        "--lint" in found.flags,
    )
    exclusive = [
        flag
        for flag, given in (
            ("--check", options.check),
            ("--dry-run", options.dry_run),
            ("--resume", options.resume),
            ("--rollback", options.rollback),
        )
        if given
    ]
    reason = None
    if len(exclusive) > 1:
        reason = f"{exclusive[0]} and {exclusive[1]} do not go together"
    elif options.detailed_exitcode and not options.dry_run:
        reason = "--detailed-exitcode goes with --dry-run"
    elif options.intended and not options.dry_run:
        reason = "--intend goes with --dry-run"
    elif options.lint and (options.resume or options.rollback):
        reason = f"--lint and {exclusive[0]} do not go together"
    elif options.as_json and not (options.check or options.dry_run):
        reason = "-o json goes with --check or --dry-run"
    elif found.operands and (options.resume or options.rollback):
        reason = f"{exclusive[0]} takes no file: the run itself is kept in the datastore"
    elif options.overrides and (options.resume or options.rollback):
        reason = f"{exclusive[0]} takes no --define: the run itself is kept in the datastore"
    if reason is not None:
        found.refuse(reason)
    return options
