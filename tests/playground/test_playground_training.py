"""The playground's training runs: the code shown gives the numbers shown, and wrong input is refused in words."""

import contextlib
import io

import numpy as np
import pytest
from playground import Run, Session, program, settings
from playground.settings import SettingError, Settings
from playground.table import read_table

import tinygrad_edu as tg

CLASSES = "a;b;kind\n" + "\n".join(f"{i % 3},{i};{i * i % 7};{'abc'[i % 3]}" for i in range(40))
NUMBERS = "\n".join(f"{i / 7!r} {i * i / 50!r}" for i in range(30))
RUNS = {
    "moons": {},
    "circles": {"data": "circles", "batch": "0", "schedule": "cosine", "optimizer": "SGD", "lr": "0.1"},
    "spirals": {"data": "spirals", "activation": "relu", "optimizer": "Momentum", "schedule": "step", "batch": "33"},
    "xor": {"data": "xor", "layers": "4", "optimizer": "AdamW", "l2": "0.01", "schedule": "warmup"},
    "line": {"data": "line", "layers": "", "optimizer": "RMSprop", "schedule": "exponential"},
    "classes": {"data": "table", "table": CLASSES, "layers": "8", "seed": "7"},
    "numbers": {"data": "table", "table": NUMBERS, "layers": "5-5", "optimizer": "Nesterov"},
}


@pytest.mark.parametrize("given", RUNS.values(), ids=RUNS)
def test_the_code_shown_gives_exactly_the_numbers_of_the_page(given, tmp_path):
    session = Session()
    first = session.start(given)
    assert first["updates"] == 0
    for updates in (1, 5, 12):
        frame = session.frame(updates)
    names, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(session.program()["code"], names)
    assert len(names["losses"]) == frame["updates"] > 1
    assert printed.getvalue().splitlines() == [
        f"training loss {frame['train']:.6f}", f"validation loss {frame['valid']:.6f}",
        f"{first['points']['metric']} {frame['metric']:.4f}",
    ]  # fmt: skip
    for mine, its in zip(names["model"].parameters(), session.run.model.parameters(), strict=True):
        assert (mine.data == its.data).all()
    (tmp_path / "weights.npz").write_bytes(session.weights()["file"])
    names["model"].load_state_dict(tg.load(tmp_path / "weights.npz"))


@pytest.mark.parametrize("optimizer", settings.OPTIMIZERS)
def test_each_optimizer_is_one_of_the_librarys_and_lowers_the_loss(optimizer):
    run = Run(Settings(optimizer=optimizer, examples=40, layers=(4,), lr=1.0 if optimizer == "Adadelta" else 0.05))
    before = run.frame(0)["train"]
    assert run.frame(40, seconds=60)["train"] < before
    assert settings.OPTIMIZERS[optimizer].partition("(")[0] in tg.optim.__all__


@pytest.mark.parametrize("activation", settings.ACTIVATIONS)
def test_each_activation_trains(activation):
    assert np.isfinite(Run(Settings(activation=activation, examples=20, layers=(3,))).frame(2)["train"])


def test_a_run_learns_the_moons():
    run = Run(Settings())
    while run.updates < 400:
        frame = run.frame(50, seconds=60)
    assert frame["metric"] > 0.95
    assert frame["epoch"] == 400 / 7


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("data", "dogs", "the data set is one of moons, circles"),
        ("examples", "1e9", "the number of examples is a whole number from 10 to 2000, not 1e9"),
        ("examples", "20.5", "the number of examples is a whole number"),
        ("noise", "nan", "the noise is a finite number, not nan"),
        ("noise", "-1", "the noise is a number from 0 to 2, not -1"),
        ("layers", "16, x", "the hidden layers are up to 6 numbers of units from 1 to 64"),
        ("layers", "1,1,1,1,1,1,1", "the hidden layers are up to 6"),
        ("layers", "16, -3", "the hidden layers are up to 6"),
        ("layers", "99999999999999999999", "the hidden layers are up to 6"),
        ("lr", "fast", "the learning rate is a number, not 'fast'"),
        ("lr", "", "the learning rate is a number, not ''"),
        ("lr", "1e400", "the learning rate is a finite number, not 1e400"),
        ("batch", "-1", "the batch size is a whole number from 0 to 2000, not -1"),
        ("seed", "1e30", "the seed is a whole number"),
        ("optimizer", "adam", "the optimizer is one of SGD"),
        ("mind", "1", "there is no setting 'mind'"),
    ],
)
def test_a_wrong_setting_is_refused_in_words_and_names_its_control(field, text, words):
    shown = Session().start({field: text})
    assert words in shown["error"]
    assert shown["field"] == field


def test_settings_survive_the_way_through_a_link():
    for given in RUNS.values():
        assert settings.read(settings.read(given).text()) == settings.read(given)
    assert settings.read({"lr": "0,5"}).lr == 0.5
    assert all(settings.read({"layers": f"8{dash}4"}).layers == (8, 4) for dash in ("-", " - ", "- ", "  - "))
    assert settings.read({"layers": "0"}).layers == settings.read({"layers": " "}).layers == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the table is empty"),
        ("1,2,0\n" * 3, "the table has 3 rows of data; it takes 8 to 2,000"),
        ("1,2,0\n", "the table has 1 row of data"),
        ("1,2,0\n" * 3000, "the table has 3,000 rows"),
        ("1,2,0\n1,2\n" * 9, "line 2 has 2 columns, and the first line has 3"),
        ("a,b,c\n1,2,0\nx,2,0\n" + "1,2,1\n" * 9, "line 3: 'x' is not a number"),
        ("1,2,0\n,2,0\n" + "1,2,1\n" * 9, "line 2: '' is not a number"),
        ("1,nan,0\n" + "1,2,1\n" * 9, "line 1: nan is missing, infinite or too large"),
        ("1,1e300,0\n" + "1,2,1\n" * 9, "line 1: 1e300 is missing, infinite or too large"),
        ("1,2,1\n" * 9, "the target has 1 class;"),
        ("1,2,0.5\n" * 9, "the target is 0.5 in every row"),
        ("1\n" * 9, "the table has 1 column;"),
        ("\n".join(f"1,2,w{i}" for i in range(20)), "the target has 20 different classes"),
        ("1,2,a\n1,2,\n" + "1,2,b\n" * 9, "line 2: the target in the last column is missing"),
        ('1,2,"a\n' * 9, "the target has 1 class;"),
        ("\x00\x01PNG\n" * 9, "the table has 1 column;"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text, words):
    with pytest.raises(SettingError, match=r"line|table|target") as caught:
        read_table(text)
    assert words in str(caught.value)
    assert caught.value.field == "table"


def test_axes_of_a_table_say_that_its_columns_are_standardized_but_not_its_classes():
    rows = [f"{i},{i % 3},{kind}" for i, kind in enumerate(["a", "b"] * 6)]
    one = [f"{i},{kind}" for i, kind in enumerate(["a", "b"] * 6)]
    numbers = [f"{i},{2 * i + 0.5}" for i in range(12)]
    for header, lines, names in (
        ("height,width,kind", rows, ["height, standardized", "width, standardized"]),
        ("height,kind", one, ["height, standardized", "kind"]),
        ("height,weight", numbers, ["height, standardized", "weight, standardized"]),
    ):
        run = Run(Settings(data="table", table="\n".join([header, *lines])))
        assert run.points()["names"] == names
    assert Run(Settings()).points()["names"] == ["x1", "x2"]


def test_tables_are_read_with_each_delimiter_header_and_decimal_comma():
    for text in (
        "x,y,c\n1.5,2,0\n",
        "x;y;c\n1,5;2;0\n",
        "x\ty\tc\n1,5\t2\t0\n",
        "1.5 2 0\n",
        '"x","y","c"\n"1.5","2","0"\n',
    ):
        lines = text.splitlines()
        table = read_table("\r\n".join([*lines, *[lines[-1][:-2] + lines[-1][-2:].replace("0", "1")] * 8]))
        assert table.rows[:2] == ((1.5, 2.0, 0.0), (1.5, 2.0, 1.0)), text
        assert table.classes == ("0", "1")
    rows = "1.5,2,0\n1,3,1\n" * 4
    assert read_table("\ufeff# of a spreadsheet\n" + rows) == read_table(rows) == read_table("\ufeff" + rows)
    table = read_table(CLASSES)
    assert (table.names, table.classes, table.features) == (("a", "b", "kind"), ("a", "b", "c"), 2)
    assert read_table(NUMBERS).classes == ()


def test_hostile_text_of_a_table_stays_text():
    hostile = '""" + __import__("os").name + """'
    table = "a,b\n" + "".join(
        f'{i},"{hostile.replace(chr(34), chr(34) * 2) if i % 2 else "line"}"\n' for i in range(20)
    )
    source = program.setup(Settings(data="table", table=table))
    assert repr(hostile) in source
    assert "__import__" not in "".join(line for line in source.splitlines() if not line.startswith("#"))
    assert Run(Settings(data="table", table=table)).frame(1)["updates"] == 1


def test_a_run_that_diverges_stops_and_says_why_and_shows_what_there_is():
    session = Session()
    session.start({"optimizer": "SGD", "lr": "1000", "data": "line", "layers": "8", "activation": "relu"})
    for _ in range(12):
        frame = session.frame(20)
    assert "with lr=1000. Likely cause: the learning rate is too high (try 1e+02)" in frame["diverged"]
    assert 0 < frame["updates"] < 100
    assert frame["grid"].shape == (4 * 40,)
    assert "error" not in session.start({"examples": "20", "batch": "500", "lr": "0"})
    assert session.run.frame(3, seconds=60)["updates"] == 3


@pytest.mark.parametrize("rare", ["a", "7"])
def test_classes_too_small_to_split_are_refused_by_their_names(rare):
    rest = "1,2,0\n" * 9 if rare.isdigit() else "1,2,b\n" * 9
    shown = Session().start({"data": "table", "table": f"1,2,{rare}\n{rest}"})
    assert shown["error"] == f"class {rare!r} has one row; each needs two or more, to train and to validate"
    assert "error" not in Session().start({"data": "table", "table": f"1,2,{rare}\n" * 2 + rest})


def test_the_surface_holds_the_loss_of_the_weights_on_its_plane():
    run = Run(Settings(examples=60, layers=(6, 5)))
    for _ in range(4):
        run.frame(15, seconds=60)
    while not run.surface.settled:
        run.surface.advance(1.0)
    surface = run.surface
    at = surface.weights()[None]
    with tg.no_grad():
        expected = float(run.loss(run.model(run.train[0]), run.train[1]))
    assert np.isclose(surface.losses(at)[0], expected)
    plane = surface.shown
    assert np.allclose(surface.losses(plane.points[[0, 57, -1]]), np.array(plane.losses)[[0, 57, -1]])
    assert (np.abs(plane.project(surface.places())) < 1).all()
    assert surface.projected()[1] > 0.5


@pytest.mark.parametrize("seed", [3, 4])
def test_the_surface_is_exact_at_both_ends_of_the_path(seed):
    run = Run(Settings(seed=seed))
    for _ in range(8):
        run.frame(50, seconds=60)
    while not run.surface.settled:
        run.surface.advance(1.0)
    plane, places = run.surface.shown, run.surface.places()
    on_plane = plane.project(places) * plane.radius @ plane.axes + plane.center
    assert np.allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-6)
    assert np.allclose(on_plane[[0, -1]], places[[0, -1]], atol=1e-6)
    assert run.surface.losses(on_plane[-1:])[0] < run.surface.losses(on_plane[:1])[0] / 10  # it falls, as the loss does
    assert run.surface.projected()[1] > 0.7


def test_the_surface_of_two_parameters_is_exact():
    run = Run(Settings(data="line", layers=()))
    run.frame(30, seconds=60)
    while not run.surface.settled:
        run.surface.advance(1.0)
    plane = run.surface.shown
    assert (plane.axes == np.eye(2)).all()
    assert run.surface.projected()[1] == 1.0
    w, b = plane.points[37]
    x, y = run.train
    assert np.isclose(plane.losses[37], np.mean((x * w + b - y) ** 2))


def test_the_path_stays_short_and_keeps_its_start():
    run = Run(Settings(examples=20, layers=(2,)))
    start = run.surface.weights()
    run.frame(600, seconds=60)
    assert len(run.surface.path) <= 240
    assert (run.surface.path[0] == start).all()
