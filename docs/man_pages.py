"""The man pages, made of the same help texts that `--help` prints: calicoctl(1) and calicoctl-script(5)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from calicoctl.cli.help import usage
from calicoctl.cli.help.help_texts import command_names, help_of
from calicoctl.version import VERSION

_NOTE = '.\\" Made by `make docs` of calicoctl/cli/help/usage.py; change that.\n'
# Where the help of `run` comes to scripts, and where it leaves them.
_OF_SCRIPTS = re.compile(r"A script has one statement.*(?=\n`calicoctl --help`)", re.DOTALL)


def pages() -> Mapping[str, str]:
    """Each page by its file's name below `docs/man/`."""
    return {"calicoctl.1": _program(), "calicoctl-script.5": _script()}


def _program() -> str:
    synopsis, _, rest = usage.HELP.partition("\n\n")
    commands = "".join(f".SS {name}\n{_as_it_stands(help_of(name))}" for name in command_names())
    return (
        _head("CALICOCTL", 1)
        + _section("NAME", "calicoctl \\- policy profiles of Calico, their tags and rules\n")
        + _section("SYNOPSIS", _as_it_stands(synopsis.partition("\n")[2]))
        + _section("DESCRIPTION", _as_it_stands(rest))
        + _section("COMMANDS", commands)
        + _section("SEE ALSO", ".BR calicoctl\\-script (5)\n")
    )


def _script() -> str:
    found = _OF_SCRIPTS.search(usage.RUN_HELP)
    assert found is not None, "the help of `run` describes scripts"
    statements = f"{usage.PROFILE_USAGE}\n{usage.QUESTIONS_USAGE}".partition("\n")[2]
    return (
        _head("CALICOCTL-SCRIPT", 5)
        + _section("NAME", "calicoctl\\-script \\- files of statements for calicoctl run\n")
        + _section("DESCRIPTION", _as_it_stands(found[0]))
        + _section("STATEMENTS", _as_it_stands(statements))
        + _section("SEE ALSO", ".BR calicoctl (1)\n")
    )


def _head(name: str, section: int) -> str:
    return f'{_NOTE}.TH {name.replace("-", chr(92) + "-")} {section} "" "calicoctl {VERSION}"\n'


def _section(title: str, body: str) -> str:
    return f".SH {title}\n{body}"


def _as_it_stands(text: str) -> str:
    """A text whose lines are kept, since the help is laid out by hand."""
    lines = (_escaped(line) for line in text.strip("\n").split("\n"))
    return ".nf\n" + "".join(f"{line}\n" for line in lines) + ".fi\n"


def _escaped(line: str) -> str:
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{line}" if line.startswith(".") else line
