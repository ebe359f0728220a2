"""`calicoctl.fast_dataclasses` behaves as `dataclasses`, which it replaces."""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib
import pickle
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import calicoctl
from calicoctl import fast_dataclasses

_CLASSES = '''
@dataclass(frozen=True)
class Point:
    """A place."""

    x: int
    y: int = 0


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int
    y: int = 0


@dataclass(frozen=True, slots=True)
class Below(Slotted):
    z: tuple = field(default=(), compare=False, repr=False)


@dataclass
class Changing:
    x: int
    y: int = 0
    items: list = field(default_factory=list)


@dataclass(slots=True)
class ChangingSlotted:
    x: int
    y: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Ordered:
    x: int
    y: int = 0


@dataclass(frozen=True, eq=False)
class Itself:
    x: int
    y: int = 0


@dataclass(frozen=True, slots=True)
class Derived:
    x: int
    y: int = 0
    total: int = field(init=False, compare=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "total", self.x + self.y)


@dataclass(frozen=True)
class Shown:
    x: int
    y: int = 0

    def __repr__(self):
        return "shown"

    def __hash__(self):
        return 7


@dataclass(frozen=True)
class Alone:
    x: int
'''
NAMES = [node.name for node in ast.parse(_CLASSES).body if isinstance(node, ast.ClassDef)]


def made_by(module: Any, name: str) -> ModuleType:
    """The classes as `module` makes them, in a new module, so that they can be pickled."""
    made = ModuleType(name)
    made.__dict__.update(dataclass=module.dataclass, field=module.field)
    sys.modules[name] = made
    exec(compile(_CLASSES, name, "exec"), made.__dict__)
    return made


OURS, THEIRS = made_by(fast_dataclasses, "ours"), made_by(dataclasses, "theirs")
numbers = st.integers(-2, 2)


def _pickled(record: Any) -> Any:
    return pickle.loads(pickle.dumps(record))


_COPIES: tuple[Callable[[Any], Any], ...] = (copy.copy, copy.deepcopy, _pickled)


def _call(made: Any) -> None:
    made(*range(50))


def pair(name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    return getattr(OURS, name)(*args, **kwargs), getattr(THEIRS, name)(*args, **kwargs)


@pytest.mark.parametrize("name", NAMES)
@given(x=numbers, y=numbers, other_x=numbers, other_y=numbers)
def test_objects_are_printed_compared_and_copied_as_those_of_dataclasses(
    name: str, x: int, y: int, other_x: int, other_y: int
) -> None:
    arguments, others = ([x], [other_x]) if name == "Alone" else ([x, y], [other_x, other_y])
    (ours, theirs), (our_other, their_other) = pair(name, *arguments), pair(name, *others)
    assert repr(ours) == repr(theirs)
    assert (ours == our_other) == (theirs == their_other)
    assert (ours != our_other) == (theirs != their_other)
    assert ours != theirs
    assert ours.__eq__(7) is theirs.__eq__(7)
    for make in _COPIES:
        assert (make(ours) == ours) == (make(theirs) == theirs)
        assert repr(make(ours)) == repr(ours)
    our_copy, their_copy = fast_dataclasses.replace(ours, x=other_x), dataclasses.replace(theirs, x=other_x)
    assert repr(our_copy) == repr(their_copy)
    assert repr(our_copy) == repr(dataclasses.replace(ours, x=other_x))
    assert type(ours).__match_args__ == type(theirs).__match_args__
    is_hashable = type(theirs).__hash__ is not None
    assert (type(ours).__hash__ is not None) == is_hashable
    if is_hashable and name != "Itself":
        assert (hash(ours) == hash(our_other)) == (hash(theirs) == hash(their_other))
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert [field.name for field in fast_dataclasses.fields(ours)] == [field.name for field in dataclasses.fields(ours)]
    if name == "Ordered":
        assert [ours < our_other, ours <= our_other, ours > our_other, ours >= our_other] == [
            theirs < their_other,
            theirs <= their_other,
            theirs > their_other,
            theirs >= their_other,
        ]


@pytest.mark.parametrize("name", NAMES)
def test_errors_are_those_of_dataclasses(name: str) -> None:
    for arguments in ([], [1, 2, 3, 4]):
        with pytest.raises(TypeError) as theirs:
            getattr(THEIRS, name)(*arguments)
        with pytest.raises(TypeError) as ours:
            getattr(OURS, name)(*arguments)
        assert str(ours.value) == str(theirs.value)
    ours_object, theirs_object = pair(name, 1)
    for record in (ours_object, theirs_object):
        if name.startswith("Changing"):
            record.x = 5
            assert record.x == 5
        else:
            with pytest.raises(AttributeError, match="cannot assign to field 'x'"):
                record.x = 5
            with pytest.raises(AttributeError, match="cannot delete field 'x'"):
                del record.x
    assert hasattr(ours_object, "__dict__") == hasattr(theirs_object, "__dict__")
    with pytest.raises(TypeError):
        fast_dataclasses.replace(ours_object, w=1)


def test_a_field_that_no_argument_sets_cannot_be_replaced() -> None:
    for module, made in ((fast_dataclasses, OURS), (dataclasses, THEIRS)):
        # `dataclasses` raises ValueError before Python 3.13, and TypeError from then on.
        with pytest.raises((ValueError, TypeError), match="init=False"):
            module.replace(made.Derived(1), total=5)


def test_a_default_before_a_field_without_one_is_refused() -> None:
    for module in (fast_dataclasses, dataclasses):
        with pytest.raises(TypeError, match="'y'"):
            exec("@dataclass\nclass Wrong:\n    x: int = 0\n    y: int\n", {"dataclass": module.dataclass})


def test_a_default_factory_makes_a_list_for_each_object() -> None:
    one, other = OURS.Changing(1), OURS.Changing(1)
    one.items.append(1)
    assert other.items == []
    assert OURS.Changing(1, items=[2]).items == [2]


def test_match_statements_and_field_types() -> None:
    match OURS.Slotted(1, 2):
        case OURS.Slotted(x, y):
            assert (x, y) == (1, 2)
    point: Any = OURS.Point(1)
    assert fast_dataclasses.is_dataclass(point)
    for module in (fast_dataclasses, dataclasses):
        assert module.is_dataclass(OURS.Point)
    assert not fast_dataclasses.is_dataclass(3)
    assert OURS.Point.__doc__ == THEIRS.Point.__doc__
    assert [field.type for field in fast_dataclasses.fields(OURS.Point)] == ["int", "int"]


def every_class() -> list[type]:
    modules = [
        importlib.import_module(module.name) for module in pkgutil.walk_packages(calicoctl.__path__, "calicoctl.")
    ]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return sorted(
        (kind for kind in classes if "__record_fields__" in kind.__dict__), key=lambda kind: kind.__qualname__
    )


def test_each_class_of_the_program_checks_its_arguments() -> None:
    """The generated `__init__` compiles, and the functions of `dataclasses` accept the class."""
    classes = every_class()
    assert len(classes) > 100
    for kind in classes:
        assert [field.name for field in dataclasses.fields(kind)] == [
            field.name for field in fast_dataclasses.fields(kind)
        ]
        with pytest.raises(TypeError, match="__init__"):
            _call(kind)


def test_commands_do_not_import_dataclasses() -> None:
    root = Path(__file__).resolve().parents[1]
    text = "import sys, calicoctl.cli.commands.profile; print('dataclasses' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", text], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
