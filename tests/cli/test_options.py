"""Options of every command: the same errors everywhere, and a hint with the nearest valid option."""

from __future__ import annotations

import re

import pytest

from calicoctl.cli.help.help_parser import command_names, help_of, options_of
from tests.cli.program import CommandResult, Program


def commands_of_hints(result: CommandResult) -> list[str]:
    """The command of each hint: the whole hint, or the first words in backticks of an advice."""
    hints = re.findall(r"^hint: (.*)$", result.stderr, re.MULTILINE)
    return [hint if hint.startswith("calicoctl ") else hint.split("`")[1] for hint in hints]


@pytest.mark.parametrize(
    ("words", "place", "code", "hint"),
    [
        ("run --dryrun F", 15, "E0629", "calicoctl run --dry-run F"),
        ("run -dry-run F", 15, "E0629", "calicoctl run --dry-run F"),
        ("run F --verbos", 17, "E0629", "calicoctl run F --verbose"),
        ("run --json F", 15, "E0629", "calicoctl run --help"),
        ("run --json --check F", 15, "E0629", "calicoctl run --output=json --check F"),
        ("run -f F", 15, "E0629", "calicoctl run F"),
        ("run -vx F", 15, "E0629", "calicoctl run --help"),
        ("run --check=1 F", 15, "E0642", "calicoctl run --check F"),
        ("run -o", 15, "E0620", None),
        ("run --define", 15, "E0620", None),
        ("fmt --wirte F", 15, "E0629", "calicoctl fmt --write F"),
        ("export -o json", 18, "E0629", "calicoctl export --help"),
        ("export --datastor=x", 18, "E0629", "calicoctl export --datastore=x"),
        ("doctor --fix", 18, "E0629", "calicoctl doctor --help"),
        ("doctor --josn", 18, "E0629", "calicoctl doctor --output=json"),
        ("--verbose profile show", 11, "E0629", "calicoctl --help"),
        ("profile W rule json -o yaml", 34, "E0632", "calicoctl profile W rule json -o calico"),
        ("profile W rule show --json", 31, "E0629", "calicoctl profile W rule show --output=json"),
        ("profile W rule show -json", 31, "E0629", "calicoctl profile W rule show --output=json"),
        ("profile W rule show -all", 31, "E0629", "calicoctl profile --help"),
        ("profile W rule add inbound allow --json", 44, "E0629", "calicoctl profile --help"),
        ("doctor WEB", 18, "E0643", "calicoctl doctor --help"),
        ("explain --foo", 19, "E0629", "calicoctl explain --help"),
        ("completion sh", 22, "E0644", None),
        ("completion bahs", 22, "E0644", "calicoctl completion bash"),
        ("completion --zsh", 22, "E0629", "calicoctl completion --help"),
        ("completion bash zsh", 27, "E0643", "calicoctl completion --help"),
        (
            "profile WEB rule remove inbound --at=1 --dry-run",
            50,
            "E0629",
            "calicoctl profile --help",
        ),
        ("profile show --json", 24, "E0629", "calicoctl profile show --output=json"),
        ("profile show --detaild", 24, "E0104", "calicoctl profile show --detailed"),
        ("profile remove WEB --nocheck", 30, "E0104", "calicoctl profile remove WEB --no-check"),
        ("profile add WEB --force", 27, "E0629", "calicoctl profile --help"),
        ("profile W rule add inbound allow --stats x", 44, "E0629", "calicoctl profile --help"),
        ("--datastor=x profile show", 11, "E0629", "calicoctl --datastore=x profile show"),
    ],
)
def test_an_invalid_option_is_an_error_with_a_hint(
    embedded: Program, words: str, place: int, code: str, hint: str | None
) -> None:
    result = embedded.run_inside(*words.split())
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith(f"<command line>:1:{place}: error: ")
    assert re.findall(r"\[(\w+)\]$", result.stderr, re.MULTILINE) == [code]
    assert commands_of_hints(result) == ([] if hint is None else [hint])
    assert "usage:" not in result.stderr


@pytest.mark.parametrize("option", ["-o json", "-o=json", "-ojson", "--output json", "--output=json"])
def test_the_output_format_may_precede_or_follow_the_command(embedded: Program, option: str) -> None:
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    before = embedded.run_inside(*option.split(), "doctor")
    after = embedded.run_inside("doctor", *option.split())
    assert (before.stdout[:1], before.status) == (after.stdout[:1], after.status) == ("{", 0)


@pytest.mark.parametrize("command", [name for name in command_names() if name != "profile"])
def test_every_option_in_the_help_is_accepted(embedded: Program, command: str) -> None:
    for option in options_of(help_of(command)):
        for name in option.names:
            value = [] if option.value is None else ["json" if name in ("-o", "--output") else "A=1"]
            result = embedded.run_inside(command, name, *value, "no-such-file")
            assert "[E0629]" not in result.stderr, f"the help lists `{name}`, but `{command}` refuses it: {result}"


@pytest.mark.parametrize(
    "words",
    [
        "profile --at=1 P rule add inbound allow udp",
        "profile P --at=1 rule add inbound allow udp",
        "profile P rule --at=1 add inbound allow udp",
        "profile P rule --at 1 add inbound allow udp",
        "profile P rule add inbound allow udp --at=1",
        "--at=1 profile P rule add inbound allow udp",
        "--at 1 profile P rule add inbound allow udp",
    ],
)
def test_the_position_may_be_anywhere_in_a_statement(embedded: Program, words: str) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    assert embedded.run_inside("profile", "P", "rule", "add", "inbound", "deny").status == 0
    assert embedded.run_inside(*words.split()).status == 0
    output = embedded.run_inside("profile", "P", "rule", "show").stdout
    assert output.splitlines()[1] == "   1 allow udp"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("apply -f F", "calicoctl run F"),
        ("--resume", "calicoctl run --resume"),
        ("apply F", "calicoctl run F"),
        ("create -f F", "calicoctl run F"),
        ("create profile X", "calicoctl profile add X"),
        ("get profiles", "calicoctl profile show"),
        ("profiles X rule show", "calicoctl profile X rule show"),
        ("policy show", "calicoctl profile show"),
        ("X rule show", "calicoctl profile X rule show"),
        ("get profile X", "calicoctl export X"),
        ("get profile X -o yaml", "calicoctl export X"),
        ("list", "calicoctl profile show"),
        ("ls", "calicoctl profile show"),
        ("profiles", "calicoctl profile show"),
        ("delete profile X", "calicoctl profile remove X"),
        ("plan F", "calicoctl run --dry-run F"),
        ("validate F", "calicoctl run --check F"),
        ("check F", "calicoctl run --check F"),
        ("import F", "calicoctl run F"),
        ("help", "calicoctl --help"),
        ("help run", "calicoctl run --help"),
        ("version", "calicoctl --version"),
        ("-V", "calicoctl --version"),
        ("status", "calicoctl doctor"),
    ],
)
def test_the_hint_for_a_command_of_another_tool_is_the_equivalent(embedded: Program, words: str, hint: str) -> None:
    (embedded.folder / "F").write_text("profile add NEW\n")
    assert embedded.run_inside("profile", "add", "X").status == 0
    result = embedded.run_inside(*words.split())
    assert (result.status, commands_of_hints(result)) == (1, [hint])
    assert embedded.run_inside(*hint.split()[1:]).status == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("apply", "-f", "a;b"), "calicoctl run 'a;b'"),
        (("apply", "-f", "F.yaml"), "calicoctl convert --from=calico F.yaml | calicoctl run"),
        (("check", "F.yml"), "calicoctl convert --from=calico F.yml | calicoctl run --check"),
        (("F.calico", "--dry-run"), "calicoctl run F.calico --dry-run"),
        (("F.calico", "--frobnicate"), "calicoctl --help"),
    ],
)
def test_the_hint_for_a_file_without_a_command_of_this_program_reads_it(
    embedded: Program, words: tuple[str, ...], hint: str
) -> None:
    result = embedded.run_inside(*words)
    assert result.status == 1
    assert hint in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("text", ["apiVersion: projectcalico.org/v3\n", '{"apiVersion": "projectcalico.org/v3"}'])
def test_a_resource_given_as_a_script_gets_a_hint_about_convert(embedded: Program, text: str) -> None:
    result = embedded.run_inside("run", "--check", stdin=text)
    assert (result.status, commands_of_hints(result)) == (1, ["calicoctl convert --from=calico FILE"])


def test_the_hint_for_several_profiles_names_none_of_them(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    result = embedded.run_inside("profile", "WEB,DB", "rule", "show")
    assert (result.status, result.stderr.splitlines()[-1]) == (1, "hint: write one statement for each profile")


@pytest.mark.parametrize("words", ["container add x", "node status", "pool show"])
def test_a_command_of_the_full_calicoctl_gets_a_hint_about_that_program(embedded: Program, words: str) -> None:
    result = embedded.run_inside(*words.split())
    assert (result.status, "[E0622]" in result.stderr, "another calicoctl" in result.stderr.splitlines()[-1]) == (
        1,
        True,
        True,
    )


def test_the_hint_for_a_misspelt_command_is_itself_valid(embedded: Program) -> None:
    result = embedded.run_inside("profil", "WEB", "rule", "ad", "inbound", "allow")
    assert commands_of_hints(result) == ["calicoctl profile WEB rule add inbound allow"]
    result = embedded.run_inside("profile/WEB", "rule", "ad", "inbound", "allow")
    assert commands_of_hints(result) == ["calicoctl profile WEB rule add inbound allow"]
    result = embedded.run_inside("profile=WEB", "tag", "show")
    assert commands_of_hints(result) == ["calicoctl profile WEB tag show"]
    result = embedded.run_inside("profile=", "tag", "show")
    assert commands_of_hints(result) == ["calicoctl profile --help"]
    result = embedded.run_inside("profil", "WEB", "frobnicate", "x")
    assert commands_of_hints(result) == ["calicoctl profile --help"]
    result = embedded.run_inside("profil", "WEB", "show")
    assert commands_of_hints(result) == ["profile WEB rule show"]


@pytest.mark.parametrize("words", ["rule add inbound allow", "tag show", "rule"])
def test_the_hint_for_a_statement_without_its_profile_names_the_profile_first(embedded: Program, words: str) -> None:
    kind = words.split(maxsplit=1)[0]
    result = embedded.run_inside(*words.split())
    assert (result.status, commands_of_hints(result)) == (1, [f"calicoctl profile <PROFILE> {kind} ..."])


@pytest.mark.parametrize("word", ["edit", "validate", "apply", "delete", "create", "describe"])
def test_the_hint_for_a_command_without_its_operand_is_advice(embedded: Program, word: str) -> None:
    result = embedded.run_inside(word)
    assert result.status == 1
    (advice,) = re.findall(r"^hint: `(.*?)`", result.stderr, re.MULTILINE)
    assert advice.startswith("calicoctl ")
