"""The Python program of a training run: shown on the page, and executed by it, so that both do exactly the same."""

from dataclasses import dataclass

from .settings import DATA, OPTIMIZERS, SCHEDULES, SettingError, Settings
from .table import Table, read_table

MAKERS = {
    "moons": "make_moons", "circles": "make_circles", "spirals": "make_spirals", "xor": "xor", "line": "make_linear"
}  # fmt: skip
HEAD = '''"""{title}, from the playground of tinygrad_edu."""

{imports}

import numpy as np
import tinygrad_edu as tg

'''
BODY = """
# The network, its loss and its optimizer
model = tg.nn.MLP({sizes}, activation="{activation}", rng=rng)
loss = tg.{loss}
optimizer = tg.optim.{optimizer}
{schedule}

@tg.jit  # records the first step as a list of NumPy calls, and replays it
def step(x, target):
    value = loss(model(x), target)
    optimizer.minimize(value)
    return value


def training():
    \"\"\"Yield the loss of each update, epoch after epoch.\"\"\"
    while True:
{epoch}

"""
TAIL = """
losses = list(itertools.islice(training(), {updates}))
with tg.no_grad():
    print(f"training loss {{float(loss(model(X_train), y_train)):.6f}}")
    print(f"validation loss {{float(loss(model(X_valid), y_valid)):.6f}}")
print(f"{name} {{tg.{metric}(tg.predict(model, X_valid), y_valid):.4f}}")
# With matplotlib: tg.plot.decision_boundary(model, X_train, y_train)
"""


@dataclass(frozen=True)
class Task:
    """What is to be learned: the number of features, the classes' names ("" of a regression), and the table if any."""

    features: int
    classes: tuple[str, ...]
    table: Table | None = None

    @property
    def outputs(self) -> int:
        """How many numbers the network returns: one for a line or two classes, otherwise one a class."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def loss(self) -> str:
        """The library's name of the loss."""
        if not self.classes:
            return "mse_loss"
        return "cross_entropy" if len(self.classes) > 2 else "binary_cross_entropy_with_logits"

    @property
    def metric(self) -> tuple[str, str]:
        """The measure of the validation data: its name for readers, and the library's."""
        return ("accuracy", "accuracy") if self.classes else ("R²", "r2_score")


def task(settings: Settings) -> Task:
    """Return what these settings learn; raises SettingError for a table that cannot be used."""
    if settings.data == "table":
        table = read_table(settings.table)
        targets = [row[-1] for row in table.rows]
        if rare := [name for i, name in enumerate(table.classes) if targets.count(i) < 2]:
            words = f"class {rare[0]!r:.40} has one row; each needs two or more, to train and to validate"
            raise SettingError("table", words)
        return Task(table.features, table.classes, table)
    return Task(1, ()) if settings.data == "line" else Task(2, ("class 0", "class 1"))


def setup(settings: Settings) -> str:
    """Return the program up to the first update: the data, the network, and the generator `training`."""
    of = task(settings)
    sizes = [of.features, *settings.layers, of.outputs]
    imports = "import io\nimport itertools" if of.table else "import itertools"
    title = f"{DATA[settings.data].capitalize()}, {'-'.join(map(str, sizes))}"
    schedule = SCHEDULES[settings.schedule]
    optimizer = OPTIMIZERS[settings.optimizer].format(params="model.parameters()", lr=settings.lr, l2=settings.l2)
    body = BODY.format(
        sizes=sizes, activation=settings.activation, loss=of.loss, optimizer=optimizer, epoch=_epoch(settings),
        schedule=f"schedule = tg.optim.lr_scheduler.{schedule}\n" if schedule else "",
    )  # fmt: skip
    return HEAD.format(title=title, imports=imports) + _data(settings, of) + body


def whole(settings: Settings, updates: int) -> str:
    """Return the program that takes this many updates and prints the losses that follow."""
    name, metric = task(settings).metric
    return setup(settings).rstrip("\n") + "\n\n" + TAIL.format(updates=updates, name=name, metric=metric)


def _data(settings: Settings, of: Task) -> str:
    """Return the lines that make the data: X_train, y_train, X_valid, y_valid."""
    lines = []
    if of.table:
        if of.classes:
            lines.append(f"# The classes: {', '.join(f'{i} is {name!r}' for i, name in enumerate(of.classes))}")
        lines += [f'TABLE = """\n{of.table.text()}\n"""  # the target is the last column', ""]
    lines += ["# The data: 70 % to train, 30 % to validate", f"rng = np.random.default_rng({settings.seed})"]
    if of.table:
        lines += ['table = np.loadtxt(io.StringIO(TABLE), delimiter=",", ndmin=2)',
                  "X, y = table[:, :-1], table[:, -1:]"]  # fmt: skip
    else:
        lines.append(f"X, y = tg.data.{MAKERS[settings.data]}({settings.examples}, noise={settings.noise}, rng=rng)")
    if of.loss == "cross_entropy":
        lines.append("y = y[:, 0].astype(int)")
    elif of.classes and not of.table:
        lines.append("y = y.reshape(-1, 1).astype(float)  # a column, like the network's output")
    by = ', by="stratified"' if of.classes else ""
    split = f"tg.data.train_test_split(X, y, fractions=(0.7, 0.3){by}, rng=rng)"
    lines.append(f"(X_train, y_train), (X_valid, y_valid) = {split}")
    scaled = ["X", "y"] if of.table and not of.classes else ["X"] if of.table else []
    for name in scaled:
        lines.append(f"scale = tg.data.Standardizer().fit({name}_train)  # mean 0, standard deviation 1")
        lines.append(f"{name}_train, {name}_valid = scale.transform({name}_train), scale.transform({name}_valid)")
    return "\n".join(lines) + "\n"


def _epoch(settings: Settings) -> str:
    """Return the body of the loop over epochs."""
    if settings.batch:
        small = 0.7 * (settings.examples if settings.data != "table" else 0) - 1 < settings.batch
        batch = f"min({settings.batch}, len(X_train))" if small else settings.batch
        lines = [
            f"for x, target in tg.data.batches(X_train, y_train, batch_size={batch}, rng=rng):",
            "    yield float(step(x, target))",
        ]
    else:
        lines = ["yield float(step(X_train, y_train))"]
    if SCHEDULES[settings.schedule]:
        lines.append("schedule.step()")
    return "\n".join(f"        {line}" for line in lines)
