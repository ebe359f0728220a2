"""The answers of the statements of a script, in order."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import print_text
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.outcome import Message
from calicoctl.engine.script_plan import StepOutcome
from calicoctl.syntax.repair.search import on_one_line


def print_answers(outcomes: Sequence[StepOutcome], *, verbose: bool, is_done: bool) -> None:
    """Print the answers of statements that show data, and with `verbose` the results of all other statements.

    Args:
        outcomes: The statements with their outcomes.
        verbose: Whether to print the results of statements that change something.
        is_done: Whether the changes were made; if not, the texts state what would be done.
    """
    change = result_texts.STEP_DONE.done if is_done else result_texts.STEP_DONE.planned
    for step_outcome in outcomes:
        answer = step_outcome.outcome.answer
        if not isinstance(answer, Message | None):
            print_answer(answer)
        elif verbose:
            result = change if step_outcome.is_change else result_texts.STEP_SKIPPED
            if answer is not None:
                result = answer.text if is_done else answer.planned or answer.text
            extent = step_outcome.step.extent
            print_text(printable(f"{extent.source.name}:{extent.line}: {on_one_line(extent)}: {result}"))
