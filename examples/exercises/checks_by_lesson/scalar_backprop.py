"""Checks of ../scalar_backprop.py."""

from checks import check, explore, passes


def gradients(f, *numbers):
    """Return the slope of f by each number."""
    values = [Value(number) for number in numbers]
    f(*values).backward()
    return [value.grad for value in values]


twice = "b is used twice. Both paths count: add to parent.grad, do not overwrite it."
check("1. slopes of a + b", lambda: (Value(2) + Value(3)).slopes, (1, 1), ((2, 1), "The slope of a + b by a is not a."))
check("2. slopes of a * b", lambda: (Value(2) * Value(3)).slopes, (3, 2), ((2, 2), "The slope of a * b by a is b."))
check(
    "3. slope of relu at 0.5", lambda: Value(0.5).relu().slopes, (1,), ((0.5,), "This is relu itself, not its slope.")
)
check("3. slope of relu at -0.5", lambda: Value(-0.5).relu().slopes, (0,), ((1,), "Left of 0 relu is flat."))
power = ((8,), "This is a ** 3."), ((4,), "Times 3."), ((23,), "The exponent is n - 1: write (n - 1).")
check("4. slope of a ** 3 at 2", lambda: (Value(2) ** 3).slopes, (12,), *power)
chain = "Multiply the slope by value.grad."
start = (
    [0, 0],
    "All gradients are 0: the first one, of the result by itself, must not be 0, and parent.grad is added.",
)
check("5. and 6. one path", lambda: gradients(lambda a, b: a * b * 2, 3, 4), [8, 6], start, ([4, 3], chain))
check("6. two paths", lambda: gradients(lambda a, b: a * b + b, 3, 4), [4, 4], ([4, 3], twice), ([4, 1], twice))
micrograd, neuron = "test_the_expression_of_micrograds_readme", "test_a_neuron_learns_by_the_lectures_loop"
for test in (micrograd, neuron, "test_gradients_add_up_until_zero_grad"):
    check(f"7. {test} of this library", lambda: passes("test_value.py", test, Value=Value), True)
explore("Give your Value exp() and log(). How can you check their slopes without a formula? See the lesson.")
