"""Transcription with a cache: Whisper tiny's shape, 30 seconds of sound, 64 new tokens.

Both libraries have the same random weights, made by `transformers` and read from the
files that it writes. From the waveform to the tokens: spectrogram, encoder, decoder.

python benchmarks/transcribe.py --clock processor
"""

import tempfile

import numpy as np
from _bench import main, wait

SECONDS, RATE, NEW = 30, 16000, 64
CASES = {"one recording": {"batch": 1}}
PROMPT = (50257, 50362)  # <|startoftranscript|> <|notimestamps|>


def prepare(peer, case, options):
    """A function that writes down what stands in a batch of recordings, greedily."""
    rng = np.random.default_rng(0)
    time = np.arange(SECONDS * RATE) / RATE
    pitch = rng.uniform(100, 2000, (case["batch"], 1))
    waveform = 0.3 * np.sin(2 * np.pi * pitch * time * (1 + 0.01 * time))
    waveform = (waveform + 0.01 * rng.normal(size=waveform.shape)).astype("float32")
    makers = {"tlkeras": _tlkeras, "transformers": _torch}
    return makers[peer](waveform, options)


def _tlkeras(waveform, options):
    from keras import ops

    from tlkeras import generation
    from tlkeras.checkpoints import from_preset

    with tempfile.TemporaryDirectory() as folder:
        model, extractor = _whisper()
        model.save_pretrained(folder)
        extractor.save_pretrained(folder)
        model = from_preset(folder, head="decoder")
    length = len(PROMPT) + NEW
    prompt = np.tile(np.array([PROMPT], "int32"), (len(waveform), 1))

    def transcribe(waveform, prompt):
        cache = model.initial_cache({"waveform": waveform}, length)
        return generation.generate(model.step, prompt, length, cache=cache)

    compiled = generation.jit(transcribe, model)
    prompt = ops.convert_to_tensor(prompt)
    return lambda: wait(compiled(ops.convert_to_tensor(waveform), prompt))


def _torch(waveform, options):
    import torch

    torch.set_num_threads(options.threads)
    device = "cuda" if options.device == "gpu" else "cpu"
    model, extractor = _whisper()
    model = model.to(device).eval()
    prompt = torch.tensor([PROMPT] * len(waveform), device=device)

    @torch.inference_mode()
    def run():
        found = extractor(list(waveform), sampling_rate=RATE, return_tensors="pt")
        tokens = model.generate(
            found["input_features"].to(device),
            decoder_input_ids=prompt,
            max_new_tokens=NEW,
            do_sample=False,
        )
        assert tokens.shape[1] == NEW  # without the prompt
        return wait(tokens)

    return run


def _whisper():
    """A random model of Whisper tiny.en's shape that never ends, and its features."""
    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=51864,
        d_model=384,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=6,
        decoder_attention_heads=6,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
        bos_token_id=50256,
        eos_token_id=None,
        pad_token_id=50256,
        decoder_start_token_id=PROMPT[0],
    )
    model = WhisperForConditionalGeneration(config)
    return model, WhisperFeatureExtractor()


if __name__ == "__main__":
    main(__doc__, prepare, peers=("tlkeras", "transformers"), cases=CASES, rounds=5)
