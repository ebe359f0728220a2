"""Where settings are written: the process's environment, and the settings file for what `sudo` strips from it.

The file holds `NAME=value` lines. Blank lines and lines that begin with `#` are comments, so is what
follows white space and `#`; `export ` may stand before a name, and quotes around a value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cached_property

from calicoctl import messages
from calicoctl.annotations import Protocol
from calicoctl.diagnostics import Diagnostic, Refused, diagnose, reason_of
from calicoctl.patterns import pattern
from calicoctl.records import dataclass
from calicoctl.regular_files import read_regular
from calicoctl.source import Source, Span

DEFAULT_FILE = "/etc/calico/calicoctl.env"
FILE_VARIABLE = "CALICOCTL_ENV"

# The parts of a line, each found in one pass: a name, then a value in quotes or up to a comment.
_NAME = pattern(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=")
_QUOTED = pattern(r"""(?P<quote>["'])(?P<value>(?:(?!(?P=quote)).)*)(?P=quote)(?:\s+#.*|\s*)\Z""")
_COMMENT = pattern(r"\s#")
# What diagnostics may quote of a line: never a password, and of a line that is not understood only such a name.
_SECRET = "ETCD_PASSWORD"
_KNOWN_NAME = pattern(r"\s*(?:export\s+)?(?:CALICOCTL|ETCD)_[A-Z_]*")
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

    def without_beginning(self, beginning: str) -> Text:
        """The text behind something that it begins with, apart from white space."""
        at = self.value.index(beginning) + len(beginning)
        shown_at = self.shown.index(beginning) + len(beginning) if beginning in self.shown else 0
        return Text(self.value[at:], self.name, self.source, self.start + shown_at, self.shown[shown_at:])

    def part(self, start: int, end: int) -> Span:
        """A part of the text; only for a text that is shown as it is."""
        return Span(self.source, self.start + start, self.start + end)


# A file with a few lines is meant; what is larger, or has no end, is another one.
_FILE_BYTES_MAX = 1_000_000


class EnvironmentVariables(Protocol):
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
        if self._path == os.devnull:
            return {}
        try:
            content = read_regular(self._path, _FILE_BYTES_MAX)
        except FileNotFoundError as error:
            if self._named is None:
                return {}
            raise Refused([self._unreadable(error)]) from error
        except (OSError, ValueError) as error:  # ValueError: the path holds a NUL, or the file is too large
            raise Refused([self._unreadable(error)]) from error
        return _texts(self._path, content.decode("utf-8-sig", "surrogateescape"))

    def _unreadable(self, error: OSError | ValueError) -> Diagnostic:
        span = self._named.whole if self._named else None
        hint = f"have another file read with {FILE_VARIABLE}, none at all with `{FILE_VARIABLE}=/dev/null`"
        reason = reason_of(error)
        return diagnose(messages.ENV_FILE_UNREADABLE, span, hint, path=self._path, reason=reason)


def _texts(path: str, content: str) -> Mapping[str, Text]:
    """The variables that a settings file sets to something; of several lines for one name, the last counts."""
    lines = content.split("\n")
    assignments = [_assignment(line) for line in lines]
    shown = [_shown_line(line, each) for line, each in zip(lines, assignments, strict=True)]
    source = Source(path, "\n".join(shown))
    problems: list[Diagnostic] = []
    texts: dict[str, Text] = {}
    offset = 0
    for line, each, shown_line in zip(lines, assignments, shown, strict=True):
        if each is not None:
            value = line[each.start : each.end]
            texts[each.name] = Text(value, each.name, source, offset + each.start, without_credentials(value))
        elif line.strip() and not line.lstrip().startswith("#"):
            span = Span(source, offset, offset + len(shown_line))
            problems.append(
                diagnose(messages.ENV_FILE_LINE, span, "quote a value that holds quotes or begins with `#`")
            )
        offset += len(shown_line) + 1
    if problems:
        raise Refused(problems)
    return {name: text for name, text in texts.items() if text.value}


@dataclass(frozen=True)
class _Assignment:
    """A line `NAME=value`: the name, and where the value begins and ends in the line."""

    name: str
    start: int
    end: int


def _assignment(line: str) -> _Assignment | None:
    """The assignment of a line; None if it is something else."""
    found = _NAME.match(line)
    if found is None:
        return None
    if line[found.end() : found.end() + 1] in ('"', "'"):
        quoted = _QUOTED.match(line, found.end())
        return None if quoted is None else _Assignment(found["name"], *quoted.span("value"))
    rest = line[found.end() :]
    if rest[:1] == "#":
        return None
    comment = _COMMENT.search(rest)
    value = rest[: comment.start() if comment else None].rstrip()
    if value[:1].isspace():
        # What follows the white space is no value; if it is a comment, the variable is set to nothing.
        return None
    return _Assignment(found["name"], found.end(), found.end() + len(value))


def _shown_line(line: str, assignment: _Assignment | None) -> str:
    if assignment is None:
        known = _KNOWN_NAME.match(line)
        return (known[0] if known else "") + _HIDDEN
    start, end = assignment.start, assignment.end
    if assignment.name == _SECRET:
        return line[:start] + _HIDDEN
    return line[:start] + without_credentials(line[start:end]) + line[end:]


def without_credentials(text: str) -> str:
    """An address as it may be shown: whatever could be a user name, a password or a token is hidden.

    Everything up to the last `@` goes, since a password may hold any character; so does what stands where a port
    belongs and is none, and what follows the address of a server.
    """
    if text.startswith("sqlite:"):
        return text
    scheme = _SCHEME.match(text)
    start = scheme.end() if scheme else 0
    at = max(text.rfind("@"), text.lower().rfind("%40"))
    if at >= start:
        return text[:start] + _HIDDEN + text[at:]
    return text[:start] + ",".join(map(_without_secret, text[start:].split(",")))


# Any number of slashes, in either direction: the beginning of an address, rightly written or not.
_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]+")
# A host, or one of IPv6 in brackets, and a port; then what may be a path, a query or a fragment.
_SERVER = pattern(
    r"(?P<head>\s*(?:[A-Za-z][A-Za-z0-9+.-]*:[/\\]+)?(?:\[[^\]]*\]|[^:/?#\[\]]*))"
    r"(?P<port>:[^/?#]*)?(?P<path>.*)",
    re.DOTALL,
)
# What is so short is a slip rather than a password.
_PORT = pattern(r":\s*(?:[0-9]{0,9}|.{0,3})\s*")


def _without_secret(server: str) -> str:
    found = _SERVER.fullmatch(server)
    if found is None:
        return server
    port, path = found["port"] or "", found["path"]
    shown_port = port if _PORT.fullmatch(port) or not port else f":{_HIDDEN}"
    query = re.search(r"[?#]", path)
    shown_path = path if query is None else path[: query.start() + 1] + _HIDDEN
    return found["head"] + shown_port + shown_path
