"""PyTorch, used as in its tutorials: modules and torch.optim, eager."""

from functools import partial

import torch
from torch.nn import functional


def network(params):
    found = []
    for w, b in zip(params[0::2], params[1::2], strict=True):
        linear = torch.nn.Linear(*w.shape)
        linear.weight, linear.bias = (torch.nn.Parameter(torch.tensor(a.T.copy())) for a in (w, b))
        found += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*found[:-1])


def training(w, loss, optimizer, batches, model=None):
    model, count = model or network(w.params), [0]
    opt = optimizer(model.parameters())
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in batches]

    def step():
        x, y = batches[count[0] % len(batches)]
        count[0] += 1
        opt.zero_grad()
        value = loss(model, x, y)
        value.backward()
        opt.step()
        return value.item()

    return step, lambda: torch.cat([p.detach().T.reshape(-1) for p in model.parameters()]).numpy()


def moons(w):
    def loss(model, x, y):
        return torch.relu(1 - y * model(x)).mean() + w.alpha * sum((p * p).sum() for p in model.parameters())

    return training(w, loss, lambda ps: torch.optim.SGD(ps, lr=w.lr), [(w.x, w.y)])


def line(w):
    return training(
        w, lambda m, x, y: functional.mse_loss(m(x), y), lambda ps: torch.optim.SGD(ps, lr=w.lr), [(w.x, w.y)]
    )


def classifier(w):
    return training(
        w, lambda m, x, y: functional.cross_entropy(m(x), y),
        lambda ps: torch.optim.Adam(ps, lr=w.lr, betas=w.betas, eps=w.eps), w.batches,
    )  # fmt: skip


def images(w):
    layers = []
    for c, out in ((1, 16), (16, 32)):
        layers += [torch.nn.Conv2d(c, out, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(128, 10))
    for p, value in zip(model.parameters(), w.params, strict=True):
        p.data[...] = torch.tensor(value)
    step, _ = training(
        w, lambda m, x, y: functional.cross_entropy(m(x), y),
        lambda ps: torch.optim.SGD(ps, lr=w.lr, momentum=w.momentum), w.batches, model,
    )  # fmt: skip
    return step, lambda: torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()


class Block(torch.nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.attention = torch.nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)
        self.future = torch.nn.Transformer.generate_square_subsequent_mask(context)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=self.future, is_causal=True, need_weights=False)[0]
        return x + self.down(torch.relu(self.up(self.norm2(x))))


class Transformer(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        (letters, width), context = w.state["tokens.weight"].shape, len(w.state["places.weight"])
        self.tokens, self.places = torch.nn.Embedding(letters, width), torch.nn.Embedding(context, width)
        self.blocks = torch.nn.Sequential(*[Block(width, w.heads, context) for _ in range(w.blocks)])
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, letters)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.places.weight)))


class Lstm(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        rows, features = w.state["lstm.weight_ih_l0"].shape
        self.lstm = torch.nn.LSTM(features, rows // 4, batch_first=True)
        self.head = torch.nn.Linear(rows // 4, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def module(kind, optimizer, w):
    model = kind(w)
    model.load_state_dict({name: torch.tensor(a) for name, a in w.state.items()})

    def loss(model, x, y):
        scores = model(x)
        return functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))

    step, _ = training(w, loss, lambda ps: optimizer(ps, lr=w.lr), w.batches, model)
    return step, lambda: torch.cat([a.ravel() for _, a in sorted(model.state_dict().items())]).numpy()


def curve(w):
    x = torch.tensor(w.x, requires_grad=True)

    def step():
        x.grad = None
        y = (torch.tanh(x) * torch.exp(-x * x) + torch.sin(x) * x).sum()
        y.backward()
        return y.item()

    return step, lambda: x.grad.numpy()


def hessian(w):
    x, last = torch.tensor(w.x), []

    def rosenbrock(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def step():
        last[:] = [torch.autograd.functional.hessian(rosenbrock, x)]

    return step, lambda: last[0].numpy()


TASKS = {
    "moons": moons, "line": line, "digits": classifier, "wide": classifier, "images": images, "curve": curve,
    "hessian": hessian, "transformer": partial(module, Transformer, torch.optim.AdamW),
    "lstm": partial(module, Lstm, torch.optim.Adam),
}  # fmt: skip
