"""Checks of ../digits_conv.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

rng = np.random.default_rng(0)
image, weights = rng.normal(size=(6, 6)), rng.normal(size=(3, 3))
part = image[:3, :3]
flipped = (np.sum(part * weights[::-1, ::-1]), "In neural networks the filter is not turned.")
mean, products = (np.mean(part * weights), "The sum, not the mean."), (part * weights, "Add all products: one number.")
matrix = (part @ weights, "This is a matrix product. Multiply pixel by weight: *.")
check("1. at one place", lambda: at_place(part, weights), np.sum(part * weights), flipped, mean, products, matrix)
less = ([3, 5, 7], "The first window counts, too: add 1.")
once = ([4, 5, 8], "The padding is on both sides: 2 * padding.")
check("2. sizes", lambda: [size_after(6, 3, 0), size_after(6, 3, 1), size_after(8, 1, 0)], [4, 6, 8], less, once)
row = (image[1:4, 1:4], "The columns begin at j, not at i.")
check(
    "3. the window at (1, 2)",
    lambda: window(image, 1, 2, 3),
    image[1:4, 2:5],
    row,
    (image[1:4, 2:3], "The end is j + k."),
)
ours = tg.nn.Conv2d(1, 1, 3, bias=False, rng=0)
ours.weight.data[:] = weights
check("3. equal to tg.nn.Conv2d", lambda: convolve(image, weights), ours(image[None, None]).data[0, 0])
x = np.arange(16.0).reshape(4, 4)
rows = (x.reshape(2, 2, 2, 2).max(axis=(0, 1)), "The axes inside a block are 1 and 3.")
check(
    "4. pooling", lambda: pool(x), [[5, 7], [13, 15]], ([[2.5, 4.5], [10.5, 12.5]], "The largest, not the mean."), rows
)
no_bias, one = (32 * 16 * 9, "Each filter has a bias."), (32 * 10, "A filter sees all channels.")
many = (32 * 16 * 10, "A filter has one bias, not one for each channel.")
check("5. parameters", lambda: parameters(16, 32, 3), 32 * (16 * 9 + 1), no_bias, one, many)
explore("Write a filter by hand that finds vertical edges: what are its weights? Try it on a digit.")
