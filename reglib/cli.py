"""The `reglib` command: open the course, hold an interview, or keep its notebooks in order."""

import argparse
import os
import secrets
import sys
from pathlib import Path

HOME_PAGE = "/lab/tree/notebooks/00_start_here.ipynb"
HELP_LAB = """JupyterLab did not start. What helps, in this order:
  - another port:        reglib lab --port 9000
  - the locked versions: make clean, then make lab (or: pip install -e . in the course folder)
  - your own Jupyter settings out of the way: JUPYTER_NO_CONFIG=1 reglib lab"""


def main(argv=None):
    """Run the command with `argv`, or the process's own arguments, and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    from reglib.assess import course

    try:
        return args.run(course.root(), args) or 0
    except (FileNotFoundError, ImportError, RuntimeError, ValueError) as error:
        hint = ": pip install -e .[test]" if isinstance(error, ImportError) else ""
        print(f"reglib: {error}{hint}", file=sys.stderr)
        return 1


def _parser():
    from reglib.assess.questions import TOPICS

    parser = argparse.ArgumentParser(prog="reglib", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command")
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--port", type=_port, default=8888, help="first port to try (default 8888)")
    lab.add_argument("--no-browser", action="store_true", help="print the address only")
    lab.set_defaults(run=_lab)
    refresh = commands.add_parser("refresh", help="run the notebooks again and tidy them")
    refresh.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: all of them")
    release = commands.add_parser("release", help="build exercises/ from solutions/")
    for command in (refresh, release):
        command.add_argument("--check", action="store_true", help="write nothing; fail on drift")
        command.set_defaults(run=_rebuild)
    talk = commands.add_parser("interview", help="hold a mock interview in this terminal")
    talk.add_argument("--length", type=int, default=10, help="how many questions (default 10)")
    talk.add_argument("--level", help="Easy, Medium or Hard (default: mixed)")
    talk.add_argument(
        "--topic", action="append", help=f"one of {', '.join(TOPICS)}; may be given again"
    )
    talk.add_argument("--seed", type=int, help="the same questions again")
    talk.set_defaults(run=_interview)
    export = commands.add_parser("export", help="write the questions, or a page to print")
    export.add_argument("form", choices=("anki", "moodle", "sheets", "formulas", "plan"))
    export.add_argument(
        "-o", dest="path", help="file to write (default regularization_FORM.apkg, .xml or .html)"
    )
    export.set_defaults(run=_export)
    grade = commands.add_parser("grade", help="grade a folder of submitted exercises")
    grade.add_argument("folder", metavar="SUBMISSIONS", help="any layout of nbgrader's or an LMS's")
    grade.add_argument("-o", dest="report", required=True, help="folder for the report")
    grade.add_argument("--jobs", type=int, default=1, help="submissions at once (default 1)")
    grade.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler whose workers grade")
    grade.add_argument("--adjust", metavar="CSV", help="points, late days and bonus set by hand")
    grade.add_argument("--due", metavar="DATE", help="ISO date or time: later ones are late")
    grade.add_argument("--late-penalty", type=float, default=0.0, metavar="SHARE", help="per day")
    grade.add_argument("--seconds", type=float, default=20.0, help="a call's limit (default 20)")
    grade.add_argument("--seed", type=int, help="of the hidden inputs (default: drawn once)")
    grade.add_argument("--again", action="store_true", help="grade all anew, other hidden inputs")
    grade.add_argument(
        "--sandbox", default="bubblewrap", help="bubblewrap (default) or container-already"
    )
    grade.set_defaults(run=_grade)
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

    given = {name: value for name, value in vars(args).items() if name not in ("command", "run")}
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
        print(
            f"Your copies of the exercises could not be made in {root / 'my'}: {error}\n"
            "Rename what stands in their way, or make the folder writable; then run this again.",
            file=sys.stderr,
        )
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
        _serve(root, args.port, open_browser=not args.no_browser)
        return 0
    except KeyboardInterrupt:
        return 0
    except SystemExit as leaving:  # Jupyter has said why
        if not leaving.code:
            return 0
    except Exception as error:
        print(f"reglib: {error}", file=sys.stderr)
    print(HELP_LAB, file=sys.stderr)
    return 1


def _serve(root, port, open_browser):
    import zmq
    from jupyterlab.labapp import LabApp

    token = secrets.token_urlsafe(24)  # holds whatever password the user's own settings ask for
    settings = {
        "ServerApp.root_dir": root,
        "ServerApp.port": port,
        "ServerApp.port_retries": 50,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.allow_root": True,  # containers; the server listens on loopback alone
        "ServerApp.open_browser": open_browser,
        "ServerApp.default_url": HOME_PAGE,
        "LabApp.default_url": HOME_PAGE,
        "IdentityProvider.token": token,
        "Application.log_level": "ERROR",
        # Encrypted kernels, where they can be, spare the learner a warning at each start.
        "KernelManager.transport_encryption": "auto" if zmq.has("curve") else "disabled",
    }
    app = LabApp.initialize_server([f"--{name}={value}" for name, value in settings.items()])
    address = f"{app.local_url.partition('?')[0]}?token={token}"
    note = "It is open to this computer alone. Stop it with Ctrl-C."
    # Said once the port is open.
    app.io_loop.add_callback(print, f"\nThe course is at {address}\n{note}\n", flush=True)
    app.start()


if __name__ == "__main__":
    sys.exit(main())
