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
    """About U V^T of m = U S V^T, for a bf16 matrix whose norm is just below 1."""
    x = m.T if m.shape[0] > m.shape[1] else m
    for a, b, c in STEPS:
        s = x @ x.T
        x = torch.addmm(x, torch.addmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x.T if m.shape[0] > m.shape[1] else x


class Optimizer:
    """Updates parameters by name, one at a time, so that processes can share the work; its state is shared, too."""

    def __init__(self, params, args):
        self.p, self.args = params, args
        self.m = {n: torch.zeros_like(t) for n, t in params.items()}
        self.v = {n: torch.zeros_like(t) for n, t in params.items() if not model.is_ternary(n)}
        # The dear ones first, for an even end.
        self.names = sorted(params, key=lambda n: -params[n].numel() * (8 if model.is_ternary(n) else 1))

    def share(self):
        for t in [*self.m.values(), *self.v.values()]:
            t.share_memory_()

    def step(self, n, g, t, scale):
        """Update number `t` (from 1) of parameter `n` with gradient `g`, which may be overwritten.

        `scale` is the schedule's factor, 0 to 1.
        """
        a = self.args
        if model.is_ternary(n):
            self.m[n].lerp_(g, 1 - a.momentum)
            g.lerp_(self.m[n], a.momentum)
            u = orthogonal((g / (g.norm() * 1.01 + 1e-30)).bfloat16())
            self.p[n].mul_(1 - a.lr * scale * a.decay).add_(u, alpha=-a.lr * scale * 0.2 * max(g.shape) ** 0.5)
            return
        self.m[n].lerp_(g, 0.1)
        self.v[n].mul_(0.98).addcmul_(g, g, value=0.02)
        size = (self.v[n] / (1 - 0.98 ** t)).sqrt_().add_(1e-8)
        self.p[n].addcdiv_(self.m[n], size, value=-a.adam_lr * scale * model.START[model.kind(n)] / (1 - 0.9 ** t))

    def state(self):
        return {"m": self.m, "v": self.v}

    def load(self, s):
        for mine, saved in ((self.m, s["m"]), (self.v, s["v"])):
            for n in mine:
                mine[n].copy_(saved[n])
