"""The bar of a long fit: on stderr, gone at the end, and never on stdout."""

import itertools

import numpy as np
import pytest
from small_network import batch, make, same


@pytest.fixture
def clock(monkeypatch):
    """Let tqdm's clock move by so many seconds whenever it is read."""

    def moves(seconds):
        ticks = itertools.count(1000.0, seconds)
        monkeypatch.setattr("tqdm.std.time", lambda: next(ticks))

    return moves


def fit(**options):
    net, (X, Y) = make(), batch()
    return net, net.fit(X, Y, 30, 6, 0.1, **options)


def screen(text):
    """What is left on a terminal's line: a carriage return goes back to its start."""
    line = ""
    for part in text.split("\r"):
        line = part + line[len(part) :]
    return line.strip()


def test_a_long_fit_shows_a_bar_on_stderr_and_takes_it_away(clock, capsys):
    clock(1.0)
    fit()
    out, err = capsys.readouterr()
    assert out == "", "the bar is printed on stdout"
    assert "fit" in err and "/30" in err, f"no bar was shown: {err!r}"
    assert screen(err) == "" and "\n" not in err, f"the bar was left: {err!r}"
    shown = [part for part in err.split("\r") if part.strip()]
    before = [part for part in shown if any(f"| {n}/30" in part for n in range(4))]
    assert not before, f"shown before five seconds had passed: {before}"


@pytest.mark.parametrize(
    ("seconds", "options"),
    [(0.01, {}), (0.1, {}), (100.0, dict(progress=False))],
    ids=["short", "three seconds", "long, switched off"],
)
def test_short_fits_and_progress_false_are_silent(seconds, options, clock, capsys):
    clock(seconds)
    fit(**options)
    assert capsys.readouterr() == ("", ""), f"{seconds} s an epoch, {options}: something is shown"


def test_the_bar_changes_nothing(clock):
    clock(1.0)
    (shown, history), (hidden, other) = fit(), fit(progress=False)
    same(shown, hidden, "a fit with a bar")
    assert history == other


def test_a_bar_is_taken_away_when_the_fit_ends_early(clock, capsys):
    clock(1.0)
    net, (X, Y) = make(output="linear"), batch()
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        net.fit(X, Y, 2000, 2, 3.0)
    out, err = capsys.readouterr()
    assert out == "" and screen(err) == "", f"left behind: {err[-200:]!r}"
    net = make()
    epochs = len(net.fit(X, Y, 1000, 6, 5.0, validation_data=batch(seed=9), patience=8)["loss"])
    out, err = capsys.readouterr()
    assert 8 < epochs < 1000, "patience did not end this fit: take another seed"
    assert out == "" and "/1000" in err and screen(err) == "", f"left behind: {err[-200:]!r}"


def test_train_shows_no_bar(clock, capsys):
    clock(100.0)
    net, (X, Y) = make(), batch()
    net.train(X, Y, 20, verbose=False)
    assert capsys.readouterr() == ("", "")
