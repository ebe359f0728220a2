"""The command `explain`: print the meaning of a message from the catalogue of messages."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping

from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_text
from calicoctl.cli.program_options import Options, argument_span
from calicoctl.diagnostics import catalogue, messages
from calicoctl.diagnostics.core import Diagnostic, Kind, Refused, diagnose


def run(options: Options) -> int:
    """Explain the given codes; without one, list all codes."""
    words = read_arguments(options.words).operands
    kinds = messages.kinds()
    codes = [_code(word) for word in words]
    unknown = [index for index, code in enumerate(codes) if code not in kinds]
    if unknown:
        raise Refused([_unknown_code(options.words, index + 1, codes[index], kinds) for index in unknown])
    if codes:
        print_text("\n".join(_explanation(kinds[code]) for code in codes), end="")
    else:
        print_text("\n".join(_title(kind) for _, kind in sorted(kinds.items())))
    return ExitStatus.DONE


def _code(word: str) -> str:
    """The code in a word, which may be in brackets or in lower case."""
    return word.strip("[]").upper()


def _title(kind: Kind) -> str:
    """The message of a kind, with placeholders: `E0203: error: port <PORT> is out of range`."""
    return f"{kind.code}: {kind.severity.value}: {kind.outline}"


def _explanation(kind: Kind) -> str:
    text = catalogue.entry(kind.code).explanation
    return f"{_title(kind)}\n\n{_without_fences(text) if sys.stdout.isatty() else text}"


def _without_fences(text: str) -> str:
    """The text with code blocks indented instead of fenced, for a terminal."""
    lines: list[str] = []
    is_code = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_code = not is_code
        else:
            lines.append(f"  {line}" if is_code and line else line)
    return "".join(f"{line}\n" for line in lines)


def _unknown_code(words: tuple[str, ...], index: int, code: str, kinds: Mapping[str, Kind]) -> Diagnostic:
    # Codes of the same digits come first, since two digits are easily swapped.
    near = difflib.get_close_matches(code, sorted(kinds), n=len(kinds), cutoff=0.7)
    near.sort(key=lambda candidate: sorted(candidate) != sorted(code))
    listed = ", ".join(f"`{candidate}`" for candidate in near[:3])
    similar = f"similar {'codes are' if len(near) > 1 else 'code:'} {listed}; " if near else ""
    hint = f"{similar}`calicoctl explain` lists all codes"
    return diagnose(messages.UNKNOWN_CODE, argument_span(words, index), hint, code=code)
