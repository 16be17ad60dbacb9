"""Lets plain nbgrader generate, autograde and export the course from its own folders."""

from reglib.assess.release import CODE_STUB, TEXT_STUB, WITHHELD

c = get_config()  # noqa: F821  nbgrader defines it
c.CourseDirectory.course_id = "reglib"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", *WITHHELD]
c.ClearSolutions.code_stub = {"python": CODE_STUB}
c.ClearSolutions.text_stub = TEXT_STUB
