"""What each technique does on the course's standard experiment: twenty seeds, finer tuning.

The lessons show five seeds and a few strengths, to be quick; this is the fuller table that they
quote. Run ``python benchmarks/effects.py``: it takes a few minutes and writes ``docs/effects.md``.
``LOKY_MAX_CPU_COUNT=1`` before it leaves the other processors alone.
"""

from functools import cache
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
    "dropout": [{"dropout": v} for v in (0.2, 0.4, 0.6, 0.7, 0.8)],
    "DropConnect": [{"dropconnect": v} for v in (0.05, 0.1, 0.2, 0.3, 0.4)],
    "Gaussian noise": [{"input_noise": v} for v in (0.1, 0.2, 0.3, 0.4, 0.5)],
    "label smoothing": [{"label_smoothing": v} for v in (0.1, 0.2, 0.4, 0.8, 0.9)],
}
SETTINGS = [(name, option) for name, options in ARMS.items() for option in options]
RATES = (0.1, 0.03)
WIDTHS, PS = (16, 32, 128, 512), (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
TEST_NOISE = 0.3  # standard deviation; the inputs lie in [0, 1]


def run(seed, flipped=0.2, width=128, rate=0.1, patience=None, **options):
    """Train once; return what `measures` finds."""
    train, validation, test = noisy_digits(p=flipped, rng=np.random.default_rng(seed))
    net = RegularizedNeuralNetwork(
        [64, width, 10],
        activation="relu",
        output="softmax",
        loss="cross_entropy",
        init="he",
        momentum=0.9,
        rng=np.random.default_rng(seed),
        **options,
    )
    watched = {"validation_data": validation, "patience": patience} if patience else {}
    net.fit(*train, epochs=60, batch_size=32, learning_rate=rate, **watched)
    return measures(net, validation, test, np.random.default_rng([seed, 1]))


def measures(net, validation, test, rng):
    """Return six numbers: validation and test accuracy, test accuracy on noisy inputs,
    calibration error, confidence minus accuracy, and the share of weights that are zero."""
    X, y = test
    noisy = X + TEST_NOISE * rng.standard_normal(X.shape)
    accuracies = [np.mean(net.predict(A) == b) for A, b in (validation, test, (noisy, y))]
    zeros = np.mean(np.concatenate([W.ravel() for W in net.weights]) == 0)
    return *accuracies, *calibration(net.predict_proba(X), y), zeros


def calibration(P, y):
    """Return the expected calibration error of probabilities (n, k), and its sign.

    Ten bins of equal width of the top probability; in each the gap between its mean and the
    accuracy counts by the bin's share of the samples. The second number is the mean gap.
    """
    top, right = P.max(axis=1), P.argmax(axis=1) == y
    bins = np.minimum(10 * top, 9).astype(int)
    gaps = np.bincount(bins, weights=top - right) / len(y)
    return np.abs(gaps).sum(), gaps.sum()


@cache
def scores(flipped, rate):
    """Return what `measures` finds for each setting and seed, (settings, seeds, 6)."""
    runs = Parallel(n_jobs=-1)(
        delayed(run)(seed, flipped, rate=rate, **option) for _, option in SETTINGS for seed in SEEDS
    )
    return np.reshape(runs, (len(SETTINGS), len(SEEDS), 6))


def table(flipped, rates):
    """Return the Markdown rows of one condition; rate and strength chosen on its validation."""
    tried = [
        (name, {"rate": rate} | option, own)
        for rate in rates
        for (name, option), own in zip(SETTINGS, scores(flipped, rate), strict=True)
    ]
    rows, best = [], {}
    for name in ARMS:
        _, option, best[name] = max(
            (setting for setting in tried if setting[0] == name),
            key=lambda setting: setting[2][:, 0].mean(),
        )
        accuracy, gain = best[name][:, 1], best[name][:, 1] - best["plain"][:, 1]
        _, _, noisy, error, surplus, zeros = best[name].mean(axis=0)
        strength = ", ".join(f"{key} = {value:g}" for key, value in option.items())
        rows.append(
            f"| {name} | {strength} | {accuracy.mean():.3f} ± {accuracy.std(ddof=1):.3f} "
            f"| {gain.mean():+.3f} ± {gain.std(ddof=1):.3f} | {np.sum(gain > 0)} of {len(SEEDS)} "
            f"| {noisy:.3f} | {error:.3f} | {surplus:+.3f} | {zeros:.2f} |"
        )
    return rows


def width_table(rate):
    """Return the Markdown rows of dropout's p against the width of the hidden layer."""
    rows = []
    for width in WIDTHS:
        runs = Parallel(n_jobs=-1)(
            delayed(run)(seed, width=width, rate=rate, dropout=p) for p in PS for seed in SEEDS[:10]
        )
        means = np.reshape(runs, (len(PS), 10, 6)).mean(axis=1)
        cells = [f"{validation:.3f}, {test:.3f}" for validation, test, *_ in means]
        best = means[:, 0].argmax()
        cells[best] = f"**{cells[best]}**"
        rows.append(f"| {width} | " + " | ".join(cells) + " |")
    return rows


def main():
    """Write the tables."""
    head = (
        "| technique | chosen strength | test accuracy | gain, paired by seed | seeds better "
        "| accuracy on noisy pictures | calibration error | confidence minus accuracy "
        "| exact zeros |\n|---|---|---|---|---|---|---|---|---|"
    )
    text = [
        "# What each technique does",
        "150 digits, a network 64-128-10 with ReLU, momentum 0.9, 60 epochs, batches of 32; "
        "20 seeds, mean ± standard deviation over seeds. Five strengths a technique; the one with "
        "the best mean validation accuracy is reported on the test part. First at the learning "
        "rate 0.1 for all, as in the lessons' first experiments, then with the rate chosen too, "
        "for the plain network as well: noise wants the smaller one. Made by "
        "`benchmarks/effects.py`.",
        "Accuracies and calibration are those of the test part, in evaluation mode. Noisy pictures "
        f"are the same ones with normal noise of standard deviation {TEST_NOISE} added to the "
        "inputs, the same noise for every technique; no strength was chosen for them. Calibration "
        "error: the expected one, ten bins of equal width of the top probability. Confidence is "
        "the mean top probability: more than the accuracy is too sure, less is too modest.",
    ]
    for title, flipped in (("A fifth of the labels redrawn", 0.2), ("Clean labels", 0.0)):
        for choice, rates in (("learning rate 0.1", RATES[:1]), ("learning rate chosen", RATES)):
            text += [f"## {title}, {choice}", "\n".join([head, *table(flipped, rates)])]
    head = f"| hidden units | {' | '.join(f'p = {p:g}' for p in PS)} |\n|---|{'---|' * len(PS)}"
    text += [
        "## Dropout's p by width",
        "A fifth of the labels redrawn, one hidden layer, p the probability to drop; ten seeds, "
        "mean validation accuracy, then mean test accuracy; bold, the best by validation.",
    ]
    for rate in RATES:
        text += [f"Learning rate {rate}:", "\n".join([head, *width_table(rate)])]
    page = Path(__file__).parents[1] / "docs" / "effects.md"
    page.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
