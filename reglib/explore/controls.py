"""The controls of an explorer: sliders and lists, all of one width."""

from math import log10

import ipywidgets as widgets

from reglib import checks

_CONTROL = {"layout": {"width": "26em"}, "style": {"description_width": "9em"}}


def slider(description, low, high, value, step=0.05, readout_format=".2f"):
    """Return a slider for a number from low to high."""
    options = {"description": description, "readout_format": readout_format} | _CONTROL
    return widgets.FloatSlider(value, min=low, max=high, step=step, **options)


def log_slider(description, low, high, value, step=0.05, readout_format=".2g"):
    """Return a slider for a number > 0 that a step multiplies by 10**step.

    The start is moved to the nearest step from ``low``, or no key would ever come back to it.
    """
    value = low * 10 ** (step * round(log10(value / low) / step))
    options = {"description": description, "readout_format": readout_format} | _CONTROL
    return widgets.FloatLogSlider(value, min=log10(low), max=log10(high), step=step, **options)


def positions(description, values, value):
    """Return a slider that stops at the given values alone."""
    return widgets.SelectionSlider(options=values, value=value, description=description, **_CONTROL)


def choice(description, options, value):
    """Return a drop-down list of the words in ``options``; another start than these raises."""
    checks.choice(description, value, options)
    return widgets.Dropdown(options=options, value=value, description=description, **_CONTROL)


def switch(description):
    """Return a check box, off at the start; the space bar turns it on."""
    return widgets.Checkbox(False, description=description, indent=False, layout={"width": "10em"})
