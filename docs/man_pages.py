"""Make the man pages calicoctl(1) and calicoctl-script(5) from the help texts and the summary in docs/scripts.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from calicoctl.cli.help import usage
from calicoctl.cli.help.help_parser import command_names, help_of
from calicoctl.store.environment import DEFAULT_FILE
from calicoctl.store.settings import DEFAULT_PATH
from calicoctl.version import VERSION

_SCRIPTS = Path(__file__).resolve().parent / "scripts.md"
_NOTE = '.\\" Made by `make docs` of calicoctl/cli/help/usage.py and docs/scripts.md; change those.\n'
# The part of the help of `run` that describes scripts.
_OF_SCRIPTS = re.compile(r"A script has one statement.*(?=\n`calicoctl --help`)", re.DOTALL)
_SUMMARY = re.compile(r"^## Syntax overview\n\n```\n(.+?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"(\d+) (\S+(?: \S+)*)")

# Environment variables that the help does not describe.
_VARIABLES = {
    "NO_COLOR": "Set to anything: no colours on terminals.",
    "TERM": "No colours where it is unset, empty or `dumb`.",
    "XDG_DATA_HOME": "The folder of the embedded datastore; ~/.local/share if it is not an absolute path.",
}
_FILES = {
    DEFAULT_FILE: "Settings, one NAME=value a line, of variables that the environment does not set.",
    f"~/.local/share/{DEFAULT_PATH}": "The embedded datastore, which is used where no other is named.",
}
_EXAMPLES = """\
calicoctl --datastore=sqlite:trial.db profile add WEB
calicoctl --datastore=sqlite:trial.db profile WEB rule add inbound allow tcp to ports 80,443
calicoctl --datastore=http://etcd1:2379,http://etcd2:2379 run --dry-run shop.calico
"""
_MATCH = "MATCH is what follows (allow|deny) in the usage of `rule add`."


def pages() -> Mapping[str, str]:
    """Each page by its file's name below `docs/man/`.

    Raises:
        ValueError: The help texts lack a part that a page needs.
    """
    return {"calicoctl.1": _program(), "calicoctl-script.5": _script()}


def _program() -> str:
    synopsis, *blocks = usage.HELP.strip("\n").split("\n\n")
    parts = {_heading(block): block for block in blocks}
    missing = {"OPTIONS", "ENVIRONMENT", "EXIT STATUS", "NOTES"} - parts.keys()
    if missing:
        raise ValueError(f"the help lacks {', '.join(sorted(missing))}")
    commands = "".join(f".SS {name}\n{_verbatim(help_of(name))}" for name in command_names())
    statuses = dict(_STATUS.findall(parts["EXIT STATUS"].partition("\n")[2]))
    return (
        _head("CALICOCTL", 1)
        + _section("NAME", "calicoctl \\- policy profiles of Calico, their tags and rules\n")
        + _section("SYNOPSIS", _verbatim(synopsis.partition("\n")[2]))
        + _section("OPTIONS", _verbatim(parts["OPTIONS"]))
        + _section("COMMANDS", commands)
        + _section("EXIT STATUS", _list(statuses))
        + _section("ENVIRONMENT", _verbatim(parts["ENVIRONMENT"]) + _list(_VARIABLES))
        + _section("FILES", _list(_FILES))
        + _section("EXAMPLES", _verbatim(_EXAMPLES))
        + _section("NOTES", _verbatim(parts["NOTES"]))
        + _section("SEE ALSO", ".BR calicoctl\\-script (5)\n")
    )


def _heading(block: str) -> str:
    """The section of a man page that a block of the help belongs to."""
    headings = {"Options": "OPTIONS", "Exit": "EXIT STATUS", "NOTE:": "NOTES"}
    return headings.get(block.split(maxsplit=1)[0].rstrip(","), "ENVIRONMENT")


def _script() -> str:
    description = _OF_SCRIPTS.search(usage.RUN_HELP)
    summary = _SUMMARY.search(_SCRIPTS.read_text(encoding="utf-8"))
    if description is None or summary is None:
        raise ValueError("the help of `run` or docs/scripts.md does not describe scripts")
    statements = f"{usage.PROFILE_USAGE}\n{usage.QUESTIONS_USAGE}".partition("\n")[2]
    return (
        _head("CALICOCTL-SCRIPT", 5)
        + _section("NAME", "calicoctl\\-script \\- files of statements for calicoctl run\n")
        + _section("DESCRIPTION", _verbatim(description[0]))
        + _section("SYNTAX", _verbatim(summary[1]))
        + _section("STATEMENTS", _verbatim(statements) + f".PP\n{_escaped(_MATCH)}\n")
        + _section("EXIT STATUS", "That of `run`, in\n.BR calicoctl (1).\n".replace("`", "\\(ga"))
        + _section("SEE ALSO", ".BR calicoctl (1)\n")
    )


def _head(name: str, section: int) -> str:
    return f'{_NOTE}.TH {name.replace("-", chr(92) + "-")} {section} "" "calicoctl {VERSION}"\n'


def _section(title: str, body: str) -> str:
    return f".SH {title}\n{body}"


def _list(entries: Mapping[str, str]) -> str:
    """Each entry with its meaning indented below it."""
    return "".join(f".TP\n{_escaped(name)}\n{_escaped(meaning)}\n" for name, meaning in entries.items())


def _verbatim(text: str) -> str:
    """A text with its line breaks, since the layout of the help is written by hand."""
    lines = (_escaped(line) for line in text.strip("\n").split("\n"))
    return ".nf\n" + "".join(f"{line}\n" for line in lines) + ".fi\n"


def _escaped(line: str) -> str:
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    line = line.replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{line}" if line.startswith(".") else line
