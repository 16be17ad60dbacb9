"""One look for every figure: colours that survive colour-blindness and a grey printer."""

# Okabe and Ito's palette, in the order in which their grey values stay apart.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#595959"

TRAIN = {"color": BLUE, "linestyle": "-", "label": "training"}
VALIDATION = {"color": ORANGE, "linestyle": "--", "label": "validation"}

RC = {
    "figure.figsize": (7.5, 3.2),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "axes.axisbelow": True,
    "lines.linewidth": 2.2,
    "legend.frameon": False,
}


def use():
    """Set the course's style for every Matplotlib figure drawn from now on.

    Examples
    --------
    >>> from reglib import style
    >>> style.use()
    """
    import matplotlib
    from cycler import cycler

    colours = cycler(color=[BLUE, ORANGE, GREEN, PURPLE, GREY])
    matplotlib.rcParams.update(RC | {"axes.prop_cycle": colours})
