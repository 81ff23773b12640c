"""What models that write share: a stack of decoders, run at once or step by step."""

from typing import Any

import keras
from keras import ops

from tlkeras.annotations import Tensor
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.models._arguments import refuse_unknown, saved_arguments


class DecoderModel(keras.Model):
    """Embed, decode, read out. Private: use its subclasses.

        x₀ = embed(token_ids),  xᵢ = Decoderᵢ(xᵢ₋₁, memory),  logits = read_out(xₗ)

    The memory is what somebody else made of a source: a text, speech or an image. A
    model of language alone has none.

    A subclass makes its layers in a namespace, `parts`, among them the list
    `decoder_layers`, and hands it to `__init__` with its arguments, among them
    `max_sequence_length`; each becomes an attribute. It defines `embed` and `read_out`,
    and `call`, which ends in `decode`. Layers that are not built yet need `inputs`:
    symbols for `token_ids` and, if there is one, `memory`.

    Axes: B batch, T length, S length of the memory, L length of the cache, D model
    size, V vocabulary.
    """

    def __init__(self, parts, arguments, inputs=None, dtype=None, **kwargs):
        refuse_unknown(type(self), kwargs)
        super().__init__(dtype=dtype, **kwargs)
        for name, value in {**arguments, **vars(parts)}.items():
            setattr(self, name, value)
        self._arguments = arguments
        if inputs is not None:
            self.decode(**inputs)
        set_part_policies(self)
        self.built = True

    def embed(
        self, token_ids: Tensor, start_index: Tensor = 0, training: bool | None = None
    ) -> Tensor:
        """What enters the stack, `(B, T, D)`, of tokens from a position on."""
        raise NotImplementedError

    def read_out(self, x: Tensor) -> Tensor:
        """Logits `(B, T, V)`, from what leaves the stack."""
        raise NotImplementedError

    def bias(
        self, x: Tensor, start_index: Tensor = 0, key_length: int | None = None
    ) -> Tensor | None:
        """What every block adds to the logits of its self-attention, or `None`.

        Args:
            x: what enters the stack, `(B, T, D)`.
            start_index: the position of its first token.
            key_length: L, the length of the cache. Defaults to T.
        """
        return None

    # ── all at once ───────────────────────────────────────────────────────────────────

    def decode(
        self,
        token_ids: Tensor,
        memory: Tensor | None = None,
        training: bool | None = None,
        scores: dict[str, list] | None = None,
        states: list | None = None,
        **arguments: Any,
    ) -> Tensor:
        """The logits `(B, T, V)` of what follows each token.

        Args:
            token_ids: integers `(B, T)`.
            memory: floats `(B, S, ·)`. Defaults to `None`: a decoder alone.
            training: whether dropout is on.
            scores: a dictionary whose lists `"decoder"` and `"memory"` take the
                attention scores of each block.
            states: a list that takes what enters each block, and what leaves the last.
            **arguments: masks, and whether one of them is causal, as a
                `TransformerDecoder` takes them.
        """
        x = self._run(token_ids, memory, training, scores, states, **arguments)
        return self.read_out(x)

    def _run(self, token_ids, memory, training, scores, states=None, **arguments):
        """What leaves the stack, `(B, T, D)`."""
        x = self.embed(token_ids, training=training)
        arguments["decoder_attention_bias"] = self.bias(x)
        sources = () if memory is None else (memory,)
        into = ("decoder", "memory")[: 1 + len(sources)]
        for layer in self.decoder_layers:
            if states is not None:
                states.append(x)
            x = run_block(
                layer,
                x,  # (B, T, D)
                *sources,
                training=training,
                into=into,
                scores=scores,
                **arguments,
            )
        if states is not None:
            states.append(x)
        return x

    # ── step by step ──────────────────────────────────────────────────────────────────

    def initial_cache(
        self,
        source: Tensor,
        max_length: int,
        source_padding_mask: Tensor | None = None,
    ) -> Any:
        """What the first `step` starts from: no keys yet but those of the memory.

        Args:
            source: the memory, floats `(B, S, ·)`; for a decoder alone whatever has B
                rows, such as the prompt.
            max_length: L, the longest text, in tokens.
            source_padding_mask: boolean `(B, S)`. Defaults to `None`: all is real.

        Returns:
            What `tlkeras.generation` calls a cache: tensors whose first axis is B.
        """
        self._check_length("max_length", max_length)
        batch_size = source.shape[0]
        own = [self._no_keys(x, batch_size, max_length) for x in self.decoder_layers]
        if self.decoder_layers[0]._cross_attention_layer is None:
            return {"blocks": [(keys,) for keys in own]}
        length = source.shape[1]
        across = [self._no_keys(x, batch_size, length) for x in self.decoder_layers]
        cache = {"memory": source, "blocks": list(zip(own, across, strict=True))}
        if source_padding_mask is not None:
            cache["memory_padding_mask"] = ops.cast(source_padding_mask, "bool")
        # One token, soon replaced, fills in the keys and values of the memory.
        nothing = ops.zeros((batch_size, 1), dtype="int32")
        return self._extend(nothing, cache, 0, memory_index=0)[1]

    def step(self, token_ids: Tensor, cache: Any, index: Tensor) -> tuple[Tensor, Any]:
        """Write on: the logits of the next token, for `tlkeras.generation`.

        Args:
            token_ids: integers `(B, T)`, at positions `index … index + T − 1`.
            cache: from `initial_cache` or from the step before.
            index: an integer, which may be traced.

        Returns:
            Logits `(B, V)`, and the cache brought up to date.
        """
        x, cache = self._extend(token_ids, cache, index)
        return self.read_out(x[:, -1:])[:, 0], cache

    def _extend(self, token_ids, cache, index, memory_index=None, scores=None):
        """What leaves the stack, `(B, T, D)`, and the cache brought up to date."""
        x = self.embed(token_ids, start_index=index)
        sources = (cache["memory"],) if "memory" in cache else ()
        bias = self.bias(x, index, cache["blocks"][0][0].shape[2])
        blocks = []
        for layer, (own, *across) in zip(
            self.decoder_layers, cache["blocks"], strict=True
        ):
            x, *given = layer(
                x,  # (B, T, D)
                *sources,
                return_attention_scores=scores is not None,
                decoder_attention_bias=bias,
                encoder_padding_mask=cache.get("memory_padding_mask"),
                self_attention_cache=own,
                self_attention_cache_update_index=index,
                cross_attention_cache=across[0] if across else None,
                cross_attention_cache_update_index=memory_index,
            )
            caches, attended = given[: 1 + len(across)], given[1 + len(across) :]
            blocks.append(tuple(caches))
            if scores is not None:
                scores.append(attended[-1])
        return x, {**cache, "blocks": blocks}

    def _no_keys(self, layer, batch_size, length):
        """Room for the keys and values of a block, `(B, 2, length, K, H)`."""
        attention = layer._self_attention_layer
        heads = (attention.num_key_value_heads, attention.key_dim)
        return ops.zeros((batch_size, 2, length, *heads), dtype=self.compute_dtype)

    def _check_length(self, name, length):
        if length is not None and length > self.max_sequence_length:
            raise ValueError(
                f"{name} must be at most max_sequence_length="
                f"{self.max_sequence_length}; given {length}."
            )

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        return saved_arguments(self)


def run_block(layer, *inputs, into, scores, **arguments):
    """Call a block, and put its attention scores into the lists, if there are any."""
    if scores is None:
        return layer(*inputs, **arguments)
    x, *given = layer(*inputs, return_attention_scores=True, **arguments)
    for name, one in zip(into, given, strict=True):
        scores[name].append(one)
    return x
