"""`calicoctl run`: scripts that include others, and the places that errors in them are reported at."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.cli.program import Program
from tests.cli.run_scripts import codes, located_codes, message_lines, write
from tests.cli.stored_values import PROFILES, RawStore, values

EMPTY_BLOCK = "profile {} {{\n  tags\n  inbound {{}}\n  outbound {{}}\n}}\n"


def chain(program: Program, length: int) -> None:
    """Write a chain of files, each of which includes the next: `0.calico`, `1.calico` and so on."""
    for number in range(length):
        write(program, f"{number}.calico", f"include {number + 1}.calico\n")
    write(program, f"{length}.calico", "profile add LAST\n")


def test_an_included_file_replaces_the_line_that_includes_it(program: Program, raw: RawStore) -> None:
    write(program, "main.calico", 'define A = 1\ninclude "parts/one.calico"\nprofile ${P} tag add T\n')
    write(program, "parts/one.calico", "profile add P${A}\ninclude two.calico\n")
    write(program, "parts/two.calico", "define P = P${A}\nprofile ${P} tag remove P1\n")
    for folder in (".", "parts"):
        name = "main.calico" if folder == "." else "../main.calico"
        result = program.run("run", "--check", name if folder == "." else "./parts/../main.calico")
        assert (result.status, result.stdout, result.stderr) == (0, "No errors in 3 statements.\n", "")
    preview = program.run("run", "--dry-run", "main.calico")
    assert (
        preview.stdout.splitlines()[-1] == "Plan: 2 rules added, 0 removed, 1 profile changed (1 created); 1 tag added"
    )
    assert raw.dump() == {}
    result = program.run("run", "-v", "main.calico")
    assert result.stdout.splitlines()[:3] == [
        "parts/one.calico:1: profile add P${A}: Created profile P1",
        "parts/two.calico:2: profile ${P} tag remove P1: Tag P1 removed from profile P1",
        "main.calico:3: profile ${P} tag add T: Tag T added to profile P1",
    ]
    assert values(raw)[f"{PROFILES}/P1/tags"] == '["T"]'


def test_standard_input_includes_from_the_current_folder(embedded: Program) -> None:
    write(embedded, "a.calico", "profile add A\n")
    result = embedded.run_inside("run", "--check", stdin="include a.calico\n")
    assert (result.status, result.stderr) == (0, "")


def test_paths_in_an_included_file_are_relative_to_it(embedded: Program) -> None:
    write(embedded, "rules/rules.json", '{"inbound_rules": [], "outbound_rules": []}')
    write(embedded, "rules/a.calico", "profile A rule update < rules.json\n")
    write(embedded, "main.calico", "include rules/a.calico\n")
    result = embedded.run_inside("run", "--check", "main.calico")
    assert (result.status, result.stderr) == (0, "")


def test_an_error_shows_the_chain_of_includes(embedded: Program) -> None:
    write(embedded, "main.calico", "# the site\n\ninclude site.calico\nprofile add a/b\n")
    write(embedded, "site.calico", "include net.calico\n")
    write(embedded, "net.calico", "profile add c/d\nprofile A rule update <<E\n[]\nE\n")
    result = embedded.run_inside("run", "--check", "main.calico")
    assert result.status == 1
    assert result.stderr.splitlines()[1:5] == [
        "  profile add c/d",
        "              ^^^",
        "included from site.calico:1",
        "included from main.calico:3",
    ]
    # In the order of the text: errors in an included file are in the place of the line that includes it.
    assert located_codes(result) == ["net.calico:1:13 E0214", "net.calico:3:1 E0308", "main.calico:4:13 E0214"]
    assert result.stderr.count("included from site.calico:1\nincluded from main.calico:3\n") == 2
    as_json = embedded.run_inside("run", "--check", "-o", "json", "main.calico")
    first, _, last = json.loads(as_json.stdout)["diagnostics"]
    assert first["included_from"] == [
        {"file": "site.calico", "line": 1, "column": 9},
        {"file": "main.calico", "line": 3, "column": 9},
    ]
    assert "included_from" not in last


def test_errors_of_blocks_and_includes_are_in_the_order_of_the_text(embedded: Program) -> None:
    block = "profile X {\n  tags a/b\n  inbound {}\n  outbound {}\n}\n"
    write(embedded, "b.calico", f"{block}profile add c/d\n")
    write(embedded, "a.calico", f"profile add a/a\ninclude b.calico\n{block}include b.calico\nprofile add e/f\n")
    result = embedded.run_inside("run", "--check", "a.calico", "b.calico")
    inner = ["b.calico:2:8 E0214", "b.calico:6:13 E0214"]
    outer = ["a.calico:1:13 E0214", *inner, "a.calico:4:8 E0214", *inner, "a.calico:9:13 E0214"]
    assert located_codes(result) == [*outer, *inner]


def test_a_file_may_be_included_twice(program: Program, raw: RawStore) -> None:
    write(program, "common.calico", "define NAME = WEB\nprofile add ${NAME}\n")
    write(program, "one.calico", "include common.calico\n")
    result = program.run_inside("run", stdin="include common.calico\ninclude one.calico\nprofile ${NAME} tag add X\n")
    assert (result.status, result.stderr) == (0, "")
    assert values(raw)[f"{PROFILES}/WEB/tags"] == '["WEB","X"]'


# --- what is refused ----------------------------------------------------------------------------


def test_a_cycle_is_refused_even_if_its_files_have_several_names(embedded: Program) -> None:
    write(embedded, "a.calico", "include sub/../b.calico\n")
    write(embedded, "b.calico", "include ./link.calico\n")
    (embedded.folder / "sub").mkdir()
    (embedded.folder / "link.calico").symlink_to("a.calico")
    result = embedded.run_inside("run", "--check", "a.calico")
    assert (result.status, located_codes(result)) == (1, ["sub/../b.calico:1:9 E0148"])
    assert "`sub/../link.calico`" in message_lines(result)[0]
    result = embedded.run_inside("run", "--check", stdin="include link.calico\n")
    assert (result.status, len(located_codes(result))) == (1, 1)
    write(embedded, "self.calico", "include self.calico\n")
    assert located_codes(embedded.run_inside("run", "--check", "self.calico")) == ["self.calico:1:9 E0148"]


def test_includes_may_be_nested_sixteen_deep(embedded: Program) -> None:
    chain(embedded, 16)
    assert embedded.run_inside("run", "--check", "0.calico").status == 0
    chain(embedded, 17)
    result = embedded.run_inside("run", "--check", "0.calico")
    assert (result.status, located_codes(result)) == (1, ["16.calico:1:9 E0149"])
    assert result.stderr.count("included from ") == 16


def test_includes_that_double_at_each_level_are_refused(embedded: Program) -> None:
    for number in range(15):
        write(embedded, f"{number}.calico", f"include {number + 1}.calico\n" * 2)
    write(embedded, "15.calico", "")
    result = embedded.run("run", "--check", "0.calico")
    assert (result.status, codes(result)) == (1, ["E0150"])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("include .", "`.`: is a directory"),
        ("include folder", "`folder`: is a directory"),
        ("include none/a.calico", "`none/a.calico`: no such file or directory"),
        ("include pipe", "`pipe`: not a regular file"),
        ("include /dev/null", "`/dev/null`: not a regular file"),
        ("include 'a\\u0000b'", "no such file or directory"),
        ('include "a\\u0000b"', "embedded null"),
        ("include -", "`-`: no such file or directory"),
        ("include ''", "`.`: is a directory"),
    ],
)
def test_an_include_of_something_other_than_a_file_is_refused(embedded: Program, line: str, error: str) -> None:
    (embedded.folder / "folder").mkdir()
    os.mkfifo(embedded.folder / "pipe")
    result = embedded.run("run", "--check", stdin=f"profile add A\n{line}\n")
    assert (result.status, located_codes(result)) == (1, ["<standard input>:2:9 E0626"])
    assert error in message_lines(result)[0]


def test_an_included_file_must_be_utf_8(embedded: Program) -> None:
    write(embedded, "latin.calico", b"profile add A\n# \xe4\n")
    result = embedded.run_inside("run", "--check", stdin="include latin.calico\n")
    assert located_codes(result) == ["<standard input>:1:9 E0151"]
    assert re.search("`latin.calico` .* line 2 ", result.stderr)
    write(embedded, "marked.calico", "\ufeffprofile add A\n")
    assert embedded.run_inside("run", "--check", stdin="include marked.calico\n").status == 0


def test_the_hint_for_a_missing_file_is_the_nearest_name(embedded: Program) -> None:
    write(embedded, "net/network.calico", "")
    write(embedded, "net/other.calico", "")
    result = embedded.run_inside("run", "--check", stdin='include "net/netwrk.calico"\n')
    assert located_codes(result) == ["<standard input>:1:9 E0626"]
    assert result.stderr.splitlines()[1:] == [
        '  include "net/netwrk.calico"',
        "          ^^^^^^^^^^^^^^^^^^^",
        "hint: include net/network.calico",
    ]
    result = embedded.run_inside("run", "--check", stdin="define X = netwrk\ninclude net/${X}.calico\n")
    assert "`net/network.calico`" in result.stderr.splitlines()[-1]
    write(embedded, "net/profiles.db", "")
    result = embedded.run_inside("run", "--check", stdin='include "net/profile.calico"\n')
    assert "hint" not in result.stderr


def test_variables_that_a_missing_file_may_define_cause_no_further_error(embedded: Program) -> None:
    script = "define NAME = A\ninclude none.calico\nprofile add ${OTHER}\nprofile add ${NAEM}\n"
    result = embedded.run_inside("run", "--check", "--define", "FOO=1", stdin=script)
    assert located_codes(result) == ["<standard input>:2:9 E0626", "<standard input>:4:13 E0141"]


def test_nothing_is_written_when_an_included_file_is_wrong(program: Program, raw: RawStore) -> None:
    write(program, "b.calico", "profile add B/\n")
    result = program.run_inside("run", stdin="profile add A\ninclude b.calico\n")
    assert (result.status, raw.dump()) == (1, {})


def test_a_block_cannot_include(embedded: Program) -> None:
    write(embedded, "rules.calico", "allow\n")
    script = "profile A {\n  tags\n  inbound {\n    include rules.calico\n  }\n  outbound {}\n}\n"
    result = embedded.run_inside("run", "--check", stdin=script)
    assert located_codes(result)[0] == "<standard input>:4:5 E0147"


# --- files that are not scripts -----------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "root:$6$SECRET-1:19000:0\nadmin:SECRET-2:1:2\n",
        "ETCD_USERNAME=root\nETCD_PASSWORD=SECRET-1\n",
        "PATH=/usr/bin\0TOKEN=SECRET-1\0" + "x" * 1000,
        "[default] aws SECRET-1\nkey = SECRET-2\n",
        "rule add inbound SECRET-1\nprofile SECRET-2 tag\n",
        "\n# a comment\npassword: SECRET-1\n",
    ],
)
@pytest.mark.parametrize("is_direct", [True, False])
def test_nothing_of_a_file_that_is_not_a_script_is_printed(embedded: Program, content: str, is_direct: bool) -> None:
    write(embedded, "secrets", content)
    write(embedded, "between.calico", "include secrets\n")
    script = f"include {'secrets' if is_direct else 'between.calico'}\nprofile add ${{X}}\n"
    for options in (["--check"], ["--check", "-o", "json"]):
        result = embedded.run_inside("run", *options, stdin=script)
        output = result.stdout + result.stderr
        assert (result.status, "SECRET" in output) == (1, False), output
        assert re.findall(r"E0\d{3}", output) == ["E0153"]


def test_lines_of_an_included_script_with_mistakes_are_printed(embedded: Program) -> None:
    write(embedded, "inner.calico", "profile add A\nprofile B tg add X\nprofil add C\n")
    result = embedded.run_inside("run", "--check", stdin="include inner.calico\n")
    assert result.stderr.count("inner.calico:") >= 2
    assert "profile B tg add X" in result.stderr
