"""Trains the demo model on one GPU: `python train_gpu.py --seconds 480`.

The same model, loss and optimizer as `train.py`, laid out for a GPU. Processes on the CPU write rows of packed conversations
and the GPU keeps them all; a step takes the rows that it has not seen yet and fills up with ones that it has. A step (quantizers,
forward, backward, update) is one CUDA graph, so that the many small kernels of a small network follow each other without gaps.
Matrix products run in bf16, which holds int8 codes and ternary signs exactly; the residual stream is f32.

The learning rate is constant after a warm-up and falls to zero in the last `--decay-seconds`. Without a GPU it runs a few slow
steps, as a test.
"""

import argparse
import os
import threading
import time

import torch
import torch.multiprocessing as mp
import torch.nn.functional as F

import model
from optimizer import STEPS

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 64  # rows that a process hands over at once


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=480, help="length of the run, compiling included")
    p.add_argument("--decay-seconds", type=float, default=220)
    p.add_argument("--rows", type=int, default=64, help="rows in a step")
    p.add_argument("--length", type=int, default=1024, help="tokens in a row")
    p.add_argument("--processes", type=int, default=0, help="that write text; 0: one a core, less two")
    p.add_argument("--lr", type=float, default=6e-3)
    p.add_argument("--adam-lr", type=float, default=1.5e-2, help="relative to the start value")
    p.add_argument("--decay", type=float, default=0.1)
    p.add_argument("--momentum", type=float, default=0.95)
    p.add_argument("--warmup", type=int, default=100)
    p.add_argument("--more", type=float, default=0.3, help="probability that a conversation goes on with another question")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--layers", type=int, default=model.Config.layers)
    p.add_argument("--resume", help="checkpoint whose weights to start from")
    p.add_argument("--out", default=os.path.join(HERE, "out"))
    p.add_argument("--save-seconds", type=float, default=60)
    p.add_argument("--steps", type=int, default=0, help="stop after so many, for tests")
    return p.parse_args()


def write_rows(args, seed, queue):
    """A process that writes text for ever."""
    from batches import Packer
    from tokenizer import Coder
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    packer = Packer(Coder(os.path.join(HERE, "tokenizer.json")), args.length, seed, args.more)
    while True:
        queue.put(b"".join(packer.row().tobytes() for _ in range(CHUNK)))


class Pool:
    """All rows so far, on the device. A thread takes them from the processes."""

    def __init__(self, args, device):
        self.args, self.device = args, device
        context = mp.get_context("spawn")
        self.queue = context.Queue(256)
        count = args.processes or max(1, os.cpu_count() - 2)
        self.writers = [context.Process(target=write_rows, args=(args, args.seed * 1000003 + i, self.queue), daemon=True) for i in range(count)]
        for w in self.writers:
            w.start()
        self.rows = torch.zeros(1_500_000 if device == "cuda" else 4096, args.length, dtype=torch.int16, device=device)
        self.filled = self.used = 0
        self.lock = threading.Lock()  # held while a graph is recorded: no other thread may use the device then
        self.random = torch.Generator(device).manual_seed(args.seed)
        threading.Thread(target=self.fill, daemon=True).start()

    def fill(self):
        if self.device == "cuda":
            torch.cuda.set_stream(torch.cuda.Stream())
        while True:
            data = torch.frombuffer(bytearray(self.queue.get()), dtype=torch.int16).view(CHUNK, self.args.length)
            if self.filled + CHUNK > len(self.rows):
                return
            with self.lock:
                self.rows[self.filled:self.filled + CHUNK].copy_(data)
                if self.device == "cuda":
                    torch.cuda.current_stream().synchronize()
            self.filled += CHUNK

    def alive(self):
        """How many processes still write; an error in the text generator ends its process."""
        return sum(w.is_alive() for w in self.writers)

    def take(self, count):
        """Row numbers of the next step: unseen ones first, then any."""
        while self.filled < count:
            if not self.alive():
                raise SystemExit("every process that writes text has ended: see the errors above")
            time.sleep(0.01)
        fresh = min(count, self.filled - self.used)
        self.used += fresh
        out = torch.arange(self.used - fresh, self.used, device=self.device)
        if fresh < count:
            out = torch.cat([out, torch.randint(self.filled, (count - fresh,), generator=self.random, device=self.device)])
        return out


def codes(x):
    """Int8 codes of `x` in bf16, and the scale that gives x back, [.., 1]. The gradient passes straight through the rounding."""
    s = 127.0 / x.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-5)
    y = x * s
    return (y + (y.round().clamp(-128, 127) - y).detach()).bfloat16(), s


def linear(x, signs, scale):
    """BitLinear on ternary `signs` (bf16) of size `scale`."""
    c, s = codes(x)
    return F.linear(c, signs).float() * (scale / s)


def attention(q, k, v, cu, longest):
    """Causal within each conversation; q, k, v [tokens, heads, head_dim] in bf16, `cu` the places where conversations begin."""
    if q.is_cuda:
        from torch.nn.attention.varlen import varlen_attn
        return varlen_attn(q, k, v, cu, cu, longest, longest, window_size=(-1, 0))
    t = torch.arange(len(q), device=q.device)
    docs = torch.searchsorted(cu.long(), t, right=True)
    mask = (docs[:, None] == docs[None]) & (t[:, None] >= t[None])
    return F.scaled_dot_product_attention(*(x.transpose(0, 1)[None] for x in (q, k, v)), attn_mask=mask[None, None])[0].transpose(0, 1)


def block(cfg, x, wqkv, sqkv, wo, so, wgu, sgu, wd, sd, n1, n2, n3, n4, cos, sin, cu, longest):
    """One transformer block; x [tokens, dim] f32; the scales are [1] or one for each output."""
    T = x.shape[0]
    nq, nkv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
    q, k, v = linear(model.rms(x, n1), wqkv, sqkv).split([nq, nkv, nkv], dim=-1)
    q = model.rotate(q.view(T, cfg.heads, cfg.head_dim), cos, sin).bfloat16()
    k = model.rotate(k.view(T, cfg.kv_heads, cfg.head_dim), cos, sin).bfloat16()
    v = v.view(T, cfg.kv_heads, cfg.head_dim).bfloat16()
    rep = cfg.heads // cfg.kv_heads
    a = attention(q, k.repeat_interleave(rep, dim=1), v.repeat_interleave(rep, dim=1), cu, longest)
    x = x + linear(model.rms(a.reshape(T, nq).float(), n2), wo, so)
    g, u = linear(model.rms(x, n3), wgu, sgu).split([cfg.ffn, cfg.ffn], dim=-1)
    return x + linear(model.rms(F.relu(g).square() * u, n4), wd, sd)


def head(x, norm, embed, targets):
    """Mean cross-entropy at the tokens of answers; `targets` is -100 elsewhere."""
    logits = F.linear(model.rms(x, norm).bfloat16(), embed.bfloat16()).float()
    return F.cross_entropy(logits, targets, ignore_index=-100)


class Embed(torch.autograd.Function):
    """Rows of the embedding; the gradient as a product with one-hot rows."""

    @staticmethod
    def forward(ctx, tokens, table):
        ctx.save_for_backward(tokens)
        ctx.size = table.shape[0]
        return table[tokens]

    @staticmethod
    def backward(ctx, g):
        tokens, = ctx.saved_tensors
        hot = (tokens[None] == torch.arange(ctx.size, device=tokens.device)[:, None]).bfloat16()
        return None, (hot @ g.bfloat16()).float()


GROUPS = {"square": ("q", "o"), "narrow": ("k", "v"), "ffn": ("gate", "up", "down")}
NORMS = ("attn_norm", "attn_sub_norm", "ffn_norm", "ffn_sub_norm")


class Masters:
    """The parameters, stacked: matrices of one shape together (`down` transposed), each kind of norm over the layers."""

    def __init__(self, cfg, params, device):
        self.cfg, L = cfg, range(cfg.layers)
        turn = lambda k, t: t.T if k == "down" else t
        self.p = {g: torch.stack([turn(k, params[f"{i}.{k}"]) for i in L for k in kinds]).float().contiguous().to(device) for g, kinds in GROUPS.items()}
        self.p.update({n: torch.stack([params[f"{i}.{n}"] for i in L]).float().to(device) for n in NORMS})
        self.p.update({n: params[n].float().to(device) for n in ("embed", "norm")})

    def named(self):
        """By the names of `model.init_params`, on the CPU."""
        out = {n: self.p[n].cpu().clone() for n in ("embed", "norm")}
        for i in range(self.cfg.layers):
            for g, kinds in GROUPS.items():
                for j, k in enumerate(kinds):
                    t = self.p[g][i * len(kinds) + j].cpu()
                    out[f"{i}.{k}"] = (t.T if k == "down" else t).contiguous().clone()
            out.update({f"{i}.{n}": self.p[n][i].cpu().clone() for n in NORMS})
        return out


def orthogonal(m):
    """`optimizer.orthogonal` for a stack [n, rows, columns] in bf16."""
    x = m.mT if m.shape[1] > m.shape[2] else m
    for a, b, c in STEPS:
        s = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x.mT if m.shape[1] > m.shape[2] else x


def muon(p, m, g, rate, args):
    g = g.float()
    m.lerp_(g, 1 - args.momentum)
    g = torch.lerp(g, m, args.momentum)
    u = orthogonal((g / (g.norm(dim=(1, 2), keepdim=True) * 1.01 + 1e-30)).bfloat16())
    p.mul_(1 - args.lr * rate * args.decay).sub_(args.lr * rate * 0.2 * max(p.shape[1:]) ** 0.5 * u.float())


def adam(p, m, v, g, rate, correct, start, args):
    """`correct`: 1 - beta^t of both moments."""
    m.lerp_(g, 0.1)
    v.mul_(0.98).addcmul_(g, g, value=0.02)
    p.sub_(args.adam_lr * rate * start * (m / correct[0]) / ((v / correct[1]).sqrt() + 1e-8))


class Step:
    def __init__(self, args, cfg, masters, device):
        self.args, self.cfg, self.w, self.device = args, cfg, masters, device
        p = masters.p
        self.m = {n: torch.zeros_like(t) for n, t in p.items()}
        self.v = {n: torch.zeros_like(t) for n, t in p.items() if n not in GROUPS}
        self.rows = torch.zeros(args.rows, args.length, dtype=torch.int16, device=device)
        self.rate, self.correct = torch.zeros((), device=device), torch.ones(2, device=device)
        self.loss = torch.zeros((), device=device)
        cos, sin = model.rope_tables(cfg, args.length, device)
        self.rope = cos, sin
        compiled = (lambda f: torch.compile(f, dynamic=False)) if device == "cuda" else (lambda f: f)
        self.block, self.head, self.muon, self.adam, self.prepare, self.signs = map(compiled, (block, head, muon, adam, self.prepare, self.signs))

    def prepare(self, rows):
        """tokens, targets, cos, sin, cu of a batch of rows."""
        T = rows.numel()
        flat = rows.int() & 0xFFFF
        tokens, marked = (flat & 0x7FFF).long(), flat >> 15
        nothing = torch.full_like(tokens[:, :1], -100)
        targets = torch.cat([torch.where(marked[:, 1:] > 0, tokens[:, 1:], -100), nothing], dim=1).view(T)
        first = (tokens == self.cfg.vocab - 3).view(T)
        at = torch.arange(T, device=rows.device)
        pos = at - torch.where(first, at, 0).cummax(0).values
        # Where conversation number n begins; beyond the last one the end, again and again.
        number = (first.cumsum(0) - 1).clamp(max=T // 8 - 1)
        cu = torch.full((T // 8 + 1,), T, device=rows.device).scatter_reduce(0, number, at, "amin")
        return tokens.view(T), targets, self.rope[0][pos][:, None], self.rope[1][pos][:, None], cu.int()

    def signs(self, w):
        s = w.abs().mean(dim=(1, 2), keepdim=True).clamp(min=1e-5)
        return (w / s).round().clamp(-1, 1).bfloat16(), s.view(-1)

    def run(self):
        cfg, p = self.cfg, self.w.p
        q, s = {}, {}
        for g in GROUPS:
            q[g], s[g] = self.signs(p[g])
            q[g].requires_grad_()
        leaf = {n: t.detach().requires_grad_() for n, t in p.items() if n not in GROUPS}
        leaf.update(q)
        part = {g: dict(zip(((i, k) for i in range(cfg.layers) for k in kinds), zip(q[g].unbind(0), s[g].unbind(0)))) for g, kinds in GROUPS.items()}
        norms = {n: leaf[n].unbind(0) for n in NORMS}
        tokens, targets, cos, sin, cu = self.prepare(self.rows)
        x = Embed.apply(tokens, leaf["embed"])
        nq, nkv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
        for i in range(cfg.layers):
            (wq, sq), (wo, so) = part["square"][i, "q"], part["square"][i, "o"]
            (wk, sk), (wv, sv) = part["narrow"][i, "k"], part["narrow"][i, "v"]
            (wg, sg), (wu, su), (wd, sd) = (part["ffn"][i, k] for k in GROUPS["ffn"])
            sizes = lambda *x: torch.cat([t.expand(n) for t, n in x])
            x = self.block(cfg, x, torch.cat([wq, wk, wv]), sizes((sq, nq), (sk, nkv), (sv, nkv)), wo, so.view(1),
                           torch.cat([wg, wu]), sizes((sg, cfg.ffn), (su, cfg.ffn)), wd.T.contiguous(), sd.view(1),
                           *(norms[n][i] for n in NORMS), cos, sin, cu, self.args.length)
        loss = self.head(x, leaf["norm"], leaf["embed"], targets)
        grads = dict(zip(leaf, torch.autograd.grad(loss, list(leaf.values()))))
        with torch.no_grad():
            self.loss.copy_(loss)
            for n, g in grads.items():
                if n in GROUPS:
                    self.muon(p[n], self.m[n], g, self.rate, self.args)
                else:
                    self.adam(p[n], self.m[n], self.v[n], g, self.rate, self.correct, model.START[n], self.args)

    def capture(self, lock):
        """Runs a few steps at rate 0 to compile, then records one as a CUDA graph."""
        if self.device == "cpu":
            return self.run
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.run()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with lock, torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self.run()
        for t in [*self.m.values(), *self.v.values()]:
            t.zero_()
        return graph.replay


def main():
    started = time.time()
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = True
    pool = Pool(args, device)
    saved = torch.load(args.resume, map_location="cpu") if args.resume else {}
    cfg = model.Config(**saved["config"]) if saved else model.Config(layers=args.layers)
    cfg.context = max(cfg.context, args.length)
    masters = Masters(cfg, saved["params"] if saved else model.init_params(cfg, args.seed), device)
    step = Step(args, cfg, masters, device)
    step.rows.copy_(pool.rows[pool.take(args.rows)])
    replay = step.capture(pool.lock)
    print(f"ready after {time.time() - started:.0f} s", flush=True)
    before = {k: saved.get(k, 0) for k in ("steps", "tokens", "seconds")}
    n, shown, mean = 0, time.time(), None

    def save():
        params = {k: t.half() for k, t in masters.named().items()}
        path = os.path.join(args.out, "final.pt")
        torch.save({"params": params, "config": cfg.to_dict(), "steps": before["steps"] + n, "tokens": before["tokens"] + n * step.rows.numel(),
                    "seconds": before["seconds"] + time.time() - started}, path + ".new")
        os.replace(path + ".new", path)

    saved_at = time.time()
    while True:
        left = args.seconds - (time.time() - started)
        if left <= 0 or (args.steps and n >= args.steps):
            break
        n += 1
        step.rows.copy_(pool.rows[pool.take(args.rows)])
        step.rate.fill_(min(1.0, n / args.warmup, left / max(args.decay_seconds, 1e-9)))
        step.correct.copy_(torch.tensor([1 - 0.9 ** n, 1 - 0.98 ** n]))
        replay()
        if n % 100 == 0 or args.steps:
            loss = step.loss.item()
            mean = loss if mean is None else 0.9 * mean + 0.1 * loss
            now = time.time()
            print(f"step {n} tokens {n * step.rows.numel()} written {pool.filled * args.length} by {pool.alive()} processes, loss {mean:.4f} rate {step.rate.item():.3f} "
                  f"seconds {now - started:.0f} step {1000 * (now - shown) / (1 if args.steps else 100):.1f} ms", flush=True)
            shown = now
            if now - saved_at > args.save_seconds:
                save()
                saved_at = now
    save()
    print(f"{n} steps, {n * step.rows.numel()} tokens, {pool.filled * args.length} of them different, {time.time() - started:.0f} s", flush=True)
    for w in pool.writers:
        w.terminate()


if __name__ == "__main__":
    main()
