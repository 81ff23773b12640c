"""Several attentions side by side, each in its own subspace."""

import functools
from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._attention import IMPLEMENTATIONS, WAYS, Visibility, choose
from tlkeras.layers._attention_checks import (
    check_bias,
    check_cache,
    check_grid_masks,
    check_masks,
    check_shapes,
    check_values,
)
from tlkeras.layers._axes import GridAxes
from tlkeras.layers._output_spec import traced_output_spec
from tlkeras.layers._projection import Projection
from tlkeras.layers._saved_policy import saved_policy, set_part_policies

# Methods that a subclass of Keras's layer may replace; this layer calls none of them.
_NOT_CALLED = {
    "_build_attention",
    "_compute_attention_mask",
    "_compute_causal_mask",
    "_get_common_kwargs_for_sublayer",
    "_make_output_dense",
    "_masked_softmax",
}


def own_config(layer):
    """The arguments that Keras's and KerasHub's layer lacks, where they are set.

    A config that sets none of them makes their layer of the same name as well.
    """
    heads = layer.num_key_value_heads
    flash = getattr(layer, "flash_attention", None)  # means implementation="flash"
    config = {
        "num_key_value_heads": None if heads == layer.num_heads else heads,
        "rotary": layer.rotary and keras.saving.serialize_keras_object(layer.rotary),
        "implementation": None if flash else layer.implementation,
    }
    return {k: v for k, v in config.items() if v not in (None, "auto")}


@keras.saving.register_keras_serializable(package="tlkeras")
class MultiHeadAttention(keras.layers.Layer):
    r"""Let every position gather from others, in several ways at once.

    `MultiHead(Q, K, V) = Concat(head₁ … head_N) Wᴼ`, where
    `headᵢ = Attention(Q Wᵢ^Q, K Wᵢ^K, V Wᵢ^V)`

    A drop-in for `keras.layers.MultiHeadAttention`: same arguments, weights and output.

    Axes: B batch, T query length, S key length, N heads, K key/value heads,
    H `key_dim`, V `value_dim`, D model size, E output size.

    Masking: True means keep. `query_mask`, `value_mask` and `key_mask` default to the
    masks that Keras attached to the inputs; one that the caller gives is used instead.
    A query that may see nothing attends to every key alike. The output carries the
    query's implicit mask.

    Args:
        num_heads: N.
        key_dim: size of a query and a key of one head.
        value_dim: size of a value of one head. Defaults to `key_dim`.
        dropout: share of attention scores set to 0 in training. Defaults to 0.
        use_bias: add a bias to every projection. Defaults to `True`.
        output_shape: the last axis or axes of the output. Defaults to D.
        attention_axes: the axes of a grid `(B, …, D)` to attend over. Defaults to all
            but the first and last.
        sliding_window: local attention: see only positions fewer than this many away.
            Defaults to `None`: all.
        flash_attention: `True` stands for `implementation="flash"`, `False` keeps
            `"auto"` from it. Defaults to `None`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: for the
            projections, as in `keras.layers.Dense`.
        use_gate: multiply each head's output by a sigmoid of the query. Defaults to
            `False`.
        seed: of the dropout. Defaults to `None`.
        num_key_value_heads: K, a divisor of N; N / K query heads share a key and a
            value. Defaults to N.
        rotary: a `RotaryEmbedding` that turns queries and keys by their positions.
            Defaults to `None`.
        implementation: `"equation"` computes all scores at once; `"chunked"` a tile of
            queries and keys at a time, in memory linear in T + S, and with a window in
            time linear in T; `"flash"` in the backend's fused kernel (JAX and PyTorch,
            on a GPU). `"auto"`, the default, takes the equation when scores are wanted
            or dropped; else the fused kernel on PyTorch and, in half precision, on a
            GPU under JAX; else plain sums for a single query, chunked when T · S is
            known and at least 512 · 1024, and the equation below that. These give the
            same numbers. `"linear"` gives others, in time linear in T + S:
            `φ(q) · φ(k)`, with `φ(x) = elu(x) + 1`, in place of `exp(q · k / √H)`.

    Call arguments:
        query: floats `(B, T, D)`, or a grid `(B, …, D)`.
        value: floats `(B, S, ·)`.
        key: floats `(B, S, ·)`. Defaults to `value`.
        query_mask: boolean `(B, T)`, on a grid `(B, …)`: rows to keep.
        value_mask, key_mask: boolean `(B, S)`, on a grid `(B, …)`: what may be looked
            at.
        attention_mask: boolean `(T, S)`, `(B, T, S)` or `(B, N, T, S)`.
        return_attention_scores: also return the scores. Defaults to `False`.
        training: whether dropout is on.
        use_causal_mask: see only one's own and earlier positions, counted from 0 for
            the keys and from `cache_update_index` for the queries. Defaults to `False`.
        cache: earlier keys and values `(B, 2, S, K, H)`. It is not changed; an updated
            one is returned.
        cache_update_index: where the keys and values of this call go into the cache.
            `None` means the cache is complete and `value` is not looked at.
        attention_bias: floats `(N, T, S)` or `(B, N, T, S)`, added to the logits, such
            as those of a `RelativePositionBias`. It needs the equation.

    Returns:
        `(B, T, E)`; or a tuple of it, the scores `(B, N, T, S)` if asked for, and the
        cache if given, in this order.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> query, value = np.random.rand(3, 5, 8), np.random.rand(3, 7, 8)
    >>> output, scores = layer(
    ...     query=query, value=value, return_attention_scores=True
    ... )
    >>> tuple(output.shape), tuple(scores.shape)
    ((3, 5, 8), (3, 2, 5, 7))

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2.2.
        Ainslie et al. (2023), arXiv:2305.13245, section 2.2 (grouped queries).
        Su et al. (2021), arXiv:2104.09864, section 3.4.2 (rotary positions).
        Beltagy et al. (2020), arXiv:2004.05150, section 3.1 (local attention).
        Katharopoulos et al. (2020), arXiv:2006.16236, section 3.2 (linear attention).
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        unread = sorted(set(vars(cls)) & _NOT_CALLED)
        if unread:
            raise TypeError(
                f"{cls.__name__} replaces {', '.join(unread)} of Keras's layer, which "
                "this one does not call. Replace _compute_attention, or derive from "
                "keras.layers.MultiHeadAttention."
            )

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        num_key_value_heads=None,
        rotary=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = check.positive_integer("num_heads", num_heads)
        self.key_dim = check.positive_integer("key_dim", key_dim)
        value_dim = key_dim if value_dim is None else value_dim
        self.value_dim = check.positive_integer("value_dim", value_dim)
        self.dropout = check.rate("dropout", dropout)
        self.use_bias = check.flag("use_bias", use_bias)
        self._output_shape = output_shape and check.sizes("output_shape", output_shape)
        if attention_axes is not None:
            single = not isinstance(attention_axes, list | tuple)
            axes = (attention_axes,) if single else attention_axes
            attention_axes = tuple(check.integer("attention_axes", a) for a in axes)
        self.attention_axes = attention_axes
        if sliding_window is not None:
            check.positive_integer("sliding_window", sliding_window)
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.use_gate = check.flag("use_gate", use_gate)
        self.seed = None if seed is None else check.integer("seed", seed)
        heads = num_heads if num_key_value_heads is None else num_key_value_heads
        check.positive_integer("num_key_value_heads", heads)
        check.multiple("num_heads", num_heads, "num_key_value_heads", heads)
        self.num_key_value_heads = heads
        self.rotary = rotary
        check.choice("implementation", implementation, IMPLEMENTATIONS)
        self.implementation = implementation
        self._projection_arguments = {
            "kernel_initializer": keras.initializers.get(kernel_initializer),
            "bias_initializer": keras.initializers.get(bias_initializer),
            "kernel_regularizer": keras.regularizers.get(kernel_regularizer),
            "bias_regularizer": keras.regularizers.get(bias_regularizer),
            "activity_regularizer": keras.regularizers.get(activity_regularizer),
            "kernel_constraint": keras.constraints.get(kernel_constraint),
            "bias_constraint": keras.constraints.get(bias_constraint),
        }
        self.supports_masking = True
        self._check_combination()

    def _check_combination(self):
        if self.flash_attention and self.implementation not in ("auto", "flash"):
            raise ValueError(
                "flash_attention=True contradicts implementation="
                f"{self.implementation!r}; give one of them."
            )
        if self.flash_attention:
            self.implementation = "flash"
        if self.sliding_window is not None and self.implementation == "linear":
            raise ValueError(
                "sliding_window must be None when implementation='linear', which sums "
                f"over all keys; given {self.sliding_window}."
            )
        if self.dropout and self.implementation in ("chunked", "flash", "linear"):
            raise ValueError(
                f"dropout must be 0 when implementation={self.implementation!r}, which "
                f"never holds the scores; given {self.dropout}. Take 'auto'."
            )
        if self.rotary is None:
            return
        if not hasattr(self.rotary, "sequence_axis"):
            raise ValueError(
                f"rotary must be a RotaryEmbedding or None; given {self.rotary!r}."
            )
        if self.rotary.sequence_axis != 1:
            raise ValueError(
                "rotary must have sequence_axis=1, for queries (B, T, N, H); given "
                f"sequence_axis={self.rotary.sequence_axis}."
            )

    # Names as in Keras, so that weight files and `layer.query_dense` stay valid.
    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)

    def build(
        self,
        query_shape: Shape,
        value_shape: Any = None,
        key_shape: Shape | None = None,
    ) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(query_shape, value_shape, key_shape)
        self._features = (query_shape[-1], value_shape[-1], key_shape[-1])
        query_heads = (self.num_heads, self.key_dim)
        key_heads = (self.num_key_value_heads, self.key_dim)
        value_heads = (self.num_key_value_heads, self.value_dim)
        joined = (self.num_heads, self.value_dim)
        project = self._projection
        self._query_dense = project("query", query_shape[-1:], query_heads)
        self._key_dense = project("key", key_shape[-1:], key_heads)
        if self.use_gate:
            self._gate_dense = project("gate", query_shape[-1:], joined, "sigmoid")
        self._value_dense = project("value", value_shape[-1:], value_heads)
        output_shape = self._output_shape or query_shape[-1:]
        self._output_dense = project("attention_output", joined, output_shape)
        self._dropout_layer = keras.layers.Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy
        )
        set_part_policies(self)

    def _projection(self, name, input_sizes, output_sizes, activation=None):
        inputs, outputs = "ij"[: len(input_sizes)], "nhuvwxyz"[: len(output_sizes)]
        clones = {
            key: value.clone()
            for key, value in self._projection_arguments.items()
            if isinstance(value, keras.initializers.Initializer)
        }
        layer = Projection(
            f"bt{inputs},{inputs}{outputs}->bt{outputs}",
            output_shape=(None, *output_sizes),
            bias_axes=outputs if self.use_bias else None,
            activation=activation,
            dtype=self.dtype_policy,
            name=name,
            **{**self._projection_arguments, **clones},
        )
        layer.supports_masking = True  # it leaves the length alone
        layer.build((None, None, *input_sizes))
        return layer

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
        cache=None,
        cache_update_index=None,
        attention_bias=None,
    ):
        key = value if key is None else key
        check.flag("use_causal_mask", use_causal_mask)
        check_shapes(query.shape, value.shape, key.shape, self._features)
        check_values(query=query, value=value, key=key)
        if len(query.shape) > 3:
            return self._call_on_grid(
                query,
                key,
                value,
                masks_given=(query_mask, value_mask, key_mask),
                cache=cache,
                attention_mask=attention_mask,
                return_attention_scores=return_attention_scores,
                training=training,
                use_causal_mask=use_causal_mask,
                attention_bias=attention_bias,
            )
        start = 0 if cache_update_index is None else cache_update_index
        gate = self._gate_dense(query) if self.use_gate else None  # (B, T, N, V)
        query = self._rotate(self._query_dense(query), start)  # (B, T, N, H)
        key, value, cache = self._keys_and_values(key, value, cache, cache_update_index)
        if cache is not None and cache_update_index is not None:
            value_mask = masks.place_mask(value_mask, cache.shape[2], start)
            key_mask = masks.place_mask(key_mask, cache.shape[2], start)
        given = (query_mask, value_mask, key_mask, attention_mask)
        sizes = (query.shape[0], self.num_heads, query.shape[1], key.shape[1])
        check_masks(sizes, *given)
        check_bias(sizes, attention_bias)
        visible = Visibility(
            masks.attention_masks(*given),
            start,
            use_causal_mask,
            self.sliding_window,
            attention_bias,
        )
        compute = self._attend if _is_own(self) else self._attend_as_overridden
        output, scores = compute(
            query, key, value, visible, training, return_attention_scores
        )  # (B, T, N, V), (B, N, T, S)
        output = output if gate is None else output * gate  # (B, T, N, V)
        output = self._output_dense(output)  # (B, T, E)
        results = (output, scores if return_attention_scores else None, cache)
        results = tuple(x for x in results if x is not None)
        return results if len(results) > 1 else output

    def _attend(self, query, key, value, visible, training, return_attention_scores):
        way = choose(
            self.implementation,
            query,
            key,
            value,
            return_attention_scores,
            drops_scores=bool(self.dropout and training),
            flash_attention=self.flash_attention,
            has_bias=visible.bias is not None,
        )
        dropout = functools.partial(self._dropout_layer, training=training)
        return WAYS[way](query, key, value, visible, dropout)

    def _attend_as_overridden(self, query, key, value, visible, *options):
        if visible.bias is not None:
            raise ValueError(
                "attention_bias needs this layer's own _compute_attention; "
                f"{type(self).__name__} has replaced it."
            )
        groups = self.num_heads // self.num_key_value_heads
        key, value = (ops.repeat(x, groups, axis=2) for x in (key, value))
        mask = visible.mask(ops.shape(query)[1], ops.shape(key)[1])
        if mask is not None and mask.shape[1] == 1:
            mask = mask[:, 0]  # (·, T, S), as Keras gives it
        return self._compute_attention(query, key, value, mask, *options)

    def _compute_attention(
        self,
        query,
        key,
        value,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        use_causal_mask=False,
    ):
        """The method that subclasses of Keras's layer replace: heads in, heads out.

        `attention_mask` holds all masks in one. A subclass gets keys and values of all
        N heads, and those of a grid as one sequence.
        """
        given = masks.attention_masks(attention_mask=attention_mask)
        visible = Visibility(given, use_causal_mask=use_causal_mask)
        return self._attend(
            query, key, value, visible, training, return_attention_scores
        )

    def _keys_and_values(self, key, value, cache, cache_update_index):
        check_cache(
            "cache",
            cache,
            cache_update_index,
            key.shape[1],
            (key.shape[0], 2, self.num_key_value_heads, self.key_dim),
        )
        if cache is not None and self.value_dim != self.key_dim:
            raise ValueError(
                "value_dim must equal key_dim with a cache, which holds both; given "
                f"value_dim={self.value_dim} and key_dim={self.key_dim}."
            )
        start = 0 if cache_update_index is None else cache_update_index
        if cache is None or cache_update_index is not None:
            key = self._rotate(self._key_dense(key), start)  # (B, S, K, H)
            value = self._value_dense(value)  # (B, S, K, V)
        if cache is None:
            return key, value, None
        if cache_update_index is not None:
            update = ops.stack([key, value], axis=1)  # (B, 2, S, K, H)
            cache = ops.slice_update(cache, (0, 0, start, 0, 0), update)
        return cache[:, 0], cache[:, 1], cache  # (B, S, K, H) twice, (B, 2, S, K, H)

    def _rotate(self, heads, start):
        return heads if self.rotary is None else self.rotary(heads, start_index=start)

    def _call_on_grid(
        self,
        query,
        key,
        value,
        masks_given,
        cache,
        attention_mask,
        attention_bias,
        **arguments,
    ):
        for name, given in (("cache", cache), ("attention_bias", attention_bias)):
            if given is not None:
                raise ValueError(
                    f"{name} needs inputs with three axes, (batch, length, features); "
                    f"given query {tuple(query.shape)}."
                )
        check_grid_masks((query.shape, value.shape, key.shape), *masks_given)
        axes = GridAxes(len(query.shape), self.attention_axes)
        names = ("query_mask", "value_mask", "key_mask")
        for name, mask in zip(names, masks_given, strict=True):
            arguments[name] = axes.flatten_positions(mask)  # (B′, T) or (B′, S)
        shape, key_shape = ops.shape(query), ops.shape(key)
        if attention_mask is not None:
            attention_mask = axes.flatten_mask(attention_mask, shape)  # (B′, T, S)
        query, key, value = (axes.flatten(x) for x in (query, key, value))
        results = self.call(
            query, value, key, attention_mask=attention_mask, **arguments
        )
        output, scores = results if isinstance(results, tuple) else (results, None)
        output = axes.restore(output, shape, ops.shape(output)[2:])
        if scores is None:
            return output
        return output, axes.restore_scores(scores, shape, key_shape)

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        check_shapes(query_shape, value_shape, key_shape or value_shape)
        return (*query_shape[:-1], *(self._output_shape or query_shape[-1:]))

    def compute_output_spec(
        self, query: Tensor, value: Tensor, key: Tensor | None = None, **arguments: Any
    ) -> Any:
        return traced_output_spec(self, query, value, key=key, **arguments)

    def get_config(self) -> dict[str, Any]:
        serializers = {
            "initializer": keras.initializers.serialize,
            "regularizer": keras.regularizers.serialize,
            "constraint": keras.constraints.serialize,
        }
        return {
            **super().get_config(),
            "dtype": saved_policy(self),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            **{
                name: serializers[name.split("_")[-1]](value)
                for name, value in self._projection_arguments.items()
            },
            "use_gate": self.use_gate,
            "seed": self.seed,
            **own_config(self),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        rotary = keras.saving.deserialize_keras_object(config.get("rotary"))
        return cls(**{**config, "rotary": rotary})


def _is_own(layer):
    method = getattr(layer._compute_attention, "__func__", None)
    return method is MultiHeadAttention._compute_attention
