"""What other tools call the commands of this one: for a word that is no command, the command that does that here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.cli.help.help_texts import command_names
from calicoctl.diagnostics import Advice, Command, Fix

# What other tools call the options of a command here; those of files are none here.
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
FILE_OPTIONS = ("-f", "--file", "--filename")

_SHOW = Command("calicoctl profile show")
_OF_CALICO = Advice("this program has profiles alone; that command is another calicoctl's")
# What the operands of another tool's command mean here; None stands for operands that are not understood.
_Meaning = Callable[[list[str] | None], Fix]

# What other tools call profiles.
KINDS = ("profile", "profiles", "policy", "policies", "pol", "p")
_EXPORT = Advice("`calicoctl export [PROFILE...]` prints profiles as text that `calicoctl run` takes")
_EDIT = Advice(
    "`calicoctl export PROFILE > FILE` writes a profile as text; edit it, and apply it with `calicoctl run FILE`"
)


def synonym(words: Sequence[str]) -> Fix | None:
    """The command that does here what a command line of another tool means, or advice; None when none is known.

    Args:
        words: The words of the command line.
    """
    meaning = _MEANINGS.get(words[0].lower())
    return None if meaning is None else meaning(_operands(words[1:]))


def _command(beginning: str, operands: Sequence[str]) -> Command:
    return Command(" ".join([beginning, *operands]))


def _operands(words: Sequence[str]) -> list[str] | None:
    """The words behind a command, without the `-f` before files and `-o FORM`; None when there are other options."""
    words = [word for at, word in enumerate(words) if "-o" not in words[max(at - 1, 0) : at + 1]]
    operands = [word.removeprefix("--filename=") for word in words if word not in FILE_OPTIONS]
    return None if any(word.startswith("-") and word != "-" for word in operands) else operands


def _run(options: str, what: str) -> _Meaning:
    command = " ".join(["calicoctl run", options]).rstrip()

    def meaning(operands: list[str] | None) -> Fix:
        return _command(command, operands) if operands else Advice(f"`{command} FILE` {what}")

    return meaning


def _named(command: str, lone: Fix) -> _Meaning:
    """A command about one profile, which other tools put the kind before."""

    def meaning(operands: list[str] | None) -> Fix:
        names = operands[1:] if operands and operands[0].lower() in KINDS else operands
        return Command(command.format(names[0])) if names and len(names) == 1 else lone

    return meaning


def _create(operands: list[str] | None) -> Fix:
    if operands and operands[0].lower() not in KINDS:
        return _command("calicoctl run", operands)
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

_MEANINGS: dict[str, _Meaning] = {
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
