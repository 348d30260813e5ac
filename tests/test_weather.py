import os
import re
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from vega_datasets import local_data

ROOT = Path(__file__).parents[1]
WEATHER = ROOT / "examples" / "weather.py"
PICTURES = ["gaps.png", "graph.png", "graph.svg", "line.png", "loss.png", "scatter.png"]
FEATURES = ["temp_max", "temp_min", "precipitation", "wind"]


def run(*args):
    env = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    command = [sys.executable, str(WEATHER), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def run_here(monkeypatch, *args, lesson="weather.py"):
    monkeypatch.setattr(sys, "argv", [lesson, *map(str, args)])
    monkeypatch.syspath_prepend(WEATHER.parent)  # the folder from which the program imports `tables`
    return runpy.run_path(str(WEATHER.with_name(lesson)), run_name="__main__")


def numbers(stdout):
    """Return the printed comparison as {row: (ours, scikit-learn's)}."""
    found = re.findall(r"^(\S.*?)  +(\S+)  +(\S+)  +\S+e[+-]\d+$", stdout, re.MULTILINE)
    return {name: (float(a), float(b)) for name, a, b in found}


def least_squares(table, features, target):
    """Compute {row: number} with scikit-learn: weights, intercept and errors."""
    x, y = table[features].to_numpy()[:-1], table[target].to_numpy()[1:]
    train, valid = round(0.7 * len(x)), round(0.85 * len(x))
    model = LinearRegression().fit(x[:train], y[:train])
    mse = np.mean((model.predict(x[valid:]) - y[valid:]) ** 2)
    weights = dict(zip(features, model.coef_, strict=True))
    return weights | {"intercept": model.intercept_, "test MSE": mse, "test RMSE": mse**0.5}


def assert_same(stdout, expected):
    shown = {name.removesuffix(" (°C)"): pair for name, pair in numbers(stdout).items()}
    assert shown.keys() == expected.keys()
    for name, (ours, theirs) in shown.items():
        assert theirs == pytest.approx(expected[name], rel=1e-6), name
        assert ours == pytest.approx(expected[name], rel=1e-3), name


@pytest.fixture(scope="module")
def seattle(tmp_path_factory):
    output = tmp_path_factory.mktemp("weather") / "pictures"
    return run("--output", output), output


def test_seattle_agrees_with_scikit_learn(seattle):
    result, _ = seattle
    assert result.returncode == 0, result.stderr
    assert_same(result.stdout, least_squares(local_data.seattle_weather(), FEATURES, "temp_max"))
    assert "stopped by: converged" in result.stdout
    assert "1461 rows; missing values: none; train 1022, validate 219, test 219" in result.stdout


def test_epochs_are_tabled_and_the_progress_shown(seattle):
    result, _ = seattle
    assert re.search(r"epoch +train loss +valid loss +lr +seconds\n +1 +\d", result.stdout)
    assert re.search(r"converged: 100%.* (\d+)/\1 .*epoch/s", result.stderr)


def test_the_pictures_are_real(seattle):
    _, output = seattle
    assert sorted(os.listdir(output)) == PICTURES
    for name in PICTURES:
        data = (output / name).read_bytes()
        assert len(data) > 5000
        assert data.startswith(b"\x89PNG\r\n" if name.endswith("png") else b"<?xml")
    shown = " ".join(ET.parse(output / "graph.svg").getroot().itertext())
    for text in ("weight", "bias", "today = array (1022, 4)", "tomorrow", "@", "loss = 3", "grad 1"):
        assert text in shown


def test_anyones_table_with_gaps_is_filled_forward_and_reported(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"price, €": rng.normal(50, 9, 200), "visitors": rng.uniform(0, 1e4, 200), "note": "text"})
    table["sales"] = (3 * table["price, €"] + 0.01 * table["visitors"]).shift(1) + rng.normal(size=200)
    table.loc[[17, 18, 90], "visitors"] = np.nan
    table.to_csv(tmp_path / "shop.csv", index=False)
    args = "--csv", tmp_path / "shop.csv", "--target", "sales", "--features", "visitors,sales"
    run_here(monkeypatch, *args, "--output", tmp_path / "out")
    stdout = capsys.readouterr().out
    assert "200 rows; missing values: 3 in visitors, 1 in sales, forward-filled; left out the first 1" in stdout
    assert_same(stdout, least_squares(table.ffill().iloc[1:], ["visitors", "sales"], "sales"))
    assert sorted(os.listdir(tmp_path / "out")) == PICTURES


@pytest.mark.parametrize(
    "rows",
    [
        [(i * i % 7, 5) for i in range(8)],  # the minimal number of rows, and a constant target
        [(i % 5, 2 * ((i - 1) % 5) + 1) for i in range(40)],  # a line without noise, so the loss becomes 0
    ],
)
def test_the_lessons_run_on_tables_of_minimal_content(rows, tmp_path, monkeypatch, capsys):
    pd.DataFrame(rows, columns=["a", "c"]).to_csv(tmp_path / "table.csv", index=False)
    args = "--csv", tmp_path / "table.csv", "--target", "c", "--features", "a", "--output", tmp_path / "out"
    variables = run_here(monkeypatch, *args)
    assert variables["weights"] == pytest.approx(variables["exact"].coef_, abs=1e-9)
    assert sorted(os.listdir(tmp_path / "out")) == PICTURES
    if len(rows) == 8:  # the lessons that go on with the same table
        variables = run_here(monkeypatch, *args, lesson="penalty.py")
        assert variables["shrunk"] == pytest.approx(variables["ridge"], rel=1e-3)
        run_here(monkeypatch, *args, lesson="learning_rates.py")
    assert "nan" not in capsys.readouterr().out


def test_in_a_notebook_the_arguments_of_the_kernel_are_ignored(tmp_path, monkeypatch):
    tables = shutil.copy(WEATHER.with_name("tables.py"), tmp_path)
    monkeypatch.setattr(sys, "argv", ["/packages/ipykernel_launcher.py", "-f", "kernel.json"])
    table = runpy.run_path(tables)["parse_table"](None, local_data.seattle_weather.filepath, "wind", {"wind": "m/s"})
    assert (table.features, table.target, table.with_unit("wind", power="²")) == (["wind"], "wind", "wind ((m/s)²)")
    assert table.output == tmp_path / "output"


GOOD = "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(40))


@pytest.mark.parametrize(
    ("content", "args", "message"),
    [
        (None, (), "No such file"),
        ("", (), "No columns to parse"),
        ("a,b,c\n", (), "too short"),
        ("a,b,c\n" + GOOD[:30], (), "too short: 5 rows"),
        ("a,b,x\n" + GOOD, (), "no column 'c'; its columns are a, b, x"),
        ("a,b,b\n" + GOOD, ("--target", "a"), "2 columns 'b'"),
        ("a,b,c\n" + GOOD + "1,much,2\n", (), "column 'b' must hold numbers; row 41 has 'much'"),
        ("a,b,c\n" + GOOD + "1,inf,2\n", (), "column 'b' must hold numbers; row 41 has 'inf'"),
        ("a,b,c\n" + GOOD + "1,2,3,4\n", (), "Expected 3 fields in line 42, saw 4"),
        ("a,b,c\n" + GOOD.replace(",", ",,"), (), "cannot read"),
        ("a;b;c\n" + "1,5;2;3\n" * 40, (), "saw 2; commas must separate values, as many in each row"),
        ("a,b,c\n" + "1,,2\n" * 40, (), "too short: 40 rows; missing values: 40 in b"),
        ("a,b,c\n" + "".join(f"{i},5,{i}\n" for i in range(40)), (), "column 'b' is 5 in all training rows: remove it"),
        (b"a,b,c\n\xff\xfe,1,2\n", (), "codec can't decode"),
        ("a,b,c\n" + GOOD, ("--features", "a,,b"), "different names"),
        ("a,b,c\n" + GOOD, ("--features", "a,a"), "different names"),
        ("a,b,c\n" + GOOD, ("--feature-list", "a"), "unrecognized arguments"),
        ("a,b,c\n" + GOOD, ("--target",), "expected one argument"),
        ('a,"b\n\n2",c\n' + GOOD, (), "no column 'b'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2_and_writes_nothing(content, args, message, tmp_path, monkeypatch, capsys):
    table, output = tmp_path / "table.csv", tmp_path / "new" / "out"
    if content is not None:
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = os.listdir(tmp_path)
    default = "--csv", table, "--target", "c", "--features", "a,b", "--output", output
    with pytest.raises(SystemExit) as caught:
        run_here(monkeypatch, *default, *args)
    assert caught.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert message in stderr
    assert len(stderr.splitlines()) == 1
    assert stdout == ""
    assert os.listdir(tmp_path) == before


def test_bad_input_in_a_process_of_its_own(tmp_path):
    result = run("--csv", tmp_path / "none.csv", "--output", tmp_path / "out")
    assert (result.returncode, result.stdout) == (2, "")
    expected = f"weather.py: cannot read '{tmp_path}/none.csv': No such file or directory\n"
    assert result.stderr == expected
    assert os.listdir(tmp_path) == []
