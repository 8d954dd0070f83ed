"""The payloads: what the suite saves, loads, hashes and compresses.

Every payload comes from a fixed seed. Its name says what it is and how many bytes it has.
"""

import base64
import pickle
import zlib

import numpy

SEED = 20191203


def make_payload(name):
    """Return the payload of that name, equal at each call."""
    return _MAKERS[name](numpy.random.default_rng(SEED))


def payload_bytes(name):
    """Return the payload as the bytes that a datastore gets: pickled the way metaflow does it."""
    return pickle.dumps(make_payload(name), protocol=4)


def artifact_names(payload):
    """Return the names of a step's artifacts: one, or as many as "20-small" says."""
    count, _, small = payload.partition("-")
    return [f"artifact_{i}" for i in range(int(count))] if small == "small" else ["artifact"]


def make_artifacts(payload):
    """Return the artifacts of one step: the payload alone, or many small ones, all different."""
    names = artifact_names(payload)
    if len(names) == 1:
        return [("artifact", make_payload(payload))]
    small = make_payload("dict-233B")
    return [(name, {**small, "fold": i}) for i, name in enumerate(names)]


def same(left, right):
    """Say whether two payloads are equal: their types, and what containers and arrays hold."""
    if isinstance(left, numpy.ndarray) and isinstance(right, numpy.ndarray):
        return left.dtype == right.dtype and numpy.array_equal(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _settings(_):
    return {
        "learning_rate": 0.0003,
        "batch_size": 256,
        "epochs": 40,
        "optimizer": "adam",
        "layers": [512, 256, 128, 64],
        "dropout": 0.1,
        "early_stopping": True,
        "loss": "cross_entropy",
        "weight_decay": 0.01,
        "labels": ["cat", "dog", "bird", "fish"],
    }


def _metrics(generator):
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
    values = generator.random((len(names), 1150)).tolist()
    return dict(zip(names, values))


def _text(generator, size):
    """Return words of a made-up language whose frequencies fall as those of a real one do."""
    count = 20_000
    letters = numpy.frombuffer(b"eeeettaaooiinnsshhrrdlucmfwypvbgk", dtype="uint8")
    lengths = generator.integers(3, 11, count)  # the space behind a word included
    ends = lengths.cumsum()
    spelled = generator.choice(letters, ends[-1])
    spelled[ends - 1] = ord(" ")
    pieces = []
    # In pieces, for touching fresh memory is what takes the time.
    for _ in range(size // 200_000):
        # A word's rank is drawn so that its frequency is one over the rank.
        chosen = numpy.exp(generator.random(38_000) * numpy.log(count)).astype("int32") - 1
        sizes = lengths[chosen]
        shifts = ends[chosen] - sizes.cumsum()
        positions = numpy.arange(sizes.sum()) + numpy.repeat(shifts, sizes)
        pieces.append(spelled[positions].tobytes())
    return b"".join(pieces)[:size].decode()


def _columns(generator):
    """Return 500,000 rows of an order table, a column an array, as a data frame holds them."""
    rows = 500_000
    countries = numpy.array([b"DE", b"FR", b"GB", b"IN", b"JP", b"US"])
    return {
        "order": numpy.arange(rows, dtype="int64"),
        "time": 1_600_000_000 + numpy.cumsum(generator.integers(0, 90, rows)),
        "score": generator.standard_normal(rows),
        "price": numpy.round(generator.gamma(2.0, 30.0, rows), 2),
        "weight": generator.random(rows, dtype="float32"),
        "quantity": generator.integers(1, 9, rows, dtype="int8"),
        "returned": generator.random(rows) < 0.04,
        "country": generator.choice(countries, rows),
    }


def _alternating(generator):
    """Return noise and words by turns, in stretches of 1 to 200 KB."""
    parts = []
    for size in generator.integers(1000, 200_000, 20):
        parts += [generator.bytes(size), _text(generator, 200_000)[: size // 2].encode()]
    return b"".join(parts)[:3_000_000]


def _photo(generator):
    """Return an image of three colours: soft shapes, and the noise that every camera adds."""
    across, down = numpy.meshgrid(numpy.linspace(0, 9, 900), numpy.linspace(0, 7, 740))
    shapes = [numpy.sin(across * turn) * numpy.cos(down / turn) for turn in (1, 1.7, 0.6)]
    noise = generator.normal(0, 3, (740, 900, 3))
    return numpy.clip(128 + 100 * numpy.stack(shapes, axis=2) + noise, 0, 255).astype("uint8")


def _noisy_image(generator):
    """Return an image in grey: there is so much noise in it that compression gains little."""
    ramp = numpy.add.outer(numpy.arange(660), numpy.arange(1000)) % 150
    return numpy.clip(ramp + generator.normal(50, 10, ramp.shape), 0, 255).astype("uint8")


def _sparse(generator):
    values = numpy.zeros(500_000)
    values[generator.integers(0, 500_000, 5000)] = generator.random(5000)
    return values


def _records(generator, times=7):
    """Return known keys in one order, again and again, each with a value of its own."""
    known = [generator.bytes(5) for _ in range(1000)]
    return b"".join(key + generator.bytes(3) for _ in range(times) for key in known)


_USUAL = {
    "dict-233B": _settings,
    "metrics-52KB": _metrics,
    "float64-800KB": lambda generator: generator.standard_normal(100_000),
    "float64-8MB": lambda generator: generator.standard_normal(1_000_000),
    "embeddings-8MB": lambda generator: generator.standard_normal((2000, 1000), dtype="float32"),
    "random-5MB": lambda generator: generator.bytes(5_000_000),
    "text-10MB": lambda generator: _text(generator, 10_000_000),
    "columns-20MB": _columns,
    "half-noise-16MB": lambda generator: numpy.append(
        generator.standard_normal(1_000_000), numpy.zeros(1_000_000)
    ),
    "zeros-64MB": lambda generator: numpy.zeros(8_000_000),
}
# What else people store: other kinds of content, none of which may be stored slower or larger.
_OTHER = {
    "nothing": lambda _: None,
    "one-byte": lambda _: b"x",
    "near-repeats-1MB": lambda generator: generator.bytes(20_000) * 50,
    "far-repeats-2MB": lambda generator: generator.bytes(500_000) * 4,
    "alternating-3MB": _alternating,
    "compressed-1MB": lambda generator: zlib.compress(_text(generator, 2_600_000).encode()),
    "photo-2MB": _photo,
    "sparse-4MB": _sparse,
    "few-values-1MB": lambda generator: generator.integers(0, 4, 1_000_000, dtype="uint8"),
    "many-strings-1MB": lambda generator: [each.hex() for each in generator.random(40_000)],
    "many-arrays-1MB": lambda generator: dict(enumerate(generator.random((7000, 10)))),
    "floats-2MB": lambda generator: generator.random(250_000).tolist(),
    # Just large enough for metaflow's optimised store to sample them before it compresses.
    "text-56KB": lambda generator: _text(generator, 200_000)[:56_000],
    "near-repeats-56KB": lambda generator: generator.bytes(2000) * 28,
    "records-56KB": _records,
    "base64-600KB": lambda generator: base64.b64encode(generator.bytes(450_000)).decode(),
    # The smallest size at which samples alone decide: sampling takes its largest part of a save.
    "near-repeats-660KB": lambda generator: generator.bytes(2000) * 330,
    "noisy-image-660KB": _noisy_image,
    "keys-at-last-660KB": lambda generator: generator.bytes(300_000) + _records(generator, 45),
}
_FURTHER = {
    "text-1MB": lambda generator: _text(generator, 1_000_000),
    "float64-64MB": lambda generator: generator.standard_normal(8_000_000),
    "float64-1000MB": lambda generator: generator.standard_normal(125_000_000),
    "float64-2000MB": lambda generator: generator.standard_normal(250_000_000),
}
_MAKERS = {**_USUAL, **_OTHER, **_FURTHER}

PAYLOADS = tuple(_USUAL)
OTHER_PAYLOADS = tuple(_OTHER)
ARTIFACTS = (*PAYLOADS, "20-small")
# Enough for what does not depend on the commit: small, incompressible, compressible. A tenth of
# the text, for with all of it the slowest candidates would take most of a run.
FEW_PAYLOADS = ("metrics-52KB", "float64-800KB", "text-1MB")
# For what works on bytes, as a datastore does, instead of objects.
BYTES_PAYLOADS = (*FEW_PAYLOADS, "float64-8MB", "text-10MB")
# Large, and no smaller when compressed: saving them is mostly hashing and writing.
INCOMPRESSIBLE_PAYLOADS = ("float64-8MB", "embeddings-8MB", "random-5MB")
# Two thirds of the time of saving and loading all of them; left out of `asv run --quick`.
LONGEST_PAYLOADS = ("text-10MB", "columns-20MB", "half-noise-16MB", "zeros-64MB")
# Large enough to stand above the allocator's own noise.
LARGE_PAYLOADS = ("float64-8MB", "columns-20MB", "zeros-64MB")
