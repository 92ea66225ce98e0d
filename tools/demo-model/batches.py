"""Endless training batches: fresh conversations laid end to end, never the same twice."""

import random
from array import array
from dataclasses import dataclass

import torch

from data import dialog

LONGEST = 1024
LONG_SHARE = 0.12  # share of conversations that may go on for many turns


@dataclass
class Batch:
    """`size` tokens; documents lie between successive `starts`, the last of which may be padding.

    rows: places whose next token is part of an answer; targets: those next tokens. All int32.
    """

    tokens: torch.Tensor
    pos: torch.Tensor
    starts: torch.Tensor
    rows: torch.Tensor
    targets: torch.Tensor


class Packer:
    def __init__(self, coder, size, seed, more):
        self.coder, self.size, self.more = coder, size, more
        self.r = random.Random(seed)
        self.pool = []

    def conversation(self):
        """(ids, loss marks) of a conversation of at most LONGEST tokens."""
        while True:
            many = self.r.random() < LONG_SHARE
            text = dialog.conversation(self.r, 24 if many else 5, 0.87 if many else self.more)
            ids, loss = self.coder.training(text, self.r)
            if len(ids) <= LONGEST:
                return ids, loss

    def row(self):
        """One row of `size` tokens as bit 15: part of an answer, bits 0-14: id; conversations begin with the BOS token."""
        out, left = array("H"), self.size
        while True:
            while len(self.pool) < 48:
                self.pool.append(self.conversation())
            i = next((i for i, c in enumerate(self.pool) if len(c[0]) <= left), None)
            if i is None:
                break
            ids, marks = self.pool.pop(i)
            out.extend(t | m << 15 for t, m in zip(ids, marks))
            left -= len(ids)
        out.extend([self.coder.eos] * left)
        return out

    def batch(self):
        ids, marks, pos, starts = [], [], [], [0]
        while True:
            while len(self.pool) < 32:
                self.pool.append(self.conversation())
            left = self.size - len(ids)
            i = next((i for i, c in enumerate(self.pool) if len(c[0]) <= left), None)
            if i is None:
                break
            a, b = self.pool.pop(i)
            ids += a
            marks += b
            pos += range(len(a))
            starts.append(len(ids))
        if left:
            ids += [self.coder.eos] * left
            marks += [0] * left
            pos += range(left)
            starts.append(len(ids))
        rows = [t - 1 for t, m in enumerate(marks) if m]
        return Batch(*(torch.tensor(x, dtype=torch.int32) for x in (ids, pos, starts, rows, [ids[t + 1] for t in rows])))
