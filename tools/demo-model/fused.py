"""Loss and gradients on a CPU, without autograd: matrix products in bf16, everything between them in `kernels.cpp`.

The products are exact on the way forward: int8 codes and ternary signs are whole numbers that bf16 holds, and the sums
are kept in f32 (rounded once, to bf16, at the end). On CPUs with AMX or AVX-512 BF16 they run many times faster than f32.

`python fused.py` compares loss and gradients with those of autograd.
"""

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
import tempfile

import torch

import model
from optimizer import orthogonal

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-std=c++20", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
if platform.machine() == "x86_64":
    FLAGS.append("-mprefer-vector-width=512")


@functools.cache
def library():
    """The compiled kernels, built once for this machine and source. None where there is no C++ compiler."""
    source = os.path.join(HERE, "kernels.cpp")
    with open(source, "rb") as f, open("/proc/cpuinfo", "rb") as cpu:
        key = hashlib.sha256(f.read() + next((x for x in cpu if x.startswith(b"flags")), b"")).hexdigest()[:16]
    path = os.path.join(tempfile.gettempdir(), f"demo-model-{os.getuid()}-{key}.so")
    if not os.path.exists(path):
        new = f"{path}.{os.getpid()}"
        try:
            subprocess.run(["g++", *FLAGS, source, "-o", new], check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        os.replace(new, path)
    lib = ctypes.CDLL(path)
    for name in ("cross_entropy", "muon_momentum", "muon_apply"):
        getattr(lib, name).restype = ctypes.c_double
    return lib


def call(lib, name, *args):
    """Calls a kernel: tensors go as pointers to their data, Python's int and float as those of C."""
    kinds = {int: ctypes.c_int, float: ctypes.c_float}
    return getattr(lib, name)(*(ctypes.c_void_p(a.data_ptr()) if isinstance(a, torch.Tensor) else kinds[type(a)](a) for a in args))


class Weights:
    """What the forward pass reads: ternary signs in bf16 (fused where the input is shared), their scales, the rest in f32.

    Made of shared memory, so that every process sees what one of them has updated.
    """

    def __init__(self, cfg, p):
        self.cfg, self.p = cfg, p
        q, kv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
        self.fused = {"qkv": (("q", "k", "v"), q + 2 * kv, cfg.dim), "o": (("o",), cfg.dim, q), "gu": (("gate", "up"), 2 * cfg.ffn, cfg.dim), "down": (("down",), cfg.dim, cfg.ffn)}
        self.sign, self.scale = {}, {}
        for i in range(cfg.layers):
            for f, (parts, rows, cols) in self.fused.items():
                self.sign[f"{i}.{f}"] = sign = torch.zeros(rows, cols, dtype=torch.bfloat16).share_memory_()
                self.scale[f"{i}.{f}"] = scale = torch.zeros(len(parts)).share_memory_()
                at = 0
                for j, n in enumerate(parts):
                    size = p[f"{i}.{n}"].shape[0]
                    self.sign[f"{i}.{n}"], self.scale[f"{i}.{n}"] = sign[at:at + size], scale[j:j + 1]
                    at += size
        self.head = torch.zeros(cfg.vocab, cfg.dim, dtype=torch.bfloat16).share_memory_()
        for n in p:
            self.update(n)

    def update(self, name):
        """Takes over a master that has changed."""
        if name == "embed":
            self.head.copy_(self.p[name])
        elif model.is_ternary(name):
            s = self.p[name].abs().mean().clamp(min=1e-5)
            self.scale[name].fill_(s)
            self.sign[name].copy_((self.p[name] / s).round_().clamp_(-1, 1))


class Gradients:
    """A buffer for the gradients of one process, in shared memory. Those of ternary matrices are taken at the signs."""

    def __init__(self, cfg, p, fused):
        self.flat = torch.zeros(sum(t.numel() for t in p.values())).share_memory_()
        self.by_name, at = {}, 0
        for n, t in p.items():
            self.by_name[n] = self.flat[at:at + t.numel()].view_as(t)
            at += t.numel()
        # q, k, v (and gate, up) follow each other in `p`, so their fused gradient is one view.
        for i in range(cfg.layers):
            for f, (parts, rows, cols) in fused.items():
                first = self.by_name[f"{i}.{parts[0]}"]
                self.by_name[f"{i}.{f}"] = self.flat[first.storage_offset():first.storage_offset() + rows * cols].view(rows, cols)

    def __getitem__(self, name):
        return self.by_name[name]


class Fused:
    """Forward and backward pass over batches of a fixed number of tokens."""

    def __init__(self, cfg, weights, grads, size, lib):
        self.cfg, self.w, self.g, self.n, self.lib = cfg, weights, grads, size, lib
        q, kv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
        self.cos, self.sin = model.rope_tables(cfg, max(512, size))
        bf = torch.bfloat16
        new = lambda cols, kind=torch.float32, rows=size + 32: torch.zeros(rows, cols, dtype=kind)
        one = lambda: torch.zeros(size)
        self.kept = [dict(
            x=new(cfg.dim), c1=new(cfg.dim, bf, size), i1=one(), r1=one(), qkv=new(q + 2 * kv, bf), a=new(q), lse=new(cfg.heads),
            c2=new(q, bf, size), i2=one(), r2=one(), y=new(cfg.dim), c3=new(cfg.dim, bf, size), i3=one(), r3=one(),
            gu=new(2 * cfg.ffn, bf, size), c4=new(cfg.ffn, bf, size), i4=one(), r4=one()) for _ in range(cfg.layers)]
        self.x, self.dx, self.da, self.dqkv = new(cfg.dim), new(cfg.dim), new(q), new(q + 2 * kv)
        # bf16 scratch by number of columns: results of products and gradients on their way into one
        widths = {cfg.dim, q, q + 2 * kv, cfg.ffn, 2 * cfg.ffn}
        self.a = {c: new(c, bf, size) for c in widths}
        self.b = {c: new(c, bf, size) for c in widths}

    def call(self, name, *args):
        return call(self.lib, name, *args)

    def weight_gradient(self, i, name, dz, codes):
        self.call("weight_gradient", self.n, dz.shape[1], codes.shape[1], dz, codes, self.g[f"{i}.{name}"])

    def run(self, batch, weight):
        """Adds the gradients of `weight` times the mean loss of the batch; returns (summed loss, number of predictions)."""
        cfg, p, w, g, n, call = self.cfg, self.w.p, self.w, self.g, self.n, self.call
        dim, q, ffn = cfg.dim, cfg.heads * cfg.head_dim, cfg.ffn
        heads = (cfg.heads, cfg.kv_heads, cfg.head_dim)
        docs = len(batch.starts) - 1
        call("embed", n, dim, batch.tokens, p["embed"], self.kept[0]["x"])
        for i, k in enumerate(self.kept):
            after = self.kept[i + 1]["x"] if i + 1 < cfg.layers else self.x
            call("norm_quant", n, dim, k["x"], p[f"{i}.attn_norm"], k["c1"], k["i1"], k["r1"])
            z = torch.mm(k["c1"], w.sign[f"{i}.qkv"].T, out=self.a[k["qkv"].shape[1]])
            call("rope", n, *heads, z, k["i1"], w.scale[f"{i}.qkv"], batch.pos, self.cos, self.sin, k["qkv"])
            call("attend", docs, batch.starts, *heads, k["qkv"], k["a"], k["lse"])
            call("norm_quant", n, q, k["a"], p[f"{i}.attn_sub_norm"], k["c2"], k["i2"], k["r2"])
            z = torch.mm(k["c2"], w.sign[f"{i}.o"].T, out=self.a[dim])
            call("residual", n, dim, k["x"], z, k["i2"], w.scale[f"{i}.o"], k["y"])
            call("norm_quant", n, dim, k["y"], p[f"{i}.ffn_norm"], k["c3"], k["i3"], k["r3"])
            torch.mm(k["c3"], w.sign[f"{i}.gu"].T, out=k["gu"])
            call("gate_quant", n, ffn, k["gu"], k["i3"], w.scale[f"{i}.gu"], p[f"{i}.ffn_sub_norm"], k["c4"], k["i4"], k["r4"])
            z = torch.mm(k["c4"], w.sign[f"{i}.down"].T, out=self.a[dim])
            call("residual", n, dim, k["y"], z, k["i4"], w.scale[f"{i}.down"], after)
        rows = len(batch.rows)
        h, r = torch.empty(rows, dim, dtype=torch.bfloat16), torch.empty(rows)
        call("norm_rows", rows, dim, batch.rows, self.x, p["norm"], h, r)
        logits = torch.mm(h, w.head.T)
        loss = call("cross_entropy", rows, cfg.vocab, logits, batch.targets, float(weight / rows))
        g["embed"].add_(torch.mm(logits.T, h))
        self.dx.zero_()
        call("norm_rows_back", rows, dim, batch.rows, torch.mm(logits, w.head), self.x, r, p["norm"], self.dx, g["norm"])
        for i, k in reversed(list(enumerate(self.kept))):
            dz = self.a[dim]
            call("residual_back", n, dim, self.dx, k["i4"], w.scale[f"{i}.down"], dz)
            self.weight_gradient(i, "down", dz, k["c4"])
            dc = torch.mm(dz, w.sign[f"{i}.down"], out=self.b[ffn])
            dz = self.a[2 * ffn]
            call("gate_back", n, ffn, dc, k["i4"], k["gu"], k["i3"], w.scale[f"{i}.gu"], k["r4"], p[f"{i}.ffn_sub_norm"], dz, g[f"{i}.ffn_sub_norm"])
            self.weight_gradient(i, "gu", dz, k["c3"])
            dc = torch.mm(dz, w.sign[f"{i}.gu"], out=self.b[dim])
            call("norm_quant_back", n, dim, dc, k["i3"], k["y"], k["r3"], p[f"{i}.ffn_norm"], self.dx, g[f"{i}.ffn_norm"], 1)
            dz = self.a[dim]
            call("residual_back", n, dim, self.dx, k["i2"], w.scale[f"{i}.o"], dz)
            self.weight_gradient(i, "o", dz, k["c2"])
            dc = torch.mm(dz, w.sign[f"{i}.o"], out=self.b[q])
            call("norm_quant_back", n, q, dc, k["i2"], k["a"], k["r2"], p[f"{i}.attn_sub_norm"], self.da, g[f"{i}.attn_sub_norm"], 0)
            call("attend_back", docs, batch.starts, *heads, k["qkv"], k["a"], k["lse"], self.da, self.dqkv)
            dz = self.a[k["qkv"].shape[1]]
            call("rope_back", n, *heads, self.dqkv, k["i1"], w.scale[f"{i}.qkv"], batch.pos, self.cos, self.sin, dz)
            self.weight_gradient(i, "qkv", dz, k["c1"])
            dc = torch.mm(dz, w.sign[f"{i}.qkv"], out=self.b[dim])
            call("norm_quant_back", n, dim, dc, k["i1"], k["x"], k["r1"], p[f"{i}.attn_norm"], self.dx, g[f"{i}.attn_norm"], 1)
        call("embed_back", n, dim, batch.tokens, self.dx, g["embed"])
        return loss, rows


def muon_step(lib, weights, name, grads, momentum, args, scale):
    """One step of `optimizer.Optimizer` for a ternary matrix, in three passes over memory. Clears the gradients."""
    p = weights.p[name]
    u = torch.empty(p.shape, dtype=torch.bfloat16)
    a, b = (grads + grads)[:2]
    if a is b:
        b = torch.zeros_like(a)
    for more in grads[2:]:
        a += more
        more.zero_()
    squares = call(lib, "muon_momentum", p.numel(), a, b, 1.0 / weights.scale[name].item(), args.momentum, momentum, u)
    u = orthogonal(u.mul_(1 / (squares ** 0.5 * 1.01 + 1e-30))).contiguous()
    step = args.lr * scale * 0.2 * max(p.shape) ** 0.5
    size = call(lib, "muon_apply", p.numel(), p, u, 1.0 - args.lr * scale * args.decay, step)
    mean = max(size / p.numel(), 1e-5)
    weights.scale[name].fill_(mean)
    call(lib, "signs", p.numel(), p, mean, weights.sign[name])


def main():
    import time

    from batches import Packer
    from tokenizer import Coder

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    coder, cfg = Coder(os.path.join(HERE, "tokenizer.json")), model.Config()
    cfg.vocab = coder.size
    p = model.init_params(cfg)
    size = 2048
    batch = Packer(coder, size, 1, 0.3).batch()
    weights = Weights(cfg, p)
    grads = Gradients(cfg, p, weights.fused)
    f = Fused(cfg, weights, grads, size, library())
    loss, rows = f.run(batch, 1.0)
    q = {n: (model.ternary(t) if model.is_ternary(n) else t.clone()).requires_grad_() for n, t in p.items()}
    expected = model.loss(cfg, q, batch)
    expected.backward()
    print(f"loss {loss / rows:.5f}, by autograd {expected.item():.5f}")
    for n, t in q.items():
        a, b = grads[n].clone(), t.grad
        if model.is_ternary(n):
            a /= weights.scale[n]
        print(f"{n:18} cosine {torch.cosine_similarity(a.flatten(), b.flatten(), dim=0):.4f} length {a.norm() / b.norm():.4f}")
    for _ in range(3):
        start = time.process_time()
        f.run(batch, 1.0)
        print(f"{size / (time.process_time() - start):.0f} tokens a second of one core")


if __name__ == "__main__":
    main()
