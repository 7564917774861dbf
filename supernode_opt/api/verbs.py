"""What every verb has in common: its precision, and how its errors are told."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from supernode_opt.batch.precise import precise
from supernode_opt.reading.node import InputError, StudyError

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def verb(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Return `function` as a verb of the API.

    It computes in 64 bits, and whatever is wrong with what a user wrote, in a study, a
    table, a catalog or a saved result, is one kind of error, of one line.
    """

    @functools.wraps(function)
    def called(*arguments: Given.args, **more: Given.kwargs) -> Answer:
        with precise():
            try:
                return function(*arguments, **more)
            except StudyError:
                raise
            except InputError as error:
                raise StudyError(str(error)) from None

    return called
