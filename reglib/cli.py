"""The `reglib` command: open the course, or keep its notebooks in order."""

import argparse
import os
import sys
from pathlib import Path

HOME_PAGE = "notebooks/00_start_here.ipynb"
HELP_LAB = """JupyterLab did not start. What helps, in this order:
  - another port:        reglib lab --port 9000
  - the locked versions: make clean, then make lab (or: pip install -e . in the course folder)
  - your own Jupyter settings out of the way: JUPYTER_NO_CONFIG=1 reglib lab"""


def main(argv=None):
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process when left out.

    Returns
    -------
    int
    """
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    from reglib.assess import course

    try:
        return args.run(course.root(), args)
    except FileNotFoundError as error:
        print(f"reglib: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="reglib", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command")
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--port", type=int, default=8888, help="first port to try (default 8888)")
    lab.add_argument("--no-browser", action="store_true", help="print the address only")
    lab.set_defaults(run=_lab)
    refresh = commands.add_parser("refresh", help="run the notebooks again and tidy them")
    refresh.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    refresh.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: all of them")
    refresh.set_defaults(run=_refresh)
    release = commands.add_parser("release", help="build exercises/ from solutions/")
    release.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    release.set_defaults(run=_release)
    return parser


def _refresh(root, args):
    from reglib.assess.refresh import refresh

    return _report(refresh(root, args.notebooks, check=args.check), "reglib refresh")


def _release(root, args):
    from reglib.assess.release import release

    return _report(release(root, check=args.check), "reglib release")


def _report(problems, command):
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"\n{len(problems)} found. `{command}` writes it anew.", file=sys.stderr)
    return bool(problems)


def _lab(root, args):
    from reglib.assess import course

    try:
        for message in course.copy_exercises(root):
            print(message, flush=True)
    except OSError as error:  # a read-only course can still be read
        print(f"Your copies of the exercises could not be made: {error}", file=sys.stderr)
    _prepare_environment()
    os.chdir(root)  # nbgrader looks for its settings here
    try:
        return _serve(root, args.port, open_browser=not args.no_browser)
    except KeyboardInterrupt:
        return 0
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:
            return 0
        if not isinstance(error, SystemExit):  # Jupyter has said why it exits
            print(f"reglib: {error}", file=sys.stderr)
        print(HELP_LAB, file=sys.stderr)
        return 1


def _prepare_environment():
    """Set what JupyterLab and its kernels inherit."""
    # Two threads make the course's small matrix products slower, and change last digits.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The package holds labconfig/, which turns off JupyterLab's news and update check.
    _put_first("JUPYTER_CONFIG_PATH", Path(__file__).parent)
    # nbgrader's menu runs its programs by name, also when no environment is activated.
    _put_first("PATH", Path(sys.executable).parent)


def _put_first(variable, folder):
    rest = os.environ.get(variable)
    os.environ[variable] = os.pathsep.join([str(folder), rest] if rest else [str(folder)])


def _serve(root, port, open_browser):
    import secrets

    import zmq
    from jupyterlab.labapp import LabApp

    token = secrets.token_urlsafe(24)
    app = LabApp.initialize_server(
        [
            f"--ServerApp.root_dir={root}",
            f"--ServerApp.port={port}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port_retries=50",
            "--ServerApp.allow_root=True",  # containers; the server listens on loopback alone
            f"--ServerApp.open_browser={open_browser}",
            f"--ServerApp.default_url=/lab/tree/{HOME_PAGE}",
            f"--LabApp.default_url=/lab/tree/{HOME_PAGE}",
            f"--IdentityProvider.token={token}",
            "--Application.log_level=ERROR",
            # Encrypted kernels, where they can be, spare the learner a warning at each start.
            f"--KernelManager.transport_encryption={'auto' if zmq.has('curve') else 'disabled'}",
        ]
    )
    app.io_loop.add_callback(_announce, app, token)  # runs once the port is open
    app.start()
    return 0


def _announce(app, token):
    page = app.default_url.removeprefix(app.base_url.rstrip("/"))
    print(f"\nThe course is at {app.connection_url.rstrip('/')}{page}?token={token}")
    print("It is open to this computer alone. Stop it with Ctrl-C.\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
