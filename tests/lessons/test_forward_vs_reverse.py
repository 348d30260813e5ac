import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("forward_vs_reverse")


@pytest.fixture
def n(shown):
    return shown["SIZES"]


def counted(shown, kind):
    return {name: operations for name, (operations, _) in shown["costs"][kind].items()}


def derivatives(shown, problem, n):
    """Run all passes of each method; return {method: derivatives}."""
    methods = shown[problem](n)
    del methods["one evaluation"]
    return {
        name: np.ravel([run(prepare(constants), i) for i in range(passes)])
        for name, (constants, prepare, run, passes) in methods.items()
    }


def test_a_gradient_by_reverse_mode_takes_the_same_few_evaluations_for_any_number_of_inputs(shown, n):
    reverse = counted(shown, "inputs")["reverse mode"]
    np.testing.assert_array_equal(reverse, 256 * n + 449)
    one_evaluation = 128 * n + 193  # for each of 64 examples, two operations for each weight
    np.testing.assert_allclose(reverse / one_evaluation, 2, rtol=0.1)


def test_a_gradient_by_forward_mode_or_differences_takes_n_passes(shown, n):
    operations = counted(shown, "inputs")
    np.testing.assert_array_equal(operations["forward mode"], n * (256 * n + 642))
    np.testing.assert_array_equal(operations["finite differences"], (n + 1) * (128 * n + 193) + 2 * n)


def test_for_many_outputs_of_one_input_forward_mode_takes_one_pass_and_reverse_mode_n(shown, n):
    operations = counted(shown, "outputs")
    np.testing.assert_array_equal(operations["forward mode"][1:], 5 * n[1:])
    np.testing.assert_array_equal(operations["reverse mode"][1:], 2 * n[1:] + n[1:] * 4 * n[1:])
    np.testing.assert_array_equal(operations["finite differences"], 6 * n)


def test_the_operations_of_one_pass_times_the_passes_are_those_of_all_passes(shown):
    counter = shown["Counted"]
    for name, (constants, prepare, run, passes) in shown["loss_by_weights"](30).items():
        counter.operations = 0
        f = prepare(constants.view(counter))
        for i in range(passes):
            run(f, i)
        assert counter.operations == shown["price"](constants, prepare, run, passes)[0], name


@pytest.mark.parametrize("problem", ["loss_by_weights", "overtones_by_time"])
def test_all_methods_give_the_same_derivatives_and_differences_have_half_the_digits(shown, problem):
    found = derivatives(shown, problem, 30)
    np.testing.assert_allclose(found["forward mode"], found["reverse mode"], rtol=1e-12)
    error = abs(found["finite differences"] - found["reverse mode"]).max()
    assert 1e-12 < error < 1e-3


def test_seconds_are_measured_for_every_method_and_size(shown, n):
    for results in shown["costs"].values():
        for _, seconds in results.values():
            assert seconds.shape == n.shape
            assert (seconds > 0).all()


def test_pictures(shown):
    names = {path.name for path in shown["OUTPUT"].iterdir()}
    assert names == {f"forward_vs_reverse_{kind}.png" for kind in ("inputs", "outputs")}
