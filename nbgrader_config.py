"""Lets plain nbgrader generate, autograde, give feedback, export and grade the open answers."""

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, GetGrades

from reglib.assess.release import CODE_STUB, TEXT_STUB, WITHHELD

c = get_config()  # noqa: F821  nbgrader defines it
c.CourseDirectory.course_id = "reglib"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", *WITHHELD]
c.ClearSolutions.code_stub = {"python": CODE_STUB}
c.ClearSolutions.text_stub = TEXT_STUB
# What students get back would otherwise carry the hidden tests and, with each open answer, the
# mark scheme and a strong answer: autograding puts them back for those who mark.
c.GenerateFeedback.preprocessors = [
    GetGrades,
    ClearHiddenTests,
    ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
