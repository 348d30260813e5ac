"""A user's program, typed: mypy and pyright check it, and it runs."""

from typing import Any, cast

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import Tensor

x, w = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, 2.0])
array, number = np.ones((2, 2)), np.float32(2.0)


def gradient_of(y: Tensor) -> Any:
    w.zero_grad()
    y.backward(np.ones(y.shape, y.dtype))
    return w.grad


def of_operators() -> None:
    for y in (w + 1, 1 + w, w - 1, 1 - w, 2.0 * w, w * w, w / 2, 2 / w, w**2, 2**w, w % 3, 7 % w, -w, +w, abs(w)):
        gradient_of(y)
    for y in (x @ w, w @ x, w @ w, w * array, w @ array, number * w, number - w, w * [1.0, 2.0], w[0], w[w > 1.0]):
        gradient_of(y)
    (w @ x @ w).backward()
    w.T.sum().backward()
    length: int = w.size + w.ndim + len(w) + w.shape[0]
    assert length == 7


def of_methods() -> None:
    results: list[Tensor] = [
        w.exp(),
        w.log(),
        w.sqrt(),
        w.tanh(),
        w.sigmoid(),
        w.relu(),
        w.abs(),
        w.cumsum(),
        w.cumprod(),
    ]
    results += [
        x.sum(axis=0),
        x.mean(axis=0),
        x.max(axis=0),
        x.min(axis=0),
        x.prod(axis=0),
        x.std(axis=0),
        x.var(axis=0),
    ]
    results += [
        w.reshape(1, 2),
        x.ravel(),
        x.flatten(),
        x.squeeze(),
        x.swapaxes(0, 1),
        x.transpose(),
        x.diagonal(),
        x.trace(),
    ]
    results += [
        w.clip(0, 1),
        w.dot(w),
        w.take([0]),
        w.repeat(2),
        w.conj(),
        w.copy(),
        w.clone(),
        w.view(2, 1),
        w.unsqueeze(0),
    ]
    results += [w.compress([True, False]), w.conjugate(), w.detach()]
    assert all(type(y) is Tensor for y in results)


def of_values() -> None:
    a = tg.Value(2.0)
    results: list[tg.Value] = [
        a + 1,
        1 - a,
        a * a,
        2 / a,
        a**2,
        -a,
        abs(a),
        a.relu(),
        a.exp(),
        a.log(),
        a.tanh(),
        a.sqrt(),
    ]
    results += [a.abs(), a.sigmoid()]
    assert all(type(y) is tg.Value for y in results)


def of_jit() -> None:
    class Model(tg.nn.Module):
        @tg.jit
        def step(self, x: Any) -> Any:
            return np.sum(x * 2)

    model = Model()
    model.step(array)
    assert "np.sum" in model.step.source
    assert model.step.cache_info().misses == 1


def of_an_array_and_a_tensor() -> None:
    for y in (array + w, array - w, array * w, array / w, array % w, array**w, array @ w):
        gradient_of(y)
    (array * w).sum().backward()
    (np.arange(2) * w).sum().backward()
    (array.astype(np.float32) @ w).sum().backward()
    np.mean((array @ w - np.ones(2)) ** 2).backward()


def of_ufuncs() -> None:
    for y in (np.sin(w), np.exp(w), np.log(w), np.sqrt(w * w), np.tanh(w), np.abs(w), np.negative(w), np.square(w)):
        gradient_of(y)
    for y in (np.add(w, w), np.multiply(2.0, w), np.maximum(w, 0.0), np.maximum(0, w), np.hypot(w, w), np.matmul(x, w)):
        gradient_of(y)
    np.sin(w).sum().backward()


def of_functions() -> None:
    np.sum(w).backward()
    np.sum(x, axis=0).sum().backward()
    cast(Tensor, np.mean(w)).backward()
    np.mean(x, axis=0).sum().backward()
    np.max(w).backward()
    np.prod(w).backward()
    cast(Tensor, np.std(w)).backward()
    cast(Tensor, np.var(w)).backward()
    np.dot(x, w).sum().backward()
    np.trace(x).backward()
    np.einsum("ij,j->i", x, w).sum().backward()
    np.median(w).backward()
    np.sum(np.where(w > 1.0, w, 0.0)).backward()
    np.sum(np.concatenate([w, w])).backward()
    np.mean(np.stack([w, w]) ** 2).backward()
    (np.transpose(x) @ w).sum().backward()
    (np.reshape(w, (2, 1)) * array + 1).sum().backward()
    np.sum(np.maximum(array, w)).backward()
    gradient_of(cast(Tensor, np.reshape(w, (2, 1))))
    gradient_of(np.clip(w, 0, 1))


def of_losses_and_training() -> None:
    tg.mse_loss(x @ w, np.ones(2)).backward()
    tg.cross_entropy(x, np.array([0, 1])).backward()
    gradient_of(tg.softmax(w))
    model = tg.nn.MLP([2, 3, 1], rng=0)
    train, valid, test = tg.data.train_valid_test_split(np.ones((20, 2)), np.ones((20, 1)), rng=0)
    adam = tg.optim.Adam(model.parameters(), lr=0.01)
    tg.fit(model, tg.mse_loss, train, optimizer=adam, epochs=1, valid_data=valid, progress=False)
    tg.evaluate(model, test, loss=tg.mse_loss)
    for fold, rest in tg.data.k_fold(np.ones((4, 2)), np.ones((4, 1)), k=2, rng=0):
        tg.fit(model, tg.mse_loss, fold, optimizer=adam, epochs=1, valid_data=rest, progress=False)


def mistakes() -> None:
    x.bakward()  # type: ignore[attr-defined]
    tg.mse_lost(x, x)  # type: ignore[attr-defined]
    Tensor([1.0], require_grad=True)  # type: ignore[call-arg]


if __name__ == "__main__":
    of_operators()
    of_methods()
    of_values()
    of_jit()
    of_an_array_and_a_tensor()
    of_ufuncs()
    of_functions()
    of_losses_and_training()
