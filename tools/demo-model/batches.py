"""Endless training batches: fresh conversations, packed into rows, never the same twice."""

import random

import torch

from data import dialog


class Packer:
    """Rows of `length` tokens filled with whole conversations; attention stays inside each of them."""

    def __init__(self, coder, length, seed, max_units, more):
        self.coder, self.length, self.max_units, self.more = coder, length, max_units, more
        self.r = random.Random(seed)
        self.pool = []

    def fill(self):
        while len(self.pool) < 48:
            ids, loss = self.coder.training(dialog.conversation(self.r, self.max_units, self.more), self.r)
            if len(ids) <= self.length:
                self.pool.append((ids, loss))

    def row(self):
        left, ids, loss, docs, d = self.length, [], [], [], 0
        while True:
            self.fill()
            fits = [i for i, c in enumerate(self.pool) if len(c[0]) <= left]
            if not fits:
                break
            i = fits[0] if d == 0 else max(fits, key=lambda j: len(self.pool[j][0])) if left < 128 else fits[0]
            a, b = self.pool.pop(i)
            ids += a
            loss += b
            docs += [d] * len(a)
            d += 1
            left -= len(a)
        return ids + [self.coder.eos] * left, loss + [0] * left, docs + [-1] * left

    def batch(self, rows):
        """tokens [B, T], loss weights [B, T] for predicting the token at that place, documents [B, T]."""
        ids, loss, docs = zip(*(self.row() for _ in range(rows)))
        return torch.tensor(ids), torch.tensor(loss, dtype=torch.bool), torch.tensor(docs)
