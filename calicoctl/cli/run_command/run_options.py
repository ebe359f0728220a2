"""The options and files of `run`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.inputs.script_arguments import overrides_of
from calicoctl.diagnostics.core import Diagnostic, Severity
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.source import Source


@dataclass(frozen=True)
class RunRequest:
    """The options and files of `run`.

    Attributes:
        files: The scripts; `-` is standard input.
        check: Parse and validate only.
        dry_run: Print what would change, but write nothing.
        detailed_exitcode: With `dry_run`: exit status 2 when changes are pending.
        as_json: Print one JSON document instead of text.
        verbose: Print the result of each statement.
        strict: Treat warnings as errors.
        resume: Finish an interrupted run.
        rollback: Undo an interrupted run.
        overrides: The values of `--define`, as definitions.
        intended: With `dry_run`: the rules that describe the traffic that the change must affect, and no other.
        lint: Report rules that do nothing in the profiles after the script.
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
        """The diagnostics, with warnings turned into errors if `--strict` was given."""
        if not self.strict:
            return tuple(diagnostics)
        return tuple(
            replace(diagnostic, kind=replace(diagnostic.kind, severity=Severity.ERROR))
            if diagnostic.kind.severity is Severity.WARNING
            else diagnostic
            for diagnostic in diagnostics
        )


def read_request(words: Sequence[str]) -> RunRequest:
    """Read the words of the command line, the first of which is `run`.

    Raises:
        Refused: An option is invalid, or the options cannot be combined.
    """
    return _request(read_arguments(words, usage_error=_usage_error))


def _request(arguments: Arguments) -> RunRequest:
    return RunRequest(
        files=tuple(arguments.operands) or ("-",),
        check="--check" in arguments.flags,
        dry_run="--dry-run" in arguments.flags,
        detailed_exitcode="--detailed-exitcode" in arguments.flags,
        as_json=arguments.as_json,
        verbose="-v" in arguments.flags,
        strict="--strict" in arguments.flags,
        resume="--resume" in arguments.flags,
        rollback="--rollback" in arguments.flags,
        overrides=overrides_of(arguments),
        intended=tuple(arguments.values.get("--intend", [])),
        lint="--lint" in arguments.flags,
    )


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options cannot be combined; None if they can."""
    request = _request(arguments)
    modes = (
        ("--check", request.check),
        ("--dry-run", request.dry_run),
        ("--resume", request.resume),
        ("--rollback", request.rollback),
    )
    mode, *other_modes = [flag for flag, is_given in modes if is_given] or [""]
    is_recovery = request.resume or request.rollback
    conflicts = (
        (bool(other_modes), f"{mode} and {' '.join(other_modes[:1])} cannot be combined"),
        (request.detailed_exitcode and not request.dry_run, "--detailed-exitcode requires --dry-run"),
        (bool(request.intended) and not request.dry_run, "--intend requires --dry-run"),
        (request.lint and is_recovery, f"--lint and {mode} cannot be combined"),
        (request.as_json and not (request.check or request.dry_run), "-o json requires --check or --dry-run"),
        (bool(arguments.operands) and is_recovery, f"{mode} takes no file: the run itself is kept in the datastore"),
        (
            bool(request.overrides) and is_recovery,
            f"{mode} takes no --define: the run itself is kept in the datastore",
        ),
    )
    return next((reason for is_conflict, reason in conflicts if is_conflict), None)
