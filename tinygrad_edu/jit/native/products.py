"""Matrix products in C: small ones as loops over tiles that stay in registers, large ones by the BLAS that NumPy uses.

A tile is a few rows of the result times a few vectors of WIDTH bytes. B is copied into a panel first if its columns do
not follow each other in memory; a product with one column is computed as its transpose.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...engine.rules.registry import Array
from ...trace.ir import Call, Var
from .access import Access
from .blas import PLAIN, ROWS, TRANSPOSED
from .far import indented
from .fusion import Group
from .operations import TYPES

WIDTH = 32  # bytes of a vector
DEPTH = 32  # products that are added up before the sum goes to memory
SMALL = 40_000  # multiplications of a product that is not handed to BLAS
NARROW = 6  # rows or columns of a matrix that is not handed to BLAS either
VECTOR = 7  # those of a matrix that is multiplied by a vector
KINDS = (np.dtype(np.float64), np.dtype(np.float32))
PRELUDE = """
typedef double tg_v8 __attribute__((vector_size(32), aligned(8), may_alias));
typedef float tg_v4 __attribute__((vector_size(32), aligned(4), may_alias));
#if defined(__FMA__) && defined(__AVX2__)
#include <immintrin.h>
/* One rounding for a * b + c, as BLAS has it: no product is rounded twice, and the sum is the more accurate one. */
#define TG_FMA8(a, b, c) ((tg_v8)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define TG_FMA4(a, b, c) ((tg_v4)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#else
#define TG_FMA8(a, b, c) ((a) * (b) + (c))
#define TG_FMA4(a, b, c) ((a) * (b) + (c))
#endif
"""


class Matrix(NamedTuple):
    """A matrix, or a stack of them, in memory: lengths and strides of the axes of the stack, of rows and of columns."""

    access: Access
    stack: tuple[int, ...]  # strides
    rows: int
    columns: int
    row_stride: int
    column_stride: int

    @property
    def transposed(self) -> "Matrix":
        """The transpose."""
        return Matrix(self.access, self.stack, self.columns, self.rows, self.column_stride, self.row_stride)


@dataclass(eq=False, kw_only=True)
class Product(Group):
    """out = a @ b."""

    a: Matrix
    b: Matrix
    out: Matrix
    stack: tuple[int, ...]
    is_open: bool = False

    def reads(self) -> set[Var]:
        """Return the bases of the operands."""
        return {self.a.access.base, self.b.access.base}

    def writes(self) -> list[Var]:
        """Return the base of the result."""
        return [self.out.access.base]


def is_product(call: Call) -> bool:
    """Whether a call is a product of matrices or vectors that has a C form; that of two vectors is a sum."""
    if call.fun not in (np.matmul, np.dot) or call.kwargs or len(call.args) != 2:
        return False
    a, b = call.args
    if not all(type(v) is Var and v.dtype in KINDS and v.shape for v in (a, b)) or a.dtype != b.dtype:
        return False
    if call.out.shape == () or call.out.dtype != a.dtype or 0 in (*a.shape, *b.shape):
        return False
    return call.fun is np.matmul or (len(a.shape) <= 2 and len(b.shape) <= 2)


def as_matrices(a: Array, b: Array, out: Array) -> tuple[Array, Array, Array]:
    """Return operands and result of a product as views with an axis of rows and one of columns, also of vectors."""
    if b.ndim == 1:
        b, out = b[:, np.newaxis], out[..., np.newaxis]
    if a.ndim == 1:
        a, out = a[np.newaxis], out[..., np.newaxis, :]
    return a, b, out


def stacked(*arrays: Array) -> list[Array]:
    """Return `as_matrices` broadcast to the stack of the result."""
    stack = arrays[-1].shape[:-2]
    return [np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in arrays]


def matrix(access: Access, array: Array) -> Matrix:
    """Return the place in memory of one of `as_matrices` that is `stacked`."""
    *_, rows, columns = array.shape
    *stack, row, column = [
        s // array.itemsize if n != 1 else 0 for s, n in zip(array.strides, array.shape, strict=True)
    ]
    return Matrix(access, tuple(stack), rows, columns, row, column)


def uses_blas(p: Product) -> bool:
    """Whether a product is large enough for BLAS, and laid out as it needs."""
    lengths = p.a.rows, p.a.columns, p.b.columns
    if math.prod(lengths) <= SMALL:
        return False
    if by_vector := vector(p):
        matrix, *_ = by_vector
        return min(matrix.rows, matrix.columns) >= VECTOR and leading(matrix) is not None
    if min(lengths) < NARROW or p.out.column_stride not in (0, 1):
        return False
    return all(leading(m) is not None for m in (p.a, p.b)) and p.out.row_stride >= p.out.columns


def vector(p: Product) -> tuple[Matrix, str, str, int, int] | None:
    """Return a product with a vector as the matrix, the names of both, and the strides of the vector and the result.

    None if it is one of two matrices, or the elements of a vector lie in the opposite order.
    """
    found = None
    if p.b.columns == 1:
        found = p.a, "A", "B", p.b.row_stride, p.out.row_stride
    elif p.a.rows == 1:
        found = p.b.transposed, "B", "A", p.a.column_stride, p.out.column_stride
    return found if found and min(found[3:]) > 0 else None


def leading(m: Matrix) -> tuple[int, int] | None:
    """Return whether BLAS reads a matrix as PLAIN or TRANSPOSED, and its leading dimension; None if it cannot."""
    if (m.column_stride == 1 or m.columns == 1) and (m.row_stride >= m.columns or m.rows == 1):
        return PLAIN, max(m.row_stride, m.columns)
    if (m.row_stride == 1 or m.rows == 1) and (m.column_stride >= m.rows or m.columns == 1):
        return TRANSPOSED, max(m.column_stride, m.rows)
    return None


def product_text(p: Product) -> str:
    """Return the C function of a product of the pointers a, b and out to their first elements; FUNCTION is its name."""
    dtype, blas, names = p.out.access.base.dtype, uses_blas(p), ["a", "b", "out"]
    if not blas and is_better_transposed(p):
        p = Product(a=p.b.transposed, b=p.a.transposed, out=p.out.transposed, stack=p.stack)
        names = ["b", "a", "out"]
    real = TYPES[dtype.name]
    head = (
        f"static TG_NOINLINE void FUNCTION(const {real} *restrict a, const {real} *restrict b, {real} *restrict out) {{"
    )
    loops = []
    for k, n in enumerate(p.stack):
        if n > 1:
            loops.append(f"for (int64_t n{k} = 0; n{k} < {n}; n{k}++) {{")
            names = [f"{x} + n{k} * {m.stack[k]}" for x, m in zip(names, (p.a, p.b, p.out), strict=True)]
    a, b, out = names
    inner = [f"const {real} *restrict A = {a}; const {real} *restrict B = {b}; {real} *restrict C = {out};"]
    inner += _blas(p, dtype) if blas else _loops(p, dtype)
    body = [*loops, *inner, *["}"] * len(loops)]
    return "\n".join([head, *indented(body), "}", ""])


def is_better_transposed(p: Product) -> bool:
    """Whether loops compute a product as its transpose, which has the longer rows."""
    a, b = p.a, p.b
    is_better = b.columns < a.rows and (a.row_stride == 1 or b.columns == 1)
    return is_better and not (a.column_stride == 1 and b.columns >= 4)


def _blas(p: Product, dtype: np.dtype[Any]) -> list[str]:
    """Write a product as a call of BLAS."""
    letter, one = ("d", "1.0") if dtype == np.float64 else ("s", "1.0f")
    if by_vector := vector(p):
        m, a, x, step, stride = by_vector
        order, length = leading(m) or (PLAIN, 0)
        lengths = f"{m.columns}, {m.rows}" if order == TRANSPOSED else f"{m.rows}, {m.columns}"
        return [f"tg_{letter}gemv({ROWS}, {order}, {lengths}, {one}, {a}, {length}, {x}, {step}, 0, C, {stride});"]
    (ta, la), (tb, lb) = [leading(m) or (PLAIN, 0) for m in (p.a, p.b)]
    lengths = f"{p.out.rows}, {p.out.columns}, {p.a.columns}"
    lc = max(p.out.row_stride, p.out.columns)
    return [f"tg_{letter}gemm({ROWS}, {ta}, {tb}, {lengths}, {one}, A, {la}, B, {lb}, 0, C, {lc});"]


def _loops(p: Product, dtype: np.dtype[Any]) -> list[str]:
    """Write a product as loops."""
    if p.b.columns == 1 or (p.a.rows == 1 and p.b.column_stride != 1 and p.b.row_stride == 1):
        return _dots(p.a, p.b, p.out, dtype)
    return _tiles(p.a, p.b, p.out, dtype)


def _dots(a: Matrix, b: Matrix, out: Matrix, dtype: np.dtype[Any]) -> list[str]:
    """Write each element as a sum of products along k, eight at a time."""
    k = a.columns

    def product(q: str) -> str:
        x = f"A[i * {a.row_stride} + {q} * {a.column_stride}]"
        return f"{x} * B[{q} * {b.row_stride} + j * {b.column_stride}]"

    return [
        f"for (int64_t i = 0; i < {a.rows}; i++) for (int64_t j = 0; j < {b.columns}; j++) {{",
        f"    {TYPES[dtype.name]} s[8] = {{0}}; int64_t q = 0;",
        f"    for (; q + 8 <= {k}; q += 8) for (int l = 0; l < 8; l++) s[l] += {product('(q + l)')};",
        f"    for (int l = 0; q < {k}; q++, l++) s[l] += {product('q')};",
        f"    C[i * {out.row_stride} + j * {out.column_stride}] =",
        "        ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));",
        "}",
    ]


def _tiles(a: Matrix, b: Matrix, out: Matrix, dtype: np.dtype[Any]) -> list[str]:
    """Write tiles of rows and vectors of columns; B goes into a panel where its rows are not vectors."""
    real, lanes = TYPES[dtype.name], WIDTH // dtype.itemsize
    m, k, n = a.rows, a.columns, b.columns
    wide = 2 if n > lanes else 1
    height = 4 if m >= 4 else m
    lines = []
    packed = b.column_stride != 1 or n % (lanes * wide)
    deep = k > DEPTH
    for first, count, vectors in _columns(n, lanes, wide):
        width = lanes * vectors
        inner = []
        row = f"B[{'(p + q)' if deep else 'q'} * {b.row_stride} + j]"
        if packed and (b.column_stride != 1 or count % width):
            valid = min(width, count)
            element = row.replace("+ j]", f"+ (j + l) * {b.column_stride}]")
            inner += [
                f"{real} panel[{min(k, DEPTH) * width}] __attribute__((aligned(32)));",
                f"for (int64_t q = 0; q < {'K' if deep else k}; q++) for (int l = 0; l < {width}; l++)",
                f"    panel[q * {width} + l] = {f'l < {valid} ? {element} : 0' if valid < width else element};",
            ]
            row = f"panel[q * {width}]"
        for top, rows in _rows(m, height):
            inner += _tile(a, out, row, top, rows, vectors, min(width, count), k, dtype)
        lines += [f"for (int64_t j = {first}; j < {first + count}; j += {width}) {{", *indented(inner), "}"]
    if deep:
        chunk = f"const int64_t K = {k} - p < {DEPTH} ? {k} - p : {DEPTH};"
        lines = [f"for (int64_t p = 0; p < {k}; p += {DEPTH}) {{", *indented([chunk, *lines]), "}"]
    return lines


def _columns(n: int, lanes: int, wide: int) -> list[tuple[int, int, int]]:
    """Return (first, count, vectors) of parts of n columns; the last may be narrower than its vectors."""
    width = lanes * wide
    full = n // width * width
    parts = [(0, full, wide)] if full else []
    rest = n - full
    if rest:
        parts.append((full, rest, -(-rest // lanes)))
    return parts


def _rows(m: int, height: int) -> list[tuple[str, int]]:
    """Return (loop, rows) for tiles that cover m rows."""
    full = m // height * height
    parts = [(f"for (int64_t i = 0; i < {full}; i += {height}) {{", height)]
    if m - full:
        parts.append((f"{{ const int64_t i = {full};", m - full))
    return parts


def _tile(
    a: Matrix, out: Matrix, row: str, loop: str, rows: int, vectors: int, valid: int, k: int,
    dtype: np.dtype[Any],
) -> list[str]:  # fmt: skip
    """Write one tile: `row` is the first element of a row of B, `loop` the line that tells the tile's first row."""
    lanes = WIDTH // dtype.itemsize
    v = f"tg_v{dtype.itemsize}"
    fma = f"TG_FMA{dtype.itemsize}"
    names = [[f"c{r}_{c}" for c in range(vectors)] for r in range(rows)]
    lines = [loop, f"    {v} {', '.join(f'{x} = {{0}}' for line in names for x in line)};",
             f"    for (int64_t q = 0; q < {'K' if k > DEPTH else k}; q++) {{",
             f"        const {v} *restrict w = (const {v} *)&{row};"]  # fmt: skip
    lines += [f"        const {v} w{c} = w[{c}];" for c in range(vectors)]
    for r in range(rows):
        element = f"A[(i + {r}) * {a.row_stride} + {'(p + q)' if k > DEPTH else 'q'} * {a.column_stride}]"
        lines.append(f"        {{ const {v} e = {element} - ({v}){{0}};")
        lines += [f"          {x} = {fma}(e, w{c}, {x});" for c, x in enumerate(names[r])]
        lines.append("        }")
    lines.append("    }")
    whole = out.column_stride == 1 and valid == vectors * lanes
    for r in range(rows):
        for c in range(vectors):
            x = names[r][c]
            at = f"C[(i + {r}) * {out.row_stride} + (j + {c * lanes}) * {out.column_stride}]"
            if whole:
                lines.append(f"    {f'if (p) {x} += *({v} *)&{at};' if k > DEPTH else ''} *({v} *)&{at} = {x};")
                continue
            at = f"C[(i + {r}) * {out.row_stride} + (j + {c * lanes} + l) * {out.column_stride}]"
            earlier = f"p ? {at} + {x}[l] : " if k > DEPTH else ""
            lines.append(f"    for (int l = 0; l < {min(lanes, valid - c * lanes)}; l++) {at} = {earlier}{x}[l];")
    return [*lines, "}"]
