"""`calicoctl fmt`: scripts in their canonical layout, printed, compared or written in place."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import TIMEOUT_SECONDS, Program, Terminal, wait_for
from tests.cli.run_scripts import codes, located_codes, message_lines

MESSY = """\


#!/usr/bin/env -S calicoctl run
# The ports that the shop serves.
define   WEB_PORTS=80 ,443

include 'more rules.calico'   # the office
$ calicoctl profile add 'WEB'


profile WEB rule add inbound --at 01 allow   tcp from 10.1.2.3/8 to ports ${WEB_PORTS},8000-8080 \\
   # behind two lines
profile DB {

  # who it is
    tags   A,B , 'C'
 inbound {
 }
 outbound { # little
     allow from 192.0.2.7

   # the rest is dropped
     json   {"action":"log" }
 }
}
profile WEB rule update << 'EOT'  # as JSON
   {"inbound_rules":  []}
EOT
profile WEB rule add inbound deny tcp from ports 80,443 tag 'from' cidr 10.0.0.0/8 to ports 8000-9000,444,22,23,24 \\
   tag LONG cidr 10.2.3.4/8
profile WEB rule add inbound allow tcp to ports 99999,80-80
"""
TIDY = """\
#!/usr/bin/env -S calicoctl run
# The ports that the shop serves.
define WEB_PORTS = 80, 443

include "more rules.calico"  # the office
profile add WEB

profile WEB rule add inbound --at=1 allow tcp from cidr 10.0.0.0/8 to ports ${WEB_PORTS},8000:8080  # behind two lines
profile DB {
  # who it is
  tags A, B, C
  inbound {}
  outbound {  # little
    allow from cidr 192.0.2.7/32

    # the rest is dropped
    json {"action":"log" }
  }
}
profile WEB rule update <<'EOT'  # as JSON
   {"inbound_rules":  []}
EOT
profile WEB rule add inbound deny tcp from ports 80,443 tag 'from' cidr 10.0.0.0/8 to ports \\
    8000:9000,444,22,23,24 tag LONG cidr 10.0.0.0/8
profile WEB rule add inbound allow tcp to ports 99999,80
"""


@pytest.fixture
def messy(folder: Path) -> Path:
    path = folder / "shop.calico"
    path.write_text(MESSY)
    return path


def test_standard_input_is_formatted_to_standard_output(embedded: Program) -> None:
    result = embedded.run("fmt", stdin=MESSY)
    assert (result.stdout, codes(result), result.status) == (TIDY, ["W0202", "W0202"], 0)
    again = embedded.run("fmt", "-", stdin=TIDY)
    assert (again.stdout, again.status) == (TIDY, 0)


def test_a_formatted_file_is_printed_and_the_file_unchanged(embedded: Program, messy: Path) -> None:
    result = embedded.run("fmt", "shop.calico")
    assert (result.stdout, codes(result), result.status) == (TIDY, ["W0202", "W0202"], 0)
    assert messy.read_text() == MESSY


def test_a_file_is_written_in_place_with_its_mode(embedded: Program, messy: Path, folder: Path) -> None:
    messy.chmod(0o751)
    link = folder / "link.calico"
    link.symlink_to("shop.calico")
    (folder / "tidy.calico").write_text(TIDY)
    result = embedded.run("fmt", "-w", "link.calico", "tidy.calico")
    assert (result.stdout, codes(result), result.status) == ("link.calico\n", ["W0202", "W0202"], 0)
    assert messy.read_text() == TIDY
    assert stat.S_IMODE(messy.stat().st_mode) == 0o751
    assert link.is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["link.calico", "shop.calico", "tidy.calico"]


def test_check_names_what_would_change(embedded: Program, messy: Path, folder: Path) -> None:
    (folder / "tidy.calico").write_text(TIDY)
    result = embedded.run("fmt", "--check", "shop.calico", "tidy.calico")
    assert (result.stdout, codes(result), result.status) == ("shop.calico\n", ["W0202", "W0202"], 1)
    assert messy.read_text() == MESSY
    assert embedded.run("fmt", "--check", "tidy.calico").status == 0


def test_diff_shows_what_changes(embedded: Program, folder: Path) -> None:
    (folder / "a.calico").write_text("profile add A\nprofile  add B\n")
    result = embedded.run("fmt", "--diff", "a.calico")
    expected = (
        "--- a.calico\n+++ a.calico (formatted)\n@@ -1,2 +1,2 @@\n profile add A\n-profile  add B\n+profile add B\n"
    )
    assert (result.stdout, result.stderr, result.status) == (expected, "", 0)
    cut = embedded.run("fmt", "--diff", stdin="profile add A").stdout
    assert cut.endswith("@@ -1,2 +1 @@\n profile add A\n-\\ no line break at the end\n")
    both = embedded.run("fmt", "--check", "--diff", "a.calico")
    assert (both.stdout, both.status) == (expected, 1)


def test_a_mistake_is_reported_and_its_file_unchanged(embedded: Program, messy: Path, folder: Path) -> None:
    wrong_script = "profile  add WEB\nprofile WEB rule add inbound alow tcp\n"
    (folder / "wrong.calico").write_text(wrong_script)
    result = embedded.run("fmt", "-w", "wrong.calico", "nowhere.calico", "shop.calico")
    assert result.status == 1
    assert result.stdout == "shop.calico\n"
    assert located_codes(result)[:2] == ["wrong.calico:2:30 E0104", "error E0626"]
    assert "hint: profile WEB rule add inbound allow tcp\n" in result.stderr
    assert "`nowhere.calico`" in message_lines(result)[1]
    assert (folder / "wrong.calico").read_text() == wrong_script
    assert messy.read_text() == TIDY


def test_errors_are_in_the_order_of_the_script(embedded: Program) -> None:
    result = embedded.run_inside("fmt", stdin="profile WEB {\n  inbound {\n    allow tcp to port 80\n")
    assert [code.removeprefix("<standard input>:") for code in located_codes(result)] == [
        "1:1 E0120",
        "2:3 E0120",
        "3:18 E0104",
    ]


def test_a_file_that_cannot_be_written_is_unchanged(embedded: Program, messy: Path, folder: Path) -> None:
    result = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *embedded.command, "fmt", "-w", "shop.calico"],
        env=embedded.environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("", 1)
    assert re.search(r"error: .*`shop.calico`.* \[E0631\]\n$", result.stderr)
    assert messy.read_text() == MESSY
    assert [path.name for path in folder.iterdir()] == ["shop.calico"]


@pytest.mark.parametrize(
    "words",
    [
        ["-w"],
        ["-w", "--check", "shop.calico"],
    ],
)
def test_invalid_combinations_of_options_write_nothing(embedded: Program, messy: Path, words: list[str]) -> None:
    result = embedded.run("fmt", *words, stdin=MESSY)
    assert (result.stdout, result.status, codes(result)) == ("", 1, ["E0627"])
    assert messy.read_text() == MESSY


def test_bytes_that_are_not_utf_8_stay_in_comments(embedded: Program, folder: Path) -> None:
    path = folder / "old.calico"
    path.write_bytes(b"profile  add WEB  # caf\xe9\n")
    assert embedded.run("fmt", "-w", "old.calico").status == 0
    assert path.read_bytes() == b"profile add WEB  # caf\xe9\n"


def test_control_characters_in_a_comment_are_escaped_on_a_terminal(
    embedded: Program, folder: Path, narrow_terminal: Terminal
) -> None:
    (folder / "evil.calico").write_text("# \x1b]0;evil\x07\nprofile add WEB\n")
    process = embedded.start("fmt", "evil.calico", stdout=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    output = narrow_terminal.read_all()
    assert wait_for(process).status == 0
    assert output == "# \\x1b]0;evil\\x07\nprofile add WEB\n"


LITERAL_FILES = ["a\\u0041", "a$b", 'a"b', "a\\b", "a b", "${A}", "a'b", "\u00e9"]


@pytest.mark.parametrize("name", LITERAL_FILES)
def test_the_formatted_name_of_an_included_file_names_the_same_file(embedded: Program, folder: Path, name: str) -> None:
    (folder / name).write_text("profile add WEB\n")
    quoted = f"'{name}'" if "'" not in name else f'"{name}"'
    (folder / "main.calico").write_text(f"include   {quoted}\n", encoding="utf-8")
    assert embedded.run("run", "--check", "main.calico").stdout == "No errors in 1 statement.\n"
    assert embedded.run("fmt", "-w", "main.calico").status == 0
    assert embedded.run("run", "--check", "main.calico").stdout == "No errors in 1 statement.\n"
    assert embedded.run("fmt", "--check", "main.calico").status == 0


def test_line_ends_of_the_script_are_kept(embedded: Program, folder: Path) -> None:
    document = b"profile WEB rule update <<E\r\n{\r\n}\r\nE\r\n"
    (folder / "dos.calico").write_bytes(
        b"# x\r\nprofile  add WEB\r\n" + document + b"profile WEB {\ntags\ninbound {\n}\noutbound {}\n}\n"
    )
    assert embedded.run("fmt", "-w", "dos.calico").status == 0
    content = (folder / "dos.calico").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert b"profile add WEB\r\n" + document in content


def test_bytes_of_the_input_are_kept_in_every_locale(embedded: Program) -> None:
    text = b'# caf\xe9 \xc3\xa9\nprofile WEB rule update <<E\n{"_": "\xc3\xa9"}\nE\n'
    command = [*embedded.command, "fmt"]
    environment = {**embedded.environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    completed = subprocess.run(
        command,
        input=text,
        env=environment,
        cwd=embedded.folder,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (completed.stdout, completed.returncode) == (text, 0)


def test_files_with_several_links_and_pipes_are_not_written(embedded: Program, messy: Path, folder: Path) -> None:
    (folder / "same.calico").hardlink_to(messy)
    result = embedded.run("fmt", "-w", "shop.calico")
    assert (result.status, "2 hard links [E0631]" in result.stderr) == (1, True), result
    assert messy.read_text() == MESSY
    os.mkfifo(folder / "fifo")
    result = embedded.run("--timeout=0.2", "fmt", "-w", "fifo")
    assert (result.status, "[E0626]" in result.stderr) == (1, True), result
    assert stat.S_ISFIFO((folder / "fifo").stat().st_mode)
