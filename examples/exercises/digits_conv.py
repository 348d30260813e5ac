"""Exercise of the lesson digits_conv.py: convolution and pooling by hand.

    python examples/exercises/digits_conv.py

Fill each blank (...) and run the file again. A filter moves over the image. At each place it meets a window.
"""

import numpy as np
from checks import run_checks


def at_place(window, weights):  # 1. multiply each pixel by its weight, and add all products
    return ...


def size_after(n, k, padding):  # 2. n pixels with `padding` pixels more on each side: how many windows of k pixels?
    return ...


def window(image, i, j, k):  # 3. k x k pixels; row i and column j are the first
    rows, columns = slice(i, i + k), ...
    return image[rows, columns]


def pool(x):  # 4. keep the largest of each 2 x 2 pixels
    blocks = x.reshape(len(x) // 2, 2, len(x) // 2, 2)  # [block row, row in it, block column, column in it]
    return ...


def parameters(channels, filters, k):  # 5. each filter has k x k weights for each channel, and a bias
    return ...


def convolve(image, weights, k=3):
    places = range(size_after(len(image), k, 0))
    return np.array([[at_place(window(image, i, j, k), weights) for j in places] for i in places])


run_checks(globals())
