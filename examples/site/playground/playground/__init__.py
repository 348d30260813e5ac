"""The playground's Python: what its page calls. Plain Python, which runs in the browser and outside of it alike."""

from collections.abc import Mapping
from typing import Any

from . import expression, program, settings
from .training import Run


class Session:
    """The page's functions. Each takes texts and numbers, and returns a dict of texts, numbers and flat arrays."""

    def __init__(self) -> None:
        self.run: Run | None = None

    def evaluate(self, text: str) -> dict[str, Any]:
        """Evaluate an expression; see `expression.evaluate`."""
        shown = expression.evaluate(text)
        return shown | {"code": expression.code(text, shown)}

    def start(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Begin a run of the controls' settings, and return its data and its first frame; or `error` and `field`."""
        self.run = None
        try:
            self.run = Run(settings.read(given))
        except settings.SettingError as error:
            return {"error": str(error), "field": error.field}
        except (ValueError, TypeError) as error:  # the library's words
            return {"error": str(error), "field": ""}
        return {"points": self.run.points()} | self.run.frame(0)

    def frame(self, updates: int) -> dict[str, Any]:
        """Take up to this many updates; see `Run.frame`."""
        return self._running().frame(updates)

    def program(self) -> dict[str, Any]:
        """Return the program of the run so far as `code`."""
        return {"code": self._running().program()}

    def weights(self) -> dict[str, Any]:
        """Return the weights as the bytes of an .npz file."""
        return {"file": self._running().weights_file()}

    def _running(self) -> Run:
        if self.run is None:
            raise ValueError("there is no run yet; correct the settings first")
        return self.run


__all__ = ["Run", "Session", "expression", "program", "settings"]
