"""What PyTorch says to a GGUF file: top tokens over held-out conversations, for comparison with the run time.

    python agree.py MODEL.gguf OUT.json [--count 64]

The weights are read back from the file itself (I2_S codes times their scale, f16 embedding), so that
both sides compute with the same numbers. Each sequence is a held-out conversation with its expected
answer, as token ids; `top` holds, for every position, the id with the highest logit and `gap` its
lead over the second: a disagreement at a tiny gap is a rounding difference, one at a wide gap a bug.
"""

import argparse
import json
import os
import struct

import torch

import model
from eval import prompts
from reference import Reference
from tokenizer import Coder

HERE = os.path.dirname(os.path.abspath(__file__))
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


class Reader:
    """The little of GGUF that `export.py` writes."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.at = 4
        assert self.data[:4] == b"GGUF" and self.take("<I") == 3
        n_tensors, n_values = self.take("<Q"), self.take("<Q")
        self.meta = {self.string(): self.value(self.take("<I")) for _ in range(n_values)}
        self.table = {}
        for _ in range(n_tensors):
            name = self.string()
            dims = [self.take("<Q") for _ in range(self.take("<I"))]
            self.table[name] = (dims, self.take("<I"), self.take("<Q"))
        self.base = -(-self.at // 32) * 32

    def take(self, form):
        v = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return v

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            inner, n = self.take("<I"), self.take("<Q")
            return [self.value(inner) for _ in range(n)]
        return self.take(SCALARS[kind])

    def tensor(self, name):
        """As f32, in PyTorch's order of dimensions."""
        dims, kind, offset = self.table[name]
        n, at = 1, self.base + offset
        for d in dims:
            n *= d
        raw = bytearray(self.data[at:at + {0: 4 * n, 1: 2 * n, 36: n // 4 + 32}[kind]])
        if kind == 0:
            t = torch.frombuffer(raw, dtype=torch.float32)
        elif kind == 1:
            t = torch.frombuffer(raw, dtype=torch.float16).float()
        else:
            b = torch.frombuffer(raw[:n // 4], dtype=torch.uint8).view(-1, 32)
            codes = torch.stack([(b >> s) & 3 for s in (6, 4, 2, 0)], dim=1)
            t = (codes.float() - 1) * struct.unpack_from("<f", raw, n // 4)[0]
        return t.reshape(list(reversed(dims))).clone()


class FromFile(Reference):
    """The reference with a file's own weights, which are ternary already."""

    def __init__(self, reader):
        key = lambda k: reader.meta["bitnet-b1.58." + k]
        self.cfg = cfg = model.Config(
            vocab=key("vocab_size"), dim=key("embedding_length"), layers=key("block_count"), heads=key("attention.head_count"),
            kv_heads=key("attention.head_count_kv"), head_dim=key("rope.dimension_count"), ffn=key("feed_forward_length"),
            theta=key("rope.freq_base"), context=key("context_length"))
        self.p = {"embed": reader.tensor("token_embd.weight"), "norm": reader.tensor("output_norm.weight")}
        names = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
        for i in range(cfg.layers):
            for n in [*names, "attn_norm", "attn_sub_norm", "ffn_norm", "ffn_sub_norm"]:
                self.p[f"{i}.{n}"] = reader.tensor(f"blk.{i}.{names.get(n, n)}.weight")
        self.cos, self.sin = model.rope_tables(cfg, cfg.context + 256)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("gguf")
    a.add_argument("out")
    a.add_argument("--count", type=int, default=64)
    a = a.parse_args()
    torch.set_num_threads(1)
    ref = FromFile(Reader(a.gguf))
    coder = Coder(os.path.join(HERE, "tokenizer.json"))
    rows = prompts()
    rows = rows[::max(1, len(rows) // a.count)][:a.count]
    out = []
    for p in rows:
        ids = coder.prompt([(m["role"], m["content"]) for m in p["messages"]]) + coder.ids(p["answer"]) + [coder.eot]
        best = ref.logits(ids).topk(2)
        out.append({"id": p["id"], "ids": ids, "top": best.indices[:, 0].tolist(),
                    "gap": [round(x, 4) for x in (best.values[:, 0] - best.values[:, 1]).tolist()]})
    with open(a.out, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(x, separators=(",", ":")) for x in out) + "\n]\n")
    print(len(out), "sequences,", sum(len(x["ids"]) for x in out), "positions")


if __name__ == "__main__":
    main()
