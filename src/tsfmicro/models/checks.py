"""Options of a builder: what cannot work is told in one line."""

from __future__ import annotations

from tsfmicro.errors import ConfigError


def whole_number(model: str, option: str, value: object, low: int = 1) -> int:
    """The value. Raises ConfigError: not a whole number from `low` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{model}: {option} is {value!r}; give a whole number from {low} on.")
    return value


def number(model: str, option: str, value: object, low: float = 0.0, below: float = float("inf")) -> float:
    """The value. Raises ConfigError: not a number from `low` to below `below`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value < below:
        upto = "" if below == float("inf") else f" to below {below:g}"
        raise ConfigError(f"{model}: {option} is {value!r}; give a number from {low:g}{upto}.")
    return float(value)


def whole_numbers(model: str, option: str, value: object, count: int, low: int = 1) -> tuple[int, ...]:
    """The value as a tuple. Raises ConfigError: not `count` whole numbers from `low` on."""
    fits = isinstance(value, (tuple, list)) and len(value) == count
    if not fits or any(isinstance(one, bool) or not isinstance(one, int) or one < low for one in value):  # type: ignore[attr-defined]
        raise ConfigError(f"{model}: {option} is {value!r}; give {count} whole numbers from {low} on.")
    return tuple(value)  # type: ignore[arg-type]


def divides(model: str, heads: int, width: int) -> None:
    """Raises ConfigError: the heads of an attention cannot share its width evenly."""
    if width % heads:
        raise ConfigError(f"{model}: a width of {width} cannot be shared by {heads} heads. Make it a multiple.")


def check_size(model: str, size: int, smallest: int, made_for: int) -> None:
    """Raises ConfigError: images so small that nothing is left to look at."""
    if size < smallest:
        raise ConfigError(
            f"{model}: images of {size} × {size} are too small. Give {smallest} pixels or more; it was made for {made_for}."
        )
