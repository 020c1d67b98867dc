"""Says in words what a setting's declared type allows."""

from msgspec import inspect

_NUMBERS = {inspect.IntType: "a whole number", inspect.FloatType: "a number"}


def allowed(kind: inspect.Type) -> str:
    """What values `kind` takes, as a phrase that follows "must be"; null is not mentioned, TOML has none."""
    match kind:
        case inspect.Metadata():
            return allowed(kind.type)
        case inspect.UnionType():
            return " or ".join(allowed(t) for t in kind.types if not isinstance(t, inspect.NoneType))
        case inspect.LiteralType():
            values = [f'"{value}"' for value in kind.values]
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        case inspect.IntType() | inspect.FloatType():
            return _NUMBERS[type(kind)] + _bounds(kind)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            longest = f" of at most {kind.max_length} characters" if kind.max_length else ""
            return f"a text{longest}" if kind.min_length is None else f"a text{longest}, not empty"
        case inspect.ListType():
            least = ", at least one" if kind.min_length else ""
            return f"a list, each item {allowed(kind.item_type)}{least}"
    raise TypeError(f"no words for {kind!r}")


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    words = [
        f"{word} {bound:,}"
        for word, bound in (
            ("above", kind.gt),
            ("at least", kind.ge),
            ("below", kind.lt),
            ("at most", kind.le),
        )
        if bound is not None
    ]
    return f" {' and '.join(words)}" if words else ""
