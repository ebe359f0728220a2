"""Sources of settings: the environment of the process, and the settings file for variables that `sudo` removes.

The file has `NAME=value` lines. Blank lines and lines that begin with `#` are ignored, and so is the text after white
space and `#`. `export ` may precede a name, and a value may be quoted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cached_property

from calicoctl.annotations import Protocol
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose, reason_of
from calicoctl.fast_dataclasses import dataclass
from calicoctl.file_reading import read_regular
from calicoctl.lazy_patterns import pattern
from calicoctl.source import Source, Span

DEFAULT_FILE = "/etc/calico/calicoctl.env"
FILE_VARIABLE = "CALICOCTL_ENV"

# The parts of a line: a name, then a value in quotes or up to a comment. Each pattern matches in one pass.
_NAME = pattern(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=")
_QUOTED = pattern(r"""(?P<quote>["'])(?P<value>(?:(?!(?P=quote)).)*)(?P=quote)(?:\s+#.*|\s*)\Z""")
_COMMENT = pattern(r"\s#")
# Diagnostics never quote a password, and of an invalid line only a known name at its beginning.
_SECRET = "ETCD_PASSWORD"
_KNOWN_NAME = pattern(r"\s*(?:export\s+)?(?:CALICOCTL|ETCD)_[A-Z_]*")
_HIDDEN = "..."


@dataclass(frozen=True)
class Text:
    """The text of one setting, and where it was set.

    Attributes:
        value: The text.
        name: The name of the variable or the option in messages.
        source: The printable source text, in which credentials are hidden.
        start: The offset of the text in `source`.
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
        """The span of the whole text."""
        return Span(self.source, self.start, self.start + len(self.shown))

    def without_prefix(self, prefix: str) -> Text:
        """The text after a prefix, which white space may precede."""
        end = self.value.index(prefix) + len(prefix)
        shown_end = self.shown.index(prefix) + len(prefix) if prefix in self.shown else 0
        return Text(self.value[end:], self.name, self.source, self.start + shown_end, self.shown[shown_end:])

    def part(self, start: int, end: int) -> Span:
        """The span of a part of the text; only for a text in which nothing is hidden."""
        return Span(self.source, self.start + start, self.start + end)


# A settings file has a few lines; a larger file, or one without an end, is the wrong file.
_FILE_BYTES_MAX = 1_000_000


class EnvironmentVariables(Protocol):
    """A source of variables."""

    def get(self, name: str) -> Text | None:
        """A variable's text; None if it is unset or empty."""
        ...


class Environment:
    """The environment variables of the process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> Text | None:
        """See `EnvironmentVariables.get`."""
        value = self._environment.get(name)
        return Text.alone(name, value) if value else None


class SettingsFile:
    """The variables of the settings file, which is read on first use.

    Args:
        path: The file named by `CALICOCTL_ENV`, which must exist; None for the default file, which may be missing.
    """

    def __init__(self, path: Text | None) -> None:
        self._path_setting = path
        self._path = path.value if path else DEFAULT_FILE

    def get(self, name: str) -> Text | None:
        """See `EnvironmentVariables.get`.

        Raises:
            Refused: The file cannot be read, or a line of it is invalid.
        """
        return self._texts.get(name)

    @cached_property
    def _texts(self) -> Mapping[str, Text]:
        if self._path == os.devnull:
            return {}
        try:
            content = read_regular(self._path, _FILE_BYTES_MAX)
        except FileNotFoundError as error:
            if self._path_setting is None:
                return {}
            raise Refused([self._unreadable(error)]) from error
        except (OSError, ValueError) as error:  # ValueError: the path contains a NUL, or the file is too large
            raise Refused([self._unreadable(error)]) from error
        return _texts(self._path, content.decode("utf-8-sig", "surrogateescape"))

    def _unreadable(self, error: OSError | ValueError) -> Diagnostic:
        span = self._path_setting.whole if self._path_setting else None
        hint = f"set {FILE_VARIABLE} to another file, or to `/dev/null` to read no file"
        reason = reason_of(error)
        return diagnose(messages.ENV_FILE_UNREADABLE, span, hint, path=self._path, reason=reason)


def _texts(path: str, content: str) -> Mapping[str, Text]:
    """The variables that a settings file sets to a value; if several lines set one name, the last counts."""
    lines = content.split("\n")
    assignments = [_assignment(line) for line in lines]
    shown_lines = [_shown_line(line, assignment) for line, assignment in zip(lines, assignments, strict=True)]
    source = Source(path, "\n".join(shown_lines))
    problems: list[Diagnostic] = []
    texts: dict[str, Text] = {}
    offset = 0
    for line, assignment, shown_line in zip(lines, assignments, shown_lines, strict=True):
        if assignment is not None:
            name, value = assignment.name, line[assignment.start : assignment.end]
            texts[name] = Text(value, name, source, offset + assignment.start, without_credentials(value))
        elif line.strip() and not line.lstrip().startswith("#"):
            span = Span(source, offset, offset + len(shown_line))
            problems.append(
                diagnose(messages.ENV_FILE_LINE, span, "quote a value that contains quotes or begins with `#`")
            )
        offset += len(shown_line) + 1
    if problems:
        raise Refused(problems)
    return {name: text for name, text in texts.items() if text.value}


@dataclass(frozen=True)
class _Assignment:
    """A line `NAME=value`: the name, and the offsets of the value in the line."""

    name: str
    start: int
    end: int


def _assignment(line: str) -> _Assignment | None:
    """The assignment on a line; None if the line is not one."""
    match = _NAME.match(line)
    if match is None:
        return None
    name, start = match["name"], match.end()
    if line[start : start + 1] in ('"', "'"):
        quoted = _QUOTED.match(line, start)
        return None if quoted is None else _Assignment(name, *quoted.span("value"))
    unquoted = line[start:]
    if unquoted[:1] == "#":
        return None
    comment = _COMMENT.search(unquoted)
    value = unquoted[: comment.start() if comment else None].rstrip()
    if value[:1].isspace():
        # Text after white space is not a value. (A comment there was removed above: the value is empty.)
        return None
    return _Assignment(name, start, start + len(value))


def _shown_line(line: str, assignment: _Assignment | None) -> str:
    if assignment is None:
        known = _KNOWN_NAME.match(line)
        return (known[0] if known else "") + _HIDDEN
    start, end = assignment.start, assignment.end
    if assignment.name == _SECRET:
        return line[:start] + _HIDDEN
    return line[:start] + without_credentials(line[start:end]) + line[end:]


def without_credentials(text: str) -> str:
    """An address for output, in which all text that could be a user name, a password or a token is hidden.

    Everything up to the last `@` is hidden, since a password may contain any character. An invalid port is hidden too,
    and so is a query or a fragment after the address of a server.
    """
    if text.startswith("sqlite:"):
        return text
    scheme = _SCHEME.match(text)
    start = scheme.end() if scheme else 0
    at = max(text.rfind("@"), text.lower().rfind("%40"))
    if at >= start:
        return text[:start] + _HIDDEN + text[at:]
    return text[:start] + ",".join(map(_without_secret, text[start:].split(",")))


# The scheme of an address, with any number of slashes or backslashes: it may be misspelt.
_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]+")
# A host name or an IPv6 address in brackets, and a port; then a path, a query or a fragment.
_SERVER = pattern(
    r"(?P<head>\s*(?:[A-Za-z][A-Za-z0-9+.-]*:[/\\]+)?(?:\[[^\]]*\]|[^:/?#\[\]]*))"
    r"(?P<port>:[^/?#]*)?(?P<path>.*)",
    re.DOTALL,
)
# At most nine digits or three characters: a typing error rather than a password.
_PORT = pattern(r":\s*(?:[0-9]{0,9}|.{0,3})\s*")


def _without_secret(server: str) -> str:
    match = _SERVER.fullmatch(server)
    if match is None:
        return server
    port, path = match["port"] or "", match["path"]
    shown_port = port if _PORT.fullmatch(port) or not port else f":{_HIDDEN}"
    query = re.search(r"[?#]", path)
    shown_path = path if query is None else path[: query.start() + 1] + _HIDDEN
    return match["head"] + shown_port + shown_path
