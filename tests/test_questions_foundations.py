"""The keys of the questions on foundations, computed anew; their planted faults, measured."""

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from reglib import data
from reglib.assess.questions import bank
from reglib.assess.questions.judge import defined, judge


def panels(name):
    """The curves of each panel of a curve question, as arrays."""
    own = bank()[name].data
    x = eval(own["x"], {"np": np})
    return x, {
        letter: [np.asarray(eval(text, {"np": np, "x": x}), float) for text in texts]
        for letter, texts in own["curves"].items()
    }


def only(letters):
    """The one letter that fits."""
    assert len(letters) == 1, f"fitting panels: {letters}"
    return letters[0]


def overfitting():
    """Training ends lowest of all, and validation climbs clearly above its own lowest value."""
    _, curves = panels("draw-overfitting")
    return only([
        letter
        for letter, (training, validation) in curves.items()
        if np.all(np.diff(training) < 0) and validation[-1] > 1.5 * validation.min()
    ])  # fmt: skip


def ridge_errors():
    """The shapes that ridge has on the diabetes data, and the panel that has the same."""
    x, curves = panels("error-against-lambda")
    (X, y), validation, _ = data.wide_diabetes(rng=np.random.default_rng(0))
    measured = [[], []]
    for l2 in 10.0**x:
        w = Ridge(alpha=len(y) * l2, fit_intercept=False).fit(X, y).coef_
        for errors, (A, b) in zip(measured, ((X, y), validation), strict=True):
            errors.append(np.sqrt(np.mean((b - A @ w) ** 2)))

    def shape(training, validation):
        lowest = int(np.argmin(validation))
        inside = 0.2 * len(x) < lowest < 0.9 * len(x)
        turns = validation[0] > 1.2 * validation[lowest] < validation[-1]
        return bool(np.all(np.diff(training) >= 0)), inside and bool(turns)

    assert shape(*np.array(measured)) == (True, True), "ridge itself has another shape"
    return only([letter for letter, both in curves.items() if shape(*both) == (True, True)])


def more_data():
    """Extrapolate the validation line by one more decade, as straight as its last part."""
    _, curves = panels("more-data-or-not")
    falls = {letter: v[-26] - v[-1] for letter, (_, v) in curves.items()}  # over half a decade
    far = {letter: v[-1] - max(0.05, t[-1]) for letter, (t, v) in curves.items()}
    return only([a for a in curves if falls[a] > 0.04 and far[a] > 0.05])


def peak():
    """Test error with and without a validated penalty, from few to many random features."""
    sizes, plain, ridged = (75, 150, 1200), [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        (X, y), (X_val, y_val), (X_test, y_test) = data.noisy_digits(150, 0.0, rng)
        V = rng.standard_normal((64, max(sizes)))
        features = [np.maximum((A - X.mean(axis=0)) @ V, 0) for A in (X, X_val, X_test)]
        Y = np.eye(10)[y]
        for size in sizes:
            F, F_val, F_test = (A[:, :size] for A in features)
            fits = [np.linalg.pinv(F) @ Y]
            for l2 in (0.03, 0.1, 0.3, 1.0):
                gram = F @ F.T + len(F) * l2 * np.eye(len(F))
                fits.append(F.T @ np.linalg.solve(gram, Y))
            held = [np.mean((F_val @ W).argmax(axis=1) != y_val) for W in fits[1:]]
            errors = [np.mean((F_test @ W).argmax(axis=1) != y_test) for W in fits]
            plain.append(errors[0])
            ridged.append(errors[1 + int(np.argmin(held))])
    plain, ridged = (np.reshape(a, (3, 3)).mean(axis=0) for a in (plain, ridged))
    assert plain[1] > plain[0] > plain[2], "the question describes another curve"
    peak_gone = np.all(np.diff(ridged) < 0)
    far_unchanged = abs(plain[2] - ridged[2]) < 0.03
    assert peak_gone and far_unchanged, (plain, ridged)
    return "a"


def enormous():
    """What ridge with a free bias says at an enormous penalty."""
    X, y, _ = data.load_diabetes()
    (X,) = data.standardize(X)
    said = Ridge(alpha=1e12).fit(X, y).predict(X[:1])[0]
    least = Ridge(alpha=0).fit(X, y).predict(X[:1])[0]
    apart = np.linalg.norm(X[1:] - X[0], axis=1)
    answers = {"a": 0.0, "b": y.mean(), "c": least, "d": y[1 + apart.argmin()]}
    return only([letter for letter, value in answers.items() if abs(value - said) < 0.01])


def steadiest_first():
    """The variance of each fit over 3,000 draws of the noise."""
    x, draws = np.linspace(-1, 1, 20), 3000
    y = data.polynomial_truth(x) + 0.2 * np.random.default_rng(0).standard_normal((draws, 20))

    def hat(degree, l2=0.0):
        X = np.vander(x, degree + 1, increasing=True)
        free = np.diag([0.0] + degree * [1.0])  # the bias is not penalised
        return X @ np.linalg.pinv(X.T @ X + 20 * l2 * free, rcond=1e-14) @ X.T

    strengths = 10.0 ** np.linspace(-8, 2, 401)
    l2 = min(strengths, key=lambda l2: abs(np.trace(hat(12, l2)) - 6))
    assert abs(np.trace(hat(12, l2)) - 6) < 0.1
    fits = {"a": hat(12), "b": hat(1), "c": hat(0), "d": hat(9), "e": hat(12, l2)}
    scatter = {letter: (y @ H).var(axis=0).mean() for letter, H in fits.items()}
    for letter, free in (("a", 13), ("b", 2), ("c", 1), ("d", 10)):
        # a variance from 3,000 draws at 20 places errs by some hundredths at the most
        assert np.isclose(scatter[letter], 0.04 * free / 20, rtol=0.1), (letter, scatter)
    return sorted(scatter, key=scatter.get)


def expected_error():
    """Every pair of a fit and a noise of two equally likely values ±0.5."""
    pairs = product((2.0, 3.0, 3.0, 4.0), (-0.5, 0.5))
    return np.mean([(2.0 + noise - fit) ** 2 for fit, noise in pairs])


def batch_noise():
    """The deviation of a mean of 36, by counting heads of 36 fair coins that pay ±6."""
    from scipy.stats import binom

    return (12 * binom(36, 0.5).std()) / 36


def largest_move():
    """The largest change over a fine circle of directions."""
    angle = np.linspace(0, 2 * np.pi, 100_001)
    return np.max(0.1 * (3 * np.cos(angle) - 4 * np.sin(angle)))


COMPUTED = {
    "draw-overfitting": overfitting,
    "error-against-lambda": ridge_errors,
    "more-data-or-not": more_data,
    "peak-of-double-descent": peak,
    "enormous-lambda": enormous,
    "steadiest-first": steadiest_first,
    "one-point-four-fits": expected_error,
    "noise-of-a-batch": batch_noise,
    "largest-move": largest_move,
    # The loss that stays is that of knowing nothing: the sixteen were not even learnt by heart.
    "one-batch-first": lambda: "d" if round(float(np.log(10)), 2) == 2.30 else "",
}


def picked_in_full_view(faulty, fixed):
    """Repaired, the method promises no more than the mean, which is the truth about noise."""
    assert faulty["promised"] < 0.8 * faulty["always_the_mean"]
    assert fixed["promised"] > 0.95 * fixed["always_the_mean"]


def best_epoch_lost(faulty, fixed):
    """Both report the same lowest error; only the repaired weights have it."""
    assert faulty["lowest"] == fixed["lowest"]
    assert faulty["error_of_w"] > 1.1 * faulty["lowest"]
    assert np.isclose(fixed["error_of_w"], fixed["lowest"], rtol=1e-12)


PROOFS = {"picked-in-full-view": picked_in_full_view, "best-epoch-lost": best_epoch_lost}


@pytest.mark.parametrize(("n", "k"), [(10, 3), (11, 4), (23, 5), (6, 6)])
def test_the_folds_asked_for_are_those_of_scikit_learn(n, k):
    fold_rows = defined(bank()["fold-rows"].data["answer"], "fold_rows")
    for fold, (train, held_out) in enumerate(KFold(k).split(np.zeros(n))):
        for ours, theirs in zip(fold_rows(n, k, fold), (train, held_out), strict=True):
            assert np.array_equal(ours, theirs), (n, k, fold)


def test_early_stopping_agrees_with_what_fit_keeps():
    from reglib import RegularizedNeuralNetwork

    when_to_stop = defined(bank()["when-to-stop"].data["answer"], "when_to_stop")
    training, validation, _ = data.noisy_digits(60, 0.2, np.random.default_rng(0))
    for patience in (1, 3, 6):
        losses = []
        for stop in (None, patience):
            rng = np.random.default_rng(0)
            net = RegularizedNeuralNetwork(
                [64, 32, 10], activation="relu", output="softmax", loss="cross_entropy",
                init="he", momentum=0.9, rng=rng,
            )  # fmt: skip
            how = dict(validation_data=validation, patience=stop)
            losses.append(net.fit(*training, 40, 32, 0.1, **how)["val_loss"])
        best, last = when_to_stop(np.array(losses[0]), patience)
        assert len(losses[1]) == last + 1, f"patience {patience}: fit stops elsewhere"
        kept = net.data_loss(net.forward_propagation(validation[0]), validation[1])
        assert np.isclose(kept, losses[0][best]), f"patience {patience}: fit keeps another epoch"


def test_the_examples_in_the_stubs_are_right():
    fold_rows = defined(bank()["fold-rows"].data["answer"], "fold_rows")
    train, held_out = fold_rows(7, 3, 0)
    assert (train.tolist(), held_out.tolist()) == ([3, 4, 5, 6], [0, 1, 2])
    when_to_stop = defined(bank()["when-to-stop"].data["answer"], "when_to_stop")
    assert when_to_stop(np.array([0.9, 0.5, 0.6, 0.55, 0.4]), 2) == (1, 3)


def test_the_follow_up_on_four_fits_is_computed_right():
    fits = (np.array([2.0, 3.0, 3.0, 4.0]) + 2.5) / 2
    assert ((fits.mean() - 2) ** 2, fits.var()) == (0.5625, 0.125)


def test_words_that_describe_a_panel_name_its_true_ends():
    """Each description of the overfitting panels ends near the values that are drawn."""
    _, curves = panels("draw-overfitting")
    ends = {letter: [round(curve[-1], 1) for curve in both] for letter, both in curves.items()}
    assert ends == {"a": [1.9, 2.0], "b": [0.1, 0.3], "c": [0.0, 2.0], "d": [0.6, 0.3]}


IN_OTHER_WORDS = {
    "explain-regularization": """If I sketch both losses, the one on held-out data bottoms out and
        goes up again. We minimise data loss + lambda times the squared length, so each update
        decays the weights. With absolute values the pull is the same everywhere, and many end up
        precisely at zero. We accept more systematic error for estimates that fluctuate less.
        Zeroing activations at random while fitting stops units from co-adapting. Cropping and
        mirroring teach invariances. The coefficient is picked by cross-validation. If the model
        is too simple it hurts.""",
    "core-concepts": """A line through a sine misses it, degree 15 wiggles through each point. Ridge
        makes everything smaller, the lasso many zero. You give up some flexibility. Randomly
        deactivating neurons, at train time only. Crops keep the label, mirroring a 2 would not.
        How strongly is decided on a dev set.""",
}
SMALL_TALK = """I hope that normal people have a good curve of learning. Together we share nothing
    but a strong interest in science; the data are noise, and this model does a great job, jumps
    ahead, and we choose it."""


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_a_good_answer_in_other_words_is_heard_and_small_talk_is_not(name):
    question = bank()[name]
    ticks = "abcdefgh"[: len(question.data["rubric"])]
    verdict = judge(question, IN_OTHER_WORDS[name], ticks)
    assert verdict.score == 1, verdict.sentences
    assert judge(question, SMALL_TALK, ticks).score == 0, judge(question, SMALL_TALK, ticks).rows
