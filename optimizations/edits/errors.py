"""What an edit raises where the source is not what it expects, and `load` where a module is not."""


class DoesNotApply(Exception):
    """An optimisation does not fit a release; the text names the file, the thing, the reason."""


class Incomplete(SyntaxError):
    """A module lacks part of an optimisation. Says where, as any SyntaxError does."""

    def __init__(self, what: str, file: str) -> None:
        super().__init__(what, (file, 1, None, None))
