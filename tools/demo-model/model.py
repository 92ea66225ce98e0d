"""BitNet b1.58 in small: the graph of the 2B4T model, trained with straight-through quantizers.

Every linear layer has a full-precision master weight. Once per optimizer step `ternary` turns the
masters into {-s, 0, +s}; the forward pass runs on those, and the gradient that arrives there is
handed to the masters unchanged (straight-through). Doing it once per step and not once per use keeps
the quantizer out of the autograd graph, which matters on a CPU.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F

EPS = 1e-5


@dataclass
class Config:
    vocab: int = 1536
    dim: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 768
    theta: float = 10000.0
    context: int = 1024

    def to_dict(self):
        return asdict(self)


def linear_shapes(cfg):
    """Name and [out, in] shape of every ternary matrix of one block, fused where the input is shared."""
    q, kv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
    return {
        "q": (q, cfg.dim),
        "k": (kv, cfg.dim),
        "v": (kv, cfg.dim),
        "o": (cfg.dim, q),
        "gate": (cfg.ffn, cfg.dim),
        "up": (cfg.ffn, cfg.dim),
        "down": (cfg.dim, cfg.ffn),
    }


# Start values. The embedding must stay visible in the residual stream, or the int8 activations round the
# token away after the first block: so it starts large, the blocks speak softly (sub-norm gains), and
# the last norm brings the logits of the tied head back to about one.
START = {"embed": 0.5, "norm": 0.12, "attn_norm": 1.0, "ffn_norm": 1.0, "attn_sub_norm": 0.4, "ffn_sub_norm": 0.4}


def kind(name):
    return name.rsplit(".", 1)[-1]


def init_params(cfg, seed=0):
    """Master parameters by name: `embed`, `norm`, and for block i `i.q` .. `i.down` and `i.*_norm`."""
    g = torch.Generator().manual_seed(seed)
    p = {"embed": torch.randn(cfg.vocab, cfg.dim, generator=g) * START["embed"], "norm": torch.full((cfg.dim,), START["norm"])}
    for i in range(cfg.layers):
        for name, shape in linear_shapes(cfg).items():
            p[f"{i}.{name}"] = torch.randn(*shape, generator=g) * 0.05
        for name, n in (("attn_norm", cfg.dim), ("attn_sub_norm", cfg.heads * cfg.head_dim),
                        ("ffn_norm", cfg.dim), ("ffn_sub_norm", cfg.ffn)):
            p[f"{i}.{name}"] = torch.full((n,), START[name])
    return p


def is_ternary(name):
    return kind(name) in ("q", "k", "v", "o", "gate", "up", "down")


def ternary(w):
    """absmean quantizer: {-1, 0, +1} times the mean size of the master weights (at least 1e-5)."""
    s = w.abs().mean().clamp(min=1e-5)
    return (w / s).round().clamp(-1, 1) * s


def quant8(x):
    """Per-token absmax int8 quantization and back; the gradient passes straight through."""
    s = 127.0 / x.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-5)
    return x + ((x * s).round().clamp(-128, 127) / s - x).detach()


def rms(x, w):
    return x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + EPS) * w


def rope_tables(cfg, length, device="cpu"):
    """cos and sin, [length, head_dim], for the rotate-half (NEOX) pairing."""
    inv = cfg.theta ** (-torch.arange(0, cfg.head_dim, 2, device=device, dtype=torch.float32) / cfg.head_dim)
    a = torch.arange(length, device=device, dtype=torch.float32)[:, None] * inv[None]
    a = torch.cat([a, a], dim=-1)
    return a.cos(), a.sin()


def rotate(x, cos, sin):
    h = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., h:], x[..., :h]], dim=-1) * sin


def block(cfg, x, wqkv, wo, wgu, wd, n1, n2, n3, n4, cos, sin, mask):
    """One transformer block. x [B, T, dim]; mask [B, 1, T, T], added to the attention scores."""
    B, T, _ = x.shape
    nq, nkv = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
    q, k, v = F.linear(quant8(rms(x, n1)), wqkv).split([nq, nkv, nkv], dim=-1)
    q = rotate(q.view(B, T, cfg.heads, cfg.head_dim).transpose(1, 2), cos, sin)
    k = rotate(k.view(B, T, cfg.kv_heads, cfg.head_dim).transpose(1, 2), cos, sin)
    v = v.view(B, T, cfg.kv_heads, cfg.head_dim).transpose(1, 2)
    rep = cfg.heads // cfg.kv_heads
    k, v = k.repeat_interleave(rep, dim=1), v.repeat_interleave(rep, dim=1)
    a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    a = a.transpose(1, 2).reshape(B, T, nq)
    x = x + F.linear(quant8(rms(a, n2)), wo)
    g, u = F.linear(quant8(rms(x, n3)), wgu).split([cfg.ffn, cfg.ffn], dim=-1)
    h = F.relu(g).square() * u
    return x + F.linear(quant8(rms(h, n4)), wd)


def hidden(cfg, p, tokens, mask, cos, sin):
    """Final normalized states [B, T, dim] from parameters whose matrices are already ternary."""
    x = F.embedding(tokens, p["embed"])
    for i in range(cfg.layers):
        x = block(
            cfg, x,
            torch.cat([p[f"{i}.q"], p[f"{i}.k"], p[f"{i}.v"]]), p[f"{i}.o"],
            torch.cat([p[f"{i}.gate"], p[f"{i}.up"]]), p[f"{i}.down"],
            p[f"{i}.attn_norm"], p[f"{i}.attn_sub_norm"], p[f"{i}.ffn_norm"], p[f"{i}.ffn_sub_norm"],
            cos, sin, mask)
    return rms(x, p["norm"])


def loss(cfg, p, batch):
    """Mean cross-entropy of a `Batch` at its answers, from parameters whose matrices are already ternary."""
    device = p["embed"].device
    size = batch.starts.diff()
    docs = torch.repeat_interleave(torch.arange(len(size)), size).to(device)
    cos, sin = rope_tables(cfg, int(batch.pos.max()) + 1, device)
    pos, rows = batch.pos.to(device).long(), batch.rows.to(device).long()
    h = hidden(cfg, p, batch.tokens.to(device).long()[None], document_mask(docs[None]), cos[pos], sin[pos])
    return F.cross_entropy(h[0, rows] @ p["embed"].T, batch.targets.to(device).long())


def document_mask(docs):
    """Additive mask [B, 1, T, T] from document numbers [B, T]: causal, and never across documents."""
    T = docs.shape[1]
    ok = (docs[:, :, None] == docs[:, None, :]) & torch.ones(T, T, dtype=torch.bool, device=docs.device).tril()
    return torch.where(ok, 0.0, float("-inf"))[:, None]
