"""Dataclasses that are fast to define.

For mypy and for readers this module is `dataclasses`. At run time it makes equivalent classes in another way: they
share their methods, and `__init__` is compiled when the first object is created. `dataclasses` compiles the text of
five methods for each class (0.4 ms) and imports `inspect`. A command imports about a hundred classes and creates
objects of a third of them, so `dataclasses` took half of its time.

`tests/test_fast_dataclasses.py` compares this module with `dataclasses`, whose functions (`replace`, `fields`,
`asdict`) accept these objects, too.
"""

from __future__ import annotations

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
else:
    from operator import attrgetter, ge, gt, le, lt

    _MISSING = object()

    class FrozenInstanceError(AttributeError):
        """An attempt to change a frozen object."""

    class Field:
        """A field of a class; see `dataclasses.field`."""

        __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

        def __init__(self, default, default_factory, *, init, repr, compare):
            self.name = None
            self.type = None
            self.default = default
            self.default_factory = default_factory
            self.init = init
            self.repr = repr
            self.compare = compare

        @property
        def has_default(self):
            return self.default is not _MISSING or self.default_factory is not _MISSING

    # The type of the descriptor of an attribute in `__slots__`.
    _Slot = type(Field.name)

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """The options of a field; see `dataclasses.field`."""
        return Field(default, default_factory, init=init, repr=repr, compare=compare)

    def dataclass(cls=None, /, *, frozen=False, slots=False, order=False, eq=True):
        """Turn a class into a dataclass; see `dataclasses.dataclass`."""

        def make(cls):
            return _make_dataclass(cls, frozen=frozen, slots=slots, order=order, eq=eq)

        return make if cls is None else make(cls)

    def fields(record):
        """The fields of a dataclass or of one of its objects."""
        return tuple(record.__record_fields__.values())

    def is_dataclass(value):
        """Whether a value is a dataclass or an object of one."""
        return hasattr(value, "__record_fields__")

    def replace(record, /, **changes):
        """A copy of an object with changed fields."""
        for record_field in record.__record_fields__.values():
            if not record_field.init:
                if record_field.name in changes:
                    raise ValueError(f"field {record_field.name} is declared with init=False, it cannot be specified")
            elif record_field.name not in changes:
                changes[record_field.name] = getattr(record, record_field.name)
        return type(record)(**changes)

    # --- class creation ---------------------------------------------------------------------------

    def _make_dataclass(cls, *, frozen, slots, order, eq):
        own = _own_fields(cls)
        inherited = {}
        for base in reversed(cls.__mro__[1:]):
            inherited.update(base.__dict__.get("__record_fields__", {}))
        all_fields = {**inherited, **own}
        if slots:
            cls = _with_slots(cls, own)
        cls.__record_fields__ = all_fields
        cls.__record_is_frozen__ = frozen
        in_init = [record_field for record_field in all_fields.values() if record_field.init]
        _check_order(in_init)
        cls.__match_args__ = tuple(record_field.name for record_field in in_init)
        cls.__dataclass_fields__ = _STANDARD_FIELDS
        cls.__init__ = _init_of(cls)
        _set_new(cls, "__repr__", _repr)
        if eq:
            _set_new(cls, "__eq__", _eq)
            cls.__record_key__ = _key(
                [record_field.name for record_field in all_fields.values() if record_field.compare]
            )
            if frozen:
                if cls.__dict__.get("__hash__") is None:
                    cls.__hash__ = _hash
            elif "__hash__" not in cls.__dict__:
                cls.__hash__ = None
        if order:
            cls.__lt__, cls.__le__, cls.__gt__, cls.__ge__ = map(_ordering, (lt, le, gt, ge))
        if frozen:
            cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
            if slots:
                cls.__getstate__, cls.__setstate__ = _getstate, _setstate
        cls.__replace__ = replace
        return cls

    def _own_fields(cls):
        own = {}
        for name, annotation in cls.__annotations__.items():
            if str(annotation).startswith("ClassVar"):
                continue
            default = cls.__dict__.get(name, _MISSING)
            record_field = default if isinstance(default, Field) else field(default=default)
            record_field.name, record_field.type = name, annotation
            own[name] = record_field
            if record_field.default is not _MISSING:
                setattr(cls, name, record_field.default)
            elif name in cls.__dict__:
                delattr(cls, name)
        return own

    def _check_order(in_init):
        has_default = False
        for record_field in in_init:
            if has_default and not record_field.has_default:
                raise TypeError(f"non-default argument {record_field.name!r} follows default argument")
            has_default = record_field.has_default

    def _with_slots(cls, own):
        members = {name: value for name, value in cls.__dict__.items() if name not in own}
        members.pop("__dict__", None)
        members.pop("__weakref__", None)
        members["__slots__"] = tuple(own)
        made = type(cls)(cls.__name__, cls.__bases__, members)
        made.__qualname__ = cls.__qualname__
        return made

    def _set_new(cls, name, method):
        if name not in cls.__dict__:
            setattr(cls, name, method)

    def _init_of(cls):
        """An `__init__` that replaces itself by the compiled one on the first call."""

        def __init__(self, *args, **kwargs):  # noqa: N807 - errors show this name
            cls.__init__ = _compiled_init(cls)
            cls.__init__(self, *args, **kwargs)

        return __init__

    def _compiled_init(cls):
        known = {"_missing": _MISSING}
        parameters, body = ["self"], []
        for record_field in cls.__record_fields__.values():
            name = record_field.name
            value = name
            if record_field.default_factory is not _MISSING:
                known[f"_make_{name}"] = record_field.default_factory
                value = f"_make_{name}() if {name} is _missing else {name}" if record_field.init else f"_make_{name}()"
            elif record_field.default is not _MISSING:
                known[f"_default_{name}"] = record_field.default
                value = name if record_field.init else f"_default_{name}"
            elif not record_field.init:
                continue
            if record_field.init:
                default = "_missing" if record_field.default_factory is not _MISSING else f"_default_{name}"
                parameters.append(f"{name}={default}" if record_field.has_default else name)
            body.append(_assignment(cls, name, value, known))
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        text = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])
        exec(text, known)
        init = known["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        return init

    def _assignment(cls, name, value, known):
        if not cls.__record_is_frozen__:
            return f"self.{name} = {value}"
        slot = getattr(cls, name, None)
        if not isinstance(slot, _Slot):
            return f"self.__dict__[{name!r}] = {value}"
        known[f"_set_{name}"] = slot.__set__
        return f"_set_{name}(self, {value})"

    def _key(names):
        """A function that returns the values by which objects are compared."""
        if len(names) > 1:
            return attrgetter(*names)
        return staticmethod(lambda record: tuple(getattr(record, name) for name in names))

    # --- shared methods ---------------------------------------------------------------------------

    def _repr(self):
        shown = ", ".join(
            f"{record_field.name}={getattr(self, record_field.name)!r}"
            for record_field in self.__record_fields__.values()
            if record_field.repr
        )
        return f"{self.__class__.__qualname__}({shown})"

    def _eq(self, other):
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        key = self.__record_key__
        return key(self) == key(other)

    def _hash(self):
        return hash(self.__record_key__(self))

    def _ordering(compare):
        def method(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compare(self.__record_key__(self), self.__record_key__(other))

        return method

    def _refuse_to_set(self, name, _value):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _getstate(self):
        return [getattr(self, name) for name in self.__record_fields__]

    def _setstate(self, state):
        for name, value in zip(self.__record_fields__, state, strict=True):
            object.__setattr__(self, name, value)

    class _StandardFields:
        """The fields in the form of `dataclasses`, created when its functions request them."""

        def __get__(self, record, cls):
            import dataclasses

            made = []
            for record_field in cls.__record_fields__.values():
                special = {"init": record_field.init, "repr": record_field.repr, "compare": record_field.compare}
                if record_field.default is not _MISSING:
                    special["default"] = record_field.default
                if record_field.default_factory is not _MISSING:
                    special["default_factory"] = record_field.default_factory
                made.append((record_field.name, record_field.type, dataclasses.field(**special)))
            return dataclasses.make_dataclass(cls.__name__, made).__dataclass_fields__

    _STANDARD_FIELDS = _StandardFields()

__all__ = ["FrozenInstanceError", "dataclass", "field", "fields", "is_dataclass", "replace"]
