"""Hugging Face folders of the fixture models, as BitNet models are published: config.json, model.safetensors (packed bytes
with either meaning of weight_scale, or master weights), tokenizer.json and what lies beside it.

Each folder is loaded by transformers' AutoModelForCausalLM.from_pretrained, and its logits are compared with those that
models.py has recorded for the same weights: so a folder says what its GGUF file says.
"""

import json
import os
import shutil
import sys

import models  # first: it switches torch.compile off

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.bitnet import BitLinear, pack_weights

import observation
import shapes
import texts
import vocabulary

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../fixtures/checkpoints")
MODELS = os.path.join(HERE, "../fixtures/models")

# (folder, shape, how the matrices are stored, further properties)
FOLDERS = [
    ("tiny-multiply", shapes.TINY, "autobitlinear", {"template": "file"}),
    ("tiny-divide", shapes.TINY, "bitlinear", {"template": "config", "shards": 2}),
    ("tiny-master", shapes.MASTER, "master", {"dtypes": shapes.MIXED_FLOATS}),
    ("tiny-silu", shapes.SILU, "first", {"pre": "gpt-2"}),
    ("llama-divide", shapes.LLAMA, "bitlinear", {"template": "file"}),
    ("llama-llama3", shapes.LLAMA3, "autobitlinear", {"template": "file"}),
    ("llama-yarn", shapes.YARN, "bitlinear", {"template": "file"}),
    ("qwen3-divide", shapes.QWEN3, "bitlinear", {"template": "file"}),
    ("qwen3-norms", shapes.QWEN3_EMBEDDING, "bitlinear", {"template": "file"}),
]

PARTS = {"attn_sub_norm": "self_attn.inner_attn_ln", "ffn_sub_norm": "mlp.ffn_layernorm"}
DTYPES = {0: torch.float32, 1: torch.float16, 30: torch.bfloat16}


def tensors_of(shape, weights, storage, more):
    """The tensors by their names in transformers. `first`: those of the first BitNet models, all floats."""
    exact = torch.bfloat16 if shape.bf16_embedding else torch.float16
    tensors = {"model.embed_tokens.weight": torch.from_numpy(weights["token_embd"]).to(exact)}
    for layer in range(shape.n_layers):
        path = lambda name: f"model.layers.{layer}.{name}"
        for name, place in shapes.LINEARS.items():
            weight = weights[f"blk.{layer}.{name}"]
            key = path(place) + ".weight"
            if isinstance(weight, np.ndarray):
                tensors[key] = torch.from_numpy(weight).to(DTYPES[more["dtypes"][name]])
                continue
            codes, scale = weight
            if storage == "first":
                tensors[key] = torch.from_numpy(codes * np.float32(scale)).to(torch.bfloat16)
                continue
            tensors[key] = pack_weights(torch.from_numpy(codes.copy()))
            factor = scale if storage == "autobitlinear" else 1 / scale
            tensors[key + "_scale"] = torch.tensor([factor], dtype=torch.bfloat16)
        for name, place in shape.norms.items():
            place = PARTS.get(name, place) if storage == "first" else place
            tensors[path(place) + ".weight"] = torch.from_numpy(weights[f"blk.{layer}.{name}"])
    tensors["model.norm.weight"] = torch.from_numpy(weights["output_norm"])
    if not shape.tied:
        tensors["lm_head.weight"] = torch.from_numpy(weights["output"]).to(exact)
    return tensors


def config_of(shape, storage):
    config = {
        "architectures": ["BitNetForCausalLM"],
        "model_type": "bitnet",
        "vocab_size": shape.vocab,
        "hidden_size": shape.dim,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "hidden_act": shape.act,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta,
        "tie_word_embeddings": shape.tied,
        "torch_dtype": "float32",
        "bos_token_id": 312,
        "eos_token_id": 313,
    }
    if shape.family == "qwen3":
        config |= {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": shape.head_dim,
                   "attention_bias": False, "use_sliding_window": False, "sliding_window": None,
                   "layer_types": ["full_attention"] * shape.n_layers}
    if shape.family == "llama":
        config |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "head_dim": shape.head_dim,
                   "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1}
    if shape.rope:
        config["rope_scaling"] = shape.rope
    quantization = {"quant_method": "bitnet", "modules_to_not_convert": None}
    if shape.input_norms:
        quantization |= {"use_rms_norm": True, "rms_norm_eps": shape.eps}
    if storage == "first":
        # As 1bitLLM's: no quantization_config, the class of a file that comes with the model.
        return config | {"architectures": ["BitnetForCausalLM"], "model_type": "llama", "weight_bits": 1, "input_bits": 8}
    if storage == "autobitlinear":
        quantization |= {"linear_class": "autobitlinear", "quantization_mode": "offline"}
    elif storage == "master":
        quantization |= {"linear_class": "autobitlinear", "quantization_mode": "online"}
    return config | {"quantization_config": quantization}


def save_weights(folder, tensors, shards):
    if shards == 1:
        return save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    names, index = sorted(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        save_file(part, f"{folder}/{file}", metadata={"format": "pt"})
        index |= {name: file for name in part}
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    with open(f"{folder}/model.safetensors.index.json", "w") as sink:
        json.dump({"metadata": {"total_size": total}, "weight_map": index}, sink, indent=1)


def save_tokenizer(folder, vocab, pre, template):
    tokenizer = vocabulary.build(*vocab, pre)
    tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    config = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": {"__type": "AddedToken", "content": "<|end_of_text|>", "special": True},
        "add_bos_token": True,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
    }
    if template == "file":
        with open(f"{folder}/chat_template.jinja", "w") as sink:
            sink.write(vocabulary.RIGHT_TEMPLATE)
    elif template == "config":
        config["chat_template"] = [{"name": "default", "template": vocabulary.RIGHT_TEMPLATE}]
    with open(f"{folder}/tokenizer_config.json", "w") as sink:
        json.dump(config, sink, indent=1)
    with open(f"{folder}/generation_config.json", "w") as sink:
        json.dump({"bos_token_id": 312, "eos_token_id": [313, 316]}, sink, indent=1)


def check(folder, shape, storage):
    """What transformers computes with the folder is what it computed with the model that the GGUF files were made of."""
    if storage == "first":
        return print(folder, "is not loaded: transformers has no class for it")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    torch.nn.Module.float(model)  # packed bytes stay as they are; some tensors keep the type of the file otherwise
    for module in model.modules():
        if isinstance(module, BitLinear):
            module.dtype = torch.float32
    record = json.load(open(f"{MODELS}/{shape.name}.json"))
    rows = torch.from_numpy(np.fromfile(f"{MODELS}/{record['logits']}", "<f4").reshape(-1, shape.vocab).copy())
    at, errors, clear = 0, [], []
    for sequence in record["sequences"]:
        tokens = sequence["tokens"]
        with torch.no_grad():
            got = model(torch.tensor([tokens]), use_cache=False).logits[0]
        errors += observation.relative_rms(got, rows[at : at + len(tokens)]).tolist()
        clear += [margin >= record["clear_margin"] for margin in sequence["margins"]]
        at += len(tokens)
    worst = max(error for error, is_clear in zip(errors, clear) if is_clear)
    print(f"{os.path.basename(folder):16} {model.__class__.__name__}: {sum(clear)} clear tokens differ from the recorded "
          f"logits by at most {worst:.1e}, all {len(errors)} by {max(errors):.1e}")
    assert worst < models.TIGHT and max(errors) < record["flip_bound"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = json.load(open(os.path.join(HERE, "../fixtures/tokenizer/models.json")))["cases"]
    for case, recorded in zip(texts.all_texts(), plain):
        assert tokenizer(case["text"], add_special_tokens=False).input_ids == recorded["ids"], case["name"]


def make(only=()):
    vocab = vocabulary.small(320)
    assert [vocab[0].index(name) for name in ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")] == [312, 313, 316]
    for name, shape, storage, more in FOLDERS:
        if only and name not in only:
            continue
        folder = os.path.join(OUT, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        weights = models.make_weights(shape)
        with open(f"{folder}/config.json", "w") as sink:
            json.dump(config_of(shape, storage), sink, indent=1)
        save_weights(folder, tensors_of(shape, weights, storage, more), more.get("shards", 1))
        save_tokenizer(folder, vocab, more.get("pre", "llama-bpe"), more.get("template"))
        check(folder, shape, storage)


if __name__ == "__main__":
    make(sys.argv[1:])
