"""Trains the demo model on a CPU, one process a core: `python train.py`. `train_gpu.py` does it on a GPU, some 200 times faster.

The learning rate is constant after a short warm-up and falls to zero in the last part of the run, so
that training can be taken up again from any checkpoint of the constant part (`--resume`).

On a CPU the processes share the parameters. A step is cut into small batches, and its update into
parameters; a process that is free takes the next one, so that a core that other programs want, too, does
less and the others do not wait for it.
"""

import argparse
import os
import time

import torch
import torch.multiprocessing as mp

import fused
import model
from batches import Packer
from optimizer import Optimizer
from tokenizer import Coder

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--minutes", type=float, default=150, help="length of the run by the wall clock")
    p.add_argument("--decay-minutes", type=float, default=30, help="how long the learning rate falls at the end")
    p.add_argument("--processes", type=int, default=0, help="0: one a core")
    p.add_argument("--tokens", type=int, default=2048, help="tokens of one small batch")
    p.add_argument("--batches", type=int, default=3, help="small batches in a step")
    p.add_argument("--lr", type=float, default=6e-3)
    p.add_argument("--adam-lr", type=float, default=1.5e-2, help="relative to the start value")
    p.add_argument("--decay", type=float, default=0.1, help="weight decay of the ternary masters")
    p.add_argument("--momentum", type=float, default=0.95)
    p.add_argument("--warmup", type=int, default=30)
    p.add_argument("--more", type=float, default=0.25, help="probability that a conversation goes on with another question")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--layers", type=int, default=model.Config.layers)
    p.add_argument("--ffn", type=int, default=model.Config.ffn)
    p.add_argument("--out", default=os.path.join(HERE, "out"))
    p.add_argument("--resume", help="checkpoint to go on from")
    p.add_argument("--fresh-optimizer", action="store_true", help="with --resume: take the weights only")
    p.add_argument("--save-minutes", type=float, default=5)
    return p.parse_args()


def save(path, **what):
    torch.save(what, path + ".new")
    os.replace(path + ".new", path)


class Autograd:
    """Gradients by PyTorch, where the kernels cannot be compiled."""

    def __init__(self, cfg, p):
        self.cfg, self.p = cfg, p
        self.grads = {n: torch.zeros_like(t) for n, t in p.items()}

    def run(self, batch, weight):
        q = {n: (model.ternary(t) if model.is_ternary(n) else t.clone()).requires_grad_() for n, t in self.p.items()}
        loss = model.loss(self.cfg, q, batch)
        (loss * weight).backward()
        for n, t in q.items():
            self.grads[n] += t.grad
        return loss.item() * len(batch.rows), len(batch.rows)


class Shared:
    """All that the processes have in common."""

    def __init__(self, args, ranks):
        self.ranks = ranks
        saved = torch.load(args.resume, map_location="cpu") if args.resume else {}
        self.cfg = model.Config(**saved["config"]) if saved else model.Config(
            vocab=Coder(os.path.join(HERE, "tokenizer.json")).size, layers=args.layers, ffn=args.ffn)
        p = saved["params"] if saved else model.init_params(self.cfg, args.seed)
        self.p = {n: t.float() for n, t in p.items()}
        self.opt = Optimizer(self.p, args)
        if "optimizer" in saved and not args.fresh_optimizer:
            self.opt.load(saved["optimizer"])
        self.start = {k: saved.get(k, 0) for k in ("steps", "tokens", "seconds")}
        self.weights = self.grads = None
        if fused.library():
            for t in self.p.values():
                t.share_memory_()
            self.opt.share()
            self.weights = fused.Weights(self.cfg, self.p)
            self.grads = [fused.Gradients(self.cfg, self.p, self.weights.fused) for _ in range(ranks)]
        context = mp.get_context("spawn")
        self.barrier = context.Barrier(ranks)
        self.next = context.Value("i", 0)
        self.scale, self.done = context.Value("d", 0.0), context.Value("b", 0)
        self.loss = torch.zeros(ranks, 2, dtype=torch.float64).share_memory_()

    def take(self, count):
        """Numbers below `count`, each given to one process only."""
        while True:
            with self.next.get_lock():
                i = self.next.value
                self.next.value += 1
            if i >= count:
                return
            yield i

    def meet(self, first):
        """All processes wait here; then one of them, `first`, resets the counter."""
        self.barrier.wait()
        if first:
            self.next.value = 0
        self.barrier.wait()


class Trainer:
    def __init__(self, rank, shared, args):
        self.rank, self.s, self.args = rank, shared, args
        self.steps, self.tokens, self.seconds = (shared.start[k] for k in ("steps", "tokens", "seconds"))
        coder = Coder(os.path.join(HERE, "tokenizer.json"))
        seed = args.seed * 1000003 + self.steps * 101 + rank
        self.packer = Packer(coder, args.tokens, seed, args.more)
        if shared.grads:
            self.engine = fused.Fused(shared.cfg, shared.weights, shared.grads[rank], args.tokens, fused.library())
        else:
            self.engine = Autograd(shared.cfg, shared.p)

    def update(self, n):
        """One optimizer step for parameter `n`, from the sum of the processes' gradients, which are cleared."""
        s = self.s
        grads = [g[n] for g in s.grads or [self.engine.grads]]
        if s.weights and model.is_ternary(n):
            fused.muon_step(fused.library(), s.weights, n, grads, s.opt.m[n], self.args, s.scale.value)
            return
        s.opt.step(n, sum(grads[1:], grads[0].clone()), self.steps, s.scale.value)
        for g in grads:
            g.zero_()
        if s.weights:
            s.weights.update(n)

    def step(self):
        s, args = self.s, self.args
        loss, count = 0.0, 0
        for _ in s.take(args.batches):
            a, b = self.engine.run(self.packer.batch(), 1 / args.batches)
            loss, count = loss + a, count + b
        s.loss[self.rank] = torch.tensor([loss, count])
        s.meet(self.rank == 0)
        self.steps += 1
        self.tokens += args.tokens * args.batches
        for i in s.take(len(s.opt.names)):
            self.update(s.opt.names[i])
        total = s.loss.sum(0)
        return (total[0] / total[1]).item()

    def schedule(self, started):
        """Sets the factor of the learning rate and whether the time is up; the first process decides for all."""
        if self.rank == 0:
            left = self.args.minutes - (time.time() - started) / 60
            self.s.scale.value = min(1.0, (self.steps + 1) / self.args.warmup, max(0.0, left / max(self.args.decay_minutes, 1e-9)))
            self.s.done.value = left <= 0
        # Between the two halves of this meeting no update is under way.
        self.s.barrier.wait()
        if self.rank == 0:
            self.s.next.value = 0
            if time.time() - self.saved > 60 * self.args.save_minutes:
                self.checkpoint("stable.pt" if self.s.scale.value >= 1 else "falling.pt")
                self.saved = time.time()
        self.s.barrier.wait()
        return self.s.done.value

    def checkpoint(self, name):
        save(os.path.join(self.args.out, name), params=self.s.p, config=self.s.cfg.to_dict(), steps=self.steps,
             tokens=self.tokens, seconds=self.seconds, optimizer=self.s.opt.state())

    def run(self):
        started = self.saved = time.time()
        before, mean = self.seconds, None
        while not self.schedule(started):
            loss = self.step()
            if self.rank:
                continue
            s = self.s.scale.value
            self.seconds = before + time.time() - started
            mean = loss if mean is None else 0.98 * mean + 0.02 * loss
            if self.steps % 10 == 0:
                print(f"step {self.steps} tokens {self.tokens} loss {mean:.4f} rate {s:.3f} seconds {self.seconds:.0f}", flush=True)
        if self.rank == 0:
            self.checkpoint("final.pt")


def worker(rank, shared, args):
    torch.set_num_threads(1 if shared.ranks > 1 else torch.get_num_threads())
    torch.set_flush_denormal(True)
    Trainer(rank, shared, args).run()


def main():
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    ranks = args.processes or (os.cpu_count() if fused.library() else 1)
    shared = Shared(args, ranks)
    if ranks > 1:
        mp.spawn(worker, (shared, args), nprocs=ranks)
    else:
        worker(0, shared, args)


if __name__ == "__main__":
    main()
