"""One look for every figure: colours that survive colour-blindness and a grey printer."""

from pathlib import Path

# Okabe and Ito's palette, in the order in which their grey values stay apart.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#595959"

TRAIN = {"color": BLUE, "linestyle": "-", "label": "training"}
VALIDATION = {"color": ORANGE, "linestyle": "--", "label": "validation"}


def use():
    """Set the course's style for every Matplotlib figure drawn from now on.

    Examples
    --------
    >>> from reglib import style
    >>> style.use()
    """
    from matplotlib import style

    style.use(Path(__file__).with_name("course.mplstyle"))


def show(fig, alt):
    """Show a figure once, with its alternative text stored beside it and folded out below it.

    JupyterLab hands no ``alt`` on to the browser, so the fold-out is what a screen reader finds
    there; other viewers take it from the stored picture.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    alt : str
        One to three sentences: what is drawn, then what is to be seen.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> fig, ax = plt.subplots()
    >>> show(fig, "An empty pair of axes.")  # doctest: +SKIP
    """
    from html import escape

    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import print_figure
    from IPython.display import display

    picture = {"image/png": print_figure(fig, base64=True), "text/plain": alt}
    display(picture, metadata={"image/png": {"alt": alt}}, raw=True)
    words = f"<details><summary>This figure in words</summary>{escape(alt)}</details>"
    display({"text/html": words, "text/plain": f"This figure in words: {alt}"}, raw=True)
    plt.close(fig)
