"""Hostile scripts and documents: refused in bounded time and memory, and with bounded answers."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable

import pytest

from tests.cli.hostile import ESCAPES, bounded, require_harmless, write_script
from tests.cli.program import Program
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import PROFILES, RawStore, values

LARGE = 10_000_000
RULES = '{"inbound_rules":[],"outbound_rules":[]}'
BLOCK = "profile WEB {\ntags\noutbound {}\ninbound {\n"

# Each with the code of its first error; None if it is valid.
SCRIPTS: dict[str, tuple[Callable[[], str | bytes], str | None]] = {
    "one word": (lambda: "x" * LARGE, "E0136"),
    "one line of keywords": (lambda: "profile " * (LARGE // 8), "E0136"),
    "a name": (lambda: "profile add " + "x" * LARGE, "E0136"),
    "a name within the limit": (lambda: "profile add " + "x" * 900_000, "E0215"),
    "a word within the limit": (lambda: "x" * 900_000, "E0101"),
    "keywords within the limit": (lambda: "profile " * 100_000, "E0101"),
    "a comment": (lambda: "# " + "x" * LARGE + "\nprofile add WEB\n", None),
    "a comment after a statement": (lambda: "profile add WEB # " + "x" * LARGE, None),
    "white space": (lambda: " " * LARGE, None),
    "NULs": (lambda: b"\0" * LARGE, "E0156"),
    "quotes": (lambda: "'" * LARGE, "E0136"),
    "an open quote": (lambda: 'profile "' + "x" * LARGE, "E0136"),
    "backslashes": (lambda: "\\" * LARGE, "E0136"),
    "continued lines": (lambda: "profile \\\n" * 300_000, "E0136"),
    "braces": (lambda: "{" * LARGE, "E0136"),
    "blocks in blocks": (lambda: "profile A {\n" * 300_000, "E0135"),
    "ends of blocks": (lambda: "}\n" * 1_000_000, "E0135"),
    "ends of blocks on one line": (lambda: "profile A {\ntags" + "}" * 900_000 + "\n", "E0101"),
    "a million errors": (lambda: "bad\n" * 1_000_000, "E0135"),
    "a block of wrong rules": (lambda: BLOCK + "allow tcp to ports 99999\n" * 15_000 + "}\n}\n", "E0135"),
    "a block of wrong JSON": (lambda: BLOCK + "json {\n" * 50_000 + "}\n}\n", "E0135"),
    "wrong ports": (lambda: "profile WEB rule add inbound allow tcp to ports " + "x," * 300_000 + "x", "E0135"),
    "every port": (lambda: f"profile add W\nprofile W rule add inbound allow tcp to ports {ports()}", None),
    "many tags": (lambda: f"profile W {{\ntags {tags(100_000)}\ninbound {{}}\noutbound {{}}\n}}\n", None),
    "one tag many times": (lambda: "profile W {\ntags t" + ",t" * 100_000 + "\ninbound {}\noutbound {}\n}\n", "E0135"),
    "a here-document without an end": (lambda: "profile WEB rule update <<EOF\n" + "{\n" * 3_000_000, "E0119"),
    "here-documents in a row": (lambda: "profile WEB rule update <<EOF\nEOF\n" * 100_000, "E0135"),
    "deep JSON": (lambda: "profile WEB rule update <<EOF\n" + "[" * LARGE + "\nEOF\n", "E0304"),
    "deep JSON in a block": (lambda: BLOCK + "json " + '{"a":' * 100_000 + "\n}\n}\n", "E0304"),
    "terminal controls": (lambda: f"profile '{ESCAPES}' tag add A\nprofile add {ESCAPES}\n{ESCAPES}\n", "E0214"),
    "bytes that are not UTF-8": (lambda: b"\xff" * LARGE, "E0136"),
    "here-documents that nearly end": (
        lambda: "".join(f"profile A rule update <<E{number}\n E{number}\n" for number in range(250_000)),
        "E0119",
    ),
    "here-documents that nearly end, in a block": (
        lambda: BLOCK + "".join(f"allow <<E{number}\n E{number}\n" for number in range(250_000)),
        "E0120",
    ),
    "noise": (lambda: random.Random(1).randbytes(1_000_000), "E0156"),
    "byte-order marks": (lambda: "\ufeff" * 100_000, "E0101"),
}


def ports() -> str:
    return ",".join(str(port) for port in range(1, 65_536))


def tags(count: int) -> str:
    return ",".join(f"t{number}" for number in range(count))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_hostile_script_is_answered_within_bounds(embedded: Program, name: str) -> None:
    make, code = SCRIPTS[name]
    write_script(embedded, make())
    result = require_harmless(bounded(embedded).run("run", "--check", "hostile.calico"))
    assert (result.status, f"[{code}]" in result.stderr) == ((0, False) if code is None else (1, True)), result


def test_of_a_million_errors_a_thousand_are_reported_as_json(embedded: Program) -> None:
    write_script(embedded, "bad\n" * 1_000_000)
    result = bounded(embedded).run("run", "--check", "-o", "json", "hostile.calico")
    diagnostics = json.loads(require_harmless(result, is_listing=True).stdout)["diagnostics"]
    assert (result.status, len(diagnostics), diagnostics[0]["code"]) == (1, 1002, "E0135")


def test_control_characters_are_escaped_in_json(embedded: Program) -> None:
    write_script(embedded, f"profile '{ESCAPES}' tag add A\nprofile add {ESCAPES}\n")
    result = require_harmless(embedded.run("run", "--check", "-o", "json", "hostile.calico"))
    assert result.stdout.isascii()
    assert json.loads(result.stdout)["ok"] is False


@pytest.mark.parametrize("file", ["/dev/zero", "/dev/urandom", "/dev/full", "/", ".", "x" * 300, "a\x1b[31m", "\udcff"])
def test_devices_folders_and_unusual_paths_are_refused(embedded: Program, file: str) -> None:
    result = require_harmless(bounded(embedded).run("run", "--check", file.encode("utf-8", "surrogateescape")))
    assert (result.status, result.stdout) == (1, "")
    assert codes(result) == ["E0626"]


def test_a_document_from_an_endless_device_is_refused(embedded: Program) -> None:
    write_script(embedded, "profile WEB rule update < /dev/zero\n")
    result = require_harmless(bounded(embedded).run("run", "--check", "hostile.calico"))
    assert (result.status, codes(result)) == (1, ["E0626"])
    assert "`/dev/zero`" in result.stderr


@pytest.mark.parametrize("words", [["run", "--check"], ["profile", "WEB", "rule", "update"]])
def test_endless_standard_input_is_refused(embedded: Program, words: list[str]) -> None:
    with open("/dev/zero", "rb") as zeros:  # noqa: PTH123  # a descriptor is needed
        process = bounded(embedded).start(*words, stdin=zeros.fileno())
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, b"")
    assert b"it has more than 100000000 bytes [E0624]" in errors


DOCUMENTS: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "brackets": (lambda: "[" * LARGE, "E0304"),
    "objects": (lambda: '{"a":' * 100_000 + "1" + "}" * 100_000, "E0304"),
    "a deep rule": (lambda: f'{{"inbound_rules":[{"[" * 100_000}', "E0304"),
    "a number": (lambda: rules('{"action":"allow","icmp_type":1' + "0" * 5000 + "}"), "E0330"),
    "infinity": (lambda: rules('{"action":"allow","protocol":"icmp","icmp_type":1e999}'), "E0330"),
    "no number": (lambda: rules('{"action":NaN}'), "E0307"),
    "no number after a long string": (lambda: rules('{"action":"' + "x" * LARGE + '","a":NaN}'), "E0307"),
    "a string": (lambda: rules('{"action":"' + "x" * LARGE + '"}'), "E0317"),
    "a key": (lambda: rules('{"' + "x" * LARGE + '":1}'), "E0314"),
    "a key twice": (lambda: rules('{"action":"deny","action":"allow"}'), "E0309"),
    "a list twice": (lambda: '{"inbound_rules":[],"inbound_rules":[],"outbound_rules":[]}', "E0309"),
    "keys": (lambda: rules("{" + ",".join(f'"k{number}":1' for number in range(30_000)) + "}"), "E0314"),
    "terminal controls": (lambda: rules(json.dumps({ESCAPES: ESCAPES})), "E0314"),
    "the same unescaped": (lambda: rules(f'{{"action":"\u202e\u2066{chr(0x9B)}"}}'), "E0317"),
    "controls": (lambda: rules('{"action":"\x1b[31m"}'), "E0302"),
    "NULs": (lambda: b"\0" * LARGE, "E0302"),
    "a byte-order mark": (lambda: b"\xef\xbb\xbf" + RULES.encode(), "E0305"),
    "not UTF-8": (lambda: b'["\xff"]', "E0306"),
    "ports": (lambda: rules(f'{{"action":"allow","protocol":"tcp","dst_ports":[{"0," * 100_000}0]}}'), "E0326"),
    "parentheses": (lambda: rules('{"action":"allow","src_selector":"' + "(" * LARGE + '"}'), "E0336"),
}


def rules(rule: str) -> str:
    return f'{{"inbound_rules":[{rule}],"outbound_rules":[]}}'


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_refused_within_bounds(embedded: Program, embedded_raw: RawStore, name: str) -> None:
    embedded_raw.put(f"{PROFILES}/WEB/rules", RULES)
    make, code = DOCUMENTS[name]
    result = require_harmless(bounded(embedded).run("profile", "WEB", "rule", "update", stdin=make()))
    assert (result.status, result.stdout) == (1, "")
    assert f"[{code}]" in result.stderr
    assert values(embedded_raw) == {f"{PROFILES}/WEB/rules": RULES}


def test_an_endless_settings_file_is_refused(embedded: Program) -> None:
    endless = Program(embedded.folder, None, {"CALICOCTL_ENV": "/dev/zero"})
    result = require_harmless(bounded(endless).run("profile", "show"))
    assert (result.status, codes(result)) == (1, ["E0615"])
    assert "`/dev/zero`" in result.stderr


def test_a_script_may_be_a_pipe(embedded: Program) -> None:
    """`<(...)` of a shell is a pipe."""
    os.mkfifo(embedded.folder / "pipe")
    process = embedded.start("run", "--check", "pipe")
    (embedded.folder / "pipe").write_text("profile add WEB\n")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, b"No errors in 1 statement.\n", b"")


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")],
)
def test_a_script_in_utf_16_is_one_error(embedded: Program, encoding: str, name: str) -> None:
    script = "profile add WEB\nprofile WEB tag add CAFÉ\n".encode(encoding)
    result = embedded.run("run", "--check", stdin=script)
    assert (result.status, codes(result)) == (1, ["E0156"])
    assert f"`iconv -f {name} -t UTF-8`" in result.stderr.splitlines()[-1]
    assert script.decode(name).removeprefix("\ufeff").startswith("profile")


def test_a_script_in_latin_1_is_one_error(embedded: Program) -> None:
    script = "# café\nprofile add WEB\nprofile WEB tag add CAFÉ\nprofile CAFÉ tag add B\n".encode("latin-1")
    result = embedded.run("run", "--check", stdin=script)
    assert (result.status, located_codes(result)) == (1, ["<standard input>:3:21 E0115"])
