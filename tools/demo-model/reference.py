"""The model once more, as plain as possible: greedy decoding in PyTorch, for checks while training."""

import torch
import torch.nn.functional as F

import model


class Reference:
    """Inference from a checkpoint's parameters. Holds the ternary weights and the f16-rounded embedding."""

    def __init__(self, cfg, params):
        self.cfg = cfg
        self.p = {n: (model.ternary(t) if model.is_ternary(n) else t.clone()) for n, t in params.items()}
        self.p["embed"] = self.p["embed"].half().float()
        self.cos, self.sin = model.rope_tables(cfg, cfg.context + 256, self.p["embed"].device)

    @torch.no_grad()
    def logits(self, ids):
        """All positions of one sequence: [T, vocab]."""
        x = torch.tensor([ids])
        T = len(ids)
        mask = model.document_mask(torch.zeros(1, T, dtype=torch.long))
        return (model.hidden(self.cfg, self.p, x, mask, self.cos[:T], self.sin[:T]) @ self.p["embed"].T)[0]

    @torch.no_grad()
    def greedy(self, prompts, stop, limit=220):
        """Answers for a list of id lists, decoded together with a KV cache; left-padded."""
        cfg, p = self.cfg, self.p
        B, longest = len(prompts), max(map(len, prompts))
        pad = torch.tensor([longest - len(x) for x in prompts])
        tokens = torch.tensor([[stop] * (longest - len(x)) + x for x in prompts])
        total = longest + limit
        ks = [torch.zeros(B, cfg.kv_heads, total, cfg.head_dim) for _ in range(cfg.layers)]
        vs = [torch.zeros_like(k) for k in ks]
        out, alive, at = [[] for _ in prompts], [True] * B, 0
        for step in range(limit):
            T = tokens.shape[1]
            pos = (torch.arange(at, at + T)[None] - pad[:, None]).clamp(min=0)
            cos, sin = self.cos[pos][:, None], self.sin[pos][:, None]
            keys = torch.arange(at + T)
            ok = (keys[None, None] <= torch.arange(at, at + T)[None, :, None]) & (keys[None, None] >= pad[:, None, None])
            ok = ok | (keys[None, None] == torch.arange(at, at + T)[None, :, None])
            mask = torch.where(ok, 0.0, float("-inf"))[:, None]
            x = F.embedding(tokens, p["embed"])
            for i in range(cfg.layers):
                x = self.block(i, x, cos, sin, mask, ks[i], vs[i], at)
            at += T
            best = (model.rms(x[:, -1], p["norm"]) @ p["embed"].T).argmax(-1)
            for b, token in enumerate(best.tolist()):
                if alive[b]:
                    if token in (stop, stop - 1):
                        alive[b] = False
                    else:
                        out[b].append(token)
            if not any(alive):
                break
            tokens = best[:, None]
        return out

    def block(self, i, x, cos, sin, mask, ks, vs, at):
        cfg, p = self.cfg, self.p
        B, T, _ = x.shape
        a = model.quant8(model.rms(x, p[f"{i}.attn_norm"]))
        heads = lambda y, n: y.view(B, T, n, cfg.head_dim).transpose(1, 2)
        q = model.rotate(heads(F.linear(a, p[f"{i}.q"]), cfg.heads), cos, sin)
        ks[:, :, at:at + T] = model.rotate(heads(F.linear(a, p[f"{i}.k"]), cfg.kv_heads), cos, sin)
        vs[:, :, at:at + T] = heads(F.linear(a, p[f"{i}.v"]), cfg.kv_heads)
        rep = cfg.heads // cfg.kv_heads
        k, v = (t[:, :, :at + T].repeat_interleave(rep, dim=1) for t in (ks, vs))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(B, T, -1)
        x = x + F.linear(model.quant8(model.rms(o, p[f"{i}.attn_sub_norm"])), p[f"{i}.o"])
        a = model.quant8(model.rms(x, p[f"{i}.ffn_norm"]))
        h = F.relu(F.linear(a, p[f"{i}.gate"])).square() * F.linear(a, p[f"{i}.up"])
        return x + F.linear(model.quant8(model.rms(h, p[f"{i}.ffn_sub_norm"])), p[f"{i}.down"])


def load(path, device="cpu"):
    saved = torch.load(path, map_location=device)
    return Reference(model.Config(**saved["config"]), {n: t.float() for n, t in saved["params"].items()}), saved


def answers(ref, coder, conversations, batch=64, limit=220):
    """Greedy texts for a list of message lists [(role, text), ...]."""
    order = sorted(range(len(conversations)), key=lambda i: sum(len(t) for _, t in conversations[i]))
    out = [None] * len(conversations)
    for s in range(0, len(order), batch):
        part = order[s:s + batch]
        ids = ref.greedy([coder.prompt(conversations[i]) for i in part], coder.eot, limit)
        for i, x in zip(part, ids):
            out[i] = coder.text(x)
    return out


if __name__ == "__main__":
    import os
    import sys
    from tokenizer import Coder

    torch.set_num_threads(1)
    reference, info = load(sys.argv[1])
    c = Coder(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer.json"))
    history = []
    print(info["steps"], "steps,", info["tokens"], "tokens. Empty line: new conversation.")
    for line in sys.stdin:
        if not line.strip():
            history = []
            continue
        history.append(("user", line.strip()))
        text = answers(reference, c, [history])[0]
        history.append(("assistant", text))
        print("  ", text)
