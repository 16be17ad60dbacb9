"""Explorers of what augmentation does to pictures: it moves, recolours, erases and mixes them."""

from functools import cache

import numpy as np
from matplotlib.patheffects import withStroke
from PIL import Image
from scipy.special import betainc

from reglib import augment, data
from reglib.explore.base import explorer, figure, set_each
from reglib.explore.noise import digits_fit
from reglib.style import BLUE, GREEN, GREY, ORANGE

SIDE = 216  # of a photograph, in pixels: about as large as it is drawn
_PAIRS = ["temple and flower", "flower and temple", "3 and 8", "0 and 1"]
_LEFT = {"temple": 0, "flower": 98}
_FLIPS = {"none": (1, 1), "left-right": (-1, 1), "up-down": (1, -1), "both": (-1, -1)}
_BINS, _LUMA = np.linspace(0, 1, 41), np.array([0.299, 0.587, 0.114], np.float32)
# The corners that a box's outline visits.
_ACROSS, _DOWN = np.array([0, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 0])


@cache
def photo(name):
    """Return a square cut from a photograph, or a digit, as (SIDE, SIDE, 3) float32 in [0, 1]."""
    if name not in _LEFT:
        _, X, y = digits_fit(0.0)
        digit = X[y == int(name)][0].reshape(8, 8, 1)
        return ink(np.kron(digit, np.ones((SIDE // 8, SIDE // 8, 1))))
    left, which = _LEFT[name], list(_LEFT).index(name)
    whole = Image.fromarray(np.uint8(255 * data.load_photos()[which]))
    return np.array(whole.resize((SIDE, SIDE), box=(left, 6, left + 416, 422)), np.float32) / 255


def ink(digits):
    """Return grey digits (..., 1) in three channels, dark on light as they were written."""
    return 1 - digits.astype(np.float32).repeat(3, axis=-1)


def pictures(mosaic, *titles, widths, height=3.2):
    """Return a figure, its axes, and an empty picture for each title, in the first of the axes.

    A picture reaches from 0 to 1 both ways, its row 0 on top.
    """
    fig, axes = figure(mosaic, height, width_ratios=widths)
    for ax, title in zip(axes, titles, strict=False):
        # "nearest": the squares of a digit stay squares.
        ax.imshow(np.zeros((2, 2, 3)), extent=(0, 1, 1, 0), interpolation="nearest")
        ax.set(title=title, frame_on=False, xticks=[], yticks=[])
    return fig, axes, [ax.images[0] for ax in axes[: len(titles)]]


def outlined(axes):
    """Return a line in each of the axes, white and edged in black: seen on any picture."""
    black = [withStroke(linewidth=3.5, foreground="black")]
    return [ax.plot([], [], color="white", linewidth=1.5, path_effects=black)[0] for ax in axes]


def boxed(height, width, across, down):
    """Return a box's top and left, its outline (2, 5), and how many of the pixels lie in it.

    Its centre is given in shares of the picture's width and height, and so is the outline.
    """
    top, left = round(SIDE * down) - height // 2, round(SIDE * across) - width // 2
    outline = np.array([left + width * _ACROSS, top + height * _DOWN])
    return top, left, outline / SIDE, int(np.ptp(outline.clip(0, SIDE), axis=1).prod())


def moved(images, flip, angle, factor, across, down):
    """Return square images flipped, scaled, turned, padded by an eighth and cropped."""
    (x, y), side = _FLIPS[flip], images.shape[1]
    edge = side // 8
    images = images[:, ::y, ::x]
    # Shrunk first and enlarged last: the other way corners would be lost that come to be seen.
    images = augment.scale(images, factor) if factor < 1 else images
    images = augment.rotate(images, angle)
    images = augment.scale(images, factor) if factor > 1 else images
    images = np.pad(images, [(0, 0), (edge, edge), (edge, edge), (0, 0)])
    return augment.crop(images, edge * (1 + down), edge * (1 + across), side, side)


def frame(flip, angle, factor, across, down):
    """Return x and y of where `moved` takes the frame: its corners, from the upper left one on."""
    (x, y), turn = _FLIPS[flip], np.exp(-1j * np.deg2rad(angle))  # minus: rows count downwards
    at = factor * turn * (x * (_ACROSS - 0.5) + 1j * y * (_DOWN - 0.5))
    return at.real + 0.5 - across / 8, at.imag + 0.5 - down / 8


@explorer
def geometric_transform():
    """Explore flips, rotation, scaling and cropping of a photograph and of a digit.

    Returns
    -------
    Explorer
        Controls: the digit, the flip, the angle, the scale, and how far from the centre the
        window of the crop lies, in eighths of the picture.
    """
    net, X, y = digits_fit(0.0)
    digits, labels, temple = X[:400].reshape(-1, 8, 8, 1), y[:400], photo("temple")
    upright, names = net.predict(digits), ("original", "moved", "digit", "moved")
    fig, (*axes, ax), views = pictures("ABCD;ABEE", *names, widths=[2, 2, 1, 1])
    views[0].set_data(temple)
    frames = outlined(axes[1::2])
    bars, own = (ax.bar(range(10), [0] * 10, color=c, ec="black") for c in (ORANGE, BLUE))

    def update(digit, **how):
        one, news = np.flatnonzero((labels == digit) & (upright == digit))[0], moved(digits, **how)
        shown = moved(temple[None], **how)[0], ink(digits[one]), ink(news[one])
        set_each(views[1:], "data", shown)
        set_each(frames, "data", [frame(**how)] * 2)
        P = net.predict_proba(news)
        set_each(bars, "height", P[one])
        set_each(own, "height", P[one] * (np.arange(10) == digit))
        right, before = np.mean(P.argmax(axis=1) == labels), np.mean(upright == labels)
        numbers = {"read": P[one].argmax(), "P": P[one].max(), "n": len(labels)}
        return numbers | {"right": right, "before": before}

    return fig, update, [views[1:], frames, bars, own], {"flip": {"options": list(_FLIPS)}}


@explorer
def color_transform():
    """Explore brightness, contrast and saturation of a photograph beside its histogram.

    Returns
    -------
    Explorer
        Controls: the photograph, and a factor for each of the three, applied in this order.
    """
    fig, (*_, ax), views = pictures("ABC", "original", "recoloured", widths=[1, 1, 1], height=3.6)
    looks = ("red", "#D55E00", "-"), ("green", GREEN, "--"), ("blue", BLUE, ":")
    lines = [ax.stairs(_BINS[1:], _BINS, label=n, color=c, ls=d, lw=1.8) for n, c, d in looks]
    luma = ax.axvline(0, color="black", linestyle="-.", label="mean luma")

    def update(photograph, brightness, contrast, saturation):
        image = photo(photograph)
        new = augment.adjust_brightness(image[None], brightness)
        new = augment.adjust_saturation(augment.adjust_contrast(new, contrast), saturation)[0]
        set_each(views, "data", (image, new))
        set_each(lines, "data", [np.histogram(c, _BINS)[0] / SIDE**2 for c in new.T])
        luma.set_xdata([np.mean(new @ _LUMA)] * 2)
        shares = [(np.mean(X @ _LUMA), np.mean(X == 0), np.mean(X == 1)) for X in (image, new)]
        return dict(zip(("before", "now"), shares, strict=True))

    return fig, update, [views, lines, luma], {"photograph": {"options": list(_LEFT)}}


@explorer
def random_erasing():
    """Explore the box that random erasing blanks, and how much of it lies in the picture.

    Returns
    -------
    Explorer
        Controls: the photograph, the box's share of the area, its height over its width, and
        where its centre lies.

    References
    ----------
    Zhong, Zheng, Kang, Li and Yang (2020), Random erasing data augmentation.
    """
    fig, (first, _, ax), views = pictures("ABC", "original", "erased", widths=[6, 6, 5])
    lines = outlined([first])
    names, colors = ["asked", "erased", "seen", "label"], [GREY, ORANGE, BLUE, BLUE]
    bars = ax.bar(names, [0] * 4, color=colors, edgecolor="black")

    def update(photograph, area, ratio, across, down):
        height, width = round(SIDE * (area * ratio) ** 0.5), round(SIDE * (area / ratio) ** 0.5)
        top, left, outline, n = boxed(height, width, across, down)
        image, share = photo(photograph), n / SIDE**2
        new = augment.erase(image[None], top, left, height, width)[0]
        set_each(views, "data", (image, new))
        lines[0].set_data(outline)
        set_each(bars, "height", [area, share, 1 - share, 1])
        sizes = {"height": height, "width": width, "n": n, "of": SIDE**2}
        return sizes | {"share": share, "seen": 1 - share}

    return fig, update, [views, lines, bars], {"photograph": {"options": list(_LEFT)}}


def _mixture(mix, dashed):
    """Return what makes an explorer of two pictures that are mixed, and of their label.

    ``mix(X, lam, ...)`` returns mixed pictures and labels, a box's outline, and numbers. A dashed
    bar may show the label that ``lam`` itself would give.
    """
    fig, (*axes, ax), views = pictures("ABCD", "first", "second", "mixed", widths=[7, 7, 7, 4])
    lines = outlined(axes[:2])
    # The two empty lines below are room for the words.
    ax.set(xlim=(-0.6, 1.6), ylim=(0, 1.02), xticks=[], yticks=[], title="label", xlabel="\n")
    bars = ax.bar([0, 1], [0, 0], color=[BLUE, ORANGE], edgecolor="black")
    drawn = ax.bar([0, 1], [0, 0], width=0.94, fill=False, ls="--", visible=dashed)
    words = [ax.text(x, -0.04, "", ha="center", va="top") for x in (0, 1)]

    def update(pair, **how):
        names = pair.split(" and ")
        X = np.stack([photo(name) for name in names])
        mixed, (label, _), outline, numbers = mix(X, **how)
        if fig.get_label() != pair:  # the first two are background, which costs a full draw
            fig.set_label(pair)
            set_each(views[:2], "data", X)
        views[2].set_data(mixed[0])
        set_each(lines, "data", (outline, outline))
        set_each([*drawn, *bars], "height", (how["lam"], 1 - how["lam"], *label))
        set_each(words, "text", map("{}\n{:.2f}".format, names, label))
        return numbers | {"names": names, "label": label, "second": 1 - how["lam"]}

    return fig, update, [views[2], lines, bars, drawn, words], {"pair": {"options": _PAIRS}}


@explorer
def mixup():
    """Explore mixup: a weighted mean of two pictures, and of their labels.

    Returns
    -------
    Explorer
        Controls: the pair of pictures and lambda, the first one's share.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz (2018), mixup: beyond empirical risk minimization.
    """

    def mix(X, lam):
        rare, often = (2 * betainc(a, a, min(lam, 1 - lam)) for a in (0.2, 1))
        mixed, labels = augment.mixup(X, np.eye(2), lam, [1, 0])
        return mixed, labels, ([], []), {"rare": rare, "often": often}

    return _mixture(mix, dashed=False)


@explorer
def cutmix():
    """Explore CutMix: a box of one picture in another, and lambda by the area really cut.

    Returns
    -------
    Explorer
        Controls: the pair of pictures, lambda as drawn, and where the centre of the box lies.

    References
    ----------
    Yun, Han, Oh, Chun, Choe and Yoo (2019), CutMix: regularization strategy to train strong
    classifiers with localizable features.
    """

    def mix(X, lam, across, down):
        side = int(SIDE * (1 - lam) ** 0.5)
        top, left, outline, n = boxed(side, side, across, down)
        mixed, labels = augment.cutmix(X, np.eye(2), top, left, side, side, [1, 0])
        change = abs(labels[0, 0] - lam)
        return mixed, labels, outline, {"side": side, "n": n, "of": SIDE**2, "change": change}

    return _mixture(mix, dashed=True)
