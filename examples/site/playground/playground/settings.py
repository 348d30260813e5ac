"""What the controls of the page say: read from text, checked, and written into a link again."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

DATA = {
    "moons": "two moons", "circles": "two circles", "spirals": "two spirals", "xor": "exclusive or",
    "line": "a line with noise", "table": "a pasted table",
}  # fmt: skip
ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu", "softplus", "elu", "selu", "mish", "tanh", "sigmoid")
OPTIMIZERS = {
    "SGD": "SGD({params}, lr={lr}, weight_decay={l2})",
    "Momentum": "SGD({params}, lr={lr}, momentum=0.9, weight_decay={l2})",
    "Nesterov": "SGD({params}, lr={lr}, momentum=0.9, nesterov=True, weight_decay={l2})",
    "Adagrad": "Adagrad({params}, lr={lr}, weight_decay={l2})",
    "RMSprop": "RMSprop({params}, lr={lr}, weight_decay={l2})",
    "Adadelta": "Adadelta({params}, lr={lr}, weight_decay={l2})",
    "Adam": "Adam({params}, lr={lr}, weight_decay={l2})",
    "AdamW": "AdamW({params}, lr={lr}, weight_decay={l2})",
    "NAdam": "NAdam({params}, lr={lr}, weight_decay={l2})",
    "RAdam": "RAdam({params}, lr={lr}, weight_decay={l2})",
}
SCHEDULES = {
    "constant": "",
    "cosine": "CosineAnnealingWarmRestarts(optimizer, T_0=100)",
    "step": "StepLR(optimizer, step_size=30, gamma=0.5)",
    "exponential": "ExponentialLR(optimizer, gamma=0.98)",
    "warmup": "LinearWarmup(optimizer, epochs=10)",
}
NAMES = {
    "data": "data set", "examples": "number of examples", "lr": "learning rate",
    "batch": "batch size", "l2": "L2 penalty",
}  # fmt: skip
MAX_LAYERS, MAX_UNITS, MAX_EXAMPLES, MAX_SEED = 6, 64, 2000, 2**32 - 1


class SettingError(ValueError):
    """A setting that cannot be used; `field` is the control's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Settings:
    """One training run. `batch` 0 is the full batch; `table` is the text of a CSV file, for data "table"."""

    data: str = "moons"
    examples: int = 200
    noise: float = 0.1
    table: str = ""
    layers: tuple[int, ...] = (16, 16)
    activation: str = "tanh"
    optimizer: str = "Adam"
    lr: float = 0.01
    schedule: str = "constant"
    batch: int = 20
    l2: float = 0.0
    seed: int = 4

    def text(self) -> dict[str, str]:
        """Return the settings as a link holds them; `read` takes them back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: ", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for name, v in values.items()}


def read(given: Mapping[str, str]) -> Settings:
    """Return the settings of the controls; those that are not given have their default. Raises SettingError."""
    unknown = [name for name in given if name not in READERS]
    if unknown:
        raise SettingError(unknown[0], f"there is no setting {unknown[0]!r:.40}; there are {', '.join(READERS)}")
    return Settings(**{name: READERS[name](name, text) for name, text in given.items()})


def called(name: str) -> str:
    """Return the name of a setting as the page shows it."""
    return f"the {NAMES.get(name, name)}"


def _choice(known: Mapping[str, str] | tuple[str, ...]) -> Callable[[str, str], str]:
    def reader(name: str, text: str) -> str:
        if text not in known:
            raise SettingError(name, f"{called(name)} is one of {', '.join(known)}, not {text!r:.40}")
        return text

    return reader


def _whole(least: int, most: int) -> Callable[[str, str], int]:
    def reader(name: str, text: str) -> int:
        number = _number(name, text)
        if number != int(number) or not least <= number <= most:
            raise SettingError(
                name, f"{called(name)} is a whole number from {least} to {most}, not {text.strip()[:40]}"
            )
        return int(number)

    return reader


def _real(least: float, most: float) -> Callable[[str, str], float]:
    def reader(name: str, text: str) -> float:
        number = _number(name, text)
        if not least <= number <= most:
            raise SettingError(name, f"{called(name)} is a number from {least:g} to {most:g}, not {text.strip()[:40]}")
        return number

    return reader


def _number(name: str, text: str) -> float:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        raise SettingError(name, f"{called(name)} is a number, not {text.strip()!r:.40}") from None
    if not math.isfinite(number):
        raise SettingError(name, f"{called(name)} is a finite number, not {text.strip()[:40]}")
    return number


def _layers(name: str, text: str) -> tuple[int, ...]:
    sizes = re.sub(r"(?<=\d)(-|\s*-\s+)(?=\d)", " ", text).replace(",", " ").split()  # in "16 -8" the minus is a sign
    if sizes in (["0"], ["none"]):
        return ()
    if not all(size.isdecimal() and 1 <= int(size[:9]) <= MAX_UNITS for size in sizes) or len(sizes) > MAX_LAYERS:
        form = f"up to {MAX_LAYERS} numbers of units from 1 to {MAX_UNITS}, such as 16, 16, or empty for none"
        raise SettingError(name, f"the hidden layers are {form}, not {text.strip()!r:.40}")
    return tuple(map(int, sizes))


READERS: dict[str, Callable[[str, str], Any]] = {
    "data": _choice(DATA), "examples": _whole(10, MAX_EXAMPLES), "noise": _real(0, 2), "table": lambda name, text: text,
    "layers": _layers, "activation": _choice(ACTIVATIONS), "optimizer": _choice(OPTIMIZERS), "lr": _real(0, 1e6),
    "schedule": _choice(SCHEDULES), "batch": _whole(0, MAX_EXAMPLES), "l2": _real(0, 1e3), "seed": _whole(0, MAX_SEED),
}  # fmt: skip
