"""Where settings are written: the process's environment, and the settings file for what `sudo` strips from it.

The file holds `NAME=value` lines. Blank lines and lines that begin with `#` are comments, so is what
follows white space and `#`; `export ` may stand before a name, and quotes around a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose, reason_of
from calicoctl.source import Source, Span

DEFAULT_FILE = "/etc/calico/calicoctl.env"
FILE_VARIABLE = "CALICOCTL_ENV"

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=
        (?:"(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>(?:[^'"\s\#].*?)?))
        (?:\s+\#.*|\s*)""",
    re.VERBOSE,
)
# What diagnostics may quote of a line: never a password, and of a line that is not understood only such a name.
_SECRET = "ETCD_PASSWORD"
_KNOWN_NAME = re.compile(r"\s*(?:export\s+)?(?:CALICOCTL|ETCD)_[A-Z_]*")
_HIDDEN = "..."


@dataclass(frozen=True)
class Text:
    """The text of one setting, and where it was written.

    Attributes:
        value: The text.
        name: What messages call it: the variable's or the option's name.
        source: Text that may be shown. It differs from what was written where that holds credentials.
        start: Where the text begins in `source`.
        shown: The text as it is in `source`.
    """

    value: str
    name: str
    source: Source
    start: int
    shown: str

    @classmethod
    def alone(cls, name: str, value: str) -> Text:
        """The text of a variable or an option."""
        shown = without_credentials(value)
        return cls(value, name, Source(name, shown), 0, shown)

    @property
    def whole(self) -> Span:
        """The whole text."""
        return Span(self.source, self.start, self.start + len(self.shown))

    def part(self, start: int, end: int) -> Span:
        """A part of the text; only for a text that is shown as it is."""
        return Span(self.source, self.start + start, self.start + end)


# A file with a few lines is meant; what is larger, or has no end, is another one.
_FILE_BYTES_MAX = 1_000_000


class Variables(Protocol):
    """A place where variables are set."""

    def get(self, name: str) -> Text | None:
        """A variable's text; None when it is not set, or set to nothing."""
        ...


class Environment:
    """The variables of the process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> Text | None:
        """See `Variables.get`."""
        value = self._environment.get(name)
        return Text.alone(name, value) if value else None


class SettingsFile:
    """The variables of the settings file, which is read when the first of them is asked for.

    Args:
        named: The file that `CALICOCTL_ENV` names, which then must exist; None for the usual one, which may be missing.
    """

    def __init__(self, named: Text | None) -> None:
        self._named = named
        self._path = named.value if named else DEFAULT_FILE

    def get(self, name: str) -> Text | None:
        """See `Variables.get`.

        Raises:
            Refused: The file cannot be read, or a line of it is not understood.
        """
        return self._texts.get(name)

    @cached_property
    def _texts(self) -> Mapping[str, Text]:
        try:
            with Path(self._path).open("rb") as file:
                content = file.read(_FILE_BYTES_MAX + 1)
        except FileNotFoundError as error:
            if self._named is None:
                return {}
            raise Refused([self._unreadable(error)]) from error
        except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
            raise Refused([self._unreadable(error)]) from error
        if len(content) > _FILE_BYTES_MAX:
            raise Refused([self._unreadable(ValueError(f"it has more than {_FILE_BYTES_MAX} bytes"))])
        return _texts(self._path, content.decode("utf-8-sig", "surrogateescape"))

    def _unreadable(self, error: OSError | ValueError) -> Diagnostic:
        span = self._named.whole if self._named else None
        hint = f"have another file read with {FILE_VARIABLE}, none at all with `{FILE_VARIABLE}=/dev/null`"
        reason = reason_of(error)
        return diagnose(messages.ENV_FILE_UNREADABLE, span, hint, path=self._path, reason=reason)


def _texts(path: str, content: str) -> Mapping[str, Text]:
    """The variables that a settings file sets to something; of several lines for one name, the last counts."""
    lines = content.split("\n")
    matches = [_LINE.fullmatch(line) for line in lines]
    shown = [_shown_line(line, match) for line, match in zip(lines, matches, strict=True)]
    source = Source(path, "\n".join(shown))
    problems: list[Diagnostic] = []
    texts: dict[str, Text] = {}
    offset = 0
    for line, match, shown_line in zip(lines, matches, shown, strict=True):
        if match is not None:
            start = match.start(_group(match))
            value = match[_group(match)]
            text = Text(value, match["name"], source, offset + start, without_credentials(value))
            texts[match["name"]] = text
        elif line.strip() and not line.lstrip().startswith("#"):
            span = Span(source, offset, offset + len(shown_line))
            problems.append(
                diagnose(messages.ENV_FILE_LINE, span, "quote a value that holds quotes or begins with `#`")
            )
        offset += len(shown_line) + 1
    if problems:
        raise Refused(problems)
    return {name: text for name, text in texts.items() if text.value}


def _group(match: re.Match[str]) -> str:
    """The name of the group that holds the value."""
    return next(group for group in ("double", "single", "bare") if match[group] is not None)


def _shown_line(line: str, match: re.Match[str] | None) -> str:
    if match is None:
        known = _KNOWN_NAME.match(line)
        return (known[0] if known else "") + _HIDDEN
    start, end = match.span(_group(match))
    if match["name"] == _SECRET:
        return line[:start] + _HIDDEN
    return line[:start] + without_credentials(line[start:end]) + line[end:]


def without_credentials(text: str) -> str:
    """An address as it may be shown: what could be a user name and a password is hidden.

    Everything up to the last `@` goes, since a password may hold any character.
    """
    if "@" not in text or text.startswith("sqlite:"):
        return text
    scheme = re.match(r"[a-z]*://", text)
    return (scheme[0] if scheme else "") + _HIDDEN + text[text.rindex("@") :]
