"""The keys of the questions on data augmentation, recomputed, and their faults, shown."""

import numpy as np
from scipy.ndimage import affine_transform
from scipy.stats import beta

from reglib.assess.questions import find
from reglib.augment import adjust_brightness, adjust_contrast, adjust_saturation, cutmix

GREY = np.array([0.2, 0.4, 0.9]).reshape(1, 1, 3, 1)


def clipped_box():
    """The share of a picture's own pixels, counted by pasting ones into zeros."""
    X, Y = np.stack([np.zeros((32, 32, 1)), np.ones((32, 32, 1))]), np.eye(2)
    mixed, labels = cutmix(X, Y, -4, 20, 16, 16, [1, 0])
    assert np.isclose(labels[0, 0], 1 - mixed[0].mean()), "reglib's label is not the pixels' share"
    return np.mean(mixed[0] == 0)


def windows_and_mirrors():
    """Count the different windows of a picture of distinct numbers."""
    framed = np.pad(np.arange(1, 32 * 32 + 1).reshape(32, 32), 4)
    windows = np.lib.stride_tricks.sliding_window_view(framed, (32, 32)).reshape(-1, 32, 32)
    return len({w.tobytes() for w in windows} | {w[:, ::-1].tobytes() for w in windows})


def zoomed_source():
    """Enlarge an image whose every pixel holds its row: what is read at row 1 is its source."""
    rows = np.repeat(np.arange(9.0)[:, None], 9, axis=1)
    centre, inverse = np.array([4.0, 4.0]), np.eye(2) / 1.5
    zoomed = affine_transform(rows, inverse, centre - inverse @ centre, order=1)
    return zoomed[1, 4]


def half_saturated():
    pixel = np.array([0.8, 0.4, 0.2]).reshape(1, 1, 1, 3)
    return adjust_saturation(pixel, 0.5)[0, 0, 0, 0]


def dull_pictures():
    """Which option names what is left of a colour picture at factor 0."""
    image = np.random.default_rng(0).random((1, 4, 5, 3))
    luma = image @ [0.299, 0.587, 0.114]
    kinds = ""
    for adjust in (adjust_brightness, adjust_contrast, adjust_saturation):
        dull = adjust(image, 0.0)[0]
        if np.allclose(dull, 0):
            kinds += "black "
        elif np.allclose(dull, luma.mean()):
            kinds += "grey "
        elif np.allclose(dull, luma[0][..., None]):
            kinds += "greys "
    words = {"black": "black", "one even grey": "grey", "the image in greys": "greys"}
    said = {
        letter: "".join(words.get(part, "?") + " " for part in text.lower().split("; "))
        for letter, text in find("dull-pictures").data["options"].items()
    }
    return "".join(letter for letter, names in said.items() if names == kinds)


def mixup_shares():
    """The panel that holds the density of Beta(0.2, 0.2)."""
    data = find("mixup-shares").data
    x = eval(data["x"], {"np": np})
    right = beta.pdf(x, 0.2, 0.2)
    panels = {a: eval(curves[0], {"np": np, "x": x}) for a, curves in data["curves"].items()}
    return "".join(a for a, y in panels.items() if np.allclose(y, right, rtol=1e-4))


def holes():
    """Turn a disc: some new pixels are written by no old one, and each new one has an old one."""
    at, turn = np.indices((41, 41)).reshape(2, -1).T - 20, np.radians(30)
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    disc = {tuple(place) for place in at if np.hypot(*place) < 18}
    written = {tuple(place) for place in np.rint(at @ R.T).astype(int)}
    asked = {tuple(old) for old in np.rint(at[np.hypot(*at.T) < 18] @ R).astype(int)}
    inside = all(max(map(abs, old)) <= 20 for old in asked)  # each new pixel finds an old one
    return "a" if disc - written and inside else ""


COMPUTED = {
    "clipped-box": clipped_box,
    "contrast-and-clip": lambda: adjust_contrast(GREY, 1.5).mean(),
    "half-saturated": half_saturated,
    "windows-and-mirrors": windows_and_mirrors,
    "zoomed-source": zoomed_source,
    "dull-pictures": dull_pictures,
    "mixup-shares": mixup_shares,
    "holes-in-a-turn": holes,
}


def label_follows_pixels(names):
    """The largest gap between the pixels from the partner and its label's share, in 50 draws."""
    rng, gaps = np.random.default_rng(0), []
    X, Y = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]), np.eye(2)
    for _ in range(50):
        mixed, labels = names["cutmix"](X, Y, rng)
        gaps.append(np.abs(mixed.mean(axis=(1, 2, 3)) - labels[:, 1]).max())
    return max(gaps)


def drawn_lambda_kept(faulty, fixed):
    assert label_follows_pixels(fixed) < 1e-12, "the fixed labels do not follow the pixels"
    assert label_follows_pixels(faulty) > 0.1, "the faulty labels follow the pixels"


def leaked_copies(faulty, fixed):
    assert faulty["accuracy"] == 1, "the copies do not leak"
    # About 150 copies of 30 images, answered with independent labels: 0.1, six deviations of 30.
    assert fixed["accuracy"] < 0.1 + 6 * np.sqrt(0.09 / 25), "the repaired split still leaks"


def places(names):
    """How many places each of 20 pictures, one pixel each, is moved to in 30 epochs."""
    X = np.zeros((20, 5, 5))
    X[:, 2, 2] = np.arange(1, 21)
    shown = names["epochs"](X, 30, 7)
    found = {k: set() for k in range(1, 21)}
    for batch in shown:
        for image in batch:
            found[int(image.max())].add(int(image.argmax()))
    return [len(seen) for seen in found.values()]


def same_shift_again(faulty, fixed):
    assert places(faulty) == [1] * 20, "the faulty shifts differ between epochs"
    # Nine equally likely places, 30 draws: three places or fewer have a chance below 1e-11.
    assert min(places(fixed)) > 3, "the fixed shifts stay in few places"


def fading_images(faulty, fixed):
    assert np.allclose(fixed["brightness"], 1 - 9 / 64), "an erased batch has lost more than a box"
    assert np.all(np.diff(faulty["brightness"]) < 0), "the stored images do not fade"
    assert faulty["brightness"][-1] < 0.3, "the stored images are still bright"


PROOFS = {
    "drawn-lambda-kept": drawn_lambda_kept,
    "leaked-copies": leaked_copies,
    "same-shift-again": same_shift_again,
    "fading-images": fading_images,
}


def test_the_border_takes_a_third_of_what_cutmix_cuts():
    """The explanation of "drawn-lambda-kept": one half before the border, about a third after."""
    rng = np.random.default_rng(0)
    lam, centre = rng.random(100_000), rng.random((2, 100_000))
    half = np.sqrt(1 - lam) / 2
    inside = np.minimum(centre + half, 1) - np.maximum(centre - half, 0)
    area = inside.prod(axis=0)
    error = 6 * area.std() / np.sqrt(len(area))
    assert abs(area.mean() - (1 / 2 - 1 / 5 + 1 / 48)) < error
    assert abs(area.mean() - 1 / 3) < 0.02, "about a third is not what is left"


def test_saturation_keeps_the_luma():
    """The follow-up of "half-saturated"."""
    pixel = np.array([0.8, 0.4, 0.2]).reshape(1, 1, 1, 3)
    luma = adjust_saturation(pixel, 0.5).ravel() @ [0.299, 0.587, 0.114]
    assert np.isclose(luma, 0.4968)


def test_colour_steps_commute_only_unclipped():
    """The follow-up of "contrast-and-clip"."""
    bright_first = adjust_contrast(adjust_brightness(GREY, 1.6), 0.6)
    assert not np.allclose(bright_first, adjust_brightness(adjust_contrast(GREY, 0.6), 1.6))
    low = GREY / 4
    bright_first = adjust_contrast(adjust_brightness(low, 1.6), 0.6)
    assert np.allclose(bright_first, adjust_brightness(adjust_contrast(low, 0.6), 1.6))


def test_mixing_labels_under_the_squared_error_adds_a_constant():
    """The follow-up of "loss-of-a-mixture": the difference does not depend on the output."""
    rng = np.random.default_rng(0)
    one, other, lam = np.eye(3)[0], np.eye(3)[2], 0.3
    gaps = []
    for q in rng.dirichlet(np.ones(3), size=5):
        of_losses = lam * np.sum((one - q) ** 2) + (1 - lam) * np.sum((other - q) ** 2)
        gaps.append(of_losses - np.sum((lam * one + (1 - lam) * other - q) ** 2))
    assert np.allclose(gaps, gaps[0])
    assert gaps[0] > 0.1


def test_sixty_epochs_show_about_fifty_of_the_windows():
    """The explanation of "windows-and-mirrors": the mean number of versions in 60 draws."""
    assert round(162 * (1 - (1 - 1 / 162) ** 60)) == 50
