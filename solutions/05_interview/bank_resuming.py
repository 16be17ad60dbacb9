"""Right and wrong answers to tasks 5.4 and 5.5, in the form of `bank.py`."""

import io
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np

RIGHT, WRONG = {}, {}


# 5.4 train on as if nothing had happened
def train_with_an_error_vector(X, y, rows, w, v, step, steps, learning_rate, momentum, l2):
    w, v = w.copy(), v.copy()
    for i in range(step, step + steps):
        e = X[rows[i]] @ w - y[rows[i]]
        v *= momentum
        v -= learning_rate * (2 / len(e) * e @ X[rows[i]] + 2 * l2 * w)
        w += v
    return w, v, step + steps


def train_row_by_row(X, y, rows, w, v, step, steps, learning_rate, momentum, l2):
    for _ in range(steps):
        g, batch = 2 * l2 * w, rows[step]
        for r in batch:
            g = g + 2 * X[r] * (X[r].dot(w) - y[r]) / batch.size
        v = momentum * v - learning_rate * g
        w, step = w + v, step + 1
    return w, v, step


def train_by_recursion(X, y, rows, w, v, step, steps, learning_rate, momentum, l2):
    if steps == 0:
        return w, v, step
    A, t = np.take(X, rows[step], axis=0), np.take(y, rows[step])
    g = np.mean(2 * A * (A @ w - t)[:, None], axis=0) + 2 * l2 * w
    v = momentum * v - learning_rate * g
    more = learning_rate, momentum, l2
    return train_by_recursion(X, y, rows, w + v, v, step + 1, steps - 1, *more)


def _training(start=True, keep=True, two=2, pull=2, count="sum", out=lambda w: w, within=False):
    def answer(X, y, rows, w, v, step, steps, learning_rate, momentum, l2):
        v = v if keep else 0 * v
        first = step if start else 0
        for batch in rows[first : first + steps]:
            A = X[batch]
            g = two * A.T @ (A @ w - y[batch]) / len(A) + pull * l2 * w
            v = (0 if within else momentum) * v - learning_rate * g
            w = w + v
        counts = {"sum": step + steps, "steps": steps, "step": step}
        return out(w), v, counts[count]

    return answer


def train_in_place(X, y, rows, w, v, step, steps, learning_rate, momentum, l2):
    for batch in rows[step : step + steps]:
        A = X[batch]
        v *= momentum
        v -= learning_rate * (2 * A.T @ (A @ w - y[batch]) / len(A) + 2 * l2 * w)
        w += v
    return w, v, step + steps


RIGHT["5.4"] = [
    _training(), train_with_an_error_vector, train_row_by_row, train_by_recursion,
]  # fmt: skip
WRONG["5.4"] = [
    (_training(start=False), "began again with the first row"),
    (_training(keep=False), "velocity that came in is lost"),
    (_training(within=True), "velocity that came in is lost"),
    (_training(two=1), "2 of the squared error"),
    (_training(pull=1), "pulls half"),
    (_training(pull=0), "penalty does not enter"),
    (_training(count="steps"), "number of steps that goes out is wrong"),
    (_training(count="step"), "number of steps that goes out is wrong"),
    (_training(out=lambda w: w.round(12)), "ends with other bits"),
    (_training(out=lambda w: np.array([float(f"{x:.14g}") for x in w])), "ends with other bits"),
    (_training(out=lambda w: w.astype(np.float32)), "too coarse"),
    (train_in_place, "changed its input"),
]


# 5.5 a checkpoint that a kill cannot spoil
def save_through_bytes(path, w, v, step):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, w=w, v=v, step=step)
    new = pathlib.Path(path).with_suffix(".part")
    new.write_bytes(buffer.getvalue())
    new.replace(path)


def save_with_a_name_of_its_own(path, w, v, step):
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        np.savez(file, w=w, v=v, step=step)
    os.replace(file.name, path)


def save_in_a_folder_beside(path, w, v, step):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        new = os.path.join(folder, "state.npz")
        np.savez(new, step=step, v=v, w=w)
        os.replace(new, path)


def save_and_force_to_the_disk(path, w, v, step):
    other = path[: -len(".npz")] + "-new.npz"
    with open(other, "wb") as file:
        np.savez(file, w=w, v=v, step=np.int64(step))
        file.flush()
        os.fsync(file.fileno())
    os.replace(other, path)


def save_over_the_old_one(path, w, v, step):
    np.savez(path, w=w, v=v, step=step)


def save_bytes_over_the_old_one(path, w, v, step):
    buffer = io.BytesIO()
    np.savez(buffer, w=w, v=v, step=step)
    open(path, "wb").write(buffer.getvalue())


def save_a_copy_first(path, w, v, step):
    """The copy is safe, and the file that is asked for is still written over."""
    if os.path.exists(path):
        shutil.copy(path, path + ".old")
    np.savez(path, w=w, v=v, step=step)


def save_and_copy(path, w, v, step):
    np.savez(path + ".new.npz", w=w, v=v, step=step)
    shutil.copy(path + ".new.npz", path)


def save_and_replace_before_the_end(path, w, v, step):
    with open(path + ".new", "wb") as file:
        np.savez(file, w=w, v=v, step=step)
        file.seek(0)
        content = file.name
        half = open(content + "2", "wb")
        half.write(open(content, "rb").read())
        os.replace(half.name, path)  # what `half` holds back is not on the disk
        half.close()


def save_by_tofile(path, w, v, step):
    """All the bytes in one call, which no line of Python sees from within."""
    buffer = io.BytesIO()
    np.savez(buffer, w=w, v=v, step=step)
    np.frombuffer(buffer.getvalue(), dtype=np.uint8).tofile(path)


def save_after_removing(path, w, v, step):
    np.savez(path + ".new.npz", w=w, v=v, step=step)
    if os.path.exists(path):
        os.remove(path)
    os.rename(path + ".new.npz", path)


def save_after_moving_away(path, w, v, step):
    if os.path.exists(path):
        os.replace(path, path + ".old")
    np.savez(path + ".new.npz", w=w, v=v, step=step)
    os.replace(path + ".new.npz", path)


def save_only_once(path, w, v, step):
    if not os.path.exists(path):
        np.savez(path, w=w, v=v, step=step)


def save_elsewhere(path, w, v, step):
    np.savez(path + ".new.npz", w=w, v=v, step=step)


def save_without_the_velocity(path, w, v, step):
    np.savez(path + ".new.npz", w=w, v=0 * v, step=step)
    os.replace(path + ".new.npz", path)


def save_with_a_wrong_name(path, w, v, step):
    np.savez(path + ".new", w=w, v=v, step=step)  # it is called .new.npz then
    os.replace(path + ".new", path)


def save_in_another_folder(path, w, v, step):
    with tempfile.TemporaryDirectory() as folder:
        np.savez(os.path.join(folder, "state.npz"), w=w, v=v, step=step)
        shutil.move(os.path.join(folder, "state.npz"), path)


def save_unwatched(path, w, v, step):
    sys.settrace(None)
    np.savez(path + ".new.npz", w=w, v=v, step=step)
    os.replace(path + ".new.npz", path)


def save_in_one_line(path, w, v, step):
    """The gap lies between two steps of one line."""
    np.savez(path + ".new.npz", w=w, v=v, step=step)
    if os.path.exists(path):
        os.replace(path, path + ".old"), os.rename(path + ".new.npz", path)
    else:
        os.rename(path + ".new.npz", path)


def save_as_a_folder(path, w, v, step):
    if os.path.exists(path):
        os.rename(path, path + ".old")
    os.mkdir(path)


def save_from_its_folder(path, w, v, step):
    """Stays in a folder that will be gone."""
    os.chdir(os.path.dirname(path))
    np.savez("new.npz", w=w, v=v, step=step)
    os.replace("new.npz", os.path.basename(path))


def save_behind_a_link(path, w, v, step):
    """The name is a link to a file of its own for each step; the link is what is replaced."""
    np.savez(f"{path}.{step}.npz", w=w, v=v, step=step)
    os.symlink(f"{path}.{step}.npz", path + ".link")
    os.replace(path + ".link", path)


RIGHT["5.5"] = [
    save_through_bytes, save_with_a_name_of_its_own, save_in_a_folder_beside,
    save_and_force_to_the_disk, save_from_its_folder,
]  # fmt: skip
if os.name == "posix":  # a link needs rights of its own on Windows
    RIGHT["5.5"].append(save_behind_a_link)
WRONG["5.5"] = [
    (save_over_the_old_one, "leaves a broken file"),
    (save_bytes_over_the_old_one, "leaves a broken file"),
    (save_a_copy_first, "leaves a broken file"),
    (save_and_copy, "leaves a broken file"),
    (save_and_replace_before_the_end, "leaves a broken file"),
    (save_by_tofile, "leaves a broken file"),
    (save_in_another_folder, "may lie on another disk"),
    (save_unwatched, "cannot watch"),
    (save_after_removing, "leaves no checkpoint"),
    (save_after_moving_away, "leaves no checkpoint"),
    (save_in_one_line, "leaves no checkpoint"),
    (save_as_a_folder, "does not give `w`, `v` and `step`"),
    (save_only_once, "does not give `w`, `v` and `step`"),
    (save_elsewhere, "does not give `w`, `v` and `step`"),
    (save_without_the_velocity, "does not give `w`, `v` and `step`"),
    (save_with_a_wrong_name, "stopped with `FileNotFoundError`"),
    (lambda path, w, v, step: np.savez(path, w, v, step), "does not give `w`, `v` and `step`"),
]
