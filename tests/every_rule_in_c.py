"""backend="c" over each rule of the table alone, many random programs and all attacks; `.ci/run` runs this file.

The suite has the short forms of these: test_native_rules compiles a page of rules at once.
"""

import numpy as np
import pytest
import test_jit_attacks
from cases import CASES
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from jit_attacks.harness import ATTACKS
from jit_fuzz.programs import write
from jit_fuzz.running import difference, settings_of
from strategies import seeds
from test_jit_rules import EVERY, FINITE, agree, first_order, moved, zeros_ties_infinities_and_nan
from test_native_rules import little_optimization

__all__ = ["little_optimization", "outcome"]
outcome = test_jit_attacks.outcome
FIRST = 10_000  # the seed of the first program; test_jit_fuzz has those before


@EVERY
@given(data=st.data())
@settings(max_examples=1, phases=[Phase.explicit, Phase.generate])
def test_each_rule_and_its_gradients_in_c_agree_with_eager(fun, data):
    assume(data.draw(seeds))  # not the simplest case of all, which Hypothesis draws first
    f, args = data.draw(CASES[fun])
    nasty = None if fun in FINITE else zeros_ties_infinities_and_nan(data.draw, args)
    with np.errstate(all="ignore"):
        agree(first_order(f, args), args, moved(args), True, nasty=nasty, backend="c")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 60))
def test_program_in_c(seed):
    given_ = {**settings_of(seed), "backend": "c"}
    found, _ = difference(write(seed), given_)
    assert found is None, f"{given_}: {found}\n\n{write(seed)}"


@pytest.mark.parametrize("outcome", ["c"], indirect=True)
@pytest.mark.parametrize("name", list(ATTACKS))
def test_attack_in_c(name, outcome):
    test_jit_attacks.judge(name, outcome)
