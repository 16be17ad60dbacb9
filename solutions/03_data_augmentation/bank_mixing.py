"""Right and wrong answers to tasks 3.6 to 3.10, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 3.6 mixup with a lambda for each image
def mixup_loop(images, y, k, alpha, seed):
    rng = np.random.default_rng(seed)
    partners = rng.permutation(len(y))
    mixed, labels = np.empty(images.shape), np.zeros((len(y), k))
    for i, j in enumerate(partners):
        lam = rng.beta(alpha, alpha)
        mixed[i] = lam * images[i] + (1 - lam) * images[j]
        labels[i, y[i]] += lam
        labels[i, y[j]] += 1 - lam
    return mixed, labels


def mixup_by_gamma(images, y, k, alpha, seed):
    # Beta(alpha, alpha) is the share of one of two Gamma(alpha) draws.
    old = np.random.RandomState(seed)
    first, second = old.gamma(alpha, size=(2, len(y)))
    lam, perm = first / (first + second), np.argsort(old.rand(len(y)))
    Y = np.eye(k)[y]
    mixed = images[perm] + lam[:, None, None] * (images - images[perm])
    return [mixed, Y[perm] + lam[:, None] * (Y - Y[perm])]


def mixup_by_matrix(images, y, k, alpha, seed):
    rng, n = np.random.default_rng(seed), len(y)
    lam = rng.beta(alpha, alpha, size=n)
    M = np.diag(lam) + (1 - lam)[:, None] * np.eye(n)[rng.permutation(n)]
    return np.tensordot(M, images, 1), M @ (y[:, None] == np.arange(k))


def mixup_swapped_names(images, y, k, alpha, seed):
    rng = np.random.default_rng(seed)
    perm, other = rng.permutation(len(y)), rng.beta(alpha, alpha, (len(y), 1, 1))
    labels = np.eye(k)[y] * (1 - other[..., 0]) + np.eye(k)[y[perm]] * other[..., 0]
    return (1 - other) * images + other * images[perm], labels


def _mixup(lam=None, perm=None, label_lam=None, label_perm=None, seeded=True, blend=None):
    def answer(images, y, k, alpha, seed):
        n, rng = len(y), np.random.default_rng(seed if seeded is True else seeded)
        share = rng.beta(alpha, alpha, n) if lam is None else lam(rng, alpha, n)
        p = rng.permutation(n) if perm is None else perm(rng, n)
        a, Y = np.reshape(share, (-1, 1, 1)), np.eye(k)[y]
        own = share if label_lam is None else label_lam(rng, share, n)
        b, q = np.reshape(own, (-1, 1)), p if label_perm is None else label_perm(rng, p)
        mixed = a * images + (1 - a) * images[p] if blend is None else blend(images, a, p)
        return mixed, b * Y + (1 - b) * Y[q]

    return answer


def _folded(rng, alpha, n):
    lam = rng.beta(alpha, alpha, n)
    return np.maximum(lam, 1 - lam)


def _coarse(rng, alpha, n):
    return rng.beta(alpha, alpha, n).astype(np.float32)


RIGHT["3.6"] = [_mixup(), mixup_loop, mixup_by_gamma, mixup_by_matrix, mixup_swapped_names]
RIGHT["3.6"] += [_mixup(lam=_coarse)]
WRONG["3.6"] = [
    (_mixup(lam=lambda rng, a, n: rng.beta(a, a)), "mixed with the same lambda. Each"),
    (_mixup(lam=lambda rng, a, n: rng.random(n)), "whatever alpha is"),
    (_mixup(lam=_folded), "below one half"),
    (_mixup(lam=lambda rng, a, n: rng.beta(a, 1.0, n)), "mean and the variance"),
    (_mixup(lam=lambda rng, a, n: rng.beta(1 / a, 1 / a, n)), "mean and the variance"),
    (_mixup(lam=lambda rng, a, n: 0.5 + 0.2 * rng.random(n)), "below one half"),
    (_mixup(perm=lambda rng, n: np.arange(n)), "came back as they were"),
    (_mixup(perm=lambda rng, n: np.arange(n)[::-1]), "Every seed gives the same partners"),
    (_mixup(perm=lambda rng, n: np.roll(np.arange(n), 1)), "Every seed gives the same partners"),
    (_mixup(perm=lambda rng, n: rng.integers(n, size=n)), "Two images have the same partner"),
    (_mixup(label_lam=lambda rng, lam, n: np.ones(n)), "labels were not mixed"),
    (_mixup(label_lam=lambda rng, lam, n: 1 - lam), "lam and 1 - lam exchanged"),
    (_mixup(label_lam=lambda rng, lam, n: rng.random(n)), "do not go together"),
    (_mixup(label_perm=lambda rng, p: rng.permutation(len(p))), "do not go together"),
    (_mixup(label_perm=lambda rng, p: np.argsort(p)), "do not go together"),
    (_mixup(blend=lambda X, a, p: a * X + a * X[p]), "do not add up to 1"),
    (_mixup(blend=lambda X, a, p: (a * X + (1 - a) * X[p]) / 2), "do not add up to 1"),
    (_mixup(blend=lambda X, a, p: a * X + (1 - a) * X.mean(axis=0)), "other images are in it"),
    (_mixup(seeded=None), "two different draws"),
    (_mixup(seeded=3), "Different seeds"),
    (lambda *case: _mixup()(*case)[0], "must return 2 things"),
    (lambda X, y, k, a, s: (_mixup()(X, y, k, a, s)[0], y), "the second output"),
]

# 3.7 a box over the border
RIGHT["3.7"] = [lambda: "c", lambda: "C", lambda: ["c"]]
WRONG["3.7"] = [(lambda: "a", "fell off the image"), (lambda: "b", "share of the partner")]


# 3.8 the box of CutMix and its lambda
def box_by_mask(h, w, lam, row, col):
    height, width = int(h * np.sqrt(1 - lam)), int(w * np.sqrt(1 - lam))
    r = np.arange(h) - (row - height // 2)
    c = np.arange(w) - (col - width // 2)
    rows, cols = (r >= 0) & (r < height), (c >= 0) & (c < width)
    kept = ~(rows[:, None] & cols)
    return int(rows.argmax()), int(cols.argmax()), rows.sum(), cols.sum(), kept.mean()


def box_by_clip(h, w, lam, row, col):
    sides = np.floor(np.array([h, w]) * (1 - lam) ** 0.5).astype(int)
    start = np.array([row, col]) - sides // 2
    first, last = np.clip(start, 0, [h, w]), np.clip(start + sides, 0, [h, w])
    height, width = last - first
    return [*first, height, width, 1 - height * width / (h * w)]


def box_by_range(h, w, lam, row, col):
    def part(size, centre):
        side = int(size * (1 - lam) ** 0.5)
        return range(max(0, centre - side // 2), min(size, centre - side // 2 + side))

    rows, cols = part(h, row), part(w, col)
    area = len(rows) * len(cols)
    return rows.start, cols.start, len(rows), len(cols), (h * w - area) / (h * w)


def _box(
    side=lambda lam: (1 - lam) ** 0.5, start=lambda m: m // 2, clip=True, lam_of=None, whole=int
):  # fmt: skip
    def answer(h, w, lam, row, col):
        a, b = whole(h * side(lam)), whole(w * side(lam))
        top, left = row - start(a), col - start(b)
        if clip is True:
            bottom, right = min(h, top + a), min(w, left + b)
            top, left = max(0, top), max(0, left)
            height, width = bottom - top, right - left
        elif clip == "start":
            top, left, height, width = max(0, top), max(0, left), a, b
        else:
            height, width = a, b
        given = lam_of and lam_of(lam, height * width / (h * w), a * b / (h * w))
        return top, left, height, width, given or 1 - height * width / (h * w)

    return answer


def box_of_two_halves(h, w, lam, row, col):
    # As the code that was published with the paper has it.
    a, b = int(h * (1 - lam) ** 0.5) // 2, int(w * (1 - lam) ** 0.5) // 2
    top, bottom = np.clip([row - a, row + a], 0, h)
    left, right = np.clip([col - b, col + b], 0, w)
    height, width = bottom - top, right - left
    return top, left, height, width, 1 - height * width / (h * w)


RIGHT["3.8"] = [_box(), box_by_mask, box_by_clip, box_by_range, lambda *c: np.array(_box()(*c))]
WRONG["3.8"] = [
    (_box(lam_of=lambda lam, cut, whole: lam), "one that was drawn"),
    (_box(lam_of=lambda lam, cut, whole: 1 - whole), "belongs to the whole box"),
    (_box(lam_of=lambda lam, cut, whole: cut), "1 minus that"),
    (_box(side=lambda lam: 1 - lam), "shrank by its square"),
    (_box(side=np.sqrt), "lam is what the image keeps"),
    (_box(start=lambda m: 0), "upper left corner of the box"),
    (box_of_two_halves, "lost a row or a column"),
    (_box(whole=round), "to the nearest whole number"),
    (_box(clip=False), "hangs over the border. Clip"),
    (_box(clip="start"), "pushed into the image"),
    (lambda h, w, *rest: _box()(min(h, w), min(h, w), *rest), "made from the same length"),
    (lambda *case: _box()(*case)[:4], "must return 5 things"),
    (lambda h, w, lam, row, col: _box()(w, h, lam, col, row), "Look at"),
]


# 3.9 repair of CutMix
def cutmix_by_mask(images, y, k, top, left, height, width, perm):
    h, w = images.shape[1:]
    r, c = np.arange(h) - top, np.arange(w) - left
    keep = ~(((r >= 0) & (r < height))[:, None] & ((c >= 0) & (c < width)))
    Y, lam = np.eye(k)[y], keep.mean()
    return np.where(keep, images, images[perm]), lam * Y + (1 - lam) * Y[perm]


def cutmix_one_by_one(images, y, k, top, left, height, width, perm):
    n, h, w = images.shape
    rows = [r for r in range(top, top + height) if 0 <= r < h]
    cols = [c for c in range(left, left + width) if 0 <= c < w]
    mixed, labels = np.array(images), np.zeros((n, k))
    for i in range(n):
        mixed[i][np.ix_(rows, cols)] = images[perm[i]][np.ix_(rows, cols)]
        share = len(rows) * len(cols) / (h * w)
        labels[i, y[i]] += 1 - share
        labels[i, y[perm[i]]] += share
    return mixed, labels


def cutmix_added(images, y, k, top, left, height, width, perm):
    framed = np.zeros((len(images), 60, 60))
    framed[:, 20 + top : 20 + top + height, 20 + left : 20 + left + width] = 1
    M = framed[:, 20 : 20 + images.shape[1], 20 : 20 + images.shape[2]]
    share, Y = M.mean(axis=(1, 2))[:, None], np.eye(k)[y]
    return [images + M * (images[perm] - images), Y + share * (Y[perm] - Y)]


def _cutmix(reread=False, whole=False, turned=False, pair=None, back=False, in_place=False):
    def answer(images, y, k, top, left, height, width, perm):
        h, w = images.shape[1:]
        mixed = images if in_place else images.copy()
        box = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
        for i, j in enumerate(np.argsort(perm) if back else perm):
            mixed[i][box] = (mixed if reread else images.copy())[j][box]
        share = height * width / (h * w) if whole else mixed[0][box].size / (h * w)
        share = 1 - share if turned else share
        Y = np.eye(k)[y]
        return mixed, (1 - share) * Y + share * Y[perm if pair is None else pair(perm)]

    return answer


RIGHT["3.9"] = [cutmix_by_mask, cutmix_one_by_one, cutmix_added, _cutmix()]
WRONG["3.9"] = [
    (_cutmix(reread=True, whole=True, turned=True), "All three faults are still there. A box"),
    (_cutmix(reread=True), "Read from the images as they came in."),
    (_cutmix(whole=True), "The labels count the whole box"),
    (_cutmix(turned=True), "shares of the labels have changed"),
    (_cutmix(reread=True, whole=True), "as they came in. The labels count"),
    (_cutmix(reread=True, turned=True), "as they came in. The two shares"),
    (_cutmix(whole=True, turned=True), "really replaced. The two shares"),
    (_cutmix(pair=np.sort), "mixed with itself"),
    (_cutmix(back=True), "boxes went the wrong way"),
    (_cutmix(in_place=True), "in place"),
    (lambda *case: _cutmix()(*case)[0], "must return 2 things"),
    (lambda *case: (case[0], _cutmix()(*case)[1]), "Look at `mixed`"),
]


# 3.10 a box to erase
def _fits(a, b, h, w, scale, ratio):
    share, slack = a * b / (h * w), 1e-12
    inside = 1 <= a <= h and 1 <= b <= w
    return (
        inside
        and scale[0] - slack <= share <= scale[1] + slack
        and ratio[0] - slack <= a / b <= ratio[1] + slack
    )


def erase_loop(h, w, scale, ratio, seed):
    rng = np.random.default_rng(seed)
    while True:
        area = rng.uniform(*scale) * h * w
        aspect = np.exp(rng.uniform(np.log(ratio[0]), np.log(ratio[1])))
        a, b = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if _fits(a, b, h, w, scale, ratio):
            return int(rng.integers(h - a + 1)), int(rng.integers(w - b + 1)), a, b


def erase_batch(h, w, scale, ratio, seed):
    # Many boxes at once, of which the first good one counts.
    old = np.random.RandomState(seed)
    share, log_aspect = old.uniform(*scale, 100), old.uniform(*np.log(ratio), 100)
    a = np.rint(np.sqrt(share * h * w * np.exp(log_aspect))).astype(int)
    b = np.rint(np.sqrt(share * h * w * np.exp(-log_aspect))).astype(int)
    share, aspect = a * b / (h * w), a / np.maximum(b, 1)
    good = (share >= scale[0]) & (share <= scale[1]) & (a <= h) & (b <= w)
    good &= (aspect >= ratio[0]) & (aspect <= ratio[1])
    i = int(np.argmax(good))
    top = old.randint(0, h - a[i] + 1)
    return np.array([top, old.randint(0, w - b[i] + 1), a[i], b[i]])


def erase_floored(h, w, scale, ratio, seed):
    rng = np.random.default_rng(seed)
    a = b = 0
    while not _fits(a, b, h, w, scale, ratio):
        area = h * w * (scale[0] + (scale[1] - scale[0]) * rng.random())
        aspect = ratio[0] * (ratio[1] / ratio[0]) ** rng.random()
        a = int(np.sqrt(area * aspect))
        b = int(a / aspect) if a else 0
    top, left = (np.floor(rng.random(2) * [h - a + 1, w - b + 1])).astype(int)
    return top, left, a, b


def _erase(
    aspect=lambda rng, ratio: np.exp(rng.uniform(*np.log(ratio))),
    share=lambda rng, scale: rng.uniform(*scale),
    place=lambda rng, room: rng.integers(room + 1),
    good=_fits,
    whole=np.rint,
    order=(0, 1, 2, 3),
    start=lambda seed: seed,
):
    def answer(h, w, scale, ratio, seed):
        rng = np.random.default_rng(start(seed))
        for _ in range(200):
            area, r = share(rng, scale) * h * w, aspect(rng, ratio)
            a, b = float(whole((area * r) ** 0.5)), float(whole((area / r) ** 0.5))
            if good(a, b, h, w, scale, ratio):
                break
        box = place(rng, max(h - a, 0)), place(rng, max(w - b, 0)), a, b
        return tuple(float(box[i]) for i in order)

    return answer


def erase_cut(h, w, scale, ratio, seed):
    top, left, a, b = _erase(good=lambda *case: True)(h, w, scale, ratio, seed)
    return top, left, min(a, h), min(b, w)


def erase_anywhere(h, w, scale, ratio, seed):
    rng = np.random.default_rng(seed)
    return (rng.integers(h), rng.integers(w), *_erase()(h, w, scale, ratio, seed)[2:])


def erase_two_generators(h, w, scale, ratio, seed):
    first, second = np.random.default_rng(seed), np.random.default_rng(seed)
    while True:
        area, r = first.uniform(*scale) * h * w, np.exp(second.uniform(*np.log(ratio)))
        a, b = round((area * r) ** 0.5), round((area / r) ** 0.5)
        if _fits(a, b, h, w, scale, ratio):
            return int(first.integers(h - a + 1)), int(first.integers(w - b + 1)), a, b


def erase_gives_up(h, w, scale, ratio, seed):
    rng = np.random.default_rng(seed)
    for _ in range(10):
        area, r = rng.uniform(*scale) * h * w, np.exp(rng.uniform(*np.log(ratio)))
        a, b = round((area * r) ** 0.5), round((area / r) ** 0.5)
        if _fits(a, b, h, w, scale, ratio):
            return int(rng.integers(h - a + 1)), int(rng.integers(w - b + 1)), a, b
    return 0, 0, h, w


def _smaller(a, b, h, w, scale, ratio):
    return a < h and b < w and _fits(a, b, h, w, scale, ratio)


def _inside(a, b, h, w, scale, ratio):
    return a <= h and b <= w


def _share_fits(a, b, h, w, scale, ratio):
    return _fits(a, b, h, w, scale, (0, 99))


def _aspect_fits(a, b, h, w, scale, ratio):
    return _fits(a, b, h, w, (0, 1), ratio)


def _wide_for_tall(rng, ratio):
    return np.exp(-rng.uniform(*np.log(ratio)))


RIGHT["3.10"] = [erase_loop, erase_batch, erase_floored, _erase()]
WRONG["3.10"] = [
    (_erase(whole=lambda side: side), "made of whole pixels"),
    (_erase(good=lambda *case: True, share=lambda rng, scale: 0.0), "no pixels at all"),
    (_erase(order=(0, 1, 3, 2)), "Height and width have changed"),
    (_erase(aspect=_wide_for_tall, good=_inside), "Height and width have changed"),
    (erase_anywhere, "hangs over the border. Where"),
    (erase_cut, "do not cut it"),
    (_erase(good=_inside), "do not cut it"),
    (_erase(good=_aspect_fits, share=lambda rng, scale: rng.uniform(0, 1)), "outside `scale`"),
    (_erase(good=_share_fits), "lies outside `ratio`"),
    (_erase(place=lambda rng, room: rng.integers(max(room, 1))), "ever touches the last row"),
    (_erase(good=_smaller), "as high or as wide as the image"),
    (erase_gives_up, "draw anew until it fits"),
    (erase_two_generators, "two generators with one seed"),
    (_erase(place=lambda rng, room: 0), "places are not spread"),
    (_erase(place=lambda rng, room: int(room * rng.beta(2, 2) + 0.5)), "places are not spread"),
    (_erase(place=lambda rng, room: room), "places are not spread"),
    (_erase(aspect=lambda rng, ratio: rng.uniform(*ratio)), "Draw the log"),
    (_erase(share=lambda rng, scale: np.mean(scale)), "shares of the area are not"),
    (_erase(share=lambda rng, scale: min(rng.uniform(*scale, size=2))), "shares of the area are"),
    (_erase(start=lambda seed: None), "two different draws"),
    (_erase(start=lambda seed: 1), "Different seeds"),
    (lambda *case: _erase()(*case)[:2], "must return 4 things"),
]
