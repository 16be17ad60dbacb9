"""The API reference: one page a module, in the docstrings' own words, and the command line."""

import argparse
import inspect
import itertools
from importlib import import_module

from docs.site.markdown import TEMPLATES
from reglib import cli
from reglib.assess.course_map import items

# In the order in which a reader meets them; geometry and colour stand with `augment`.
GROUPS = {
    "The subject": ["penalties", "noise", "augment", "network"],
    "Inside the network": ["activations", "losses", "optimizers", "training", "saving"],
    "Data and figures": ["data", "style"],
    "Sliders, checks and questions": ["explore", "assess"],
}


def names(module):
    """The public names of a module, each with the kind that autodoc asks for."""
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__
    ]
    found = {name: getattr(module, name) for name in getattr(module, "__all__", own)}
    kinds = {True: "class", False: "function"}
    return {name: kinds[inspect.isclass(thing)] for name, thing in found.items()}


def pages():
    """The reference's pages: content by name."""
    module_page = TEMPLATES.get_template("module.rst")
    about = {
        group: {name: inspect.getdoc(import_module(f"reglib.{name}")) for name in modules}
        for group, modules in GROUPS.items()
    }
    lessons = {name: item["section"][0] for item in items().values() for name in item["explorers"]}
    found = {}
    for name in itertools.chain(*GROUPS.values()):
        module = import_module(f"reglib.{name}")
        seen = lessons if name == "explore" else {}
        page = module_page.render(name=module.__name__, names=names(module), lessons=seen)
        found[f"reference/{name}.rst"] = page
    index = TEMPLATES.get_template("reference.md").render(groups=about)
    commands = TEMPLATES.get_template("commands.rst").render(commands=parsers())
    return found | {"reference/index.md": index, "reference/commands.rst": commands}


def parsers():
    """What `reglib --help` knows of each command: its sentence, its usage, its arguments."""
    parser = cli._parser()
    (subs,) = (act for act in parser._actions if isinstance(act, argparse._SubParsersAction))
    return [
        {
            "name": choice.dest,
            "help": choice.help,
            "usage": usage(subs.choices[choice.dest]),
            "arguments": subs.choices[choice.dest]._actions[1:],
        }
        for choice in subs._choices_actions
    ]


def usage(parser):
    """How a command is called, in lines that a phone can show."""
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=60)
    return parser.format_usage().removeprefix("usage: ").replace(" [-h]", "")
