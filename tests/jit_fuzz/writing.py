"""Writes the text of a random program, statement by statement; a statement that NumPy refuses is left out.

The text is a function `program(jit, see)`. It makes its state, jits a function, calls it several times, and changes
the state between the calls; `see(result, **state)` is called after each call. `program(tg.jit, print)` runs it alone.
"""

import random
import re

import numpy as np

import tinygrad_edu as tg

from . import calls
from .running import quiet

SHAPES = [
    (3,),
    (2, 3),
    (3, 3),
    (3,),
    (2, 3),
    (3, 2),
    (),
    (1, 3),
    (2, 1),
    (1,),
    (4,),
    (2, 2, 3),
    (5, 3),
    (0,),
    (2, 3),
    (3,),
]
LARGE = {(3,): (120_000,), (2, 3): (300, 401), (3, 3): (350, 350), (3, 2): (401, 300)}  # in programs on large arrays
SPECIAL = ["0.0", "-0.0", "np.inf", "-np.inf", "np.nan", "1.0", "1.0", "-1.0", "1e300", "1e-300"]
OPTIMIZERS = [
    "tg.optim.SGD({ps}, lr=0.1)", "tg.optim.SGD({ps}, lr=0.1, momentum=0.9)", "tg.optim.Adam({ps}, lr=0.05)",
    "tg.optim.SGD({ps}, lr=0.1, momentum=0.5, nesterov=True)", "tg.optim.AdamW({ps}, lr=0.05, weight_decay=0.1)",
    "tg.optim.RMSprop({ps}, lr=0.01, momentum=0.5)", "tg.optim.Adagrad({ps}, lr=0.1)", "tg.optim.SGD({ps}, lr=0.05, weight_decay=0.1)",
    "tg.optim.RMSprop({ps}, lr=0.01, centered=True)", "tg.optim.Adam({ps}, lr=0.02, betas=(0.5, 0.9), weight_decay=0.01)",
]  # fmt: skip
SCHEDULES = [
    "StepLR(opt, 2, 0.5)", "ExponentialLR(opt, 0.8)", "CosineAnnealingLR(opt, 4)", "LinearWarmup(opt, 3)", "OneCycleLR(opt, 0.2, 5)",
]  # fmt: skip
MODELS = [
    "tg.nn.MLP([3, 4, 1], activation='tanh', rng=0)", "tg.nn.Linear(3, 2, rng=1)", "tg.nn.Linear(3, 2, bias=False, rng=1)",
    "tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.BatchNorm1d(4), tg.nn.Tanh(), tg.nn.Linear(4, 2, rng=1))",
    "tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.Dropout(0.5, rng=3), tg.nn.ReLU(), tg.nn.Linear(4, 1, rng=1))",
    "tg.nn.Sequential(tg.nn.LayerNorm(3), tg.nn.Linear(3, 3, rng=0), tg.nn.GELU())", "tg.nn.MLP([3, 5, 5, 2], rng=2)",
    "tg.nn.Embedding(5, 3, rng=0)", "tg.nn.Sequential(tg.nn.Embedding(4, 3, rng=0), tg.nn.Flatten(), tg.nn.Softplus())",
]  # fmt: skip
LOSSES = [
    "np.mean({v} ** 2)", "np.sum(np.tanh({v}))", "({v} * {v}).sum()", "np.mean(np.cos({v}))", "tg.huber_loss({v}, np.zeros({v}.shape))",
    "tg.mse_loss({v}, np.ones({v}.shape))", "np.sum(np.abs({v}))", "np.log1p(np.sum({v} ** 2))", "tg.logsumexp({v})", "np.mean({v})",
    "np.max({v})", "np.linalg.norm({v})", "np.mean((0.5 - {v}) ** 2)", "np.var({v})", "np.sqrt(1 + np.sum({v} * {v}))",
    "tg.cross_entropy({v}, np.zeros({v}.shape[:1], int))", "tg.l1_loss({v}, np.zeros({v}.shape))", "tg.hinge_loss({v}, np.ones({v}.shape))",
    "tg.binary_cross_entropy_with_logits({v}, np.ones({v}.shape))", "tg.cross_entropy({v}, np.array([0, 1, 1, 0]))",
]  # fmt: skip


class Writer:
    """The text so far, and a namespace in which each statement has run."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ns = {"np": np, "tg": tg}
        self.setup, self.body, self.later = [], [], []
        self.lines = self.setup
        self.exact, self.inputs = {}, []  # whether a value is independent of the order of sums; arguments
        self.values, self.writable, self.params, self.state, self.rngs = [], [], [], [], []
        self.special, self.large = self.chance(0.15), self.chance(0.02)
        self.count = 0

    def chance(self, p):
        return self.random.random() < p

    def new(self, letter="v"):
        self.count += 1
        return f"{letter}{self.count}"

    def run(self, line):
        """Run a statement; False if it raises."""
        try:
            with quiet():
                exec(line, self.ns)
        except Exception:
            return False
        return True

    def write(self, line):
        """Write a statement if it runs."""
        if ok := self.run(line):
            self.lines.append(line)
        return ok

    def value(self, name):
        return eval(name, self.ns)

    def assign(self, expression, exact, letter="v"):
        """Write `v = expression` if it runs and gives a value of moderate size; return the name or None."""
        name = self.new(letter)
        if not self.run(f"{name} = {expression}"):
            return None
        v = self.ns[name]
        data = v.data if isinstance(v, tg.Tensor) else v
        if not isinstance(data, (np.ndarray, np.generic, float, int)) or isinstance(data, np.str_):
            return None
        size, ndim = np.size(data), np.ndim(data)
        if size > (200_000 if self.large else 60) or ndim > 4 or np.asarray(data).dtype.kind not in "fiub":
            return None
        with np.errstate(all="ignore"):
            wild = size and (not np.isfinite(data).all() or np.abs(np.asarray(data, float)).max() > 1e4)
        if wild and not (self.special or self.chance(0.02)):
            return None
        self.lines.append(f"{name} = {expression}")
        self.values.append(name)
        self.exact[name] = exact
        return name

    def pick(self, names=None):
        """Return one of the names, mostly a late one."""
        names = names or self.values
        return names[-1 - min(int(self.random.expovariate(0.4)), len(names) - 1)]

    def fill(self, template, a, names=None):
        """Fill in a template; return the expression and whether all of its values are exact."""
        b = self.pick(names)
        ndim = np.ndim(getattr(self.value(a), "data", self.value(a)))
        numbers = calls.NUMBERS + (["np.inf", "np.nan"] if self.special else [])
        text = re.sub(r"\{s\}", lambda _: self.random.choice(numbers), template)
        axis = self.random.choice([0, -1, *range(ndim)])
        text = text.replace("{axis}", str(axis)).replace("{n}", str(self.random.choice([0, 1, -1, 2])))
        text = text.replace("{a}", a).replace("{b}", b)
        return text, self.exact.get(a, True) and (self.exact.get(b, True) or "{b}" not in template)

    def statement(self, names=None):
        """Write a statement of NumPy on the values."""
        names = names or self.values
        group = self.random.choices(list(calls.GROUPS), [w for _, w in calls.GROUPS.values()])[0]
        template = self.random.choice(calls.GROUPS[group][0])
        if self.large and (group in ("products", "making", "gradients") or re.search("diag|meshgrid", template)):
            return None  # the result has the square of the number of elements, or takes a loop in Python
        text, exact = self.fill(template, self.pick(names), names)
        if group == "exact" and not exact:
            return None
        return self.assign(text, exact and group not in ("reductions", "products", "gradients"))

    def array(self, shape=None, dtype=None):
        """Return the text of an array."""
        shape = self.random.choice(SHAPES) if shape is None else shape
        dtype = (
            dtype
            or self.random.choices(["float64", "float32", "int64", "bool", "float16", "uint8"], [30, 4, 4, 2, 1, 1])[0]
        )
        size = int(np.prod(shape))
        if self.large and shape in LARGE:
            return f"np.sin(np.arange({np.prod(LARGE[shape])}) * 1.7).reshape{LARGE[shape]}"
        if dtype[:5] == "float":
            numbers = [f"{self.random.uniform(-2, 2):.2f}" for _ in range(size)]
            if self.special and self.chance(0.5):
                numbers = [self.random.choice(SPECIAL) if self.chance(0.4) else v for v in numbers]
            elif self.chance(0.1):
                numbers = [self.random.choice(["1.0", "0.5", "0.0"]) for v in numbers]  # ties
        else:
            low, high = {"int64": (-3, 5), "bool": (0, 1), "uint8": (0, 250)}[dtype]
            numbers = [str(self.random.randint(low, high)) for _ in range(size)]
        flat = f"[{', '.join(numbers)}]" if shape else numbers[0]
        kind = f", np.{dtype}" if dtype != "bool" else ", bool"
        kind = "" if dtype == "float64" and size and any("." in n for n in numbers) else kind
        text = f"np.array({flat}{kind})" + (f".reshape{shape}" if len(shape) != 1 and shape else "")
        if len(shape) > 1 and self.chance(0.15):
            text = self.random.choice(
                [f"np.asfortranarray({text})", f"{text}[::-1]", f"np.repeat({text}, 2, axis=0)[::2]"]
            )
        return text

    def arguments(self, most=3):
        """Write one to three arrays, and perhaps a plain value, for the function's arguments."""
        first = self.random.choice(SHAPES)
        for name in "xyz"[: self.random.randint(1, most)]:
            shape = first if self.chance(0.6) else self.random.choice(SHAPES)
            self.write(f"{name} = {self.array(shape)}")
            self.inputs.append(name)
        if self.chance(0.2):
            self.write(f"k = {self.random.choice(['2', '0.5', 'True', '1', 'np.float64(2.0)', '-0.0'])}")
            self.inputs.append("k")
        if self.chance(0.1):
            self.write(f"t = tg.Tensor({self.array(dtype='float64')})")
            self.inputs.append("t")
        self.values += self.inputs
        self.state += self.inputs
        self.writable += [n for n in self.inputs if isinstance(self.value(n), np.ndarray)]

    def surroundings(self):
        """Write closed-over arrays, Generators and Tensors."""
        if self.chance(0.25):
            self.write(f"c = {self.array()}")
            self.values.append("c"), self.state.append("c")
        if self.chance(0.3):
            line, name = self.random.choice([
                ("rng = np.random.default_rng(5)", "rng"), ("box = {'rng': np.random.default_rng(6)}", "box['rng']"),
                ("rng = np.random.Generator(np.random.MT19937(1))", "rng"),
            ])  # fmt: skip
            self.write(line)
            self.rngs.append(name), self.state.append(name)
        if self.chance(0.3):
            self.tensor("buf", requires_grad=False)

    def tensor(self, name, requires_grad=True):
        """Write a Tensor, perhaps one of a single number, and perhaps not in memory order."""
        text = self.array(dtype="float32" if self.chance(0.05) else "float64")
        self.write(f"{name} = tg.Tensor({text}{'' if requires_grad else ', requires_grad=False'})")
        if self.chance(0.1):
            self.write(f"{name}.data = np.asfortranarray({name}.data)")
        self.values.append(name), self.state.append(name)
        self.writable.append(f"{name}.data")

    def parameters(self):
        """Write one to three parameters, alone or in containers or in a Module."""
        self.write(f"w = tg.Tensor({self.array(dtype='float64')})")
        names = ["w"]
        form = self.random.choice(["none", "none", "list", "dict", "module", "model", "model"])
        if form == "list":
            self.write(f"ps = [tg.Tensor({self.array(dtype='float64')}), (tg.Tensor({self.array(dtype='float64')}),)]")
            names += ["ps[0]", "ps[1][0]"]
        elif form == "dict":
            self.write(
                f"ps = {{'a': tg.Tensor({self.array(dtype='float64')}), 'b': [tg.Tensor({self.array((), 'float64')})]}}"
            )
            names += ["ps['a']", "ps['b'][0]"]
        elif form == "module":
            self.lines.append("class Net(tg.nn.Module):\n    pass")
            self.run(self.lines[-1])
            self.write("net = Net()")
            self.write(f"net.gain = tg.Tensor({self.array(dtype='float64')})")
            self.write(f"net.parts = [tg.Tensor({self.array(dtype='float64')})]")
            names += ["net.gain", "net.parts[0]"]
        self.params = names
        self.parameter_list = f"[{', '.join(names)}]"
        self.state += names
        self.values += names
        if form == "model":
            self.write(f"model = {self.random.choice(MODELS)}")
            self.state.append("model")
            self.parameter_list = "[w, *model.parameters()]"

    def result(self):
        """Return the text of a result."""
        names = [self.pick() for _ in range(self.random.choice([1, 1, 1, 2, 2, 3]))]
        a, b = names[0], names[-1]
        return self.random.choice(
            [a, a, ", ".join(names), f"[{', '.join(names)}]", f"{{'a': {a}, 'b': ({b}, 2.0)}}", f"({a}, [{b}], None)"]
        )

    def loss(self, names, wanted):
        """Write a loss that each of the wanted Tensors takes part in, and return its name."""
        parts = []
        for p in [*wanted, *names]:
            if p in names or self.chance(0.85):
                for _ in range(5):
                    text = self.random.choice(LOSSES).format(v=p)
                    ok = self.run(f"part = {text}") and isinstance(self.ns["part"], tg.Tensor)
                    if ok and self.ns["part"].shape == () and np.isfinite(self.ns["part"].data):
                        parts.append(text)
                        break
        return self.assign(" + ".join(parts), False, "loss") if parts else None

    def draw(self):
        """Write a draw from a Generator."""
        if not self.rngs:
            return
        r = self.random.choice(self.rngs)
        if self.chance(0.1) and self.writable:
            self.write(f"{r}.shuffle({self.random.choice(self.writable)})")
            return
        text, _ = self.fill(self.random.choice(calls.DRAWS), self.pick())
        self.assign(text.replace("{r}", r), False)

    def change(self, names, exact=False):
        """Write an in-place operation on one of the names."""
        name = self.random.choice(names)
        fitting = [v for v in self.values if not isinstance(self.value(v), tg.Tensor)] or ["1.5"]
        template = self.random.choice(calls.WRITES)
        text, _ = self.fill(template, name, fitting)
        discontinuous = re.search(r"> 0|sort|%|place|putmask", template)
        if discontinuous and not self.exact.get(name.removesuffix(".data"), True):
            return
        if self.write(text) and not exact:
            for v in self.values:
                self.exact[v] = False
