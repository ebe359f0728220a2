"""What the statements of a script answer, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import print_text
from calicoctl.diagnostics import printable
from calicoctl.engine.evaluate import StepOutcome
from calicoctl.engine.outcome import Message
from calicoctl.syntax.repair.search import split_words


def print_answers(outcomes: Sequence[StepOutcome], *, verbose: bool, is_done: bool) -> None:
    """Print what the statements of a script say: those that show something always, the others if asked for.

    Args:
        outcomes: The statements, with what they came to.
        verbose: Whether the others are asked for.
        is_done: Whether it is done; else it is told as what would be done.
    """
    change = result_texts.STEP_DONE.done if is_done else result_texts.STEP_DONE.planned
    for each in outcomes:
        answer = each.outcome.answer
        if not isinstance(answer, Message | None):
            print_answer(answer)
        elif verbose:
            said = change if each.is_change else result_texts.STEP_SKIPPED
            if answer is not None:
                said = answer.text if is_done else answer.conditional or answer.text
            extent = each.step.extent
            text = " ".join(word.text for word in split_words(extent))
            print_text(printable(f"{extent.source.name}:{extent.line}: {text}: {said}"))
