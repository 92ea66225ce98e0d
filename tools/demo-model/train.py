"""Trains the demo model. `python train.py` on a CPU (one process a core) or, where there is one, a GPU.

The learning rate is constant after a short warm-up and falls to zero in the last part of the run, so
that training can be taken up again from any checkpoint of the constant part (`--resume`).
"""

import argparse
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import model
from batches import Packer
from optimizer import Optimizer, share
from tokenizer import Coder

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--minutes", type=float, default=150, help="length of the run by the wall clock")
    p.add_argument("--decay-minutes", type=float, default=30, help="how long the learning rate falls at the end")
    p.add_argument("--processes", type=int, default=0, help="0: one a core, or one GPU")
    p.add_argument("--rows", type=int, default=8, help="rows of 256 tokens for each process and step")
    p.add_argument("--lr", type=float, default=6e-3)
    p.add_argument("--adam-lr", type=float, default=1.5e-2, help="relative to the start value")
    p.add_argument("--decay", type=float, default=0.1, help="weight decay of the ternary masters")
    p.add_argument("--momentum", type=float, default=0.95)
    p.add_argument("--warmup", type=int, default=30)
    p.add_argument("--long-every", type=int, default=12, help="each n-th step has rows of 512 tokens")
    p.add_argument("--more", type=float, default=0.5, help="probability that a conversation goes on with another question")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--layers", type=int, default=model.Config.layers)
    p.add_argument("--ffn", type=int, default=model.Config.ffn)
    p.add_argument("--out", default=os.path.join(HERE, "out"))
    p.add_argument("--resume", help="checkpoint to go on from")
    p.add_argument("--fresh-optimizer", action="store_true", help="with --resume: take the weights only")
    p.add_argument("--save-minutes", type=float, default=5)
    p.add_argument("--no-compile", action="store_true")
    return p.parse_args()


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def unflat(buffer, like):
    out, i = {}, 0
    for n, t in like.items():
        out[n] = buffer[i:i + t.numel()].view_as(t)
        i += t.numel()
    return out


def save(path, **what):
    torch.save(what, path + ".new")
    os.replace(path + ".new", path)


class Trainer:
    def __init__(self, rank, ranks, args):
        self.rank, self.ranks, self.args = rank, ranks, args
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.coder = Coder(os.path.join(HERE, "tokenizer.json"))
        self.cfg = model.Config(vocab=self.coder.size, layers=args.layers, ffn=args.ffn)
        self.p = {n: t.to(self.device) for n, t in model.init_params(self.cfg, args.seed).items()}
        self.opt = Optimizer(self.p, args)
        self.steps = self.tokens = 0
        self.seconds = 0.0
        if args.resume:
            self.take_up(torch.load(args.resume, map_location=self.device))
        seed = args.seed * 1000003 + self.steps * 101 + rank
        self.short = Packer(self.coder, 256, seed, 5, args.more)
        self.long = Packer(self.coder, 512, seed + 50, 14, (1 + args.more) / 2)
        self.mine = set(share({n: self.p[n].shape for n in self.opt.matrices}, ranks)[rank])
        self.rope = model.rope_tables(self.cfg, 512, self.device)
        self.block = model.block if args.no_compile else torch.compile(model.block, dynamic=False)

    def take_up(self, saved):
        for n, t in saved["params"].items():
            self.p[n].copy_(t)
        self.steps, self.tokens, self.seconds = saved["steps"], saved["tokens"], saved.get("seconds", 0.0)
        if "optimizer" in saved and not self.args.fresh_optimizer:
            self.opt.load(saved["optimizer"])

    def gradients(self):
        """Loss and gradients of one batch; those of the ternary matrices are taken at the quantized ones."""
        long = self.steps % self.args.long_every == self.args.long_every - 1
        tokens, loss_at, docs = (self.long.batch(max(1, self.args.rows // 2)) if long else self.short.batch(self.args.rows))
        tokens, loss_at, docs = tokens.to(self.device), loss_at.to(self.device), docs.to(self.device)
        q = {n: (model.ternary(t) if model.is_ternary(n) else t.clone()).requires_grad_() for n, t in self.p.items()}
        T = tokens.shape[1]
        h = model.hidden(self.cfg, q, tokens, model.document_mask(docs), self.rope[0][:T], self.rope[1][:T], self.block)
        want = loss_at[:, 1:]
        loss = F.cross_entropy(h[:, :-1][want] @ q["embed"].T, tokens[:, 1:][want])
        loss.backward()
        return loss.item(), {n: t.grad for n, t in q.items()}, tokens.numel()

    def step(self, scale):
        loss, grads, tokens = self.gradients()
        if self.ranks > 1:
            buffer = torch.cat([flat(grads.values()), torch.tensor([loss])])
            dist.all_reduce(buffer)
            buffer /= self.ranks
            grads, loss = unflat(buffer, self.p), buffer[-1].item()
        updates = self.opt.muon_updates(grads, self.mine)
        if self.ranks > 1:
            like = {n: self.p[n] for n in self.opt.matrices}
            zero = torch.zeros(())
            buffer = flat([updates[n] if n in updates else zero.expand(t.shape) for n, t in like.items()])
            dist.all_reduce(buffer)
            updates = unflat(buffer, like)
        self.opt.step(grads, updates, scale)
        self.steps += 1
        self.tokens += tokens * self.ranks
        return loss

    def scale(self, started):
        """Factor of the learning rate, and whether the time is up; the first process decides for all."""
        left = self.args.minutes - (time.time() - started) / 60
        s = min(1.0, (self.steps + 1) / self.args.warmup, max(0.0, left / max(self.args.decay_minutes, 1e-9)))
        t = torch.tensor([s, float(left <= 0)])
        if self.ranks > 1:
            dist.broadcast(t, 0)
        return t[0].item(), bool(t[1])

    def checkpoint(self, name, optimizer):
        what = dict(params=self.p, config=self.cfg.to_dict(), steps=self.steps, tokens=self.tokens, seconds=self.seconds)
        if optimizer:
            what["optimizer"] = self.opt.state()
        save(os.path.join(self.args.out, name), **what)

    def run(self):
        started = last_save = time.time()
        before, mean = self.seconds, None
        while True:
            s, done = self.scale(started)
            if done:
                break
            loss = self.step(s)
            self.seconds = before + time.time() - started
            mean = loss if mean is None else 0.97 * mean + 0.03 * loss
            if self.rank == 0 and self.steps % 10 == 0:
                print(f"step {self.steps} tokens {self.tokens} loss {mean:.4f} rate {s:.3f} seconds {self.seconds:.0f}", flush=True)
            if self.rank == 0 and time.time() - last_save > 60 * self.args.save_minutes:
                self.checkpoint("stable.pt" if s >= 1 else "falling.pt", True)
                last_save = time.time()
        if self.rank == 0:
            self.checkpoint("final.pt", True)


def worker(rank, ranks, args):
    if not torch.cuda.is_available():
        torch.set_num_threads(1 if ranks > 1 else torch.get_num_threads())
        torch.set_flush_denormal(True)
    if ranks > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", "29571")
        dist.init_process_group("gloo", rank=rank, world_size=ranks)
    Trainer(rank, ranks, args).run()


def main():
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    ranks = args.processes or (1 if torch.cuda.is_available() else os.cpu_count())
    if ranks > 1:
        mp.spawn(worker, (ranks, args), nprocs=ranks)
    else:
        worker(0, 1, args)


if __name__ == "__main__":
    main()
