"""Right and wrong answers to tasks 3.1 to 3.5: they prove that the checks tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import numpy as np

RIGHT, WRONG = {}, {}

# 3.1 which transform keeps the label
RIGHT["3.1"] = [lambda: "be", lambda: ("b", "E"), lambda: "b and e"[0] + "e"]
WRONG["3.1"] = [
    (lambda: "ae", "Turn a 6"),
    (lambda: "ce", "seen in a mirror"),
    (lambda: "bd", "still says left"),
    (lambda: "bf", "A b becomes a d"),
    (lambda: "cf", "on the real ones. A b becomes"),
]


# 3.2 where each pixel comes from
def sources_by_matrix(h, w, degrees):
    angle = np.radians(degrees)
    A = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    places = np.stack(np.meshgrid(np.arange(h), np.arange(w), indexing="ij"), axis=-1)
    rows, cols = np.moveaxis((places - centre) @ A.T + centre, -1, 0)
    return rows, cols


def sources_by_complex_numbers(h, w, degrees):
    r0, c0 = (h - 1) / 2, (w - 1) / 2
    z = (np.arange(w) - c0)[None, :] - 1j * (np.arange(h) - r0)[:, None]  # up is positive
    z = z * np.exp(-1j * np.pi * degrees / 180)
    return r0 - z.imag, c0 + z.real


def sources_by_loops(h, w, degrees):
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    rows, cols = np.zeros((h, w)), np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            r, c = i - (h - 1) / 2, j - (w - 1) / 2
            rows[i, j] = r * cos + c * sin + (h - 1) / 2
            cols[i, j] = -r * sin + c * cos + (w - 1) / 2
    return [rows, cols]


def sources_homogeneous(h, w, degrees):
    t = np.deg2rad(degrees)
    there = np.array([[1, 0, (h - 1) / 2], [0, 1, (w - 1) / 2], [0, 0, 1.0]])
    turn = np.array([[np.cos(t), np.sin(t), 0], [-np.sin(t), np.cos(t), 0], [0, 0, 1]])
    i, j = np.indices((h, w)).reshape(2, -1)
    out = there @ turn @ np.linalg.inv(there) @ np.array([i, j, np.ones(h * w)])
    return out[0].reshape(h, w), out[1].reshape(h, w)


def sources_stacked(h, w, degrees):
    # One array (2, h, w), which unpacks into rows and cols.
    t, centre = np.deg2rad(degrees), np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    A = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
    return np.einsum("ab,bij->aij", A, np.indices((h, w)) - centre) + centre


def _sources(angle=np.deg2rad, centre=lambda h, w: ((h - 1) / 2, (w - 1) / 2), back=True):
    def answer(h, w, degrees):
        (r0, c0), t = centre(h, w), angle(degrees)
        r, c = np.arange(h)[:, None] - r0, np.arange(w) - c0
        rows, cols = r * np.cos(t) + c * np.sin(t), c * np.cos(t) - r * np.sin(t)
        return (rows + r0, cols + c0) if back else (rows, cols)

    return answer


def sources_xy(h, w, degrees):
    t, (r0, c0) = np.deg2rad(degrees), ((h - 1) / 2, (w - 1) / 2)
    r, c = np.meshgrid(np.arange(h) - r0, np.arange(w) - c0)
    return r * np.cos(t) + c * np.sin(t) + r0, c * np.cos(t) - r * np.sin(t) + c0


RIGHT["3.2"] = [
    _sources(),
    sources_by_matrix,
    sources_by_complex_numbers,
    sources_by_loops,
    sources_homogeneous,
    sources_stacked,
]
WRONG["3.2"] = [
    (_sources(angle=lambda d: d), "wants radians"),
    (_sources(angle=lambda d: -np.deg2rad(d)), "the other way round"),
    (_sources(centre=lambda h, w: (0, 0)), "about the corner"),
    (_sources(centre=lambda h, w: (h / 2, w / 2)), "half a pixel off"),
    (_sources(centre=lambda h, w: (h // 2, w // 2)), "half a pixel off"),
    (_sources(centre=lambda h, w: ((w - 1) / 2, (h - 1) / 2)), "centre's row and column"),
    (_sources(back=False), "Add the centre again"),
    (lambda *case: tuple(np.round(part) for part in _sources()(*case)), "rounded to whole"),
    (lambda *case: tuple(np.floor(part) for part in _sources()(*case)), "rounded to whole"),
    (lambda *case: _sources()(*case)[::-1], "have changed places"),
    (sources_xy, "have the shape (w, h)"),
    (lambda *case: _sources()(*case)[0], "must return 2 things"),
    (lambda h, w, d: (np.zeros((h, w)),) * 2, "Look at `rows`"),
]


# 3.3 bilinear sampling
def bilinear_framed(image, rows, cols):
    framed = np.pad(image, 1)
    r = np.clip(rows + 1, 0, framed.shape[0] - 1)
    c = np.clip(cols + 1, 0, framed.shape[1] - 1)
    r0 = np.minimum(r.astype(int), framed.shape[0] - 2)
    c0 = np.minimum(c.astype(int), framed.shape[1] - 2)
    t, s = r - r0, c - c0
    top = (1 - s) * framed[r0, c0] + s * framed[r0, c0 + 1]
    bottom = (1 - s) * framed[r0 + 1, c0] + s * framed[r0 + 1, c0 + 1]
    return (1 - t) * top + t * bottom


def bilinear_tents(image, rows, cols):
    # Every pixel is a tent of width 2: its weight is its closeness in both directions.
    h, w = image.shape
    tall = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(h)))
    wide = np.maximum(0, 1 - np.abs(cols[..., None] - np.arange(w)))
    return np.einsum("...i,ij,...j->...", tall, image, wide)


def bilinear_loop(image, rows, cols):
    def pixel(i, j):
        return image[i, j] if 0 <= i < image.shape[0] and 0 <= j < image.shape[1] else 0.0

    out = np.zeros(rows.shape)
    for place in np.ndindex(rows.shape):
        r, c = rows[place], cols[place]
        i, j = int(np.floor(r)), int(np.floor(c))
        for a in (i, i + 1):
            for b in (j, j + 1):
                out[place] += (1 - abs(r - a)) * (1 - abs(c - b)) * pixel(a, b)
    return out


def bilinear_wide_frame(image, rows, cols):
    far = 20
    framed = np.pad(image, far)
    r, c = rows + far, cols + far
    i, j = np.floor(r).astype(int), np.floor(c).astype(int)
    t, s = r % 1, c % 1
    first = framed[i, j] * (1 - t) + framed[i + 1, j] * t
    return first * (1 - s) + (framed[i, j + 1] * (1 - t) + framed[i + 1, j + 1] * t) * s


def _corners(image, rows, cols, low=np.floor, turned=False, edge=False, end=0):
    h, w = image.shape
    out = np.zeros(rows.shape)
    for a in (0, 1):
        for b in (0, 1):
            i, j = low(rows).astype(int) + a, low(cols).astype(int) + b
            t, s = rows - low(rows), cols - low(cols)
            weight = (t if a != turned else 1 - t) * (s if b != turned else 1 - s)
            inside = (i >= 0) & (i < h - end) & (j >= 0) & (j < w - end)
            value = image[np.clip(i, 0, h - 1), np.clip(j, 0, w - 1)]
            out += weight * np.where(inside | edge, value, 0.0)
    return out


def bilinear_ceil(image, rows, cols):
    def value(i, j):
        inside = (i >= 0) & (i < image.shape[0]) & (j >= 0) & (j < image.shape[1])
        return np.where(inside, image[i * inside, j * inside], 0.0)

    i, j = np.floor(rows).astype(int), np.floor(cols).astype(int)
    m, n = np.ceil(rows).astype(int), np.ceil(cols).astype(int)
    upper = (n - cols) * value(i, j) + (cols - j) * value(i, n)
    lower = (n - cols) * value(m, j) + (cols - j) * value(m, n)
    return (m - rows) * upper + (rows - i) * lower


def bilinear_no_fade(image, rows, cols):
    h, w = image.shape
    inside = (rows >= 0) & (rows <= h - 1) & (cols >= 0) & (cols <= w - 1)
    return np.where(inside, bilinear_tents(image, rows, cols), 0.0)


def bilinear_nearest(image, rows, cols, near=np.rint):
    i, j = near(rows).astype(int), near(cols).astype(int)
    inside = (i >= 0) & (i < image.shape[0]) & (j >= 0) & (j < image.shape[1])
    return np.where(inside, image[i * inside, j * inside], 0.0)


def bilinear_unguarded(image, rows, cols):
    i, j = np.floor(rows).astype(int), np.floor(cols).astype(int)
    t, s = rows - i, cols - j
    first = (1 - s) * image[i, j] + s * image[i, j + 1]
    return (1 - t) * first + t * ((1 - s) * image[i + 1, j] + s * image[i + 1, j + 1])


RIGHT["3.3"] = [bilinear_framed, bilinear_tents, bilinear_loop, bilinear_wide_frame]
WRONG["3.3"] = [
    (bilinear_nearest, "nearest pixel"),
    (lambda *case: bilinear_nearest(*case, near=np.floor), "upper left of the four"),
    (lambda *case: _corners(*case, turned=True), "closer must weigh more"),
    (lambda image, rows, cols: bilinear_tents(image.T, rows, cols), "first axis of the image"),
    (lambda image, rows, cols: bilinear_tents(image, cols, rows), "first axis of the image"),
    (lambda *case: _corners(*case, end=1), "last row or column"),
    (lambda *case: _corners(*case, edge=True), "edge were repeated"),
    (bilinear_no_fade, "It fades there"),
    (bilinear_ceil, "both weights are 0"),
    (lambda *case: _corners(*case, low=np.trunc), "rounds up to 0"),
    (bilinear_unguarded, "IndexError"),
    (lambda image, rows, cols: 0.0, "one number"),
]


# 3.4 each image by its own step
def shift_slow(images, down, right, fill):
    n, h, w = images.shape
    out = np.empty_like(images)
    for b in range(n):
        for i in range(h):
            for j in range(w):
                r, c = i - down[b], j - right[b]
                out[b, i, j] = images[b, r, c] if 0 <= r < h and 0 <= c < w else fill[b]
    return out


def shift_by_mask(images, down, right, fill):
    n, h, w = images.shape
    r, c = np.arange(h) - down[:, None], np.arange(w) - right[:, None]
    kept = ((r >= 0) & (r < h))[:, :, None] & ((c >= 0) & (c < w))[:, None, :]
    out = images[np.arange(n)[:, None, None], (r % h)[:, :, None], (c % w)[:, None, :]]
    out[~kept] = np.broadcast_to(fill[:, None, None], images.shape)[~kept]
    return out


def shift_by_matrices(images, down, right, fill):
    # A move is a product with a matrix that has one diagonal of ones, and zeros come in.
    n, h, w = images.shape
    R = np.array([np.eye(h, k=-d) for d in down.tolist()])
    C = np.array([np.eye(w, k=d) for d in right.tolist()])
    return R @ (images - fill[:, None, None]) @ C + fill[:, None, None]


def shift_by_windows(images, down, right, fill):
    n, h, w = images.shape
    framed = np.tile(fill[:, None, None], (1, 3 * h, 3 * w))
    framed[:, h : 2 * h, w : 2 * w] = images
    down, right = np.clip(down, -h, h), np.clip(right, -w, w)
    starts = zip(h - down, w - right, strict=True)
    return np.stack([framed[b, r : r + h, c : c + w] for b, (r, c) in enumerate(starts)])


def _rolled(images, down, right, fill):
    moves = zip(images, down.tolist(), right.tolist(), strict=True)
    return np.stack([np.roll(image, (d, r), axis=(0, 1)) for image, d, r in moves])


def shift_edge(images, down, right, fill):
    h, w = images.shape[1:]
    rows = np.clip(np.arange(h) - down[:, None], 0, h - 1)[:, :, None]
    cols = np.clip(np.arange(w) - right[:, None], 0, w - 1)[:, None]
    return images[np.arange(len(images))[:, None, None], rows, cols]


def shift_where_zero(images, down, right, fill):
    moved = shift_slow(images, down, right, 0 * fill)
    return np.where(moved == 0, fill[:, None, None], moved)


def shift_into_the_input(images, down, right, fill):
    images[:] = shift_slow(images, down, right, fill)
    return images


RIGHT["3.4"] = [shift_by_mask, shift_slow, shift_by_matrices, shift_by_windows]
WRONG["3.4"] = [
    (_rolled, "as with `np.roll`. What comes in is `fill[i]`."),
    (lambda X, d, r, fill: _rolled(X, -d, -r, fill), "`fill[i]`. The images move the other"),
    (shift_edge, "edge were repeated"),
    (lambda X, d, r, fill: shift_slow(X, d, r, 0 * fill), "as in the loop"),
    (lambda X, d, r, fill: shift_slow(X, -d, -r, fill), "the other way"),
    (lambda X, d, r, fill: shift_slow(X, r, d, fill), "`down` and `right` have changed"),
    (lambda X, d, r, fill: shift_slow(X, 0 * d + d[0], 0 * r + r[0], fill), "same step"),
    (lambda *case: shift_slow(*case)[..., None], "shape is"),
    (shift_into_the_input, "in place"),
    (shift_where_zero, "differ"),
    (lambda images, *rest: images, "differ"),
]


# 3.5 saturation, channels first
def saturation_einsum(image, factor):
    grey = np.einsum("c,chw->hw", [0.299, 0.587, 0.114], image)
    return np.clip((1 - factor) * grey + factor * image, 0, 1)


def saturation_by_planes(image, factor):
    red, green, blue = image
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    out = np.stack([grey + factor * (plane - grey) for plane in image])
    return np.minimum(np.maximum(out, 0.0), 1.0)


def saturation_matrix(image, factor):
    A = factor * np.eye(3) + (1 - factor) * np.array([[0.299, 0.587, 0.114]] * 3)
    return (A @ image.reshape(3, -1)).reshape(image.shape).clip(0, 1)


def saturation_last_channel(image, factor):
    last = image.transpose(1, 2, 0)
    grey = (last @ np.array([0.299, 0.587, 0.114]))[..., None]
    return np.clip(grey + factor * (last - grey), 0, 1).transpose(2, 0, 1)


def _saturation(weights=(0.299, 0.587, 0.114), low=0.0, high=1.0, grey=None):
    def answer(image, factor):
        g = np.tensordot(weights, image, 1) if grey is None else grey(image)
        return np.clip(g + factor * (image - g), low, high)

    return answer


def _luma(image):
    return np.tensordot((0.299, 0.587, 0.114), image, 1)


RIGHT["3.5"] = [
    saturation_einsum,
    saturation_by_planes,
    saturation_matrix,
    saturation_last_channel,
]
WRONG["3.5"] = [
    (_saturation(grey=lambda image: image.mean(axis=0)), "plain mean"),
    (_saturation(weights=(0.114, 0.587, 0.299)), "wrong order"),
    (_saturation(grey=lambda image: _luma(image).mean()), "that is contrast"),
    (_saturation(grey=lambda image: image.mean(axis=(1, 2))[:, None, None]), "that is contrast"),
    (_saturation(grey=lambda image: 0.0), "that is brightness"),
    (lambda image, factor: _saturation()(image, 1 - factor), "factor is turned round"),
    (_saturation(low=-9, high=9), "clip the result"),
    (_saturation(low=-9), "one side only"),
    (_saturation(high=9), "one side only"),
    (lambda image, factor: _luma(image), "shape is"),
    (lambda image, factor: (image * [0.299, 0.587, 0.114]).sum(axis=2), "stopped with"),
    (_saturation(weights=(0.2126, 0.7152, 0.0722)), "differ"),
]
