"""Right and wrong answers to tasks 5.6 to 5.10, in the form of `bank.py`."""

import threading

import numpy as np

RIGHT, WRONG = {}, {}

RIGHT["5.6"] = [lambda: "af", lambda: ("A", "F"), lambda: "f, a"]
WRONG["5.6"] = [
    (lambda: "bf", "need not stay in memory"),
    (lambda: "cf", "more than the matrix"),
    (lambda: "ad", "share one reading"),
    (lambda: "ae", "used for every job"),
]
RIGHT["5.10"] = [lambda: "bd", lambda: ("B", "D"), lambda: "D b"]
WRONG["5.10"] = [
    (lambda: "ad", "change from call to call"),
    (lambda: "cd", "same in both cases"),
    (lambda: "be", "Nothing looks for the velocity"),
    (lambda: "bf", "leads back to the same bits"),
]


# 5.7 one job of a search
def error_by_augmented_rows(X, y, folds, fold, l2):
    """The penalty as d more rows, the constant term as the mean of y."""
    T, V = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    spread = X[T].std(axis=0)
    spread[spread == 0] = 1
    Z, Z_new = ((X[rows] - X[T].mean(axis=0)) / spread for rows in (T, V))
    more = np.sqrt(l2 * len(T)) * np.eye(X.shape[1])
    t = np.append(y[T] - y[T].mean(), np.zeros(X.shape[1]))
    w = np.linalg.lstsq(np.vstack([Z, more]), t, rcond=None)[0]
    return float(((y[V] - y[T].mean() - Z_new @ w) ** 2).mean())


def error_with_a_column_of_ones(X, y, folds, fold, l2):
    T = folds != fold
    std = X[T].std(axis=0)
    Z = (X - X[T].mean(axis=0)) / (std + (std == 0))
    Z = np.column_stack([np.ones(len(Z)), Z])
    pays = l2 * np.diag([0.0] + [1.0] * X.shape[1])
    w = np.linalg.solve(Z[T].T @ Z[T] / T.sum() + pays, Z[T].T @ y[T] / T.sum())
    return np.square(Z[~T] @ w - y[~T]).mean()


def error_by_svd(X, y, folds, fold, l2):
    T = folds != fold
    mean, std = np.mean(X, axis=0, where=T[:, None]), np.std(X, axis=0, where=T[:, None])
    Z = np.divide(X - mean, std, out=0.0 * X, where=std > 0)
    U, s, Vt = np.linalg.svd(Z[T], full_matrices=False)
    base = np.mean(y, where=T)
    w = Vt.T @ (s / (s**2 + T.sum() * l2) * (U.T @ (y[T] - base)))
    return np.mean((base + Z @ w - y) ** 2, where=~T)


def error_with_a_little_more_spread(X, y, folds, fold, l2):
    """The usual guard against a division by zero."""
    T = folds != fold
    Z = (X - X[T].mean(axis=0)) / (X[T].std(axis=0) + 1e-8)
    base, n = y[T].mean(), T.sum()
    w = np.linalg.solve(Z[T].T @ Z[T] / n + l2 * np.eye(X.shape[1]), Z[T].T @ (y[T] - base) / n)
    return np.mean((Z[~T] @ w + base - y[~T]) ** 2)


def _error(scale="train", centre="train", times=None, on="held", mean=np.mean, own=False, ddof=0):
    def answer(X, y, folds, fold, l2):
        T, V = folds != fold, folds == fold
        rows = {"train": T, "all": T | V}
        mu, std = X[rows[scale]].mean(axis=0), X[rows[scale]].std(axis=0, ddof=ddof)
        Z = (X - mu) / np.where(std == 0, 1, std)
        base = y[rows[centre]].mean() if centre else 0.0
        n = len(y) if times == "all" else T.sum()
        I = np.eye(X.shape[1]) * (l2 / n if times == "rows" else l2)  # noqa: E741
        w = np.linalg.solve(Z[T].T @ Z[T] / n + I, Z[T].T @ (y[T] - base) / n)
        if own:
            std = X[V].std(axis=0)
            Z = (X - X[V].mean(axis=0)) / np.where(std == 0, 1, std)
        scored = {"held": V, "train": T, "all": T | V}[on]
        return mean((Z[scored] @ w + base - y[scored]) ** 2)

    return answer


def error_with_a_division_by_zero(X, y, folds, fold, l2):
    T = folds != fold
    Z = (X - X[T].mean(axis=0)) / X[T].std(axis=0)
    base, n = y[T].mean(), T.sum()
    w = np.linalg.solve(Z[T].T @ Z[T] / n + l2 * np.eye(X.shape[1]), Z[T].T @ (y[T] - base) / n)
    return np.mean((Z[~T] @ w + base - y[~T]) ** 2)


RIGHT["5.7"] = [_error(), error_by_augmented_rows, error_with_a_column_of_ones, error_by_svd]
RIGHT["5.7"] += [error_with_a_little_more_spread]
WRONG["5.7"] = [
    (_error(scale="all"), "features were scaled by all rows"),
    (_error(centre="all"), "mean of y was taken over all rows"),
    (_error(scale="all", centre="all"), "by all rows"),
    (_error(centre=None), "no constant term"),
    (_error(times="rows"), "each fold's size changes what l2 means"),
    (_error(own=True), "validation rows were scaled by their own"),
    (_error(on="train"), "error on the training rows"),
    (_error(on="all"), "not the expected one"),
    (_error(mean=np.sum), "squared errors were summed"),
    (_error(mean=lambda e: np.sqrt(np.mean(e))), "not the expected one"),
    (_error(ddof=1), "spread was computed with n - 1"),
    (error_with_a_division_by_zero, "NaN"),
]


# 5.8 the largest strength that is good enough
def strength_by_sorting(lambdas, errors):
    order = np.argsort(-lambdas)
    means, k = errors.mean(axis=0)[order], len(errors)
    best = errors[:, order][:, np.argmin(means)]
    limit = best.mean() + np.sqrt(best.var(ddof=1) / k)
    return lambdas[order][np.argmax(means <= limit)]


def strength_by_a_loop(lambdas, errors):
    k, m = errors.shape
    means = [sum(errors[i, j] for i in range(k)) / k for j in range(m)]
    best = min(range(m), key=means.__getitem__)
    squares = sum((errors[i, best] - means[best]) ** 2 for i in range(k))
    limit, chosen = means[best] + (squares / (k - 1) / k) ** 0.5, 0.0
    for j in range(m):
        if means[j] <= limit and lambdas[j] > chosen:
            chosen = lambdas[j]
    return float(chosen)


def strength_by_a_mask(lambdas, errors):
    errors = np.asarray(errors).T
    best = errors[errors.mean(axis=1).argmin()]
    se = np.std(best, ddof=1) / best.size**0.5
    return np.where(errors.mean(axis=1) <= best.mean() + se, lambdas, -np.inf).max()


def _strength(pick=np.max, ddof=1, root=np.sqrt, times=1.0, own=False, best=np.argmin):
    def answer(lambdas, errors):
        means = errors.mean(axis=0)
        se = errors.std(axis=0, ddof=ddof) / root(len(errors))
        limit = means[best(means)] + times * (se if own else se[best(means)])
        return pick(lambdas[means <= limit])

    return answer


RIGHT["5.8"] = [_strength(), strength_by_sorting, strength_by_a_loop, strength_by_a_mask]
WRONG["5.8"] = [
    (_strength(times=0), "smallest mean error"),
    (lambda lambdas, errors: lambdas[errors.mean(axis=0).argmin()], "smallest mean error"),
    (_strength(ddof=0), "use k - 1"),
    (_strength(root=lambda k: 1), "smaller, by the root of their number"),
    (_strength(pick=np.min), "smallest strength that is good enough"),
    (_strength(own=True), "its own standard error"),
    (_strength(pick=lambda kept: kept[-1]), "last one of the list"),
    (_strength(best=np.argmax), "not the expected one"),
    (lambda lambdas, errors: lambdas.max(), "not the expected one"),
    (lambda lambdas, errors: float(errors.mean(axis=0).argmin()), "not the expected one"),
]


# 5.9 a whole path from one decomposition
def path_by_svd(X, y, lambdas):
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    shrink = s / (s**2 + len(X) * lambdas[:, None])
    return shrink * (U.T @ y) @ Vt


def path_by_rows(X, y, lambdas):
    """From the eigenvectors of X X^T, which is (n, n)."""
    n = len(X)
    s, U = np.linalg.eigh(X @ X.T / n)
    return np.array([X.T @ (U @ (U.T @ y / (s + l2))) / n for l2 in lambdas])


def path_by_einsum(X, y, lambdas):
    s, Q = np.linalg.eigh(X.T @ X)
    inverse = 1 / (s[None, :] + len(y) * lambdas[:, None])
    return np.einsum("jk,lk,ik,i->lj", Q, inverse, Q, X.T @ y)


def _path(solve=np.linalg.solve, n=len, turn=False, order=None):
    def answer(X, y, lambdas):
        s, Q = np.linalg.eigh(X.T @ X / n(X))
        c = Q.T @ (X.T @ y / n(X))
        lambdas = lambdas[order(lambdas)] if order else lambdas
        W = c / (s + lambdas[:, None]) @ Q.T
        return W.T if turn else W

    return answer


def path_by_many(factorize):
    def answer(X, y, lambdas):
        n, d = X.shape
        G, c = X.T @ X / n, X.T @ y / n
        return np.array([factorize(G + l2 * np.eye(d), c) for l2 in lambdas])

    return answer


def path_by_a_stack(X, y, lambdas):
    n, d = X.shape
    stack = X.T @ X / n + lambdas[:, None, None] * np.eye(d)
    return np.linalg.solve(stack, np.tile(X.T @ y / n, (len(lambdas), 1))[..., None])[..., 0]


def path_by_one_block_matrix(X, y, lambdas):
    n, d = X.shape
    blocks = np.kron(np.eye(len(lambdas)), X.T @ X / n) + np.kron(np.diag(lambdas), np.eye(d))
    return np.linalg.solve(blocks, np.tile(X.T @ y / n, len(lambdas))).reshape(-1, d)


def path_in_a_thread(X, y, lambdas):
    found = []
    thread = threading.Thread(target=lambda: found.append(path_by_a_stack(X, y, lambdas)))
    thread.start()
    thread.join()
    return found[0]


def path_by_descent(X, y, lambdas):
    G, c, W = X.T @ X / len(X), X.T @ y / len(X), np.zeros((len(lambdas), X.shape[1]))
    for _ in range(2000):
        W = W - (W @ G - c + lambdas[:, None] * W) / (np.trace(G) + lambdas[:, None])
    return W


def eliminate(A, c):
    """Solve A w = c by Gauss and Jordan, in plain sight."""
    T = np.column_stack([A, c])
    for i in range(len(A)):
        T[i] /= T[i, i]
        for j in range(len(A)):
            if j != i:
                T[j] -= T[j, i] * T[i]
    return T[:, -1]


def path_with_l2_in_the_roots(X, y, lambdas):
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    return np.array([Vt.T @ (s / (s + len(X) * l2) * (U.T @ y)) for l2 in lambdas])


RIGHT["5.9"] = [_path(), path_by_svd, path_by_rows, path_by_einsum]
WRONG["5.9"] = [
    (path_by_many(np.linalg.solve), "factorized for each strength"),
    (path_by_many(lambda A, c: np.linalg.inv(A) @ c), "factorized for each strength"),
    (path_by_many(lambda A, c: np.linalg.pinv(A) @ c), "factorized for each strength"),
    (path_by_many(lambda A, c: np.linalg.lstsq(A, c)[0]), "factorized for each strength"),
    (path_by_a_stack, "factorized for each strength"),
    (path_by_one_block_matrix, "factorized for each strength"),
    (path_in_a_thread, "factorized for each strength"),
    (_path(n=lambda X: 1), "not divided by the number of rows"),
    (_path(turn=True), "weights stand in columns"),
    (_path(order=np.argsort), "strengths were sorted first"),
    (_path(order=lambda lambdas: np.argsort(-lambdas)), "differ"),
    (path_with_l2_in_the_roots, "differ"),
    (path_by_descent, "differ"),
    (path_by_many(eliminate), "no decomposition by"),
]
