"""The `reglib` command: open the course, hold an interview, or keep its notebooks in order."""

import argparse
import os
import secrets
import sys
import tomllib
from pathlib import Path

TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def main(argv=None):
    """Run the command with `argv`, or the process's own arguments, and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    from reglib.assess import course

    try:
        return RUN[args.command](course.root(), args) or 0
    except (OSError, ImportError, RuntimeError, ValueError) as error:
        hint = ": pip install -e .[test]" if isinstance(error, ImportError) else ""
        print(f"reglib: {error}{hint}", file=sys.stderr)
        return 1


def _parser():
    from reglib.assess.questions import TOPICS

    parser = argparse.ArgumentParser(prog="reglib", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, table in TABLES["commands"].items():
        command = commands.add_parser(name, help=table["help"])
        for argument, options in table["arguments"].items():
            known = {"help": options["help"].format(topics=", ".join(TOPICS))}
            if "type" in options:
                known["type"] = TYPES[options["type"]]
            command.add_argument(argument, **options | known)
    return parser


def _port(text):
    if not (text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, got {text!r}")
    return int(text)


def _interview(root, args):
    from reglib.assess.terminal import run

    run(args.length, args.level, args.topic, args.seed)


def _export(root, args):
    from reglib.assess.export import export

    for path in export(root, args.form, args.path):
        print(f"wrote {path}")


def _grade(root, args):
    from reglib.assess.grading.run import grade

    given = {name: value for name, value in vars(args).items() if name != "command"}
    try:
        counts = grade(root, **given, bar=True)
    except KeyboardInterrupt:
        print("\nStopped. What is graded is kept: the same command goes on.", file=sys.stderr)
        return 130
    for name, statuses in counts.items():
        said = ", ".join(f"{number} {status}" for status, number in statuses.items())
        print(f"{name}: {said}. See {Path(args.report, name, 'overview.html')}")
    return 0


def _rebuild(root, args):
    from reglib.assess.course_map import refresh_readme
    from reglib.assess.refresh import refresh
    from reglib.assess.release import release

    if args.command == "refresh":
        problems = refresh(root, args.notebooks, check=args.check)
        problems += [] if args.notebooks else refresh_readme(root, args.check)
    else:
        problems = release(root, check=args.check)
    if problems:
        said = f"{len(problems)} found. `reglib {args.command}` writes it anew."
        print(*problems, "", said, sep="\n", file=sys.stderr)
    return int(bool(problems))


def _lab(root, args):
    from reglib.assess import course

    try:
        for message in course.copy_exercises(root):
            print(message, flush=True)
    except OSError as error:  # a read-only course can still be read
        print(TABLES["says"]["no_copies"].format(folder=root / "my", error=error), file=sys.stderr)
    # Two threads make the course's small matrix products slower, and change last digits.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # labconfig/ turns off JupyterLab's news and update check; and nbgrader's menu runs its
    # programs by name, also when no environment is activated.
    first = {"JUPYTER_CONFIG_PATH": Path(__file__).parent, "PATH": Path(sys.executable).parent}
    for variable, folder in first.items():
        paths = [str(folder), os.environ.get(variable)]
        os.environ[variable] = os.pathsep.join(filter(None, paths))
    os.chdir(root)  # nbgrader looks for its settings here
    try:
        return _serve(root, args.port, open_browser=not args.no_browser)
    except KeyboardInterrupt:
        return 0
    except SystemExit as leaving:  # Jupyter has said why
        if not leaving.code:
            return 0
    except Exception as error:
        print(f"reglib: {error}", file=sys.stderr)
    print(TABLES["says"]["no_lab"], file=sys.stderr)
    return 1


def _serve(root, port, open_browser):
    import zmq
    from jupyterlab.labapp import LabApp

    token = secrets.token_urlsafe(24)  # holds whatever password the user's own settings ask for
    settings = TABLES["server"] | {
        "ServerApp.root_dir": root,
        "ServerApp.port": port,
        "ServerApp.open_browser": open_browser,
        "IdentityProvider.token": token,
        # Encrypted kernels, where they can be, spare the learner a warning at each start.
        "KernelManager.transport_encryption": "auto" if zmq.has("curve") else "disabled",
    }
    app = LabApp.initialize_server([f"--{name}={value}" for name, value in settings.items()])
    address = f"{app.local_url.partition('?')[0]}?token={token}"
    # Said once the port is open.
    app.io_loop.add_callback(print, TABLES["says"]["served"].format(address=address), flush=True)
    app.start()


TYPES = {"int": int, "float": float, "port": _port}
RUN = {"lab": _lab, "refresh": _rebuild, "release": _rebuild, "interview": _interview}
RUN |= {"export": _export, "grade": _grade}

if __name__ == "__main__":
    sys.exit(main())
