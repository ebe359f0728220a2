"""The names that other tools have for commands and options of this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.cli.help.help_parser import command_names
from calicoctl.cli.program_options import typed_command
from calicoctl.diagnostics.core import Advice, Command, Fix

# The options of each command by the names that other tools have for them.
OPTION_SYNONYMS: dict[str, dict[str, str]] = {
    "run": {
        **dict.fromkeys(("-c", "-t", "--test", "--validate", "--verify", "--syntax-check"), "--check"),
        **dict.fromkeys(("-n", "--plan", "--preview", "--diff", "--noop"), "--dry-run"),
    },
    "fmt": dict.fromkeys(("-i", "--in-place", "--inplace", "--fix"), "--write"),
    "trace": {
        **dict.fromkeys(("--src", "--source"), "--from"),
        **dict.fromkeys(("--dst", "--dest", "--destination"), "--to"),
    },
}
# Options that other tools need before a file name; here, files are operands.
FILE_OPTIONS = ("-f", "--file", "--filename")

_SHOW = Command("calicoctl profile show")
_OF_CALICO = Advice("this calicoctl has only commands for profiles; another calicoctl has that command")
# Returns the hint for the operands of another tool's command; they are None if they contain unknown options.
_Hint = Callable[[list[str] | None], Fix]

# The names that other tools have for profiles.
KINDS = ("profile", "profiles", "policy", "policies", "pol", "p")
_EXPORT = Advice("`calicoctl export [PROFILE...]` prints profiles as a script for `calicoctl run`")
_EDIT = Advice(
    "`calicoctl export PROFILE > FILE` writes a profile as a script; edit it, and apply it with `calicoctl run FILE`"
)


def synonym(words: Sequence[str]) -> Fix | None:
    """The command of this program that does what a command line of another tool means, or advice; None if unknown.

    Args:
        words: The words of the command line.
    """
    hint = _HINTS.get(words[0].lower())
    return None if hint is None else hint(_operands(words[1:]))


def _command(beginning: str, operands: Sequence[str]) -> Command:
    return Command(typed_command([*beginning.split()[1:], *operands]))


def _operands(words: Sequence[str]) -> list[str] | None:
    """The words after a command, without `-f` before files and without `-o FORM`; None if there are other options."""
    words = [word for at, word in enumerate(words) if "-o" not in words[max(at - 1, 0) : at + 1]]
    operands = [word.removeprefix("--filename=") for word in words if word not in FILE_OPTIONS]
    return None if any(word.startswith("-") and word != "-" for word in operands) else operands


def _run(options: str, what: str) -> _Hint:
    command = " ".join(["calicoctl run", options]).rstrip()

    def fix_for(operands: list[str] | None) -> Fix:
        if operands and all(operand.endswith((".yaml", ".yml")) for operand in operands):
            return Command(f"{_command('calicoctl convert --from=calico', operands).text} | {command}")
        return _command(command, operands) if operands else Advice(f"`{command} FILE` {what}")

    return fix_for


def _named(command: str, otherwise: Fix) -> _Hint:
    """A command about one profile; other tools have the kind `profile` before its name."""

    def fix_for(operands: list[str] | None) -> Fix:
        names = operands[1:] if operands and operands[0].lower() in KINDS else operands
        return Command(command.format(names[0])) if names and len(names) == 1 else otherwise

    return fix_for


def _create(operands: list[str] | None) -> Fix:
    if operands and operands[0].lower() not in KINDS:
        return _APPLY(operands)
    return _named("calicoctl profile add {}", Advice("`calicoctl profile add PROFILE` creates a profile"))(operands)


def _get(operands: list[str] | None) -> Fix:
    if not operands or (len(operands) == 1 and operands[0].lower() in KINDS):
        return _SHOW
    return _named("calicoctl export {}", _EXPORT)(operands)


def _export(operands: list[str] | None) -> Fix:
    return Command("calicoctl export") if operands == [] else _EXPORT


def _help(operands: list[str] | None) -> Fix:
    known = [word for word in operands or () if word in command_names()]
    return _command("calicoctl", [*known[:1], "--help"])


_CHECK = _run("--check", "checks a script")
_PREVIEW = _run("--dry-run", "shows what a script would change")
_APPLY = _run("", "applies a script")

_HINTS: dict[str, _Hint] = {
    **dict.fromkeys(
        ("apply", "import", "load", "restore", "replace", "execute", "exec", "nft", "iptables-restore"), _APPLY
    ),
    **dict.fromkeys(("plan", "preview", "dry-run"), _PREVIEW),
    **dict.fromkeys(("validate", "check", "verify"), _CHECK),
    **dict.fromkeys(("create", "new"), _create),
    **dict.fromkeys(("get", "list", "ls", "profiles", "show"), _get),
    **dict.fromkeys(("dump", "backup", "save", "iptables-save"), _export),
    **dict.fromkeys(("format", "indent"), lambda operands: _command("calicoctl fmt", operands or ())),
    **dict.fromkeys(
        ("delete", "rm", "del", "destroy"),
        _named("calicoctl profile remove {}", Advice("`calicoctl profile remove PROFILE` removes a profile")),
    ),
    "describe": _named(
        "calicoctl profile {} rule show", Advice("`calicoctl profile PROFILE rule show` shows its rules")
    ),
    "edit": lambda _operands: _EDIT,
    "help": _help,
    **dict.fromkeys(("version", "-v", "-version"), lambda _operands: Command("calicoctl --version")),
    **dict.fromkeys(("status", "health", "healthcheck", "diags"), lambda _operands: Command("calicoctl doctor")),
    **dict.fromkeys(
        ("container", "endpoint", "pool", "node", "bgp", "config", "ipam", "checksystem", "cluster", "datastore"),
        lambda _operands: _OF_CALICO,
    ),
    "rollback": lambda _operands: Command("calicoctl run --rollback"),
    "resume": lambda _operands: Command("calicoctl run --resume"),
}
