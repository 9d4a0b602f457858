"""A model of the lab in the Hugging Face format: the same numbers under the names that other software knows.

`llama` becomes LlamaForCausalLM and `gpt2` GPT2LMHeadModel, so that transformers, vLLM and whatever reads these formats
load them with no code of ours. The logits are equal (tested against transformers).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import MissingExtraError, StudyError
from scalewise.lab.shapes import Gpt2Shape, Shape, architecture_of
from scalewise.lab.weights import TrainedModel
from scalewise.publish.tokenizer import ByteTokenizer, Tokenizer
from scalewise.runs.files import write_text
from scalewise.runs.flops import TransformerShape

if TYPE_CHECKING:
    from torch import Tensor

Tensors = dict[str, "Tensor"]
BYTES = ByteTokenizer()


@dataclass(frozen=True)
class Chat:
    """`template` is a Jinja template of a conversation; `end` the text that ends an answer, one token long."""

    template: str
    end: str | None = None

    def __post_init__(self) -> None:
        import jinja2

        try:
            jinja2.Environment().parse(self.template)
        except jinja2.TemplateSyntaxError as error:
            raise StudyError(f"the chat template is no Jinja template: line {error.lineno}: {error.message}.") from None


def write_checkpoint(model: TrainedModel, folder: Path, chat: Chat | None = None, tokenizer: Tokenizer = BYTES) -> None:
    """Write config, weights and tokenizer into a folder.

    Raises StudyError for an architecture that no standard format holds, an end of answers that is not one token, and
    MissingExtraError without safetensors.
    """
    config, tensors = standard_form(model)
    try:
        from safetensors.torch import save
    except ImportError:
        raise MissingExtraError("safetensors", "export", "publishing a model") from None
    end_of_text = tokenizer.token(chat.end) if chat and chat.end else None
    folder.mkdir(parents=True, exist_ok=True)
    ends = {"bos_token_id": None, "eos_token_id": end_of_text, "pad_token_id": None}
    contents = {
        "config.json": config | ends,
        "generation_config.json": ends | {"do_sample": True, "top_k": 0},
        "tokenizer.json": tokenizer.json(),
        "tokenizer_config.json": tokenizer.config(model.shape.context, end_of_text),
    }
    for name, content in contents.items():
        write_text(folder / name, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if chat is not None:
        write_text(folder / "chat_template.jinja", chat.template)
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))


def standard_form(model: TrainedModel) -> tuple[dict[str, Any], Tensors]:
    """The configuration and the named tensors. Raises StudyError when no standard format holds the architecture."""
    weights = {name: weight[0] for name, weight in model.weights().items()}
    shape = model.shape
    if isinstance(shape, TransformerShape):
        config, tensors = _llama_config(shape), _llama_tensors(weights, shape)
    elif isinstance(shape, Gpt2Shape):
        config, tensors = _gpt2_config(shape), _gpt2_tensors(weights, shape)
    else:
        raise StudyError(
            f"a model of architecture '{architecture_of(shape)}' cannot be published: no standard format holds it; "
            "those of 'llama' and 'gpt2' can."
        )
    return config | {"dtype": "float32"}, {name: tensor.contiguous() for name, tensor in tensors.items()}


def _llama_config(shape: TransformerShape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.width,
        "num_hidden_layers": shape.depth,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.width // shape.heads,
        "intermediate_size": shape.feedforward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.context,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
    }


def _llama_tensors(weights: Tensors, shape: Shape) -> Tensors:
    """Matrices are (outputs, inputs) there and (inputs, outputs) here; what is fused here has a name for each part."""
    tensors = {
        "model.embed_tokens.weight": weights["embedding"],
        "model.norm.weight": weights["norm"],
        "lm_head.weight": weights["last"].T,
    }
    for i in range(shape.depth):
        query, key, value = weights[f"{i}.qkv"].T.chunk(3)
        gate, up = weights[f"{i}.gate_up"].T.chunk(2)
        block = {
            "input_layernorm": weights[f"{i}.attention_norm"],
            "self_attn.q_proj": query,
            "self_attn.k_proj": key,
            "self_attn.v_proj": value,
            "self_attn.o_proj": weights[f"{i}.attention_out"].T,
            "post_attention_layernorm": weights[f"{i}.feedforward_norm"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": weights[f"{i}.down"].T,
        }
        tensors |= {f"model.layers.{i}.{name}.weight": tensor for name, tensor in block.items()}
    return tensors


def _gpt2_config(shape: Gpt2Shape) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": shape.width,
        "n_layer": shape.depth,
        "n_head": shape.heads,
        "n_inner": shape.feedforward,
        "n_positions": shape.context,
        "vocab_size": shape.vocabulary,
        "activation_function": "gelu",
        "layer_norm_epsilon": 1e-5,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "tie_word_embeddings": True,
    }


def _gpt2_tensors(weights: Tensors, shape: Shape) -> Tensors:
    """GPT-2's matrices are (inputs, outputs) as ours are. It has biases, which here are zeros."""
    tensors = {"transformer.wte.weight": weights["embedding"], "transformer.wpe.weight": weights["position"]}

    def with_bias(name: str, weight: "Tensor") -> None:
        tensors[f"{name}.weight"] = weight
        tensors[f"{name}.bias"] = weight.new_zeros(weight.shape[-1])

    for i in range(shape.depth):
        block = f"transformer.h.{i}"
        with_bias(f"{block}.ln_1", weights[f"{i}.attention_norm"])
        with_bias(f"{block}.attn.c_attn", weights[f"{i}.qkv"])
        with_bias(f"{block}.attn.c_proj", weights[f"{i}.attention_out"])
        with_bias(f"{block}.ln_2", weights[f"{i}.feedforward_norm"])
        with_bias(f"{block}.mlp.c_fc", weights[f"{i}.up"])
        with_bias(f"{block}.mlp.c_proj", weights[f"{i}.down"])
    with_bias("transformer.ln_f", weights["norm"])
    return tensors
