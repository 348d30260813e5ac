// Expressions to start from.

export const EXAMPLES = {
  "Numbers: multiply, add, ReLU": `a, b, c = Value(2.0), Value(-3.0), Value(10.0)
y = (a * b + c).relu() * b
y`,
  "A neuron": `x1, x2 = Value(2.0), Value(0.0)
w1, w2, bias = Value(-3.0), Value(1.0), Value(6.88)
out = (x1 * w1 + x2 * w2 + bias).tanh()
out`,
  "Gradients add up": `x = Value(3.0)
y = x * x + x
y`,
  "Arrays: a line and its squared error": `x = np.array([[1.0], [2.0], [3.0]])
t = np.array([[3.0], [5.0], [7.0]])
w, b = Tensor([[1.5]]), Tensor([0.5])
loss = tg.mse_loss(x @ w + b, t)
loss`,
  "Softmax and cross-entropy": `logits = Tensor([[2.0, 1.0, -1.0]])
loss = tg.cross_entropy(logits, np.array([1]))
loss`,
  "A network, drawn by its layers": `model = tg.nn.MLP([2, 16, 16, 1], activation="tanh", rng=0)
x = np.random.default_rng(0).normal(size=(8, 2))
loss = tg.mse_loss(model(x), x[:, :1])
tg.draw(loss)`,
  "The graph of a gradient": `x = Tensor(0.5)
(dx,) = tg.gradients(np.sin(x * x), [x], create_graph=True)
dx`,
  "An error: shapes that do not fit": `x = Tensor(np.ones((4, 3)))
w = Tensor(np.ones((2, 3)))
x @ w`,
};
