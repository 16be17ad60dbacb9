"""Right and wrong answers to tasks 3.14 to 3.16, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 3.14 stretch
def _stretch(centre=lambda h, w: ((h - 1) / 2, (w - 1) / 2), power=-1, finish=np.asarray):
    def answer(h, w, taller, wider):
        r0, c0 = centre(h, w)
        rows, cols = np.meshgrid(np.arange(h) - r0, np.arange(w) - c0, indexing="ij")
        return finish(rows * taller**power + r0), finish(cols * wider**power + c0)

    return answer


def stretch_by_loops(h, w, taller, wider):
    rows, cols = np.empty((h, w)), np.empty((h, w))
    for i in range(h):
        for j in range(w):
            rows[i, j] = (i - (h - 1) / 2) / taller + (h - 1) / 2
            cols[i, j] = (j - (w - 1) / 2) / wider + (w - 1) / 2
    return rows, cols


def stretch_homogeneous(h, w, taller, wider):
    r0, c0 = (h - 1) / 2, (w - 1) / 2
    A = np.array([[taller, 0, r0 - taller * r0], [0, wider, c0 - wider * c0], [0, 0, 1]])
    i, j = np.indices((h, w))
    places = np.linalg.inv(A) @ np.array([i.ravel(), j.ravel(), np.ones(h * w)])
    return places[0].reshape(h, w), places[1].reshape(h, w)


def stretch_by_ends(h, w, taller, wider):
    def line(n, factor):
        half = (n - 1) / 2
        return np.linspace(half - half / factor, half + half / factor, n)

    rows, cols = np.broadcast_arrays(line(h, taller)[:, None], line(w, wider))
    return np.array([rows, cols])


def stretch_from_the_centre(h, w, taller, wider):
    rows, cols = _stretch()(h, w, taller, wider)
    return rows - (h - 1) / 2, cols - (w - 1) / 2


RIGHT["3.14"] = [_stretch(), stretch_by_loops, stretch_homogeneous, stretch_by_ends]
WRONG["3.14"] = [
    (_stretch(power=1), "in an image twice as tall"),
    (_stretch(centre=lambda h, w: (0, 0)), "about its first pixel"),
    (_stretch(centre=lambda h, w: (h / 2, w / 2)), "half a pixel off"),
    (_stretch(centre=lambda h, w: (h // 2, w // 2)), "half a pixel off"),
    (_stretch(centre=lambda h, w: ((w - 1) / 2, (h - 1) / 2)), "coordinates of the centre"),
    (_stretch(finish=np.rint), "were rounded"),
    (stretch_from_the_centre, "Add the centre"),
    (lambda h, w, a, b: _stretch()(h, w, b, a), "`taller` and `wider` have changed places"),
    (lambda *case: _stretch()(*case)[::-1], "return `rows` first"),
    (lambda *case: _stretch()(*case)[0], "must return 2 things"),
]


# 3.15 light
def _light(mean=lambda images, bright: bright.mean(axis=(1, 2), keepdims=True), cuts=(1, 1)):
    def answer(images, brightness, contrast):
        b, c = brightness.reshape(-1, 1, 1), contrast.reshape(-1, 1, 1)
        bright = (b * images).clip(0, 1) if cuts[0] else b * images
        m = mean(images, bright)
        out = m + c * (bright - m)
        return out.clip(0, 1) if cuts[1] else out

    return answer


def light_by_loop(images, brightness, contrast):
    out = np.empty(images.shape)
    for i, image in enumerate(images):
        bright = np.minimum(image * brightness[i], 1)
        out[i] = np.clip(contrast[i] * bright + (1 - contrast[i]) * np.mean(bright), 0, 1)
    return out


def light_flat(images, brightness, contrast):
    flat = np.clip(images.reshape(len(images), -1).T * brightness, 0, 1)
    centred = flat - flat.mean(axis=0)
    return np.clip(flat.mean(axis=0) + centred * contrast, 0, 1).T.reshape(images.shape)


def light_einsum(images, brightness, contrast):
    bright = np.fmin(np.einsum("nhw,n->nhw", images, brightness), 1.0)
    mean = np.einsum("nhw->n", bright) / images[0].size
    out = mean[:, None, None] + np.einsum("nhw,n->nhw", bright - mean[:, None, None], contrast)
    return np.fmax(np.fmin(out, 1), 0)


def light_contrast_first(images, brightness, contrast):
    once = _light()(images, np.ones(len(images)), contrast)
    return np.clip(once * brightness[:, None, None], 0, 1)


RIGHT["3.15"] = [_light(), light_by_loop, light_flat, light_einsum]
WRONG["3.15"] = [
    (light_contrast_first, "do not commute"),
    (_light(mean=lambda images, bright: bright.mean()), "the whole batch"),
    (_light(mean=lambda images, bright: 0.5), "away from 0.5"),
    (_light(mean=lambda i, b: i.mean(axis=(1, 2), keepdims=True)), "before brightness"),
    (_light(mean=lambda i, b: b.mean(axis=2, keepdims=True)), "along one axis"),
    (_light(mean=lambda images, bright: 0.0), "towards black"),
    (_light(cuts=(0, 1)), "not clipped before"),
    (_light(cuts=(1, 0)), "leaves the range"),
    (lambda images, b, c: _light()(images, b[:1], c[:1]), "factors of the first"),
]


# 3.16 five crops
def _crops(order=(0, 1, 2, 3, 4), axis=1, up=0):
    def answer(images, size):
        h, w = images.shape[1:3]
        corners = [(a, b) for a in (0, h - size) for b in (0, w - size)]
        corners.append(((h - size + up) // 2, (w - size + up) // 2))
        five = [images[:, a : a + size, b : b + size] for a, b in corners]
        return np.stack([five[i] for i in order], axis=axis)

    return answer


def crops_by_negative_slices(images, size):
    a, b = (images.shape[1] - size) // 2, (images.shape[2] - size) // 2
    top, bottom = images[:, :size], images[:, -size:]
    centre = images[:, a : a + size, b : b + size]
    five = [top[:, :, :size], top[:, :, -size:], bottom[:, :, :size], bottom[:, :, -size:], centre]
    return np.moveaxis(np.array(five), 0, 1)


def crops_by_loop(images, size):
    n, h, w, c = images.shape
    out = np.zeros((n, 5, size, size, c))
    starts = [(0, 0), (0, w - size), (h - size, 0), (h - size, w - size)]
    starts += [((h - size) // 2, (w - size) // 2)]
    for i in range(n):
        for k, (a, b) in enumerate(starts):
            out[i, k] = images[i, a : a + size, b : b + size]
    return out


def crops_by_gather(images, size):
    h, w = np.array(images.shape[1:3]) - size
    rows = np.array([0, 0, h, h, h // 2])[:, None] + np.arange(size)
    cols = np.array([0, w, 0, w, w // 2])[:, None] + np.arange(size)
    return images[:, rows[:, :, None], cols[:, None, :]]


def crops_one_early(images, size):
    corners, centre = _crops()(images[:, :-1, :-1], size), _crops()(images, size)[:, 4:]
    return np.concatenate([corners[:, :4], centre], axis=1)


RIGHT["3.16"] = [_crops(), crops_by_negative_slices, crops_by_loop, crops_by_gather]
WRONG["3.16"] = [
    (_crops(axis=0), "the five of one image together"),
    (_crops(up=1), "was rounded up"),
    (_crops(order=(0, 2, 1, 3, 4)), "Top right and bottom left"),
    (_crops(order=(4, 0, 1, 2, 3)), "The centre comes last"),
    (_crops(order=(0, 1, 3, 2, 4)), "then the bottom right"),
    (crops_one_early, "one pixel early"),
    (lambda images, size: _crops(order=(0, 1, 2, 3))(images, size), "The shape is"),
]
