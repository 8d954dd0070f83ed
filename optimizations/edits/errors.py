"""What an edit raises when the source is not what it expects."""


class DoesNotApply(Exception):
    """An optimisation does not fit a release; the text names the file, the thing, the reason."""
