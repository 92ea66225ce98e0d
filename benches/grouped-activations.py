"""How far int8 activations with a scale for each group are from float ones, in a model that was never trained with either.

    python benches/grouped-activations.py train OUT SECONDS    a small Qwen3 with ternary weights in groups of 64, embedding included
    python benches/grouped-activations.py export OUT           OUT/model.gguf (Q2_0) and OUT/sequences.json for `bitnet divergence`
    python benches/grouped-activations.py measure OUT          KL and top tokens, int8 inputs simulated in transformers; then the same
                                                               function with channels 30 times as large as the others

Trained on the Python sources of this environment (code and prose), with the weights ternarized in the forward pass
and floats everywhere else, as Bonsai was; every twentieth file is kept for measuring. Needs torch, transformers and tokenizers, as
tests/oracle does.
"""

import glob
import json
import math
import os
import sys
import time

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.utils import parametrize
from transformers import Qwen3Config, Qwen3ForCausalLM

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/oracle"))
import gguf_file as g  # noqa: E402

VOCAB, GROUP, LENGTH, BATCH = 2048, 64, 128, 16
CONFIG = Qwen3Config(vocab_size=VOCAB, hidden_size=192, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=64, max_position_embeddings=512, rms_norm_eps=1e-6,
                     tie_word_embeddings=True, attn_implementation="eager")
LINEARS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
           "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def codes_of(weight):
    """Codes and f16 scales of groups, as `[rows, groups, GROUP]` and `[rows, groups, 1]`."""
    groups = weight.reshape(weight.shape[0], -1, GROUP)
    scales = groups.abs().mean(-1, keepdim=True).clamp(min=1e-4).half().float()
    return (groups / scales).round().clamp(-1, 1), scales


class Ternary(torch.nn.Module):
    def forward(self, weight):
        codes, scales = codes_of(weight)
        ternary = (codes * scales).reshape(weight.shape)
        return weight + (ternary - weight).detach()


def texts():
    root = os.path.dirname(os.path.dirname(torch.__file__))
    paths = sorted(glob.glob(f"{root}/transformers/**/*.py", recursive=True))
    read = lambda path: open(path, encoding="utf-8", errors="replace").read()
    return [read(p) for i, p in enumerate(paths) if i % 20], [read(p) for i, p in enumerate(paths) if i % 20 == 0]


def train(out, seconds):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    trained, kept = texts()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(trained[::30], trainers.BpeTrainer(vocab_size=VOCAB, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    ids = lambda many: np.concatenate([np.array(tokenizer.encode(t).ids, np.int64) for t in many])
    data, held = ids(trained[::10]), ids(kept)[:60000]
    np.save(f"{out}/held.npy", held)
    model = Qwen3ForCausalLM(CONFIG)
    for layer in model.model.layers:
        for path in LINEARS.values():
            parametrize.register_parametrization(layer.get_submodule(path), "weight", Ternary())
    parametrize.register_parametrization(model.model.embed_tokens, "weight", Ternary())
    weights = model.model.embed_tokens

    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.95), weight_decay=0.05)
    rng, began, step = np.random.default_rng(2), time.time(), 0
    while (spent := (time.time() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1, (step + 1) / 30) * (1 - spent) ** 0.7
        at = rng.integers(0, len(data) - LENGTH - 1, BATCH)
        batch = torch.from_numpy(np.stack([data[i : i + LENGTH + 1] for i in at]))
        hidden = model.model(batch[:, :-1]).last_hidden_state
        logits = hidden @ weights.weight.T
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 20 == 1:
            print(f"{step} {loss.item():.3f} {time.time() - began:.0f} s", flush=True)
            torch.save({k: v for k, v in model.state_dict().items() if "lm_head" not in k}, f"{out}/model.pt")
    torch.save({k: v for k, v in model.state_dict().items() if "lm_head" not in k}, f"{out}/model.pt")


def quantized(out):
    """For each matrix by its GGUF name (codes, scales), and the norms."""
    state = torch.load(f"{out}/model.pt")
    matrices, norms = {}, {}
    for layer in range(CONFIG.num_hidden_layers):
        place = f"model.layers.{layer}."
        for name, path in LINEARS.items():
            matrices[f"blk.{layer}.{name}"] = codes_of(state[f"{place}{path}.parametrizations.weight.original"])
        for name, path in {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
                           "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}.items():
            norms[f"blk.{layer}.{name}"] = state[f"{place}{path}.weight"]
    matrices["token_embd"] = codes_of(state["model.embed_tokens.parametrizations.weight.original"])
    norms["output_norm"] = state["model.norm.weight"]
    return matrices, norms


def export(out):
    matrices, norms = quantized(out)
    arch = "qwen3"
    # Ids are given, so that the texts of tokens mean nothing.
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet()) + [chr(c) for c in range(0x4E00, 0x4E00 + VOCAB - 256)]
    metadata = [
        ("general.architecture", g.STR, arch),
        *[(f"{arch}.{key}", g.U32, value) for key, value in {
            "context_length": 512, "embedding_length": CONFIG.hidden_size, "block_count": CONFIG.num_hidden_layers,
            "feed_forward_length": CONFIG.intermediate_size, "attention.head_count": CONFIG.num_attention_heads,
            "attention.head_count_kv": CONFIG.num_key_value_heads, "attention.key_length": 64, "attention.value_length": 64,
            "rope.dimension_count": 64}.items()],
        (f"{arch}.attention.layer_norm_rms_epsilon", g.F32, CONFIG.rms_norm_eps),
        (f"{arch}.rope.freq_base", g.F32, CONFIG.rope_parameters["rope_theta"]),
        ("tokenizer.ggml.model", g.STR, "gpt2"),
        ("tokenizer.ggml.pre", g.STR, "qwen2"),
        ("tokenizer.ggml.tokens", (g.ARRAY, g.STR), alphabet),
        ("tokenizer.ggml.token_type", (g.ARRAY, g.I32), [1] * VOCAB),
        ("tokenizer.ggml.merges", (g.ARRAY, g.STR), []),
        ("tokenizer.ggml.eos_token_id", g.U32, 0),
    ]
    tensors = [(f"{name}.weight", list(codes.reshape(codes.shape[0], -1).shape[::-1]), g.TYPE_Q2_0,
                g.pack_groups(g.TYPE_Q2_0, codes.reshape(codes.shape[0], -1).numpy().astype(np.int8), scales.numpy()))
               for name, (codes, scales) in matrices.items()]
    tensors += [(f"{name}.weight", [len(w)], g.TYPE_F32, w.numpy().astype("<f4").tobytes()) for name, w in norms.items()]
    g.write(f"{out}/model.gguf", metadata, tensors)
    held = np.load(f"{out}/held.npy")
    sequences = [{"id": str(i), "ids": held[i * 256 : (i + 1) * 256].tolist()} for i in range(16)]
    json.dump(sequences, open(f"{out}/sequences.json", "w"))


def rounded(x, group):
    """Inputs rounded to int8 with a scale for each `group` of columns; 0: one scale for all."""
    groups = x.reshape(*x.shape[:-1], -1, group or x.shape[-1])
    scale = 127 / groups.abs().amax(-1, keepdim=True).clamp(min=1e-5)
    return ((groups * scale).round().clamp(-128, 127) / scale).reshape(x.shape)


def give_outliers(model, channels=(17, 91, 140), by=30.0):
    """Makes a few channels of every normalized input as large as those of large trained models are, and their columns so much smaller:
    the model computes what it did."""
    for block in model.model.layers:
        attention, feed_forward = block.self_attn, block.mlp
        for norm, layers in [(block.input_layernorm, [attention.q_proj, attention.k_proj, attention.v_proj]),
                             (block.post_attention_layernorm, [feed_forward.gate_proj, feed_forward.up_proj])]:
            norm.weight[list(channels)] *= by
            for layer in layers:
                layer.weight[:, list(channels)] /= by


def measure(out, outliers):
    torch.set_num_threads(1)
    matrices, norms = quantized(out)
    model = Qwen3ForCausalLM(CONFIG).eval()
    dense = lambda name: (matrices[name][0] * matrices[name][1]).reshape(matrices[name][0].shape[0], -1)
    linears = []
    with torch.no_grad():
        for layer, block in enumerate(model.model.layers):
            for name, path in LINEARS.items():
                block.get_submodule(path).weight.copy_(dense(f"blk.{layer}.{name}"))
                linears.append(block.get_submodule(path))
            block.input_layernorm.weight.copy_(norms[f"blk.{layer}.attn_norm"])
            block.post_attention_layernorm.weight.copy_(norms[f"blk.{layer}.ffn_norm"])
            block.self_attn.q_norm.weight.copy_(norms[f"blk.{layer}.attn_q_norm"])
            block.self_attn.k_norm.weight.copy_(norms[f"blk.{layer}.attn_k_norm"])
        model.model.embed_tokens.weight.copy_(dense("token_embd"))
        model.model.norm.weight.copy_(norms["output_norm"])
        if outliers:
            give_outliers(model)
        sequences = torch.tensor([s["ids"] for s in json.load(open(f"{out}/sequences.json"))])
        want = model(sequences).logits.log_softmax(-1)
        loss = -want[:, :-1].gather(-1, sequences[:, 1:, None]).mean().item()
        entropy = -(want.exp() * want).sum(-1).mean().item()
        print("with outliers" if outliers else "as trained")
        print(f"held-out loss {loss:.3f} nats ({math.exp(loss):.1f}), entropy {entropy:.2f} nats, {want[..., 0].numel()} positions")
        for group, label in [(64, "groups of 64"), (128, "groups of up to 128"), (0, "one scale for a token")]:
            width = lambda x: group if group and x.shape[-1] % group == 0 else 64 if group else 0
            hooks = [m.register_forward_pre_hook(lambda _, args: (rounded(args[0], width(args[0])),)) for m in linears]
            got = model(sequences).logits.log_softmax(-1)
            [hook.remove() for hook in hooks]
            kl = (want.exp() * (want - got)).sum(-1).flatten()
            same = (want.argmax(-1) == got.argmax(-1)).float().mean().item()
            print(f"int8, {label}: KL mean {kl.mean():.2e}, 99% {kl.quantile(0.99):.2e}, worst {kl.max():.2e}; same top token {same:.2%}")


if __name__ == "__main__":
    command, out = sys.argv[1:3]
    if command == "train":
        train(out, float(sys.argv[3]))
    elif command == "export":
        export(out)
    else:
        [measure(out, outliers) for outliers in (False, True)]
