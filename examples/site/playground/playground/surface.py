"""The cost surface around the path of training: the loss on a plane through the space of all weights.

The plane goes through the first and the last weights, so that the loss is exact at both ends of the path, and in the
direction that holds most of the rest of the path. Principal components alone leave out a part of the weights, and the
loss of what remains can rise while the loss of the network falls. A network of two parameters has one plane alone.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_edu as tg

Array = NDArray[np.float64]
SIZE = 21  # points of the grid along each side
KEPT = 240  # places of the path; beyond, every second one is dropped
MARGIN = 0.35  # around the path, as a part of its extent
EXAMPLES = 300  # at most, of which the surface is the loss
OPERATIONS = 700_000  # multiplications of the points that are evaluated at once, a few milliseconds in a browser


class Plane:
    """Two directions of unit length through `center`, half as wide as `radius` says, with the losses on its grid."""

    def __init__(self, center: Array, axes: Array, radius: Array) -> None:
        self.center, self.axes, self.radius = center, axes, radius
        steps = np.linspace(-1, 1, SIZE)
        across, up = np.meshgrid(steps, steps)
        self.points = np.column_stack([across.ravel(), up.ravel()]) * radius @ axes + center
        self.losses: list[float] = []  # of the first points; it is complete with the last one

    def project(self, places: Array) -> Array:
        """Return the coordinates of places on the plane, -1 to 1 within the grid."""
        on_plane: Array = ((places - self.center) @ self.axes.T) / self.radius
        return on_plane


class Surface:
    """Follows a network's weights, and evaluates the loss around them, a few points of a plane at a time."""

    def __init__(self, model: Any, loss: Callable[..., Any], x: Array, y: Any) -> None:
        self.model, self.loss, self.x, self.y = model, loss, x[:EXAMPLES], y[:EXAMPLES]
        self.parameters = list(model.parameters())
        self.path, self.every, self.seen = [self.weights()], 1, 0
        self.shown: Plane | None = None  # complete
        self.next: Plane | None = None  # being evaluated
        self.laid = -1  # how many places had been seen when the latest plane was laid
        multiplications = len(self.x) * sum(p.size for p in self.parameters)
        self.at_once = min(SIZE**2, max(1, OPERATIONS // multiplications))

    def weights(self) -> Array:
        """Return all parameters of the network as one vector."""
        return np.concatenate([p.data.ravel() for p in self.parameters])

    def record(self) -> None:
        """Add the weights as they are now to the path."""
        self.seen += 1
        if self.seen % self.every == 0:
            self.path.append(self.weights())
        if len(self.path) > KEPT:
            self.path = self.path[::2]
            self.every *= 2

    @property
    def settled(self) -> bool:
        """Whether the plane that is shown was laid through all of the path that there is."""
        return self.next is None and self.laid == self.seen

    def advance(self, seconds: float) -> None:
        """Evaluate points for about this long; a plane that is complete becomes the one that is shown."""
        end = perf_counter() + seconds
        if self.settled:
            return
        if self.next is None or self.seen > 2 * self.laid:  # the path has left a plane that was laid early
            self.next, self.laid = self._plane(), self.seen
        plane = self.next
        while len(plane.losses) < SIZE**2:
            first = len(plane.losses)
            plane.losses += self.losses(plane.points[first : first + self.at_once]).tolist()
            if perf_counter() > end:
                break
        if len(plane.losses) == SIZE**2:
            self.shown, self.next = plane, None

    def losses(self, points: Array) -> Array:
        """Return the loss with the weights of each row: all of them go through the network's layers together."""
        h: Any = self.x
        start, k = 0, len(points)
        with tg.no_grad():
            for layer in self.model:
                arrays = []
                for p in layer.parameters():
                    arrays.append(points[:, start : start + p.size].reshape(k, *p.shape))
                    start += p.size
                h = h @ arrays[0].transpose(0, 2, 1) + arrays[1][:, None] if arrays else layer(tg.Tensor(h)).data
            n = len(self.x)
            target = np.concatenate([self.y] * k)
            each = self.loss(tg.Tensor(h.reshape(k * n, -1)), target, reduction="none").data
        means: Array = each.reshape(k, n).mean(axis=1)
        return means

    def places(self) -> Array:
        """Return the path with the place that it has come to, one row a place, as far as the weights are finite."""
        places = np.array([*self.path, self.weights()])
        finite: Array = places[np.isfinite(places).all(axis=1)]
        return finite

    def projected(self) -> tuple[Array, float]:
        """Return the path on the plane that is shown, and which share of its squared length, 0 to 1, lies in the plane.

        Without a plane yet, the path is empty.
        """
        if self.shown is None:
            return np.zeros((0, 2)), 0.0
        places = self.places()
        steps = places - places[0]
        whole, inside = float(np.sum(steps * steps)), float(np.sum((steps @ self.shown.axes.T) ** 2))
        return self.shown.project(places), min(1.0, inside / whole) if whole else 1.0

    def _plane(self) -> Plane:
        places = self.places()
        if places.shape[1] == 2:
            axes = np.eye(2)
        else:  # tiny random steps fill in for a path that is still a point or a line
            tiny = np.random.default_rng(0).normal(size=(2, places.shape[1])) * 1e-9 * (1 + np.abs(places).max())
            along = places[-1] - places[0] + tiny[0]
            along /= np.linalg.norm(along)
            rest = np.concatenate([places[:: max(1, len(places) // 60)] - places[0], tiny])
            rest -= (rest @ along)[:, None] * along
            up = np.linalg.svd(rest, full_matrices=False)[2][0]
            axes = np.array([along, -up if up @ self.path[0] < 0 else up])  # the same side as before, mostly
        inside = (places - places[0]) @ axes.T
        low, high = inside.min(axis=0), inside.max(axis=0)
        extent = high - low
        radius = np.maximum(extent * (0.5 + MARGIN), 0.3 * float(extent.max()) or 1.0)
        return Plane(places[0] + (low + high) / 2 @ axes, axes, radius)
