from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

STATEMENT = "profile add 'WEB'"  # with quotes: the matcher leaves it to Lark


def parse_in_a_process(cache: Path | str) -> None:
    program = "from calicoctl.source import Source; from calicoctl.syntax.parser import parse_statement;"
    program += f" parse_statement(Source('', {STATEMENT!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def only_file(cache: Path) -> Path:
    (file,) = (cache / "calicoctl").glob("*.grammar")
    return file


def is_whole(content: bytes) -> bool:
    return hashlib.sha256(content[32:]).digest() == content[:32]


def test_a_compiled_grammar_is_kept_for_its_owner_alone_and_used_again(tmp_path: Path) -> None:
    parse_in_a_process(tmp_path)
    file = only_file(tmp_path)
    before = file.stat()
    assert before.st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    parse_in_a_process(tmp_path)
    assert only_file(tmp_path).stat().st_ino == before.st_ino


@pytest.mark.parametrize("damage", [b"", b"x" * 10, b"x" * 100_000], ids=["empty", "short", "long"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    parse_in_a_process(tmp_path)
    only_file(tmp_path).write_bytes(damage)
    parse_in_a_process(tmp_path)
    assert is_whole(only_file(tmp_path).read_bytes())


def test_one_wrong_byte_is_noticed(tmp_path: Path) -> None:
    parse_in_a_process(tmp_path)
    file = only_file(tmp_path)
    whole = file.read_bytes()
    assert is_whole(whole)
    file.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    parse_in_a_process(tmp_path)
    assert is_whole(only_file(tmp_path).read_bytes())


def test_a_file_that_others_can_write_is_not_loaded(tmp_path: Path) -> None:
    parse_in_a_process(tmp_path)
    file = only_file(tmp_path)
    inode = file.stat().st_ino
    file.chmod(0o666)
    parse_in_a_process(tmp_path)
    replaced = only_file(tmp_path).stat()
    assert replaced.st_ino != inode
    assert replaced.st_mode & 0o777 == 0o600


def test_many_processes_may_start_at_once(tmp_path: Path) -> None:
    program = "from calicoctl.syntax.grammar import language; language().parse('profile show', start='statement')"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) for _ in range(8)
    ]
    for process in processes:
        _, stderr = process.communicate()
        assert (process.returncode, stderr) == (0, b"")
    only_file(tmp_path)


@pytest.mark.parametrize("cache", ["relative/folder", "/dev/null/none"])
def test_without_a_folder_the_grammar_is_compiled_each_time(cache: str) -> None:
    parse_in_a_process(cache)
