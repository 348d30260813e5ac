"""Code of installed packages, `tg.fit`, deleted and replaced variables."""

import os
import sys
import textwrap
import types

import numpy as np
import pytest

import tinygrad_edu as tg

from .harness import MUST_WORK, TT, XX, X, attack, works


def _installed(text, name, folder="site-packages"):
    import importlib
    import tempfile

    folder = os.path.join(tempfile.mkdtemp(), folder)
    os.makedirs(folder)
    with open(os.path.join(folder, f"{name}.py"), "w", encoding="utf-8") as f:
        f.write(textwrap.dedent(text))
    sys.path.insert(0, folder)
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@attack
def attribute_read_by_an_installed_class(J):
    lib = _installed(
        """
        class Scaler:
            def __init__(self):
                self.mean = 0.0
            def transform(self, x):
                return x - self.mean
        """, "lib_a",
    )  # fmt: skip
    s = lib.Scaler()
    f = J(lambda x: s.transform(x))
    out = [f(X), f(X)]
    s.mean = 1.0
    return [*out, f(X)]


@attack
def random_numbers_of_an_installed_class(J):
    lib = _installed(
        """
        import numpy as np
        class Noise:
            def __init__(self):
                self.generator = np.random.default_rng(0)
            def __call__(self, x):
                return x + self.generator.normal(size=3)
        """, "lib_b",
    )  # fmt: skip
    n = lib.Noise()
    f = J(lambda x: n(x))
    return [f(X), f(X), f(X)]


@works
def settings_whose_installed_class_keeps_and_replaces_attributes(J):
    lib = _installed(
        """
        class Model:  # as one of pydantic that validates what is assigned
            __slots__ = ("__dict__", "private")
            def __init__(self, **fields):
                object.__setattr__(self, "private", {"_gain": 1.0})
                object.__setattr__(self, "__dict__", fields)
            def __setattr__(self, name, value):
                if name in self.private:
                    self.private[name] = value
                else:
                    object.__setattr__(self, "__dict__", {**self.__dict__, name: value})
            def __getattr__(self, name):
                if name.startswith("__") or name not in self.private:
                    raise AttributeError(name)
                return self.private[name]
        """, "lib_settings",
    )  # fmt: skip

    class Settings(lib.Model):
        pass

    settings = Settings(rate=0.1, count=2)
    f = J(lambda x: x * settings.rate * settings._gain)
    out = [f(X), f(X)]
    for name, value in (("count", 3), ("rate", 0.5), ("_gain", 4.0)):
        setattr(settings, name, value)
        out += [f(X), f(X)]
    return out


def fitted(name, make, loss=tg.mse_loss, **kw):
    def run(J):
        jit = "Jitted" in type(J(len)).__name__
        model = make()
        opt = tg.optim.Adam(model.parameters(), lr=0.02)
        settings = {k: v(model, opt) if k in ("scheduler", "callbacks") else v for k, v in kw.items()}
        h = tg.fit(model, loss, (XX, TT), optimizer=opt, rng=0, progress=False, jit=jit, **{"epochs": 6, **settings})
        return h.train_loss, h.valid_loss, [p.data for p in model.parameters()], opt.steps, opt.lr, opt.state

    run.__name__ = name
    attack(run)
    MUST_WORK.add(name)


class ScalarNet(tg.nn.Module):
    def __init__(self):
        self.a, self.b = tg.Tensor(np.zeros((3, 1))), tg.Tensor(0.0)

    def forward(self, x):
        return x @ self.a + self.b


fitted("fit_mlp", lambda: tg.nn.MLP([3, 5, 1], activation="tanh", rng=0))
fitted(
    "fit_dropout_batchnorm",
    lambda: tg.nn.Sequential(
        tg.nn.Linear(3, 5, bias=False, rng=0),
        tg.nn.BatchNorm1d(5),
        tg.nn.Dropout(0.3, rng=1),
        tg.nn.Linear(5, 1, rng=2),
    ),
    batch_size=6,
    valid_data=(XX, TT),
)
fitted("fit_with_a_scalar_parameter", ScalarNet)


@attack
def deleted_variable(J):
    globals()["H5_GONE"] = 2.0

    def f(x):
        try:
            return x * H5_GONE
        except NameError:
            return x

    f = J(f)
    out = [f(X), f(X)]
    del globals()["H5_GONE"]
    return [*out, f(X)]


@attack
def instance_attribute_that_shadows_a_class_attribute(J):
    class K:
        k = 2.0

    o = K()
    f = J(lambda x: x * o.k)
    out = [f(X), f(X)]
    o.k = 3.0
    out.append(f(X))
    del o.k
    K.k = 7.0
    return [*out, f(X)]


@works
def array_of_a_module_whose_functions_use_it(J):
    m = _installed(
        """
        import numpy as np
        A, n = np.ones(3), np.zeros(())
        def scaled(x):
            n[...] += 1
            return x * A + n
        """, "user_a", "users",
    )  # fmt: skip
    f = J(lambda x: m.scaled(x))
    out = [f(X), f(X), f(X)]
    m.A += 1
    return [*out, f(X), m.n]


@works
def array_of_a_namespace_whose_functions_use_it(J):
    n = {"np": np}
    exec("A = np.ones(3)\ndef scaled(x):\n    return x * A\n", n)
    f = J(lambda x: n["scaled"](x) + n["A"])
    out = [f(X), f(X)]
    n["A"] += 1
    return [*out, f(X)]


@works
def class_of_a_module_without_a_file(J):
    m = sys.modules["made_by_hand"] = types.ModuleType("made_by_hand")
    exec("class P:\n    b = 2.0\n    def scaled(self, x):\n        return x * self.b\n", vars(m))
    p = m.P()
    f = J(lambda x: p.scaled(x))
    out = [f(X), f(X)]
    p.b = 3.0
    return [*out, f(X)]


@attack
def array_like_of_another_library(J):
    sparse = pytest.importorskip("scipy.sparse")
    s = sparse.csr_array(np.eye(3))
    f = J(lambda x: x * s.toarray().sum())
    out = [f(X), f(X)]
    s.data *= 2
    return [*out, f(X)]


@attack
def array_of_a_module_replaced_beside_its_function(J):
    m = _installed("import numpy as np\nA = np.ones(3)\ndef scaled(x):\n    return x * A\n", "user_b", "users")

    def f(x):
        m.A = m.A * x
        return m.scaled(x)

    f = J(f)
    return [f(X), f(X), m.A]


@works
def module_with_getattr(J):
    m = _installed("held = {'k': 2.0}\ndef __getattr__(name):\n    return held[name]\n", "user_c", "users")
    f = J(lambda x: x * m.k)
    out = [f(X), f(X)]
    m.held["k"] = 3.0
    out.append(f(X))
    m.k = 4.0
    return [*out, f(X)]


@works
def metaclass_attribute(J):
    class Meta(type):
        k = 2.0

    class K(metaclass=Meta):
        pass

    f = J(lambda x: x * K.k)
    out = [f(X), f(X)]
    Meta.k = 3.0
    return [*out, f(X)]


@works
def array_closed_over_replaced(J):
    data = np.ones(3)
    f = J(lambda x: x * data)
    out = [f(X), f(X)]
    data = np.full(3, 3.0)
    return [*out, f(X)]


@works
def minibatches_from_a_closed_over_data_set(J):
    w = tg.Tensor(np.zeros((3, 1)))
    opt = tg.optim.SGD([w], lr=0.1)

    def step(i):
        loss = tg.mse_loss(XX[i] @ w, TT[i])
        opt.minimize(loss)
        return loss

    step = J(step)
    rng = np.random.default_rng(0)
    return [step(rng.permutation(20)[:5]) for _ in range(6)] + [w.data]


@attack
def minibatches_by_a_plain_index(J):
    f = J(lambda i: XX[i * 5 : i * 5 + 5].sum())
    return [f(i) for i in (0, 1, 2, 3, 0, 1)]
