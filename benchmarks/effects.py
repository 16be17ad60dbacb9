"""What each technique does on the course's standard experiment: twenty seeds, finer tuning.

The lessons show five seeds and a few strengths, to be quick; this is the fuller table that they
quote. Run ``python benchmarks/effects.py``: it takes a few minutes and writes ``docs/effects.md``.
"""

from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from reglib.data import noisy_digits
from reglib.network import RegularizedNeuralNetwork

SEEDS = range(20)
# Every technique gets five strengths; early stopping five patiences.
ARMS = {
    "plain": [{}],
    "L2": [{"l2": v} for v in (0.001, 0.003, 0.006, 0.01, 0.02)],
    "L1": [{"l1": v} for v in (0.0003, 0.001, 0.003, 0.006, 0.012)],
    "elastic net": [{"l1": v, "l2": 5 * v} for v in (0.0003, 0.0006, 0.001, 0.0015, 0.002)],
    "max-norm": [{"max_norm": v} for v in (0.75, 1.0, 1.25, 1.5, 2.0)],
    "early stopping": [{"patience": v} for v in (2, 5, 10, 15, 20)],
}


def run(seed, flipped, patience=None, **options):
    """Return validation accuracy, test accuracy and the share of zero weights of one training."""
    train, validation, test = noisy_digits(p=flipped, rng=np.random.default_rng(seed))
    net = RegularizedNeuralNetwork(
        [64, 128, 10],
        activation="relu",
        output="softmax",
        loss="cross_entropy",
        init="he",
        momentum=0.9,
        rng=np.random.default_rng(seed),
        **options,
    )
    watched = {"validation_data": validation, "patience": patience} if patience else {}
    net.fit(*train, epochs=60, batch_size=32, learning_rate=0.1, **watched)
    zeros = np.mean(np.concatenate([W.ravel() for W in net.weights]) == 0)
    return *[np.mean(net.predict(X) == y) for X, y in (validation, test)], zeros


def table(flipped):
    """Return the Markdown rows of one condition, strengths tuned on its own validation parts."""
    settings = [(name, option) for name, options in ARMS.items() for option in options]
    runs = Parallel(n_jobs=-1)(
        delayed(run)(seed, flipped, **option) for _, option in settings for seed in SEEDS
    )
    scores = np.reshape(runs, (len(settings), len(SEEDS), 3))
    rows, plain = [], scores[0, :, 1]
    for name in ARMS:
        own = [i for i, (arm, _) in enumerate(settings) if arm == name]
        best = max(own, key=lambda i: scores[i, :, 0].mean())
        accuracy, gain = scores[best, :, 1], scores[best, :, 1] - plain
        strength = ", ".join(f"{key} = {value:g}" for key, value in settings[best][1].items())
        rows.append(
            f"| {name} | {strength} | {accuracy.mean():.3f} ± {accuracy.std(ddof=1):.3f} "
            f"| {gain.mean():+.3f} ± {gain.std(ddof=1):.3f} | {np.sum(gain > 0)} of {len(SEEDS)} "
            f"| {scores[best, :, 2].mean():.2f} |"
        )
    return rows


def main():
    """Write the table."""
    head = (
        "| technique | chosen strength | test accuracy | gain, paired by seed | seeds better "
        "| exact zeros |\n|---|---|---|---|---|---|"
    )
    text = [
        "# What each technique does",
        "150 digits, a network 64-128-10 with ReLU, momentum 0.9, learning rate 0.1, 60 epochs, "
        "batches of 32; 20 seeds, mean ± standard deviation over seeds. Five strengths a "
        "technique, the one with the best mean validation accuracy is reported on the test part. "
        "Made by `benchmarks/effects.py`.",
    ]
    for title, flipped in (("A fifth of the labels redrawn", 0.2), ("Clean labels", 0.0)):
        text += [f"## {title}", "\n".join([head, *table(flipped)])]
    page = Path(__file__).parents[1] / "docs" / "effects.md"
    page.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
