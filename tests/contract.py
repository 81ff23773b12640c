"""What every layer and model promises, checked in one way for all of them."""

import dataclasses
import inspect
import json
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

TOLERANCE = 1e-5  # float32, one step against compiled


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer made with arguments that are not its defaults, and inputs for it.

    Args:
        layer: the class.
        arguments: of the constructor.
        inputs: from a random generator to the arrays of a call, by name.
        call_arguments: other arguments of the call, such as `use_causal_mask=True`.
        unmoved: names of weights that a call does not use.
        deterministic: eager and compiled calls at inference give the same numbers.
    """

    layer: type
    arguments: dict
    inputs: Callable
    call_arguments: dict = dataclasses.field(default_factory=dict)
    unmoved: tuple = ()
    deterministic: bool = True

    def make(self, **others):
        return self.layer(**self.arguments, **others)

    def arrays(self):
        return self.inputs(np.random.default_rng(0))

    def model(self, layer):
        """A functional model of the layer alone, and its output as NumPy."""
        symbols = {
            name: keras.Input(shape=x.shape[1:], dtype=str(x.dtype), name=name)
            for name, x in self.arrays().items()
        }
        return keras.Model(symbols, _first(layer(**symbols, **self.call_arguments)))

    def call(self, layer):
        return _first(layer(**self.arrays(), **self.call_arguments))


@dataclasses.dataclass(frozen=True)
class ModelCase(Case):
    """The same for a model, which is called on one array or one dictionary of them.

    Args:
        output: name of the output that is looked at, where a model has several; a tuple
            of names for several outputs side by side.
    """

    output: str | tuple | None = None

    def model(self, layer):
        inputs = self.arrays()
        symbols = keras.tree.map_structure(
            lambda x: keras.Input(shape=x.shape[1:], dtype=str(x.dtype)), inputs
        )
        return keras.Model(symbols, self._chosen(layer(symbols, **self.call_arguments)))

    def call(self, layer):
        return self._chosen(layer(self.arrays(), **self.call_arguments))

    def _chosen(self, outputs):
        if isinstance(self.output, tuple):
            return ops.concatenate([outputs[name] for name in self.output], axis=-1)
        return outputs if self.output is None else outputs[self.output]


def constructor_arguments(layer):
    """Name and default of each argument."""
    arguments = inspect.signature(layer.__init__).parameters.values()
    named = [a for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD]
    return {a.name: a.default for a in named if a.name != "self"}


# Unknown to Keras and KerasHub: a config has them only where they are not the default.
LEFT_OUT = {
    "num_key_value_heads",
    "rotary",
    "implementation",
    "normalization",
    "use_bias",
    "key_dim",
    "sliding_window",
}


def check_config(case):
    """The config says every argument, and makes the same layer again."""
    layer = case.make(name="a_name")
    config = layer.get_config()
    missing = set(constructor_arguments(case.layer)) - set(config)
    missing -= LEFT_OUT - set(case.arguments)
    assert not missing, f"get_config() lacks {missing}"
    copy = case.layer.from_config(json.loads(json.dumps(config)))
    assert json.dumps(copy.get_config()) == json.dumps(config)
    for name, value in case.arguments.items():
        simple = isinstance(value, int | float | str)
        if simple and isinstance(config[name], type(value)):  # not spelt out
            assert config[name] == value, name


def check_shapes(case):
    """What the layer says of its output, symbolically, is what it gives."""
    eager = case.call(case.make())
    symbolic = case.model(case.make()).outputs[0]
    assert tuple(eager.shape)[1:] == tuple(symbolic.shape)[1:]
    assert keras.backend.standardize_dtype(eager.dtype) == symbolic.dtype


def check_saving(case, folder):
    """A model saved and loaded gives the same numbers."""
    model = case.model(case.make())
    path = str(folder / "model.keras")
    model.save(path)
    loaded = keras.saving.load_model(path)
    for before, after in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(_numpy(before), _numpy(after), before.path)
    if case.deterministic:
        np.testing.assert_array_equal(
            _numpy(loaded(case.arrays())), _numpy(model(case.arrays()))
        )


def check_fit(case, run_eagerly=False):
    """One step of training moves every weight; eagerly, a large model is soon done."""
    model = case.model(case.make())
    before = [_numpy(weight) for weight in model.trainable_weights]
    head = keras.Model(model.input, keras.layers.Dense(2)(model.output))
    target = np.random.default_rng(1).normal(size=ops.shape(head(case.arrays())))
    head.compile(
        keras.optimizers.SGD(1.0),
        loss="mse",
        jit_compile=False,
        run_eagerly=run_eagerly,
    )
    history = head.fit(case.arrays(), target, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0])
    for weight, old in zip(model.trainable_weights, before, strict=True):
        moved = np.any(_numpy(weight) != old)
        assert moved != (weight.name in case.unmoved), f"{weight.path} {moved=}"


def check_precision(case, policy):
    """The layer computes in one type, keeps its weights in another, yields no NaN."""
    layer = case.make(dtype=policy)
    output = case.call(layer)
    wanted = keras.dtype_policies.get(policy)
    assert keras.backend.standardize_dtype(output.dtype) == wanted.compute_dtype
    assert np.isfinite(_numpy(ops.cast(output, "float32"))).all()
    assert all(weight.dtype == wanted.variable_dtype for weight in layer.weights)


def check_compiled(case):
    """Compiled with XLA, the numbers stay the same."""
    layer = case.make()
    model = case.model(layer)
    model.compile(jit_compile=True)
    compiled = model.predict_on_batch(case.arrays())
    if case.deterministic:
        np.testing.assert_allclose(
            compiled, _numpy(case.call(layer)), rtol=TOLERANCE, atol=TOLERANCE
        )


def _first(outputs):
    return outputs[0] if isinstance(outputs, tuple | list) else outputs


def _numpy(x):
    return ops.convert_to_numpy(x)
