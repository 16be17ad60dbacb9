"""What each technique does on the course's standard experiment: twenty seeds, finer tuning.

The lessons show five seeds and a few strengths, to be quick; this is the fuller table that they
quote. Run ``make bench``, or ``python -m benchmarks.effects`` for this one alone: it takes a
quarter of an hour, and writes ``docs/effects.md`` and the README's table of gains.
``LOKY_MAX_CPU_COUNT=1`` before it leaves the other processors alone.
"""

from functools import cache
from time import process_time

import numpy as np
from joblib import Parallel, delayed

from benchmarks.machine import machine, quote, write
from reglib import augment
from reglib.data import load_digits, noisy_digits, split
from reglib.network import RegularizedNeuralNetwork

SEEDS = range(20)


def shift(share):
    """Return a transform that moves a share of the images by up to one pixel each way."""
    moves = augment.RandomCrop(8, padding=1)

    def transform(X, Y, rng):
        chosen = (rng.random(len(X)) < share)[:, None, None, None]
        return np.where(chosen, moves(X, Y, rng)[0], X), Y

    return transform


# The augmentations, by the name of the number that says how strong they are.
AUGMENTATIONS = {
    "share_shifted": shift,
    "degrees": augment.RandomRotation,
    "zoom": lambda v: augment.RandomScale((1 / v, v)),
    "share_flipped": augment.RandomHorizontalFlip,
    "share_erased": augment.RandomErasing,
    "mixup_alpha": augment.MixUp,
    "cutmix_alpha": augment.CutMix,
}
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
    "shifts by a pixel": [{"share_shifted": v} for v in (0.2, 0.4, 0.6, 0.8, 1.0)],
    "rotation": [{"degrees": v} for v in (5, 10, 15, 20, 30)],
    "scaling": [{"zoom": v} for v in (1.05, 1.1, 1.2, 1.4, 1.8)],
    "horizontal flips": [{"share_flipped": v} for v in (0.05, 0.1, 0.2, 0.35, 0.5)],
    "random erasing": [{"share_erased": v} for v in (0.2, 0.4, 0.6, 0.8, 1.0)],
    "mixup": [{"mixup_alpha": v} for v in (0.1, 0.5, 2.0, 8.0, 32.0)],
    "CutMix": [{"cutmix_alpha": v} for v in (0.1, 0.3, 1.0, 3.0, 10.0)],
}
SETTINGS = [(name, option) for name, options in ARMS.items() for option in options]
AUGMENTED = [(n, o) for n, o in SETTINGS if n == "plain" or o.keys() & AUGMENTATIONS.keys()]
RATES, BATCH = (0.1, 0.03), 32
SMALL = 0.01  # a third rate, which regularizes by itself: the epochs end early
WIDTHS, PS = (16, 32, 128, 512), (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
LABELS, FEW_SEEDS, FEW_STEPS = (50, 150, 500, 1500), range(10), 1000
TEST_NOISE = 0.3  # standard deviation; the inputs lie in [0, 1]
TEST_DEGREES = 30


def run(seed, parts, width=128, rate=0.1, epochs=60, patience=None, **options):
    """Train once on the first of three parts; return what `measures` finds on the others, and
    the seconds of processor time that it took."""
    (X, y), validation, test = parts
    for name in options.keys() & AUGMENTATIONS.keys():
        options["augment"] = AUGMENTATIONS[name](options.pop(name))
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
    X, start = X.reshape(-1, 8, 8, 1), process_time()
    net.fit(X, y, epochs, BATCH, learning_rate=rate, progress=False, **watched)
    seconds = process_time() - start
    return *measures(net, validation, test, np.random.default_rng([seed, 1])), seconds


def measures(net, validation, test, rng):
    """Return eight numbers: accuracy on validation, test, noisy test and rotated test pictures,
    calibration error, confidence minus accuracy, the share of weights that are zero, and the
    Euclidean norm of all weights."""
    X, y = test
    noisy = X + TEST_NOISE * rng.standard_normal(X.shape)
    degrees = rng.uniform(-TEST_DEGREES, TEST_DEGREES, len(X))
    turned = augment.rotate(X.reshape(-1, 8, 8, 1), degrees)
    pairs = validation, test, (noisy, y), (turned, y)
    accuracies = [np.mean(net.predict(A) == b) for A, b in pairs]
    w = np.concatenate([W.ravel() for W in net.weights])
    return *accuracies, *calibration(net.predict_proba(X), y), np.mean(w == 0), np.linalg.norm(w)


def calibration(P, y):
    """Return the expected calibration error of probabilities (n, k), and its sign.

    Ten bins of equal width of the top probability; in each the gap between its mean and the
    accuracy counts by the bin's share of the samples. The second number is the mean gap.
    """
    top, right = P.max(axis=1), P.argmax(axis=1) == y
    bins = np.minimum(10 * top, 9).astype(int)
    gaps = np.bincount(bins, weights=top - right) / len(y)
    return np.abs(gaps).sum(), gaps.sum()


def standard(seed, flipped=0.2):
    """Return the course's experiment: 150 digits, validation, test."""
    return noisy_digits(p=flipped, rng=np.random.default_rng(seed))


def few(seed, n):
    """Return n digits, 100 for validation and 197 for the test, which are the same for every n."""
    X, y = load_digits()
    (X, y), validation, test = split(X, y, (1500, 100, 197), np.random.default_rng(seed))
    return (X[:n], y[:n]), validation, test


@cache
def scores(parts, condition, rate, settings, seeds, epochs):
    """Return what `run` finds for each setting and seed, (settings, seeds, 9)."""
    runs = Parallel(n_jobs=-1)(
        delayed(run)(seed, parts(seed, condition), rate=rate, epochs=epochs, **dict(option))
        for option in settings
        for seed in seeds
    )
    return np.reshape(runs, (len(settings), len(seeds), -1))


def best(parts, condition, settings, seeds, rates=RATES, epochs=60):
    """Return {technique: (rate and strength, what `run` finds)}, both chosen on validation."""
    options = tuple(tuple(option.items()) for _, option in settings)
    chosen = {}
    for rate in rates:
        found = scores(parts, condition, rate, options, seeds, epochs)
        for (name, option), own in zip(settings, found, strict=True):
            if name not in chosen or own[:, 0].mean() > chosen[name][1][:, 0].mean():
                chosen[name] = {"rate": rate} | option, own
    return chosen


def table(flipped, rates):
    """Return the Markdown rows of one condition."""
    chosen, rows = best(standard, flipped, SETTINGS, SEEDS, rates), []
    for name, (option, own) in chosen.items():
        accuracy, gain = own[:, 1], own[:, 1] - chosen["plain"][1][:, 1]
        _, _, noisy, turned, error, surplus, zeros, norm, seconds = own.mean(axis=0)
        strength = ", ".join(f"{key} = {value:g}" for key, value in option.items())
        rows.append(
            f"| {name} | {strength} | {accuracy.mean():.3f} ± {accuracy.std(ddof=1):.3f} "
            f"| {gain.mean():+.3f} ± {gain.std(ddof=1):.3f} | {np.sum(gain > 0)} of {len(SEEDS)} "
            f"| {noisy:.3f} | {turned:.3f} | {error:.3f} | {surplus:+.3f} | {zeros:.2f} "
            f"| {norm:.1f} | {seconds:.2f} |"
        )
    return rows


def strength_table():
    """Return the Markdown rows of every strength of the augmentations, clean labels."""
    chosen = best(standard, 0.0, [(str(option), option) for _, option in SETTINGS], SEEDS)
    plain, cells = chosen["{}"][1][:, 1], {}
    for name, option in AUGMENTED[1:]:
        own = chosen[str(option)][1]
        (value,), gain, turned = option.values(), (own[:, 1] - plain).mean(), own[:, 3].mean()
        cells.setdefault(name, []).append(f"{value:g}: {gain:+.3f}, {turned:.3f}")
    return [f"| {name} | {' | '.join(row)} |" for name, row in cells.items()]


def gain_table():
    """Return the README's table: what each technique adds, the largest gain first."""
    redrawn, clean = (best(standard, flipped, SETTINGS, SEEDS) for flipped in (0.2, 0.0))
    means = {
        name: [chosen[name][1][:, 1].mean() for chosen in (redrawn, clean)]
        + list(redrawn[name][1][:, 2:4].mean(axis=0))
        for name in redrawn
    }
    plain = means.pop("plain")
    head = "| technique | a fifth of the labels redrawn | clean labels | noisy | rotated |"
    rows = [head, "|---" * 5 + "|", "| plain | " + " | ".join(f"{v:.3f}" for v in plain) + " |"]
    for name, (dirty, tidy, *others) in sorted(means.items(), key=lambda item: -item[1][0]):
        cells = [f"{dirty - plain[0]:+.3f}", f"{tidy - plain[1]:+.3f}"]
        cells += [f"{value:.3f}" for value in others]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def few_table():
    """Return the Markdown rows of the augmentations against the number of clean labels."""
    epochs = {n: FEW_STEPS // -(-n // BATCH) for n in LABELS}
    columns = [best(few, n, AUGMENTED, FEW_SEEDS, epochs=epochs[n]) for n in LABELS]
    rows = []
    for name in columns[0]:
        cells = []
        for column in columns:
            accuracy, plain = (column[arm][1][:, 1] for arm in (name, "plain"))
            gain, better = accuracy - plain, np.sum(accuracy > plain)
            text = f"{gain.mean():+.3f} ± {gain.std(ddof=1):.3f}, {better} of {len(gain)}"
            cells.append(f"{accuracy.mean():.3f}" if name == "plain" else text)
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def width_table(rate):
    """Return the Markdown rows of dropout's p against the width of the hidden layer."""
    rows = []
    for width in WIDTHS:
        runs = Parallel(n_jobs=-1)(
            delayed(run)(seed, standard(seed), width=width, rate=rate, dropout=p)
            for p in PS
            for seed in SEEDS[:10]
        )
        means = np.reshape(runs, (len(PS), 10, -1)).mean(axis=1)
        cells = [f"{validation:.3f}, {test:.3f}" for validation, test, *_ in means]
        top = means[:, 0].argmax()
        cells[top] = f"**{cells[top]}**"
        rows.append(f"| {width} | " + " | ".join(cells) + " |")
    return rows


def techniques():
    """Return the parts of the page about all techniques."""
    head = (
        "| technique | chosen strength | test accuracy | gain, paired by seed | seeds better "
        "| accuracy on noisy pictures | on rotated pictures | calibration error "
        "| confidence minus accuracy | exact zeros | weight norm | seconds |\n" + "|---" * 12 + "|"
    )
    text = []
    for title, flipped in (("A fifth of the labels redrawn", 0.2), ("Clean labels", 0.0)):
        for choice, rates in (("learning rate 0.1", RATES[:1]), ("learning rate chosen", RATES)):
            text += [f"## {title}, {choice}", "\n".join([head, *table(flipped, rates)])]
    return text + [
        f"## A fifth of the labels redrawn, a rate of {SMALL} offered too",
        "Above, the plain network chose the smallest rate that it was offered. Here one more is: "
        "with it the 60 epochs end before the wrong labels are learnt by heart, which is early "
        "stopping under another name. Every technique chooses anew. The gains over this plain "
        "network are what a technique adds to a well-chosen rate.",
        "\n".join([head, *table(0.2, (*RATES, SMALL))]),
    ]


def labels():
    """Return the parts of the page about few labels."""
    head = f"| technique | {' | '.join(f'{n:,} digits' for n in LABELS)} |\n"
    head += "|---" * (1 + len(LABELS)) + "|"
    return [
        "## Augmentation by the number of labels",
        f"Clean labels, {FEW_STEPS:,} steps of {BATCH} digits for every number of them, so 500 "
        "epochs of 50 digits: a network needs time to see the many forms that a few digits take. "
        f"{len(FEW_SEEDS)} seeds. First the plain network's test accuracy; below it the gains over "
        "it, paired by seed, and the seeds that are better. Strength and rate are chosen for every "
        "number of digits anew, the plain network's rate too, on 100 other digits; 197 more "
        "are the test.",
        "\n".join([head, *few_table()]),
    ]


def strengths():
    """Return the parts of the page about every strength of the augmentations."""
    head = "| technique | weakest | | | | strongest |\n|---|---|---|---|---|---|"
    return [
        "## Every strength of an augmentation",
        "Clean labels, 150 digits, the learning rate chosen for each. The strength, the gain in "
        "test accuracy over the plain network, and the accuracy on rotated pictures.",
        "\n".join([head, *strength_table()]),
    ]


def widths():
    """Return the parts of the page about dropout's p."""
    head = f"| hidden units | {' | '.join(f'p = {p:g}' for p in PS)} |\n|---|{'---|' * len(PS)}"
    text = [
        "## Dropout's p by width",
        "A fifth of the labels redrawn, one hidden layer, p the probability to drop; ten seeds, "
        "mean validation accuracy, then mean test accuracy; bold, the best by validation.",
    ]
    for rate in RATES:
        text += [f"Learning rate {rate}:", "\n".join([head, *width_table(rate)])]
    return text


def main():
    """Write the tables."""
    intro = [
        "# What each technique does",
        "150 digits, a network 64-128-10 with ReLU, momentum 0.9, 60 epochs, batches of 32; "
        "20 seeds, mean ± standard deviation over seeds. Five strengths a technique; the one with "
        "the best mean validation accuracy is reported on the test part. First at the learning "
        "rate 0.1 for all, as in the lessons' first experiments, then with the rate chosen too, "
        "for the plain network as well: noise wants the smaller one. Made by "
        "`benchmarks/effects.py`.",
        "Accuracies and calibration are those of the test part, in evaluation mode. Noisy pictures "
        f"are the same ones with normal noise of standard deviation {TEST_NOISE} added to the "
        f"inputs; rotated ones are turned by up to {TEST_DEGREES} degrees each way. Noise and "
        "angles are the same for every technique; no strength was chosen for them. Calibration "
        "error: the expected one, ten bins of equal width of the top probability. Confidence is "
        "the mean top probability: more than the accuracy is too sure, less is too modest. The "
        "weight norm is the Euclidean one of all weights; the first ones, He's, have about 16.6. "
        "Seconds are those of processor time that one training run takes, mean over seeds.",
        "The augmentations work on the 8x8 pictures, drawn anew for every batch. `share_shifted` "
        "is the share of pictures moved by up to one pixel each way, `degrees` the largest angle "
        "each way, `zoom` = z a factor from 1/z to z; `share_flipped` and `share_erased` are "
        "probabilities; `mixup_alpha` and `cutmix_alpha` are alpha of Beta(alpha, alpha).",
        "Machine: " + machine("numpy", "scikit-learn") + ".",
    ]
    write("effects.md", [*intro, *techniques(), *strengths(), *labels(), *widths()])
    quote("effects", gain_table())


if __name__ == "__main__":
    main()
