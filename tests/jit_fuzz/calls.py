"""Statements of NumPy for random programs.

In a template, `{a}` and `{b}` stand for variables, `{s}` for a number, `{axis}` for an axis and `{n}` for a small int.
A template in EXACT is used only on values that do not depend on the order of a sum, because its result is discontinuous.
"""

NUMBERS = [
    "2", "0.5", "-1", "3", "0", "1", "1.5", "-0.25", "2.0", "-0.0", "0.0", "1.0", "np.float32(2)", "np.int64(3)",
    "np.float64(0.5)", "True", "np.array(2.0)", "1e-3", "np.pi",
]  # fmt: skip
UNARY = [
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp({a})", "np.square({a})", "np.sqrt(np.abs({a}))", "-{a}",
    "np.abs({a})", "np.negative({a})", "np.log1p(np.abs({a}))", "np.expm1({a})", "np.arctan({a})", "+{a}",
    "{a}.copy()", "np.reciprocal({a})", "np.nan_to_num({a})", "np.positive({a})", "np.cbrt({a})", "abs({a})",
    "tg.sigmoid({a})", "tg.relu({a})", "tg.softplus({a})", "tg.softmax({a})", "tg.gelu({a})", "tg.log_softmax({a})",
    "{a} ** 2", "{a} ** 3", "{a} ** 0.5", "{a} ** -1", "2 ** {a}", "{a} ** 1", "{a} ** 0", "1 / {a}", "0 + {a}",
    "{a} - 0.0", "{a} * 1", "{a} * -1", "np.copy({a})", "np.array({a})", "np.asarray({a})", "np.real({a})",
    "np.power({a}, 2)", "np.float64({a}.sum())", "{a}.astype(np.float32)", "{a}.astype(np.float64)", "-(-{a})",
    "np.abs({a}) ** 0.5", "({a} * 2.0) * 3.0", "np.conj({a})", "np.deg2rad({a})", "np.sinc({a})", "np.hypot({a}, 1.0)",
    "{a}.clip(-1, 1)", "tg.leaky_relu({a})", "np.nan_to_num({a}, copy=False)", "np.ascontiguousarray({a})",
]  # fmt: skip
EXACT = [
    "np.floor({a})", "np.sign({a})", "np.rint({a})", "np.isfinite({a})", "{a} > {s}", "{a} <= {b}", "{a} == {b}",
    "np.logical_not({a})", "{a} // 2", "{a} % 3", "np.argmax({a})", "np.argsort({a})", "np.argmin({a}, axis={axis})",
    "np.heaviside({a}, 0.5)", "np.copysign(1.0, {a})", "np.signbit({a})", "{a}.astype(int)", "np.any({a} > 0)",
    "np.all({a} > 0, axis={axis})", "np.count_nonzero({a})", "np.trunc({a})", "np.fmod({a}, 2)", "{a} != 0",
    "np.logical_and({a} > 0, {b} > 0)", "np.searchsorted(np.sort({a}.ravel()), {b})", "np.round({a}, 1)",
    "np.bincount(np.abs({a}.ravel()).astype(int) % 5, minlength=5)", "np.where({a}, {b}, 0)", "{a}.nonzero()[0].size",
    "np.digitize({a}, [0.0, 1.0])", "np.isnan({a})", "np.equal({a}, {b})", "~({a} > 0)", "({a} > 0) & ({b} > 0)",
    "np.clip({a}, 0, 1).astype(bool)", "np.divmod({a}, 2)[1]", "np.array_equal({a}, {b})", "{a}.argmax()",
]  # fmt: skip
BINARY = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / {b}", "{a} * {s}", "{s} * {a}", "{a} + {s}", "{s} - {a}", "{a} / {s}",
    "np.maximum({a}, {b})", "np.minimum({a}, {s})", "np.arctan2({a}, {b})", "np.hypot({a}, {b})", "{a} * {a}",
    "np.logaddexp({a}, {b})", "np.where({a} > {s}, {a}, {b})", "np.where({b} > 0, {a}, 0.0)", "{a} - {a}", "{a} + {a}",
    "np.clip({a}, -0.5, {s})", "np.add({a}, {b})", "np.multiply({a}, {b})", "np.subtract({a}, {b})", "{a} * {b} + {a}",
    "np.true_divide({a}, 2)", "np.where(np.abs({a}) > 1, {s}, {a})", "({a} + {b}) * ({a} - {b})", "{a} ** {b}",
    "np.fmax({a}, {b})", "np.float_power(np.abs({a}), {b})", "({a} * {s}) * {s}", "{a} * {b}.sum()", "{a} / {a}.sum()",
    "np.add({a}, {s}, dtype=np.float64)", "np.sin({a}) * np.cos({a})", "np.add({a}, 1, where=np.abs({a}) > 1, out=np.zeros({a}.shape))",
]  # fmt: skip
REDUCTIONS = [
    "np.sum({a})", "np.sum({a}, axis={axis})", "{a}.sum(axis={axis}, keepdims=True)", "np.mean({a})", "{a}.mean()",
    "np.mean({a}, axis={axis})", "np.max({a})", "np.max({a}, axis={axis})", "{a}.min(axis={axis}, keepdims=True)",
    "np.prod({a})", "np.prod({a}, axis={axis})", "np.var({a}, axis={axis})", "np.std({a})", "np.cumsum({a})",
    "np.cumsum({a}, axis={axis})", "np.cumprod({a}, axis={axis})", "np.linalg.norm({a})", "np.median({a})", "np.ptp({a})",
    "np.median({a}, axis={axis})", "tg.logsumexp({a})", "np.average({a}, axis={axis})", "np.trace({a})", "np.nansum({a})",
    "np.sum({a} * {b})", "np.sum({a} * {a}, axis={axis})", "{a} - {a}.mean()", "{a} - {a}.mean(axis={axis}, keepdims=True)",
    "np.quantile({a}, 0.3)", "np.diff({a}, axis={axis})", "np.sum({a}, axis={axis}, dtype=np.float32)", "np.nanmax({a})",
    "np.sum({a}, axis=(0, 1))", "np.add.reduce({a})", "np.mean({a} ** 2)", "np.sum({a}, where={a} > 0)", "np.vdot({a}, {a})",
    "np.maximum.accumulate({a}, axis={axis})", "np.sum({a}, initial=2.0)", "np.mean({a}, axis={axis}, keepdims=True)",
]  # fmt: skip
PRODUCTS = [
    "{a} @ {b}", "{a} @ {b}.T", "{a}.T @ {b}", "{a} @ {a}.T", "np.dot({a}, {b})", "np.dot({a}, {b}.T)", "np.inner({a}, {b})",
    "np.outer({a}, {b})", "np.einsum('ij,jk->ik', {a}, {b})", "np.einsum('ij,kj->ik', {a}, {b})", "np.vdot({a}, {b})",
    "np.einsum('i,i->', {a}, {b})", "np.einsum('ij,ij->i', {a}, {b})", "np.tensordot({a}, {b}, 1)", "np.einsum('...i->...', {a})",
    "np.matmul({a}, {b})", "np.kron({a}, {b})", "np.einsum('ij->ji', {a})", "({a} @ {b}) * {s} + {s}", "np.cross({a}, {b})",
    "np.tensordot({a}, {b}, axes=([0], [0]))", "np.linalg.solve({a} @ {a}.T + 3 * np.eye(len({a})), {a})",
    "np.linalg.inv({a} @ {a}.T + 2 * np.eye(len({a})))", "np.convolve({a}, {b})", "np.linalg.det({a} @ {a}.T + np.eye(len({a})))",
]  # fmt: skip
INDEXING = [
    "{a}[0]", "{a}[-1]", "{a}[1:]", "{a}[:-1]", "{a}[::2]", "{a}[::-1]", "{a}[..., 0]", "{a}[:, 1]", "{a}[:, ::-1]", "{a}[None]",
    "{a}[[0, -1, 0]]", "{a}[np.array([0, 1])]", "{a}[:, [1, 0]]", "{a}[0, 0]", "{a}[1:, :1]", "np.take({a}, [0, 0], axis={axis})",
    "{a}[np.arange(len({a})) % 2 == 0]", "{a}[..., None]", "{a}[{n}]", "{a}[()]", "{a}[...]", "{a}[0:0]", "{a}[[[0], [1]]]",
    "np.take({a}, {n})", "np.take_along_axis({a}, np.zeros((1,) * {a}.ndim, int), axis={axis})", "{a}[np.array({n})]",
    "np.compress([True, False], {a}, axis=0)", "np.delete({a}, 0, axis=0)", "np.choose([0, 1], [{s}, 2.0]) * {a}", "{a}.take([0])",
]  # fmt: skip
SHAPING = [
    "{a}.reshape(-1)", "{a}.T", "{a}.ravel()", "{a}.flatten()", "np.transpose({a})", "np.swapaxes({a}, 0, -1)", "np.flip({a})",
    "np.expand_dims({a}, {axis})", "np.squeeze({a})", "np.broadcast_to({a}, (2, *{a}.shape))", "np.roll({a}, 1)", "np.rot90({a})",
    "np.tile({a}, 2)", "np.repeat({a}, 2)", "np.repeat({a}, 2, axis={axis})", "np.moveaxis({a}, 0, -1)", "np.atleast_2d({a})",
    "np.atleast_1d({a})", "np.pad({a}, 1)", "np.diagonal({a})", "np.diag({a})", "np.tril({a})", "np.triu({a}, 1)", "np.fliplr({a})",
    "np.reshape({a}, (-1, 1))", "{a}.squeeze()", "np.ravel({a}, order='F')", "np.roll({a}, 1, axis={axis})", "np.sort({a})",
    "np.sort({a}, axis={axis})", "np.reshape({a}, {a}.shape[::-1])", "np.ravel({a}, order='K')", "np.flip({a}, axis={axis})",
    "np.concatenate([{a}, {b}])", "np.concatenate([{a}, {a}], axis={axis})", "np.stack([{a}, {a} * 2])", "np.hstack([{a}, {b}])",
    "np.stack([{a}, {b}], axis=-1)", "np.vstack([{a}, {b}])", "np.append({a}, {b})", "np.split({a}, 2)[0]", "np.column_stack([{a}, {b}])",
    "np.array_split({a}, 2)[1]", "np.meshgrid({a}, {b})[0]", "np.broadcast_arrays({a}, {b})[0]", "np.insert({a}, 0, {s})",
    "np.array([{a}, {a}])", "np.array([{a}.sum(), {s}])", "np.interp({a}, [0.0, 1.0], [0.0, {s}])", "np.asfortranarray({a})",
]  # fmt: skip
MAKING = [
    "np.zeros_like({a})", "np.ones_like({a}) * {a}", "np.full_like({a}, {s})", "np.zeros({a}.shape)", "np.arange(3.0)", "np.eye(2)",
    "np.zeros(3)", "np.ones(2)", "{a} * len({a})", "{a} / {a}.size", "{a} + {a}.ndim", "np.linspace(0, 1, 3)", "np.full(3, {s})",
    "np.zeros_like({a}, shape=(2,))", "{a} * {a}.shape[0]", "np.arange(len({a})) * {s}", "np.arange(6).reshape(2, 3) % 2 == 0", "list({a})[0]",
    "sum(v.sum() for v in {a})", "np.where(np.eye(2) > 0, {s}, 0.0)", "max({s}, {s})", "[v * 2 for v in {a}][-1]",
]  # fmt: skip
GRADIENTS = [
    "tg.grad(lambda t: np.sum(t * {b}))({a})", "tg.grad(lambda t: np.sum(np.sin(t) * t))({a})",
    "tg.value_and_grad(lambda t: np.mean(t ** 2))({a})[1]", "tg.grad(lambda t: np.sum(np.tanh(t) @ {b}))({a})",
    "tg.hessian(lambda t: np.sum(t ** 3))({a})", "tg.jacobian(lambda t: np.sin(t) * 2)({a})", "tg.vjp(np.tanh, {a})[0]",
    "tg.jvp(lambda t: np.exp(-t * t), [{a}], [np.ones_like({a})])[1]", "tg.hvp(lambda t: np.sum(np.cos(t) * t))({a}, {a})",
    "tg.grad(lambda t: np.max(t))({a})", "tg.grad(lambda t: np.sum(np.abs(t)))({a})", "tg.grad(lambda t: np.linalg.norm(t))({a})",
]  # fmt: skip
DRAWS = [
    "{r}.normal(size=3)", "{r}.normal()", "{r}.random()", "{r}.random((2, 3))", "{r}.permutation(3)", "{r}.uniform(-1, 1, 3)",
    "{r}.integers(0, 3, size=3)", "{r}.standard_normal((2,))", "{r}.choice(3, 2)", "{r}.normal({a}, 1.0)", "{r}.permutation({a})",
    "{r}.normal(size={a}.shape)", "{a} * ({r}.random({a}.shape) < 0.5)", "{a}[{r}.integers(0, 2, size=2)]", "{r}.exponential(2.0)",
    "{r}.choice({a}, 2)", "{a}[{r}.permutation(len({a}))]", "{r}.random(3, dtype=np.float32)", "{r}.poisson(3.0, 2)",
]  # fmt: skip
WRITES = [  # {a} is an array that may be written into
    "{a} *= {s}", "{a} += {b}", "{a} -= {s}", "{a} /= 2", "{a}[0] = {s}", "{a}[1:] += {s}", "{a}[...] = {b}", "{a}[:] = {s}",
    "np.add({a}, {b}, out={a})", "np.multiply({a}, {s}, out={a})", "{a}[[0, 0]] += 1", "np.add.at({a}, [0, 0], {s})",
    "np.put({a}, [0], {s})", "np.fill_diagonal({a}, {s})", "np.copyto({a}, {b})", "np.copyto({a}, {s}, where=np.array(True))",
    "{a}.fill({s})", "{a}.sort()", "np.putmask({a}, {a} > 0, {s})", "np.maximum({a}, 0, out={a})", "{a}[{a} > 0] = {s}",
    "{a}.T[0] *= 2", "{a}[::-1][0] = {s}", "{a}[..., 0] = {b}", "{a} -= {a}.mean()", "{a} *= {a}", "{a} **= 2", "{a}.reshape(-1)[0] = {s}",
    "{a}[1:] = {a}[:-1]", "{a}[[0, 1]] = {a}[[1, 0]]", "{a}[0], {a}[1] = {a}[1].copy(), {a}[0].copy()", "{a}[0] += {a}[1]",
    "np.negative({a}, out={a})", "np.clip({a}, -1, 1, out={a})", "{a} += {a}.T", "{a}[:, 0] = 0", "{a}.ravel()[-1] = {s}",
    "{a} @= {a}", "np.place({a}, {a} > 0, [{s}])", "np.cumsum({a}, axis=0, out={a})", "np.square({a}, out={a})", "{a} %= 2", "{a}[()] = {s}",
]  # fmt: skip
VIEWS = [
    "{a}[0]", "{a}[1:]", "{a}.T", "{a}.reshape(-1)", "{a}[::-1]", "{a}[..., 0]", "{a}.ravel()", "{a}[:]", "{a}[::2]", "{a}[None]",
    "np.flip({a})", "{a}[:, 1:]", "np.diagonal({a})", "np.squeeze({a})", "{a}.view()", "np.asarray({a})", "np.rot90({a})",
]  # fmt: skip
GROUPS = {  # how often statements of a group are drawn
    "unary": (UNARY, 5), "exact": (EXACT, 2), "binary": (BINARY, 6), "reductions": (REDUCTIONS, 4), "products": (PRODUCTS, 2),
    "indexing": (INDEXING, 3), "shaping": (SHAPING, 3), "making": (MAKING, 1), "gradients": (GRADIENTS, 1),
}  # fmt: skip
