"""Muon for the ternary masters (orthogonalized momentum), AdamW for the embedding and the norms."""

import torch

import model

# Polar Express: coefficients of successive quintic steps towards the nearest orthogonal matrix.
STEPS = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
]


def orthogonal(m):
    """About U V^T of m = U S V^T."""
    x = m.T if m.shape[0] > m.shape[1] else m
    x = x / (x.norm() * 1.01 + 1e-7)
    for a, b, c in STEPS:
        s = x @ x.T
        x = a * x + (b * s + c * (s @ s)) @ x
    return x.T if m.shape[0] > m.shape[1] else x


def share(shapes, ranks):
    """Matrix names by rank, so that each rank has about the same work."""
    cost = {n: min(s) ** 2 * (2 * max(s) + min(s)) for n, s in shapes.items()}
    lists, load = [[] for _ in range(ranks)], [0] * ranks
    for n in sorted(cost, key=lambda n: (-cost[n], n)):
        i = load.index(min(load))
        lists[i].append(n)
        load[i] += cost[n]
    return lists


class Optimizer:
    def __init__(self, params, args):
        self.p, self.args = params, args
        self.matrices = [n for n in params if model.is_ternary(n)]
        self.others = [n for n in params if not model.is_ternary(n)]
        self.m = {n: torch.zeros_like(v) for n, v in params.items()}
        self.v = {n: torch.zeros_like(params[n]) for n in self.others}
        self.t = 0

    def muon_updates(self, grads, names):
        """Steps of unit root mean square 0.2 for the matrices in `names`. Keeps every momentum current."""
        out = {}
        for n in self.matrices:
            self.m[n].lerp_(grads[n], 1 - self.args.momentum)
            if n in names:
                u = orthogonal(grads[n].lerp(self.m[n], self.args.momentum))
                out[n] = u * (0.2 * max(u.shape) ** 0.5)
        return out

    def step(self, grads, updates, scale):
        """`scale` is the schedule's factor, 0 to 1."""
        a = self.args
        self.t += 1
        for n in self.matrices:
            lr = a.lr * scale
            self.p[n].mul_(1 - lr * a.decay).add_(updates[n], alpha=-lr)
        for n in self.others:
            g = grads[n]
            self.m[n].lerp_(g, 0.1)
            self.v[n].lerp_(g * g, 0.02)
            mh, vh = self.m[n] / (1 - 0.9 ** self.t), self.v[n] / (1 - 0.98 ** self.t)
            self.p[n].add_(mh / (vh.sqrt() + 1e-8), alpha=-a.adam_lr * scale * model.START[model.kind(n)])

    def state(self):
        return {"m": self.m, "v": self.v, "t": self.t}

    def load(self, s):
        self.t = s["t"]
        for mine, saved in ((self.m, s["m"]), (self.v, s["v"])):
            for n in mine:
                mine[n].copy_(saved[n])
