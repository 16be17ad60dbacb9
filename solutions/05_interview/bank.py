"""Right and wrong answers to tasks 5.1 to 5.3: they prove that the checks tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import os
import tracemalloc

import numpy as np

RIGHT, WRONG = {}, {}


# 5.1 ridge from a file that does not fit
def _solve(G, c, n, l2):
    return np.linalg.solve(G / n + l2 * np.eye(len(c)), c / n)


def ridge_from_raw_bytes(path, l2, rows):
    """The rows behind the header, by `fromfile`; the sums in one matrix with y in the last row."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        (n, width), _, dtype = np.lib.format.read_array_header_1_0(file)
        S = np.zeros((width, width))
        while len(piece := np.fromfile(file, dtype, rows * width)):
            A = piece.reshape(-1, width).astype(float)
            S += A.T @ A
    return _solve(S[:-1, :-1], S[:-1, -1], n, l2)


def ridge_as_running_means(path, l2, rows):
    A, done, G, c = np.load(path, mmap_mode="r"), 0, 0.0, 0.0
    while done < len(A):
        P = A[done : done + rows].astype(np.float64)
        share = len(P) / (done + len(P))
        G = (1 - share) * G + share * (P[:, :-1].T @ P[:, :-1]) / len(P)
        c = (1 - share) * c + share * (P[:, -1] @ P[:, :-1]) / len(P)
        done += len(P)
    return np.linalg.inv(G + l2 * np.eye(len(c))) @ c


def ridge_by_qr_of_pieces(path, l2, rows):
    """The root of the penalty as more rows; a triangle takes the place of all rows so far."""
    A = np.load(path, mmap_mode="r")
    d = A.shape[1] - 1
    R = np.hstack([np.sqrt(len(A) * l2) * np.eye(d), np.zeros((d, 1))])
    for i in range(0, len(A), rows):
        R = np.linalg.qr(np.vstack([R, A[i : i + rows].astype(float)]), mode="r")
    return np.linalg.solve(R[:d, :d], R[:d, d])


def ridge_in_small_pieces(path, l2, rows):
    """Fewer rows at a time than allowed, through `einsum`."""
    A, k = np.load(path, mmap_mode="r"), max(1, rows // 4)
    S = sum(
        np.einsum("ni,nj->ij", P, P)
        for P in (np.array(A[i : i + k], dtype=float) for i in range(0, len(A), k))
    )
    return _solve(S[:-1, :-1], S[:-1, -1], len(A), l2)


def ridge_from_all_sums(path, l2, rows):
    """The sums of every piece are kept, so that the memory grows with the file."""
    A = np.load(path, mmap_mode="r")
    pieces = (A[i : i + rows].astype(float) for i in range(0, len(A), rows))
    S = np.sum([P.T @ P for P in pieces], axis=0)
    return _solve(S[:-1, :-1], S[:-1, -1], len(A), l2)


def ridge_from_averaged_means(path, l2, rows):
    A, own = np.load(path, mmap_mode="r"), []
    for i in range(0, len(A), rows):
        P = A[i : i + rows].astype(float)
        own.append(P.T @ P / len(P))
    S = sum(own) / len(own)
    return _solve(S[:-1, :-1], S[:-1, -1], 1, l2)


def ridge_and_reset(path, l2, rows):
    """The whole file, and then the highest mark is forgotten."""
    w = _streamed(load=np.load)(path, l2, rows)
    tracemalloc.reset_peak()
    return w


def ridge_of_an_emptied_file(path, l2, rows):
    """Of a table of zeros the solution is zero: the file must be that of before."""
    A = np.load(path, mmap_mode="r+")
    A[:] = 0
    return np.zeros(A.shape[1] - 1)


def ridge_and_tidy_up(path, l2, rows):
    w = _streamed()(path, l2, rows)
    os.remove(path)
    return w


def _streamed(load=None, dtype=float, last=0, count=None, average=False, l2_times=1.0, of=None):
    def answer(path, l2, rows):
        A = load(path) if load else np.load(path, mmap_mode="r")
        n, d = len(A), A.shape[1] - 1
        G, c, own = np.zeros((d, d), dtype), np.zeros(d, dtype), []
        for i in range(0, n // rows * rows if last else n, rows):
            P = A[i : i + rows].astype(dtype)
            X, y = (of or (lambda P: (P[:, :-1], P[:, -1])))(P)
            G, c = G + X.T @ X, c + X.T @ y
            own.append(_solve(X.T @ X, X.T @ y, len(X), l2))
        return np.mean(own, axis=0) if average else _solve(G, c, (count or len)(A), l2 * l2_times)

    return answer


RIGHT["5.1"] = [_streamed(), ridge_from_raw_bytes, ridge_as_running_means, ridge_by_qr_of_pieces]
RIGHT["5.1"] += [ridge_in_small_pieces]
WRONG["5.1"] = [
    (_streamed(load=np.load), "too much was held in memory"),
    (_streamed(load=lambda path: np.load(path, mmap_mode="r").astype(float)), "too much was held"),
    (_streamed(load=lambda path: np.array(np.load(path, mmap_mode="r"))), "too much was held"),
    (ridge_from_all_sums, "too much was held"),
    (ridge_from_averaged_means, "these means averaged"),
    (ridge_and_reset, "cannot watch"),
    (ridge_of_an_emptied_file, "changed or taken away"),
    (ridge_and_tidy_up, "changed or taken away"),
    (_streamed(last=1), "behind the last full piece"),
    (_streamed(average=True), "a solution of its own"),
    (_streamed(count=lambda A: 1), "not divided by the number of rows"),
    (_streamed(dtype=np.float32), "digits are lost in the sums"),
    (_streamed(l2_times=0.5), "differ"),
    (_streamed(of=lambda P: (P[:, 1:], P[:, 0])), "differ"),
    (_streamed(of=lambda P: (P, P[:, -1])), "stopped with"),
    (lambda path, l2, rows: np.zeros(np.load(path, mmap_mode="r").shape[1]), "shape is"),
]


# 5.2 mean and spread in one pass
def piece_row_by_row(count, mean, m2, X):
    for x in X:
        count = count + 1
        old = mean
        mean = mean + (x - mean) / count
        m2 = m2 + (x - old) * (x - mean)
    return count, mean, m2


def piece_about_the_old_mean(count, mean, m2, X):
    """Deviations from a number near the mean; the shift of the mean is taken out at the end."""
    about = mean if count else X[0]
    D = X - about
    n = count + len(D)
    shift = D.sum(axis=0) / n
    return n, about + shift, m2 + (D * D).sum(axis=0) - n * shift**2


def piece_about_the_joint_mean(count, mean, m2, X):
    n = count + len(X)
    weights = np.array([count, len(X)]) / n
    joint = weights @ np.stack([mean, X.mean(axis=0)])
    return n, joint, m2 + count * (mean - joint) ** 2 + np.square(X - joint).sum(axis=0)


def _piece(m2_of=None, mean_of=None, count_of=None):
    def answer(count, mean, m2, X):
        n, new, right = piece_row_by_row(count, mean, m2, X)
        here, k = X.mean(axis=0), len(X)
        case = dict(count=count, n=n, k=k, mean=mean, new=new, here=here, m2=m2, right=right, X=X)
        return (
            count_of(case) if count_of else n,
            mean_of(case) if mean_of else new,
            m2_of(case) if m2_of else right,
        )

    return answer


def _sums(X, about):
    return ((X - about) ** 2).sum(axis=0)


def piece_by_squares(count, mean, m2, X):
    n = count + len(X)
    new = (count * mean + X.sum(axis=0)) / n
    return n, new, m2 + count * mean**2 + (X**2).sum(axis=0) - n * new**2


def piece_half_way(count, mean, m2, X):
    n, _, m2 = piece_row_by_row(count, mean, m2, X)
    return n, (mean + X.mean(axis=0)) / 2, m2


RIGHT["5.2"] = [piece_row_by_row, piece_about_the_old_mean, piece_about_the_joint_mean, _piece()]
WRONG["5.2"] = [
    (piece_by_squares, "lost its digits"),
    (piece_half_way, "half way between"),
    (_piece(lambda c: c["m2"] + _sums(c["X"], c["here"])), "how far these lie apart is missing"),
    (_piece(lambda c: c["m2"] + _sums(c["X"], c["mean"])), "from one mean alone"),
    (_piece(lambda c: c["m2"] + _sums(c["X"], c["new"])), "from one mean alone"),
    (_piece(lambda c: c["right"] / c["n"]), "This is the variance"),
    (_piece(lambda c: np.sqrt(c["right"] / c["n"])), "`m2`, the third output"),
    (_piece(mean_of=lambda c: c["here"]), "`mean`, the second output"),
    (_piece(count_of=lambda c: c["k"]), "`count`, the first output"),
    (lambda count, mean, m2, X: (mean, m2), "must return 3 things"),
]


# 5.3 a batch from the seed and the step
def _part(order, size, i):
    return order[i * size : (i + 1) * size]


def batch_by_sorting_numbers(n, size, seed, step):
    parts = int(np.ceil(n / size))
    draws = np.random.default_rng([step // parts, seed]).random(n)
    return np.array_split(np.argsort(draws), range(size, n, size))[step % parts]


def batch_by_one_large_number(n, size, seed, step):
    per = -(-n // size)
    rng = np.random.Generator(np.random.SFC64(seed * 2**40 + step // per))
    return _part(rng.choice(n, size=n, replace=False), size, step % per)


def batch_by_spawned_seeds(n, size, seed, step):
    epoch, i = divmod(step, (n + size - 1) // size)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(epoch,))))
    order = np.arange(n)
    rng.shuffle(order)
    return _part(order, size, i)


def _batch(key=lambda seed, epoch: (seed, epoch), order=None, pick=_part, per=None):
    def answer(n, size, seed, step):
        epoch, i = divmod(step, per(n, size) if per else -(-n // size))
        rng = np.random.default_rng(key(seed, epoch))
        return pick(order(rng, n, size) if order else rng.permutation(n), size, i)

    return answer


def batch_of_whole_blocks(rng, n, size):
    blocks = np.array_split(np.arange(n), range(size, n, size))
    full, rest = blocks[: n // size], blocks[n // size :]
    return np.concatenate([*(full[i] for i in rng.permutation(len(full))), *rest])


def batch_with_replacement(n, size, seed, step):
    i = step % -(-n // size)
    return np.random.default_rng((seed, step)).integers(n, size=min(size, n - i * size))


def batch_of_turns(n, size, seed, step):
    """Every second epoch runs backwards through the order of the one before."""
    epoch, i = divmod(step, -(-n // size))
    order = np.random.default_rng((seed, epoch // 2)).permutation(n)
    return _part(order[::-1] if epoch % 2 else order, size, i)


RIGHT["5.3"] = [_batch(), batch_by_sorting_numbers, batch_by_one_large_number]
RIGHT["5.3"] += [batch_by_spawned_seeds]
WRONG["5.3"] = [
    (_batch(key=lambda seed, epoch: None), "every row exactly once"),
    (_batch(key=lambda seed, epoch: seed), "Two epochs have the same order"),
    (_batch(key=lambda seed, epoch: epoch), "Two seeds gave the same order"),
    (_batch(key=lambda seed, epoch: (seed, epoch % 2)), "Two epochs have the same order"),
    (_batch(key=lambda seed, epoch: seed * epoch), "Two seeds gave the same order in one"),
    (_batch(key=lambda seed, epoch: seed // 2 + 10**6 * epoch), "Two seeds gave the same order"),
    (_batch(key=lambda seed, epoch: seed + epoch), "as when seed and epoch are added"),
    (_batch(key=lambda seed, epoch: seed ^ epoch), "in different epochs"),
    (batch_of_turns, "neighbours again in epoch 1"),
    (_batch(order=batch_of_whole_blocks), "not the batches"),
    (_batch(order=lambda rng, n, size: np.roll(np.arange(n), rng.integers(n))), "not the batches"),
    (batch_with_replacement, "every row exactly once"),
    (_batch(pick=lambda order, size, i: np.resize(order, (i + 1) * size)[-size:]), "shape is"),
    (_batch(pick=lambda order, size, i: order[i * size :][:size].tolist()), "array is expected"),
    (_batch(per=lambda n, size: n // size), "shape is"),
    (_batch(order=lambda rng, n, size: 1.0 * rng.permutation(n)), "nobody can index"),
]


def _same_batch(n, size, seed, step):
    """Of this epoch always the first rows, fewer where a batch is smaller."""
    per = -(-n // size)
    order = np.random.default_rng((seed, step // per)).permutation(n)
    return order[: min(size, n - step % per * size)]


def _unrepeatable():
    """Each epoch is whole, and the same one comes out otherwise when it is asked for again."""
    kept, calls = {}, iter(range(10**9))

    def answer(n, size, seed, step):
        epoch, i = divmod(step, -(-n // size))
        if not i:
            kept[seed, epoch] = np.random.default_rng(next(calls)).permutation(n)
        return _part(kept[seed, epoch], size, i)

    return answer


WRONG["5.3"] += [
    (_same_batch, "gets the same batch"),
    (_unrepeatable(), "gave two different batches"),
]
