"""Looks into transformers' forward pass: activation codes, how close they come to a flip, what a flip does."""

import torch
from transformers.integrations.bitnet import AutoBitLinear, BitLinear


class Watch:
    """Sees the input of every BitLinear: it keeps the activation codes and their margins, and can add noise."""

    def __init__(self, model):
        self.codes, self.scaled, self.margins, self.noise = [], [], [], None
        self.handles = [
            module.register_forward_pre_hook(self._see)
            for module in model.modules()
            if isinstance(module, (AutoBitLinear, BitLinear))
        ]
        assert self.handles

    def _see(self, module, args):
        x = args[0]
        if self.noise is not None:
            level, generator = self.noise
            x = x * (1 + level * torch.randn(x.shape, generator=generator))
        rounded = x if module.rms_norm is None else module.rms_norm(x)
        scaled = rounded * (127 / rounded.abs().amax(-1, keepdim=True).clamp(min=1e-5))
        self.scaled.append(scaled)
        self.codes.append(scaled.round().to(torch.int8))
        fraction = scaled.double() - scaled.double().floor()
        self.margins.append((fraction - 0.5).abs().amin(-1))
        return (x,)

    def run(self, model, tokens, noise=None):
        """Logits [batch, tokens, vocab], codes (a list per linear), and per token the least margin over the
        linears of that token and of all tokens before it."""
        self.codes, self.scaled, self.margins, self.noise = [], [], [], noise
        with torch.no_grad():
            logits = model(torch.tensor(tokens), use_cache=False).logits
        assert logits.dtype == torch.float32
        margins = torch.stack(self.margins).amin(0).cummin(-1).values
        return logits, self.codes, margins


class Unrounded:
    """In place of a Watch, for a model whose inputs are not rounded: every margin is the widest."""

    def run(self, model, tokens):
        with torch.no_grad():
            logits = model(torch.tensor(tokens), use_cache=False).logits
        assert logits.dtype == torch.float32
        return logits, [], torch.full(logits.shape[:2], 0.5)


def choose_clear(model, watch, shape, rng):
    """A sequence in which no code of any token comes closer to a flip than the clear margin, found token by token
    (later tokens do not change earlier ones)."""
    tokens = []
    while len(tokens) < shape.clear:
        order = rng.permutation(shape.vocab).tolist()
        fine = []
        for at in range(0, shape.vocab, 32):
            _, _, margins = watch.run(model, [tokens + [c] for c in order[at : at + 32]])
            fine = [c for c, m in zip(order[at : at + 32], margins[:, -1].tolist()) if m >= shape.clear_margin]
            if fine:
                break
        if fine:
            tokens.append(fine[0])
        else:
            tokens.pop()
    return tokens


def relative_rms(a, b):
    """RMS of a - b over RMS of b, per token."""
    return ((a - b).double().pow(2).mean(-1).sqrt() / b.double().pow(2).mean(-1).sqrt()).flatten()


def flip_study(model, watch, sequences, seeds=40):
    """How far logits move when noise flips codes. Noise of two levels before quantization: 3e-7, what float32
    itself does, and 3e-5, to see many flips. A token counts as flipped when a code of it or of an earlier
    token of its sequence differs from the run without noise."""
    still, flipped, flips_at_f32_noise, tokens_at_f32_noise = [], [], 0, 0
    swap_gaps, swaps = [0.0], 0  # where the top token changed: how far above the new one the old one was
    for tokens in sequences:
        logits, codes, _ = watch.run(model, [tokens])
        for level in (3e-7, 3e-5):
            for seed in range(seeds):
                noise = (level, torch.Generator().manual_seed(seed))
                noisy, noisy_codes, _ = watch.run(model, [tokens], noise)
                changed = torch.stack([(a != b).any(-1) for a, b in zip(codes, noisy_codes)]).any(0)
                reached = changed.flatten().int().cummax(-1).values.bool()
                error = relative_rms(noisy, logits)
                was, now = logits[0].argmax(-1, keepdim=True), noisy[0].argmax(-1, keepdim=True)
                gap = (logits[0].gather(-1, was) - logits[0].gather(-1, now))[:, 0]
                gap = gap / logits[0].pow(2).mean(-1).sqrt()
                swaps += int((was != now).sum())
                swap_gaps.append(float(gap.max()))
                if level == 3e-7:
                    flips_at_f32_noise += int(reached.sum())
                    tokens_at_f32_noise += len(tokens)
                    still.append(error[~reached])
                flipped.append(error[reached])
    still, flipped = torch.cat(still), torch.cat(flipped)
    level = lambda q: float(flipped.quantile(q))
    return {
        "still_max": float(still.max()) if len(still) else 0.0,
        "flipped_median": level(0.5),
        "flipped_p99": level(0.99),
        "flipped_max": float(flipped.max()),
        "flipped_tokens": len(flipped),
        "top_changed": swaps,
        "top_changed_max_gap": max(swap_gaps),
        "flipped_share_at_f32_noise": flips_at_f32_noise / tokens_at_f32_noise,
    }


def record_intermediates(model, tokens):
    """Values on the way to the logits for one sequence, each [tokens, size]."""
    seen = {}
    block = model.model.layers[0]

    def keep(name, index=None):
        def hook(module, args, output):
            seen[name] = (output if index is None else output[index])[0]

        return hook

    def keep_input(name):
        def hook(module, args):
            seen[name] = args[0][0]

        return hook

    handles = [
        model.model.embed_tokens.register_forward_hook(keep("embedding")),
        block.input_layernorm.register_forward_hook(keep("blk.0.attn_norm")),
        block.self_attn.q_proj.register_forward_hook(keep("blk.0.attn_q")),
        block.self_attn.k_proj.register_forward_hook(keep("blk.0.attn_k")),
        block.self_attn.v_proj.register_forward_hook(keep("blk.0.attn_v")),
        block.self_attn.attn_sub_norm.register_forward_pre_hook(keep_input("blk.0.attention")),
        block.self_attn.attn_sub_norm.register_forward_hook(keep("blk.0.attn_sub_norm")),
        block.post_attention_layernorm.register_forward_pre_hook(keep_input("blk.0.after_attention")),
        block.mlp.ffn_sub_norm.register_forward_pre_hook(keep_input("blk.0.gated")),
        block.register_forward_hook(keep("blk.0.after_ffn")),
        model.model.norm.register_forward_hook(keep("output_norm")),
    ]
    with torch.no_grad():
        model(torch.tensor([tokens]), use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: value.numpy() for name, value in seen.items()}
