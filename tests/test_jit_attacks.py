"""Programs as users write them: jitted they give the numbers and the changes of the eager function, or JitError.

The programs are in `jit_attacks/`. Each runs in its own process, once eagerly and once jitted.
"""

import subprocess
from pathlib import Path

import jit_attacks
import pytest
from jit_attacks.harness import ATTACKS, MUST_WORK, outcome
from jit_attacks.scripts import SCRIPTS, alone

# Frozen by the contract: name of the program -> the sentence of the README that says so.
FROZEN: dict[str, str] = {}

# Expected to differ: a replay returns the same value in another form, or the program changes code.
DISPUTABLE = {
    "code_replaced", "default_argument_replaced", "printed_to_stdout", "result_that_is_a_view_of_its_argument",
    "result_that_is_a_view_of_a_parameter", "results_that_are_one_array", "results_take_gradients",
    "jit_of_a_method_of_a_builtin", "metaclass_attribute", "memory_mapped_type_of_result", "repr_as_key",
    "fstring_plain",
}  # fmt: skip

# Wrong today: each fails as soon as it is mended, and is then taken out.
OPEN = {
    "dict_argument_popped", "defaultdict_argument", "ordered_dict_argument", "dict_subclass_argument_with_attributes",
    "tensor_argument_returned_in_a_tuple", "tensor_argument_returned_where_it_is_unused",
    "overlapping_arrays_in_place", "argument_that_is_the_data_of_a_parameter",
    "argument_that_is_the_data_of_a_trained_parameter", "memory_order_of_an_argument_flatten_k", "np_matrix",
    "masked_array", "read_by_dict", "read_by_attrgetter", "read_by_hasattr", "read_by_star_star", "read_by_astuple",
    "read_by_len", "read_by_bool", "read_by_eq", "read_by_neg", "read_by_str", "read_by_rmul", "read_by_descriptor",
    "read_keys_of_a_dict", "read_dict_keys_swapped", "read_element_150_of_a_dict", "read_attribute_of_a_function",
    "grad_of_jit", "value_and_grad_of_jit", "jacobian_of_jit", "vjp_of_jit", "jvp_of_jit", "hvp_of_jit",
    "loss_partly_through_a_jitted_function", "wrapped_by_a_decorator_with_state",
    "warning_of_a_forgotten_zero_grad_within", "plain_attribute_set_that_was_not_there",
    "global_set_that_was_not_there", "function_attribute_counter", "attribute_set_by_setattr",
    "cached_property_on_a_plain_object", "long_list_of_losses", "element_of_a_long_list_written",
    "array_module_changed", "pandas_frame_changed", "first_rates_replaced", "first_rate_written",
    "own_milestones_changed", "own_milestones_replaced", "state_of_a_schedule_restored", "type_is_ndarray",
    "module_tensor_replaced", "module_attribute_name_that_is_no_identifier",
    "module_attribute_name_that_is_a_keyword", "sequential_layer_replaced",
    "module_jitted_itself_and_tensor_replaced", "adam_betas_changed", "adam_betas_of_a_group_changed",
    "own_optimizer_list_replaced", "own_optimizer_function", "own_optimizer_object",
    "type_of_a_result_that_is_a_subclass", "no_grad_around_the_recording", "flat_vector_updated_and_views_read",
    "attribute_read_by_an_installed_class", "random_numbers_of_an_installed_class",
    "minibatches_from_a_closed_over_data_set", "rng_on_a_class", "rng_by_getitem", "rng_by_getattr", "rng_by_vars",
    "bit_generator_closed_over", "dropout_model_and_a_batch_with_zeros", "iterator_by_getattr", "generator_send",
    "object_that_is_its_own_iterator", "attribute_set_on_an_iterator", "result_in_a_namespace",
    "result_is_a_generator", "generator_function", "result_is_an_iterator", "result_is_a_list_subclass",
    "rate_read_by_vars", "a_model_that_is_gone_is_not_kept",
}  # fmt: skip


def programs(names):
    wrong = pytest.mark.xfail(reason="wrong today", strict=True)
    return [pytest.param(name, marks=wrong if name in OPEN else ()) for name in names]


def test_every_file_of_programs_is_listed():
    files = {path.stem for path in Path(jit_attacks.__file__).parent.glob("*.py")}
    assert files == {*jit_attacks.__all__, "__init__", "harness", "scripts"}


def test_lists_name_programs():
    assert {*FROZEN, *DISPUTABLE, *OPEN} <= {*ATTACKS, *SCRIPTS}
    assert len(FROZEN) <= 45


@pytest.mark.parametrize("name", programs(ATTACKS))
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_attack(name):
    kind, words = outcome(name, seconds=60)
    if name in DISPUTABLE and kind in ("silent", "crash"):
        pytest.xfail(words)
    if name in FROZEN:
        assert kind == "silent", f"not frozen: take it out of FROZEN; {kind} {words}"
        pytest.xfail(FROZEN[name])
    assert kind != "silent", f"silently wrong: {words}"
    assert kind not in ("crash", "hang", "eager fails"), f"neither the same nor JitError: {words}"
    assert kind == "same" or name not in MUST_WORK, f"refused: {words}"


@pytest.mark.parametrize("name", programs(SCRIPTS))
def test_script(name):
    try:
        assert alone(SCRIPTS[name], 120) == "ok"
    except subprocess.TimeoutExpired:
        pytest.fail("hangs")
