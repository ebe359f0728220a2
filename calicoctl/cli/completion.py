"""The command `completion`: the script that makes a shell ask `calicoctl.cli.complete` when the tab key is pressed."""

from __future__ import annotations

from importlib import resources

from calicoctl.cli.arguments import Arguments
from calicoctl.cli.console import say
from calicoctl.cli.options import Options
from calicoctl.cli.status import ExitStatus

SHELLS = ("bash", "zsh", "fish")


def run(options: Options) -> int:
    """Print the script for a shell."""
    parser = Arguments("completion")
    parser.add_argument("shell", choices=SHELLS)
    shell = parser.parse_args(list(options.words[1:])).shell
    script = resources.files("calicoctl.cli") / "shells" / f"calicoctl.{shell}"
    say(script.read_text(encoding="utf-8"), end="")
    return ExitStatus.DONE
