"""Finding: relaxed descent, building, proof, explanation."""

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    """The room and the verb share a name, so the room answers when it is called.

    Python binds `supernode_opt.search` to this package as soon as any module of it
    is imported; without this, the public function of that name would vanish.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from supernode_opt.search.solve import optimize

        return optimize(*arguments, **options)


sys.modules[__name__].__class__ = _Verb
