"""Checks of ../gpt.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

text = np.array([5, 6, 7, 8, 9, 10, 11])
same = ([6, 7, 8], "This is the piece itself: the model would copy what it reads.")
shorter = ([7, 8], "Each character has a next one: the end moves by 1, too.")
check("1. what follows", lambda: example(text, 1, 3)[1], [7, 8, 9], same, shorter, ([9], "One for each character."))
more = (5, "The last piece would have no next character.")
fewer = (3, "It is one more: 0, 1, 2 and 3.")
check("2. pieces of 3 in 7 characters", lambda: number_of_starts(text, 3), 4, more, fewer)
future = (np.triu(np.ones((3, 3))), "This shows the later places. The model could read the answer.")
strict = (np.tri(3, 3, -1), "A place also sees itself.")
check("3. what a place sees", lambda: seen(3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]], future, strict)
logits = np.array([2.0, 1.0, 0.0])
flat = (tg.softmax(logits / 2), "This is flatter. Below 1 it should be sharper: divide by the temperature.")
ignored = (tg.softmax(logits), "The temperature does nothing: softmax does not change when a number is added.")
check("4. temperature 0.5", lambda: sharpened(logits, 0.5), tg.softmax(2 * logits), flat, ignored)
zero = ([0, 0.2, 0.4, 0.6, 0.6], "Step 0 would do nothing: count from 1.")
over = ([0.2, 0.4, 0.6, 0.8, 1.0], "After the warm-up the rate stays: take the smaller one, min(...).")
check("5. warm-up", lambda: [warm_up(i, 0.6, 3) for i in range(5)], [0.2, 0.4, 0.6, 0.6, 0.6], over, zero)
explore("Let examples/gpt.py write with the temperatures 0.5 and 2. Give it a text of your own.")
